//! Is any damaged or dressed-up variant of a good token accepted anywhere?

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::{
    assertion::{Assertion, Expectation, Purpose, UnverifiedAssertion},
    fixtures::{API, CLIENT, ISSUER, Identity, JTI, NOW, PAIRS},
    jws::{JwsError, MAX_BYTES, UnverifiedJws},
    key::{Algorithm, SigningKey as _},
    token::TokenClaims,
};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn assertion(identity: &Identity, algorithm: Algorithm) -> String {
    Assertion::client(CLIENT, ISSUER)
        .mint(&identity.chain, &identity.key, algorithm, NOW, JTI)
        .unwrap()
        .expose()
        .to_owned()
}

fn is_believed(text: &str, identity: &Identity) -> bool {
    let expect = Expectation {
        purpose: Purpose::Client,
        client_id: CLIENT,
        audiences: &[ISSUER],
        lifetime_max: Duration::from_secs(300),
        now: NOW,
    };
    let as_assertion = UnverifiedAssertion::parse(text)
        .and_then(|unverified| {
            unverified.verify(identity.public_key(), &Algorithm::PROTOCOL, &expect)
        })
        .is_ok();
    let key = (
        identity.public_key().clone(),
        identity.public_key().algorithms()[0],
    );
    let as_token = TokenClaims::verify(text, |_| Some(key), ISSUER, API, NOW).is_ok();
    as_assertion || as_token
}

// security.md 3, 11, 12, 16; attacks A11, A12, A17
#[test]
fn no_token_with_one_character_changed_is_accepted() {
    let mut tried = 0;
    for (name, algorithm) in PAIRS {
        let identity = Identity::named(name);
        let good = assertion(&identity, algorithm);
        assert!(is_believed(&good, &identity));
        for at in 0..good.len() {
            let found = good.as_bytes()[at];
            // The next character of the alphabet differs in the lowest bit or carries over;
            // 32 further on differs in the highest.
            let place = ALPHABET.iter().position(|byte| *byte == found);
            for step in [1, 32] {
                let other = place.map_or(b'A', |place| ALPHABET[(place + step) % 64]);
                let mut bytes = good.clone().into_bytes();
                bytes[at] = other;
                let bad = String::from_utf8(bytes).unwrap();
                assert!(!is_believed(&bad, &identity), "{algorithm} at {at}");
                tried += 1;
            }
        }
    }
    assert!(tried > 1_000 * PAIRS.len(), "{tried}");
}

// security.md 1, 2; attacks A11, A12, A17
#[test]
fn no_token_that_is_cut_or_lengthened_is_accepted() {
    for (name, algorithm) in PAIRS {
        let identity = Identity::named(name);
        let good = assertion(&identity, algorithm);
        for at in 0..good.len() {
            assert!(
                !is_believed(&good[..at], &identity),
                "{algorithm} cut at {at}"
            );
            assert!(!is_believed(&good[at + 1..], &identity));
            let without = format!("{}{}", &good[..at], &good[at + 1..]);
            assert!(
                !is_believed(&without, &identity),
                "{algorithm} without {at}"
            );
        }
        for at in (0..=good.len()).step_by(7) {
            for more in ["A", ".", " ", "\n", "=", "\0", "\u{feff}", "%", "é"] {
                let longer = format!("{}{more}{}", &good[..at], &good[at..]);
                assert!(
                    !is_believed(&longer, &identity),
                    "{algorithm} {more:?} at {at}"
                );
            }
        }
    }
}

// security.md 1; attack A5
#[test]
fn every_byte_outside_the_alphabet_is_refused_before_anything_is_decoded() {
    for byte in 0..=127u8 {
        if byte == b'.' || ALPHABET.contains(&byte) {
            continue;
        }
        for text in [
            format!("{}e30.e30.", char::from(byte)),
            format!("e3{}0.e30.", char::from(byte)),
            format!("e30.e30.{}", char::from(byte)),
        ] {
            assert_eq!(
                UnverifiedJws::parse(&text).unwrap_err(),
                JwsError::Character,
                "{text:?}"
            );
        }
    }
    for text in [
        r#"{"payload":"e30","signatures":[{"protected":"e30","signature":""}]}"#,
        "Bearer e30.e30.AA",
        "e30.e30.AA\r\n",
        "e30,e30,AA",
    ] {
        assert_eq!(UnverifiedJws::parse(text).unwrap_err(), JwsError::Character);
    }
}

// security.md 2, 23; attacks A3, A4, A20, A21
#[test]
fn any_number_of_segments_but_three_is_refused() {
    for segments in [1, 2, 4, 5, 6, 100, MAX_BYTES + 1] {
        let text = vec![""; segments].join(".");
        assert_eq!(
            UnverifiedJws::parse(&text).unwrap_err(),
            JwsError::Segments(segments)
        );
    }
    // RFC 7516 App. A.1, header and first segments.
    let jwe = "eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ.OKOawDo13gRp2ojaHV7LFpZcgV7T6DVZKTyK\
               OMTYUmKoTCVJRgckCL9kiMT03JGe.48V1_ALb6US04U3b.5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6U\
               G9oMo4vpzs9tX_EFShS8iB7j6ji.XFBoMYUZodetZdvTiFvSkQ";
    assert_eq!(
        UnverifiedJws::parse(jwe).unwrap_err(),
        JwsError::Segments(5)
    );
}

// security.md 22; attack A20
#[test]
fn a_large_token_is_refused_by_its_length() {
    for text in [
        ".".repeat(1_000_000),
        "A".repeat(MAX_BYTES + 1),
        " ".repeat(8_000_000),
    ] {
        assert_eq!(UnverifiedJws::parse(&text).unwrap_err(), JwsError::TooLarge);
    }
}

// security.md 3; attack A17
#[test]
fn base64url_that_is_not_canonical_is_refused() {
    let header = URL_SAFE_NO_PAD.encode(br#"{"alg":"ES256"}"#);
    for (claims, why) in [
        ("e31", "a bit beyond the last byte"),
        ("e3", "half of a value"),
        ("e", "a single character"),
        ("e30A", "one byte more"),
    ] {
        let error = UnverifiedJws::parse(&format!("{header}.{claims}.AA")).unwrap_err();
        assert!(
            matches!(error, JwsError::Base64 | JwsError::Claims(_)),
            "{why}: {error:?}"
        );
    }
    for signature in ["AB", "A"] {
        assert_eq!(
            UnverifiedJws::parse(&format!("{header}.e30.{signature}")).unwrap_err(),
            JwsError::Base64
        );
    }
}

/// Headers that must be refused whatever signs them.
fn hostile_headers() -> Vec<Value> {
    let mut headers = Vec::new();
    for alg in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        " ",
        "HS256",
        "HS384",
        "HS512",
        "hs256",
        "rs256",
        "RS1",
        "RS384",
        "RS512",
        "PS384",
        "PS512",
        "ES256K",
        "Ed448",
        "eddsa",
        "dir",
        "A128KW",
        "RSA-OAEP",
        "RSA1_5",
        "ECDH-ES",
        "PBES2-HS256+A128KW",
        "RS256 ",
        " RS256",
        "RS256\0",
        "\u{ff32}S256",
    ] {
        headers.push(json!({"alg": alg}));
    }
    for alg in [
        json!(null),
        json!(1),
        json!(true),
        json!({}),
        json!(["RS256"]),
        json!(["none"]),
    ] {
        headers.push(json!({"alg": alg}));
    }
    headers.push(json!({}));
    headers.push(json!({"ALG": "RS256"}));
    for (name, value) in [
        ("crit", json!([])),
        ("crit", json!(["exp"])),
        ("crit", json!(["alg"])),
        ("crit", json!(["b64"])),
        ("crit", json!(["x", "x"])),
        ("crit", json!("x")),
        ("crit", json!(null)),
        ("crit", json!({})),
        ("b64", json!(false)),
        ("b64", json!(true)),
        ("b64", json!("false")),
        ("enc", json!("A256GCM")),
        ("zip", json!("DEF")),
        ("kid", json!(1)),
        ("kid", json!(null)),
        ("kid", json!(["a"])),
        ("kid", json!("x".repeat(257))),
        ("typ", json!(1)),
        ("typ", json!(null)),
        ("typ", json!(["at+jwt"])),
        ("x5t", json!(1)),
        ("x5t#S256", json!({})),
        ("x", json!("y".repeat(2048))),
        ("x5c", json!(["y".repeat(8193)])),
        ("x", json!([[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]])),
    ] {
        headers.push(json!({"alg": "GOOD", name: value}));
    }
    for typ in [
        "at+jwt",
        "application/at+jwt",
        "AT+JWT",
        "dpop+jwt",
        "countersign-platform+jwt",
        "countersign-login+jwt",
        "logout+jwt",
        "secevent+jwt",
        "entity-statement+jwt",
        "JOSE",
        "JOSE+JSON",
        "text/client-authentication+jwt",
        "application/x/jwt",
        "client-authentication",
        "client-authentication+jwt ",
        "",
        "id_token",
    ] {
        headers.push(json!({"alg": "GOOD", "typ": typ}));
    }
    headers
}

// security.md 8, 9, 14, 15, 17, 19, 21-23, 33; attacks A1, A2, A8, A9, A21
#[test]
fn no_hostile_header_is_accepted_even_when_the_right_key_signed_it() {
    let claims = json!({"iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "iat": NOW, "nbf": NOW,
        "exp": NOW.plus(Duration::from_secs(60)), "jti": JTI});
    let mut tried = 0;
    for (name, algorithm) in PAIRS {
        let identity = Identity::named(name);
        let good = identity.sign(&json!({"alg": algorithm.name()}), &claims);
        assert!(is_believed(&good, &identity));
        for mut header in hostile_headers() {
            if header["alg"] == "GOOD" {
                header["alg"] = algorithm.name().into();
            }
            let text = identity.sign(&header, &claims);
            assert!(!is_believed(&text, &identity), "{algorithm} {header}");
            let (unsigned, _) = text.rsplit_once('.').unwrap();
            assert!(!is_believed(&format!("{unsigned}."), &identity), "{header}");
            tried += 2;
        }
    }
    assert!(tried > 75 * PAIRS.len() * 2, "{tried}");
}

// security.md 4-7, 22; attacks A18, A19, A23
#[test]
fn no_hostile_json_is_accepted_even_when_the_right_key_signed_it() {
    let identity = Identity::named("p256");
    let header = r#"{"alg":"ES256"}"#;
    let claims = format!(
        "{{\"iss\":\"{CLIENT}\",\"sub\":\"{CLIENT}\",\"aud\":\"{ISSUER}\",\
         \"exp\":1700000060,\"jti\":\"{JTI}\"}}"
    );
    let sign = |header: &[u8], claims: &[u8]| {
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = identity
            .key
            .sign(Algorithm::ES256, input.as_bytes())
            .unwrap();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    };
    assert!(is_believed(
        &sign(header.as_bytes(), claims.as_bytes()),
        &identity
    ));
    let inside = |more: &str| format!("{},{more}}}", &claims[..claims.len() - 1]);
    let utf16: Vec<u8> = claims.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let mut hostile: Vec<Vec<u8>> = vec![
        inside(r#""exp":1700000060"#).into(),
        inside(r#""\u0065xp":1700000099"#).into(),
        inside(r#""x":{"y":[{"z":1,"z":1}]}"#).into(),
        inside(r#""x":"\ud800""#).into(),
        inside(r#""x":1e999"#).into(),
        inside(&format!("\"x\":{}{}", "[".repeat(100), "]".repeat(100))).into(),
        inside(&format!("\"x\":\"{}\"", "y".repeat(4097))).into(),
        inside(
            &(0..64)
                .map(|n| format!("\"{n}\":0"))
                .collect::<Vec<_>>()
                .join(","),
        )
        .into(),
        format!("{claims}x").into(),
        format!("{claims}{claims}").into(),
        format!("{claims}\0").into(),
        format!("\u{feff}{claims}").into(),
        format!("[{claims}]").into(),
        format!("/**/{claims}").into(),
        claims.replace('"', "'").into(),
        claims.replace("1700000060", "1700000060,").into(),
        claims.replace("1700000060", "NaN").into(),
        claims.replace("1700000060", "0x6553f13c").into(),
        claims.replace("1700000060", "01700000060").into(),
        utf16,
        b"null".to_vec(),
        b"\"\"".to_vec(),
        Vec::new(),
    ];
    let mut latin = inside(r#""x":"_""#).into_bytes();
    let at = latin.len() - 3;
    latin[at] = 0xe9;
    hostile.push(latin);
    for bad in &hostile {
        let text = sign(header.as_bytes(), bad);
        assert!(
            !is_believed(&text, &identity),
            "{}",
            String::from_utf8_lossy(bad)
        );
    }
    for bad in [
        r#"{"alg":"ES256","alg":"ES256"}"#,
        r#"{"alg":"none","\u0061lg":"ES256"}"#,
        r#"{"alg":"ES256"}x"#,
        r#"{"alg":"ES256"}{}"#,
        r#"["ES256"]"#,
        r#"{"alg":"ES256","kid":"\ud800"}"#,
        r#"{"alg":"ES256","jwk":{"kty":"OKP","kty":"EC"}}"#,
        "{\"alg\":\"ES256\",}",
        "",
    ] {
        assert!(
            !is_believed(&sign(bad.as_bytes(), claims.as_bytes()), &identity),
            "{bad}"
        );
    }
}

// security.md 10, 12; attacks A2, A10, A12
#[test]
fn no_signature_of_another_form_key_or_length_is_accepted() {
    for (name, algorithm) in PAIRS {
        let identity = Identity::named(name);
        let good = assertion(&identity, algorithm);
        let (input, signature) = good.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let length = signature.len();
        let mut longer = signature.clone();
        longer.push(0);
        let mut led = vec![0];
        led.extend(&signature);
        let mut swapped = signature.clone();
        swapped.rotate_left(length / 2);
        for bad in [
            Vec::new(),
            vec![0; length],
            vec![1; length],
            vec![0xff; length],
            signature[..length - 1].to_vec(),
            signature[1..].to_vec(),
            [&signature[..], &signature[..]].concat(),
            longer,
            led,
            swapped,
        ] {
            let text = format!("{input}.{}", URL_SAFE_NO_PAD.encode(&bad));
            assert!(!is_believed(&text, &identity), "{algorithm} {bad:02x?}");
        }
        for (other, _) in PAIRS.iter().filter(|(other, _)| *other != name) {
            assert!(
                !is_believed(&good, &Identity::named(other)),
                "{name} {other}"
            );
        }
        let header = json!({"alg": algorithm.name()});
        for (_, other) in PAIRS.iter().filter(|(_, other)| *other != algorithm) {
            let renamed = json!({"alg": other.name()});
            let input = crate::jws::SigningInput::encode(
                renamed.as_object().unwrap(),
                json!({"iss": CLIENT}).as_object().unwrap(),
            );
            let signature = identity.key.sign(algorithm, input.as_bytes()).unwrap();
            let text = input.finish(&signature);
            assert!(
                !is_believed(&text, &identity),
                "{header} signed, {other} said"
            );
        }
    }
}

// security.md 19; attack A8
#[test]
fn a_kid_is_data() {
    let identity = Identity::named("p256");
    for kid in [
        "../../../../etc/passwd",
        "' OR 1=1 --",
        "*)(uid=*",
        "a\0b",
        "$(id)",
        "http://127.0.0.1:9/key",
        "",
    ] {
        let text = identity.sign(&json!({"alg": "ES256", "kid": kid}), &json!({}));
        let unverified = UnverifiedAssertion::parse(&text).unwrap();
        assert_eq!(unverified.kid(), Some(kid));
        assert_eq!(unverified.claimed_client_id(), None);
    }
}

proptest::proptest! {
    #![proptest_config(proptest::test_runner::Config {
        failure_persistence: None,
        ..Default::default()
    })]

    #[test]
    fn arbitrary_text_never_panics(text in "[A-Za-z0-9_.=\\-]{0,256}") {
        proptest::prop_assert!(UnverifiedJws::parse(&text).is_err());
        let _ = crate::token::inspect(&text);
    }
}
