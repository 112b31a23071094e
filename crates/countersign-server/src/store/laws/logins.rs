//! Is a login written by one at a time, with everything that happens with it?

use std::{sync::Arc, time::Duration};

use countersign_proto::time::UnixTime;

use super::{actions, audit, sessions::pending, with_carol};
use crate::store::{LOGIN_KEPT_AFTER_END, LoginRow, LoginUpdate, SessionState, Store, StoreError};

pub(in crate::store) async fn a_login_is_read_as_it_was_written_by_id_and_by_handle(
    store: Arc<dyn Store>,
) {
    let row = LoginRow {
        version: 3,
        body: r#"{"state":"created","name":"Łódź \u0000"}"#.to_owned(),
        ..login("a")
    };
    store.create_login(row.clone()).await.unwrap();
    assert_eq!(store.login("a").await.unwrap(), Some(row.clone()));
    assert_eq!(
        store.login_by_handle("handle of a").await.unwrap(),
        Some(row)
    );
    assert_eq!(store.login("handle of a").await.unwrap(), None);
    assert_eq!(store.login_by_handle("a").await.unwrap(), None);
    assert_eq!(store.login("A").await.unwrap(), None);
}

pub(in crate::store) async fn an_id_and_a_handle_are_taken_once(store: Arc<dyn Store>) {
    store.create_login(login("a")).await.unwrap();
    let same_handle = LoginRow {
        handle: "handle of a".to_owned(),
        ..login("b")
    };
    let same_id = LoginRow {
        handle: "another".to_owned(),
        body: "{\"other\":1}".to_owned(),
        ..login("a")
    };
    for taken in [same_handle, same_id] {
        let refused = store.create_login(taken).await;
        assert!(matches!(refused, Err(StoreError::Fault(_))), "{refused:?}");
    }
    assert_eq!(store.login("b").await.unwrap(), None);
    assert_eq!(store.login("a").await.unwrap(), Some(login("a")));
}

pub(in crate::store) async fn live_logins_are_counted_by_their_source(store: Arc<dyn Store>) {
    for (id, source, live, end) in [
        ("a", "here", true, 100),
        ("b", "here", true, 200),
        ("c", "here", false, 200),
        ("d", "there", true, 200),
    ] {
        let row = LoginRow {
            source: source.to_owned(),
            live,
            expires_at: UnixTime::from_secs(end),
            ..login(id)
        };
        store.create_login(row).await.unwrap();
    }
    for (source, now, expected) in [
        ("here", 99, 2),
        ("here", 100, 1),
        ("here", 200, 0),
        ("there", 99, 1),
        ("nowhere", 0, 0),
    ] {
        let found = store.live_logins(source, UnixTime::from_secs(now)).await;
        assert_eq!(found.unwrap(), expected, "{source} {now}");
    }
    let ended = LoginRow {
        source: "here".to_owned(),
        live: false,
        ..login("b")
    };
    assert!(store.update_login(update(ended)).await.unwrap());
    let now = UnixTime::from_secs(99);
    assert_eq!(store.live_logins("here", now).await.unwrap(), 1);
}

// login.md R1, R5
pub(in crate::store) async fn law_7_of_many_updates_of_one_version_one_is_made_with_all_beside_it(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    store.create_login(login("a")).await.unwrap();
    let callers: Vec<_> = (0..20)
        .map(|number| {
            let store = Arc::clone(&store);
            let body = format!("{{\"by\":{number}}}");
            let row = LoginRow { body, ..login("a") };
            let update = LoginUpdate {
                new_session: Some(pending(&format!("s{number:02}"))),
                audit: vec![audit("token.issue")],
                ..update(row)
            };
            tokio::spawn(async move { (number, store.update_login(update).await.unwrap()) })
        })
        .collect();
    let mut made = Vec::new();
    for caller in callers {
        let (number, done) = caller.await.unwrap();
        made.extend(done.then_some(number));
    }
    let [winner] = made[..] else {
        panic!("{made:?} were all made");
    };
    let stored = store.login("a").await.unwrap().unwrap();
    assert_eq!(
        (stored.version, stored.body),
        (1, format!("{{\"by\":{winner}}}"))
    );
    let sessions = store.sessions(None, None, 100).await.unwrap().items;
    assert_eq!(sessions, [pending(&format!("s{winner:02}"))]);
    assert_eq!(actions(&store).await, ["token.issue", "principal.create"]);
}

pub(in crate::store) async fn law_7_an_update_that_does_not_fit_does_nothing(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    store.create_login(login("a")).await.unwrap();
    let everything = |row: LoginRow| LoginUpdate {
        new_session: Some(pending("s")),
        audit: vec![audit("token.issue")],
        ..update(row)
    };
    let another_version = LoginRow {
        version: 1,
        ..login("a")
    };
    let unknown = login("b");
    for row in [another_version, unknown] {
        assert!(!store.update_login(everything(row)).await.unwrap());
    }
    let nothing_to_acknowledge = LoginUpdate {
        acknowledge: Some("nobody".to_owned()),
        ..everything(login("a"))
    };
    assert!(!store.update_login(nothing_to_acknowledge).await.unwrap());
    let stranger = LoginUpdate {
        new_session: Some(crate::store::SessionRow {
            principal: "mallory".to_owned(),
            ..pending("s")
        }),
        ..everything(login("a"))
    };
    let refused = store.update_login(stranger).await;
    assert!(
        matches!(refused, Err(StoreError::Registry(_))),
        "{refused:?}"
    );
    assert_eq!(store.login("a").await.unwrap(), Some(login("a")));
    assert_eq!(store.session("s").await.unwrap(), None);
    assert_eq!(actions(&store).await, ["principal.create"]);
}

// login.md R5
pub(in crate::store) async fn law_7_a_session_is_acknowledged_once_and_only_while_it_is_pending(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    store.create_login(login("a")).await.unwrap();
    let begin = LoginUpdate {
        new_session: Some(pending("s")),
        ..update(login("a"))
    };
    assert!(store.update_login(begin).await.unwrap());
    let acknowledge = |version| LoginUpdate {
        acknowledge: Some("s".to_owned()),
        ..update(LoginRow {
            version,
            ..login("a")
        })
    };
    assert!(store.update_login(acknowledge(1)).await.unwrap());
    let session = store.session("s").await.unwrap().unwrap();
    assert_eq!(session.state, SessionState::Active);
    assert!(!store.update_login(acknowledge(2)).await.unwrap());
    let end = LoginUpdate {
        end_session: Some((
            "s".to_owned(),
            "rejected".to_owned(),
            UnixTime::from_secs(50),
        )),
        ..update(LoginRow {
            version: 2,
            ..login("a")
        })
    };
    assert!(store.update_login(end).await.unwrap());
    let session = store.session("s").await.unwrap().unwrap();
    assert_eq!(session.state, SessionState::Ended);
    assert_eq!(session.end_reason.as_deref(), Some("rejected"));
    assert_eq!(session.ended_at, Some(UnixTime::from_secs(50)));
    assert!(!store.update_login(acknowledge(3)).await.unwrap());
    // To end it again is nothing wrong, and changes nothing about its end.
    let again = LoginUpdate {
        end_session: Some(("s".to_owned(), "later".to_owned(), UnixTime::from_secs(60))),
        ..update(LoginRow {
            version: 3,
            ..login("a")
        })
    };
    assert!(store.update_login(again).await.unwrap());
    assert_eq!(store.session("s").await.unwrap(), Some(session));
    assert_eq!(store.login("a").await.unwrap().unwrap().version, 4);
}

pub(in crate::store) async fn a_login_is_forgotten_ten_minutes_after_its_end(
    store: Arc<dyn Store>,
) {
    let end = UnixTime::from_secs(10_000);
    for id in ["a", "b"] {
        let row = LoginRow {
            expires_at: end,
            ..login(id)
        };
        store.create_login(row).await.unwrap();
    }
    let kept = end.plus(LOGIN_KEPT_AFTER_END);
    assert_eq!(kept.since(end), Duration::from_secs(600));
    assert_eq!(store.cleanup(kept, 10).await.unwrap(), 0);
    let later = kept.plus(Duration::from_secs(1));
    for expected in [1, 1, 0] {
        assert_eq!(store.cleanup(later, 1).await.unwrap(), expected);
    }
    assert_eq!(store.login("a").await.unwrap(), None);
}

/// A login whose id is `id`, before anything happened.
pub(in crate::store) fn login(id: &str) -> LoginRow {
    LoginRow {
        id: id.to_owned(),
        handle: format!("handle of {id}"),
        version: 0,
        source: "127.0.0.1".to_owned(),
        live: true,
        expires_at: UnixTime::from_secs(600),
        body: "{}".to_owned(),
    }
}

pub(in crate::store) fn update(row: LoginRow) -> LoginUpdate {
    LoginUpdate {
        row,
        new_session: None,
        acknowledge: None,
        end_session: None,
        audit: Vec::new(),
    }
}
