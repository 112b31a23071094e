//! Do two platforms on one PostgreSQL keep granted tokens as one?

use countersign_proto::time::UnixTime;

use super::nodes::{at_once, two};
use crate::{
    registry::Change,
    store::{
        Changed, Settlement, StoreError, TOKEN_KEPT_AFTER_END, TokenCreated, TokenRow,
        TokenSelector, TokenUse,
        laws::{
            actions, audit,
            granted::{grant, granting, later, now, system, token},
            principal,
            rotation::{rotated, rotation},
            with_carol,
        },
    },
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_limit_of_tokens_holds_on_two_nodes_on_postgresql() {
    let nodes = two().await;
    with_carol(&nodes[0]).await;
    for (kind, row) in [("own", token as fn(&str) -> TokenRow), ("system", system)] {
        let created = at_once(&nodes, 50, move |number, node| async move {
            let row = row(&format!("{kind} {number:02}"));
            node.create_token(row, 7, granting()).await.unwrap()
        })
        .await;
        let made = created.iter().filter(|it| **it == TokenCreated::Created);
        assert_eq!(made.count(), 7, "{kind}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_token_is_rotated_and_settled_once_on_two_nodes_on_postgresql() {
    let nodes = two().await;
    with_carol(&nodes[0]).await;
    grant(&nodes[0], token("a")).await;
    let rotated = at_once(&nodes, 20, |number, node| async move {
        let rotation = rotation("a", &format!("b{number:02}"));
        node.rotate_token(rotation).await.unwrap().is_made()
    })
    .await;
    assert_eq!(rotated.iter().filter(|made| **made).count(), 1);
    let old = nodes[1].token("a").await.unwrap().unwrap();
    let new = old.successor.unwrap();
    let settled = at_once(&nodes, 20, move |number, node| {
        let new = new.clone();
        async move {
            let how = [Settlement::Confirmed, Settlement::Aborted][number / 2 % 2];
            let settled = node.settle_rotation(&new, how, later(10), audit("token.settle"));
            settled.await.unwrap()
        }
    })
    .await;
    assert_eq!(settled.iter().filter(|made| **made).count(), 1);
    assert_eq!(nodes[1].token_version().await.unwrap(), 2);
}

/// Either the token is granted before its origin is revoked, and goes with it, or it is refused.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_token_is_granted_past_the_revocation_of_what_grants_it_on_postgresql() {
    let nodes = two().await;
    let [here, there] = &nodes;
    with_carol(here).await;
    for round in 0..20 {
        let name = format!("dave {round:02}");
        let dave = principal(&name, "clerks");
        here.change(dave, audit("principal.create")).await.unwrap();
        let first = format!("{round:02} first");
        let of_dave = |id: &str| TokenRow {
            owner: Some(name.clone()),
            ..token(id)
        };
        grant(here, of_dave(&first)).await;
        let through = TokenRow {
            created_through: Some(first.clone()),
            ..token(&format!("{round:02} through"))
        };
        let owned = of_dave(&format!("{round:02} owned"));
        let deletion = Change::DeletePrincipal { name: name.clone() };
        let (with_it, to_him, deleted) = tokio::join!(
            there.create_token(through.clone(), 1_000, granting()),
            there.create_token(owned.clone(), 1_000, granting()),
            here.change(deletion, granting()),
        );
        deleted.unwrap();
        for (id, created) in [
            (first, None),
            (through.id, Some(with_it)),
            (owned.id, Some(to_him)),
        ] {
            let row = there.token(&id).await.unwrap();
            match created {
                None | Some(Ok(TokenCreated::Created)) => {
                    assert!(!row.unwrap().is_live(now()), "{id}");
                }
                Some(Err(StoreError::Registry(_))) => assert_eq!(row, None, "{id}"),
                Some(other) => panic!("{id}: {other:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_cleaners_and_two_revokers_at_once_do_not_deadlock_on_postgresql() {
    let nodes = two().await;
    with_carol(&nodes[0]).await;
    for number in 0..100 {
        let over = TokenRow {
            // The order of their ends is not that of their ids.
            expires_at: Some(later(number * 37 % 100)),
            ..token(&format!("over {number:03}"))
        };
        grant(&nodes[0], over).await;
        grant(&nodes[0], token(&format!("live {number:03}"))).await;
        rotated(
            &nodes[0],
            &format!("old {number:03}"),
            &format!("new {number:03}"),
        )
        .await;
    }
    let late = later(101).plus(TOKEN_KEPT_AFTER_END);
    let done = at_once(&nodes, 120, move |number, node| async move {
        match number % 6 / 2 {
            0 => node.cleanup(later(500), 7).await.unwrap(),
            1 => {
                let mut uses: Vec<TokenUse> = (0..100)
                    .map(|used| TokenUse {
                        id: format!("live {used:03}"),
                        at: later(number as u64),
                        from: None,
                    })
                    .collect();
                if number % 2 == 1 {
                    uses.reverse();
                }
                node.record_token_uses(uses).await.unwrap();
                0
            }
            _ => {
                let id = TokenSelector::Id(format!("live {number:03}"));
                let revoked = node.revoke_tokens(id, "x", now(), audit("token.revoke"));
                revoked.await.unwrap().len() as u64
            }
        }
    })
    .await;
    assert!(done.iter().sum::<u64>() > 0);
    let before = actions(&nodes[0]).await.len();
    let forgotten = at_once(&nodes, 40, move |_, node| async move {
        node.cleanup(late, 25).await.unwrap()
    })
    .await;
    let mut all: u64 = forgotten.iter().sum();
    while let more @ 1.. = nodes[1].cleanup(late, 25).await.unwrap() {
        all += more;
    }
    assert!(all >= 200, "{all}");
    assert_eq!(nodes[0].token("over 000").await.unwrap(), None);
    assert!(nodes[0].token("new 000").await.unwrap().is_some());
    assert_eq!(actions(&nodes[0]).await.len(), before, "the audit stays");
}

// security.md 79
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_revocation_on_one_node_wakes_the_other_on_postgresql() {
    let [here, there] = two().await;
    with_carol(&here).await;
    grant(&here, token("a")).await;
    let mut watching = there.watch();
    let id = TokenSelector::Id("a".to_owned());
    let revoked = here.revoke_tokens(id, "x", UnixTime::from_secs(60), audit("token.revoke"));
    assert_eq!(revoked.await.unwrap(), ["a"]);
    while Changed::next(&mut watching).await != Some(Changed::Token("a".to_owned())) {}
    assert_eq!(there.token_version().await.unwrap(), 1);
    let row = there.token("a").await.unwrap().unwrap();
    assert!(!row.is_live(UnixTime::from_secs(60)));
}
