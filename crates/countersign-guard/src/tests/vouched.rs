//! Is what an issuer tells of a token passed over when it narrows who may use it?

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
