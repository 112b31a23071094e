//! Is anything believed that was not signed by the right key, for this purpose, now?

use countersign::{
    Credential, Transport as _,
    proto::{
        assertion::{Assertion, ClientAssertion},
        exchange::JWT_BEARER_ASSERTION_TYPE,
        json::{Map, Value},
        jws::SigningInput,
        token::{AccessToken, inspect},
    },
};
use countersign_testkit::{Pair, TestPlatform, fixtures};
use http::Request;

use crate::wire_form::{self, TOKEN};

const WHOAMI: &str = "/api/v1/whoami";

/// An assertion of `service` that was signed by the right key after `change` was made to it.
fn changed(
    platform: &TestPlatform,
    jti: &str,
    change: impl FnOnce(&mut Map<String, Value>, &mut Map<String, Value>),
) -> String {
    changed_by(&fixtures::service(), platform, jti, change)
}

fn changed_by(
    credential: &Credential,
    platform: &TestPlatform,
    jti: &str,
    change: impl FnOnce(&mut Map<String, Value>, &mut Map<String, Value>),
) -> String {
    let good = wire_form::sign(
        &Assertion::client("service", platform.issuer()),
        platform,
        credential,
        jti,
    );
    let mut decoded = inspect(good.expose()).unwrap();
    change(&mut decoded.header, &mut decoded.claims);
    let input = SigningInput::encode(&decoded.header, &decoded.claims);
    let algorithm = credential.chain().leaf().public_key().algorithms()[0];
    let signature = credential.key().sign(algorithm, input.as_bytes()).unwrap();
    ClientAssertion::from_signature(input, &signature)
        .expose()
        .to_owned()
}

/// The error code with which the token endpoint refuses an assertion, or `None` when it gives a token.
async fn refusal(platform: &TestPlatform, assertion: &str) -> Option<String> {
    let parameters = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", JWT_BEARER_ASSERTION_TYPE),
        ("client_assertion", assertion),
    ];
    let request = wire_form::post(platform, TOKEN, &parameters);
    let answer = wire_form::exchange(platform.wire(), request).await;
    answer
        .err()
        .map(|(_, error)| error.code.as_str().to_owned())
}

async fn status_with(platform: &TestPlatform, authorization: &str) -> u16 {
    let request = Request::get(format!("{}{WHOAMI}", platform.issuer()))
        .header("authorization", authorization)
        .body(Vec::new())
        .unwrap();
    platform
        .wire()
        .send(request)
        .await
        .unwrap()
        .status()
        .as_u16()
}

// security.md 8, 9, 14, 15, 21, 25, 26, 27, 30, 31, 32, 33, 34, 35, 36
#[tokio::test]
async fn an_assertion_by_the_right_key_is_refused_for_any_wrong_member() {
    type Change = fn(&mut Map<String, Value>, &mut Map<String, Value>);
    let wrong: &[(&str, Change)] = &[
        ("alg of another key", |header, _| {
            set(header, "alg", "RS256".into());
        }),
        ("alg none", |header, _| set(header, "alg", "none".into())),
        ("alg in lower case", |header, _| {
            set(header, "alg", "es256".into());
        }),
        ("alg missing", |header, _| {
            header.remove("alg");
        }),
        ("alg HS256", |header, _| set(header, "alg", "HS256".into())),
        ("typ of an access token", |header, _| {
            set(header, "typ", "at+jwt".into());
        }),
        ("typ of a proof", |header, _| {
            set(header, "typ", "dpop+jwt".into());
        }),
        ("typ of the platform", |header, _| {
            set(header, "typ", "countersign-platform+jwt".into());
        }),
        ("crit of something unknown", |header, _| {
            set(header, "crit", serde_json::json!(["exp"]));
            set(header, "exp", 1.into());
        }),
        ("crit empty", |header, _| {
            set(header, "crit", serde_json::json!([]));
        }),
        ("b64 false", |header, _| set(header, "b64", false.into())),
        ("kid of nobody", |header, _| {
            set(header, "kid", "00".repeat(20).into());
        }),
        ("kid that is a path", |header, _| {
            set(header, "kid", "../../etc/passwd".into());
        }),
        ("kid that is SQL", |header, _| {
            set(header, "kid", "' OR 1=1 --".into());
        }),
        ("kid with NUL", |header, _| {
            set(header, "kid", "a\0b".into());
        }),
        ("iss of another", |_, claims| {
            set(claims, "iss", "other".into());
        }),
        ("sub of another", |_, claims| {
            set(claims, "sub", "other".into());
        }),
        ("iss an array", |_, claims| {
            set(claims, "iss", serde_json::json!(["service"]));
        }),
        ("sub missing", |_, claims| {
            claims.remove("sub");
        }),
        ("aud an array of the issuer", |_, claims| {
            set(claims, "aud", serde_json::json!(["https://platform.test"]));
        }),
        ("aud the token endpoint", |_, claims| {
            set(claims, "aud", "https://platform.test/oauth2/token".into());
        }),
        ("aud with a slash", |_, claims| {
            set(claims, "aud", "https://platform.test/".into());
        }),
        ("aud in another case", |_, claims| {
            set(claims, "aud", "https://Platform.test".into());
        }),
        ("aud missing", |_, claims| {
            claims.remove("aud");
        }),
        ("exp missing", |_, claims| {
            claims.remove("exp");
        }),
        ("exp a string", |_, claims| {
            let exp = claims["exp"].to_string();
            set(claims, "exp", exp.into());
        }),
        ("exp null", |_, claims| set(claims, "exp", Value::Null)),
        ("exp negative", |_, claims| set(claims, "exp", (-1).into())),
        ("exp beyond 2^53", |_, claims| {
            set(claims, "exp", serde_json::json!(1e300));
        }),
        ("exp at 2^64", |_, claims| {
            set(claims, "exp", serde_json::json!(1.844_674_407_370_955_2e19));
        }),
        ("exp over", |_, claims| later(claims, "exp", -120)),
        ("exp in an hour", |_, claims| later(claims, "exp", 3600)),
        ("nbf in the future", |_, claims| later(claims, "nbf", 120)),
        ("nbf a string", |_, claims| set(claims, "nbf", "now".into())),
        ("iat in the future", |_, claims| later(claims, "iat", 120)),
        ("iat an hour ago", |_, claims| later(claims, "iat", -3600)),
        ("jti missing", |_, claims| {
            claims.remove("jti");
        }),
        ("jti short", |_, claims| {
            set(claims, "jti", "1234567".into());
        }),
        ("jti long", |_, claims| {
            set(claims, "jti", "j".repeat(129).into());
        }),
        ("jti a number", |_, claims| {
            set(claims, "jti", 12_345_678.into());
        }),
    ];
    let Pair { platform, .. } = Pair::new().await.unwrap();
    for (at, (what, change)) in wrong.iter().enumerate() {
        let assertion = changed(&platform, &format!("hostile assertion {at}"), change);
        assert_eq!(
            refusal(&platform, &assertion).await.as_deref(),
            Some("invalid_client"),
            "{what}"
        );
    }
    // The same way of making it, with nothing wrong, is believed; so the table above says something.
    let good = changed(&platform, "nothing is wrong here", |_, _| {});
    assert_eq!(refusal(&platform, &good).await, None);
    // And what is permitted is permitted.
    let fraction = changed(&platform, "a fraction of a second", |_, claims| {
        let exp = claims["exp"].as_f64().unwrap();
        set(claims, "exp", (exp + 0.5).into());
    });
    assert_eq!(refusal(&platform, &fraction).await, None);
    let without_typ = changed(&platform, "no type at all", |header, _| {
        header.remove("typ");
    });
    assert_eq!(refusal(&platform, &without_typ).await, None);
}

// security.md 17: a key in the header is no key, and its address is not fetched
#[tokio::test]
async fn a_key_that_an_assertion_brings_along_is_neither_used_nor_fetched() {
    let Pair { platform, .. } = Pair::new().await.unwrap();
    let trap = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let url = format!("http://{}/keys", trap.local_addr().unwrap());
    let stranger = fixtures::service_next();
    let x5c = stranger.chain().x5c();
    let kid = fixtures::service().chain().leaf().sha1().to_hex();
    for member in ["jku", "x5u", "x5c"] {
        let assertion = changed_by(
            &stranger,
            &platform,
            &format!("brings its {member}"),
            |header, _| {
                set(header, "kid", kid.clone().into());
                let value = if member == "x5c" {
                    serde_json::json!(x5c)
                } else {
                    url.clone().into()
                };
                set(header, member, value);
            },
        );
        assert_eq!(
            refusal(&platform, &assertion).await.as_deref(),
            Some("invalid_client"),
            "{member}"
        );
    }
    assert_eq!(
        trap.accept().unwrap_err().kind(),
        std::io::ErrorKind::WouldBlock
    );
}

// security.md 16, 44, 83
#[tokio::test]
async fn an_access_token_that_was_touched_or_is_something_else_opens_nothing() {
    let Pair {
        client, platform, ..
    } = Pair::new().await.unwrap();
    let token = client.token().await.unwrap().access_token.clone();
    let good = token.expose();
    assert_eq!(status_with(&platform, &format!("Bearer {good}")).await, 200);

    let mut hostile = Vec::new();
    let parts: Vec<&str> = good.split('.').collect();
    hostile.push(format!("{}.{}.", parts[0], parts[1])); // no signature
    hostile.push(format!(
        "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.{}.",
        parts[1]
    )); // {"alg":"none","typ":"at+jwt"}
    hostile.push(format!("{good}.x"));
    hostile.push(format!("{good}="));
    for at in [0, good.len() / 3, good.len() / 2, good.len() - 3] {
        let mut bytes = good.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        hostile.push(String::from_utf8(bytes).unwrap());
    }
    // An assertion by a registered client, which is no access token.
    let assertion = wire_form::mint(
        &platform,
        "service",
        &fixtures::service(),
        "assertion as bearer",
    );
    hostile.push(assertion.expose().to_owned());
    // The token of a platform of the same name with other keys.
    let twin = Pair::new().await.unwrap();
    hostile.push(
        twin.client
            .token()
            .await
            .unwrap()
            .access_token
            .expose()
            .to_owned(),
    );
    // As long as it can be.
    hostile.push(format!("{good}{}", "A".repeat(17 * 1024)));

    for text in &hostile {
        let status = status_with(&platform, &format!("Bearer {text}")).await;
        assert!(matches!(status, 400 | 401 | 413 | 431), "{status}");
        if let Ok(token) = AccessToken::new(text) {
            assert!(!platform.is_active(&token).await.unwrap());
        }
    }
    assert_eq!(
        status_with(&platform, "Basic c2VydmljZTpzZXJ2aWNl").await,
        401
    );
}

// security.md 44
#[tokio::test]
async fn an_access_token_authenticates_no_client() {
    let Pair {
        client, platform, ..
    } = Pair::new().await.unwrap();
    let token = client.token().await.unwrap().access_token.clone();
    assert_eq!(
        refusal(&platform, token.expose()).await.as_deref(),
        Some("invalid_client")
    );
}

#[tokio::test]
async fn a_token_past_its_end_opens_nothing() {
    let Pair {
        client,
        platform,
        clock,
        ..
    } = Pair::new().await.unwrap();
    let token = client.token().await.unwrap();
    let header = format!("Bearer {}", token.access_token.expose());
    clock.advance(std::time::Duration::from_secs(899));
    assert_eq!(status_with(&platform, &header).await, 200);
    clock.advance(std::time::Duration::from_secs(61));
    assert_eq!(status_with(&platform, &header).await, 401);
    assert!(!platform.is_active(&token.access_token).await.unwrap());
}

// security.md 51
#[tokio::test]
async fn an_expired_certificate_is_refused_by_the_platform_with_the_reason() {
    let before = countersign::proto::time::UnixTime::from_secs(1_590_969_600); // 2020-06-01
    let after = countersign::proto::time::UnixTime::from_secs(1_622_505_600); // 2021-06-01
    let clock = countersign_testkit::ManualClock::new(before);
    let settings = TestPlatform::settings();
    let platform = TestPlatform::with_settings(settings, clock.clone())
        .await
        .unwrap();
    let credential = crate::fixtures::credential("refused/expired");
    let client = wire_form::registered(&platform, "service", credential.clone()).await;
    client.token().await.unwrap();

    clock.set(after);
    let assertion = wire_form::mint(&platform, "service", &credential, "after its end");
    let request = wire_form::client_credentials(&platform, "service", &assertion);
    let (_, refusal) = wire_form::exchange(platform.wire(), request)
        .await
        .unwrap_err();
    assert_eq!(refusal.reason.unwrap().as_str(), "certificate_expired");
    // The client does not even ask.
    let requests = platform.wire().requests_to(TOKEN);
    client.renew().await.unwrap_err();
    assert_eq!(platform.wire().requests_to(TOKEN), requests);
}

// security.md 38, 39, 57
#[tokio::test]
async fn a_token_request_says_each_thing_once_and_one_way() {
    let Pair { platform, .. } = Pair::new().await.unwrap();
    let assertion = wire_form::mint(
        &platform,
        "service",
        &fixtures::service(),
        "said more than once",
    );
    let base = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", JWT_BEARER_ASSERTION_TYPE),
        ("client_assertion", assertion.expose()),
    ];
    for more in [
        ("client_assertion", assertion.expose()),
        ("grant_type", "client_credentials"),
        ("client_secret", "secret"),
    ] {
        let parameters: Vec<_> = base.iter().copied().chain([more]).collect();
        let request = wire_form::post(&platform, TOKEN, &parameters);
        let (_, refusal) = wire_form::exchange(platform.wire(), request)
            .await
            .unwrap_err();
        assert_eq!(refusal.code.as_str(), "invalid_request", "{}", more.0);
    }
    let mut request = wire_form::post(&platform, TOKEN, &base);
    request.headers_mut().insert(
        "authorization",
        "Basic c2VydmljZTpzZWNyZXQ=".parse().unwrap(),
    );
    assert!(wire_form::exchange(platform.wire(), request).await.is_err());
    // None of these used the assertion up.
    assert_eq!(refusal(&platform, assertion.expose()).await, None);
}

fn set(members: &mut Map<String, Value>, name: &str, value: Value) {
    members.insert(name.to_owned(), value);
}

fn later(claims: &mut Map<String, Value>, name: &str, by: i64) {
    let time = claims[name].as_i64().unwrap();
    set(claims, name, (time + by).into());
}
