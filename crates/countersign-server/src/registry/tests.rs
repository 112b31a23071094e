//! Do the rules of the registry hold?

mod names;

mod roles;

mod certificates;

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
        name: "Billing".to_owned(),
        scopes: vec!["invoices:read".to_owned()],
        ..Application::new(client_id)
    }
}

fn principal(name: &str, roles: &[&str]) -> Principal {
    Principal {
        name: name.to_owned(),
        display_name: String::new(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        enabled: true,
        password_set_at: None,
    }
}

fn role(name: &str, permissions: &[&str]) -> Role {
    Role {
        name: name.to_owned(),
        description: String::new(),
        permissions: permissions.iter().map(|one| (*one).to_owned()).collect(),
        require_loopback: false,
        token_lifetime_max_s: None,
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
    assert_eq!(
        roles,
        [
            "Administrator",
            "Developer",
            "Operator",
            "Platform",
            "Reader"
        ]
    );
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
