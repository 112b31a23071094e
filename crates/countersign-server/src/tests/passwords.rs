//! Who signs in with a password of the platform's own, and what is left of those who do not?

use std::{net::IpAddr, time::Duration};

use zeroize::Zeroizing;

use super::world::{World, principal};
use crate::{
    Change, audit,
    idp::{IdpRefusal, Password},
    service::sign_in::{self, SignInRefusal, SignedIn},
    store::AccountRow,
};

const RIGHT: &str = "correct horse battery";

async fn with_carol() -> World {
    let world = World::new().await;
    world.principal("carol", &["Reader"]).await;
    world.principal("dave", &[]).await;
    let password = Password::chosen(Zeroizing::new(RIGHT.to_owned())).unwrap();
    let row = AccountRow {
        principal: "carol".to_owned(),
        password: world.platform.passwords().hash(&password).await.unwrap(),
        changed_at: world.now(),
    };
    let entry = audit::by_system("password.set", "carol", world.now());
    world.store.put_account(row, entry).await.unwrap();
    world
}

async fn sign_in(world: &World, name: &str, typed: &str) -> Result<SignedIn, SignInRefusal> {
    let password = Password::typed(Zeroizing::new(typed.to_owned()));
    let peer: IpAddr = [192, 0, 2, 7].into();
    sign_in::by_password(&world.platform, name, &password, Some(peer)).await
}

/// The audit once it has a row of this action: that one is written beside the answer.
async fn row_of(world: &World, action: &str) -> countersign_proto::management::AuditEntry {
    let found = async {
        loop {
            let page = world.store.audit(None, 100).await.unwrap();
            if let Some(row) = page.items.into_iter().find(|row| row.action == action) {
                return row;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), found)
        .await
        .expect("a row")
}

#[tokio::test]
async fn a_person_with_the_right_password_is_the_principal_of_that_name() {
    let world = with_carol().await;
    let signed_in = sign_in(&world, "carol", RIGHT).await.unwrap();
    assert_eq!(signed_in.principal.name, "carol");
    assert_eq!(signed_in.identity.provider, "countersign");
    assert!(
        world
            .platform
            .metrics()
            .render()
            .contains("countersign_sign_ins_total{outcome=\"ok\"} 1")
    );
}

#[tokio::test]
async fn a_wrong_password_is_on_record_when_there_is_such_a_principal() {
    let world = with_carol().await;
    for name in ["mallory", "platform ", "", "carol\n"] {
        let refused = sign_in(&world, name, RIGHT).await.unwrap_err();
        assert_eq!(refused.reason(), "wrong_password");
    }
    // `dave` is a principal and has no account: the answer is the same.
    for name in ["carol", "dave"] {
        let refused = sign_in(&world, name, "wrong horse").await.unwrap_err();
        assert_eq!(refused.reason(), "wrong_password");
    }
    let row = row_of(&world, "sign_in.refuse").await;
    assert_eq!(row.outcome, "refused");
    assert_eq!(row.reason.as_deref(), Some("wrong_password"));
    assert_eq!(row.address.as_deref(), Some("192.0.2.7"));
    let page = world.store.audit(None, 100).await.unwrap();
    let subjects: Vec<String> = page
        .items
        .into_iter()
        .filter(|row| row.action == "sign_in.refuse")
        .map(|row| row.subject)
        .collect();
    assert!(
        subjects
            .iter()
            .all(|name| name == "carol" || name == "dave"),
        "{subjects:?}"
    );
    let metrics = world.platform.metrics().render();
    assert!(
        metrics.contains("countersign_sign_ins_total{outcome=\"wrong_password\"} 6"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_disabled_principal_is_told_so_only_with_his_password() {
    let world = with_carol().await;
    let mut carol = principal("carol", &["Reader"]);
    carol.enabled = false;
    world.change(Change::UpdatePrincipal(carol)).await;
    let refused = sign_in(&world, "carol", "wrong horse").await.unwrap_err();
    assert_eq!(refused.reason(), "wrong_password");
    let refused = sign_in(&world, "carol", RIGHT).await.unwrap_err();
    assert!(matches!(refused, SignInRefusal::Disabled), "{refused:?}");
    let rows = world.store.audit(None, 100).await.unwrap().items;
    assert!(
        rows.iter()
            .any(|row| row.reason.as_deref() == Some("principal_disabled")
                && row.subject == "carol"
                && row.outcome == "refused")
    );
}

#[tokio::test]
async fn who_has_to_wait_is_told_how_long_and_nothing_is_on_record() {
    let world = with_carol().await;
    for _ in 0..5 {
        sign_in(&world, "carol", "wrong horse").await.unwrap_err();
    }
    for _ in 0..3 {
        let refused = sign_in(&world, "carol", RIGHT).await.unwrap_err();
        let SignInRefusal::NotProved(IdpRefusal::Throttled { retry_after }) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(retry_after, Duration::from_secs(1));
    }
    world.advance(1);
    assert!(sign_in(&world, "carol", RIGHT).await.is_ok());
    let throttled = world
        .audited()
        .await
        .into_iter()
        .filter(|(_, reason)| reason.as_deref() == Some("throttled"))
        .count();
    assert_eq!(throttled, 0);
}
