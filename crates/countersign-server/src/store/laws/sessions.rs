//! Does each refresh of a session count exactly once, whoever asks and however often?

use std::{sync::Arc, time::Duration};

use countersign_proto::time::UnixTime;

use super::{
    actions, audit,
    logins::{login, update},
    principal, with_carol,
};
use crate::store::{
    LoginUpdate, NOT_ACKNOWLEDGED, PastSecret, SESSION_KEPT_AFTER_END, SessionAdvance, SessionRow,
    SessionState, Store,
};

const LIMIT: u32 = 10;

pub(in crate::store) async fn a_session_is_read_as_it_was_written(store: Arc<dyn Store>) {
    with_carol(&store).await;
    let whole = SessionRow {
        address: Some("2001:db8::1".to_owned()),
        state: SessionState::Ended,
        end_reason: Some("signed_out".to_owned()),
        ended_at: Some(UnixTime::from_secs(77)),
        secret: vec![0, 255, 1],
        ..pending("whole")
    };
    let bare = pending("bare");
    for row in [&whole, &bare] {
        begin(&store, row.clone()).await;
    }
    assert_eq!(store.session("whole").await.unwrap(), Some(whole));
    assert_eq!(store.session("bare").await.unwrap(), Some(bare));
    assert_eq!(store.session("BARE").await.unwrap(), None);
}

pub(in crate::store) async fn sessions_are_listed_in_pages_newest_first(store: Arc<dyn Store>) {
    with_carol(&store).await;
    let dave = principal("dave", "clerks");
    store.change(dave, audit("principal.create")).await.unwrap();
    // In the order of their bytes: digits, capitals, small letters.
    for (id, principal) in [
        ("1", "carol"),
        ("A", "carol"),
        ("Z", "dave"),
        ("a", "carol"),
        ("b", "carol"),
    ] {
        let row = SessionRow {
            principal: principal.to_owned(),
            ..pending(id)
        };
        begin(&store, row).await;
    }
    let ids = async |principal, after| {
        let page = store.sessions(principal, after, 2).await.unwrap();
        let ids: Vec<String> = page.items.into_iter().map(|row| row.id).collect();
        (ids.join(" "), page.next)
    };
    let next = |id: &str| Some(id.to_owned());
    assert_eq!(ids(None, None).await, ("b a".to_owned(), next("a")));
    assert_eq!(ids(None, Some("a")).await, ("Z A".to_owned(), next("A")));
    assert_eq!(ids(None, Some("A")).await, ("1".to_owned(), None));
    let carol = Some("carol");
    assert_eq!(ids(carol, None).await, ("b a".to_owned(), next("a")));
    assert_eq!(ids(carol, Some("a")).await, ("A 1".to_owned(), None));
    assert_eq!(ids(Some("nobody"), None).await, (String::new(), None));
}

// security.md 65, B15
pub(in crate::store) async fn law_6_of_many_equal_advances_one_is_made(store: Arc<dyn Store>) {
    with_carol(&store).await;
    begin(&store, active("s")).await;
    assert_eq!(advances_made(&store, 0, 20).await, 1);
    let session = store.session("s").await.unwrap().unwrap();
    assert_eq!(session.generation, 1);
    assert_eq!(actions(&store).await, ["token.refresh", "principal.create"]);
}

// security.md 65, 70, B15
pub(in crate::store) async fn law_6_a_chain_has_as_many_refreshes_as_its_limit_and_never_one_more(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    begin(&store, active("s")).await;
    for generation in 0..LIMIT {
        assert_eq!(
            advances_made(&store, generation, 20).await,
            1,
            "of generation {generation}"
        );
    }
    assert_eq!(advances_made(&store, LIMIT, 20).await, 0);
    let session = store.session("s").await.unwrap().unwrap();
    assert_eq!(session.generation, LIMIT);
    let counted = actions(&store).await;
    let counted = counted.iter().filter(|action| *action == "token.refresh");
    assert_eq!(counted.count(), 10);
}

pub(in crate::store) async fn law_6_nothing_advances_that_is_pending_or_ended_or_past_its_end(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    let ended = SessionRow {
        state: SessionState::Ended,
        ended_at: Some(UnixTime::from_secs(1)),
        ..pending("ended")
    };
    let unlimited = SessionRow {
        refresh_limit: 0,
        ..active("no refreshes")
    };
    let rows = [
        pending("pending"),
        ended,
        unlimited,
        active("past its end"),
        active("of another generation"),
    ];
    for row in &rows {
        begin(&store, row.clone()).await;
    }
    let end = active("past its end").ends_at;
    for refused in [
        advance("pending", 0),
        advance("ended", 0),
        advance("no refreshes", 0),
        SessionAdvance {
            at: end,
            ..advance("past its end", 0)
        },
        advance("of another generation", 1),
        advance("unknown", 0),
    ] {
        let id = refused.id.clone();
        assert_eq!(store.advance_session(refused).await.unwrap(), None, "{id}");
    }
    for row in rows {
        assert_eq!(store.session(&row.id).await.unwrap(), Some(row));
    }
    assert_eq!(actions(&store).await, ["principal.create"]);
    let last_moment = SessionAdvance {
        at: end.minus(Duration::from_secs(1)),
        ..advance("past its end", 0)
    };
    assert!(store.advance_session(last_moment).await.unwrap().is_some());
}

pub(in crate::store) async fn law_6_advances_of_many_sessions_at_once_are_each_counted_once(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    for number in 0..20 {
        begin(&store, active(&format!("s{number}"))).await;
    }
    // Each session is asked for three times, among others that are refused.
    let callers: Vec<_> = (0..60)
        .map(|number| {
            let store = Arc::clone(&store);
            let advance = advance(&format!("s{}", number % 20), 0);
            tokio::spawn(async move { store.advance_session(advance).await.unwrap().is_some() })
        })
        .collect();
    let mut made = 0;
    for caller in callers {
        made += u32::from(caller.await.unwrap());
    }
    assert_eq!(made, 20);
    let sessions = store.sessions(None, None, 100).await.unwrap().items;
    assert_eq!(sessions.len(), 20);
    assert!(sessions.iter().all(|session| session.generation == 1));
}

pub(in crate::store) async fn an_advance_remembers_the_secret_that_it_replaced(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    begin(&store, active("s")).await;
    begin(&store, active("another")).await;
    let first = active("s").secret;
    assert_eq!(store.past_secret("s", &first).await.unwrap(), None);
    let next = SessionAdvance {
        at: UnixTime::from_secs(40),
        ..advance("s", 0)
    };
    let now = store.advance_session(next.clone()).await.unwrap();
    let expected = SessionRow {
        generation: 1,
        secret: next.secret.clone(),
        pepper_version: next.pepper_version,
        key_version: next.key_version,
        jti: next.jti.clone(),
        issued_at: next.issued_at,
        expires_at: next.expires_at,
        refreshed_at: UnixTime::from_secs(40),
        ..active("s")
    };
    assert_eq!(now, Some(expected.clone()));
    assert_eq!(store.session("s").await.unwrap(), Some(expected));
    let past = PastSecret {
        generation: 0,
        used_at: UnixTime::from_secs(40),
        successor_used_at: None,
    };
    assert_eq!(store.past_secret("s", &first).await.unwrap(), Some(past));
    assert_eq!(store.past_secret("another", &first).await.unwrap(), None);
    assert_eq!(store.past_secret("s", &next.secret).await.unwrap(), None);
    let second = SessionAdvance {
        at: UnixTime::from_secs(55),
        ..advance("s", 1)
    };
    store.advance_session(second).await.unwrap();
    store.advance_session(advance("s", 2)).await.unwrap();
    let found = store.past_secret("s", &next.secret).await.unwrap();
    assert_eq!(found.map(|past| past.generation), Some(1));
    let used = PastSecret {
        successor_used_at: Some(UnixTime::from_secs(55)),
        ..past
    };
    assert_eq!(store.past_secret("s", &first).await.unwrap(), Some(used));
}

pub(in crate::store) async fn a_session_that_was_refreshed_meanwhile_does_not_end(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    begin(&store, active("s")).await;
    store.advance_session(advance("s", 0)).await.unwrap();
    let at = UnixTime::from_secs(50);
    let end = async |id: &str, generation| {
        let entry = audit("session.end");
        let ended = store.end_unrefreshed_session(id, generation, "reused", at, entry);
        ended.await.unwrap()
    };
    assert!(!end("s", 0).await && !end("s", 2).await && !end("t", 0).await);
    let row = store.session("s").await.unwrap().unwrap();
    assert_eq!((row.state, row.end_reason), (SessionState::Active, None));
    assert!(end("s", 1).await && !end("s", 1).await);
    let row = store.session("s").await.unwrap().unwrap();
    assert_eq!((row.state, row.ended_at), (SessionState::Ended, Some(at)));
    assert_eq!(row.end_reason.as_deref(), Some("reused"));
    assert_eq!(
        actions(&store).await,
        ["session.end", "token.refresh", "principal.create"]
    );
}

pub(in crate::store) async fn a_session_ends_once_with_one_audit_row(store: Arc<dyn Store>) {
    with_carol(&store).await;
    begin(&store, active("s")).await;
    for (reason, at, expected) in [("signed_out", 50, true), ("revoked", 60, false)] {
        let ended = store
            .end_session("s", reason, UnixTime::from_secs(at), audit("session.end"))
            .await;
        assert_eq!(ended.unwrap(), expected, "{reason}");
    }
    let unknown = store
        .end_session("t", "x", UnixTime::from_secs(1), audit("session.end"))
        .await;
    assert!(!unknown.unwrap());
    let expected = SessionRow {
        state: SessionState::Ended,
        end_reason: Some("signed_out".to_owned()),
        ended_at: Some(UnixTime::from_secs(50)),
        ..active("s")
    };
    assert_eq!(store.session("s").await.unwrap(), Some(expected));
    assert_eq!(actions(&store).await, ["session.end", "principal.create"]);
    assert_eq!(advances_made(&store, 0, 1).await, 0);
}

pub(in crate::store) async fn all_sessions_of_a_principal_end_together(store: Arc<dyn Store>) {
    with_carol(&store).await;
    let dave = principal("dave", "clerks");
    store.change(dave, audit("principal.create")).await.unwrap();
    begin(&store, active("a")).await;
    begin(&store, pending("b")).await;
    let theirs = SessionRow {
        principal: "dave".to_owned(),
        ..active("c")
    };
    begin(&store, theirs.clone()).await;
    for expected in [2, 0] {
        let ended = store
            .end_sessions_of(
                "carol",
                "password_changed",
                UnixTime::from_secs(50),
                audit("session.end"),
            )
            .await;
        assert_eq!(ended.unwrap(), expected);
    }
    for id in ["a", "b"] {
        let session = store.session(id).await.unwrap().unwrap();
        assert_eq!(session.end_reason.as_deref(), Some("password_changed"));
    }
    assert_eq!(store.session("c").await.unwrap(), Some(theirs));
    let ends = actions(&store).await;
    assert_eq!(ends.iter().filter(|it| *it == "session.end").count(), 1);
}

// login.md R5
pub(in crate::store) async fn a_session_that_is_not_acknowledged_in_time_ends(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    begin(&store, pending("s")).await;
    begin(&store, active("t")).await;
    let until = pending("s").pending_until;
    assert_eq!(store.cleanup(until, 10).await.unwrap(), 0);
    let later = until.plus(Duration::from_secs(1));
    for expected in [1, 0] {
        assert_eq!(store.cleanup(later, 10).await.unwrap(), expected);
    }
    let expected = SessionRow {
        state: SessionState::Ended,
        end_reason: Some(NOT_ACKNOWLEDGED.to_owned()),
        ended_at: Some(later),
        ..pending("s")
    };
    assert_eq!(store.session("s").await.unwrap(), Some(expected));
    assert_eq!(store.session("t").await.unwrap(), Some(active("t")));
    let written = store.audit(None, 1).await.unwrap().items.remove(0);
    assert_eq!(written.action, "session.end");
    assert_eq!(
        (written.actor.as_str(), written.subject.as_str()),
        ("system", "carol")
    );
    assert_eq!(written.reason.as_deref(), Some("not_acknowledged"));
    assert_eq!(written.token_id, Some(pending("s").jti));
    assert_eq!(written.at, later);
}

pub(in crate::store) async fn a_session_is_listed_for_thirty_days_after_its_end(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    let ended = SessionRow {
        state: SessionState::Ended,
        ended_at: Some(UnixTime::from_secs(500)),
        ..pending("ended early")
    };
    begin(&store, ended).await;
    begin(&store, active("ran out")).await;
    store.advance_session(advance("ran out", 0)).await.unwrap();
    assert_eq!(SESSION_KEPT_AFTER_END, Duration::from_secs(2_592_000));
    let second = Duration::from_secs(1);
    for (end, id) in [
        (UnixTime::from_secs(500), "ended early"),
        (active("ran out").ends_at, "ran out"),
    ] {
        let kept = end.plus(SESSION_KEPT_AFTER_END);
        // The login that it began in has ended long ago.
        store.cleanup(kept, 10).await.unwrap();
        assert!(store.session(id).await.unwrap().is_some(), "{id}");
        assert_eq!(store.cleanup(kept.plus(second), 10).await.unwrap(), 1);
        assert_eq!(store.session(id).await.unwrap(), None, "{id}");
    }
    let past = store.past_secret("ran out", &active("ran out").secret);
    assert_eq!(past.await.unwrap(), None);
}

/// How many of `callers` that advance the session `s` at once from one generation are let.
pub(in crate::store) async fn advances_made(
    store: &Arc<dyn Store>,
    generation: u32,
    callers: u32,
) -> u32 {
    let callers: Vec<_> = (0..callers)
        .map(|_| {
            let store = Arc::clone(store);
            let advance = advance("s", generation);
            tokio::spawn(async move { store.advance_session(advance).await.unwrap().is_some() })
        })
        .collect();
    let mut made = 0;
    for caller in callers {
        made += u32::from(caller.await.unwrap());
    }
    made
}

/// Stores a session as a login stores it.
pub(in crate::store) async fn begin(store: &Arc<dyn Store>, session: SessionRow) {
    let login = login(&format!("login of {}", session.id));
    store.create_login(login.clone()).await.unwrap();
    let begin = LoginUpdate {
        new_session: Some(session),
        ..update(login)
    };
    assert!(store.update_login(begin).await.unwrap());
}

/// A session of `carol` whose terminal has its token.
pub(in crate::store) fn active(id: &str) -> SessionRow {
    SessionRow {
        state: SessionState::Active,
        ..pending(id)
    }
}

/// A session of `carol` whose token is on its way.
pub(in crate::store) fn pending(id: &str) -> SessionRow {
    SessionRow {
        id: id.to_owned(),
        principal: "carol".to_owned(),
        proof: "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".to_owned(),
        scope: "audit:read".to_owned(),
        binding: "loopback".to_owned(),
        address: None,
        client: "countersign 1.0 on laptop".to_owned(),
        provider: "built-in".to_owned(),
        created_at: UnixTime::from_secs(10),
        ends_at: UnixTime::from_secs(43_210),
        refresh_limit: LIMIT,
        generation: 0,
        state: SessionState::Pending,
        end_reason: None,
        ended_at: None,
        pending_until: UnixTime::from_secs(70),
        secret: format!("first secret of {id}").into_bytes(),
        pepper_version: 1,
        key_version: 2,
        jti: format!("jti of {id}"),
        issued_at: UnixTime::from_secs(11),
        expires_at: UnixTime::from_secs(3_611),
        refreshed_at: UnixTime::from_secs(12),
    }
}

pub(in crate::store) fn advance(id: &str, from_generation: u32) -> SessionAdvance {
    SessionAdvance {
        id: id.to_owned(),
        from_generation,
        secret: format!("secret {} of {id}", from_generation + 1).into_bytes(),
        pepper_version: 3,
        key_version: 4,
        jti: format!("jti {} of {id}", from_generation + 1),
        issued_at: UnixTime::from_secs(30),
        expires_at: UnixTime::from_secs(3_630),
        at: UnixTime::from_secs(30),
        audit: audit("token.refresh"),
    }
}
