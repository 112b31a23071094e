//! Do the rules of the registry hold?

use countersign_proto::management::NewCertificate;

use super::*;

const P256: &str = include_str!("../../../../testdata/clients/p256/p256.pem");
const RSA2048: &str = include_str!("../../../../testdata/clients/rsa2048/rsa2048.pem");
const ED25519: &str = include_str!("../../../../testdata/clients/ed25519/ed25519.pem");
const PLATFORM: &str = include_str!("../../../../testdata/platform/platform.pem");

// testdata/thumbprints.txt, made with openssl
const P256_SHA256: &str = "24b58419e03b6d8e446e8332ab4d233a448a7d44b34883aa00281f5443fd1eab";
const P256_SHA1: &str = "BF9DDAE69F3D2A27FD7269B0041AF467FD613DA4";
const RSA2048_SHA256: &str = "88436b08fe754080b6c21e9907f088804a233ef24fd5465630a2dbbf1ae328e3";
const PLATFORM_SHA1: &str = "DE723C81CB7C6F2BB09BF1384401BE1DCC9CE5AC";

fn application(client_id: &str) -> Application {
    Application {
        client_id: client_id.to_owned(),
        name: "Billing".to_owned(),
        scopes: vec!["invoices:read".to_owned()],
        audience: None,
        dpop_bound_access_tokens: false,
        accept_token_endpoint_audience: false,
        assertion_lifetime_max_s: None,
        enabled: true,
    }
}

fn principal(name: &str, roles: &[&str]) -> Principal {
    Principal {
        name: name.to_owned(),
        display_name: String::new(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        enabled: true,
    }
}

fn role(name: &str, permissions: &[&str]) -> Role {
    Role {
        name: name.to_owned(),
        description: String::new(),
        permissions: permissions.iter().map(|one| (*one).to_owned()).collect(),
        built_in: false,
    }
}

fn client_certificate(client_id: &str, pem: &str, alias: Option<&str>) -> Change {
    Change::RegisterCertificate(
        record(CertificateUsage::Client, Some(client_id), pem, alias).unwrap(),
    )
}

fn platform_certificate(pem: &str) -> Change {
    Change::RegisterCertificate(record(CertificateUsage::Platform, None, pem, None).unwrap())
}

fn record(
    usage: CertificateUsage,
    client_id: Option<&str>,
    pem: &str,
    alias: Option<&str>,
) -> Result<RegisteredCertificate, RegistryError> {
    CertificateEntry::new(&NewCertificate {
        pem: pem.to_owned(),
        client_id: client_id.map(str::to_owned),
        usage,
        kid_alias: alias.map(str::to_owned),
    })
    .map(|entry| entry.record)
}

fn mapping(id: &str, certificate: &str, principal: &str) -> PrincipalMapping {
    PrincipalMapping {
        id: id.to_owned(),
        certificate: certificate.to_owned(),
        client_id: "billing".to_owned(),
        principal: principal.to_owned(),
        is_default: false,
    }
}

fn revoke(sha256: &str) -> Change {
    Change::RevokeCertificate {
        sha256: sha256.to_owned(),
        at: countersign_proto::time::UnixTime::from_secs(9),
        reason: "key lost".to_owned(),
    }
}

fn with(registry: &Registry, changes: &[Change]) -> Registry {
    changes.iter().fold(registry.clone(), |registry, change| {
        registry.apply(change).unwrap()
    })
}

/// Application `billing` with the certificate P-256, principals `vader` and `admin`.
fn furnished() -> Registry {
    with(
        &Registry::default(),
        &[
            Change::CreatePrincipal(principal("admin", &[ADMINISTRATOR])),
            Change::CreatePrincipal(principal("vader", &[READER])),
            Change::CreateApplication(application("billing")),
            client_certificate("billing", P256, None),
        ],
    )
}

fn refusal(registry: &Registry, change: &Change) -> String {
    registry
        .apply(change)
        .expect_err("must be refused")
        .to_string()
}

#[test]
fn an_empty_registry_has_the_built_in_roles_and_the_platform_principal() {
    let registry = Registry::default();
    let roles: Vec<&str> = registry.roles().map(|role| role.name.as_str()).collect();
    assert_eq!(roles, ["Administrator", "Operator", "Platform", "Reader"]);
    assert!(registry.roles().all(|role| role.built_in));
    let platform = registry.principal("platform").unwrap();
    assert_eq!(platform.roles, ["Platform"]);
    // checklist T7: it is no administrator
    assert!(
        !registry
            .role("Platform")
            .unwrap()
            .permissions
            .contains(&"*".to_owned())
    );
    assert!(
        registry
            .role("Platform")
            .unwrap()
            .permissions
            .iter()
            .all(|one| one.ends_with(":read"))
    );
}

#[test]
fn a_change_answers_a_new_registry_and_leaves_the_old_one() {
    let old = Registry::default();
    let new = old
        .apply(&Change::CreateApplication(application("billing")))
        .unwrap();
    assert!(old.application("billing").is_none());
    assert!(new.application("billing").is_some());
    assert_eq!((old.version(), new.version()), (0, 1));
    assert!(
        Arc::ptr_eq(&old.roles, &new.roles),
        "untouched tables are shared"
    );
}

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

#[test]
fn what_is_there_is_not_made_again_and_what_is_not_is_not_changed() {
    let registry = furnished();
    for change in [
        Change::CreateApplication(application("billing")),
        Change::CreatePrincipal(principal("vader", &[])),
        client_certificate("billing", P256, None),
    ] {
        assert!(
            matches!(registry.apply(&change), Err(RegistryError::Exists { .. })),
            "{change:?}"
        );
    }
    for change in [
        Change::UpdateApplication(application("nobody")),
        Change::DeleteApplication {
            client_id: "nobody".to_owned(),
        },
        Change::UpdatePrincipal(principal("nobody", &[])),
        Change::DeletePrincipal {
            name: "nobody".to_owned(),
        },
        Change::UpdateRole(role("nobody", &[])),
        Change::DeleteRole {
            name: "nobody".to_owned(),
        },
        Change::DeleteMapping {
            id: "nobody".to_owned(),
        },
        revoke(RSA2048_SHA256),
    ] {
        assert!(
            matches!(registry.apply(&change), Err(RegistryError::NotFound { .. })),
            "{change:?}"
        );
    }
}

#[test]
fn what_does_not_exist_is_not_referred_to() {
    let registry = furnished();
    let mut foreign = mapping("1", P256_SHA256, "vader");
    foreign.client_id = "nobody".to_owned();
    for (change, what) in [
        (
            Change::CreatePrincipal(principal("carol", &["Jester"])),
            "role",
        ),
        (
            Change::CreateMapping(mapping("1", P256_SHA256, "nobody")),
            "principal",
        ),
        (
            Change::CreateMapping(mapping("1", RSA2048_SHA256, "vader")),
            "certificate",
        ),
        (Change::CreateMapping(foreign), "application"),
        (client_certificate("nobody", RSA2048, None), "application"),
    ] {
        match registry.apply(&change) {
            Err(RegistryError::NotFound { what: found, .. }) => assert_eq!(found, what),
            other => panic!("{change:?}: {other:?}"),
        }
    }
}

#[test]
fn a_mapping_needs_a_certificate_of_its_own_client() {
    let registry = with(
        &furnished(),
        &[
            Change::CreateApplication(application("other")),
            client_certificate("other", RSA2048, None),
            platform_certificate(PLATFORM),
        ],
    );
    let message = refusal(
        &registry,
        &Change::CreateMapping(mapping("1", RSA2048_SHA256, "vader")),
    );
    assert!(message.contains("does not belong"), "{message}");
    let platform = registry.certificates_of(PLATFORM_CLIENT_ID)[0]
        .record
        .sha256
        .clone();
    let message = refusal(
        &registry,
        &Change::CreateMapping(mapping("1", &platform, "vader")),
    );
    assert!(message.contains("does not belong"), "{message}");
}

#[test]
fn what_is_in_use_is_not_deleted() {
    let registry = with(
        &furnished(),
        &[
            Change::CreateRole(role("auditors", &["audit:read"])),
            Change::UpdatePrincipal(principal("vader", &["auditors"])),
            Change::CreateMapping(mapping("1", P256_SHA256, "vader")),
        ],
    );
    let delete_application = Change::DeleteApplication {
        client_id: "billing".to_owned(),
    };
    let delete_principal = Change::DeletePrincipal {
        name: "vader".to_owned(),
    };
    let delete_role = Change::DeleteRole {
        name: "auditors".to_owned(),
    };
    for change in [&delete_application, &delete_principal, &delete_role] {
        assert!(
            matches!(registry.apply(change), Err(RegistryError::InUse { .. })),
            "{change:?}"
        );
    }
    let registry = with(&registry, &[Change::DeleteMapping { id: "1".to_owned() }]);
    assert!(registry.mappings_of("billing", P256_SHA256).is_empty());
    let message = refusal(&registry, &delete_application);
    assert!(message.contains("not revoked"), "{message}");
    let registry = with(
        &registry,
        &[
            revoke(P256_SHA256),
            delete_application,
            delete_principal,
            delete_role,
        ],
    );
    assert!(registry.application("billing").is_none());
    // The revoked certificate is remembered, and never comes back.
    let again = with(
        &registry,
        &[Change::CreateApplication(application("billing"))],
    );
    let message = refusal(&again, &client_certificate("billing", P256, None));
    assert!(message.contains("exists already"), "{message}");
}

#[test]
fn built_in_roles_are_not_made_changed_or_deleted() {
    let registry = Registry::default();
    for name in ["Administrator", "Operator", "Reader", "Platform"] {
        for change in [
            Change::CreateRole(role(name, &[])),
            Change::UpdateRole(role(name, &["*"])),
            Change::DeleteRole {
                name: name.to_owned(),
            },
        ] {
            let message = refusal(&registry, &change);
            assert!(message.contains("built in"), "{message}");
        }
    }
    let mut claimed = role("mine", &[]);
    claimed.built_in = true;
    assert!(registry.apply(&Change::CreateRole(claimed)).is_err());
}

#[test]
fn the_platform_principal_stays_and_may_be_given_other_roles() {
    let registry = Registry::default();
    let message = refusal(
        &registry,
        &Change::DeletePrincipal {
            name: "platform".to_owned(),
        },
    );
    assert!(message.contains("cannot be deleted"), "{message}");
    let changed = registry.apply(&Change::UpdatePrincipal(principal(
        "platform",
        &["Platform", "Reader"],
    )));
    assert_eq!(
        changed.unwrap().principal("platform").unwrap().roles,
        ["Platform", "Reader"]
    );
}

#[test]
fn unknown_permissions_are_refused_with_the_known_ones() {
    let registry = Registry::default();
    for bad in [
        "applications",
        "applications:delete",
        "users:read",
        "",
        "*:read",
        "Audit:read",
    ] {
        let message = refusal(&registry, &Change::CreateRole(role("r", &[bad])));
        assert!(
            message.contains("certificates") && message.contains("audit"),
            "{message}"
        );
    }
    let good = ["*", "applications:read", "mappings:write", "audit:read"];
    assert!(
        registry
            .apply(&Change::CreateRole(role("r", &good)))
            .is_ok()
    );
}

#[test]
fn the_last_administrator_stays() {
    let registry = furnished();
    let mut disabled = principal("admin", &[ADMINISTRATOR]);
    disabled.enabled = false;
    for change in [
        Change::DeletePrincipal {
            name: "admin".to_owned(),
        },
        Change::UpdatePrincipal(principal("admin", &[OPERATOR])),
        Change::UpdatePrincipal(disabled),
    ] {
        let message = refusal(&registry, &change);
        assert!(message.contains("another administrator"), "{message}");
    }
    // The platform's principal does not count: nobody signs in as it to repair things.
    let platform = Change::UpdatePrincipal(principal("platform", &[ADMINISTRATOR]));
    let registry = with(&registry, &[platform]);
    assert!(
        registry
            .apply(&Change::DeletePrincipal {
                name: "admin".to_owned()
            })
            .is_err()
    );
    let second = Change::CreatePrincipal(principal("leia", &[ADMINISTRATOR]));
    let registry = with(&registry, &[second]);
    assert!(
        registry
            .apply(&Change::DeletePrincipal {
                name: "admin".to_owned()
            })
            .is_ok()
    );
}

// security.md 13, 24, 52
#[test]
fn keys_and_certificates_that_may_not_sign_are_refused() {
    for (name, pem) in [
        (
            "rsa1024",
            include_str!("../../../../testdata/refused/rsa1024.pem"),
        ),
        (
            "wrong-eku",
            include_str!("../../../../testdata/refused/wrong-eku.pem"),
        ),
        (
            "wrong-key-usage",
            include_str!("../../../../testdata/refused/wrong-key-usage.pem"),
        ),
        (
            "not-pem",
            include_str!("../../../../testdata/refused/not-pem.pem"),
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
    records[3].pem = include_str!("../../../../testdata/refused/wrong-eku.pem").to_owned();
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

#[test]
fn a_certificate_has_one_default_mapping_and_each_principal_once() {
    let mut first = mapping("1", P256_SHA256, "vader");
    first.is_default = true;
    let registry = with(&furnished(), &[Change::CreateMapping(first)]);
    assert!(matches!(
        registry.apply(&Change::CreateMapping(mapping("2", P256_SHA256, "vader"))),
        Err(RegistryError::Exists { .. })
    ));
    let mut second = mapping("2", P256_SHA256, "admin");
    second.is_default = true;
    let message = refusal(&registry, &Change::CreateMapping(second.clone()));
    assert!(message.contains("default"), "{message}");
    second.is_default = false;
    let registry = with(&registry, &[Change::CreateMapping(second)]);
    let names: Vec<&str> = registry
        .mappings_of("billing", P256_SHA256)
        .iter()
        .map(|row| row.principal.as_str())
        .collect();
    assert_eq!(names, ["vader", "admin"]);
}

#[test]
fn scopes_audiences_and_lifetimes_of_an_application_are_checked() {
    let registry = Registry::default();
    let refused = |change: fn(&mut Application)| {
        let mut it = application("x");
        change(&mut it);
        refusal(&registry, &Change::CreateApplication(it))
    };
    assert!(refused(|it| it.scopes = vec!["a b".to_owned()]).contains("scope"));
    assert!(refused(|it| it.scopes = vec!["a\"b".to_owned()]).contains("scope"));
    assert!(refused(|it| it.scopes = vec![String::new()]).contains("scope"));
    assert!(refused(|it| it.audience = Some(String::new())).contains("audience"));
    assert!(refused(|it| it.assertion_lifetime_max_s = Some(3601)).contains("3600"));
    assert!(refused(|it| it.assertion_lifetime_max_s = Some(0)).contains("3600"));
    let mut fits = application("x");
    fits.assertion_lifetime_max_s = Some(3600);
    assert!(registry.apply(&Change::CreateApplication(fits)).is_ok());
}

#[test]
fn lists_are_sorted() {
    let registry = with(
        &furnished(),
        &[
            Change::CreateApplication(application("accounts")),
            client_certificate("accounts", RSA2048, None),
            Change::CreateMapping(mapping("b", P256_SHA256, "vader")),
            Change::CreateMapping(mapping("a", P256_SHA256, "admin")),
        ],
    );
    let ids = |list: Vec<&str>| assert!(list.is_sorted() && list.len() >= 2, "{list:?}");
    ids(registry
        .applications()
        .map(|one| one.client_id.as_str())
        .collect());
    ids(registry
        .certificates()
        .map(|one| one.record.sha256.as_str())
        .collect());
    ids(registry.principals().map(|one| one.name.as_str()).collect());
    ids(registry.roles().map(|one| one.name.as_str()).collect());
    ids(registry.mappings().map(|one| one.id.as_str()).collect());
}

#[test]
fn rows_that_do_not_belong_together_are_refused() {
    let rows = RegistryRows {
        mappings: vec![mapping("1", P256_SHA256, "vader")],
        ..RegistryRows::default()
    };
    assert!(Registry::from_rows(Rules::default(), 1, rows).is_err());
}
