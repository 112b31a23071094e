//! Is a granted token kept and found as it was granted, and never one too many?

use std::{sync::Arc, time::Duration};

use countersign_proto::{
    management::{GrantedForm, GrantedKind},
    time::UnixTime,
};

use super::{actions, audit, principal, revocation::with_certificates, role, with_carol};
use crate::{
    registry::RegistryError,
    store::{NewAuditEntry, Store, StoreError, TokenCreated, TokenRow, TokenUse},
};

pub(in crate::store) async fn a_granted_token_is_read_as_it_was_written_by_id_and_by_digest(
    store: Arc<dyn Store>,
) {
    let [sha256, _] = with_certificates(&store).await;
    let comma = role("a role, with a comma");
    store.change(comma, audit("role.create")).await.unwrap();
    let whole = TokenRow {
        kind: GrantedKind::App,
        form: GrantedForm::Imported,
        description: "for the \"nightly\" run".to_owned(),
        roles: vec!["a role, with a comma".to_owned(), "clerks".to_owned()],
        scope: "audit:read roles:read".to_owned(),
        audience: Some("https://api.example".to_owned()),
        digest: vec![0, 255, 1],
        created_through: Some("jti".to_owned()),
        application: Some("billing".to_owned()),
        certificate: Some(sha256),
        expires_at: Some(UnixTime::from_secs(1_000)),
        revoked_at: Some(UnixTime::from_secs(77)),
        revocation_reason: Some("moved".to_owned()),
        predecessor: Some("older".to_owned()),
        successor: Some("newer".to_owned()),
        grace_ends_at: Some(UnixTime::from_secs(90)),
        ends_at_first_use: true,
        last_used_at: Some(UnixTime::from_secs(70)),
        last_used_from: Some("2001:db8::1".to_owned()),
        ..token("whole")
    };
    let system = TokenRow {
        kind: GrantedKind::System,
        form: GrantedForm::Jwt,
        owner: None,
        ..token("of no identity")
    };
    let bare = token("bare");
    for row in [&whole, &system, &bare] {
        grant(&store, row.clone()).await;
    }
    for row in [whole, system, bare] {
        let by_digest = store.token_by_digest(&row.digest).await.unwrap();
        assert_eq!(by_digest.as_ref(), Some(&row));
        assert_eq!(store.token(&row.id).await.unwrap(), Some(row));
    }
    assert_eq!(store.token("BARE").await.unwrap(), None);
    assert_eq!(store.token_by_digest(b"").await.unwrap(), None);
    assert_eq!(
        actions(&store).await,
        [
            "token.grant",
            "token.grant",
            "token.grant",
            "role.create",
            "application.create",
            "principal.create"
        ]
    );
}

pub(in crate::store) async fn law_10_a_granted_token_belongs_to_a_principal_or_to_nobody(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    for name in ["mallory", "Carol", "platform"] {
        let row = TokenRow {
            owner: Some(name.to_owned()),
            ..token("t")
        };
        let refused = store.create_token(row, 10, audit("token.grant")).await;
        assert!(
            matches!(refused, Err(StoreError::Registry(_))),
            "{name}: {refused:?}"
        );
    }
    let row = TokenRow {
        owner: Some("mallory".to_owned()),
        ..token("t")
    };
    let refused = store.create_token(row, 10, audit("token.grant")).await;
    let expected = RegistryError::NotFound {
        what: "principal",
        name: "mallory".to_owned(),
    };
    assert!(
        matches!(&refused, Err(StoreError::Registry(error)) if *error == expected),
        "{refused:?}"
    );
    let of_nobody = TokenRow {
        owner: None,
        ..token("t")
    };
    let system_of_carol = TokenRow {
        kind: GrantedKind::System,
        ..token("t")
    };
    for row in [of_nobody, system_of_carol] {
        let refused = store.create_token(row, 10, audit("token.grant")).await;
        assert!(matches!(refused, Err(StoreError::Fault(_))), "{refused:?}");
    }
    assert_eq!(store.token("t").await.unwrap(), None);
    assert_eq!(actions(&store).await, ["principal.create"]);
}

pub(in crate::store) async fn a_digest_and_an_id_are_taken_once(store: Arc<dyn Store>) {
    with_carol(&store).await;
    grant(&store, token("a")).await;
    let same_string = TokenRow {
        id: "b".to_owned(),
        ..token("a")
    };
    for row in [same_string, token("a")] {
        let again = store.create_token(row, 10, audit("token.grant")).await;
        assert_eq!(again.unwrap(), TokenCreated::AlreadyThere);
    }
    let same_id = TokenRow {
        digest: b"another".to_vec(),
        name: "another".to_owned(),
        ..token("a")
    };
    let refused = store.create_token(same_id, 10, audit("token.grant")).await;
    assert!(matches!(refused, Err(StoreError::Fault(_))), "{refused:?}");
    assert_eq!(store.token("a").await.unwrap(), Some(token("a")));
    assert_eq!(store.token("b").await.unwrap(), None);
    assert_eq!(actions(&store).await, ["token.grant", "principal.create"]);
}

pub(in crate::store) async fn law_12_nobody_has_more_live_tokens_than_the_limit(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    let dave = principal("dave", "clerks");
    store.change(dave, audit("principal.create")).await.unwrap();
    let expired = TokenRow {
        expires_at: Some(now()),
        ..token("expired")
    };
    let revoked = TokenRow {
        revoked_at: Some(now()),
        ..token("revoked")
    };
    let created = async |row: TokenRow, limit| {
        let created = store.create_token(row, limit, granting()).await;
        created.unwrap()
    };
    // What is over is no live token, whether it is counted or comes.
    for row in [expired, revoked] {
        assert_eq!(created(row, 0).await, TokenCreated::Created);
    }
    assert_eq!(created(token("a"), 0).await, TokenCreated::LimitReached);
    assert_eq!(created(token("a"), 2).await, TokenCreated::Created);
    assert_eq!(created(token("b"), 1).await, TokenCreated::LimitReached);
    assert_eq!(created(token("b"), 2).await, TokenCreated::Created);
    assert_eq!(created(token("c"), 2).await, TokenCreated::LimitReached);
    assert_eq!(store.token("c").await.unwrap(), None);
    // Everybody has a limit of his own, and so has the platform.
    let theirs = TokenRow {
        owner: Some("dave".to_owned()),
        ..token("d")
    };
    assert_eq!(created(theirs, 1).await, TokenCreated::Created);
    let limits = [
        ("s1", 1, TokenCreated::Created),
        ("s2", 1, TokenCreated::LimitReached),
    ];
    for (id, limit, expected) in limits {
        assert_eq!(created(system(id), limit).await, expected, "{id}");
    }
    let grants = actions(&store).await;
    let grants = grants.iter().filter(|action| *action == "token.grant");
    assert_eq!(grants.count(), 6);
}

pub(in crate::store) async fn law_12_the_limit_holds_under_fifty_grants_at_once(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    for (kind, row) in [("own", token as fn(&str) -> TokenRow), ("system", system)] {
        let callers: Vec<_> = (0..50)
            .map(|number| {
                let store = Arc::clone(&store);
                let row = row(&format!("{kind} {number:02}"));
                tokio::spawn(async move { store.create_token(row, 7, granting()).await.unwrap() })
            })
            .collect();
        let mut made = 0;
        for caller in callers {
            made += u32::from(caller.await.unwrap() == TokenCreated::Created);
        }
        assert_eq!(made, 7, "{kind}");
    }
}

pub(in crate::store) async fn what_people_read_of_a_token_changes_and_nothing_else(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    grant(&store, token("a")).await;
    let describe = async |id: &str| {
        let described = store.describe_token(id, "new", "words", audit("token.describe"));
        described.await.unwrap()
    };
    assert!(describe("a").await && !describe("A").await);
    let expected = TokenRow {
        name: "new".to_owned(),
        description: "words".to_owned(),
        ..token("a")
    };
    assert_eq!(store.token("a").await.unwrap(), Some(expected));
    assert_eq!(
        actions(&store).await,
        ["token.describe", "token.grant", "principal.create"]
    );
}

pub(in crate::store) async fn the_newest_use_of_a_token_is_remembered(store: Arc<dyn Store>) {
    with_carol(&store).await;
    for id in ["a", "b", "c"] {
        grant(&store, token(id)).await;
    }
    let used = |id: &str, at, from: &str| TokenUse {
        id: id.to_owned(),
        at: UnixTime::from_secs(at),
        from: from.parse().ok(),
    };
    let last = async |id: &str| {
        let row = store.token(id).await.unwrap().unwrap();
        let at = row.last_used_at.map(UnixTime::as_secs);
        (at, row.last_used_from)
    };
    let from = |address: &str| Some(address.to_owned());
    let uses = vec![
        used("a", 20, "10.0.0.1"),
        used("unknown", 20, "10.0.0.1"),
        used("a", 30, "10.0.0.2"),
        used("a", 30, "10.0.0.3"),
        used("a", 10, "10.0.0.4"),
        used("b", 10, ""),
    ];
    store.record_token_uses(uses).await.unwrap();
    assert_eq!(last("a").await, (Some(30), from("10.0.0.3")));
    assert_eq!(last("b").await, (Some(10), None));
    assert_eq!(last("c").await, (None, None));
    for (older, newer) in [(used("a", 29, ""), used("b", 11, "2001:db8::1"))] {
        store.record_token_uses(vec![newer, older]).await.unwrap();
    }
    assert_eq!(last("a").await, (Some(30), from("10.0.0.3")));
    assert_eq!(last("b").await, (Some(11), from("2001:db8::1")));
    store.record_token_uses(Vec::new()).await.unwrap();
    // More than one statement and more than one transaction take.
    let many = (0..700).map(|number| used(&format!("no {number}"), 40, "10.0.0.5"));
    let many = many.chain([used("c", 40, "10.0.0.5")]);
    store.record_token_uses(many.collect()).await.unwrap();
    assert_eq!(last("c").await, (Some(40), from("10.0.0.5")));
    assert_eq!(store.token_version().await.unwrap(), 0);
}

/// The moment at which these laws happen.
pub(in crate::store) fn now() -> UnixTime {
    UnixTime::from_secs(50)
}

pub(in crate::store) fn later(by: u64) -> UnixTime {
    now().plus(Duration::from_secs(by))
}

pub(in crate::store) fn granting() -> NewAuditEntry {
    NewAuditEntry {
        at: now(),
        ..audit("token.grant")
    }
}

pub(in crate::store) async fn grant(store: &Arc<dyn Store>, row: TokenRow) {
    let created = store.create_token(row, 1_000, granting()).await;
    assert_eq!(created.unwrap(), TokenCreated::Created);
}

/// A token of carol that does not end by itself.
pub(in crate::store) fn token(id: &str) -> TokenRow {
    TokenRow {
        id: id.to_owned(),
        kind: GrantedKind::Personal,
        form: GrantedForm::Opaque,
        name: format!("token {id}"),
        description: String::new(),
        owner: Some("carol".to_owned()),
        roles: Vec::new(),
        scope: String::new(),
        audience: None,
        digest: format!("digest of {id}").into_bytes(),
        pepper_version: 1,
        created_at: UnixTime::from_secs(40),
        created_by: "carol".to_owned(),
        created_through: None,
        application: None,
        certificate: None,
        expires_at: None,
        revoked_at: None,
        revocation_reason: None,
        predecessor: None,
        successor: None,
        grace_ends_at: None,
        ends_at_first_use: false,
        last_used_at: None,
        last_used_from: None,
    }
}

pub(in crate::store) fn system(id: &str) -> TokenRow {
    TokenRow {
        kind: GrantedKind::System,
        owner: None,
        roles: vec!["clerks".to_owned()],
        ..token(id)
    }
}
