//! Do granted tokens end with what they rest on, and nothing else with them?

use std::{collections::BTreeSet, sync::Arc};

use countersign_proto::management::{
    CertificateUsage, NewCertificate, PrincipalMapping, RegisteredCertificate,
};

use super::{
    actions, application, audit,
    granted::{grant, granting, later, now, system, token},
    principal, role,
    rotation::{rotated, rotation},
    with_carol,
};
use crate::{
    registry::{CertificateEntry, Change},
    store::{
        APPLICATION_DELETED, CERTIFICATE_REVOKED, MAPPING_DELETED, PRINCIPAL_DELETED, ROLE_DELETED,
        Settlement, Store, StoreError, TokenRotation, TokenRow, TokenSelector,
    },
};

pub(in crate::store) async fn tokens_are_revoked_as_they_are_selected(store: Arc<dyn Store>) {
    let [sha256, _] = with_certificates(&store).await;
    with_dave(&store).await;
    let other = application("Billing");
    let made = store.change(other, audit("application.create"));
    made.await.unwrap();
    for row in [
        token("1"),
        of_dave(token("2")),
        by_application("billing", token("3")),
        by_certificate(&sha256, token("4")),
        through("a session", token("5")),
        system("6"),
        by_application("Billing", of_dave(token("7"))),
    ] {
        grant(&store, row).await;
    }
    let id = TokenSelector::Id("6".to_owned());
    for (which, expected) in [
        (TokenSelector::Id("unknown".to_owned()), ""),
        (id.clone(), "6"),
        (id, ""),
        (TokenSelector::Application("billing".to_owned()), "3"),
        (TokenSelector::Certificate(sha256), "4"),
        (TokenSelector::CreatedThrough("a session".to_owned()), "5"),
        (TokenSelector::Owner("dave".to_owned()), "2 7"),
        (TokenSelector::Owner("carol".to_owned()), "1"),
    ] {
        let revoked = revoke(&store, which.clone()).await;
        assert_eq!(revoked, expected, "{which:?}");
    }
    let row = store.token("4").await.unwrap().unwrap();
    assert_eq!(row.revoked_at, Some(now()));
    assert_eq!(row.revocation_reason.as_deref(), Some("stolen"));
    let rows = actions(&store).await;
    let rows = rows.iter().filter(|action| *action == "token.revoke");
    assert_eq!(rows.count(), 6, "none where nothing was revoked");
    assert_eq!(store.token_version().await.unwrap(), 6);
}

pub(in crate::store) async fn all_that_somebody_granted_is_revoked_together(store: Arc<dyn Store>) {
    with_carol(&store).await;
    with_dave(&store).await;
    let by_dave = |row: TokenRow| TokenRow {
        created_by: "dave".to_owned(),
        ..row
    };
    for row in [
        token("1"),
        by_dave(token("2")),
        by_dave(of_dave(token("3"))),
        through("2", token("4")),
        of_dave(token("5")),
        by_dave(over(token("6"))),
    ] {
        grant(&store, row).await;
    }
    let by_dave = TokenSelector::CreatedBy("dave".to_owned());
    assert_eq!(revoke(&store, by_dave.clone()).await, "2 3 4");
    assert_eq!(revoke(&store, by_dave).await, "");
}

/// Who judged some tokens ends no others that came meanwhile.
pub(in crate::store) async fn nothing_is_revoked_when_more_would_end_than_was_judged(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    rotated(&store, "a1", "a2").await;
    for row in [
        through("a1", token("b")),
        over(through("a1", token("over"))),
        token("other"),
    ] {
        grant(&store, row).await;
    }
    let which = || TokenSelector::Id("a2".to_owned());
    let reached = store.tokens_reached(which(), now()).await.unwrap();
    let mut ids: Vec<&str> = reached.iter().map(|row| row.id.as_str()).collect();
    ids.sort_unstable();
    assert_eq!(ids, ["a1", "a2", "b"]);
    for row in &reached {
        assert_eq!(store.token(&row.id).await.unwrap().as_ref(), Some(row));
    }
    let judged: BTreeSet<String> = reached.into_iter().map(|row| row.id).collect();
    grant(&store, through("b", token("late"))).await;
    let revoke = async |judged: BTreeSet<String>| {
        let entry = audit("token.revoke");
        let revoked = store.revoke_judged_tokens(which(), judged, "stolen", now(), entry);
        revoked.await.unwrap().map(|mut ids| {
            ids.sort();
            ids.join(" ")
        })
    };
    let version = store.token_version().await.unwrap();
    assert_eq!(revoke(judged.clone()).await, None);
    assert!(lives(&store, "a1").await && lives(&store, "late").await);
    assert_eq!(store.token_version().await.unwrap(), version);
    assert!(!actions(&store).await.contains(&"token.revoke".to_owned()));
    let mut all = judged;
    all.extend(["late".to_owned(), "gone".to_owned()]);
    assert_eq!(revoke(all).await.as_deref(), Some("a1 a2 b late"));
    assert!(lives(&store, "other").await);
    assert_eq!(revoke(BTreeSet::new()).await.as_deref(), Some(""));
    let row = store.token("late").await.unwrap().unwrap();
    assert_eq!(row.revocation_reason.as_deref(), Some("stolen"));
}

pub(in crate::store) async fn with_a_token_goes_what_was_granted_with_it_and_with_that(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    with_dave(&store).await;
    for row in [
        token("1"),
        through("1", of_dave(token("2"))),
        through("2", token("3")),
        // Through one that is over; and in a circle, which nobody makes.
        over(through("1", token("4"))),
        through("4", system("5")),
        through("6", token("6")),
        through("7", token("other")),
    ] {
        grant(&store, row).await;
    }
    assert_eq!(
        revoke(&store, TokenSelector::Id("2".to_owned())).await,
        "2 3"
    );
    assert_eq!(
        revoke(&store, TokenSelector::Id("1".to_owned())).await,
        "1 5"
    );
    assert_eq!(revoke(&store, TokenSelector::Id("6".to_owned())).await, "6");
    let already = store.token("4").await.unwrap().unwrap();
    assert_eq!(already, over(through("1", token("4"))));
}

pub(in crate::store) async fn with_a_token_goes_the_other_end_of_its_rotation_while_both_live(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    for (old, new) in [("a1", "a2"), ("b1", "b2"), ("c1", "c2"), ("d1", "d2")] {
        rotated(&store, old, new).await;
    }
    grant(&store, through("a1", token("a3"))).await;
    let id = |id: &str| TokenSelector::Id(id.to_owned());
    assert_eq!(revoke(&store, id("a2")).await, "a1 a2 a3");
    assert_eq!(revoke(&store, id("b1")).await, "b1 b2");
    // Confirmed or aborted, they have nothing to do with each other any more.
    for (new, how) in [("c2", Settlement::Confirmed), ("d2", Settlement::Aborted)] {
        let settled = store.settle_rotation(new, how, now(), audit("token.settle"));
        assert!(settled.await.unwrap());
    }
    assert_eq!(revoke(&store, id("c1")).await, "");
    assert_eq!(revoke(&store, id("c2")).await, "c2");
    assert_eq!(revoke(&store, id("d2")).await, "");
    assert_eq!(revoke(&store, id("d1")).await, "d1");
}

pub(in crate::store) async fn law_10_with_a_certificate_go_the_tokens_that_rest_on_it(
    store: Arc<dyn Store>,
) {
    let [sha256, other] = with_certificates(&store).await;
    grant(&store, by_certificate(&sha256, token("1"))).await;
    grant(&store, through("1", token("2"))).await;
    grant(&store, by_certificate(&other, token("3"))).await;
    let version = store.token_version().await.unwrap();
    let revocation = Change::RevokeCertificate {
        sha256: sha256.clone(),
        at: later(5),
        reason: "lost".to_owned(),
    };
    let change = store.change(revocation.clone(), granting()).await;
    change.unwrap();
    assert!(store.token_version().await.unwrap() > version);
    for id in ["1", "2"] {
        assert_ended(&store, id, CERTIFICATE_REVOKED).await;
    }
    assert!(lives(&store, "3").await);
    // Nor does one who was believed a moment ago grant another with it.
    for (row, what) in [
        (by_certificate(&sha256, token("4")), "certificate"),
        (through("1", token("4")), "token"),
    ] {
        let refused = store.create_token(row.clone(), 10, granting()).await;
        assert_refused(refused.map(drop), what);
        let rotation = TokenRotation {
            successor: row,
            ..rotation("3", "4")
        };
        assert_refused(store.rotate_token(rotation).await.map(drop), what);
    }
    assert!(lives(&store, "3").await && store.token("4").await.unwrap().is_none());
    let three = store.token("3").await.unwrap().unwrap();
    assert_eq!(three.successor, None);
}

pub(in crate::store) async fn law_10_with_a_mapping_go_the_tokens_that_its_principal_granted_by_it(
    store: Arc<dyn Store>,
) {
    let [sha256, other] = with_certificates(&store).await;
    with_dave(&store).await;
    let of_dave_too = Change::CreateMapping(mapping("m2", &sha256, "dave"));
    store
        .change(of_dave_too, audit("mapping.create"))
        .await
        .unwrap();
    let by_dave = TokenRow {
        created_by: "dave".to_owned(),
        ..by_certificate(&sha256, token("2"))
    };
    for row in [
        by_certificate(&sha256, of_dave(token("1"))),
        by_dave,
        by_certificate(&other, token("3")),
        through("1", token("4")),
    ] {
        grant(&store, row).await;
    }
    let mapping = Change::DeleteMapping {
        id: "m0".to_owned(),
    };
    store.change(mapping, granting()).await.unwrap();
    for id in ["1", "4"] {
        assert_ended(&store, id, MAPPING_DELETED).await;
    }
    assert!(lives(&store, "2").await && lives(&store, "3").await);
}

pub(in crate::store) async fn law_10_with_an_application_and_a_principal_go_their_tokens(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    with_dave(&store).await;
    store
        .change(application("billing"), audit("application.create"))
        .await
        .unwrap();
    for row in [
        by_application("billing", token("1")),
        of_dave(token("2")),
        through("2", token("3")),
        token("4"),
    ] {
        grant(&store, row).await;
    }
    // A change that does not fit ends nothing; several in one are one.
    let deletions = |client_id: &str| {
        Change::All(vec![
            Change::DeletePrincipal {
                name: "dave".to_owned(),
            },
            principal("dave", "clerks"),
            Change::DeleteApplication {
                client_id: client_id.to_owned(),
            },
        ])
    };
    let refused = store.change(deletions("unknown"), granting()).await;
    assert!(refused.is_err() && lives(&store, "2").await);
    store
        .change(deletions("billing"), granting())
        .await
        .unwrap();
    assert_ended(&store, "1", APPLICATION_DELETED).await;
    for id in ["2", "3"] {
        assert_ended(&store, id, PRINCIPAL_DELETED).await;
    }
    assert!(lives(&store, "4").await);
}

/// Whoever makes a role of the same name later gives nothing to tokens of before.
pub(in crate::store) async fn law_10_a_role_that_is_deleted_is_gone_from_every_token(
    store: Arc<dyn Store>,
) {
    with_carol(&store).await;
    let odd = "x\",\"temps";
    for name in ["temps", "Temps", odd] {
        store
            .change(role(name), audit("role.create"))
            .await
            .unwrap();
    }
    let naming = |id: &str, roles: &[&str]| TokenRow {
        roles: roles.iter().map(|it| (*it).to_owned()).collect(),
        ..system(id)
    };
    let named = TokenRow {
        roles: vec!["temps".to_owned(), "clerks".to_owned()],
        ..token("4")
    };
    for row in [
        naming("1", &["temps"]),
        naming("2", &["clerks", "temps", "Temps"]),
        naming("3", &[odd, "Temps"]),
        named,
        through("1", token("5")),
        token("6"),
    ] {
        grant(&store, row).await;
    }
    let version = store.token_version().await.unwrap();
    let again = Change::All(vec![
        Change::DeleteRole {
            name: "temps".to_owned(),
        },
        role("temps"),
    ]);
    store.change(again, granting()).await.unwrap();
    for id in ["1", "5"] {
        assert_ended(&store, id, ROLE_DELETED).await;
    }
    for (id, roles) in [
        ("2", vec!["clerks", "Temps"]),
        ("3", vec![odd, "Temps"]),
        ("4", vec!["clerks"]),
        ("6", vec![]),
    ] {
        let row = store.token(id).await.unwrap().unwrap();
        assert_eq!(row.roles, roles, "{id}");
        assert!(row.is_live(now()), "{id}");
    }
    assert!(store.token_version().await.unwrap() > version);

    let gone = Change::DeleteRole {
        name: "temps".to_owned(),
    };
    store.change(gone, granting()).await.unwrap();
    let refused = store.create_token(naming("7", &["Reader", "temps"]), 10, granting());
    assert_refused(refused.await.map(drop), "role");
    let next = TokenRotation {
        successor: naming("7", &["temps"]),
        ..rotation("2", "7")
    };
    assert_refused(store.rotate_token(next).await.map(drop), "role");
    assert_eq!(store.token("7").await.unwrap(), None);
    grant(&store, naming("7", &["Reader"])).await;
}

const P256: &str = include_str!("../../../../../testdata/clients/p256/p256.pem");
const RSA2048: &str = include_str!("../../../../../testdata/clients/rsa2048/rsa2048.pem");

fn certificate(pem: &str) -> RegisteredCertificate {
    let asked = NewCertificate {
        pem: pem.to_owned(),
        client_id: Some("billing".to_owned()),
        usage: CertificateUsage::Client,
        kid_alias: None,
    };
    CertificateEntry::new(&asked).unwrap().record
}

/// Certificates of carol by mappings `m0` and `m1`: their SHA-256.
pub(in crate::store) async fn with_certificates(store: &Arc<dyn Store>) -> [String; 2] {
    with_carol(store).await;
    let records = [certificate(P256), certificate(RSA2048)];
    let mut changes = vec![application("billing")];
    for (number, record) in records.iter().enumerate() {
        changes.push(Change::RegisterCertificate(record.clone()));
        let id = format!("m{number}");
        changes.push(Change::CreateMapping(mapping(&id, &record.sha256, "carol")));
    }
    let made = store.change(Change::All(changes), audit("application.create"));
    made.await.unwrap();
    records.map(|record| record.sha256)
}

pub(in crate::store) fn mapping(id: &str, sha256: &str, principal: &str) -> PrincipalMapping {
    PrincipalMapping {
        id: id.to_owned(),
        client_id: "billing".to_owned(),
        certificate: sha256.to_owned(),
        principal: principal.to_owned(),
        is_default: false,
    }
}

pub(super) async fn with_dave(store: &Arc<dyn Store>) {
    let dave = principal("dave", "clerks");
    store.change(dave, audit("principal.create")).await.unwrap();
}

/// The ids of those that were revoked, sorted.
pub(super) async fn revoke(store: &Arc<dyn Store>, which: TokenSelector) -> String {
    let revoked = store.revoke_tokens(which, "stolen", now(), audit("token.revoke"));
    let mut ids = revoked.await.unwrap();
    ids.sort();
    ids.join(" ")
}

pub(super) async fn lives(store: &Arc<dyn Store>, id: &str) -> bool {
    store.token(id).await.unwrap().unwrap().is_live(now())
}

async fn assert_ended(store: &Arc<dyn Store>, id: &str, reason: &str) {
    let row = store.token(id).await.unwrap().unwrap();
    let found = (row.revoked_at, row.revocation_reason.as_deref());
    assert_eq!(found, (Some(now()), Some(reason)), "{id}");
}

pub(super) fn assert_refused(outcome: Result<(), StoreError>, what: &str) {
    match outcome {
        Err(StoreError::Registry(error)) => {
            assert!(error.to_string().starts_with(what), "{error}");
        }
        other => panic!("{other:?}"),
    }
}

fn of_dave(row: TokenRow) -> TokenRow {
    TokenRow {
        owner: Some("dave".to_owned()),
        ..row
    }
}

pub(super) fn by_application(client_id: &str, row: TokenRow) -> TokenRow {
    TokenRow {
        application: Some(client_id.to_owned()),
        ..row
    }
}

pub(in crate::store) fn by_certificate(sha256: &str, row: TokenRow) -> TokenRow {
    TokenRow {
        certificate: Some(sha256.to_owned()),
        ..row
    }
}

pub(in crate::store) fn through(id: &str, row: TokenRow) -> TokenRow {
    TokenRow {
        created_through: Some(id.to_owned()),
        ..row
    }
}

fn over(row: TokenRow) -> TokenRow {
    TokenRow {
        expires_at: Some(now()),
        ..row
    }
}
