//! Which names may nobody have?

use super::*;

// security.md 43
#[test]
fn names_of_the_platform_are_not_registered() {
    let registry = Registry::default();
    for reserved in [
        "countersign:platform",
        "countersign:x",
        "platform",
        "PLATFORM",
    ] {
        for change in [
            Change::CreateApplication(application(reserved)),
            Change::CreatePrincipal(principal(reserved, &[])),
        ] {
            let message = refusal(&registry, &change);
            assert!(message.contains("reserved"), "{message}");
        }
    }
    assert!(
        registry
            .apply(&Change::CreateApplication(application("platforms")))
            .is_ok()
    );
}

// security.md 43
#[test]
fn no_certificate_maps_to_the_platform() {
    let message = refusal(
        &furnished(),
        &Change::CreateMapping(mapping("1", P256_SHA256, "platform")),
    );
    assert!(message.contains("platform"), "{message}");
}

// security.md A23
#[test]
fn names_with_controls_are_refused_everywhere() {
    let bad = "ad\u{202E}min";
    let registry = furnished();
    let mut named = application("other");
    named.name = bad.to_owned();
    let mut aliased = record(CertificateUsage::Client, Some("billing"), RSA2048, None).unwrap();
    aliased.kid_alias = Some(bad.to_owned());
    for change in [
        Change::CreateApplication(application(bad)),
        Change::CreateApplication(named),
        Change::CreatePrincipal(principal(bad, &[])),
        Change::CreateRole(role(bad, &[])),
        Change::RegisterCertificate(aliased),
        Change::CreateMapping(mapping(bad, P256_SHA256, "vader")),
    ] {
        assert!(
            matches!(registry.apply(&change), Err(RegistryError::Invalid { .. })),
            "{change:?}"
        );
    }
}

#[test]
fn names_are_compared_exactly() {
    let registry = furnished();
    assert!(registry.principal("Vader").is_none());
    assert!(registry.principal("vader ").is_none());
    assert!(registry.application("Billing").is_none());
    assert!(
        registry
            .apply(&Change::CreatePrincipal(principal("Vader", &[])))
            .is_ok()
    );
}
