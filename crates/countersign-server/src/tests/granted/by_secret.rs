//! Does the local signing key vouch for granted app tokens, and for nothing else?

use std::{os::unix::fs::OpenOptionsExt as _, path::PathBuf};

use aws_lc_rs::hmac;
use axum::http::Method;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_proto::jwk;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::scene::{INACTIVE, give_back, granted, guard, revoke, works};
use crate::{
    Platform, StartError,
    tests::{
        clock::HandClock,
        terminal::SignIn,
        world::{ISSUER, NOW, World, claims_of},
    },
};

const FIRST: &str = "k7Qw2ZpX9vRt4YbN6mLs8HdJ3fGc5Ae1";
const SECOND: &str = "T0uP8xWq3nVz6KyBr1MfJc9LhDs4GaE7";

const APP: fn() -> Value =
    || json!({"kind": "app", "form": "jwt", "name": "x", "lifetime_s": 3600});

/// A platform that signs app tokens by secrets of a file.
struct Scene {
    world: World,
    admin: String,
    folder: TempDir,
}

impl Scene {
    async fn with(secrets: &str) -> Scene {
        let folder = tempfile::tempdir().unwrap();
        let file = write(&folder, "first", secrets);
        let world = World::with(|settings| {
            settings.secrets_file = Some(folder.path().join("secrets"));
            settings.signing.secret_file = Some(file);
        })
        .await;
        let admin = world.bearer("admin", &["Administrator"]).await;
        Scene {
            world,
            admin,
            folder,
        }
    }

    /// The same platform, started again with other secrets in its file, or without one.
    async fn again(&self, secrets: Option<&str>) -> World {
        let mut settings = self.world.platform.settings().clone();
        settings.signing.secret_file = secrets.map(|it| write(&self.folder, "again", it));
        self.world.beside(settings).await
    }

    fn kid(&self) -> String {
        let keys = self.world.platform.local_signing_keys().unwrap();
        keys.kid().to_owned()
    }

    /// A token with these claims by HS256, under the name of the secret.
    fn signed(&self, claims: &Value, secret: &[u8]) -> String {
        made(
            &json!({"alg": "HS256", "typ": "at+jwt", "kid": self.kid()}),
            claims,
            secret,
        )
    }
}

fn write(folder: &TempDir, name: &str, secrets: &str) -> PathBuf {
    let path = folder.path().join(name);
    let mut options = std::fs::OpenOptions::new();
    let mut file = options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .unwrap();
    std::io::Write::write_all(&mut file, secrets.as_bytes()).unwrap();
    path
}

fn made(header: &Value, claims: &Value, secret: &[u8]) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let input = format!("{}.{}", part(header), part(claims));
    let mac = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(mac))
}

fn header_of(token: &str) -> Value {
    let header = token.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

/// Nobody believes it: not who is asked, not who is called.
async fn assert_refused_everywhere(world: &World, guard: &str, token: &str, what: &str) {
    assert!(!works(world, token).await, "{what}: the API");
    assert_eq!(
        world.introspect(guard, token).await.body,
        INACTIVE,
        "{what}"
    );
    let asking = world.introspect(token, guard).await;
    assert_eq!(asking.status, 401, "{what}: as the one who asks");
    // RFC 7009 §2.2: a token that nobody knows is no error, and nothing comes of it.
    let given_back = give_back(world, token, token).await;
    assert_eq!(given_back.status, 200, "{what}");
}

#[tokio::test]
async fn a_secret_signs_app_tokens_and_every_other_token_is_signed_by_the_issuer() {
    let scene = Scene::with(FIRST).await;
    let (world, admin) = (&scene.world, &scene.admin);
    let (id, token) = granted(world, admin, APP()).await;
    let expected = json!({"alg": "HS256", "typ": "at+jwt", "kid": scene.kid()});
    assert_eq!(header_of(&token), expected);
    let claims = claims_of(&token);
    let expected = json!({
        "iss": ISSUER, "sub": "admin", "aud": ISSUER, "client_id": "countersign:granted",
        "principal": "admin", "type": 4, "roles": claims["roles"],
        "iat": NOW, "nbf": NOW, "exp": NOW + 3600, "jti": id,
    });
    assert_eq!(Value::Object(claims.clone()), expected);
    // Whoever has the secret reads it: the MAC is that of RFC 7515 over what is said.
    let (signed, mac) = token.rsplit_once('.').unwrap();
    let key = hmac::Key::new(hmac::HMAC_SHA256, FIRST.as_bytes());
    let mac = URL_SAFE_NO_PAD.decode(mac).unwrap();
    assert!(hmac::verify(&key, signed.as_bytes(), &mac).is_ok());
    assert!(works(world, &token).await);
    let guard = guard(world, None).await;
    let told = world.introspect(&guard, &token).await.json();
    assert_eq!((&told["active"], &told["jti"]), (&json!(true), &json!(id)));
    assert_eq!(header_of(admin)["alg"], "ES256");
    // It is no public key.
    let keys = world.platform.keys().jwks(world.now());
    assert!(!keys.contains("oct") && !keys.contains(&scene.kid()));
    revoke(world, admin, &id).await;
    assert_refused_everywhere(world, &guard, &token, "revoked").await;
}

#[tokio::test]
async fn a_token_of_a_second_line_is_active_and_one_of_a_removed_secret_is_not() {
    let scene = Scene::with(FIRST).await;
    let (_, token) = granted(&scene.world, &scene.admin, APP()).await;
    let (_, other) = granted(&scene.world, &scene.admin, APP()).await;
    let overlap = scene.again(Some(&format!("{SECOND}\n{FIRST}\n"))).await;
    assert!(works(&overlap, &token).await);
    let (_, newer) = granted(&overlap, &scene.admin, APP()).await;
    assert_ne!(header_of(&newer)["kid"], header_of(&token)["kid"]);
    let after = scene.again(Some(SECOND)).await;
    assert!(works(&after, &newer).await);
    let guard = guard(&after, None).await;
    assert_refused_everywhere(&after, &guard, &token, "removed").await;
    let without = scene.again(None).await;
    for token in [token, other, newer] {
        assert!(!works(&without, &token).await);
    }
    let (_, by_issuer) = granted(&without, &scene.admin, APP()).await;
    assert_eq!(header_of(&by_issuer)["alg"], "ES256");
    assert!(
        works(&overlap, &by_issuer).await,
        "the issuer's key stays good"
    );
}

// security.md A2
#[tokio::test]
async fn the_secret_speaks_for_no_person_no_application_and_no_component() {
    let scene = Scene::with(FIRST).await;
    let (world, admin) = (&scene.world, &scene.admin);
    let guard = guard(world, None).await;
    let component = world.component().await;
    let component = world
        .exchange_platform(&world.platform_assertion(&component), "")
        .await;
    let terminal = world.delivered("anna", SignIn::default()).await;
    assert!(world.acknowledge(&terminal).await);
    let (_, opaque) = granted(world, admin, json!({"kind": "app", "name": "opaque"})).await;
    let opaque = world.introspect(&guard, &opaque).await.json();
    for (good, kind) in [
        (terminal.access_token, 0),
        (admin.clone(), 1),
        (component.token(), 2),
    ] {
        let said = Value::Object(claims_of(&good));
        assert_eq!(said["type"], kind);
        // The very claims that are believed by the signature of the issuer.
        assert!(world.is_active(&good).await, "{kind}");
        let token = scene.signed(&said, FIRST.as_bytes());
        assert_refused_everywhere(world, &guard, &token, &format!("kind {kind}")).await;
        let mut named = said;
        named["client_id"] = json!("countersign:granted");
        let token = scene.signed(&named, FIRST.as_bytes());
        assert_refused_everywhere(world, &guard, &token, &format!("kind {kind}, named")).await;
        assert!(
            world.is_active(&good).await,
            "{kind}: nothing was given back"
        );
    }
    // Nor for a token that was granted in another form, or never.
    let mut claims = opaque;
    claims.as_object_mut().unwrap().remove("active");
    claims["exp"] = json!(NOW + 900);
    for jti in [claims["jti"].clone(), json!("0000000000000000000001")] {
        claims["jti"] = jti;
        let token = scene.signed(&claims, FIRST.as_bytes());
        assert_refused_everywhere(world, &guard, &token, "no row of this form").await;
    }
}

// security.md A1, A2
#[tokio::test]
async fn neither_a_public_key_nor_no_algorithm_makes_an_app_token() {
    let scene = Scene::with(FIRST).await;
    let (world, admin) = (&scene.world, &scene.admin);
    let guard = guard(world, None).await;
    let (_, token) = granted(world, admin, APP()).await;
    let claims = Value::Object(claims_of(&token));
    let active = world.platform.keys().active().clone();
    let (public, _) = world
        .platform
        .keys()
        .verifying(&active.kid, world.now())
        .unwrap();
    let jwks = world.platform.keys().jwks(world.now());
    for secret in [
        jwks.as_bytes(),
        public.spki(),
        jwk::thumbprint(&public).as_bytes(),
        b"",
    ] {
        for kid in [scene.kid(), active.kid.clone()] {
            let header = json!({"alg": "HS256", "typ": "at+jwt", "kid": kid});
            let forged = made(&header, &claims, secret);
            assert_refused_everywhere(world, &guard, &forged, "a public key").await;
        }
    }
    for alg in ["none", "HS384", "HS512", "RS256", "ES256"] {
        for kid in [scene.kid(), active.kid.clone()] {
            let header = json!({"alg": alg, "typ": "at+jwt", "kid": kid});
            let forged = made(&header, &claims, FIRST.as_bytes());
            assert_refused_everywhere(world, &guard, &forged, alg).await;
            let unsigned = format!("{}.", forged.rsplit_once('.').unwrap().0);
            assert!(!works(world, &unsigned).await, "{alg} without a signature");
        }
    }
    assert!(works(world, &token).await);
}

#[tokio::test]
async fn a_weak_secret_keeps_the_platform_from_starting_and_is_never_told() {
    let folder = tempfile::tempdir().unwrap();
    let weak = "your-256-bit-secret-your-256-bit-secret";
    let file = write(&folder, "weak", &format!("{FIRST}\n{weak}\n"));
    let scene = Scene::with(FIRST).await;
    let mut settings = scene.world.platform.settings().clone();
    settings.signing.secret_file = Some(file);
    let store = scene.world.store.clone();
    let clock = std::sync::Arc::new(HandClock::turned_by_hand());
    let refused = Platform::with_store(settings, store, clock)
        .await
        .unwrap_err();
    assert!(matches!(refused, StartError::Secrets(_)));
    let told = format!("{refused} {refused:?} {:?}", scene.world.platform);
    assert!(told.contains("weak: line 2 "), "{told}");
    for secret in [FIRST, "256-bit"] {
        assert!(!told.contains(secret), "{told}");
    }
    let (id, _) = granted(&scene.world, &scene.admin, APP()).await;
    for path in [
        "audit".to_owned(),
        "keys".to_owned(),
        format!("tokens/{id}"),
    ] {
        let answer = scene
            .world
            .api(Method::GET, &path, &scene.admin, None)
            .await;
        assert!(!String::from_utf8(answer.body).unwrap().contains(FIRST));
    }
}
