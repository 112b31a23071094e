//! Does an API behind a guard take what it should from each caller of a platform, and nothing else?

use std::{sync::Arc, time::Duration};

use axum::{Extension, Router, body::Body, routing::get};
use countersign::{
    Dpop,
    authorize::AuthorizeLayer,
    proto::{
        management::{GrantedForm, GrantedKind},
        token::TokenKind,
    },
};
use countersign_guard::{Caller, Introspector, Require};
use countersign_testkit::fixtures;
use http::{Request, StatusCode};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;
use tower::{Layer as _, ServiceExt as _};

use crate::{
    guard_scene::{self, API, Counted, answer_to, call},
    guard_site::Site,
};

/// What was granted to anna and what an application earned, each with its kind.
async fn of_both_forms(site: &Site) -> Vec<(String, TokenKind)> {
    let mut tokens = Vec::new();
    for (kind, form, shown) in [
        (
            GrantedKind::Personal,
            GrantedForm::Opaque,
            TokenKind::PersonalAccess,
        ),
        (GrantedKind::App, GrantedForm::Opaque, TokenKind::App),
        (GrantedKind::App, GrantedForm::Jwt, TokenKind::App),
    ] {
        let given = site.granted_as(kind, form, API).await;
        tokens.push((given.expose().to_owned(), shown));
    }
    tokens.push((site.signed().await.token, TokenKind::NonInteractive));
    tokens
}

// checklist I16 · checklist I25
#[tokio::test]
async fn an_api_takes_both_forms_of_a_token_on_one_route_behind_one_guard() {
    let site = Site::start().await;
    let guard = site.guard().0.build().unwrap();
    let shown = async |Extension(caller): Extension<Caller>| {
        format!("{} {:?}", caller.principal(), caller.kind().unwrap())
    };
    let require = Require::caller().scope("orders.read").role("Clerk");
    let api = Router::new()
        .route("/orders", get(shown).layer(guard.require(require)))
        .layer(guard.layer());
    let tokens = of_both_forms(&site).await;
    let looks: Vec<bool> = tokens
        .iter()
        .map(|(token, _)| token.contains('.'))
        .collect();
    assert_eq!(looks, [false, false, true, true]);
    for (token, kind) in &tokens {
        let answer = call(&api, token).await;
        assert_eq!(answer.status, StatusCode::OK, "{kind:?}: {answer:?}");
        assert_eq!(answer.body, format!("anna {kind:?}"));
    }
}

// checklist I16 · checklist I25
#[tokio::test]
async fn of_both_forms_of_a_token_those_for_another_api_or_of_nobody_are_refused() {
    let site = Site::start().await;
    let api = guard_scene::api(&site.guard().0.build().unwrap());
    let elsewhere = "https://elsewhere.example";
    let granted = [
        (GrantedKind::Personal, GrantedForm::Opaque),
        (GrantedKind::App, GrantedForm::Opaque),
        (GrantedKind::App, GrantedForm::Jwt),
    ];
    let mut refused = vec![site.elsewhere().await.token];
    for (kind, form) in granted {
        let given = site.granted_as(kind, form, elsewhere).await;
        refused.push(given.expose().to_owned());
        let mut mistyped = site.granted_as(kind, form, API).await.expose().to_owned();
        let last = mistyped.pop().unwrap();
        mistyped.push(if last == 'A' { 'B' } else { 'A' });
        refused.push(mistyped);
    }
    for token in &refused {
        let answer = call(&api, token).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
        assert!(
            answer.challenge().contains("error=\"invalid_token\""),
            "{answer:?}"
        );
    }
}

// checklist I16 · checklist I25
#[tokio::test]
async fn both_forms_of_a_token_end_with_their_owner_where_the_issuer_is_asked() {
    let site = Site::start().await;
    let (guard, _) = site.guard();
    let guard = guard.introspect_all().opaque_cache(Duration::ZERO);
    let api = guard_scene::api(&guard.build().unwrap());
    let tokens = of_both_forms(&site).await;
    let all = async |status: StatusCode| {
        for (token, kind) in &tokens {
            let answer = call(&api, token).await;
            assert_eq!(answer.status, status, "{kind:?}: {answer:?}");
        }
    };
    all(StatusCode::OK).await;
    let admin = site.platform().admin().unwrap();
    let mut anna = admin.principal("anna").await.unwrap();
    anna.enabled = false;
    admin.update_principal(&anna).await.unwrap();
    all(StatusCode::UNAUTHORIZED).await;
    anna.enabled = true;
    admin.update_principal(&anna).await.unwrap();
    all(StatusCode::OK).await;
}

// checklist I18
#[tokio::test]
async fn a_guard_that_may_not_ask_says_that_it_cannot_and_not_that_the_token_is_bad() {
    let site = Site::start().await;
    let granted = site.granted(API).await;
    // It has no scope `introspect`, and this certificate belongs to no application.
    for (client_id, credential) in [
        ("orders", fixtures::service()),
        ("orders-api", fixtures::service_rsa()),
    ] {
        let chain = credential.chain().clone();
        let by = Introspector::certificate(client_id, chain, Arc::clone(credential.key()));
        let guard = guard_scene::guard(site.issuer(), site.clock(), &Counted::new());
        let api = guard_scene::api(&guard.introspect_with(by).build().unwrap());
        let answer = call(&api, granted.expose()).await;
        assert_eq!(
            answer.status,
            StatusCode::SERVICE_UNAVAILABLE,
            "{client_id}: {answer:?}"
        );
        let answer = call(&api, &site.signed().await.token).await;
        assert_eq!(answer.status, StatusCode::OK, "{client_id}: {answer:?}");
    }
}

// checklist I25 · security.md 76
#[tokio::test]
async fn a_guard_keeps_answers_for_seconds_and_keys_for_minutes_and_then_asks_again() {
    let site = Site::start().await;
    let (guard, transport) = site.guard();
    let api = guard_scene::api(&guard.build().unwrap());
    let granted = site.granted(API).await;
    let signed = site.signed().await.token;
    let asked = || {
        (
            transport.asked("/jwks.json"),
            transport.asked("/oauth2/introspect"),
        )
    };
    for (advance, expected) in [
        (0, (1, 1)),
        (4, (1, 1)),
        (1, (1, 2)),
        (294, (1, 3)),
        (1, (2, 3)),
        (300, (3, 4)),
    ] {
        site.clock().advance(Duration::from_secs(advance));
        for _ in 0..3 {
            for token in [&signed, granted.expose()] {
                let answer = call(&api, token).await;
                assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
            }
        }
        assert_eq!(asked(), expected, "{advance} s later");
    }
}

// security.md 105, 106
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_sdk_proves_its_key_to_an_api_behind_a_guard_and_learns_the_nonce_of_it() {
    let site = Site::start().await;
    let bound = site.platform().application("bound").audience(API);
    let bound = bound.credential(fixtures::service_rsa()).dpop_bound();
    bound.register().await.expect("an application");
    let client = site.platform().client("bound", fixtures::service_rsa());
    let client = client.dpop(Dpop::Required).build().unwrap();
    let guard = site.guard().0.require_dpop_nonce().build().unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let api = guard_scene::api(&guard);
    let served = api.clone();
    tokio::spawn(async move { axum::serve(listener, served).await });

    let http = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let http = AuthorizeLayer::new(client.clone(), &origin)
        .unwrap()
        .layer(http);
    let ask = async || {
        let request = Request::get(format!("{origin}/orders"))
            .body(Body::empty())
            .unwrap();
        http.clone().oneshot(request).await.unwrap()
    };
    let answer = ask().await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    let challenge = answer.headers()["www-authenticate"].to_str().unwrap();
    assert!(
        challenge.contains("error=\"use_dpop_nonce\""),
        "{challenge}"
    );
    for _ in 0..20 {
        assert_eq!(ask().await.status(), StatusCode::OK);
    }

    // The same token without its proof, and with a proof that was used.
    let token = client.token().await.unwrap();
    let bearer = call(&api, token.access_token.expose()).await;
    assert_eq!(bearer.status, StatusCode::UNAUTHORIZED);
    assert!(bearer.challenge().starts_with("DPoP "), "{bearer:?}");
    let mut request = Request::get(format!("{origin}/orders"))
        .body(Body::empty())
        .unwrap();
    countersign::authorize::authorize(&client, &mut request)
        .await
        .unwrap();
    let mut again = Request::get(format!("{origin}/orders"))
        .body(Body::empty())
        .unwrap();
    again.headers_mut().clone_from(request.headers());
    assert_eq!(answer_to(&api, request).await.status, StatusCode::OK);
    let replayed = answer_to(&api, again).await;
    assert_eq!(replayed.status, StatusCode::UNAUTHORIZED);
    assert!(replayed.challenge().contains("used before"), "{replayed:?}");
}
