//! Does a guard believe the tokens of a real OpenID provider that nobody here wrote, and no others?

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use axum::{Router, body::Body, routing::get};
use countersign::{
    Client, Dpop, HttpTransport, Transport,
    proto::{
        assertion::{Assertion, KidForm},
        exchange::JWT_BEARER_ASSERTION_TYPE,
        jwt::{Kid, Signer},
        key::Algorithm,
        time::UnixTime,
        token::{TokenType, inspect},
    },
};
use countersign_guard::{Guard, Introspector, Require};
use countersign_testkit::ManualClock;
use http::{HeaderValue, Request, StatusCode};

use crate::{
    fixtures,
    guard_scene::{self, API, Counted, Named, answer_to},
    guard_site::Site,
    parts::{OpenidProvider, Profile, Tls, serving::free_address},
};

const KEYS: &str = "/jwks";
const INTROSPECT: &str = "/token/introspection";
const OPAQUE: &str = "https://api.example/opaque";
const ELSEWHERE: &str = "https://elsewhere.example";

/// Who signs in to the provider.
const SERVICE: &str = "service";

fn provider(more: &[&str]) -> OpenidProvider {
    let certificates: Vec<PathBuf> = ["p256", "rsa2048"]
        .map(|kind| fixtures::path(&format!("clients/{kind}/{kind}.pem")))
        .to_vec();
    let more: Vec<&str> = ["--jwt"].into_iter().chain(more.iter().copied()).collect();
    OpenidProvider::start_with(Profile::Default, &certificates, Tls::Off, &more)
}

fn http() -> HttpTransport {
    HttpTransport::builder().no_proxy().build().unwrap()
}

/// What a client asks the provider for with a proof of its key.
async fn ask(provider: &OpenidProvider, path: &str, asked: &[(&str, &str)]) -> serde_json::Value {
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    let credential = fixtures::client("p256");
    let jti = format!(
        "of a test of a guard {}",
        ASKED.fetch_add(1, Ordering::SeqCst)
    );
    let assertion = Assertion::client(SERVICE, &provider.issuer).mint(
        credential.chain(),
        &**credential.key(),
        Algorithm::ES256,
        ManualClock::starting_now().now(),
        &jti,
    );
    let form = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("client_assertion_type", JWT_BEARER_ASSERTION_TYPE)
        .append_pair("client_assertion", assertion.unwrap().expose())
        .extend_pairs(asked)
        .finish();
    let request = Request::post(format!("{}{path}", provider.issuer))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.into_bytes())
        .unwrap();
    let answer = http().send(request).await.unwrap();
    assert_eq!(answer.status(), 200, "{:?}", answer.body());
    serde_json::from_slice(answer.body()).unwrap_or_default()
}

/// A token for a resource, of which idp.mjs says what it looks like.
async fn token(provider: &OpenidProvider, resource: &str) -> String {
    let asked = [
        ("grant_type", "client_credentials"),
        ("scope", "api:read"),
        ("resource", resource),
    ];
    let answer = ask(provider, "/token", &asked).await;
    answer["access_token"].as_str().unwrap().to_owned()
}

fn ends(jwt: &str) -> UnixTime {
    UnixTime::from_secs(inspect(jwt).unwrap().claims["exp"].as_u64().unwrap())
}

/// Turns a clock to where the provider's is, which does not stand still while it is asked.
fn in_step(clock: &ManualClock) {
    clock.set(ManualClock::starting_now().now().max(clock.now()));
}

/// The guard, as a client that the provider knows by its certificate, or by the key alone.
fn introspectors() -> [Introspector; 2] {
    let credential = fixtures::client("p256");
    let (chain, key) = (credential.chain().clone(), Arc::clone(credential.key()));
    let named = KidForm::Sha1Hex.of(chain.leaf()).unwrap();
    let signer = Signer::key_pair(Arc::clone(&key));
    let signer = signer
        .with_kid(&Kid::Form(KidForm::Literal(named)))
        .unwrap();
    [
        Introspector::certificate("guard", chain, key),
        Introspector::key("guard", signer),
    ]
}

fn introspector() -> Introspector {
    let [by_certificate, _] = introspectors();
    by_certificate
}

// security.md 73 · checklist K19
#[tokio::test]
async fn a_guard_believes_jwts_and_opaque_tokens_of_node_oidc_provider_on_one_route() {
    let provider = provider(&[]);
    let clock = ManualClock::starting_now();
    for introspector in introspectors() {
        let transport = Counted::new();
        let guard = guard_scene::guard(&provider.issuer, &clock, &transport);
        let guard = guard.introspect_with(introspector).build().unwrap();
        let api = guard_scene::api(&guard);
        for (resource, algorithm) in [
            (API, "ES256"),
            ("https://api.example/RS256", "RS256"),
            ("https://api.example/PS256", "PS256"),
            ("https://api.example/EdDSA", "EdDSA"),
        ] {
            let token = token(&provider, resource).await;
            let header = inspect(&token).unwrap().header;
            assert_eq!(
                (&header["typ"], &header["alg"]),
                (&"at+jwt".into(), &algorithm.into())
            );
            in_step(&clock);
            let answer = guard_scene::call(&api, &token).await;
            assert_eq!(answer.status, StatusCode::OK, "{algorithm}: {answer:?}");
            assert_eq!(answer.body, "service by signature");
        }
        assert_eq!((transport.asked(KEYS), transport.asked(INTROSPECT)), (1, 0));

        let opaque = token(&provider, OPAQUE).await;
        assert!(!opaque.contains('.'), "it says nothing by itself");
        in_step(&clock);
        for _ in 0..3 {
            let answer = guard_scene::call(&api, &opaque).await;
            assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            assert_eq!(answer.body, "service by introspection");
        }
        assert_eq!((transport.asked(KEYS), transport.asked(INTROSPECT)), (1, 1));
    }
}

#[tokio::test]
async fn a_guard_refuses_what_node_oidc_provider_issued_for_others_or_not_at_all() {
    let provider = provider(&[]);
    let clock = ManualClock::starting_now();
    let guard = guard_scene::guard(&provider.issuer, &clock, &Counted::new());
    let guard = guard.introspect_with(introspector()).build().unwrap();
    let api = guard_scene::api(&guard);
    let (jwt, other) = (token(&provider, API).await, token(&provider, API).await);
    in_step(&clock);
    let now = clock.now();
    let refused = [
        ("a JWT for another API", token(&provider, ELSEWHERE).await),
        (
            "an opaque token for another API",
            token(&provider, &format!("{ELSEWHERE}/opaque")).await,
        ),
        (
            "a JWT with the claims of another",
            guard_scene::altered(&jwt, &other),
        ),
        (
            "a JWT by another key",
            guard_scene::forged(&jwt, Named::AsTheIssuers, now),
        ),
        (
            "a JWT by a key that nobody knows",
            guard_scene::forged(&jwt, Named::AsItself, now),
        ),
        ("an opaque token that nobody issued", "A".repeat(43)),
    ];
    for (what, token) in refused {
        let answer = guard_scene::call(&api, &token).await;
        assert_eq!(
            answer.status,
            StatusCode::UNAUTHORIZED,
            "{what}: {answer:?}"
        );
        assert!(
            answer.challenge().contains("error=\"invalid_token\""),
            "{what}: {answer:?}"
        );
    }
    let answer = guard_scene::call(&api, &jwt).await;
    assert_eq!(
        answer.status,
        StatusCode::OK,
        "what it issued for this one: {answer:?}"
    );

    // What it may do is in the token, and no more than that.
    let open = |scope: &str| {
        Router::new()
            .route("/orders", get(|| async { "open" }))
            .layer(guard.require(Require::caller().scope(scope)))
            .layer(guard.layer())
    };
    let opaque = token(&provider, OPAQUE).await;
    in_step(&clock);
    for token in [&jwt, &opaque] {
        let answer = guard_scene::call(&open("api:read"), token).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        let answer = guard_scene::call(&open("api:write"), token).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{answer:?}");
        assert!(
            answer.challenge().contains("scope=\"api:write\""),
            "{answer:?}"
        );
    }
}

#[tokio::test]
async fn a_guard_refuses_tokens_of_node_oidc_provider_that_are_over() {
    let clock = ManualClock::starting_now();
    let guarded = |provider: &OpenidProvider| {
        let guard = guard_scene::guard(&provider.issuer, &clock, &Counted::new());
        guard_scene::api(&guard.introspect_with(introspector()).build().unwrap())
    };
    let lasting = provider(&[]);
    let api = guarded(&lasting);
    let (jwt, opaque) = (token(&lasting, API).await, token(&lasting, OPAQUE).await);
    in_step(&clock);
    for token in [&jwt, &opaque] {
        let answer = guard_scene::call(&api, token).await;
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    }
    ask(&lasting, "/token/revocation", &[("token", &opaque)]).await;
    clock.advance(Duration::from_secs(5));
    let answer = guard_scene::call(&api, &opaque).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
    assert!(
        answer.challenge().contains("the token is not active"),
        "{answer:?}"
    );

    // It dates the questions of the guard, and believes what is dated a few seconds ahead.
    let brief = provider(&["--ttl", "5"]);
    let of_brief = token(&brief, OPAQUE).await;
    in_step(&clock);
    clock.advance(Duration::from_secs(5));
    let answer = guard_scene::call(&guarded(&brief), &of_brief).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");

    // To the provider the JWT lives; the clock of the API says when it ends.
    clock.set(ends(&jwt).minus(Duration::from_secs(1)));
    let answer = guard_scene::call(&api, &jwt).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    clock.advance(Duration::from_secs(1));
    let answer = guard_scene::call(&api, &jwt).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
    assert!(
        answer.challenge().contains("the token has expired"),
        "{answer:?}"
    );
}

// security.md 63
#[tokio::test]
async fn new_keys_of_node_oidc_provider_are_found_by_the_first_token_that_names_one() {
    let port = free_address().port().to_string();
    let start = |keys| provider(&["--listen", &port, "--keys", keys]);
    let first = start("first");
    let clock = ManualClock::starting_now();
    let transport = Counted::new();
    let guard = guard_scene::guard(&first.issuer, &clock, &transport);
    let guard = guard.introspect_with(introspector()).build().unwrap();
    let api = guard_scene::api(&guard);
    let old = token(&first, API).await;
    let opaque = token(&first, OPAQUE).await;
    in_step(&clock);
    for token in [&old, &opaque] {
        assert_eq!(guard_scene::call(&api, token).await.status, StatusCode::OK);
    }

    drop(first);
    clock.advance(Duration::from_secs(6));
    let away = guard_scene::call(&api, &old).await;
    assert_eq!(away.status, StatusCode::OK, "{away:?}");
    let away = guard_scene::call(&api, &opaque).await;
    assert_eq!(away.status, StatusCode::SERVICE_UNAVAILABLE, "{away:?}");

    let second = start("second");
    // What was signed before a set was fetched is not by a key that came into it later.
    clock.advance(Duration::from_secs(6));
    let new = token(&second, API).await;
    in_step(&clock);
    assert_ne!(
        inspect(&new).unwrap().header["kid"],
        inspect(&old).unwrap().header["kid"]
    );
    assert_eq!(transport.asked(KEYS), 1);
    let answer = guard_scene::call(&api, &new).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(transport.asked(KEYS), 2);
    // What it does not publish any more is believed no longer, and to ask again and again is of no use.
    for _ in 0..20 {
        let answer = guard_scene::call(&api, &old).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
    }
    assert!(transport.asked(KEYS) <= 2 + 4, "{}", transport.asked(KEYS));
    // It kept its tokens in memory only.
    let forgotten = guard_scene::call(&api, &opaque).await;
    assert_eq!(forgotten.status, StatusCode::UNAUTHORIZED, "{forgotten:?}");
}

// checklist K19
#[tokio::test]
async fn a_guard_of_node_oidc_provider_and_a_platform_believes_each_for_its_own_tokens_alone() {
    let provider = provider(&[]);
    let site = Site::start_on(ManualClock::starting_now()).await;
    let clock = site.clock();
    let (of_platform, _) = site.guard();
    let of_provider = guard_scene::guard(&provider.issuer, clock, &Counted::new());
    let of_provider = of_provider.introspect_with(introspector());
    let both = [of_platform.build().unwrap(), of_provider.build().unwrap()];
    let guard = Guard::several(both).unwrap();
    let platforms = (site.signed().await.token, site.granted(API).await);
    let providers = (token(&provider, API).await, token(&provider, OPAQUE).await);
    in_step(clock);
    for (token, issuer, principal) in [
        (platforms.0.as_str(), site.issuer(), "anna"),
        (platforms.1.expose(), site.issuer(), "anna"),
        (providers.0.as_str(), provider.issuer.as_str(), SERVICE),
        (providers.1.as_str(), provider.issuer.as_str(), SERVICE),
    ] {
        let request = Request::get("/orders").header("authorization", format!("Bearer {token}"));
        let (request, ()) = request.body(()).unwrap().into_parts();
        let caller = guard.check(&request).await.unwrap();
        assert_eq!((caller.issuer(), caller.principal()), (issuer, principal));
    }
    // Who signs for one does not sign for the other.
    let api = guard_scene::api(&guard);
    for token in [
        guard_scene::altered(&providers.0, &platforms.0),
        guard_scene::altered(&platforms.0, &providers.0),
    ] {
        let answer = guard_scene::call(&api, &token).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
    }
}

// security.md 105, 106
#[tokio::test]
async fn a_token_of_node_oidc_provider_that_is_bound_to_a_key_is_believed_with_its_proof_alone() {
    let provider = provider(&[]);
    let clock = ManualClock::starting_now();
    let guard = guard_scene::guard(&provider.issuer, &clock, &Counted::new());
    let guard = guard.introspect_with(introspector()).build().unwrap();
    let api = guard_scene::api(&guard);
    let client = Client::builder(&provider.issuer, "service-dpop", fixtures::client("p256"))
        .transport(Arc::new(http()))
        .dpop(Dpop::Required)
        .build()
        .unwrap();
    let authorized = async |uri: &str| {
        let mut request = Request::get(uri).body(Body::empty()).unwrap();
        let token = countersign::authorize::authorize(&client, &mut request)
            .await
            .unwrap();
        assert_eq!(token.token_type, TokenType::DPoP);
        (request, token.access_token.expose().to_owned())
    };
    let again = |request: &Request<Body>| {
        let mut again = Request::get(request.uri()).body(Body::empty()).unwrap();
        again.headers_mut().clone_from(request.headers());
        again
    };

    let (request, token) = authorized("https://api.example/orders").await;
    assert!(inspect(&token).unwrap().claims["cnf"]["jkt"].is_string());
    let replayed = again(&request);
    in_step(&clock);
    let answer = answer_to(&api, request).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    assert_eq!(answer.body, "service-dpop by signature");

    let (other_address, _) = authorized("https://elsewhere.example/orders").await;
    let mut other_address = again(&other_address);
    *other_address.uri_mut() = "https://api.example/orders".parse().unwrap();
    let (bearer, _) = authorized("https://api.example/orders").await;
    let mut bearer = again(&bearer);
    let value = HeaderValue::from_str(&format!("Bearer {token}")).unwrap();
    bearer.headers_mut().insert("authorization", value);
    let (bare, _) = authorized("https://api.example/orders").await;
    let mut bare = again(&bare);
    bare.headers_mut().remove("dpop");
    in_step(&clock);
    for (what, request) in [
        ("the same proof", replayed),
        ("a proof for another address", other_address),
        ("as Bearer", bearer),
        ("without a proof", bare),
    ] {
        let answer = answer_to(&api, request).await;
        assert_eq!(
            answer.status,
            StatusCode::UNAUTHORIZED,
            "{what}: {answer:?}"
        );
        assert!(
            answer.challenge().starts_with("DPoP "),
            "{what}: {answer:?}"
        );
    }
}
