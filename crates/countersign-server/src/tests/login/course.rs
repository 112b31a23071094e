//! Does a sign-in go from its link to its token?

use countersign_proto::{
    jwk,
    key::SigningKey as _,
    login::{ClientMessage, ServerBody},
    token::{Binding, TokenKind, inspect},
};

use super::{
    browser::text,
    scene::{BROWSER, Scene, TERMINAL},
    terminal::Offer,
};
use crate::store::SessionState;

#[tokio::test(start_paused = true)]
async fn over_loopback_it_takes_one_click() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let mut browser = scene.signed_in(&terminal, "anna").await;
    let ServerBody::Status { browser: seen, .. } = terminal.until("opened").await else {
        unreachable!("it is a status by its name");
    };
    assert_eq!(seen.unwrap().address, BROWSER);
    terminal.until("signed_in").await;
    let value = browser.allow(&terminal).await;
    let ServerBody::Status {
        bind, tries_left, ..
    } = terminal.until("need_confirm").await
    else {
        unreachable!("it is a status by its name");
    };
    assert_eq!((bind, tries_left), (Some(Binding::Loopback), Some(3)));
    terminal.confirm(&value).await;
    assert!(matches!(
        terminal.until("confirm_result").await,
        ServerBody::ConfirmResult {
            ok: true,
            tries_left: 3
        }
    ));
    let ServerBody::Identity {
        principal,
        name,
        idp,
        scope,
    } = terminal.next().await
    else {
        panic!("no identity");
    };
    assert_eq!(
        (principal.as_str(), name.as_str(), idp.as_str(), scope),
        ("anna", "ANNA", "idp.example", None)
    );
    terminal.send(ClientMessage::Accept).await;
    let ServerBody::Token(token) = terminal.next().await else {
        panic!("no token");
    };
    assert_eq!(token.kind, Some(TokenKind::Interactive));
    assert_eq!(token.principal.as_deref(), Some("anna"));
    assert_eq!(token.refreshes_remaining, Some(10));
    let claims = inspect(token.access_token.expose()).unwrap().claims;
    assert_eq!(claims["binding"], "loopback");
    assert_eq!(claims["sub"], "anna");
    terminal.send(ClientMessage::Received).await;
    terminal.until("bye").await;
    assert_eq!(terminal.closed().await, 1000);

    let sessions = scene.world.store.sessions(None, None, 10).await.unwrap();
    let [session] = sessions.items.as_slice() else {
        panic!("one session: {sessions:?}");
    };
    assert_eq!(session.state, SessionState::Active);
    assert_eq!(session.proof, jwk::thumbprint(terminal.key.public_key()));
    assert_eq!(session.address.as_deref(), Some(BROWSER));
    assert_eq!(session.provider, "idp.example");
    assert_eq!(session.client, "countersign 1.0 linux anna workstation");
    let page = text(&browser.review(&terminal).await);
    assert!(page.contains("Done, go back to your terminal"), "{page}");
}

#[tokio::test(start_paused = true)]
async fn what_happened_is_on_record_and_counted() {
    let scene = Scene::new().await;
    let mut terminal = scene.terminal().await;
    let value = scene.allowed(&mut terminal, "anna").await;
    terminal.confirm(&value).await;
    let token = terminal.finish().await;
    let claims = inspect(token.access_token.expose()).unwrap().claims;
    let page = scene.world.store.audit(None, 500).await.unwrap();
    let rows: Vec<_> = page
        .items
        .iter()
        .rev()
        // The platform's first key is on record too.
        .filter(|row| row.actor != "test" && !row.action.starts_with("key."))
        .map(|row| {
            (
                row.action.as_str(),
                row.subject.as_str(),
                row.address.as_deref(),
                row.token_id.as_deref(),
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            ("login.sign_in", "anna", Some(BROWSER), None),
            ("login.allow", "anna", Some(BROWSER), None),
            (
                "token.issue",
                "anna",
                Some(TERMINAL),
                claims["jti"].as_str()
            ),
        ]
    );
    let counted = scene.world.platform.metrics().render();
    for line in [
        "countersign_logins_begun_total 1",
        "countersign_logins_ended_total{end=\"done\"} 1",
        "countersign_tokens_issued_total{kind=\"0\"} 1",
        "countersign_sign_ins_total{outcome=\"ok\"} 1",
    ] {
        assert!(counted.contains(line), "{line} in {counted}");
    }
}

#[tokio::test(start_paused = true)]
async fn by_a_code_it_takes_eight_letters() {
    let scene = Scene::with_codes().await;
    let mut terminal = scene.terminal_that(Offer::code()).await;
    let mut browser = scene.signed_in(&terminal, "anna").await;
    browser.press(&terminal, "allow").await;
    let code = browser.code(&terminal).await.unwrap();
    assert_eq!(code.len(), 9, "{code}");
    assert_eq!(
        browser.code(&terminal).await,
        Some(code.clone()),
        "it is the same when the page is loaded again"
    );
    terminal.until("need_confirm").await;
    terminal
        .confirm_code(&code.to_lowercase().replace('-', " "))
        .await;
    let token = terminal.finish().await;
    let claims = inspect(token.access_token.expose()).unwrap().claims;
    assert_eq!(claims["binding"], "code");
}

#[tokio::test(start_paused = true)]
async fn where_loopback_does_not_go_a_code_does() {
    let scene = Scene::with_codes().await;
    let mut terminal = scene.terminal().await;
    let mut browser = scene.signed_in(&terminal, "anna").await;
    let lost = browser.allow(&terminal).await;
    let code = browser.show_code(&terminal).await.unwrap();
    terminal.until("need_confirm").await;
    let ServerBody::Status { bind, .. } = terminal.until("need_confirm").await else {
        unreachable!("it is a status by its name");
    };
    assert_eq!(bind, Some(Binding::Code));
    terminal.confirm(&lost).await;
    assert!(matches!(
        terminal.until("confirm_result").await,
        ServerBody::ConfirmResult { ok: false, .. }
    ));
    terminal.confirm_code(&code).await;
    terminal.finish().await;
}
