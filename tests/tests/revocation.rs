//! Does a certificate or a token stop working the moment that it is revoked?

use countersign::proto::{
    management::{CertificateUsage, NewCertificate, NewMapping},
    oauth_error::Reason,
};
use countersign_testkit::{TestPlatform, fixtures};

fn sha256(credential: &countersign::Credential) -> String {
    credential.chain().leaf().sha256().to_hex().to_lowercase()
}

// security.md 79
#[tokio::test]
async fn a_revoked_certificate_stops_working_at_once_and_its_tokens_are_inactive() {
    let platform = TestPlatform::new().await.unwrap();
    let client = platform.application("service").register().await.unwrap();
    let other = platform
        .application("other")
        .credential(fixtures::service_rsa())
        .register()
        .await
        .unwrap();
    let token = client.token().await.unwrap();
    let others = other.token().await.unwrap();
    assert!(platform.is_active(&token.access_token).await.unwrap());

    let admin = platform.admin().unwrap();
    let revoked = admin
        .revoke_certificate(&sha256(&fixtures::service()), "key lost")
        .await
        .unwrap();
    assert_eq!(revoked.revoked_at, Some(platform.clock().now()));

    let refused = client.renew().await.unwrap_err();
    assert_eq!(
        refused.oauth().unwrap().reason,
        Some(Reason::CertificateRevoked)
    );
    assert!(!platform.is_active(&token.access_token).await.unwrap());
    // Nobody else is touched.
    assert!(platform.is_active(&others.access_token).await.unwrap());
    other.renew().await.unwrap();
}

#[tokio::test]
async fn the_other_certificate_of_the_same_application_goes_on() {
    let platform = TestPlatform::new().await.unwrap();
    platform.application("service").register().await.unwrap();
    let admin = platform.admin().unwrap();
    let next = admin
        .register_certificate(&NewCertificate {
            pem: fixtures::SERVICE_NEXT_CERTIFICATE.to_owned(),
            client_id: Some("service".to_owned()),
            usage: CertificateUsage::Client,
            kid_alias: None,
        })
        .await
        .unwrap();
    admin
        .create_mapping(&NewMapping {
            certificate: next.sha256,
            client_id: "service".to_owned(),
            principal: "service".to_owned(),
            is_default: false,
        })
        .await
        .unwrap();
    let by_next = platform
        .client("service", fixtures::service_next())
        .build()
        .unwrap();
    let token = by_next.token().await.unwrap();
    admin
        .revoke_certificate(&sha256(&fixtures::service()), "rotated")
        .await
        .unwrap();
    assert!(platform.is_active(&token.access_token).await.unwrap());
    by_next.renew().await.unwrap();
}

// security.md 78, 79
#[tokio::test]
async fn a_token_that_was_given_back_is_inactive_and_others_are_not() {
    let platform = TestPlatform::new().await.unwrap();
    let client = platform.application("service").register().await.unwrap();
    let first = client.token().await.unwrap();
    let second = client.renew().await.unwrap();
    client.revoke(&first).await.unwrap();
    assert!(!platform.is_active(&first.access_token).await.unwrap());
    assert!(platform.is_active(&second.access_token).await.unwrap());
}

// security.md 78
#[tokio::test]
async fn nobody_gives_back_the_token_of_another_client() {
    let platform = TestPlatform::new().await.unwrap();
    let client = platform.application("service").register().await.unwrap();
    let other = platform
        .application("other")
        .credential(fixtures::service_rsa())
        .register()
        .await
        .unwrap();
    let token = client.token().await.unwrap();
    let _ = other.revoke(&token).await;
    assert!(platform.is_active(&token.access_token).await.unwrap());
}

#[tokio::test]
async fn a_disabled_principal_or_application_gets_no_token_and_its_tokens_are_inactive() {
    let platform = TestPlatform::new().await.unwrap();
    let client = platform
        .application("service")
        .principal("alice", &[])
        .register()
        .await
        .unwrap();
    let token = client.token().await.unwrap();
    let admin = platform.admin().unwrap();

    let mut alice = admin.principal("alice").await.unwrap();
    alice.enabled = false;
    admin.update_principal(&alice).await.unwrap();
    assert!(!platform.is_active(&token.access_token).await.unwrap());
    assert_eq!(
        client.renew().await.unwrap_err().oauth().unwrap().reason,
        Some(Reason::PrincipalDisabled)
    );

    alice.enabled = true;
    admin.update_principal(&alice).await.unwrap();
    let mut service = admin.application("service").await.unwrap();
    service.enabled = false;
    admin.update_application(&service).await.unwrap();
    assert!(client.renew().await.unwrap_err().oauth().is_some());
}
