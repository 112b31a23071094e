//! Does only a good provider, asked by the right browser, prove somebody?

use std::collections::HashMap;

use countersign_proto::key::{KeyType, LocalKey};
use serde_json::json;

use super::*;
use crate::{
    config::{ClientAuthentication, IdentityProviderSettings},
    idp::fixtures::{CONFIGURATION, Fake, JWKS, Reply, TOKEN, changed, sign_with},
};

const NOW: u64 = 1_800_000_000;
const CLIENT: &str = "platform-7";

struct Still;

impl Clock for Still {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(NOW)
    }
}

fn redirect_uri() -> Url {
    "https://platform.example/login/callback".parse().unwrap()
}

/// The verifier is that of RFC 7636 Appendix B.
fn transaction() -> TransactionKeys {
    TransactionKeys {
        state: "af0ifjsldkj".to_owned(),
        nonce: "n-0S6_WzA2Mj".to_owned(),
        verifier: Zeroizing::new("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk".to_owned()),
    }
}

fn client(fake: &Fake, claim: &str) -> OpenIdConnect {
    let text = format!(
        "issuer = \"http://127.0.0.1:8085\"\n[identity_provider]\nkind = \"openid-connect\"\n\
         name = \"Acme\"\nissuer = \"{}\"\nclient_id = \"{CLIENT}\"\nprincipal_claim = \"{claim}\"\n",
        fake.issuer
    );
    let settings = crate::config::Settings::parse(&text, "c.toml".as_ref()).unwrap();
    let IdentityProviderSettings::OpenIdConnect(mut settings) = settings.identity_provider else {
        panic!("{text}");
    };
    settings.authentication = ClientAuthentication::Public;
    let outbound = Outbound::new(None, 8).unwrap();
    OpenIdConnect::new(&settings, outbound, Arc::new(Still)).unwrap()
}

fn brought(fake: &Fake) -> Callback {
    Callback {
        code: Some(Zeroizing::new("SplxlOBeZQQYbYS6WxSbIA".to_owned())),
        iss: Some(fake.issuer.clone()),
        error: None,
        error_description: None,
    }
}

fn claims(fake: &Fake, changes: &Value) -> Value {
    changed(fake.claims(CLIENT, &transaction().nonce, NOW), changes)
}

async fn redeem(fake: &Fake, callback: Callback) -> Result<ProvedIdentity, IdpRefusal> {
    let client = client(fake, "sub");
    let now = UnixTime::from_secs(NOW);
    client
        .redeem(callback, &transaction(), &redirect_uri(), now)
        .await
}

/// What becomes of a person whose token endpoint answers so.
async fn redeem_with(reply: Reply) -> Result<ProvedIdentity, IdpRefusal> {
    let fake = Fake::start().await;
    fake.reply(TOKEN, reply);
    redeem(&fake, brought(&fake)).await
}

// security.md 87, 90
#[tokio::test]
async fn a_browser_is_sent_to_the_provider_with_all_that_ties_the_answer_to_it() {
    let fake = Fake::start().await;
    let description = fake.description(&json!({
        "authorization_endpoint": format!("{}/auth?tenant=7", fake.issuer),
    }));
    fake.reply(CONFIGURATION, Reply::json(&description));
    let client = client(&fake, "sub");
    let url = client
        .authorization_url(&transaction(), &redirect_uri(), Some("anna & co"))
        .await
        .unwrap();
    assert!(url.as_str().starts_with(&format!("{}/auth?", fake.issuer)));
    let query: HashMap<_, _> = url.query_pairs().into_owned().collect();
    let expected = [
        ("tenant", "7"),
        ("response_type", "code"),
        ("client_id", CLIENT),
        ("redirect_uri", "https://platform.example/login/callback"),
        ("scope", "openid profile"),
        ("state", "af0ifjsldkj"),
        ("nonce", "n-0S6_WzA2Mj"),
        // RFC 7636 Appendix B
        (
            "code_challenge",
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM",
        ),
        ("code_challenge_method", "S256"),
        ("login_hint", "anna & co"),
    ];
    for (name, value) in expected {
        assert_eq!(query[name], value, "{name}");
    }
    assert_eq!(query.len(), expected.len());
    assert_eq!(client.origin().await, Ok(Some(fake.issuer.clone())));
    assert_eq!(client.way(), SignInWay::Redirect);
}

#[tokio::test]
async fn nobody_is_sent_to_a_provider_that_cannot_take_them() {
    for changes in [
        json!({ "authorization_endpoint": null }),
        json!({ "code_challenge_methods_supported": ["plain"] }),
        json!({ "code_challenge_methods_supported": [] }),
        json!({ "issuer": "https://evil.example.com" }),
    ] {
        let fake = Fake::start().await;
        fake.reply(CONFIGURATION, Reply::json(&fake.description(&changes)));
        let client = client(&fake, "sub");
        let refused = client
            .authorization_url(&transaction(), &redirect_uri(), None)
            .await;
        assert!(
            matches!(refused, Err(IdpRefusal::Provider(_))),
            "{changes}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn a_code_is_redeemed_with_its_verifier_and_an_id_token_proves_who_it_is() {
    let fake = Fake::start().await;
    fake.gives(&fake.sign(&json!({}), &claims(&fake, &json!({}))));
    let proved = redeem(&fake, brought(&fake)).await.unwrap();
    assert_eq!(
        proved,
        ProvedIdentity {
            provider: "Acme".to_owned(),
            subject: "248289761001".to_owned(),
            principal: "248289761001".to_owned(),
            display_name: Some("Anna Example".to_owned()),
        }
    );
    let asked = fake.asked(TOKEN);
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].authorization, None);
    let form: std::collections::BTreeMap<_, _> = asked[0].form.clone().into_iter().collect();
    let expected = [
        ("client_id", CLIENT),
        ("code", "SplxlOBeZQQYbYS6WxSbIA"),
        (
            "code_verifier",
            "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
        ),
        ("grant_type", "authorization_code"),
        ("redirect_uri", "https://platform.example/login/callback"),
    ];
    assert!(
        form.iter()
            .map(|(a, b)| (a.as_str(), b.as_str()))
            .eq(expected),
        "{form:?}"
    );
}

#[tokio::test]
async fn the_principal_follows_the_claim_that_was_chosen() {
    for (claim, changes, principal) in [
        (
            "preferred_username",
            json!({ "preferred_username": "anna" }),
            Ok("anna"),
        ),
        (
            "email",
            json!({ "email": "a@example.com", "email_verified": true }),
            Ok("a@example.com"),
        ),
        ("email", json!({ "email": "a@example.com" }), Err(())),
        ("preferred_username", json!({}), Err(())),
        (
            "preferred_username",
            json!({ "preferred_username": "platform" }),
            Err(()),
        ),
        (
            "preferred_username",
            json!({ "preferred_username": "an\u{7}na" }),
            Err(()),
        ),
        ("sub", json!({ "sub": "countersign:platform" }), Err(())),
    ] {
        let fake = Fake::start().await;
        fake.gives(&fake.sign(&json!({}), &claims(&fake, &changes)));
        let client = client(&fake, claim);
        let now = UnixTime::from_secs(NOW);
        let proved = client
            .redeem(brought(&fake), &transaction(), &redirect_uri(), now)
            .await;
        match (proved, principal) {
            (Ok(proved), Ok(expected)) => assert_eq!(proved.principal, expected),
            (Err(IdpRefusal::Provider(_)), Err(())) => {}
            (found, _) => panic!("{changes}: {found:?}"),
        }
    }
}

// security.md 91
#[tokio::test]
async fn what_comes_from_another_provider_is_not_redeemed() {
    let fake = Fake::start().await;
    let iss = |iss: Option<&str>| Callback {
        iss: iss.map(str::to_owned),
        ..brought(&fake)
    };
    for (found, told) in [
        (
            Some("https://evil.example.com".to_owned()),
            "comes from another",
        ),
        (Some(format!("{}/", fake.issuer)), "comes from another"),
        (Some(String::new()), "comes from another"),
        (None, "does not say"),
    ] {
        let refused = redeem(&fake, iss(found.as_deref())).await;
        assert!(
            matches!(&refused, Err(IdpRefusal::Callback(why)) if why.contains(told)),
            "{found:?}: {refused:?}"
        );
        // An error of another provider is none of this one.
        let denied = Callback {
            error: Some("access_denied".to_owned()),
            ..iss(found.as_deref())
        };
        assert!(matches!(
            redeem(&fake, denied).await,
            Err(IdpRefusal::Callback(_))
        ));
    }
    assert!(fake.asked(TOKEN).is_empty(), "no token request was made");

    // Where it is not promised it may be absent; where it is there it must be right.
    let silent = json!({ "authorization_response_iss_parameter_supported": null });
    fake.reply(CONFIGURATION, Reply::json(&fake.description(&silent)));
    fake.gives(&fake.sign(&json!({}), &claims(&fake, &json!({}))));
    assert!(redeem(&fake, iss(None)).await.is_ok());
    let refused = redeem(&fake, iss(Some("https://evil.example.com"))).await;
    assert!(matches!(refused, Err(IdpRefusal::Callback(_))));
}

#[tokio::test]
async fn a_callback_without_a_code_says_what_the_provider_said() {
    let fake = Fake::start().await;
    let said = |error: &str| Callback {
        code: None,
        error: Some(error.to_owned()),
        error_description: Some("<script>\u{7}".repeat(1000)),
        ..brought(&fake)
    };
    assert_eq!(
        redeem(&fake, said("access_denied")).await,
        Err(IdpRefusal::Denied)
    );
    for error in ["server_error", "temporarily_unavailable"] {
        let refused = redeem(&fake, said(error)).await;
        assert!(
            matches!(refused, Err(IdpRefusal::Unavailable(_))),
            "{error}"
        );
    }
    for error in [
        "login_required",
        "",
        "x\u{1b}[2J\u{202E}<b>",
        &"e".repeat(100_000),
    ] {
        let Err(IdpRefusal::Provider(told)) = redeem(&fake, said(error)).await else {
            panic!("{error}");
        };
        assert!(told.len() < 300 && told.is_ascii(), "{told}");
        assert!(!told.contains('\u{1b}'), "{told}");
    }
    for code in [None, Some(String::new()), Some("x".repeat(4097))] {
        let callback = Callback {
            code: code.map(Zeroizing::new),
            ..brought(&fake)
        };
        let refused = redeem(&fake, callback).await;
        assert_eq!(refused, Err(IdpRefusal::Callback("it brings no code")));
    }
    assert!(fake.asked(TOKEN).is_empty(), "no token request was made");
}

#[tokio::test]
async fn a_token_endpoint_that_refuses_is_told_by_whose_fault_it_is() {
    let refusal = |status: u16, error: &str| {
        let mut reply = Reply::json(&json!({ "error": error }));
        reply.status = StatusCode::from_u16(status).unwrap();
        reply
    };
    let used = redeem_with(refusal(400, "invalid_grant")).await;
    assert!(matches!(used, Err(IdpRefusal::Callback(_))), "{used:?}");
    for reply in [
        refusal(401, "invalid_client"),
        refusal(400, "unauthorized_client"),
        refusal(400, "<b>\u{1b}"),
        Reply::status(400),
        Reply::status(404),
        Reply::status(204),
        {
            let mut reply = Reply::status(307);
            reply.location = Some("/token");
            reply
        },
    ] {
        let status = reply.status;
        let refused = redeem_with(reply).await;
        assert!(
            matches!(refused, Err(IdpRefusal::Provider(_))),
            "{status}: {refused:?}"
        );
    }
    for status in [500, 502, 503, 429] {
        let refused = redeem_with(Reply::status(status)).await;
        assert!(
            matches!(refused, Err(IdpRefusal::Unavailable(_))),
            "{status}: {refused:?}"
        );
    }
}

#[tokio::test]
async fn an_answer_that_is_none_is_refused_within_limits() {
    for (what, reply) in [
        ("empty", Reply::text("")),
        ("no object", Reply::text("[]")),
        (
            "no ID token",
            Reply::text(r#"{"access_token":"a","token_type":"Bearer"}"#),
        ),
        ("no text", Reply::text(r#"{"id_token":{"a":1}}"#)),
        ("twice", Reply::text(r#"{"id_token":"a","id_token":"b"}"#)),
        (
            "deep",
            Reply::text(&format!(
                "{{\"id_token\":{}1{}}}",
                "[".repeat(99),
                "]".repeat(99)
            )),
        ),
        ("long", Reply::text(&"x".repeat(1024 * 1024 + 1))),
        ("no JWS", Reply::text(r#"{"id_token":"a.b"}"#)),
        (
            "a large one",
            Reply::text(&format!(r#"{{"id_token":"{}"}}"#, "a".repeat(20_000))),
        ),
        ("a page", {
            let mut reply = Reply::text("{}");
            reply.content_type = "text/html";
            reply
        }),
    ] {
        let refused = redeem_with(reply).await;
        assert!(
            matches!(refused, Err(IdpRefusal::Provider(_))),
            "{what}: {refused:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_is_away_or_slow_is_unavailable() {
    let fake = Fake::start().await;
    fake.reply(TOKEN, Reply::never());
    let refused = redeem(&fake, brought(&fake)).await;
    assert!(
        matches!(refused, Err(IdpRefusal::Unavailable(_))),
        "{refused:?}"
    );

    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/token", listener.local_addr().unwrap());
    drop(listener);
    let description = fake.description(&json!({ "token_endpoint": nobody }));
    fake.reply(CONFIGURATION, Reply::json(&description));
    let refused = redeem(&fake, brought(&fake)).await;
    assert!(
        matches!(refused, Err(IdpRefusal::Unavailable(_))),
        "{refused:?}"
    );
}

/// What a hostile provider, or somebody between, may give in the place of a good ID token.
#[tokio::test]
async fn an_id_token_that_is_not_exactly_right_proves_nobody() {
    let fake = Fake::start().await;
    let mallory = LocalKey::generate(KeyType::P256).unwrap().0;
    let good = claims(&fake, &json!({}));
    let by_fake = |header: Value, changes: Value| fake.sign(&header, &claims(&fake, &changes));
    let mut tokens = vec![
        (
            "another key",
            sign_with(&mallory, fake.algorithm(), &json!({}), &good),
        ),
        (
            "a key that is not published",
            by_fake(json!({ "kid": "two" }), json!({})),
        ),
        (
            "a name that is none",
            by_fake(json!({ "kid": "../one" }), json!({})),
        ),
        (
            "an access token",
            by_fake(json!({ "typ": "at+jwt" }), json!({})),
        ),
        (
            "an extension",
            by_fake(json!({ "crit": ["b64"], "b64": false }), json!({})),
        ),
    ];
    for changes in [
        json!({ "nonce": "n-of-another-browser" }),
        json!({ "nonce": null }),
        json!({ "iss": "https://evil.example.com" }),
        json!({ "aud": "another-client" }),
        json!({ "aud": [CLIENT, "another-client"], "azp": CLIENT }),
        json!({ "azp": "another-client" }),
        json!({ "exp": NOW - 60 }),
        json!({ "iat": NOW - 3600 }),
        json!({ "iat": NOW + 3600 }),
        json!({ "sub": null }),
        json!({ "at_hash": "AAAAAAAAAAAAAAAAAAAAAA" }),
    ] {
        tokens.push(("a claim", by_fake(json!({}), changes)));
    }
    for (what, token) in tokens {
        fake.gives(&token);
        let refused = redeem(&fake, brought(&fake)).await;
        assert!(
            matches!(refused, Err(IdpRefusal::Provider(_))),
            "{what}: {refused:?}"
        );
    }
    fake.gives(&fake.sign(&json!({}), &good));
    assert!(redeem(&fake, brought(&fake)).await.is_ok(), "the good one");
}

#[tokio::test]
async fn a_provider_whose_keys_cannot_be_fetched_proves_nobody() {
    for (reply, away) in [
        (Reply::status(500), true),
        (Reply::status(404), false),
        (Reply::text(r#"{"keys":[]}"#), false),
    ] {
        let fake = Fake::start().await;
        fake.gives(&fake.sign(&json!({}), &claims(&fake, &json!({}))));
        fake.reply(JWKS, reply);
        let refused = redeem(&fake, brought(&fake)).await.unwrap_err();
        assert_eq!(
            matches!(refused, IdpRefusal::Unavailable(_)),
            away,
            "{refused:?}"
        );
    }
}

#[tokio::test]
async fn nobody_types_a_password_for_a_provider_here() {
    let fake = Fake::start().await;
    let client = client(&fake, "sub");
    let password = Password::typed(Zeroizing::new("correct horse".to_owned()));
    let now = UnixTime::from_secs(NOW);
    let refused = client.check_password("anna", &password, None, now).await;
    assert!(matches!(refused, Err(IdpRefusal::Callback(_))));
    assert!(fake.asked(TOKEN).is_empty());
}
