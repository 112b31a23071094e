//! How does somebody get in to the console, and where is he then?

use http::{StatusCode, header};

use super::desk::{COOKIE, Desk, PASSWORD, form, hidden, session_id, sign_in};
use crate::{
    store::SessionState,
    tests::login::browser::{form_token, location, text},
};

#[tokio::test]
async fn a_name_and_its_password_sign_in() {
    let desk = Desk::new().await;
    let mut browser = desk.browser();
    let answer = browser.get("/console").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_eq!(location(&answer), "/console/sign-in?return=%2Fconsole");
    let mut browser = desk.signed_in("anna").await;
    let page = browser.get("/console").await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(text(&page).contains("Administrator"), "{}", text(&page));
    let session = desk.session_of(&browser).await;
    assert_eq!(session.principal, "anna");
    assert_eq!(
        (session.binding.as_str(), session.client.as_str()),
        ("console", "console")
    );
    assert_eq!(
        (session.refresh_limit, session.state),
        (0, SessionState::Active)
    );
    assert_eq!(desk.actions().await[0], "session.begin");
}

#[tokio::test]
async fn the_cookie_is_for_this_host_for_no_script_and_for_no_other_site() {
    let desk = Desk::new().await;
    let mut browser = desk.browser();
    let page = browser.get("/console/sign-in").await;
    let cookie = page.headers[header::SET_COOKIE].to_str().unwrap();
    assert!(
        cookie.starts_with("__Host-countersign-console-sign-in="),
        "{cookie}"
    );
    assert!(
        cookie.ends_with("; Path=/; Max-Age=600; HttpOnly; SameSite=Lax; Secure"),
        "{cookie}"
    );
    let answer = sign_in(&mut browser, "anna", PASSWORD, "").await;
    let cookies: Vec<&str> = answer
        .headers
        .get_all(header::SET_COOKIE)
        .iter()
        .map(|value| value.to_str().unwrap())
        .collect();
    let pass = cookies
        .iter()
        .find(|cookie| cookie.starts_with("__Host-countersign-console="))
        .unwrap();
    assert!(
        pass.ends_with("; Path=/; Max-Age=1800; HttpOnly; SameSite=Strict; Secure"),
        "{pass}"
    );
    assert_eq!(browser.jar.len(), 1, "the cookie of the sign-in is gone");
}

// security.md 101
#[tokio::test]
async fn whoever_signs_in_gets_a_session_that_nobody_knew_before() {
    let desk = Desk::new().await;
    // The attacker has a session of his own, and plants all his cookies in the victim's browser.
    let mut attacker = desk.signed_in("rita").await;
    attacker.get("/console/sign-in").await;
    let planted = attacker.jar.clone();
    let mut victim = desk.browser();
    let page = victim.get("/console/sign-in").await;
    let (token, to) = (form_token(&page), hidden(&page, "return"));
    victim.jar.extend(planted.clone());
    victim.jar.remove("__Host-countersign-console-sign-in");
    let again = desk.browser().get("/console/sign-in").await;
    drop(again);
    // With the attacker's cookie of a sign-in the victim's form is not taken.
    let mut other = desk.browser();
    other.get("/console/sign-in").await;
    let name = "__Host-countersign-console-sign-in".to_owned();
    let mut robbed = victim.clone();
    robbed.jar.insert(name.clone(), other.jar[&name].clone());
    let fields = [
        ("token", token),
        ("return", to),
        ("name", "anna".to_owned()),
        ("password", PASSWORD.to_owned()),
    ];
    let answer = robbed.post("/console/sign-in", &form(&fields)).await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN, "{}", text(&answer));

    // And his session is not what the victim uses.
    let mut victim = desk.browser();
    victim.get("/console/sign-in").await;
    victim
        .jar
        .insert(COOKIE.to_owned(), planted[COOKIE].clone());
    let before = session_id(&victim);
    let page = victim.get("/console").await;
    assert!(text(&page).contains("rita"), "the attacker's, until then");
    victim.jar.remove(COOKIE);
    let answer = sign_in(&mut victim, "anna", PASSWORD, "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_ne!(session_id(&victim), before);
    let page = text(&attacker.get("/console").await);
    assert!(page.contains("rita") && !page.contains("anna"), "{page}");
}

#[tokio::test]
async fn whoever_signs_in_again_leaves_no_session_behind() {
    let desk = Desk::new().await;
    let mut browser = desk.browser();
    let page = browser.get("/console/sign-in").await;
    let fields = [
        ("token", form_token(&page)),
        ("return", String::new()),
        ("name", "anna".to_owned()),
        ("password", PASSWORD.to_owned()),
    ];
    let sign_in_cookie = browser.jar.clone();
    browser.post("/console/sign-in", &form(&fields)).await;
    let first = desk.session_of(&browser).await;
    // Another window of the same browser still shows the form.
    browser.jar.extend(sign_in_cookie);
    let answer = browser.post("/console/sign-in", &form(&fields)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert_ne!(session_id(&browser), first.id);
    let first = desk.world.store.session(&first.id).await.unwrap().unwrap();
    assert_eq!(first.state, SessionState::Ended);
    assert_eq!(first.end_reason.as_deref(), Some("signed_in_again"));
}

#[tokio::test]
async fn what_is_wrong_is_said_and_not_which_of_the_two() {
    let desk = Desk::new().await;
    let mut browser = desk.browser();
    for (name, password) in [
        ("anna", "wrong horse battery"),
        ("nobody", PASSWORD),
        ("<b>\"anna", "wrong horse battery"),
        ("", ""),
    ] {
        let answer = sign_in(&mut browser, name, password, "").await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{name}");
        let shown = text(&answer);
        assert!(
            shown.contains("role=\"alert\" id=\"problem\">The name or the password is wrong."),
            "{shown}"
        );
        assert!(!shown.contains("horse"), "no password comes back: {shown}");
        assert!(!shown.contains("<b>\"anna"), "{shown}");
        assert!(!browser.jar.contains_key(COOKIE));
    }
}

// security.md 98
#[tokio::test]
async fn whoever_guesses_waits() {
    let desk = Desk::new().await;
    let mut browser = desk.browser();
    let mut tries = 0;
    let last = loop {
        let answer = sign_in(&mut browser, "anna", "wrong", "").await;
        if answer.status == StatusCode::TOO_MANY_REQUESTS {
            break answer;
        }
        tries += 1;
        assert!(tries <= 5, "{}", answer.status);
    };
    assert!(last.headers.contains_key(header::RETRY_AFTER));
    let right = sign_in(&mut browser, "anna", PASSWORD, "").await;
    assert_eq!(right.status, StatusCode::TOO_MANY_REQUESTS);
    let at_api = browser
        .ask_json(
            "/api/v1/signin",
            &format!(r#"{{"username":"anna","password":"{PASSWORD}"}}"#),
        )
        .await;
    assert_eq!(
        at_api.status,
        StatusCode::TOO_MANY_REQUESTS,
        "counted as one"
    );
    assert!(at_api.headers.contains_key(header::RETRY_AFTER));
}

#[tokio::test]
async fn somebody_who_is_disabled_is_not_let_in_and_goes_out_at_once() {
    let desk = Desk::new().await;
    let mut browser = desk.signed_in("rita").await;
    let rita = crate::tests::world::principal("rita", &["Reader"]);
    let disabled = countersign_proto::management::Principal {
        enabled: false,
        ..rita
    };
    desk.change(crate::Change::UpdatePrincipal(disabled)).await;
    let answer = browser.get("/console").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let answer = sign_in(&mut desk.browser(), "rita", PASSWORD, "").await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    assert!(text(&answer).contains("Your account is disabled"));
}

#[tokio::test]
async fn after_the_sign_in_somebody_is_where_he_wanted_to_go_and_never_elsewhere() {
    let desk = Desk::new().await;
    for (asked, expected) in [
        ("/console", "/console"),
        (
            "/console/tokens?kind=app&after=x",
            "/console/tokens?kind=app&after=x",
        ),
        ("", "/console"),
        ("https://evil.example/", "/console"),
        ("//evil.example/console", "/console"),
        ("/\\evil.example/console", "/console"),
        ("\\\\evil.example", "/console"),
        ("/\t/evil.example/console", "/console"),
        ("/console/../../evil", "/console"),
        ("/console/..//evil.example", "/console"),
        ("/console\\..\\..\\login", "/console"),
        ("/consoles", "/console"),
        ("/console@evil.example", "/console"),
        ("/console/sign-out", "/console"),
        ("/console/sign-in?return=/console", "/console"),
        ("javascript:alert(1)", "/console"),
        ("/console/\r\nSet-Cookie: a=b", "/console/Set-Cookie:%20a=b"),
        ("/console/\"><script>", "/console/%22%3E%3Cscript%3E"),
    ] {
        let mut browser = desk.browser();
        let answer = sign_in(&mut browser, "anna", PASSWORD, asked).await;
        assert_eq!(location(&answer), expected, "{asked:?}");
        let query = form(&[("return", asked.to_owned())]);
        let there = browser.get(&format!("/console/sign-in?{query}")).await;
        assert_eq!(location(&there), expected, "{asked:?}, signed in already");
    }
}

#[tokio::test]
async fn a_form_of_a_sign_in_is_taken_from_our_page_in_this_browser_only() {
    let desk = Desk::new().await;
    let fields = |token: String| {
        form(&[
            ("token", token),
            ("name", "anna".to_owned()),
            ("password", PASSWORD.to_owned()),
        ])
    };
    let mut browser = desk.browser();
    let page = browser.get("/console/sign-in").await;
    let token = form_token(&page);
    for wrong in [String::new(), "x".to_owned(), token.to_lowercase()] {
        let answer = browser.post("/console/sign-in", &fields(wrong)).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
    }
    let mut stranger = desk.browser();
    stranger.get("/console/sign-in").await;
    for mut other in [stranger, desk.browser()] {
        let answer = other.post("/console/sign-in", &fields(token.clone())).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN);
        assert!(!other.jar.contains_key(COOKIE));
    }
    browser.site = "cross-site";
    let answer = browser
        .post("/console/sign-in", &fields(token.clone()))
        .await;
    assert_eq!(answer.status, StatusCode::FORBIDDEN);
    browser.site = "same-origin";
    let answer = browser.post("/console/sign-in", &fields(token)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", text(&answer));
}

#[tokio::test]
async fn there_is_no_console_where_it_is_switched_off() {
    let desk = Desk::with(|settings| settings.console.enabled = false).await;
    let mut browser = desk.browser();
    for path in ["/console", "/console/sign-in", "/console/tokens"] {
        assert_eq!(browser.get(path).await.status, StatusCode::NOT_FOUND);
    }
    let body = format!(r#"{{"username":"anna","password":"{PASSWORD}"}}"#);
    let answer = browser.ask_json("/api/v1/signin", &body).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}
