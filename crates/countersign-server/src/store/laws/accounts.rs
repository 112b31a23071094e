//! Does an account live as long as its principal, and no longer?

use std::sync::Arc;

use countersign_proto::time::UnixTime;

use super::{
    actions, audit,
    logins::{login, update},
    principal,
    sessions::{active, begin, pending},
    with_carol,
};
use crate::{
    registry::{Change, RegistryError},
    store::{
        AccountRow, LoginUpdate, PRINCIPAL_DELETED, SessionRow, SessionState, Store, StoreError,
    },
};

pub(in crate::store) async fn an_account_is_made_replaced_and_removed_with_its_audit_row(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    assert_eq!(store.account("carol").await.unwrap(), None);
    for (hash, at) in [("first", 1), ("second", 2)] {
        let row = account("carol", hash, at);
        store
            .put_account(row.clone(), audit("password.set"))
            .await
            .unwrap();
        assert_eq!(store.account("carol").await.unwrap(), Some(row));
    }
    assert_eq!(store.account("Carol").await.unwrap(), None);
    for expected in [true, false] {
        let deleted = store.delete_account("carol", audit("password.remove"));
        assert_eq!(deleted.await.unwrap(), expected);
    }
    assert_eq!(store.account("carol").await.unwrap(), None);
    assert_eq!(
        actions(&store).await,
        [
            "password.remove",
            "password.set",
            "password.set",
            "principal.create"
        ]
    );
}

pub(in crate::store) async fn everybody_who_has_a_password_is_listed_with_when_it_was_set(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    let dave = principal("dave", "clerks");
    store.change(dave, audit("principal.create")).await.unwrap();
    let listed = async || {
        let listed = store.passwords_set().await.unwrap().into_iter();
        listed
            .map(|(name, at)| (name, at.as_secs()))
            .collect::<Vec<_>>()
    };
    assert_eq!(listed().await, []);
    for (name, at) in [("dave", 1), ("carol", 2), ("dave", 3)] {
        let put = store.put_account(account(name, "hash", at), audit("password.set"));
        put.await.unwrap();
    }
    let both = [("carol".to_owned(), 2), ("dave".to_owned(), 3)];
    assert_eq!(listed().await, both);
    let rehashed = store.rehash_account("dave", "hash", "dear", audit("password.rehash"));
    assert!(rehashed.await.unwrap());
    assert_eq!(listed().await, both, "it is the same password");
    let deleted = store.delete_account("carol", audit("password.remove"));
    assert!(deleted.await.unwrap());
    let gone = Change::DeletePrincipal {
        name: "dave".to_owned(),
    };
    assert_eq!(listed().await, both[1..]);
    store.change(gone, audit("principal.delete")).await.unwrap();
    assert_eq!(listed().await, []);
}

/// Somebody signs in while his password is set anew: the new one stays.
pub(in crate::store) async fn a_hash_is_replaced_only_while_it_is_the_one_that_was_read(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    let put = store.put_account(account("carol", "cheap", 7), audit("password.set"));
    put.await.unwrap();
    for (principal, instead_of, done) in [
        ("carol", "other", false),
        ("Carol", "cheap", false),
        ("carol", "cheap", true),
        ("carol", "cheap", false),
    ] {
        let audit = audit("password.rehash");
        let rehashed = store.rehash_account(principal, instead_of, "dear", audit);
        assert_eq!(rehashed.await.unwrap(), done, "{principal} {instead_of}");
    }
    assert_eq!(
        store.account("carol").await.unwrap(),
        Some(account("carol", "dear", 7)),
        "it is the same password, set when it was set"
    );
    assert_eq!(
        actions(&store).await,
        ["password.rehash", "password.set", "principal.create"]
    );
}

pub(in crate::store) async fn law_8_nobody_has_an_account_or_a_session_who_is_not_a_principal(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    store.create_login(login("a")).await.unwrap();
    for name in ["mallory", "Carol", "platform"] {
        let refused = store
            .put_account(account(name, "hash", 1), audit("password.set"))
            .await;
        assert!(
            matches!(refused, Err(StoreError::Registry(_))),
            "{name}: {refused:?}"
        );
        let begin = LoginUpdate {
            new_session: Some(SessionRow {
                principal: name.to_owned(),
                ..pending("s")
            }),
            ..update(login("a"))
        };
        let refused = store.update_login(begin).await;
        assert!(
            matches!(refused, Err(StoreError::Registry(_))),
            "{name}: {refused:?}"
        );
        assert_eq!(store.account(name).await.unwrap(), None);
    }
    let refused = store
        .put_account(account("mallory", "hash", 1), audit("password.set"))
        .await;
    let expected = RegistryError::NotFound {
        what: "principal",
        name: "mallory".to_owned(),
    };
    assert!(
        matches!(&refused, Err(StoreError::Registry(error)) if *error == expected),
        "{refused:?}"
    );
    assert_eq!(store.session("s").await.unwrap(), None);
    assert_eq!(actions(&store).await, ["principal.create"]);
}

pub(in crate::store) async fn law_8_with_a_principal_go_its_account_and_its_sessions(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    let put = store.put_account(account("carol", "hash", 1), audit("password.set"));
    put.await.unwrap();
    begin(&store, active("a")).await;
    begin(&store, pending("b")).await;
    let ended = SessionRow {
        state: SessionState::Ended,
        end_reason: Some("signed_out".to_owned()),
        ended_at: Some(UnixTime::from_secs(3)),
        ..pending("c")
    };
    begin(&store, ended.clone()).await;
    // Nobody who comes later by the same name inherits anything.
    let again = Change::All(vec![
        Change::DeletePrincipal {
            name: "carol".to_owned(),
        },
        principal("carol", "clerks"),
    ]);
    store
        .change(again, audit("principal.delete"))
        .await
        .unwrap();
    assert_eq!(store.account("carol").await.unwrap(), None);
    for id in ["a", "b"] {
        let session = store.session(id).await.unwrap().unwrap();
        assert_eq!(session.state, SessionState::Ended);
        assert_eq!(session.end_reason.as_deref(), Some(PRINCIPAL_DELETED));
        assert_eq!(session.ended_at, Some(audit("principal.delete").at));
    }
    assert_eq!(store.session("c").await.unwrap(), Some(ended));
}

fn account(principal: &str, password: &str, changed_at: u64) -> AccountRow {
    AccountRow {
        principal: principal.to_owned(),
        password: password.to_owned(),
        changed_at: UnixTime::from_secs(changed_at),
    }
}
