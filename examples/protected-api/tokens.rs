//! How does the API give a token to whoever says his password, and renew it?

use std::sync::Arc;

use argon2::{Argon2, PasswordVerifier as _};
use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, StatusCode, header},
    response::IntoResponse,
};
use countersign_guard::{CannotVerify, Clock as _, FirstFactor, Password, SystemClock};
use countersign_proto::{
    bearer,
    jwt::{JwtBuilder, RenewalPolicy, Signer, SymmetricKey, TrustedKeys, renew},
};
use serde_json::{Value, json};
use tokio::{sync::Semaphore, task::spawn_blocking};

use crate::{AUDIENCE, ISSUER, kept};

/// What signs the tokens, what all of them say, and how they are renewed.
#[derive(Clone)]
pub(crate) struct Tokens {
    signer: Signer,
    all_say: JwtBuilder,
    renewal: RenewalPolicy,
}

impl Tokens {
    pub(crate) fn signed_by(key: SymmetricKey) -> Tokens {
        // An hour at a time, ten times, twelve hours in all.
        let renewal = RenewalPolicy::default();
        Tokens {
            signer: Signer::symmetric(key),
            all_say: JwtBuilder::new()
                .typ("at+jwt")
                .issuer(ISSUER)
                .audience(AUDIENCE)
                .lifetime(renewal.lifetime)
                .renewable(renewal),
            renewal,
        }
    }

    /// What the tokens are believed by.
    pub(crate) fn keys(&self) -> TrustedKeys {
        TrustedKeys::of(&self.signer)
    }
}

/// A token for whoever said his password.
pub(crate) async fn new_token(
    State(tokens): State<Tokens>,
    Extension(user): Extension<FirstFactor>,
) -> Result<impl IntoResponse, StatusCode> {
    let id = kept::chance().map_err(our_fault)?;
    // Said on a copy, so that no token says what is true of somebody else.
    let says = tokens.all_say.clone().subject(user.name()).id(&id);
    let says = says.claim("roles", vec!["greeted"]);
    let token = says.build(&tokens.signer, SystemClock.now());
    let token = token.map_err(our_fault)?;
    let (text, expires) = (token.expose(), token.expires_at().to_string());
    Ok(secret(json!({"access_token": text, "expires": expires})))
}

/// A successor of the token that came with the request: it ends later, and says the same.
pub(crate) async fn renew_token(
    State(tokens): State<Tokens>,
    headers: HeaderMap,
) -> Result<impl IntoResponse, StatusCode> {
    let old = bearer::read(&headers).map_err(|_| StatusCode::UNAUTHORIZED)?;
    let (keys, demanded) = (tokens.keys(), tokens.all_say.requirements());
    let id = kept::chance().map_err(our_fault)?;
    let now = SystemClock.now();
    let renewed = renew(
        old.token.expose(),
        &keys,
        &demanded,
        &tokens.renewal,
        &tokens.signer,
        now,
        &id,
    );
    // The guard has let it through: it is good, but was renewed as often or as long as it may be.
    let token = renewed.map_err(|_| StatusCode::FORBIDDEN)?.token;
    let (text, lives) = (token.expose(), token.expires_at().since(now).as_secs());
    Ok(secret(
        json!({"access_token": text, "token_type": "Bearer", "expires_in": lives}),
    ))
}

/// Whether this is the password of this user. It takes as long when there is no such user.
pub(crate) async fn verify(
    users: Arc<kept::Users>,
    user: String,
    password: Password,
) -> Result<Option<String>, CannotVerify> {
    /// Each takes 19 MiB, and a processor for some hundredths of a second.
    static AT_ONCE: Semaphore = Semaphore::const_new(2);
    let _turn = AT_ONCE.acquire().await.map_err(|_| CannotVerify)?;
    let verified = spawn_blocking(move || {
        let hash = users.get(&user).map_or(kept::NOBODYS_HASH, String::as_str);
        let verdict = Argon2::default().verify_password(password.expose().as_bytes(), hash);
        verdict.is_ok().then_some(user)
    });
    verified.await.map_err(|_| CannotVerify)
}

/// An answer that nobody keeps on its way.
fn secret(answer: Value) -> impl IntoResponse {
    ([(header::CACHE_CONTROL, "no-store")], Json(answer))
}

/// The caller is told nothing more.
fn our_fault(error: impl std::fmt::Display) -> StatusCode {
    eprintln!("error: {error}");
    StatusCode::INTERNAL_SERVER_ERROR
}
