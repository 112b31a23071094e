//! Does the form without async judge as the other one does?

use crate::{blocking, scripted::*};

#[test]
fn a_thread_gets_the_same_answers() {
    let signer = signer();
    let issuer = ScriptedIssuer::new(&[&signer]);
    let builder = builder(&issuer, &TestClock::new()).introspect_with(introspector());
    let guard = blocking::Guard::new(builder.build().unwrap()).unwrap();
    let head = bearer(&token(&signer));
    assert_eq!(guard.check(&head).unwrap().principal(), "alice");
    assert_eq!(guard.check(&bearer("x")).unwrap_err().word(), "inactive");
    let stranger = bearer(&token(&crate::scripted::signer()));
    assert_eq!(guard.check(&stranger).unwrap_err().word(), "key");

    // Inside async code it answers by what it knows, and does not block for the rest.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    runtime.block_on(async {
        assert!(guard.check(&head).is_ok());
        assert_eq!(guard.check(&bearer("y")).unwrap_err().word(), "unavailable");
    });
    drop(guard);
}
