//! What does a certificate say, and when is it believed?

use std::time::Duration;

use super::*;

fn minted(lifetime: Duration) -> (Identity, ClientAssertion) {
    let identity = Identity::named("rsa");
    let mut assertion = TachyonAssertion::new(APP, ENDPOINT);
    assertion.lifetime = lifetime;
    let input = assertion.signing_input(identity.chain.leaf(), NOW, JTI);
    let signature = identity
        .key
        .sign(TachyonAssertion::ALGORITHM, input.as_bytes())
        .unwrap();
    let assertion = ClientAssertion::from_signature(input, &signature);
    (identity, assertion)
}

// The thumbprint is openssl's; the signature is read by a library that nobody here wrote.
#[test]
fn the_assertion_has_exactly_the_members_of_the_dialect_and_another_library_believes_it() {
    let (identity, assertion) = minted(Duration::from_secs(60));
    let parts: Vec<&str> = assertion.expose().split('.').collect();
    let part = |at: usize| -> Value {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[at]).unwrap()).unwrap()
    };
    let x5t = identity.text("x5t");
    assert_eq!(
        part(0),
        json!({"alg": "RS256", "typ": "JWT", "kid": x5t, "x5t": x5t})
    );
    assert_eq!(
        part(1),
        json!({"iss": APP, "sub": APP, "aud": ENDPOINT, "jti": JTI,
            "iat": 1_699_999_995_u64, "exp": 1_700_000_055_u64})
    );
    let jwk = crate::jwk::required_members(identity.public_key());
    let number = |name: &str| jwk[name].as_str().unwrap();
    let key = jsonwebtoken::DecodingKey::from_rsa_components(number("n"), number("e")).unwrap();
    let mut validation = jsonwebtoken::Validation::new(jsonwebtoken::Algorithm::RS256);
    validation.set_audience(&[ENDPOINT]);
    validation.validate_exp = false;
    jsonwebtoken::decode::<Value>(assertion.expose(), &key, &validation).unwrap();
}

#[test]
fn an_assertion_is_believed_of_its_certificate_application_and_provider_only() {
    let (identity, assertion) = minted(Duration::from_secs(60));
    let text = assertion.expose();
    let leaf = identity.chain.leaf();
    let claimed = TachyonAssertion::new(APP, ENDPOINT);
    assert_eq!(verify(text, leaf, &claimed, NOW).unwrap().expose(), text);
    let other = Identity::named("p256");
    assert_eq!(
        verify(text, other.chain.leaf(), &claimed, NOW).unwrap_err(),
        AssertionRefusal::Thumbprint
    );
    for claimed in [
        TachyonAssertion::new("other", ENDPOINT),
        TachyonAssertion::new(APP, SERVER),
    ] {
        assert!(matches!(
            verify(text, leaf, &claimed, NOW),
            Err(AssertionRefusal::Assertion(_))
        ));
    }
    let later = NOW.plus(Duration::from_secs(120));
    assert!(matches!(
        verify(text, leaf, &claimed, later),
        Err(AssertionRefusal::Assertion(_))
    ));

    let x5t = identity.text("x5t");
    let claims = json!({"iss": APP, "sub": APP, "aud": ENDPOINT, "jti": JTI,
        "iat": NOW.as_secs(), "exp": NOW.as_secs() + 60});
    let sign = |header: Value| identity.sign(&header, &claims);
    let hex = identity.text("sha1");
    for (header, why) in [
        (
            json!({"alg": "PS256", "kid": x5t, "x5t": x5t}),
            AssertionRefusal::Algorithm,
        ),
        (
            json!({"alg": "RS256", "kid": hex, "x5t": x5t}),
            AssertionRefusal::Thumbprint,
        ),
        (
            json!({"alg": "RS256", "kid": x5t}),
            AssertionRefusal::Thumbprint,
        ),
        (
            json!({"alg": "RS256", "x5t": x5t}),
            AssertionRefusal::Thumbprint,
        ),
    ] {
        assert_eq!(verify(&sign(header), leaf, &claimed, NOW).unwrap_err(), why);
    }
    assert!(
        verify(
            &sign(json!({"alg": "RS256", "kid": x5t, "x5t": x5t})),
            leaf,
            &claimed,
            NOW
        )
        .is_ok()
    );
}

#[test]
fn an_assertion_lives_for_10_s_to_300_s() {
    for (asked, given) in [(0, 10), (60, 60), (3600, 300)] {
        let (_, assertion) = minted(Duration::from_secs(asked));
        let claims = crate::token::inspect(assertion.expose()).unwrap().claims;
        let seconds = |name: &str| claims[name].as_u64().unwrap();
        assert_eq!(seconds("exp") - seconds("iat"), given);
    }
    assert_eq!(TachyonAssertion::ALGORITHM, Algorithm::RS256);
}

#[test]
fn a_certificate_asks_for_the_provider_and_then_shows_its_assertion_as_a_json_text() {
    let root = root(Generation::WebSocket);
    let asked = certificate::metadata_endpoint(&root, &consumer());
    assert_eq!(
        asked.uri(),
        "https://tachyon.example/tachyon/api/Authentication/metadataendpoint"
    );
    let address = "https://login.example/.well-known/openid-configuration";
    for body in [
        address.to_owned(),
        format!(" {address}\r\n"),
        format!("\"{address}\""),
    ] {
        let url = certificate::read_metadata_endpoint(body.as_bytes(), &at()).unwrap();
        assert_eq!(url.as_str(), address);
        let request = certificate::configuration(&url);
        assert_eq!(request.uri(), address);
        assert!(
            request.headers().is_empty(),
            "nothing is told to the provider"
        );
    }
    for bad in [
        "",
        "{}",
        "http://login.example/",
        "http://127.0.0.1/x",
        "\"",
        "\"a\"b",
        "[]",
    ] {
        assert!(
            certificate::read_metadata_endpoint(bad.as_bytes(), &at()).is_err(),
            "{bad}"
        );
    }
    let configuration = json!({"issuer": "https://login.example", "token_endpoint": ENDPOINT});
    let read = |body: &Value| certificate::read_token_endpoint(body.to_string().as_bytes(), &at());
    assert_eq!(read(&configuration).as_deref(), Ok(ENDPOINT));
    assert_eq!(
        read(&json!({})),
        Err(TachyonError::Member("token_endpoint"))
    );
    assert!(read(&json!({"token_endpoint": "http://login.example/token"})).is_err());
    assert!(read(&json!({"token_endpoint": ["https://login.example/"]})).is_err());

    let (_, assertion) = minted(Duration::from_secs(60));
    let request = certificate::exchange(&root, &assertion, &consumer());
    assert_eq!(
        request.uri(),
        "https://tachyon.example/tachyon/api/Authentication/RequestJwtAuthentication"
    );
    assert_eq!(request.headers()[header::CONTENT_TYPE], "application/json");
    assert_eq!(request.headers()[CONSUMER], "Explorer");
    assert_eq!(
        *request.body(),
        format!("\"{}\"", assertion.expose()).as_bytes()
    );
    let read = certificate::read_exchange(request.body()).unwrap();
    assert_eq!(read.as_str(), assertion.expose());
    assert!(certificate::read_exchange(assertion.expose().as_bytes()).is_err());

    assert_eq!(
        certificate::read_token(b"token\n").unwrap().expose(),
        "token"
    );
    assert_eq!(
        certificate::read_token(b"\"token\"").unwrap().expose(),
        "token"
    );
    for bad in ["", "<html>no</html> ", "{\"Data\":\"t\"}", "a\nb", "\u{e9}"] {
        assert!(certificate::read_token(bad.as_bytes()).is_err(), "{bad}");
    }
}
