//! Is any damaged or dressed-up variant of a good token accepted by the toolkit, and is each refused
//! for its own reason?

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};

use super::*;
use crate::{
    assertion::{Expectation, Purpose, UnverifiedAssertion},
    crypto::hmac,
    fixtures::variant,
    jws::{JwsError, MAX_BYTES, UnverifiedJws},
    key::Algorithm as Pair,
};

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Tokens that must be refused, each for this reason.
struct Tried {
    count: usize,
}

impl Tried {
    #[track_caller]
    fn refused(&mut self, signer: &Signer, text: &str, expected: &str) {
        self.count += 1;
        let refusal = verify(text, &TrustedKeys::of(signer), &demands(), NOW)
            .map(|_| panic!("{} accepted: {text}", signer.algorithm()))
            .unwrap_err();
        assert_eq!(
            reason(&refusal),
            expected,
            "{}: {refusal:?}: {text}",
            signer.algorithm()
        );
    }
}

/// The variant, and of a form that is refused what is wrong with it.
fn reason(refusal: &Refusal) -> String {
    match refusal {
        Refusal::Jws(JwsError::Header(why)) => format!("Header {}", variant(why)),
        Refusal::Jws(JwsError::Claims(why)) => format!("Claims {}", variant(why)),
        Refusal::Jws(why) => variant(why),
        Refusal::Claim(why) => format!("Claim {}", why.claim),
        Refusal::Value { claim, .. } => format!("Value {claim}"),
        other => variant(other),
    }
}

fn good(signer: &Signer) -> String {
    let token = builder().subject("alice").build(signer, NOW).unwrap();
    token.expose().to_owned()
}

fn signed(signer: &Signer, header: &[u8], claims: &[u8]) -> String {
    let [header, claims] = [header, claims].map(|part| URL_SAFE_NO_PAD.encode(part));
    let input = format!("{header}.{claims}");
    let signature = signer.sign(input.as_bytes()).unwrap();
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// `{…}` with one member more.
fn inside(object: &str, more: &str) -> String {
    format!("{},{more}}}", &object[..object.len() - 1])
}

// security.md 1 to 10, 12, 14 to 17, 19 to 23, 30 to 34; attacks A1 to A12, A17 to A23
#[test]
fn of_a_thousand_hostile_tokens_none_is_accepted_and_each_is_refused_for_its_reason() {
    let mut tried = Tried { count: 0 };
    for signer in signers() {
        let text = good(&signer);
        assert!(verify(&text, &TrustedKeys::of(&signer), &demands(), NOW).is_ok());
        damaged_signatures(&mut tried, &signer, &text);
        damaged_texts(&mut tried, &signer, &text);
        changed_claims(&mut tried, &signer, &text);
        other_algorithms(&mut tried, &signer);
        headers(&mut tried, &signer);
        json_of_all_kinds(&mut tried, &signer);
        claims(&mut tried, &signer);
    }
    assert!(tried.count > 230 * signers().len(), "{}", tried.count);
}

fn damaged_signatures(tried: &mut Tried, signer: &Signer, text: &str) {
    let (input, signature) = text.rsplit_once('.').unwrap();
    for at in (0..signature.len()).step_by(3) {
        let place = ALPHABET.iter().position(|c| *c == signature.as_bytes()[at]);
        let mut other = signature.as_bytes().to_vec();
        other[at] = ALPHABET[(place.unwrap() + 32) % 64];
        let other = String::from_utf8(other).unwrap();
        let expected = match URL_SAFE_NO_PAD.decode(&other) {
            Ok(_) => "Signature",
            Err(_) => "Base64",
        };
        tried.refused(signer, &format!("{input}.{other}"), expected);
    }
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let length = bytes.len();
    let mut reversed = bytes.clone();
    reversed.reverse();
    for other in [
        Vec::new(),
        vec![0; length],
        vec![1; length],
        vec![0xff; length],
        bytes[1..].to_vec(),
        bytes[..length - 1].to_vec(),
        [&bytes[..], &[0]].concat(),
        [&[0], &bytes[..]].concat(),
        [&bytes[..], &bytes[..]].concat(),
        reversed,
    ] {
        let other = URL_SAFE_NO_PAD.encode(other);
        tried.refused(signer, &format!("{input}.{other}"), "Signature");
    }
}

fn damaged_texts(tried: &mut Tried, signer: &Signer, text: &str) {
    for (more, expected) in [
        (" ", "Character"),
        ("\n", "Character"),
        ("=", "Character"),
        ("\0", "Character"),
        ("+", "Character"),
        ("/", "Character"),
        ("é", "Character"),
        (".", "Segments"),
    ] {
        tried.refused(signer, &format!("{text}{more}"), expected);
        tried.refused(signer, &format!("{more}{text}"), expected);
    }
    let (input, signature) = text.rsplit_once('.').unwrap();
    let (header, claims) = input.split_once('.').unwrap();
    for (other, expected) in [
        (String::new(), "Segments"),
        (header.to_owned(), "Segments"),
        (input.to_owned(), "Segments"),
        (format!("{text}.{signature}"), "Segments"),
        (format!("{header}..{claims}.."), "Segments"),
        (format!("{header}.{claims}{signature}"), "Segments"),
        (format!("Bearer {text}"), "Character"),
        (format!(".{claims}.{signature}"), "Header Syntax"),
        (format!("{header}..{signature}"), "Claims Syntax"),
        (format!("{claims}.{header}.{signature}"), "Algorithm"),
        (format!("{header}A.{claims}.{signature}"), "either"),
        ("A".repeat(MAX_BYTES + 1), "TooLarge"),
        (".".repeat(1_000_000), "TooLarge"),
        (".".repeat(MAX_BYTES), "Segments"),
    ] {
        let expected = match expected {
            // A letter more makes a byte, or half of one.
            "either" if (header.len() + 1) % 4 == 1 => "Base64",
            "either" => match URL_SAFE_NO_PAD.decode(format!("{header}A")) {
                Ok(_) => "Header TrailingBytes",
                Err(_) => "Base64",
            },
            other => other,
        };
        tried.refused(signer, &other, expected);
    }
    let json =
        format!(r#"{{"payload":"{claims}","protected":"{header}","signature":"{signature}"}}"#);
    tried.refused(signer, &json, "Character");
}

fn changed_claims(tried: &mut Tried, signer: &Signer, text: &str) {
    let mut parts = text.split('.');
    let (header, claims) = (parts.next().unwrap(), parts.next().unwrap());
    let signature = parts.next().unwrap();
    let json = String::from_utf8(URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    for (from, to) in [
        ("alice", "admin"),
        ("1700003600", "9700003600"),
        ("https://api.example", "https://web.example"),
        ("https://issuer.example", "https://attack.example"),
        ("{", "{\"admin\":true,"),
        ("{", "{ "),
    ] {
        let changed = json.replace(from, to);
        assert_ne!(changed, json);
        let changed = URL_SAFE_NO_PAD.encode(changed);
        tried.refused(
            signer,
            &format!("{header}.{changed}.{signature}"),
            "Signature",
        );
    }
}

/// The header says another algorithm than the key has, with whatever everybody could sign.
fn other_algorithms(tried: &mut Tried, signer: &Signer) {
    let claims = claims_with("sub", json!("alice"));
    for other in Algorithm::ALL {
        if other == signer.algorithm() {
            continue;
        }
        let mut header = header_of(signer);
        header["alg"] = json!(other.name());
        tried.refused(signer, &forge(signer, &header, &claims), "Algorithm");
    }
    for alg in [
        "none",
        "None",
        "NONE",
        "nOnE",
        "",
        " ",
        "hs256",
        "rs256",
        "RS1",
        "ES256K",
        "Ed448",
        "eddsa",
        "dir",
        "RSA-OAEP",
        "PBES2-HS256+A128KW",
        "HS256 ",
        "\u{ff28}S256",
    ] {
        let mut header = header_of(signer);
        header["alg"] = json!(alg);
        let text = forge(signer, &header, &claims);
        tried.refused(signer, &text, "Algorithm");
        let (unsigned, _) = text.rsplit_once('.').unwrap();
        tried.refused(signer, &format!("{unsigned}."), "Algorithm");
    }
    for alg in [json!(null), json!(1), json!(["HS256"]), json!({})] {
        let mut header = header_of(signer);
        header["alg"] = alg;
        tried.refused(signer, &forge(signer, &header, &claims), "Algorithm");
    }
    // CVE-2015-9235 and its children: an HMAC by what is public.
    let Some(public) = signer.public_key() else {
        return;
    };
    let pem = crate::pem::encode("PUBLIC KEY", public.spki());
    let jwk = Value::Object(crate::jwk::required_members(public)).to_string();
    for known in [
        public.spki().to_vec(),
        pem.clone().into_bytes(),
        pem.trim_end().as_bytes().to_vec(),
        format!(" \n{pem}").into_bytes(),
        jwk.into_bytes(),
        Vec::new(),
    ] {
        for name in ["HS256", "HS384", "HS512"] {
            let mut header = header_of(signer);
            header["alg"] = json!(name);
            let input =
                SigningInput::encode(header.as_object().unwrap(), claims.as_object().unwrap());
            let hash = Algorithm::from_name(name).unwrap().hash().unwrap();
            let signature = hmac::sign(hash, &known, input.as_bytes());
            tried.refused(signer, &input.finish(&signature), "Algorithm");
        }
    }
}

/// Signed by the right key.
fn headers(tried: &mut Tried, signer: &Signer) {
    let claims = claims_with("sub", json!("alice"));
    let attacker = Identity::named("p256");
    let jwk = Value::Object(crate::jwk::required_members(attacker.public_key()));
    for (name, value, expected) in [
        ("crit", json!([]), "Critical"),
        ("crit", json!(["exp"]), "Critical"),
        ("crit", json!(null), "Critical"),
        ("b64", json!(false), "Unencoded"),
        ("b64", json!(true), "Unencoded"),
        ("enc", json!("A256GCM"), "Encrypted"),
        ("zip", json!("DEF"), "Encrypted"),
        ("kid", json!(1), "MemberType"),
        ("kid", json!(null), "MemberType"),
        ("kid", json!(["a"]), "MemberType"),
        ("kid", json!("x".repeat(257)), "KidTooLong"),
        ("kid", json!(""), "UnknownKey"),
        ("kid", json!("../../etc/passwd"), "UnknownKey"),
        ("kid", json!("' OR 1=1 --"), "UnknownKey"),
        ("kid", json!("*)(uid=*"), "UnknownKey"),
        ("kid", json!("\u{0}"), "UnknownKey"),
        ("typ", json!(1), "MemberType"),
        ("typ", json!(null), "MemberType"),
        ("x5t", json!({}), "MemberType"),
        ("x5t#S256", json!(1), "MemberType"),
        ("x", json!("y".repeat(2048)), "Header TooLarge"),
        (
            "x",
            json!([[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]),
            "Header TooDeep",
        ),
    ] {
        let mut header = header_of(signer);
        header[name] = value;
        tried.refused(signer, &forge(signer, &header, &claims), expected);
    }
    // A key that a token brings along or points to is not looked at.
    for (name, value) in [
        ("jwk", jwk),
        ("jku", json!("http://127.0.0.1:1/jwks")),
        ("x5u", json!("http://127.0.0.1:1/x5u")),
        ("x5c", attacker.vector["x5c"].clone()),
    ] {
        let mut header = header_of(signer);
        header[name] = value;
        header["alg"] = json!("ES256");
        let expected = match signer.algorithm() {
            Algorithm::KeyPair(Pair::ES256) => continue, // it is the attacker's own key
            _ => "Algorithm",
        };
        tried.refused(signer, &attacker.sign(&header, &claims), expected);
        header["alg"] = json!(signer.algorithm().name());
        let text = SigningInput::encode(header.as_object().unwrap(), claims.as_object().unwrap());
        let signature = attacker.public_key().spki()[..32].to_vec();
        tried.refused(signer, &text.finish(&signature), "Signature");
    }
}

/// Signed by the right key.
fn json_of_all_kinds(tried: &mut Tried, signer: &Signer) {
    let header = header_of(signer).to_string();
    let claims = claims_with("sub", json!("alice")).to_string();
    let alg = format!("\"alg\":\"{}\"", signer.algorithm());
    for (bad, expected) in [
        (inside(&header, &alg), "Header DuplicateMember"),
        (
            inside(&header, r#""\u0061lg":"none""#),
            "Header DuplicateMember",
        ),
        (
            inside(&header, r#""x":{"y":1,"y":1}"#),
            "Header DuplicateMember",
        ),
        (format!("{header}x"), "Header TrailingBytes"),
        (format!("{header}{{}}"), "Header TrailingBytes"),
        (format!("[{header}]"), "Header NotAnObject"),
        ("null".to_owned(), "Header NotAnObject"),
        (header.replace('"', "'"), "Header Syntax"),
        (format!("\u{feff}{header}"), "Header Syntax"),
        (inside(&header, r#""x":"\ud800""#), "Header Syntax"),
    ] {
        let text = signed(signer, bad.as_bytes(), claims.as_bytes());
        tried.refused(signer, &text, expected);
    }
    let many: Vec<String> = (0..64).map(|n| format!("\"{n}\":0")).collect();
    for (bad, expected) in [
        (
            inside(&claims, r#""sub":"admin""#),
            "Claims DuplicateMember",
        ),
        (
            inside(&claims, r#""\u0065xp":9700000060"#),
            "Claims DuplicateMember",
        ),
        (
            inside(&claims, r#""x":{"y":[{"z":1,"z":1}]}"#),
            "Claims DuplicateMember",
        ),
        (inside(&claims, r#""x":"\ud800""#), "Claims Syntax"),
        (inside(&claims, r#""x":1e999"#), "Claims Syntax"),
        (
            inside(
                &claims,
                &format!("\"x\":{}{}", "[".repeat(100), "]".repeat(100)),
            ),
            "Claims TooDeep",
        ),
        (
            inside(&claims, &format!("\"x\":\"{}\"", "y".repeat(4097))),
            "Claims StringTooLong",
        ),
        (inside(&claims, &many.join(",")), "Claims TooManyMembers"),
        (format!("{claims}x"), "Claims TrailingBytes"),
        (format!("{claims}\0"), "Claims TrailingBytes"),
        (format!("[{claims}]"), "Claims NotAnObject"),
        ("\"\"".to_owned(), "Claims NotAnObject"),
        (claims.replace("1700000600", "NaN"), "Claims Syntax"),
        (claims.replace("1700000600", "01700000600"), "Claims Syntax"),
    ] {
        let text = signed(signer, header.as_bytes(), bad.as_bytes());
        tried.refused(signer, &text, expected);
    }
    let utf16: Vec<u8> = claims.encode_utf16().flat_map(u16::to_be_bytes).collect();
    let text = signed(signer, header.as_bytes(), &utf16);
    tried.refused(signer, &text, "Claims Syntax");
    let latin = claims.replace("alice", "alic\u{1}").into_bytes();
    let latin: Vec<u8> = latin
        .into_iter()
        .map(|byte| if byte == 1 { 0xe9 } else { byte })
        .collect();
    let text = signed(signer, header.as_bytes(), &latin);
    tried.refused(signer, &text, "Claims NotUtf8");
}

/// Signed by the right key.
fn claims(tried: &mut Tried, signer: &Signer) {
    let now = NOW.as_secs();
    for (name, value, expected) in [
        ("exp", json!("absent"), "Claim exp"),
        ("exp", json!("1700000600"), "Claim exp"),
        ("exp", json!(null), "Claim exp"),
        ("exp", json!([now + 600]), "Claim exp"),
        ("exp", json!(-1), "Claim exp"),
        ("exp", json!(1e19), "Claim exp"),
        ("exp", json!(1e300), "Claim exp"),
        ("exp", json!(u64::MAX), "Claim exp"),
        ("exp", json!(9_007_199_254_740_993_u64), "Claim exp"),
        ("exp", json!(0), "Expired"),
        ("exp", json!(now - 60), "Expired"),
        ("nbf", json!(now + 61), "NotYetValid"),
        ("nbf", json!("0"), "Claim nbf"),
        ("nbf", json!(null), "Claim nbf"),
        ("iat", json!(now + 61), "NotYetValid"),
        ("iat", json!(false), "Claim iat"),
        ("iss", json!("absent"), "Value iss"),
        ("iss", json!(""), "Value iss"),
        ("iss", json!("https://issuer.example/"), "Value iss"),
        ("iss", json!("HTTPS://issuer.example"), "Value iss"),
        ("iss", json!("https://issuer.example\u{0}"), "Value iss"),
        ("iss", json!("https://\u{456}ssuer.example"), "Value iss"),
        ("iss", json!([ISSUER]), "Claim iss"),
        (
            "iss",
            json!([ISSUER, "https://attack.example"]),
            "Claim iss",
        ),
        ("iss", json!(null), "Claim iss"),
        ("aud", json!("absent"), "Value aud"),
        ("aud", json!("https://api.example/"), "Value aud"),
        ("aud", json!("https://api.exampl\u{435}"), "Value aud"),
        ("aud", json!([]), "Value aud"),
        ("aud", json!([API, 1]), "Claim aud"),
        ("aud", json!({"0": API}), "Claim aud"),
        ("aud", json!(null), "Claim aud"),
        ("sub", json!(1), "Claim sub"),
        ("sub", json!(["alice"]), "Claim sub"),
    ] {
        let claims = claims_with(name, value);
        let text = forge(signer, &header_of(signer), &claims);
        tried.refused(signer, &text, expected);
    }
}

// Invariant: a symmetric algorithm is known to this toolkit alone; so are the longer hashes of RSA.
#[test]
fn nothing_of_the_protocol_takes_an_algorithm_of_the_toolkit() {
    let claims = json!({"iss": "app-1", "sub": "app-1", "aud": ISSUER, "iat": NOW, "nbf": NOW,
        "exp": NOW.as_secs() + 60, "jti": "5f0c2b7e-3a51-4d0e-9d4f-1c2b3a4d5e6f"});
    let expectation = Expectation {
        purpose: Purpose::Client,
        client_id: "app-1",
        audiences: &[ISSUER],
        lifetime_max: std::time::Duration::from_secs(300),
        now: NOW,
    };
    let rsa = Identity::named("rsa");
    for signer in signers() {
        let text = forge(&signer, &header_of(&signer), &claims);
        let demands = Requirements::issued_by("app-1").for_audience(ISSUER);
        assert!(verify(&text, &TrustedKeys::of(&signer), &demands, NOW).is_ok());
        let key = signer.public_key().unwrap_or(rsa.public_key()).clone();
        let believed = UnverifiedAssertion::parse(&text)
            .and_then(|assertion| assertion.verify(&key, &Pair::PROTOCOL, &expectation))
            .is_ok();
        let of_protocol = Pair::from_name(signer.algorithm().name());
        assert_eq!(believed, of_protocol.is_some(), "{}", signer.algorithm());
        let parsed = UnverifiedJws::parse(&text).map(|_| ());
        match of_protocol {
            Some(_) => assert_eq!(parsed, Ok(())),
            None => assert_eq!(parsed, Err(JwsError::Algorithm)),
        }
    }
}
