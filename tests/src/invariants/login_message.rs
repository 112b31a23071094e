//! What must hold of a message on the socket of a sign-in, in both directions?

use countersign::proto::{
    jwk::required_members,
    key::SigningKey as _,
    login::{
        ClientMessage, Hello, LoopbackTarget, MAX_MESSAGE_BYTES, Resume, SUBPROTOCOL, ServerMessage,
    },
    showable::is_showable_as_it_is,
    token::Binding,
};
use serde_json::{Value, json};
use url::Url;

use super::{
    CONTENT,
    keys::{self, NOW, by_pair},
    rereading::{has_repeated_members, is_shown_safely, lenient},
};

const NONCE: &str = "n-1";

/// Of a frame as it comes, and of claims that a terminal's key signed.
pub fn hold(input: &[u8]) {
    if let [CONTENT, claims @ ..] = input {
        return of_signed(claims);
    }
    let Ok(text) = std::str::from_utf8(input) else {
        return;
    };
    let (by_client, by_server) = (ClientMessage::decode(text), ServerMessage::decode(text));
    for why in [by_client.as_ref().err(), by_server.as_ref().err()]
        .into_iter()
        .flatten()
    {
        is_shown_safely(why);
    }
    if by_client.is_ok() || by_server.is_ok() {
        assert!(text.len() <= MAX_MESSAGE_BYTES);
        assert!(!has_repeated_members(input));
    }
    // A message is of one direction.
    assert!(by_client.is_err() || by_server.is_err(), "{text}");
    if let Ok(message) = by_client {
        let written = message.encode();
        let again = ClientMessage::decode(&written).expect("what was written");
        assert_eq!(again.encode(), written);
        assert_eq!(lenient(written.as_bytes()), lenient(input));
        shows_nothing(&format!("{message:?}"), text);
    }
    if let Ok(message) = by_server {
        let written = message.encode();
        match ServerMessage::decode(&written) {
            Ok(again) => assert_eq!(again.encode(), written),
            // Numbers and times may be longer as they are written here.
            Err(why) => assert!(written.len() > MAX_MESSAGE_BYTES, "{why:?}: {}", *written),
        }
        assert_eq!(
            lenient(written.as_bytes()).unwrap()["type"],
            lenient(input).unwrap()["type"]
        );
    }
}

/// No value of a message is in what a log would say of it.
fn shows_nothing(shown: &str, text: &str) {
    let members = lenient(text.as_bytes()).expect("a JSON object");
    for name in ["value", "jws"] {
        if let Some(Value::String(secret)) = members.get(name)
            && secret.len() >= 8
            && !"ClientMessage(confirm)".contains(secret.as_str())
        {
            assert!(!shown.contains(secret.as_str()), "{shown}");
        }
    }
}

fn of_signed(claims: &[u8]) {
    let key = keys::p256();
    let header = json!({"alg": "ES256", "typ": "countersign-login+jwt",
        "jwk": required_members(key.public_key())});
    let jws = by_pair(key, header.to_string().as_bytes(), claims);
    let endpoint = Url::parse("wss://id.example/login/socket").expect("a URL");
    let other = Url::parse("wss://other.example/login/socket").expect("a URL");
    let hello = Hello::verify(&jws, NONCE, &endpoint, NOW);
    let resume = Resume::verify(&jws, NONCE, &endpoint, NOW);
    for why in [hello.as_ref().err(), resume.as_ref().err()]
        .into_iter()
        .flatten()
    {
        is_shown_safely(why);
    }
    // One says what it is for.
    assert!(hello.is_err() || resume.is_err());
    if let Ok(verified) = hello {
        let hello = verified.hello();
        let said = lenient(claims).expect("a JSON object");
        assert_eq!(
            (&said["act"], &said["nonce"]),
            (&"hello".into(), &NONCE.into())
        );
        assert!(hello.versions.iter().any(|version| version == SUBPROTOCOL));
        assert!(!hello.bind.is_empty());
        assert_eq!(
            hello.bind.contains(&Binding::Loopback),
            hello.loopback.is_some()
        );
        if let Some(target) = &hello.loopback {
            assert!(LoopbackTarget::check_port(target.port()).is_ok());
            assert!(
                target.origin().starts_with("http://127.0.0.1:"),
                "{}",
                target.origin()
            );
        }
        let client = &hello.client;
        for text in [
            &client.name,
            &client.version,
            &client.os,
            &client.host,
            &client.user,
        ] {
            assert!(
                text.is_empty() || is_showable_as_it_is(text, 64),
                "{text:?}"
            );
        }
        assert_eq!(verified.key(), key.public_key());
        assert!(Hello::verify(&jws, "another", &endpoint, NOW).is_err());
        assert!(Hello::verify(&jws, NONCE, &other, NOW).is_err());
        let minted = hello
            .mint(key, NOW, "5f0c2b7e-3a51-4d0e")
            .expect("a signature");
        if let Ok(again) = Hello::verify(&minted, NONCE, &endpoint, NOW) {
            assert_eq!(again.hello(), hello);
        } else {
            assert!(minted.len() > 4096, "{minted}");
        }
    }
    if let Ok(verified) = resume {
        assert_eq!(verified.key(), key.public_key());
        assert!(Resume::verify(&jws, "another", &endpoint, NOW).is_err());
        assert!(Resume::verify(&jws, NONCE, &other, NOW).is_err());
    }
}
