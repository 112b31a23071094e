//! Is a session of the console worth anything where tokens are taken?
//!
//! It has no refresh token and no access token, and none can be made of what is in its row or in its
//! cookie.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_proto::{
    key::SigningKey as _,
    opaque::{OpaqueKind, OpaqueToken, TokenId},
    token::{Binding, TokenClaims, TokenKind},
};
use http::{Method, StatusCode};

use super::desk::{COOKIE, Desk};
use crate::{
    refresh, service,
    store::SessionRow,
    tests::{world::ISSUER, world::form_request},
};

/// Everything that somebody could present who has the cookie and the row, and what he could make of
/// them.
async fn strings(desk: &Desk) -> Vec<String> {
    let browser = desk.signed_in("anna").await;
    let pass = browser.jar[COOKIE].clone();
    let mut parts = pass.split('.');
    let (id, secret) = (parts.next().unwrap(), parts.next().unwrap());
    let id = TokenId::parse(id).unwrap();
    let secret: [u8; 32] = URL_SAFE_NO_PAD.decode(secret).unwrap().try_into().unwrap();
    let digest: [u8; 32] = desk.session_of(&browser).await.secret.try_into().unwrap();
    let mut strings = vec![pass];
    for secret in [secret, digest, [0; 32]] {
        let token = OpaqueToken::compose("csn", OpaqueKind::Refresh, &id, &secret);
        strings.push(token.expose().to_owned());
    }
    // As a session of a terminal would begin with.
    let first = refresh::first_token(desk.world.platform.secrets(), "csn", &id, 1).unwrap();
    strings.push(first.expose().to_owned());
    strings
}

// security.md 64, 65
#[tokio::test]
async fn nothing_of_a_session_of_the_console_is_refreshed_introspected_or_revoked() {
    let desk = Desk::new().await;
    let terminal = desk.world.terminal("anna").await;
    let resource = desk.world.bearer("resource", &[]).await;
    for text in strings(&desk).await {
        let answer = desk.world.refresh(&terminal.key, &text, "").await;
        answer.refused("invalid_grant", &answer.member("reason"));
        let answer = desk.world.introspect(&resource, &text).await;
        assert_eq!(answer.json()["active"], false, "{text}");
        let mut request = form_request("/oauth2/revoke", &format!("token={text}"));
        crate::tests::world::authorize(&mut request, &text);
        desk.world.send(request).await;
        let answer = desk.world.api(Method::GET, "whoami", &text, None).await;
        assert!(answer.status.is_client_error(), "{text}");
    }
    let sessions = desk.world.store.sessions(None, None, 100).await.unwrap();
    for session in sessions.items {
        assert_eq!(session.generation, 0);
        assert_eq!(session.end_reason, None, "nobody ended it by a string");
    }
}

// security.md 64
#[tokio::test]
async fn a_token_of_kind_0_never_stands_on_a_session_of_the_console() {
    let desk = Desk::new().await;
    let browser = desk.signed_in("anna").await;
    let session = desk.session_of(&browser).await;
    let delivered = service::deliver(&desk.world.platform, session.clone()).await;
    assert!(delivered.is_err(), "the token of a login");
    let control = desk.world.terminal("anna").await;
    let control = desk.world.session(&control).await;
    for binding in [Some(Binding::Loopback), Some(Binding::Code), None] {
        let token = signed(&desk, &session, binding);
        let answer = desk.world.api(Method::GET, "whoami", &token, None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{binding:?}");
    }
    let token = signed(&desk, &control, Some(Binding::Loopback));
    let answer = desk.world.api(Method::GET, "whoami", &token, None).await;
    assert_eq!(answer.status, StatusCode::OK, "of a terminal it is good");
}

/// A token that the platform would never sign, signed by the platform's own key.
fn signed(desk: &Desk, session: &SessionRow, binding: Option<Binding>) -> String {
    let mut claims = TokenClaims::new(
        ISSUER.to_owned(),
        session.principal.clone(),
        ISSUER.to_owned(),
        "countersign:cli".to_owned(),
        TokenKind::Interactive,
        desk.world.now(),
        session.ends_at,
        session.jti.clone(),
    );
    claims.session = Some(session.id.clone());
    claims.binding = binding;
    let keys = desk.world.platform.keys();
    let active = keys.active();
    let input = claims.signing_input(active.algorithm, &active.kid);
    let signature = active.key.sign(active.algorithm, input.as_bytes()).unwrap();
    input.finish(&signature)
}
