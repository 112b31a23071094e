//! Are tokens of trusted issuers believed, by their own keys and for nothing more than their principal has?

use std::time::Duration;

use axum::http::{Method, StatusCode};
use countersign_proto::key::{Algorithm, KeyType, LocalKey, SigningKey as _};
use serde_json::{Value, json};

use super::{
    token_scene::guard,
    world::{ISSUER, World},
};
use crate::{
    config::TrustedIssuer,
    idp::fixtures::{CONFIGURATION, Fake, JWKS, Reply, changed, pasted, sign_with},
};

const AUDIENCE: &str = "countersign";

/// A platform that trusts this issuer. Anna reads, and has tokens of her own.
async fn trusting(fake: &Fake, role_claim: Option<&str>) -> World {
    let terms = TrustedIssuer {
        issuer: fake.issuer.clone(),
        audience: AUDIENCE.to_owned(),
        principal_claim: "sub".to_owned(),
        role_claim: role_claim.map(str::to_owned),
    };
    let world = World::with(|settings| settings.trusted_issuers = vec![terms]).await;
    world.principal("anna", &["Reader", "Developer"]).await;
    world
}

/// The claims of a good token, with changes.
fn claims(fake: &Fake, world: &World, changes: &Value) -> Value {
    let now = world.now().as_secs();
    let good = json!({
        "iss": fake.issuer, "sub": "anna", "aud": AUDIENCE,
        "iat": now, "exp": now + 300, "jti": "a-token-of-theirs",
    });
    changed(good, changes)
}

async fn whoami(world: &World, token: &str) -> (StatusCode, Value) {
    let answer = world.api(Method::GET, "whoami", token, None).await;
    (answer.status, answer.json())
}

#[track_caller]
fn refused((status, body): (StatusCode, Value), why: &str) {
    assert_eq!(status, StatusCode::UNAUTHORIZED, "{why}: {body}");
}

#[tokio::test]
async fn whoever_a_trusted_issuer_vouches_for_is_known_at_the_api() {
    let fake = Fake::start().await;
    let world = trusting(&fake, None).await;
    for typ in [json!("at+jwt"), json!("JWT"), Value::Null] {
        let token = fake.sign(&json!({ "typ": typ }), &claims(&fake, &world, &json!({})));
        let (status, who) = whoami(&world, &token).await;
        assert_eq!(status, StatusCode::OK, "{who}");
        assert_eq!(who["principal"], "anna");
        assert_eq!(who["roles"], json!(["Reader", "Developer"]));
    }
    let list = json!({ "aud": [AUDIENCE] });
    let token = fake.sign(&json!({}), &claims(&fake, &world, &list));
    assert_eq!(whoami(&world, &token).await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_a_trusted_issuer_vouches_for_is_told_to_no_api_but_the_platform() {
    let fake = Fake::start().await;
    let world = trusting(&fake, None).await;
    let token = fake.sign(&json!({}), &claims(&fake, &world, &json!({})));
    let here = guard(&world, None).await;
    let there = guard(&world, Some("https://orders.example")).await;
    assert_eq!(world.introspect(&here, &token).await.json()["active"], true);
    let answer = world.introspect(&there, &token).await.json();
    assert_eq!(answer, json!({ "active": false }));
}

// security.md 10, 14, 25, B6
#[tokio::test]
async fn a_token_that_is_not_exactly_what_was_agreed_is_refused() {
    let fake = Fake::start().await;
    let world = trusting(&fake, None).await;
    world.principal("gone", &["Reader"]).await;
    let now = world.now().as_secs();
    for changes in [
        json!({ "aud": "another" }),
        json!({ "aud": [AUDIENCE, "another"] }),
        json!({ "aud": null }),
        json!({ "iss": format!("{}/", fake.issuer) }),
        json!({ "iss": "https://elsewhere.example" }),
        json!({ "iss": [fake.issuer] }),
        json!({ "exp": now }),
        json!({ "exp": null }),
        json!({ "exp": "soon" }),
        json!({ "iat": null }),
        json!({ "iat": now + 11, "exp": now + 600 }),
        json!({ "nbf": now + 11 }),
        json!({ "sub": "nobody" }),
        json!({ "sub": null }),
        json!({ "sub": "Anna" }),
        json!({ "nonce": "an id token" }),
        json!({ "at_hash": "an id token" }),
        json!({ "cnf": { "jkt": "x" } }),
    ] {
        let token = fake.sign(&json!({}), &claims(&fake, &world, &changes));
        refused(whoami(&world, &token).await, &changes.to_string());
    }
    for header in [
        json!({ "kid": "two" }),
        json!({ "typ": "logout+jwt" }),
        json!({ "typ": "client-authentication+jwt" }),
        json!({ "crit": ["x"], "x": 1 }),
    ] {
        let token = fake.sign(&header, &claims(&fake, &world, &json!({})));
        refused(whoami(&world, &token).await, &header.to_string());
    }
    for algorithm in ["none", "HS256"] {
        let header = json!({ "alg": algorithm, "kid": "one" }).to_string();
        let good = claims(&fake, &world, &json!({})).to_string();
        for signature in ["", "signature"] {
            let token = pasted(header.as_bytes(), good.as_bytes(), signature.as_bytes());
            refused(whoami(&world, &token).await, algorithm);
        }
    }
}

// security.md 25
#[tokio::test]
async fn its_keys_verify_its_own_tokens_and_no_others_do() {
    let (fake, other) = (Fake::start().await, Fake::start().await);
    let world = trusting(&fake, None).await;
    // Another's key under its name.
    let good = claims(&fake, &world, &json!({}));
    let forged = sign_with(&other.key, Algorithm::ES256, &json!({}), &good);
    refused(whoami(&world, &forged).await, "a foreign key");
    // Its key under our name, with all that a token of ours has.
    let now = world.now().as_secs();
    let ours = json!({
        "iss": ISSUER, "sub": "anna", "aud": ISSUER, "client_id": "countersign:cli",
        "principal": "anna", "type": 1, "iat": now, "nbf": now, "exp": now + 300, "jti": "x".repeat(22),
    });
    let forged = fake.sign(&json!({ "typ": "at+jwt" }), &ours);
    refused(whoami(&world, &forged).await, "our name");
    // An issuer that nobody trusts.
    let token = other.sign(&json!({}), &claims(&other, &world, &json!({})));
    refused(whoami(&world, &token).await, "nobody trusts it");
    // Without trust there is nothing to believe.
    let world = World::new().await;
    world.principal("anna", &["Reader"]).await;
    let token = fake.sign(&json!({}), &claims(&fake, &world, &json!({})));
    refused(whoami(&world, &token).await, "no trust");
    assert_eq!(fake.asked(CONFIGURATION).len(), 1);
}

#[tokio::test]
async fn roles_that_it_names_narrow_what_the_principal_has_and_add_nothing() {
    let fake = Fake::start().await;
    let world = trusting(&fake, Some("groups")).await;
    for (named, has) in [
        (json!(["Reader"]), json!(["Reader"])),
        (json!("Developer"), json!(["Developer"])),
        (json!(["Administrator", "Reader"]), json!(["Reader"])),
        (json!(["Administrator"]), json!([])),
        (json!([]), json!([])),
        (json!({ "Reader": true }), json!([])),
        (Value::Null, json!([])),
    ] {
        let token = fake.sign(
            &json!({}),
            &claims(&fake, &world, &json!({ "groups": named })),
        );
        let (status, who) = whoami(&world, &token).await;
        assert_eq!(status, StatusCode::OK, "{who}");
        assert_eq!(who["roles"], has, "{named}");
        let audit = world.api(Method::GET, "audit", &token, None).await.status;
        let reads = has.as_array().unwrap().contains(&json!("Reader"));
        assert_eq!(audit == StatusCode::OK, reads, "{named}");
    }
}

#[tokio::test]
async fn what_it_grants_ends_with_it() {
    let fake = Fake::start().await;
    let world = trusting(&fake, None).await;
    let token = fake.sign(&json!({}), &claims(&fake, &world, &json!({})));
    let wish = |seconds: u64| json!({ "kind": "personal", "name": "x", "lifetime_s": seconds });
    let longer = world
        .api(Method::POST, "tokens", &token, Some(wish(301)))
        .await;
    assert!(longer.status.is_client_error(), "{}", longer.json());
    let equal = world
        .api(Method::POST, "tokens", &token, Some(wish(300)))
        .await;
    assert_eq!(equal.status, StatusCode::CREATED, "{}", equal.json());
}

#[tokio::test]
async fn new_keys_of_its_own_need_no_change_of_settings() {
    let fake = Fake::start().await;
    let world = trusting(&fake, None).await;
    let token = fake.sign(&json!({}), &claims(&fake, &world, &json!({})));
    assert_eq!(whoami(&world, &token).await.0, StatusCode::OK);
    let (next, _) = LocalKey::generate(KeyType::P256).unwrap();
    let mut keys = fake.jwks(&json!({}));
    let members = Value::Object(countersign_proto::jwk::required_members(next.public_key()));
    let named = changed(members, &json!({ "kid": "two" }));
    keys["keys"].as_array_mut().unwrap().push(named);
    fake.reply(JWKS, Reply::json(&keys));
    world.advance(10);
    let good = claims(&fake, &world, &json!({}));
    let by_next = sign_with(&next, Algorithm::ES256, &json!({ "kid": "two" }), &good);
    assert_eq!(whoami(&world, &by_next).await.0, StatusCode::OK);
}

#[tokio::test]
async fn many_tokens_by_keys_that_nobody_knows_make_it_ask_once() {
    let fake = Fake::start().await;
    let world = trusting(&fake, None).await;
    let good = claims(&fake, &world, &json!({}));
    for number in 0..1_000 {
        let kid = json!({ "kid": format!("unknown-{number}") });
        refused(whoami(&world, &fake.sign(&kid, &good)).await, "unknown");
    }
    assert_eq!(fake.asked(JWKS).len(), 1);
    world.advance(10);
    let kid = json!({ "kid": "unknown" });
    refused(whoami(&world, &fake.sign(&kid, &good)).await, "unknown");
    assert_eq!(fake.asked(JWKS).len(), 2);
}

#[tokio::test]
async fn an_issuer_that_is_away_is_asked_again_and_its_last_keys_serve_for_a_day() {
    let fake = Fake::start().await;
    fake.reply(CONFIGURATION, Reply::status(503));
    let world = trusting(&fake, None).await;
    world
        .platform
        .trusted_issuers()
        .keep_keys(world.now())
        .await;
    let sign = |world: &World| fake.sign(&json!({}), &claims(&fake, world, &json!({})));
    refused(whoami(&world, &sign(&world)).await, "away from the start");
    fake.reply(CONFIGURATION, Reply::json(&fake.description(&json!({}))));
    world.advance(10);
    assert_eq!(whoami(&world, &sign(&world)).await.0, StatusCode::OK);
    fake.reply(CONFIGURATION, Reply::status(503));
    fake.reply(JWKS, Reply::status(503));
    world.advance(Duration::from_secs(23 * 3_600).as_secs());
    assert_eq!(whoami(&world, &sign(&world)).await.0, StatusCode::OK);
    world.advance(3_600);
    refused(whoami(&world, &sign(&world)).await, "away for a day");
}

#[tokio::test]
async fn a_principal_that_was_disabled_is_vouched_for_in_vain() {
    let fake = Fake::start().await;
    let world = trusting(&fake, None).await;
    let token = fake.sign(&json!({}), &claims(&fake, &world, &json!({})));
    assert_eq!(whoami(&world, &token).await.0, StatusCode::OK);
    let mut anna = super::world::principal("anna", &["Reader"]);
    anna.enabled = false;
    world.change(crate::Change::UpdatePrincipal(anna)).await;
    refused(whoami(&world, &token).await, "disabled");
}
