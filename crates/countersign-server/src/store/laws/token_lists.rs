//! Are granted tokens listed as they are asked for, and forgotten when they are long over?

use std::{sync::Arc, time::Duration};

use countersign_proto::{
    management::{GrantedKind, GrantedState, TokenFilter},
    time::UnixTime,
};

use super::{
    actions, audit,
    granted::{grant, later, now, system, token},
    principal,
    revocation::with_certificates,
    rotation::{rotated, rotation},
    with_carol,
};
use crate::store::{ROTATED, Store, TOKEN_KEPT_AFTER_END, TokenCount, TokenQuery, TokenRow};

const WARNED: Duration = Duration::from_secs(20);

pub(in crate::store) async fn granted_tokens_are_listed_in_pages_newest_first(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    // In the order of their bytes: digits, capitals, small letters.
    for id in ["1", "A", "Z", "a", "b"] {
        grant(&store, token(id)).await;
    }
    let page = async |after: Option<&str>, limit| {
        let query = TokenQuery {
            after: after.map(str::to_owned),
            limit,
            ..query(TokenFilter::default())
        };
        let page = store.tokens(query).await.unwrap();
        let ids: Vec<String> = page.items.into_iter().map(|row| row.id).collect();
        (ids.join(" "), page.next)
    };
    let next = |id: &str| Some(id.to_owned());
    assert_eq!(page(None, 2).await, ("b a".to_owned(), next("a")));
    assert_eq!(page(Some("a"), 2).await, ("Z A".to_owned(), next("A")));
    assert_eq!(page(Some("A"), 2).await, ("1".to_owned(), None));
    assert_eq!(page(None, 5).await, ("b a Z A 1".to_owned(), None));
}

pub(in crate::store) async fn granted_tokens_are_listed_by_what_is_asked_for(
    store: Arc<dyn Store>,
) {
    let [sha256, _] = with_certificates(&store).await;
    let dave = principal("dave", "clerks");
    store.change(dave, audit("principal.create")).await.unwrap();
    let text = |text: &str| Some(text.to_owned());
    for row in [
        TokenRow {
            name: "Nightly 100%_\\ ÄRA".to_owned(),
            application: text("billing"),
            certificate: text(&sha256),
            ..token("1")
        },
        TokenRow {
            name: "nightly".to_owned(),
            kind: GrantedKind::App,
            owner: text("dave"),
            application: text("billing"),
            ..token("2")
        },
        TokenRow {
            name: "daily".to_owned(),
            certificate: text(&sha256),
            ..token("3")
        },
        system("4"),
    ] {
        grant(&store, row).await;
    }
    let none = TokenFilter::default;
    let named = |name: &str| TokenFilter {
        name: text(name),
        ..none()
    };
    for (filter, expected) in [
        (none(), "4 3 2 1"),
        // Longer than any name is, and than SQLite lets a pattern be.
        (named(&"_".repeat(30_000)), ""),
        (
            TokenFilter {
                owner: text("carol"),
                ..none()
            },
            "3 1",
        ),
        (
            TokenFilter {
                owner: text("Carol"),
                ..none()
            },
            "",
        ),
        (
            TokenFilter {
                kind: Some(GrantedKind::System),
                ..none()
            },
            "4",
        ),
        (
            TokenFilter {
                application: text("billing"),
                ..none()
            },
            "2 1",
        ),
        (
            TokenFilter {
                certificate: text(&sha256),
                ..none()
            },
            "3 1",
        ),
        (named("NIGHT"), "2 1"),
        (named("%"), "1"),
        (named("_"), "1"),
        (named("\\"), "1"),
        (named("ly 100%_\\"), "1"),
        (named("Ära"), "1"),
        (named("ära"), ""),
        (
            TokenFilter {
                owner: text("carol"),
                application: text("billing"),
                certificate: text(&sha256),
                kind: Some(GrantedKind::Personal),
                state: Some(GrantedState::Active),
                name: text("nightly"),
            },
            "1",
        ),
        (
            TokenFilter {
                owner: text("dave"),
                certificate: text(&sha256),
                ..none()
            },
            "",
        ),
    ] {
        assert_eq!(listed(&store, filter.clone()).await, expected, "{filter:?}");
    }
}

/// By the same rule as `TokenRow::state`, on both sides of each moment.
pub(in crate::store) async fn granted_tokens_are_listed_and_counted_by_their_state(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    let mut rows = vec![system("system"), token("never")];
    let ends = [
        None,
        Some(now()),
        Some(later(1)),
        Some(later(20)),
        Some(later(21)),
    ];
    for (number, expires_at) in ends.into_iter().enumerate() {
        for (grace, grace_ends_at) in [None, Some(now()), Some(later(1))].into_iter().enumerate() {
            for revoked_at in [None, Some(now())] {
                let id = format!("{number}{grace}{}", revoked_at.is_some());
                rows.push(TokenRow {
                    expires_at,
                    revoked_at,
                    grace_ends_at,
                    successor: grace_ends_at.map(|_| "another".to_owned()),
                    ..token(&id)
                });
            }
        }
    }
    for row in &rows {
        grant(&store, row.clone()).await;
    }
    rows.sort_by(|one, other| other.id.cmp(&one.id));
    let mut counted = 0;
    for state in [
        GrantedState::Active,
        GrantedState::Expiring,
        GrantedState::Rotated,
        GrantedState::Expired,
        GrantedState::Revoked,
    ] {
        let in_state = rows.iter().filter(|row| row.state(now(), WARNED) == state);
        let expected: Vec<&str> = in_state.map(|row| row.id.as_str()).collect();
        assert!(!expected.is_empty(), "{state:?}");
        let filter = TokenFilter {
            state: Some(state),
            ..TokenFilter::default()
        };
        assert_eq!(
            listed(&store, filter).await,
            expected.join(" "),
            "{state:?}"
        );
        counted += expected.len();
    }
    assert_eq!(counted, rows.len());
    let counts = store.token_counts(now(), WARNED).await.unwrap();
    let of = |kind, state| {
        let found = counts
            .iter()
            .filter(|count| (count.kind, count.state) == (kind, state));
        found.map(|count| count.count).collect::<Vec<_>>()
    };
    let system = TokenCount {
        kind: GrantedKind::System,
        state: GrantedState::Active,
        count: 1,
    };
    assert!(counts.contains(&system));
    // Of 30: 15 were revoked, and four more ended with their grace.
    for (state, expected) in [
        (GrantedState::Active, 3),
        (GrantedState::Expiring, 2),
        (GrantedState::Rotated, 4),
        (GrantedState::Expired, 3),
        (GrantedState::Revoked, 19),
    ] {
        assert_eq!(of(GrantedKind::Personal, state), [expected], "{state:?}");
    }
    assert_eq!(of(GrantedKind::System, GrantedState::Revoked), [0_u64; 0]);
    let all: u64 = counts.iter().map(|count| count.count).sum();
    assert_eq!(all, rows.len() as u64);
}

pub(in crate::store) async fn a_granted_token_is_listed_for_thirty_days_after_its_end(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    assert_eq!(TOKEN_KEPT_AFTER_END, Duration::from_secs(2_592_000));
    let expired = TokenRow {
        expires_at: Some(later(10)),
        ..token("expired")
    };
    let revoked = TokenRow {
        expires_at: Some(later(1_000_000_000)),
        revoked_at: Some(later(20)),
        ..token("revoked")
    };
    for row in [expired, revoked, token("endless")] {
        grant(&store, row).await;
    }
    rotated(&store, "rotated", "new").await;
    let before = actions(&store).await;
    let kept = |end: u64| later(end).plus(TOKEN_KEPT_AFTER_END);
    for (now, forgotten, left) in [
        (later(99), 0, "rotated revoked new expired endless"),
        (kept(10), 1, "rotated revoked new expired endless"),
        (kept(11), 1, "rotated revoked new endless"),
        (kept(20), 0, "rotated revoked new endless"),
        (kept(21), 1, "rotated new endless"),
        (kept(100), 0, "rotated new endless"),
        (kept(101), 1, "new endless"),
        (kept(1_000_000), 0, "new endless"),
    ] {
        assert_eq!(store.cleanup(now, 10).await.unwrap(), forgotten, "{left}");
        assert_eq!(listed(&store, TokenFilter::default()).await, left);
    }
    assert_eq!(actions(&store).await, before);
}

pub(in crate::store) async fn the_end_of_a_grace_is_written_down(store: Arc<dyn Store>) {
    with_carol(&store).await;
    rotated(&store, "a", "b").await;
    // Its own end came first, and it is listed as expired.
    let expired = TokenRow {
        expires_at: Some(later(60)),
        successor: Some("another".to_owned()),
        grace_ends_at: Some(later(100)),
        ..token("expired")
    };
    grant(&store, expired.clone()).await;
    let end = rotation("a", "b").grace_ends_at;
    let version = store.token_version().await.unwrap();
    let state = async |now: UnixTime| {
        let row = store.token("a").await.unwrap().unwrap();
        row.state(now, WARNED)
    };
    assert_eq!(state(later(99)).await, GrantedState::Rotated);
    assert_eq!(state(end).await, GrantedState::Revoked);
    // At the very moment of its grace's end this one has expired.
    let both = TokenRow {
        expires_at: Some(end),
        successor: Some("another still".to_owned()),
        grace_ends_at: Some(end),
        ..token("both")
    };
    grant(&store, both.clone()).await;
    assert_eq!(store.cleanup(later(99), 10).await.unwrap(), 0);
    assert_eq!(store.cleanup(end, 10).await.unwrap(), 1);
    assert_eq!(store.cleanup(later(200), 10).await.unwrap(), 0);
    assert_eq!(both.state(end, WARNED), GrantedState::Expired);
    assert_eq!(store.token("both").await.unwrap(), Some(both));
    let row = store.token("a").await.unwrap().unwrap();
    assert_eq!(row.revoked_at, Some(end));
    assert_eq!(row.revocation_reason.as_deref(), Some(ROTATED));
    assert!(store.token("b").await.unwrap().unwrap().is_live(later(200)));
    assert_eq!(store.token("expired").await.unwrap(), Some(expired));
    assert_eq!(store.token_version().await.unwrap(), version);
}

pub(in crate::store) async fn granted_tokens_are_forgotten_in_batches(store: Arc<dyn Store>) {
    with_carol(&store).await;
    for number in 0..7 {
        let over = TokenRow {
            expires_at: Some(later(number)),
            ..token(&format!("{number}"))
        };
        grant(&store, over).await;
    }
    let late = later(10).plus(TOKEN_KEPT_AFTER_END);
    for (forgotten, left) in [(3, "6 5 4 3"), (3, "6"), (1, ""), (0, "")] {
        assert_eq!(store.cleanup(late, 3).await.unwrap(), forgotten);
        assert_eq!(listed(&store, TokenFilter::default()).await, left);
    }
}

fn query(filter: TokenFilter) -> TokenQuery {
    TokenQuery {
        filter,
        after: None,
        limit: 100,
        now: now(),
        warned: WARNED,
    }
}

async fn listed(store: &Arc<dyn Store>, filter: TokenFilter) -> String {
    let page = store.tokens(query(filter)).await.unwrap();
    let ids: Vec<String> = page.items.into_iter().map(|row| row.id).collect();
    ids.join(" ")
}
