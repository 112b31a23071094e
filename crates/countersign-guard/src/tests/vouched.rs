//! Is what an issuer tells of a token passed over when it narrows who may use it?

use std::sync::Arc;

use countersign_proto::{jwk, key::SigningKey as _};
use serde_json::json;

use crate::{Guard, scripted::*};

async fn word(guard: &Guard, token: &str) -> &'static str {
    match guard.check(&bearer(token)).await {
        Ok(_) => "believed",
        Err(refusal) => refusal.word(),
    }
}

// security.md 103, 106: RFC 9449 §6.2 and RFC 8705 §3.2 tell the bond in the answer.
#[tokio::test]
async fn a_bond_that_only_the_answer_tells_is_demanded_of_a_signed_token() {
    let (signer, holder) = (signer(), key());
    let jkt = jwk::thumbprint(holder.public_key());
    for (told, wanted) in [
        (json!({"cnf": {"jkt": jkt}}), "bound_to_key"),
        (
            json!({"cnf": {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}}),
            "claim",
        ),
        (
            json!({"cnf": {"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg0"}}),
            "certificate_missing",
        ),
        (json!({"cnf": {"other": "bond"}}), "claim"),
        (json!({"cnf": null}), "claim"),
        (json!({"token_type": "DPoP"}), "claim"),
        (json!({"token_type": "Bearer"}), "believed"),
    ] {
        let issuer = ScriptedIssuer::new(&[&signer]);
        let builder = builder(&issuer, &TestClock::new()).introspect_with(introspector());
        let guard = builder.introspect_all().build().unwrap();
        let text = token(&signer);
        let mut answer = told.clone();
        answer["active"] = json!(true);
        issuer.know(&text, answer);
        assert_eq!(word(&guard, &text).await, wanted, "{told}");
    }
}

#[tokio::test]
async fn a_holder_who_proves_a_bond_that_only_the_answer_tells_is_believed() {
    let (signer, holder) = (signer(), key());
    let issuer = ScriptedIssuer::new(&[&signer]);
    let builder = builder(&issuer, &TestClock::new()).introspect_with(introspector());
    let guard = builder.introspect_all().build().unwrap();
    let text = token(&signer);
    let jkt = jwk::thumbprint(holder.public_key());
    issuer.know(&text, json!({"active": true, "cnf": {"jkt": jkt}}));
    let proved = proved(&text, &holder, &PROOF);
    assert!(guard.check(&proved).await.is_ok());
}

// security.md 44: an issuer answers about its refresh tokens too (RFC 7662 §2.1).
#[tokio::test]
async fn a_token_that_its_issuer_calls_something_else_is_no_access_token() {
    const TEXT: &str = "2YotnFZFEjr1zCsicMWpAA";
    for (name, value, wanted) in [
        ("token_use", json!("refresh_token"), "claim"),
        ("token_use", json!("id"), "claim"),
        ("token_use", json!(1), "claim"),
        ("token_type", json!("refresh_token"), "claim"),
        ("token_type", json!("N_A"), "claim"),
        ("token_type", json!("mac"), "claim"),
        ("token_type", json!(null), "claim"),
        ("token_use", json!("access_token"), "believed"),
        ("token_use", json!("access"), "believed"),
        ("token_type", json!("access_token"), "believed"),
        ("token_type", json!("bearer"), "believed"),
    ] {
        let issuer: Arc<ScriptedIssuer> = ScriptedIssuer::new(&[]);
        let builder = builder(&issuer, &TestClock::new()).introspect_with(introspector());
        let guard = builder.build().unwrap();
        let mut answer = active();
        answer[name] = value.clone();
        issuer.know(TEXT, answer);
        assert_eq!(word(&guard, TEXT).await, wanted, "{name} {value}");
    }
}
