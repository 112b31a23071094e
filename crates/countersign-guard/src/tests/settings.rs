//! Which settings make a guard, and which do not?

use std::time::Duration;

use crate::{BuildError, Guard, scripted::*};

#[test]
fn a_guard_that_would_believe_too_much_is_not_built() {
    let issuer = ScriptedIssuer::new(&[]);
    let clock = TestClock::new();
    let good = || builder(&issuer, &clock);
    assert!(good().build().is_ok());
    let without = Guard::builder(ISSUER);
    assert_eq!(without.build().unwrap_err(), BuildError::NoAudience);
    for text in [
        "",
        "id.example",
        "http://id.example",
        "https://id.example?a",
        "https://id.example#a",
        "https://a@id.example",
        "ftp://id.example",
    ] {
        let built = Guard::builder(text).audience(API).build();
        assert!(matches!(built, Err(BuildError::Issuer(_))), "{text}");
    }
    for origin in [
        "",
        "api.example",
        "ftp://api.example",
        "https://a@api.example",
        "https://a?b",
    ] {
        let built = good().public_origin(origin).build();
        let refused = matches!(
            built,
            Err(BuildError::Setting {
                name: "public_origin",
                ..
            })
        );
        assert!(refused, "{origin}");
    }
    let millis = Duration::from_millis;
    for (builder, permitted) in [
        (good().leeway(millis(60_000)), true),
        (good().leeway(millis(60_001)), false),
        (good().opaque_cache(millis(5_000)), true),
        (good().opaque_cache(millis(5_001)), false),
        (good().opaque_cache(millis(0)), true),
        (good().introspect_all(), false),
        (
            good().introspect_with(introspector()).introspect_all(),
            true,
        ),
    ] {
        let shown = format!("{builder:?}");
        assert_eq!(builder.build().is_ok(), permitted, "{shown}");
    }
}
