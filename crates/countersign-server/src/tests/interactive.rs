//! What is the token of a person good for, and when is it over?

use axum::http::{Method, StatusCode};
use countersign_proto::token::Binding;
use serde_json::json;

use super::{
    terminal::{SignIn, Terminal, id_in, limited, refresh_token_of},
    world::{NOW, World, authorize, claims_of, form_request, principal},
};
use crate::{Change, refresh::first_token, secrets::fixtures, service::deliver};

// login.md R5
#[tokio::test]
async fn nothing_works_before_the_terminal_has_acknowledged_its_token() {
    let world = World::new().await;
    let terminal = world.delivered("anna", SignIn::default()).await;
    assert!(!world.is_active(&terminal.access_token).await);
    assert!(!world.is_active(&terminal.refresh_token).await);
    let whoami = world
        .api(Method::GET, "whoami", &terminal.access_token, None)
        .await;
    assert_eq!(whoami.status, StatusCode::UNAUTHORIZED);
    let early = world
        .refresh(&terminal.key, &terminal.refresh_token, "")
        .await;
    early.refused("invalid_grant", "");
    assert!(world.acknowledge(&terminal).await);
    assert!(world.is_active(&terminal.access_token).await);
    assert!(world.is_active(&terminal.refresh_token).await);
    world
        .refresh(&terminal.key, &terminal.refresh_token, "")
        .await
        .token();
}

// login.md R5
#[tokio::test]
async fn a_session_that_nobody_acknowledges_ends() {
    let world = World::new().await;
    let terminal = world.delivered("anna", SignIn::default()).await;
    world.advance(61);
    world.platform.clean_up().await.unwrap();
    assert!(!world.acknowledge(&terminal).await);
    let late = world
        .refresh(&terminal.key, &terminal.refresh_token, "")
        .await;
    late.refused("invalid_grant", "session_ended");
    let session = world.session(&terminal).await;
    assert_eq!(session.end_reason.as_deref(), Some("not_acknowledged"));
}

// login.md R5
#[tokio::test]
async fn a_token_that_is_delivered_again_is_the_same_one() {
    let world = World::new().await;
    let terminal = world.delivered("anna", SignIn::default()).await;
    world.advance(59);
    let session = world.session(&terminal).await;
    let again = deliver(&world.platform, session).await.unwrap();
    let (first, second) = (
        claims_of(&terminal.access_token),
        claims_of(again.access_token.expose()),
    );
    assert_eq!(first, second);
    assert_eq!(refresh_token_of(&again), terminal.refresh_token);
    assert_eq!(again.expires_in.as_secs(), 3600 - 59);
    world.advance(2);
    let session = world.session(&terminal).await;
    assert!(deliver(&world.platform, session).await.is_err());
}

// security.md 66, B14
#[tokio::test]
async fn a_scope_is_narrowed_for_one_answer_and_never_widened() {
    let world = World::new().await;
    world.principal("anna", &["Reader"]).await;
    let how = SignIn {
        scope: "audit:read roles:read",
        ..SignIn::default()
    };
    let mut terminal = world.terminal_by("anna", how).await;
    assert_eq!(
        claims_of(&terminal.access_token)["scope"],
        "audit:read roles:read"
    );
    for wider in ["mappings:read", "audit:read%20mappings:read", "*", "orders"] {
        let more = format!("&scope={wider}");
        let answer = world
            .refresh(&terminal.key, &terminal.refresh_token, &more)
            .await;
        answer.refused("invalid_scope", "scope_not_permitted");
    }
    assert_eq!(
        world.session(&terminal).await.generation,
        0,
        "a refusal costs nothing"
    );
    let narrow = world
        .refresh(&terminal.key, &terminal.refresh_token, "&scope=audit:read")
        .await;
    assert_eq!(claims_of(&narrow.token())["scope"], "audit:read");
    assert_eq!(narrow.member("scope"), "audit:read");
    let get = |path: &'static str, token: String| {
        let world = &world;
        async move { world.api(Method::GET, path, &token, None).await.status }
    };
    assert_eq!(get("audit", narrow.token()).await, StatusCode::OK);
    assert_eq!(get("roles", narrow.token()).await, StatusCode::FORBIDDEN);
    terminal.refresh_token = narrow.member("refresh_token");
    terminal.refresh(&world).await;
    assert_eq!(
        claims_of(&terminal.access_token)["scope"],
        "audit:read roles:read"
    );
    assert_eq!(
        get("roles", terminal.access_token.clone()).await,
        StatusCode::OK
    );
    assert_eq!(
        get("mappings", terminal.access_token).await,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn a_refresh_has_the_roles_of_now_and_a_scope_never_becomes_everything() {
    let world = World::new().await;
    world.principal("anna", &["Reader"]).await;
    let how = SignIn {
        scope: "audit:read",
        ..SignIn::default()
    };
    let mut narrow = world.terminal_by("anna", how).await;
    let mut wide = world.terminal("anna").await;
    assert_eq!(claims_of(&wide.access_token)["roles"], json!(["Reader"]));
    world
        .change(Change::UpdatePrincipal(principal("anna", &["Platform"])))
        .await;
    wide.refresh(&world).await;
    assert_eq!(claims_of(&wide.access_token)["roles"], json!(["Platform"]));
    // The role Platform does not read the audit, and nothing else was asked for.
    assert!(!world.is_active(&narrow.access_token).await);
    let answer = world.refresh(&narrow.key, &narrow.refresh_token, "").await;
    answer.refused("invalid_scope", "scope_not_permitted");
    world
        .change(Change::UpdatePrincipal(principal("anna", &["Reader"])))
        .await;
    narrow.refresh(&world).await;
    assert!(world.is_active(&narrow.access_token).await);
}

#[tokio::test]
async fn who_is_disabled_has_no_token_at_once_and_loses_no_refresh() {
    let world = World::new().await;
    let mut terminal = world.terminal("anna").await;
    let mut anna = principal("anna", &[]);
    anna.enabled = false;
    world.change(Change::UpdatePrincipal(anna.clone())).await;
    assert!(!world.is_active(&terminal.access_token).await);
    assert!(!world.is_active(&terminal.refresh_token).await);
    let answer = world
        .refresh(&terminal.key, &terminal.refresh_token, "")
        .await;
    answer.refused("invalid_grant", "principal_disabled");
    anna.enabled = true;
    world.change(Change::UpdatePrincipal(anna)).await;
    terminal.refresh(&world).await;
    assert_eq!(world.session(&terminal).await.generation, 1);
    world
        .change(Change::DeletePrincipal {
            name: "anna".to_owned(),
        })
        .await;
    assert!(!world.is_active(&terminal.access_token).await);
    let answer = world
        .refresh(&terminal.key, &terminal.refresh_token, "")
        .await;
    answer.refused("invalid_grant", "session_ended");
}

// login.md R6
#[tokio::test]
async fn a_token_that_came_by_a_code_carries_no_role_that_asks_for_loopback() {
    let world = World::new().await;
    let how = SignIn {
        binding: Binding::Code,
        ..SignIn::default()
    };
    let mut by_code = world.terminal_by("anna", how).await;
    let mut by_loopback = world.terminal("anna").await;
    by_code.refresh(&world).await;
    world
        .change(Change::UpdatePrincipal(principal("anna", &["Operator"])))
        .await;
    assert!(!world.is_active(&by_code.access_token).await);
    assert!(world.is_active(&by_loopback.access_token).await);
    let answer = world
        .refresh(&by_code.key, &by_code.refresh_token, "")
        .await;
    answer.refused("invalid_grant", "loopback_required");
    by_loopback.refresh(&world).await;
}

// security.md 80
#[tokio::test]
async fn giving_any_of_its_tokens_back_ends_the_session() {
    let world = World::new().await;
    let pick: [fn(&Terminal, &str) -> String; 3] = [
        |terminal, _| terminal.refresh_token.clone(),
        |_, old| old.to_owned(),
        |terminal, _| terminal.access_token.clone(),
    ];
    for pick in pick {
        let mut terminal = world.terminal("anna").await;
        let old = terminal.refresh_token.clone();
        let first = terminal.access_token.clone();
        terminal.refresh(&world).await;
        let given = pick(&terminal, &old);
        let mut request = form_request("/oauth2/revoke", &format!("token={given}"));
        if given == terminal.access_token {
            authorize(&mut request, &given);
        }
        assert_eq!(world.send(request).await.status, StatusCode::OK);
        for token in [&first, &terminal.access_token, &terminal.refresh_token] {
            assert!(!world.is_active(token).await);
        }
        let answer = world
            .refresh(&terminal.key, &terminal.refresh_token, "")
            .await;
        answer.refused("invalid_grant", "session_ended");
        let session = world.session(&terminal).await;
        assert_eq!(session.end_reason.as_deref(), Some("given_back"));
    }
}

// security.md 78
#[tokio::test]
async fn a_refresh_token_is_not_given_back_by_another_client_or_by_its_id_alone() {
    let world = World::new().await;
    let orders = world.application("orders", &["anna"]).await;
    let terminal = world.terminal("anna").await;
    let assertion = world.assertion("orders", &orders);
    let by_another = format!(
        "client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer\
         &client_assertion={assertion}&token={}",
        terminal.refresh_token
    );
    let answer = world.post("/oauth2/revoke", &by_another).await;
    answer.refused("invalid_grant", "");
    let named = format!("client_id=orders&token={}", terminal.refresh_token);
    let answer = world.post("/oauth2/revoke", &named).await;
    answer.refused("invalid_grant", "");
    // Somebody who knows the id and makes up the rest.
    let secrets = fixtures::secrets(&[(1, [7; 32])], &[(1, [7; 32])]);
    let made_up = first_token(&secrets, "csn", &id_in(&terminal.refresh_token), 1);
    let form = format!("token={}", made_up.unwrap().expose());
    assert_eq!(
        world.post("/oauth2/revoke", &form).await.status,
        StatusCode::OK
    );
    assert!(world.is_active(&terminal.refresh_token).await);
}

#[tokio::test]
async fn a_refresh_token_is_described_to_whoever_may_know() {
    let world = World::new().await;
    world.principal("anna", &["Reader"]).await;
    let mut terminal = world.terminal_by("anna", limited(1)).await;
    let resource = world.bearer("resource", &[]).await;
    let body = world
        .introspect(&resource, &terminal.refresh_token)
        .await
        .json();
    assert_eq!(body["active"], true);
    assert_eq!(body["principal"], "anna");
    assert_eq!(body["roles"], json!(["Reader"]));
    assert_eq!(body["sid"], terminal.session);
    assert_eq!(body["exp"], NOW + 43_200);
    assert_eq!(body["token_type"], "DPoP");
    assert_eq!(body["client_id"], "countersign:cli");
    let old = terminal.refresh_token.clone();
    terminal.refresh(&world).await;
    // Used, and used up.
    for token in [&old, &terminal.refresh_token] {
        let answer = world.introspect(&resource, token).await;
        assert_eq!(answer.body, br#"{"active":false}"#);
    }
}
