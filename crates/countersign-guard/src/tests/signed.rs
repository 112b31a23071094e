//! Is a signed token believed by the keys that are given or published, and by no others?

use countersign_proto::{
    jws::{ClaimError, JwsError},
    jwt::{self, Signer, SymmetricKey},
};
use serde_json::{Value, json};

use crate::{How, Refusal, scripted::*};

fn given(signer: &Signer) -> crate::Guard {
    let issuer = ScriptedIssuer::new(&[]);
    let builder = builder(&issuer, &TestClock::new());
    builder.keys(keys(signer)).build().unwrap()
}

// security.md 59, 60
#[tokio::test]
async fn a_good_token_is_believed_by_given_keys_without_asking_anybody() {
    let signer = signer();
    let guard = given(&signer);
    let caller = guard.check(&bearer(&token(&signer))).await.unwrap();
    assert_eq!(caller.issuer(), ISSUER);
    assert_eq!(caller.principal(), "alice");
    assert_eq!(caller.subject(), Some("alice"));
    assert_eq!(caller.client_id(), Some("app-1"));
    let scope: Vec<&str> = caller.scope().collect();
    assert_eq!(scope, ["orders.read", "orders.write"]);
    assert!(caller.has_scope("orders.read") && !caller.has_scope("orders"));
    assert!(caller.has_role("Reader") && !caller.has_role("reader"));
    assert_eq!(caller.expires_at().unwrap().as_secs(), NOW + 600);
    assert_eq!(caller.how(), How::Signature);
    assert_eq!(caller.claims()["aud"], API);
}

#[tokio::test]
async fn a_good_token_is_believed_by_the_keys_that_the_issuer_publishes() {
    let signer = signer();
    let issuer = ScriptedIssuer::new(&[&signer]);
    let guard = builder(&issuer, &TestClock::new()).build().unwrap();
    let head = bearer(&token(&signer));
    assert!(guard.check_at_once(&head).is_none());
    assert_eq!(guard.check(&head).await.unwrap().principal(), "alice");
    // Now they are known.
    assert!(guard.check_at_once(&head).unwrap().is_ok());
    assert_eq!(issuer.requests(), 2);
}
