//! Does a change wake whoever watches, once it can be read?

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use countersign_proto::time::UnixTime;
use tokio::sync::broadcast::Receiver;

use super::{
    audit,
    granted::{grant, token},
    key,
    logins::{login, update},
    put_keys, role,
    rotation::rotated,
    sessions::{active, advance, begin, pending},
    with_carol,
};
use crate::{
    registry::Change,
    store::{Changed, KeyChange, LoginRow, LoginUpdate, Settlement, Store, TokenSelector},
};

pub(in crate::store) async fn law_9_a_change_wakes_whoever_watches_once_it_can_be_read(
    store: Arc<dyn Store>,
) {
    let mut watching = store.watch();
    with_carol(&store).await;
    assert_eq!(woken(&mut watching, 1).await, ["the registry"]);
    assert!(store.registry().await.unwrap().principal("carol").is_some());
    put_keys(&store, vec![key("k", 5)]).await;
    assert_eq!(woken(&mut watching, 1).await, ["the registry"]);

    store.create_login(login("a")).await.unwrap();
    let first = LoginUpdate {
        new_session: Some(pending("s")),
        ..update(login("a"))
    };
    store.update_login(first).await.unwrap();
    assert_eq!(woken(&mut watching, 2).await, ["login a", "session s"]);
    assert_eq!(store.login("a").await.unwrap().unwrap().version, 1);

    let acknowledge = LoginUpdate {
        acknowledge: Some("s".to_owned()),
        ..update(LoginRow {
            version: 1,
            ..login("a")
        })
    };
    store.update_login(acknowledge).await.unwrap();
    assert_eq!(woken(&mut watching, 2).await, ["login a", "session s"]);

    let end = store.end_session("s", "x", UnixTime::from_secs(9), audit("session.end"));
    end.await.unwrap();
    assert_eq!(woken(&mut watching, 1).await, ["session s"]);

    begin(&store, active("t")).await;
    begin(&store, active("u")).await;
    woken(&mut watching, 4).await;
    let all = store.end_sessions_of("carol", "x", UnixTime::from_secs(9), audit("session.end"));
    all.await.unwrap();
    assert_eq!(woken(&mut watching, 2).await, ["session t", "session u"]);

    begin(&store, pending("v")).await;
    begin(&store, active("w")).await;
    woken(&mut watching, 4).await;
    let late = pending("v").pending_until.plus(Duration::from_secs(1));
    assert_eq!(store.cleanup(late, 10).await.unwrap(), 1);
    assert_eq!(woken(&mut watching, 1).await, ["session v"]);

    let deletion = Change::DeletePrincipal {
        name: "carol".to_owned(),
    };
    store
        .change(deletion, audit("principal.delete"))
        .await
        .unwrap();
    assert_eq!(woken(&mut watching, 2).await, ["session w", "the registry"]);
}

pub(in crate::store) async fn law_9_an_end_of_a_token_wakes_and_a_grant_does_not(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    let mut watching = store.watch();
    rotated(&store, "a", "b").await;
    assert_eq!(woken(&mut watching, 1).await, ["token a"]);
    assert!(store.token("a").await.unwrap().unwrap().successor.is_some());
    let at = UnixTime::from_secs(60);
    let settled = store.settle_rotation("b", Settlement::Aborted, at, audit("token.settle"));
    assert!(settled.await.unwrap());
    assert_eq!(woken(&mut watching, 2).await, ["token a", "token b"]);
    for number in 0..20 {
        grant(&store, token(&format!("many {number}"))).await;
    }
    let one = TokenSelector::Id("a".to_owned());
    let all = TokenSelector::Owner("carol".to_owned());
    for (which, expected) in [(one, "token a"), (all, "tokens")] {
        let revoked = store.revoke_tokens(which, "x", at, audit("token.revoke"));
        assert!(!revoked.await.unwrap().is_empty());
        assert_eq!(woken(&mut watching, 1).await, [expected]);
    }
}

pub(in crate::store) async fn law_9_what_did_not_happen_wakes_nobody(store: Arc<dyn Store>) {
    with_carol(&store).await;
    store
        .change(role("one"), audit("role.create"))
        .await
        .unwrap();
    begin(&store, active("s")).await;
    put_keys(&store, vec![key("k", 5)]).await;
    let mut watching = store.watch();
    let late = KeyChange {
        version: 0,
        keys: vec![key("l", 5)],
        audit: Vec::new(),
    };
    assert!(!store.change_issuer_keys(late).await.unwrap());
    let refused = store.change(role("one"), audit("role.create")).await;
    assert!(refused.is_err());
    let stale = LoginRow {
        version: 7,
        ..login("login of s")
    };
    assert!(!store.update_login(update(stale)).await.unwrap());
    let unknown = store.end_session("t", "x", UnixTime::from_secs(9), audit("session.end"));
    assert!(!unknown.await.unwrap());
    // This did happen, but nobody waits for it.
    let advanced = store.advance_session(advance("s", 0)).await.unwrap();
    assert!(advanced.is_some());
    let end = store.end_session("s", "x", UnixTime::from_secs(9), audit("session.end"));
    end.await.unwrap();
    assert_eq!(woken(&mut watching, 1).await, ["session s"]);
}

/// The next `count` different changes, sorted. Where several nodes hear of changes, one change may
/// be told twice.
async fn woken(watching: &mut Receiver<Changed>, count: usize) -> Vec<String> {
    let mut found = BTreeSet::new();
    while found.len() < count {
        let changed = Changed::next(watching).await.expect("the store is there");
        found.insert(match changed {
            Changed::Login(id) => format!("login {id}"),
            Changed::Session(id) => format!("session {id}"),
            Changed::Registry => "the registry".to_owned(),
            Changed::Token(id) => format!("token {id}"),
            Changed::Tokens => "tokens".to_owned(),
            Changed::Anything => "anything".to_owned(),
        });
    }
    found.into_iter().collect()
}
