//! How does a session begin without a browser, as its login would have left it?

use std::sync::Arc;

use aws_lc_rs::{hmac, rand};
use countersign::proto::{
    jwk,
    key::{KeyType, LocalKey, SigningKey as _},
    opaque::{OpaqueKind, OpaqueToken, TokenId},
    time::UnixTime,
};
use countersign_server::{
    secrets::Secrets,
    store::{LoginRow, LoginUpdate, SessionRow, SessionState, Store},
};

/// What a terminal holds after its login.
pub(crate) struct SignedIn {
    pub(crate) key: Arc<LocalKey>,
    pub(crate) session: String,
    pub(crate) refresh_token: String,
}

/// A session of a principal that is there, with so many refreshes.
pub(crate) async fn sign_in(
    store: &dyn Store,
    secrets: &Secrets,
    principal: &str,
    refresh_limit: u32,
    now: UnixTime,
) -> SignedIn {
    let mut id = [0; 16];
    rand::fill(&mut id).unwrap();
    let id = TokenId::from_bytes(id);
    let key = LocalKey::generate(KeyType::P256).unwrap().0;
    // The first secret and the digest, as the protocol has them: made here apart from the platform.
    let (key_version, refresh_key) = secrets.refresh_key().unwrap();
    let secret = tag(refresh_key, format!("first{id}").as_bytes());
    let token = OpaqueToken::compose("csn", OpaqueKind::Refresh, &id, &secret);
    let (pepper_version, pepper) = secrets.pepper().unwrap();
    let session = SessionRow {
        id: id.to_string(),
        principal: principal.to_owned(),
        proof: jwk::thumbprint(key.public_key()),
        scope: String::new(),
        binding: "loopback".to_owned(),
        address: None,
        client: "test".to_owned(),
        provider: "test".to_owned(),
        created_at: now,
        ends_at: UnixTime::from_secs(now.as_secs() + 43_200),
        refresh_limit,
        generation: 0,
        state: SessionState::Active,
        end_reason: None,
        ended_at: None,
        pending_until: now,
        secret: tag(pepper, token.expose().as_bytes()).to_vec(),
        pepper_version,
        key_version,
        jti: format!("of-the-login-of-{id}"),
        issued_at: now,
        expires_at: UnixTime::from_secs(now.as_secs() + 3_600),
        refreshed_at: now,
    };
    let login = LoginRow {
        id: format!("login-{id}"),
        handle: format!("handle-{id}"),
        version: 0,
        source: "test".to_owned(),
        live: false,
        expires_at: now,
        body: "{}".to_owned(),
    };
    store.create_login(login.clone()).await.unwrap();
    let update = LoginUpdate {
        row: login,
        new_session: Some(session),
        acknowledge: None,
        end_session: None,
        audit: Vec::new(),
    };
    assert!(store.update_login(update).await.unwrap());
    SignedIn {
        key: Arc::new(key),
        session: id.to_string(),
        refresh_token: token.expose().to_owned(),
    }
}

fn tag(key: &[u8; 32], message: &[u8]) -> [u8; 32] {
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    hmac::sign(&key, message).as_ref().try_into().unwrap()
}
