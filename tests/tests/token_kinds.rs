//! What does a token say about itself, how is it renewed, and which cannot be?

use std::time::Duration;

use countersign::proto::token::{TokenKind, inspect};
use countersign_testkit::{Fault, Pair, TestPlatform, fixtures};

use crate::wire_form::{self, TOKEN};

// checklist T9 positive · checklist T12 positive
#[tokio::test]
async fn the_token_object_says_how_the_token_was_got() {
    let Pair { client, .. } = Pair::new().await.unwrap();
    let token = client.token().await.unwrap();
    assert_eq!(token.issue_app_id, "service");
    assert_eq!(
        token.issue_cert_subject,
        "CN=service,O=Countersign Test Kit"
    );
    let thumbprint = token.issue_cert_thumbprint.unwrap();
    assert!(
        fixtures::service()
            .chain()
            .leaf()
            .has_thumbprint(&thumbprint)
    );
    assert_eq!(token.principal.as_deref(), Some("service"));
    assert_eq!(token.kind, TokenKind::NonInteractive);
    // checklist T9 positive: decoded
    let decoded = inspect(token.access_token.expose()).unwrap();
    assert_eq!(decoded.header["typ"], "at+jwt");
    assert_eq!(
        (&decoded.claims["type"], &decoded.claims["principal"]),
        (&1.into(), &"service".into())
    );
    let sha256 = fixtures::service().chain().leaf().sha256().to_base64url();
    assert_eq!(decoded.claims["cert"]["x5t#S256"], sha256);
}

// checklist T9 negative · checklist T12 negative
#[tokio::test]
async fn what_was_not_used_is_empty_in_the_token_object_and_nothing_secret_is_printed() {
    let Pair {
        client, platform, ..
    } = Pair::new().await.unwrap();
    let token = client.token().await.unwrap();
    assert_eq!(token.issue_principal, "", "no principal was asked for");
    assert!(!format!("{token:?}").contains(token.access_token.expose()));
    assert!(inspect("an opaque token").is_none());

    platform
        .platform_certificate(fixtures::PLATFORM_CERTIFICATE)
        .await
        .unwrap();
    let component = platform
        .client("component", fixtures::platform())
        .build()
        .unwrap();
    let token = component.platform_token().await.unwrap();
    assert_eq!(token.issue_principal, "");
    assert_eq!(
        token.issue_cert_subject,
        "CN=platform,O=Countersign Test Kit"
    );
}

// checklist T4 positive · checklist T13 positive
#[tokio::test]
async fn a_token_is_renewed_by_a_fresh_assertion_from_what_the_client_remembers() {
    let Pair { client, wire, .. } = Pair::new().await.unwrap();
    let first = client.token().await.unwrap();
    let second = client.renew().await.unwrap();
    assert_ne!(first.access_token, second.access_token);
    assert_eq!(
        client.token().await.unwrap().access_token,
        second.access_token
    );
    let sent: Vec<_> = wire
        .sent_to(TOKEN)
        .iter()
        .map(wire_form::assertion)
        .collect();
    assert_eq!(sent.len(), 2);
    // security.md 37: a new assertion for every attempt
    assert_ne!(sent[0].2["jti"], sent[1].2["jti"]);
    for (_, header, claims) in &sent {
        assert_eq!(claims["sub"], "service");
        assert_eq!(header["kid"], sent[0].1["kid"]);
    }
}

// checklist T4 negative · security.md 69
#[tokio::test]
async fn tokens_of_kinds_1_and_2_cannot_be_refreshed() {
    let Pair {
        client, platform, ..
    } = Pair::new().await.unwrap();
    platform
        .platform_certificate(fixtures::PLATFORM_CERTIFICATE)
        .await
        .unwrap();
    let component = platform
        .client("component", fixtures::platform())
        .build()
        .unwrap();
    for token in [
        client.token().await.unwrap(),
        component.platform_token().await.unwrap(),
    ] {
        let assertion = wire_form::mint(
            &platform,
            "service",
            &fixtures::service(),
            "refresh attempt",
        );
        let parameters = [
            ("grant_type", "refresh_token"),
            ("refresh_token", token.access_token.expose()),
            ("client_id", "service"),
            (
                "client_assertion_type",
                countersign::proto::exchange::JWT_BEARER_ASSERTION_TYPE,
            ),
            ("client_assertion", assertion.expose()),
        ];
        let request = wire_form::post(&platform, TOKEN, &parameters);
        let (status, refusal) = wire_form::exchange(platform.wire(), request)
            .await
            .unwrap_err();
        assert_eq!(status, 400);
        assert!(
            matches!(
                refusal.code.as_str(),
                "invalid_grant" | "unsupported_grant_type"
            ),
            "{refusal:?}"
        );
    }
    let answer = platform.wire().sent_to(TOKEN).len();
    assert!(answer >= 4);
}

// checklist T13 negative
#[tokio::test]
async fn a_renewal_that_is_refused_leaves_the_living_token_and_says_why() {
    let Pair {
        client,
        wire,
        clock,
        ..
    } = Pair::new().await.unwrap();
    let first = client.token().await.unwrap();
    let refusal = Fault::Answer {
        status: 400,
        body: r#"{"error":"unauthorized_client"}"#.to_owned(),
    };
    wire.always(refusal);
    let refused = client.renew().await.unwrap_err();
    assert_eq!(
        refused.oauth().unwrap().code.as_str(),
        "unauthorized_client"
    );
    assert_eq!(
        client.token().await.unwrap().access_token,
        first.access_token
    );
    // Also when the cache itself wants to renew it ahead of its end.
    clock.advance(Duration::from_secs(890));
    assert_eq!(
        client.token().await.unwrap().access_token,
        first.access_token
    );
    // But a token past its end is not handed out.
    clock.advance(Duration::from_secs(11));
    client.token().await.unwrap_err();
    wire.heal();
    assert_ne!(
        client.token().await.unwrap().access_token,
        first.access_token
    );
}

// checklist T11 positive
#[tokio::test]
async fn the_current_token_can_be_read_at_any_time_without_a_request() {
    let Pair { client, wire, .. } = Pair::new().await.unwrap();
    let first = client.token().await.unwrap();
    let requests = wire.requests();
    for _ in 0..100 {
        assert_eq!(
            client.token().await.unwrap().access_token,
            first.access_token
        );
    }
    assert_eq!(wire.requests(), requests);
}

// checklist T11 negative
#[tokio::test]
async fn a_token_that_was_forgotten_is_not_read_again() {
    let Pair { client, .. } = Pair::new().await.unwrap();
    let first = client.token().await.unwrap();
    client.forget(&first);
    let second = client.token().await.unwrap();
    assert_ne!(first.access_token, second.access_token);
    // Forgetting an old one does not touch the new one.
    client.forget(&first);
    assert_eq!(
        client.token().await.unwrap().access_token,
        second.access_token
    );
}

// checklist T10 positive
#[tokio::test]
async fn a_platform_token_can_be_had_without_using_it() {
    let platform = TestPlatform::new().await.unwrap();
    platform
        .platform_certificate(fixtures::PLATFORM_CERTIFICATE)
        .await
        .unwrap();
    let client = platform
        .client("component", fixtures::platform())
        .as_platform()
        .build()
        .unwrap();
    let in_use = client.token().await.unwrap();
    let apart = client.platform_token().await.unwrap();
    assert_eq!(apart.kind, TokenKind::Platform);
    assert_ne!(apart.access_token, in_use.access_token);
    assert!(platform.is_active(&apart.access_token).await.unwrap());
    // checklist T10 negative: it did not become the one in use
    assert_eq!(
        client.token().await.unwrap().access_token,
        in_use.access_token
    );
}

// checklist T10 negative
#[tokio::test]
async fn a_platform_token_is_not_stored_anywhere() {
    let platform = TestPlatform::new().await.unwrap();
    platform
        .platform_certificate(fixtures::PLATFORM_CERTIFICATE)
        .await
        .unwrap();
    let client = platform
        .client("component", fixtures::platform())
        .build()
        .unwrap();
    let first = client.platform_token().await.unwrap();
    let second = client.platform_token().await.unwrap();
    assert_ne!(first.access_token, second.access_token);
    assert_eq!(platform.wire().requests_to(TOKEN), 2);
}

// checklist T1 negative
#[tokio::test]
async fn no_parameter_turns_one_kind_of_token_into_another() {
    let platform = TestPlatform::new().await.unwrap();
    platform.application("service").register().await.unwrap();
    for (name, value) in [("type", "2"), ("kind", "0"), ("principal", "platform")] {
        let assertion = wire_form::mint(
            &platform,
            "service",
            &fixtures::service(),
            &format!("asks for {name} {value}"),
        );
        let parameters = [
            ("grant_type", "client_credentials"),
            (
                "client_assertion_type",
                countersign::proto::exchange::JWT_BEARER_ASSERTION_TYPE,
            ),
            ("client_assertion", assertion.expose()),
            (name, value),
        ];
        let request = wire_form::post(&platform, TOKEN, &parameters);
        match wire_form::exchange(platform.wire(), request).await {
            Ok(token) => assert_eq!(token["kind"], 1, "{name}"),
            Err((_, refusal)) => assert_eq!(
                refusal.reason,
                Some(countersign::proto::oauth_error::Reason::PrincipalNotMapped),
                "{name} {refusal:?}"
            ),
        }
    }
}
