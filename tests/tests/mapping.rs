//! Which principal does a certificate stand for, and which not?

use countersign::{Error, ErrorKind, proto::oauth_error::Reason};
use countersign_testkit::{TestPlatform, fixtures};

/// A platform where one certificate of `service` maps to each of these principals.
async fn platform(principals: &[&str], default: Option<&str>) -> TestPlatform {
    let platform = TestPlatform::new().await.unwrap();
    let mut application = platform.application("service");
    for principal in principals {
        application = application.principal(principal, &[]);
    }
    if let Some(name) = default {
        application = application.default_principal(name);
    }
    application.register().await.unwrap();
    platform
}

async fn principal_of(platform: &TestPlatform, asked: Option<&str>) -> Result<String, Error> {
    let mut builder = platform.client("service", fixtures::service());
    if let Some(name) = asked {
        builder = builder.principal(name);
    }
    let token = builder.build()?.token().await?;
    let claims = platform
        .claims(&token.access_token, platform.issuer())
        .await
        .unwrap();
    assert_eq!(token.principal.as_deref(), Some(claims.principal.as_str()));
    assert_eq!(token.issue_principal, asked.unwrap_or_default());
    Ok(claims.principal)
}

fn assert_refused(answer: Result<String, Error>, reason: &Reason, permitted: &[&str]) {
    let refused = answer.expect_err("it must be refused");
    let oauth = refused.oauth().expect("the platform refused it");
    assert_eq!(oauth.reason.as_ref(), Some(reason));
    assert_eq!(oauth.permitted, permitted);
    assert!(matches!(
        refused.kind(),
        ErrorKind::IdentityRejected | ErrorKind::Policy | ErrorKind::Denied
    ));
}

// checklist T6 positive
#[tokio::test]
async fn one_row_maps_by_itself() {
    let platform = platform(&["alice"], None).await;
    assert_eq!(principal_of(&platform, None).await.unwrap(), "alice");
    assert_eq!(
        principal_of(&platform, Some("alice")).await.unwrap(),
        "alice"
    );
}

// checklist T6 positive
#[tokio::test]
async fn of_several_rows_the_one_asked_for_or_the_default_is_taken() {
    let with_default = platform(&["alice", "bob", "carol"], Some("bob")).await;
    assert_eq!(principal_of(&with_default, None).await.unwrap(), "bob");
    assert_eq!(
        principal_of(&with_default, Some("carol")).await.unwrap(),
        "carol"
    );
    let without = platform(&["alice", "bob"], None).await;
    assert_eq!(principal_of(&without, Some("bob")).await.unwrap(), "bob");
}

// checklist T6 negative
#[tokio::test]
async fn of_several_rows_without_a_default_none_is_guessed() {
    let platform = platform(&["alice", "bob"], None).await;
    let answer = principal_of(&platform, None).await;
    assert_refused(answer, &Reason::PrincipalAmbiguous, &["alice", "bob"]);
}

// checklist T6 negative · security.md 42
#[tokio::test]
async fn a_foreign_principal_is_refused_with_the_permitted_ones_named() {
    let platform = platform(&["alice", "bob"], None).await;
    // `administrator` and `admin` exist, or may: they are not mapped to this certificate.
    for name in [
        "mallory", "admin", "platform", "Alice", "alice ", "%", "al_ce", "*",
    ] {
        let answer = principal_of(&platform, Some(name)).await;
        assert_refused(answer, &Reason::PrincipalNotMapped, &["alice", "bob"]);
    }
}

// checklist T6 positive: the kid is not necessarily the thumbprint
#[tokio::test]
async fn a_literal_kid_maps_to_its_certificates_principal() {
    let platform = TestPlatform::new().await.unwrap();
    platform
        .application("service")
        .kid_alias("build-server")
        .principal("alice", &[])
        .register()
        .await
        .unwrap();
    let by_kid = |kid: &str| {
        let kid = format!("literal:{kid}").parse().unwrap();
        platform
            .client("service", fixtures::service())
            .kid(kid)
            .build()
            .unwrap()
    };
    let token = by_kid("build-server").token().await.unwrap();
    assert_eq!(token.principal.as_deref(), Some("alice"));
    // checklist T6 negative
    for other in [
        "Build-Server",
        "build-server2",
        "../build-server",
        "' OR 1=1 --",
    ] {
        let refused = by_kid(other).token().await.unwrap_err();
        let oauth = refused.oauth().expect("the platform refused it");
        assert_eq!(
            (oauth.code.as_str(), &oauth.reason),
            ("invalid_client", &None),
            "{other}"
        );
    }
}

#[tokio::test]
async fn the_alias_of_one_client_is_nothing_to_another() {
    let platform = TestPlatform::new().await.unwrap();
    platform
        .application("first")
        .kid_alias("shared")
        .register()
        .await
        .unwrap();
    platform
        .application("second")
        .credential(fixtures::service_next())
        .register()
        .await
        .unwrap();
    let kid = "literal:shared".parse().unwrap();
    let second = platform
        .client("second", fixtures::service_next())
        .kid(kid)
        .build()
        .unwrap();
    assert_eq!(
        second
            .token()
            .await
            .unwrap_err()
            .oauth()
            .unwrap()
            .code
            .as_str(),
        "invalid_client"
    );
}
