//! Which hello and which resume are believed?

use super::*;
use crate::{
    fixtures::{KINDS, variant, vectors},
    jwk,
    key::{Algorithm, SigningError, SigningKey as _},
    token,
};

fn resume() -> Resume {
    Resume {
        nonce: "n-1".to_owned(),
        htu: endpoint(),
        sid: "b0Zq2k1xW8s3Jf5LhT7v9g".to_owned(),
        last_seq: 4,
    }
}

// security.md 17, 44
#[test]
fn signed_messages_of_another_tool_are_judged_as_expected() {
    let all = vectors(include_str!(
        "../../../../../testdata/vectors/login-node.json"
    ));
    assert!(all.len() >= 100, "{}", all.len());
    for vector in all {
        let member = |name: &str| vector[name].as_str().unwrap();
        let now = UnixTime::from_secs(vector["now"].as_u64().unwrap());
        let htu = Url::parse(member("htu")).unwrap();
        let (jws, nonce) = (member("jws"), member("nonce"));
        let found = if member("message") == "hello" {
            Hello::verify(jws, nonce, &htu, now).map(|hello| hello.thumbprint().to_owned())
        } else {
            Resume::verify(jws, nonce, &htu, now).map(|resume| resume.thumbprint().to_owned())
        };
        let found = match found {
            Ok(thumbprint) => {
                assert_eq!(thumbprint, member("thumbprint"));
                "accepted".to_owned()
            }
            Err(error) => variant(&error),
        };
        assert_eq!(
            found,
            member("expect"),
            "{}: {}",
            member("name"),
            member("comment")
        );
    }
}

#[test]
fn a_hello_is_minted_and_verified() {
    let key = Identity::named("p256").key;
    let mut bare = hello();
    bare.bind = vec![Binding::Code];
    bare.loopback = None;
    bare.client = ClientInfo::default();
    bare.scope = Scope::default();
    bare.login_hint = None;
    for hello in [hello(), bare] {
        let jws = hello.mint(&key, NOW, JTI).unwrap();
        let verified = Hello::verify(&jws, "n-1", &endpoint(), NOW).unwrap();
        assert_eq!(verified.hello(), &hello);
        assert_eq!(verified.key(), key.public_key());
        assert_eq!(verified.thumbprint(), jwk::thumbprint(key.public_key()));
    }
}

#[test]
fn a_resume_is_minted_and_verified() {
    let key = Identity::named("p256").key;
    let jws = resume().mint(&key, NOW, JTI).unwrap();
    let verified = Resume::verify(&jws, "n-1", &endpoint(), NOW).unwrap();
    assert_eq!(verified.resume(), &resume());
    assert_eq!(verified.key(), key.public_key());
    assert_eq!(verified.thumbprint(), jwk::thumbprint(key.public_key()));
}

#[test]
fn a_hello_says_what_docs_login_demands_and_no_more() {
    let key = Identity::named("p256").key;
    let jws = hello().mint(&key, NOW, JTI).unwrap();
    let shown = token::inspect(&jws).unwrap();
    assert_eq!(
        Value::Object(shown.header),
        json!({"alg": "ES256", "typ": "countersign-login+jwt",
            "jwk": jwk::required_members(key.public_key())})
    );
    assert_eq!(
        Value::Object(shown.claims),
        json!({"act": "hello", "nonce": "n-1", "htu": "wss://id.example/login/socket", "iat": NOW,
            "jti": JTI, "versions": ["countersign.login.v1"], "bind": ["loopback", "code"],
            "loopback": {"port": 49152, "path": "AAECAwQFBgcICQoLDA0ODw"},
            "client": {"name": "countersign", "version": "0.1.0", "os": "linux", "host": "höst",
                "user": "anna"},
            "scope": "audit:read roles:read", "login_hint": "anna@example.org"})
    );
    let shown = token::inspect(&resume().mint(&key, NOW, JTI).unwrap()).unwrap();
    assert_eq!(
        Value::Object(shown.claims),
        json!({"act": "resume", "nonce": "n-1", "htu": "wss://id.example/login/socket",
            "iat": NOW, "jti": JTI, "sid": "b0Zq2k1xW8s3Jf5LhT7v9g", "last_seq": 4})
    );
}

#[test]
fn a_key_that_does_not_sign_by_es256_proves_no_login() {
    for name in KINDS.into_iter().filter(|name| *name != "p256") {
        let key = Identity::named(name).key;
        assert_eq!(
            hello().mint(&key, NOW, JTI),
            Err(SigningError::Algorithm(Algorithm::ES256)),
            "{name}"
        );
    }
}

// login.md R3: a proof of one connection, endpoint or moment is none of another.
#[test]
fn a_signed_message_is_of_one_connection_and_one_endpoint() {
    let key = Identity::named("p256").key;
    let elsewhere = Url::parse("wss://evil.example/login/socket").unwrap();
    let late = NOW.plus(Duration::from_secs(301));
    let hello = hello().mint(&key, NOW, JTI).unwrap();
    let resume = resume().mint(&key, NOW, JTI).unwrap();
    for (nonce, htu, now, error) in [
        ("n-2", endpoint(), NOW, HelloError::Nonce),
        ("", endpoint(), NOW, HelloError::Nonce),
        ("n-1", elsewhere, NOW, HelloError::Uri),
        ("n-1", endpoint(), late, HelloError::TooOld),
    ] {
        assert_eq!(Hello::verify(&hello, nonce, &htu, now).unwrap_err(), error);
        assert_eq!(
            Resume::verify(&resume, nonce, &htu, now).unwrap_err(),
            error
        );
    }
    let swapped = Resume::verify(&hello, "n-1", &endpoint(), NOW).unwrap_err();
    assert_eq!(swapped, HelloError::Act);
    let swapped = Hello::verify(&resume, "n-1", &endpoint(), NOW).unwrap_err();
    assert_eq!(swapped, HelloError::Act);
}

// security.md 3, 12, 16
#[test]
fn no_signed_message_with_one_character_changed_is_believed() {
    let key = Identity::named("p256").key;
    let good = resume().mint(&key, NOW, JTI).unwrap();
    for at in 0..good.len() {
        for other in ['A', 'b', '.', '-', '='] {
            let bad = format!("{}{other}{}", &good[..at], &good[at + 1..]);
            if bad != good {
                let verified = Resume::verify(&bad, "n-1", &endpoint(), NOW);
                assert!(verified.is_err(), "{other} at {at}");
            }
        }
    }
}

// login.md R7: what a client claims is cut to what can be shown, by both ends.
#[test]
fn what_a_client_says_of_itself_is_short_and_plain() {
    let hostile = format!("a\u{1b}[2J\u{202e}b\r\n\0{}", "c".repeat(3000));
    let plain = format!("a[2Jb{}", "c".repeat(59));
    let identity = Identity::named("p256");
    // Of a client that is not ours.
    let claims = json!({"act": "hello", "nonce": "n-1", "htu": endpoint(), "iat": NOW, "jti": JTI,
        "versions": [SUBPROTOCOL], "bind": ["code"],
        "client": {"name": hostile, "version": "\u{200b}", "os": 64, "host": "h", "user": "u"}});
    let header = json!({"alg": "ES256", "typ": "countersign-login+jwt",
        "jwk": jwk::required_members(identity.public_key())});
    let jws = identity.sign(&header, &claims);
    assert!(Hello::verify(&jws, "n-1", &endpoint(), NOW).is_err());
    let mut claims = claims;
    claims["client"]["os"] = json!(hostile);
    let jws = identity.sign(&header, &claims);
    let verified = Hello::verify(&jws, "n-1", &endpoint(), NOW).unwrap();
    let client = &verified.hello().client;
    assert_eq!((&client.name, &client.os), (&plain, &plain));
    assert_eq!(client.version, "");

    let mut ours = hello();
    ours.client.host = "é".repeat(10_000);
    let jws = ours.mint(&identity.key, NOW, JTI).unwrap();
    let text = ClientMessage::Hello { jws }.encode();
    assert!(text.len() < 2048, "{}", text.len());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_hello_is_read_back(
        nonce in "[A-Za-z0-9_-]{1,43}",
        host in "[a-zA-Z0-9 é日\"\\\\-]{0,64}",
        port in 11_212_u16..,
        path: [u8; 16],
        scope in "[a-z:]{0,20}( [a-z:]{1,20}){0,3}",
    ) {
        use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

        let key = Identity::named("p256").key;
        let path = URL_SAFE_NO_PAD.encode(path);
        let hello = Hello {
            nonce: nonce.clone(),
            loopback: Some(LoopbackTarget::new(port, &path).unwrap()),
            client: ClientInfo { host, ..ClientInfo::default() },
            scope: Scope::parse(&scope).unwrap(),
            ..hello()
        };
        let jws = hello.mint(&key, NOW, JTI).unwrap();
        let verified = Hello::verify(&jws, &nonce, &endpoint(), NOW).unwrap();
        prop_assert_eq!(verified.hello(), &hello);
    }
}
