//! How does the session of the console work at the management API?

use http::{HeaderMap, Method, StatusCode, header};

use super::desk::{COOKIE, Desk, PASSWORD, at_api};
use crate::{
    config::Settings,
    tests::{
        login::browser::{Browser, text},
        world::{Answer, ISSUER},
    },
};

async fn ask(browser: &mut Browser, headers: &[(&str, &str)]) -> Answer {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        let name: header::HeaderName = name.parse().unwrap();
        map.append(name, value.parse().unwrap());
    }
    browser.ask(Method::GET, "/api/v1/whoami", map, "").await
}

const NAMED: (&str, &str) = ("x-countersign-console", "1");

#[tokio::test]
async fn a_name_and_its_password_give_the_session_to_a_program_that_keeps_cookies() {
    let desk = Desk::new().await;
    let mut program = desk.browser();
    let body = format!(r#"{{"username":"rita","password":"{PASSWORD}"}}"#);
    let answer = program.ask_json("/api/v1/signin", &body).await;
    assert_eq!(answer.status, StatusCode::NO_CONTENT, "{}", text(&answer));
    let who = at_api(&mut program, Method::GET, "/api/v1/whoami").await;
    assert_eq!(who.member("principal"), "rita");
    assert_eq!(who.member("client_id"), "countersign:console");
    assert_eq!(who.json()["roles"][0], "Reader");
    assert_eq!(program.get("/console").await.status, StatusCode::OK);
}

#[tokio::test]
async fn what_is_no_name_and_password_signs_nobody_in() {
    let desk = Desk::new().await;
    let mut program = desk.browser();
    for (body, status) in [
        (
            r#"{"username":"anna","password":"wrong"}"#,
            StatusCode::FORBIDDEN,
        ),
        (
            r#"{"username":"nobody","password":"wrong"}"#,
            StatusCode::FORBIDDEN,
        ),
        (r#"{"username":"anna"}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ("[]", StatusCode::UNPROCESSABLE_ENTITY),
        ("", StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let answer = program.ask_json("/api/v1/signin", body).await;
        assert_eq!(answer.status, status, "{body}");
        assert!(!text(&answer).contains("\"wrong\""), "{}", text(&answer));
    }
    program.site = "cross-site";
    let body = format!(r#"{{"username":"anna","password":"{PASSWORD}"}}"#);
    let answer = program.ask_json("/api/v1/signin", &body).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(program.jar.is_empty());
    program.site = "same-origin";
    let form = format!("username=anna&password={PASSWORD}");
    let answer = program.post("/api/v1/signin", &form).await;
    assert_eq!(answer.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

// security.md 94
#[tokio::test]
async fn a_cookie_alone_opens_nothing_at_the_api() {
    let desk = Desk::new().await;
    let mut browser = desk.signed_in("anna").await;
    assert_eq!(ask(&mut browser, &[NAMED]).await.status, StatusCode::OK);
    for headers in [
        vec![],
        vec![("x-countersign-console", "")],
        vec![("x-countersign-console", "0")],
        vec![("x-countersign-console", "1, 1")],
    ] {
        let answer = ask(&mut browser, &headers).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{headers:?}");
    }
    for (site, origin) in [
        ("cross-site", "https://evil.example"),
        ("same-origin", "https://evil.example"),
        ("same-origin", "null"),
        ("same-site", ISSUER),
        ("cross-site", ISSUER),
    ] {
        browser.site = site;
        let answer = ask(&mut browser, &[NAMED, ("origin", origin)]).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{site} {origin}");
    }
    browser.site = "same-origin";
    browser.jar.clear();
    let answer = ask(&mut browser, &[NAMED]).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn whoever_comes_with_a_session_is_limited_as_with_a_token() {
    for limit in [
        (|settings| settings.limits.per_client_per_minute = 2) as fn(&mut Settings),
        |settings| settings.limits.api_per_source_per_minute = 2,
    ] {
        let desk = Desk::with(limit).await;
        let mut anna = desk.signed_in("anna").await;
        for status in [200, 200, 429] {
            let answer = ask(&mut anna, &[NAMED]).await;
            assert_eq!(answer.status.as_u16(), status, "{}", text(&answer));
        }
    }
}

#[tokio::test]
async fn a_token_and_a_session_are_not_presented_together() {
    let desk = Desk::new().await;
    let mut browser = desk.signed_in("rita").await;
    let token = desk.world.bearer("boss", &["Administrator"]).await;
    let bearer = format!("Bearer {token}");
    let answer = ask(&mut browser, &[NAMED, ("authorization", &bearer)]).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    let answer = ask(&mut browser, &[("authorization", &bearer)]).await;
    assert_eq!(
        answer.member("principal"),
        "boss",
        "the cookie counts for nothing"
    );
}

#[tokio::test]
async fn a_session_is_used_by_what_is_asked_of_the_api() {
    let desk = Desk::new().await;
    let mut browser = desk.signed_in("anna").await;
    for _ in 0..3 {
        desk.world.advance(1700);
        assert_eq!(ask(&mut browser, &[NAMED]).await.status, StatusCode::OK);
    }
    let before = browser.jar[COOKIE].clone();
    assert_eq!(ask(&mut browser, &[NAMED]).await.status, StatusCode::OK);
    assert_eq!(browser.jar[COOKIE], before, "not written anew each time");
}

#[tokio::test]
async fn nobody_has_more_rights_by_a_session_than_by_his_roles() {
    let desk = Desk::new().await;
    let role = "/api/v1/roles/Reader";
    let mut rita = desk.signed_in("rita").await;
    assert_eq!(
        at_api(&mut rita, Method::GET, role).await.status,
        StatusCode::OK
    );
    for path in [
        "/api/v1/sessions/x/end",
        "/api/v1/applications",
        "/api/v1/principals",
        "/api/v1/roles",
        "/api/v1/mappings",
    ] {
        let mut headers = HeaderMap::new();
        headers.insert("x-countersign-console", "1".parse().unwrap());
        headers.insert("content-type", "application/json".parse().unwrap());
        let body = match path {
            "/api/v1/applications" => r#"{"client_id":"a","name":""}"#,
            "/api/v1/principals" => r#"{"name":"a","display_name":"","roles":[],"enabled":true}"#,
            "/api/v1/roles" => r#"{"name":"a","description":"","permissions":[]}"#,
            "/api/v1/mappings" => r#"{"certificate":"a","client_id":"a","principal":"a"}"#,
            _ => "",
        };
        let answer = rita.ask(Method::POST, path, headers, body).await;
        assert_eq!(
            answer.status,
            StatusCode::FORBIDDEN,
            "{path}: {}",
            text(&answer)
        );
    }
    let promoted = crate::tests::world::principal("rita", &["Administrator"]);
    desk.change(crate::Change::UpdatePrincipal(promoted)).await;
    let who = at_api(&mut rita, Method::GET, "/api/v1/whoami").await;
    assert_eq!(
        who.json()["roles"][0],
        "Administrator",
        "roles as they are now"
    );
}
