//! Which principal does somebody become whom a provider of the customer's vouches for?

use countersign_proto::management::Principal;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::world::{NOW, World, principal};
use crate::{
    Change,
    config::{
        ClientAuthentication, IdentityProviderSettings, Newcomers, OpenIdConnect, PrincipalClaim,
    },
    idp::{
        Callback, TransactionKeys,
        fixtures::{Fake, changed},
    },
    service::sign_in::{self, SignInRefusal, SignedIn},
};

async fn world(fake: &Fake, newcomers: Newcomers) -> World {
    let settings = OpenIdConnect {
        name: "Acme".to_owned(),
        issuer: fake.issuer.clone(),
        client_id: "platform-7".to_owned(),
        authentication: ClientAuthentication::Public,
        scopes: vec!["openid".to_owned()],
        principal_claim: PrincipalClaim::PreferredUsername,
        newcomers,
    };
    World::with(|all| {
        all.identity_provider = IdentityProviderSettings::OpenIdConnect(Box::new(settings));
    })
    .await
}

/// The provider vouches for somebody, who comes back from there.
async fn comes_back(world: &World, fake: &Fake, claims: Value) -> Result<SignedIn, SignInRefusal> {
    let keys = TransactionKeys::derive(&[7; 32], &[8; 16], "handle");
    let good = fake.claims("platform-7", &keys.nonce, world.now().as_secs());
    fake.gives(&fake.sign(&json!({}), &changed(good, &claims)));
    let callback = Callback {
        code: Some(Zeroizing::new("code".to_owned())),
        iss: Some(fake.issuer.clone()),
        error: None,
        error_description: None,
    };
    let redirect_uri = "https://platform.example/login/callback".parse().unwrap();
    let peer = Some([192, 0, 2, 7].into());
    sign_in::by_callback(&world.platform, callback, &keys, &redirect_uri, peer).await
}

fn registered(world: &World, name: &str) -> Option<Principal> {
    let registry = world.platform.registry();
    registry
        .principal(name)
        .map(|found| Principal::clone(found))
}

fn with_role(role: &str) -> Newcomers {
    Newcomers::Created {
        roles: vec![role.to_owned()],
    }
}

#[tokio::test]
async fn a_principal_that_is_registered_signs_in_as_it_is() {
    let fake = Fake::start().await;
    let world = world(&fake, Newcomers::Refused).await;
    world.principal("anna", &["Operator"]).await;
    let signed_in = comes_back(&world, &fake, json!({ "preferred_username": "anna" }))
        .await
        .unwrap();
    assert_eq!(signed_in.principal.name, "anna");
    assert_eq!(signed_in.identity.subject, "248289761001");
    assert_eq!(
        registered(&world, "anna"),
        Some(principal("anna", &["Operator"]))
    );
}

#[tokio::test]
async fn a_stranger_is_turned_away_and_that_is_on_record() {
    let fake = Fake::start().await;
    let world = world(&fake, Newcomers::Refused).await;
    world.principal("anna", &["Operator"]).await;
    for name in ["Anna", "mallory"] {
        let refused = comes_back(&world, &fake, json!({ "preferred_username": name })).await;
        assert!(
            matches!(refused, Err(SignInRefusal::Unknown)),
            "{refused:?}"
        );
    }
    assert_eq!(registered(&world, "mallory"), None);
    let rows = world.store.audit(None, 10).await.unwrap().items;
    assert_eq!(rows[0].action, "sign_in.refuse");
    assert_eq!(rows[0].actor, "248289761001");
    assert_eq!(rows[0].subject, "mallory");
    assert_eq!(rows[0].reason.as_deref(), Some("principal_unknown"));
    assert_eq!(rows[0].address.as_deref(), Some("192.0.2.7"));
}

#[tokio::test]
async fn a_newcomer_becomes_a_principal_with_the_roles_that_were_set() {
    let fake = Fake::start().await;
    let world = world(&fake, with_role("Reader")).await;
    for _ in 0..2 {
        let signed_in = comes_back(&world, &fake, json!({ "preferred_username": "anna" })).await;
        assert_eq!(signed_in.unwrap().principal.roles, ["Reader"]);
    }
    let anna = registered(&world, "anna").unwrap();
    assert_eq!(anna.display_name, "Anna Example");
    assert!(anna.enabled);
    let made: Vec<_> = world
        .store
        .audit(None, 10)
        .await
        .unwrap()
        .items
        .into_iter()
        .filter(|row| row.action == "principal.create")
        .collect();
    assert_eq!(made.len(), 1, "once");
    assert_eq!(
        (made[0].actor.as_str(), made[0].subject.as_str()),
        ("system", "anna")
    );
}

#[tokio::test]
async fn nobody_who_is_registered_is_given_a_role() {
    let fake = Fake::start().await;
    let world = world(&fake, with_role("Operator")).await;
    world.principal("anna", &["Reader"]).await;
    let signed_in = comes_back(&world, &fake, json!({ "preferred_username": "anna" }))
        .await
        .unwrap();
    assert_eq!(signed_in.principal.roles, ["Reader"]);
    assert_eq!(registered(&world, "anna").unwrap().roles, ["Reader"]);
}

// security.md 43
#[tokio::test]
async fn nobody_becomes_the_platform_itself() {
    let fake = Fake::start().await;
    let world = world(&fake, with_role("Operator")).await;
    for name in [
        "platform",
        "PLATFORM",
        "countersign:cli",
        "an\u{202E}na",
        "a\nb",
        "",
    ] {
        let refused = comes_back(&world, &fake, json!({ "preferred_username": name })).await;
        assert!(
            matches!(
                refused,
                Err(SignInRefusal::NotProved(_) | SignInRefusal::NoName)
            ),
            "{name:?}: {refused:?}"
        );
    }
    let registry = world.platform.registry();
    let names: Vec<&str> = registry
        .principals()
        .map(|found| found.name.as_str())
        .collect();
    assert_eq!(names, ["platform"]);
}

#[tokio::test]
async fn a_disabled_principal_stays_outside_and_is_not_made_anew() {
    let fake = Fake::start().await;
    let world = world(&fake, with_role("Reader")).await;
    world.principal("anna", &["Reader"]).await;
    let mut anna = principal("anna", &["Reader"]);
    anna.enabled = false;
    world.change(Change::UpdatePrincipal(anna.clone())).await;
    let refused = comes_back(&world, &fake, json!({ "preferred_username": "anna" })).await;
    assert!(
        matches!(refused, Err(SignInRefusal::Disabled)),
        "{refused:?}"
    );
    assert_eq!(registered(&world, "anna"), Some(anna));
}

#[tokio::test]
async fn a_role_that_is_not_there_makes_no_principal() {
    let fake = Fake::start().await;
    let world = world(&fake, with_role("Clerk")).await;
    let refused = comes_back(&world, &fake, json!({ "preferred_username": "anna" })).await;
    assert!(
        matches!(refused, Err(SignInRefusal::Fault(_))),
        "{refused:?}"
    );
    assert_eq!(registered(&world, "anna"), None);
}

#[tokio::test]
async fn what_deceives_in_a_display_name_is_left_out() {
    let fake = Fake::start().await;
    let world = world(&fake, with_role("Reader")).await;
    for (name, display_name) in [
        ("one", json!("evil\u{202E}")),
        ("two", json!("x".repeat(1001))),
        ("three", json!(7)),
        ("four", json!(null)),
    ] {
        let claims = json!({ "preferred_username": name, "name": display_name });
        comes_back(&world, &fake, claims).await.unwrap();
        assert_eq!(registered(&world, name).unwrap().display_name, "");
    }
}

#[tokio::test]
async fn two_who_come_at_once_are_one_principal() {
    let fake = Fake::start().await;
    let world = world(&fake, with_role("Reader")).await;
    let claims = || json!({ "preferred_username": "anna" });
    let (one, other) = tokio::join!(
        comes_back(&world, &fake, claims()),
        comes_back(&world, &fake, claims())
    );
    assert_eq!(one.unwrap().principal.name, "anna");
    assert_eq!(other.unwrap().principal.name, "anna");
    assert_eq!(world.now().as_secs(), NOW);
}

#[tokio::test]
async fn a_principal_that_another_node_made_is_found() {
    let fake = Fake::start().await;
    let world = world(&fake, Newcomers::Refused).await;
    let entry = crate::audit::by_system("principal.create", "anna", world.now());
    let anna = Change::CreatePrincipal(principal("anna", &[]));
    world.store.change(anna, entry).await.unwrap();
    assert_eq!(
        registered(&world, "anna"),
        None,
        "this node has not looked yet"
    );
    let signed_in = comes_back(&world, &fake, json!({ "preferred_username": "anna" })).await;
    assert_eq!(signed_in.unwrap().principal.name, "anna");
}
