//! Which claims must be refused, although the right key signed them?

use serde_json::json;

use super::{API, Hostile, ISSUER, Issuer, NOW, good_claims};

pub(super) fn add(issuer: &Issuer, all: &mut Vec<Hostile>) {
    let now = NOW.as_secs();
    for (name, value, why) in [
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
        let mut claims = good_claims();
        let members = claims.as_object_mut().expect("an object");
        if value == json!("absent") {
            members.remove(name);
        } else {
            members.insert(name.to_owned(), value);
        }
        let token = issuer.sign(&issuer.header(), &claims);
        all.push(Hostile { token, why });
    }
}
