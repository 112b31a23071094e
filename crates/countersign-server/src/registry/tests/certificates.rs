//! Which certificates are registered, for whom, and found by which name?

use super::*;

// security.md 13, 24, 52
#[test]
fn keys_and_certificates_that_may_not_sign_are_refused() {
    for (name, pem) in [
        (
            "rsa1024",
            include_str!("../../../../../testdata/refused/rsa1024.pem"),
        ),
        (
            "wrong-eku",
            include_str!("../../../../../testdata/refused/wrong-eku.pem"),
        ),
        (
            "wrong-key-usage",
            include_str!("../../../../../testdata/refused/wrong-key-usage.pem"),
        ),
        (
            "not-pem",
            include_str!("../../../../../testdata/refused/not-pem.pem"),
        ),
        ("empty", ""),
    ] {
        let refused = record(CertificateUsage::Client, Some("billing"), pem, None);
        assert!(
            matches!(refused, Err(RegistryError::Invalid { .. })),
            "{name}: {refused:?}"
        );
    }
    let two = format!("{P256}\n{RSA2048}");
    let refused = record(CertificateUsage::Client, Some("billing"), &two, None);
    assert!(refused.unwrap_err().to_string().contains("leaf alone"));
}

// security.md 13, 52: also when the record does not come from our own reading
#[test]
fn a_record_that_is_not_that_of_its_certificate_is_refused() {
    let registry = furnished();
    let good = record(CertificateUsage::Client, Some("billing"), RSA2048, None).unwrap();
    let mut records = vec![good.clone(); 4];
    records[0].sha256 = P256_SHA256.to_owned();
    records[1].sha1 = P256_SHA1.to_owned();
    records[2].not_after = countersign_proto::time::UnixTime::from_secs(u64::MAX);
    records[3].pem = include_str!("../../../../../testdata/refused/wrong-eku.pem").to_owned();
    for record in records {
        let refused = registry.apply(&Change::RegisterCertificate(record));
        assert!(
            matches!(refused, Err(RegistryError::Invalid { .. })),
            "{refused:?}"
        );
    }
    assert!(registry.apply(&Change::RegisterCertificate(good)).is_ok());
}

#[test]
fn a_certificate_is_recorded_as_openssl_describes_it() {
    let record = record(CertificateUsage::Client, Some("billing"), P256, None).unwrap();
    assert_eq!(record.sha256, P256_SHA256);
    assert_eq!(record.sha1, P256_SHA1);
    assert_eq!(record.subject, "CN=client p256,O=Countersign Fixtures");
    assert_eq!(record.client_id, "billing");
}

// security.md 47
#[test]
fn a_second_certificate_with_the_same_sha_1_is_refused() {
    let mut registry = furnished();
    // No such pair exists here, so the row that is there is given the SHA-1 of the one that comes.
    let mut forged = CertificateEntry::clone(&registry.certificates_of("billing")[0]);
    let coming = record(CertificateUsage::Client, Some("billing"), RSA2048, None).unwrap();
    forged.record.sha1.clone_from(&coming.sha1);
    let tables = Arc::make_mut(&mut registry.certificates);
    tables
        .by_id
        .insert(forged.record.sha256.clone(), vec![Arc::new(forged.clone())]);
    tables
        .by_client
        .insert("billing".to_owned(), vec![Arc::new(forged)]);
    let message = refusal(&registry, &Change::RegisterCertificate(coming.clone()));
    assert!(
        message.contains("SHA-1") && message.contains(&coming.sha1),
        "{message}"
    );
}

// security.md B9
#[test]
fn a_certificate_belongs_to_one_client_only() {
    let registry = with(
        &furnished(),
        &[Change::CreateApplication(application("other"))],
    );
    let message = refusal(&registry, &client_certificate("other", P256, None));
    assert!(message.contains("exists already"), "{message}");
}

// protocol.md, step 5; security.md 44
#[test]
fn one_key_does_not_sign_for_both_usages() {
    let registry = furnished();
    let message = refusal(&registry, &platform_certificate(P256));
    assert!(
        message.contains("usage `client`") && message.contains("lab.shared_certificate"),
        "{message}"
    );
    let registry = with(&registry, &[platform_certificate(PLATFORM)]);
    assert!(
        registry
            .apply(&client_certificate("billing", PLATFORM, None))
            .is_err()
    );
    // Also not by another certificate for the same key.
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = |name: &str| {
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        parameters.self_signed(&key).unwrap().pem()
    };
    let registry = with(
        &registry,
        &[client_certificate("billing", &certificate("one"), None)],
    );
    let message = refusal(&registry, &platform_certificate(&certificate("two")));
    assert!(message.contains("one key"), "{message}");
}

// protocol.md, step 5; seed 003: in a test laboratory one certificate does for both
#[test]
fn the_lab_switch_permits_one_certificate_for_both_usages_while_it_is_on() {
    let lab = Rules {
        shared_certificate: true,
    };
    let registry = with(
        &Registry::new(lab),
        &[
            Change::CreateApplication(application("billing")),
            client_certificate("billing", P256, None),
            platform_certificate(P256),
        ],
    );
    let usage = |registry: &Registry, client_id| {
        registry
            .certificate_by_kid(client_id, P256_SHA1)
            .map(|entry| entry.record.usage)
    };
    assert_eq!(usage(&registry, "billing"), Some(CertificateUsage::Client));
    assert_eq!(
        usage(&registry, PLATFORM_CLIENT_ID),
        Some(CertificateUsage::Platform)
    );
    assert_eq!(
        registry.certificate(P256_SHA256).unwrap().record.usage,
        CertificateUsage::Client
    );
    assert!(
        registry.apply(&platform_certificate(P256)).is_err(),
        "one row for each usage"
    );

    let rows = |registry: &Registry| RegistryRows {
        applications: registry
            .applications()
            .map(|one| Application::clone(one))
            .collect(),
        certificates: registry
            .certificates()
            .map(|entry| entry.record.clone())
            .collect(),
        ..RegistryRows::default()
    };
    let without = Registry::from_rows(Rules::default(), 3, rows(&registry)).unwrap();
    assert_eq!(usage(&without, "billing"), Some(CertificateUsage::Client));
    assert_eq!(
        usage(&without, PLATFORM_CLIENT_ID),
        None,
        "the switch is off"
    );

    let revoked = with(&registry, &[revoke(P256_SHA256)]);
    assert!(
        revoked
            .certificate_rows(P256_SHA256)
            .iter()
            .all(|row| row.record.revoked_at.is_some())
    );
}

// protocol.md, step 3; security.md 19, 20
#[test]
fn a_kid_finds_a_certificate_of_its_own_client_only() {
    let registry = with(
        &furnished(),
        &[
            Change::CreateApplication(application("other")),
            client_certificate("other", RSA2048, Some("signer-1")),
            platform_certificate(PLATFORM),
        ],
    );
    let found = |client_id, kid: &str| {
        registry
            .certificate_by_kid(client_id, kid)
            .map(|entry| entry.record.sha256.as_str())
    };
    for kid in [
        P256_SHA1,
        "bf9ddae69f3d2a27fd7269b0041af467fd613da4",
        P256_SHA256,
        "v53a5p89Kif9cmmwBBr0Z_1hPaQ",
        "JLWEGeA7bY5EboMyq00jOkSKfUSzSIOqACgfVEP9Hqs",
    ] {
        assert_eq!(found("billing", kid), Some(P256_SHA256), "{kid}");
        assert_eq!(found("other", kid), None, "{kid}");
        assert_eq!(found(PLATFORM_CLIENT_ID, kid), None, "{kid}");
    }
    assert_eq!(found("other", "signer-1"), Some(RSA2048_SHA256));
    assert_eq!(found("billing", "signer-1"), None);
    assert_eq!(found("other", "Signer-1"), None);
    assert_eq!(found("billing", PLATFORM_SHA1), None);
    assert!(found(PLATFORM_CLIENT_ID, PLATFORM_SHA1).is_some());
    for kid in [
        "",
        "../x",
        "' OR 1=1",
        "BF9DDAE69F3D2A27FD7269B0041AF467FD613DA",
        "\0",
    ] {
        assert_eq!(found("billing", kid), None, "{kid:?}");
    }
}

#[test]
fn a_kid_alias_is_unique_within_its_client_and_no_thumbprint() {
    let registry = with(
        &furnished(),
        &[client_certificate("billing", RSA2048, Some("signer"))],
    );
    let message = refusal(
        &registry,
        &client_certificate("billing", ED25519, Some("signer")),
    );
    assert!(
        message.contains("kid alias `signer` exists already"),
        "{message}"
    );
    for thumbprint in [
        P256_SHA1,
        "bf:9d:da:e6:9f:3d:2a:27:fd:72:69:b0:04:1a:f4:67:fd:61:3d:a4",
        P256_SHA256,
        "v53a5p89Kif9cmmwBBr0Z_1hPaQ",
    ] {
        let message = refusal(
            &registry,
            &client_certificate("billing", ED25519, Some(thumbprint)),
        );
        assert!(message.contains("looks like a thumbprint"), "{message}");
    }
    // Another client may use the same alias, and so may a successor.
    let other = [
        Change::CreateApplication(application("other")),
        client_certificate("other", ED25519, Some("signer")),
    ];
    with(&registry, &other);
    let rotated = with(
        &registry,
        &[
            revoke(RSA2048_SHA256),
            client_certificate("billing", ED25519, Some("signer")),
        ],
    );
    let found = rotated.certificate_by_kid("billing", "signer").unwrap();
    assert_eq!(found.record.revoked_at, None);
}

#[test]
fn a_certificate_is_revoked_once_and_keeps_its_place() {
    let registry = with(&furnished(), &[revoke(P256_SHA256)]);
    let entry = registry.certificate_by_kid("billing", P256_SHA1).unwrap();
    assert_eq!(entry.record.revocation_reason.as_deref(), Some("key lost"));
    assert!(
        registry
            .certificate(P256_SHA256)
            .unwrap()
            .record
            .revoked_at
            .is_some()
    );
    assert_eq!(registry.certificates_of("billing").len(), 1);
    assert!(registry.apply(&revoke(P256_SHA256)).is_err());
    let message = refusal(
        &registry,
        &Change::CreateMapping(mapping("1", P256_SHA256, "vader")),
    );
    assert!(message.contains("revoked"), "{message}");
}
