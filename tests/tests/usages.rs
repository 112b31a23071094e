//! Are the certificates of clients and of the platform kept apart?

use countersign::{
    ErrorKind,
    proto::{
        assertion::{Assertion, PLATFORM_CLIENT_ID},
        exchange::{JWT_BEARER_ASSERTION_TYPE, JWT_BEARER_GRANT},
        management::{Application, CertificateUsage, NewCertificate, Principal},
        token::TokenKind,
    },
};
use countersign_testkit::{TestPlatform, fixtures};

use crate::wire_form::{self, TOKEN};

/// A platform with the application `service` and a platform certificate.
async fn platform() -> TestPlatform {
    let platform = TestPlatform::new().await.unwrap();
    platform.application("service").register().await.unwrap();
    platform
        .platform_certificate(fixtures::PLATFORM_CERTIFICATE)
        .await
        .unwrap();
    platform
}

// checklist T7 positive · checklist T1 positive: kind 2
#[tokio::test]
async fn a_platform_certificate_gives_a_platform_token_of_the_fixed_principal() {
    let platform = platform().await;
    let client = platform
        .client("component", fixtures::platform())
        .as_platform()
        .build()
        .unwrap();
    let token = client.token().await.unwrap();
    assert_eq!(
        (token.kind, token.principal.as_deref()),
        (TokenKind::Platform, Some("platform"))
    );
    let claims = platform
        .claims(&token.access_token, platform.issuer())
        .await
        .unwrap();
    assert_eq!(
        (claims.kind, claims.principal.as_str()),
        (TokenKind::Platform, "platform")
    );
    assert_eq!(token.expires_at.since(token.issued_at).as_secs(), 300);

    let request = platform.wire().sent_to(TOKEN).pop().unwrap();
    let form = wire_form::form(&request);
    assert_eq!(form["grant_type"], JWT_BEARER_GRANT);
    let (_, header, sent) = wire_form::assertion(&request);
    assert_eq!(header["typ"], "countersign-platform+jwt");
    assert_eq!(
        (&sent["iss"], &sent["sub"]),
        (&PLATFORM_CLIENT_ID.into(), &PLATFORM_CLIENT_ID.into())
    );
}

// checklist T7 negative: not an administrator
#[tokio::test]
async fn a_platform_token_is_not_an_administrators() {
    let platform = platform().await;
    let client = platform
        .client("component", fixtures::platform())
        .as_platform()
        .build()
        .unwrap();
    let admin = countersign::admin::Admin::new(client);
    let who = admin.whoami().await.unwrap();
    assert_eq!((who.principal.as_str(), who.kind), ("platform", 2));
    assert!(
        !who.roles.contains(&"Administrator".to_owned()),
        "{:?}",
        who.roles
    );

    let principal = Principal {
        name: "mallory".to_owned(),
        display_name: String::new(),
        roles: vec!["Administrator".to_owned()],
        enabled: true,
        password_set_at: None,
    };
    let refused = admin.create_principal(&principal).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Denied, "{refused}");
    let hash = fixtures::service()
        .chain()
        .leaf()
        .sha256()
        .to_hex()
        .to_lowercase();
    assert_eq!(
        admin
            .revoke_certificate(&hash, "no")
            .await
            .unwrap_err()
            .kind(),
        ErrorKind::Denied
    );
}

// checklist T7 negative · checklist T8 negative
#[tokio::test]
async fn a_clients_certificate_cannot_sign_platform_assertions() {
    let platform = platform().await;
    let client = platform
        .client("service", fixtures::service())
        .build()
        .unwrap();
    let refused = client.platform_token().await.unwrap_err();
    assert_eq!(
        refused.oauth().unwrap().code.as_str(),
        "invalid_grant",
        "{refused}"
    );
}

// checklist T8 negative
#[tokio::test]
async fn a_platform_certificate_cannot_sign_client_assertions() {
    let platform = platform().await;
    for client_id in ["service", PLATFORM_CLIENT_ID] {
        let assertion = wire_form::mint(
            &platform,
            client_id,
            &fixtures::platform(),
            "client by platform",
        );
        let request = wire_form::client_credentials(&platform, client_id, &assertion);
        let refused = wire_form::exchange(platform.wire(), request)
            .await
            .unwrap_err();
        assert_eq!(refused.1.code.as_str(), "invalid_client", "{client_id}");
    }
}

// checklist T8 positive: two certificates, each for its own
#[tokio::test]
async fn each_certificate_works_for_its_own_usage() {
    let platform = platform().await;
    platform
        .client("service", fixtures::service())
        .build()
        .unwrap()
        .token()
        .await
        .unwrap();
    platform
        .client("component", fixtures::platform())
        .build()
        .unwrap()
        .platform_token()
        .await
        .unwrap();
}

// checklist T8 negative
#[tokio::test]
async fn one_certificate_is_not_registered_for_both_usages() {
    let platform = platform().await;
    let admin = platform.admin().unwrap();
    let both = [
        (
            fixtures::SERVICE_CERTIFICATE,
            None,
            CertificateUsage::Platform,
        ),
        (
            fixtures::PLATFORM_CERTIFICATE,
            Some("service".to_owned()),
            CertificateUsage::Client,
        ),
    ];
    for (pem, client_id, usage) in both {
        let certificate = NewCertificate {
            pem: pem.to_owned(),
            client_id,
            usage,
            kid_alias: None,
        };
        admin.register_certificate(&certificate).await.unwrap_err();
    }
}

// security.md 43, 44
#[tokio::test]
async fn an_assertion_for_one_purpose_is_refused_for_the_other() {
    let platform = platform().await;
    // A client assertion by the right client, presented as a grant.
    let client = wire_form::mint(
        &platform,
        "service",
        &fixtures::service(),
        "client as grant",
    );
    let as_grant = [
        ("grant_type", JWT_BEARER_GRANT),
        ("assertion", client.expose()),
    ];
    // A platform assertion by the right component, presented as client authentication.
    let component = wire_form::sign(
        &Assertion::platform(platform.issuer()),
        &platform,
        &fixtures::platform(),
        "grant as client",
    );
    let as_client = [
        ("grant_type", "client_credentials"),
        ("client_assertion_type", JWT_BEARER_ASSERTION_TYPE),
        ("client_assertion", component.expose()),
    ];
    for (parameters, code) in [
        (&as_grant[..], "invalid_grant"),
        (&as_client[..], "invalid_client"),
    ] {
        let request = wire_form::post(&platform, TOKEN, parameters);
        let refused = wire_form::exchange(platform.wire(), request)
            .await
            .unwrap_err();
        assert_eq!(refused.1.code.as_str(), code);
    }
}

// checklist T7 negative: the names are not to be had · security.md 43
#[tokio::test]
async fn the_platforms_own_names_cannot_be_registered() {
    let platform = platform().await;
    let admin = platform.admin().unwrap();
    for client_id in ["countersign:platform", "countersign:other", "platform"] {
        let application = Application {
            name: String::new(),
            ..Application::new(client_id)
        };
        admin
            .create_application(&application)
            .await
            .expect_err(client_id);
    }
    let principal = Principal {
        name: "platform".to_owned(),
        display_name: String::new(),
        roles: Vec::new(),
        enabled: true,
        password_set_at: None,
    };
    admin.create_principal(&principal).await.unwrap_err();
}
