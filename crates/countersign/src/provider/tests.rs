//! Is each provider asked as its documents say, and is its refusal explained?

use std::collections::BTreeSet;

use countersign_proto::{
    assertion::{LIFETIME_MAX, LIFETIME_MIN},
    scope::Scope,
};
use serde_json::json;

use super::*;
use crate::{
    ClientBuilder, Dpop, ErrorKind,
    scripted::{APP, Answer, ISSUER, Scripted, TestClock, answer, builder},
};

fn scope(text: &str) -> Scope {
    Scope::parse(text).unwrap()
}

/// A client at a server of this make, which gives tokens.
fn asking(server: &std::sync::Arc<Scripted>, provider: &Provider) -> ClientBuilder {
    builder(server, &TestClock::new()).provider(provider)
}

#[test]
fn every_known_provider_is_found_by_its_name_and_is_complete() {
    let names: BTreeSet<_> = Provider::all().iter().map(|known| &*known.name).collect();
    assert_eq!(
        names,
        BTreeSet::from(["entra-id", "okta", "keycloak", "hydra"])
    );
    for known in Provider::all() {
        assert_eq!(Provider::named(&known.name), Some(known));
        assert!(!known.title.is_empty() && !known.issuer_hint.is_empty());
        assert!((LIFETIME_MIN..=LIFETIME_MAX).contains(&known.lifetime));
        assert!(!known.algorithms.is_empty() && !known.refusals.is_empty());
        let says: BTreeSet<_> = known.refusals.iter().map(|known| &*known.says).collect();
        assert_eq!(
            says.len(),
            known.refusals.len(),
            "{}: said twice",
            known.name
        );
    }
    assert_eq!(Provider::named("Entra-ID"), None);
}

#[test]
fn a_provider_is_told_by_the_host_of_the_issuer_where_that_is_certain() {
    for (issuer, name) in [
        (
            "https://login.microsoftonline.com/common/v2.0",
            Some("entra-id"),
        ),
        ("https://login.microsoftonline.us/x/v2.0", Some("entra-id")),
        (
            "https://login.partner.microsoftonline.cn/x/v2.0",
            Some("entra-id"),
        ),
        ("https://acme.okta.com", Some("okta")),
        ("https://acme.okta.com/oauth2/default", Some("okta")),
        ("https://acme.oktapreview.com", Some("okta")),
        // somebody else's
        ("https://okta.com", None),
        ("https://.okta.com", None),
        ("https://notokta.com", None),
        ("https://acme.okta.com.example", None),
        ("https://login.microsoftonline.com.example/x/v2.0", None),
        ("https://x.login.microsoftonline.com/x/v2.0", None),
        ("http://acme.okta.com", None),
        // these may be anybody's
        ("https://id.example/realms/acme", None),
        ("https://platform.example", None),
        ("nothing", None),
    ] {
        let found = Provider::of_issuer(issuer).map(|known| &*known.name);
        assert_eq!(found, name, "{issuer}");
    }
}

// As they were seen of these providers; each is cited on its page.
#[test]
fn a_refusal_is_known_by_what_the_provider_says() {
    for (provider, error, description, hint) in [
        (
            Provider::entra_id(),
            "invalid_client",
            "AADSTS700027: The certificate with identifier used to sign the client assertion is not registered on application. [Reason - The key was not found., Thumbprint of key used by client: 'AB']",
            Some("upload this certificate"),
        ),
        (
            Provider::entra_id(),
            "invalid_client",
            "AADSTS700024: Client assertion is not within its valid time range. Current time: 2024-10-02T22:05:03.6755165Z",
            Some("set the clock"),
        ),
        // 70001 is another number than the beginning of 700016 and of 7000112.
        (
            Provider::entra_id(),
            "unauthorized_client",
            "AADSTS700016: Application with identifier 'x' was not found in the directory 'y'.",
            Some("compare both"),
        ),
        (
            Provider::entra_id(),
            "unauthorized_client",
            "AADSTS7000112: Application 'x'(y) is disabled.",
            Some("enable it"),
        ),
        (
            Provider::entra_id(),
            "invalid_client",
            "AADSTS7000270: news",
            None,
        ),
        (
            Provider::okta(),
            "invalid_client",
            "The audience claim for client_assertion must be the endpoint invoked for the request.",
            Some("two"),
        ),
        (
            Provider::okta(),
            "invalid_client",
            "The client_assertion JWT kid is invalid.",
            Some("jwt jwks"),
        ),
        (
            Provider::okta(),
            "invalid_dpop_proof",
            "The DPoP proof JWT header is missing.",
            Some("--dpop"),
        ),
        (
            Provider::keycloak(),
            "invalid_client",
            "Client authentication with signed JWT failed: Signature on JWT token failed validation",
            Some("import this certificate"),
        ),
        (
            Provider::keycloak(),
            "invalid_client",
            "Unable to load public key",
            Some("--kid jwk-thumbprint"),
        ),
        (
            Provider::hydra(),
            "invalid_request",
            "The request is missing a required parameter. The JSON Web Token uses signing key with kid 'x', which could not be found.",
            Some("jwt jwks"),
        ),
        (
            Provider::hydra(),
            "invalid_client",
            "Client authentication failed. The 'client_assertion' uses signing algorithm 'ES256' but the requested OAuth 2.0 Client enforces signing algorithm 'RS256'.",
            Some("--alg"),
        ),
    ] {
        let found = provider.hint_for(error, Some(description));
        match hint {
            Some(part) => assert!(
                found.is_some_and(|found| found.contains(part)),
                "{description}: {found:?}"
            ),
            None => assert_eq!(found, None, "{description}"),
        }
    }
    let okta = Provider::okta();
    assert!(okta.hint_for("consent_required", None).is_some());
    assert_eq!(okta.hint_for("invalid_client", None), None);
}

#[tokio::test(start_paused = true)]
async fn what_the_application_says_goes_before_what_the_provider_wants() {
    let server = Scripted::generous();
    asking(&server, Provider::okta())
        .scope(scope("okta.users.read"))
        .build()
        .unwrap()
        .token()
        .await
        .unwrap();
    asking(&server, Provider::okta())
        .scope(scope("okta.users.read"))
        .audience(Audience::Issuer)
        .kid(KidForm::None)
        .typ(TypForm::Purpose)
        .thumbprints(ThumbprintForm::Sha1)
        .assertion_lifetime(Duration::from_secs(120))
        .send_x5c()
        .build()
        .unwrap()
        .token()
        .await
        .unwrap();
    let [wanted, told] = &server.asked()[..] else {
        panic!("two requests");
    };
    let header =
        |asked: &crate::scripted::Asked, name: &str| asked.assertion().header.get(name).cloned();
    assert_eq!(header(wanted, "typ"), Some(json!("JWT")));
    assert_eq!(header(wanted, "x5t"), None);
    assert_eq!(header(wanted, "x5t#S256"), None);
    assert_eq!(header(wanted, "x5c"), None);
    assert_eq!(header(wanted, "kid").unwrap().as_str().unwrap().len(), 43);
    assert_eq!(wanted.claim("aud"), format!("{ISSUER}/oauth2/token"));
    assert!(!wanted.form.contains_key("client_id"));

    assert_eq!(
        header(told, "typ"),
        Some(json!("client-authentication+jwt"))
    );
    assert!(header(told, "x5t").is_some() && header(told, "x5c").is_some());
    assert_eq!(header(told, "kid"), None);
    assert_eq!(told.claim("aud"), ISSUER);
    let lives = told.claim("exp").as_u64().unwrap() - told.claim("iat").as_u64().unwrap();
    assert_eq!(lives, 120);
}

#[tokio::test(start_paused = true)]
async fn a_parameter_goes_along_and_one_that_is_told_stands_in_for_the_provider_s() {
    let server = Scripted::generous();
    let mut provider = Provider::other("acme");
    let of_provider = [("audience", "https://a.example"), ("x", "1")];
    provider.parameters = of_provider
        .map(|(name, value)| (Cow::Borrowed(name), Cow::Borrowed(value)))
        .to_vec()
        .into();
    let client = asking(&server, &provider)
        .parameter("audience", "https://b.example")
        .parameter("resource", "https://c.example")
        .build()
        .unwrap();
    client.token().await.unwrap();
    let form = &server.asked()[0].form;
    assert_eq!(form["audience"], "https://b.example");
    assert_eq!(form["resource"], "https://c.example");
    assert_eq!(form["x"], "1");
    assert_eq!(form["client_id"], APP);

    for (name, value) in [
        ("client_secret", "x"),
        ("scope", "x"),
        ("a b", "x"),
        ("a", ""),
    ] {
        let refused = builder(&server, &TestClock::new())
            .parameter(name, value)
            .build()
            .unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Settings, "{name}");
        assert!(refused.to_string().contains(name), "{refused}");
    }
}

#[test]
fn settings_that_a_provider_cannot_have_are_refused_before_it_is_asked() {
    let server = Scripted::generous();
    let no_scope = asking(&server, Provider::entra_id()).build().unwrap_err();
    assert_eq!(
        no_scope.to_string(),
        "Microsoft Entra ID takes exactly one scope, RESOURCE/.default"
    );
    let platform = asking(&server, Provider::hydra()).as_platform().build();
    assert_eq!(platform.unwrap_err().kind(), ErrorKind::Settings);
    let principal = asking(&server, Provider::hydra()).principal("x").build();
    assert_eq!(principal.unwrap_err().kind(), ErrorKind::Settings);
    assert_eq!(server.count() + server.discoveries(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_the_provider_does_not_take_signs_nothing() {
    let server = Scripted::generous();
    // a P-256 key
    let client =
        asking(&server, Provider::entra_id()).scope(scope("https://graph.microsoft.com/.default"));
    let error = client.build().unwrap().token().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credential);
    assert!(error.to_string().contains("PS256, RS256"), "{error}");
    assert_eq!(server.count(), 0);
}

#[tokio::test(start_paused = true)]
async fn of_what_the_provider_takes_a_key_signs_by_what_its_metadata_lists() {
    let file = |ending: &str| {
        let clients = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/clients");
        std::path::PathBuf::from(format!("{clients}/rsa2048/rsa2048.{ending}"))
    };
    for (provider, listed, expected) in [
        // as Entra ID's has it: nothing
        (Provider::entra_id(), json!(null), "PS256"),
        (Provider::keycloak(), json!(["ES256", "RS256"]), "RS256"),
        (Provider::hydra(), json!(["PS256"]), "PS256"),
        // Its documents say nothing of PS256, whoever lists it.
        (Provider::okta(), json!(["PS256"]), "RS256"),
    ] {
        let mut metadata = crate::scripted::metadata();
        metadata["token_endpoint_auth_signing_alg_values_supported"] = listed;
        let server = Scripted::with_metadata(
            move |_, _| Answer::Is(answer(200, &metadata)),
            |_, _| Answer::Is(crate::scripted::granted("token")),
        );
        let credential = crate::Credential::from_files(&file("pem"), Some(&file("key")), None);
        let client = crate::Client::builder(ISSUER, APP, credential.unwrap())
            .provider(provider)
            .scope(scope("api://x/.default"))
            .transport(server.clone())
            .clock(TestClock::new())
            .build()
            .unwrap();
        client.token().await.unwrap();
        let header = server.asked()[0].assertion().header;
        assert_eq!(header["alg"], expected, "{}", provider.name);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_the_provider_comes_with_what_helps_there() {
    let server = Scripted::new(|_, _| {
        let body = json!({"error": "invalid_client", "error_codes": [700_027],
            "error_description": "AADSTS700027: The certificate is not registered."});
        Answer::Is(answer(401, &body))
    });
    let mut provider = Provider::entra_id().clone();
    provider.algorithms = Cow::Borrowed(&Algorithm::PROTOCOL);
    let error = asking(&server, &provider)
        .scope(scope("api://x/.default"))
        .build()
        .unwrap()
        .token()
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IdentityRejected);
    assert!(error.hint().unwrap().contains("Certificates & secrets"));
}

#[tokio::test(start_paused = true)]
async fn metadata_of_another_issuer_comes_with_what_an_issuer_looks_like_there() {
    let metadata = json!({"issuer": "https://sts.windows.net/x/",
        "token_endpoint": "https://login.microsoftonline.com/x/oauth2/token"});
    let server = Scripted::with_metadata(
        move |_, _| Answer::Is(answer(200, &metadata)),
        |_, _| Answer::Hangs,
    );
    let mut provider = Provider::entra_id().clone();
    provider.scope = ScopeRule::Optional;
    let client = asking(&server, &provider).build().unwrap();
    for error in [
        client.token().await.unwrap_err(),
        client.metadata().await.unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Server);
        assert!(error.hint().unwrap().contains("/v2.0"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_client_without_a_provider_asks_as_ever() {
    let server = Scripted::generous();
    let plain = builder(&server, &TestClock::new());
    plain.build().unwrap().token().await.unwrap();
    let other = asking(&server, &Provider::other("acme")).dpop(Dpop::Off);
    other.build().unwrap().token().await.unwrap();
    let [plain, other] = &server.asked()[..] else {
        panic!("two requests");
    };
    let shape = |asked: &crate::scripted::Asked| {
        let header = asked.assertion().header;
        let claims = asked.assertion().claims;
        let names =
            |object: &serde_json::Map<_, _>| -> Vec<String> { object.keys().cloned().collect() };
        let form: Vec<_> = asked.form.keys().cloned().collect();
        (names(&header), names(&claims), form, asked.claim("aud"))
    };
    assert_eq!(shape(plain), shape(other));
    assert_eq!(plain.claim("aud"), ISSUER);
}
