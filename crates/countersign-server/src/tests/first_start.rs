//! Who can do what on a platform that was just made, and what stays when it is started again?

use std::{path::Path, sync::Arc};

use axum::http::{Method, StatusCode};
use countersign_proto::{assertion::Assertion, key::Algorithm};

use super::world::{ISSUER, Identity, World, claims_of};
use crate::{
    Platform, Rules, StartError, SystemClock,
    config::{Bootstrap, Settings},
    store::MemoryStore,
};

fn bootstrap(certificate: &Path) -> Bootstrap {
    Bootstrap {
        certificate: certificate.to_owned(),
        client_id: "countersign-admin".to_owned(),
    }
}

fn settings(certificate: &Path) -> Settings {
    let mut settings = Settings::in_memory(ISSUER.parse().unwrap());
    settings.bootstrap = Some(bootstrap(certificate));
    settings.secrets_file = Some(certificate.with_file_name("secrets"));
    settings
}

#[tokio::test]
async fn the_first_certificate_is_the_administrators() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("admin.pem");
    let admin = Identity::fresh("administrator");
    std::fs::write(&file, &admin.pem).unwrap();
    let world = World::on(
        settings(&file),
        Arc::new(MemoryStore::new(Rules::default())),
    )
    .await;
    let assertion = world.sign(&Assertion::client("countersign-admin", ISSUER), &admin);
    let token = world.exchange(&assertion, "").await.token();
    let whoami = world.api(Method::GET, "whoami", &token, None).await.json();
    assert_eq!(whoami["principal"], "admin");
    assert_eq!(whoami["roles"], serde_json::json!(["Administrator"]));
    assert_eq!(
        world.audited().await.last().unwrap().0,
        "platform.bootstrap"
    );

    // Started again: nothing is made twice, and the issuer's key is the same.
    let second = world.beside(settings(&file)).await;
    let same = second.api(Method::GET, "whoami", &token, None).await;
    assert_eq!(same.status, StatusCode::OK);
    let bootstraps = second
        .audited()
        .await
        .iter()
        .filter(|it| it.0 == "platform.bootstrap")
        .count();
    assert_eq!(bootstraps, 1);
    let fresh = second.sign(&Assertion::client("countersign-admin", ISSUER), &admin);
    let other = second.exchange(&fresh, "").await;
    // The second platform counts its test's `jti` from the start again, as the first did.
    other.refused("invalid_client", "assertion_replayed");
    assert_eq!(claims_of(&token)["principal"], "admin");
}

// security.md 63: every key that signs is published
#[tokio::test]
async fn a_key_that_another_node_makes_is_known_here_after_the_next_look() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("admin.pem");
    let admin = Identity::fresh("administrator");
    std::fs::write(&file, &admin.pem).unwrap();
    let store = Arc::new(MemoryStore::new(Rules::default()));
    let first = World::on(settings(&file), store).await;
    let mut other = settings(&file);
    other.signing.algorithm = Algorithm::ES384;
    let second = first.beside(other).await;
    let published = |world: &World| world.platform.keys().jwks(world.now());
    assert_ne!(published(&first), published(&second));
    first.platform.refresh_registry().await.unwrap();
    assert_eq!(published(&first), published(&second));
    // The key that is published already goes on to sign until everybody can know the new one.
    let signs = |world: &World| world.platform.keys().active().algorithm;
    assert_eq!(
        (signs(&first), signs(&second)),
        (Algorithm::ES256, Algorithm::ES256)
    );
    let assertion = second.sign(&Assertion::client("countersign-admin", ISSUER), &admin);
    let token = second.exchange(&assertion, "").await.token();
    let here = first.api(Method::GET, "whoami", &token, None).await;
    assert_eq!(here.status, StatusCode::OK);
}

#[tokio::test]
async fn a_bootstrap_certificate_that_may_not_sign_is_named_with_the_reason() {
    let folder = tempfile::tempdir().unwrap();
    for (name, pem) in [
        ("missing.pem", None),
        ("text.pem", Some("not a certificate")),
        (
            "ca.pem",
            Some(include_str!(
                "../../../../testdata/refused/certificate-authority.pem"
            )),
        ),
        (
            "eku.pem",
            Some(include_str!("../../../../testdata/refused/wrong-eku.pem")),
        ),
        (
            "rsa.pem",
            Some(include_str!("../../../../testdata/refused/rsa1024.pem")),
        ),
    ] {
        let file = folder.path().join(name);
        if let Some(pem) = pem {
            std::fs::write(&file, pem).unwrap();
        }
        let opened = Platform::open(settings(&file), Arc::new(SystemClock)).await;
        let Err(StartError::Bootstrap(text)) = opened else {
            panic!("{name} was taken")
        };
        assert!(
            text.contains(name) && text.contains("bootstrap.certificate"),
            "{text}"
        );
    }
}
