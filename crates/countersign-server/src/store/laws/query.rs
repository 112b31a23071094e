//! Does a list hold what was asked for, and nothing twice while rows are added?

use std::sync::Arc;

use countersign_proto::{
    management::{AuditFilter, SessionFilter},
    time::UnixTime,
};

use super::{
    audit, principal,
    sessions::{active, begin, pending},
    with_carol,
};
use crate::store::{
    AuditQuery, NewAuditEntry, Outcome, SessionQuery, SessionRow, SessionState, Store,
};

/// Each row differs from the first in one thing, so that a filter that is not looked at is seen.
pub(in crate::store) async fn the_audit_is_read_by_what_stands_in_it(store: Arc<dyn Store>) {
    let first = NewAuditEntry {
        token_id: text("jti"),
        certificate: text("c0ffee"),
        ..audit("token.issue")
    };
    let mut rows = vec![first; 9];
    rows[1].actor = "carol".to_owned();
    rows[2].subject = "carol".to_owned();
    rows[3].action = "token.revoke";
    rows[4].outcome = Outcome::Refused;
    rows[5].token_id = None;
    rows[6].certificate = None;
    rows[7].at = at(6);
    rows[8].at = at(8);
    for row in rows {
        store.append_audit(row).await.unwrap();
    }
    let by = |change: fn(&mut AuditFilter)| {
        let mut filter = AuditFilter::default();
        change(&mut filter);
        filter
    };
    let all = [9, 8, 7, 6, 5, 4, 3, 2, 1];
    let cases: [(AuditFilter, &[u64]); 11] = [
        (by(|_| ()), &all),
        (by(|it| it.actor = text("carol")), &[2]),
        (by(|it| it.actor = text("Carol")), &[]),
        (by(|it| it.subject = text("carol")), &[3]),
        (by(|it| it.action = text("token.revoke")), &[4]),
        (by(|it| it.outcome = Some(Outcome::Refused)), &[5]),
        (
            by(|it| it.token_id = text("jti")),
            &[9, 8, 7, 5, 4, 3, 2, 1],
        ),
        (
            by(|it| it.certificate = text("c0ffee")),
            &[9, 8, 6, 5, 4, 3, 2, 1],
        ),
        (by(|it| it.from = Some(at(8))), &[9]),
        (by(|it| it.to = Some(at(6))), &[8]),
        (
            by(|it| {
                it.from = Some(at(7));
                it.to = Some(at(7));
                it.outcome = Some(Outcome::Ok);
            }),
            &[7, 6, 4, 3, 2, 1],
        ),
    ];
    for (filter, expected) in cases {
        let asked = format!("{filter:?}");
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let query = AuditQuery {
                filter: filter.clone(),
                after,
                limit: 2,
            };
            let page = store.audit_matching(query).await.unwrap();
            found.extend(page.items.iter().map(|entry| entry.sequence));
            // Somebody writes between two pages.
            store.append_audit(audit("token.issue")).await.unwrap();
            match page.next {
                Some(next) => after = Some(next.parse().unwrap()),
                None => break,
            }
        }
        found.retain(|sequence| *sequence <= 9);
        assert_eq!(found, expected, "{asked}");
    }
}

pub(in crate::store) async fn sessions_are_listed_by_where_they_stand_now(store: Arc<dyn Store>) {
    with_carol(&store).await;
    let dave = principal("dave", "clerks");
    store.change(dave, audit("principal.create")).await.unwrap();
    let of_dave = SessionRow {
        principal: "dave".to_owned(),
        ..active("c")
    };
    let ended = SessionRow {
        state: SessionState::Ended,
        ended_at: Some(at(20)),
        ..pending("d")
    };
    for row in [pending("a"), active("b"), of_dave, ended] {
        begin(&store, row).await;
    }
    // A pending one waits until 70, an active one lives until before 43,210.
    let cases = [
        (70, None, None, "d c b a"),
        (70, None, Some(SessionState::Pending), "a"),
        (71, None, Some(SessionState::Pending), ""),
        (71, None, Some(SessionState::Ended), "d a"),
        (43_209, None, Some(SessionState::Active), "c b"),
        (43_210, None, Some(SessionState::Active), ""),
        (43_210, None, Some(SessionState::Ended), "d c b a"),
        (70, text("carol"), Some(SessionState::Active), "b"),
        (70, text("dave"), None, "c"),
        (70, text("dave"), Some(SessionState::Ended), ""),
    ];
    for (now, principal, state, expected) in cases {
        let asked = format!("{state:?} of {principal:?} at {now}");
        let (mut found, mut after) = (Vec::new(), None);
        loop {
            let query = SessionQuery {
                filter: SessionFilter {
                    principal: principal.clone(),
                    state,
                },
                after,
                limit: 1,
                now: at(now),
            };
            let page = store.sessions_matching(query).await.unwrap();
            found.extend(page.items.into_iter().map(|row| row.id));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(found.join(" "), expected, "{asked}");
    }
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

fn at(secs: u64) -> UnixTime {
    UnixTime::from_secs(secs)
}
