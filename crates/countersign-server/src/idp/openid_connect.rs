//! How does a person sign in with an OpenID provider of the customer's?
//!
//! Authorization code with PKCE (RFC 7636), `state`, `nonce` and `iss` (RFC 9207). What comes back
//! proves who somebody is by an ID token alone: the provider's access token is wiped unread.

use std::{net::IpAddr, sync::Arc, time::Duration};

use aws_lc_rs::digest;
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use countersign_proto::{
    json::{self, Limits, Map, Value},
    jws::UnverifiedJws,
    time::UnixTime,
};
use http::StatusCode;
use url::Url;
use zeroize::Zeroizing;

use super::{
    Callback, IdentityProvider, IdpFuture, IdpRefusal, Password, ProvedIdentity, SignInWay,
    TransactionKeys,
    provider::{Description, Provider, document},
};
use crate::{
    Clock,
    config::{OpenIdConnect as Settings, PrincipalClaim},
    outbound::{Answer, Outbound},
};

mod credentials;
use credentials::Credentials;

mod id_token;
use id_token::{Expected, IdToken};

/// The longest that the token endpoint may take.
const LIMIT: Duration = Duration::from_secs(10);
/// Bytes of a `code`, an `error`, a `login_hint`.
const PARAMETER_MAX: usize = 4096;

/// A client of one provider.
pub(crate) struct OpenIdConnect {
    name: String,
    client_id: String,
    scope: String,
    claim: PrincipalClaim,
    provider: Provider,
    credentials: Credentials,
    clock: Arc<dyn Clock>,
}

impl OpenIdConnect {
    /// Nothing is asked of the provider yet: the platform starts without it.
    ///
    /// # Errors
    /// What is wrong with the files of the settings.
    pub(crate) fn new(
        settings: &Settings,
        outbound: Outbound,
        clock: Arc<dyn Clock>,
    ) -> Result<OpenIdConnect, String> {
        let url = Url::parse(&settings.issuer)
            .map_err(|error| format!("identity_provider.issuer: {error}"))?;
        let credentials = Credentials::new(
            &settings.issuer,
            &settings.client_id,
            &settings.authentication,
        )
        .map_err(|problem| format!("identity_provider: {problem}"))?;
        Ok(OpenIdConnect {
            name: settings.name.clone(),
            client_id: settings.client_id.clone(),
            scope: settings.scopes.join(" "),
            claim: settings.principal_claim,
            provider: Provider::new(&settings.issuer, url, outbound),
            credentials,
            clock,
        })
    }

    async fn endpoint(&self) -> Result<Url, IdpRefusal> {
        let description = self.provider.description(self.clock.now()).await?;
        let refused = |problem: &str| Err(IdpRefusal::Provider(problem.to_owned()));
        match (
            &description.authorization_endpoint,
            &description.challenge_methods,
        ) {
            (None, _) => refused("its metadata has no authorization_endpoint"),
            (_, Some(methods)) if !methods.iter().any(|method| method == "S256") => {
                refused("it does not take PKCE by S256")
            }
            (Some(url), _) => Ok(url.clone()),
        }
    }

    async fn send_there(
        &self,
        transaction: &TransactionKeys,
        redirect_uri: &Url,
        login_hint: Option<&str>,
    ) -> Result<Url, IdpRefusal> {
        let mut url = self.endpoint().await?;
        let challenge = digest::digest(&digest::SHA256, transaction.verifier.as_bytes());
        let mut query = url.query_pairs_mut();
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", redirect_uri.as_str())
            .append_pair("scope", &self.scope)
            .append_pair("state", &transaction.state)
            .append_pair("nonce", &transaction.nonce)
            .append_pair("code_challenge", &URL_SAFE_NO_PAD.encode(challenge))
            .append_pair("code_challenge_method", "S256");
        if let Some(hint) = login_hint.filter(|hint| hint.len() <= PARAMETER_MAX) {
            query.append_pair("login_hint", hint);
        }
        drop(query);
        Ok(url)
    }

    async fn prove(
        &self,
        callback: Callback,
        transaction: &TransactionKeys,
        redirect_uri: &Url,
        now: UnixTime,
    ) -> Result<ProvedIdentity, IdpRefusal> {
        let description = self.provider.description(now).await?;
        let code = self.code(callback, &description)?;
        let parameters = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", redirect_uri.as_str()),
            ("code_verifier", transaction.verifier.as_str()),
        ];
        let form = self
            .credentials
            .form(&parameters, &description, now)
            .await
            .map_err(IdpRefusal::Unavailable)?;
        let outbound = self.provider.outbound();
        let answer = outbound
            .post(&description.token_endpoint, form, LIMIT)
            .await?;
        let tokens = Tokens::read(&answer)?;
        self.believe(&tokens, transaction, now).await
    }

    /// The code, if this callback may be redeemed. `iss` is looked at before anything else: an
    /// answer of another provider is not even an error of this one (RFC 9207 §2.4).
    fn code(
        &self,
        callback: Callback,
        description: &Description,
    ) -> Result<Zeroizing<String>, IdpRefusal> {
        match &callback.iss {
            Some(iss) if iss != self.provider.issuer() => {
                return Err(IdpRefusal::Callback("it comes from another provider"));
            }
            None if description.promises_iss => {
                return Err(IdpRefusal::Callback(
                    "it does not say which provider it comes from",
                ));
            }
            _ => {}
        }
        if let Some(error) = &callback.error {
            return Err(said_no(error, callback.error_description.as_deref()));
        }
        callback
            .code
            .filter(|code| (1..=PARAMETER_MAX).contains(&code.len()))
            .ok_or(IdpRefusal::Callback("it brings no code"))
    }

    async fn believe(
        &self,
        tokens: &Tokens,
        transaction: &TransactionKeys,
        now: UnixTime,
    ) -> Result<ProvedIdentity, IdpRefusal> {
        let refused = |why: &dyn std::fmt::Display| {
            IdpRefusal::Provider(format!("its ID token is not believed: {why}"))
        };
        let token = UnverifiedJws::parse(&tokens.id_token).map_err(|error| refused(&error))?;
        let header = token.header();
        let key = self
            .provider
            .key(header.kid.as_deref(), header.algorithm, now)
            .await?;
        let expected = Expected {
            issuer: self.provider.issuer(),
            client_id: &self.client_id,
            nonce: &transaction.nonce,
            access_token: tokens.access_token.as_ref().map(|token| token.as_str()),
            now,
        };
        let believed = IdToken::verify(token, &key, &expected).map_err(|error| refused(&error))?;
        let told = |error| IdpRefusal::Provider(format!("its ID token names nobody: {error}"));
        Ok(ProvedIdentity {
            provider: self.name.clone(),
            subject: believed.subject().map_err(told)?.to_owned(),
            principal: believed.principal(self.claim).map_err(told)?.to_owned(),
            display_name: believed.display_name().map(str::to_owned),
        })
    }
}

impl IdentityProvider for OpenIdConnect {
    fn name(&self) -> &str {
        &self.name
    }

    fn way(&self) -> SignInWay {
        SignInWay::Redirect
    }

    fn origin(&self) -> IdpFuture<'_, Option<String>> {
        Box::pin(async {
            let url = self.endpoint().await?;
            Ok(Some(url.origin().ascii_serialization()))
        })
    }

    fn authorization_url<'a>(
        &'a self,
        transaction: &'a TransactionKeys,
        redirect_uri: &'a Url,
        login_hint: Option<&'a str>,
    ) -> IdpFuture<'a, Url> {
        Box::pin(self.send_there(transaction, redirect_uri, login_hint))
    }

    fn check_password<'a>(
        &'a self,
        _name: &'a str,
        _password: &'a Password,
        _peer: Option<IpAddr>,
        _now: UnixTime,
    ) -> IdpFuture<'a, ProvedIdentity> {
        Box::pin(async { Err(IdpRefusal::Callback("people sign in at the provider")) })
    }

    fn redeem<'a>(
        &'a self,
        callback: Callback,
        transaction: &'a TransactionKeys,
        redirect_uri: &'a Url,
        now: UnixTime,
    ) -> IdpFuture<'a, ProvedIdentity> {
        Box::pin(self.prove(callback, transaction, redirect_uri, now))
    }
}

/// What the token endpoint gave, as far as it is looked at. Wiped when dropped.
struct Tokens {
    id_token: Zeroizing<String>,
    access_token: Option<Zeroizing<String>>,
}

impl Tokens {
    fn read(answer: &Answer) -> Result<Tokens, IdpRefusal> {
        const WHAT: &str = "its token endpoint";
        if [StatusCode::BAD_REQUEST, StatusCode::UNAUTHORIZED].contains(&answer.status) {
            return Err(redemption_refused(answer));
        }
        let body = document(answer, WHAT)?;
        let mut members = json::object(body, &Limits::DOCUMENT)
            .map_err(|error| IdpRefusal::Provider(format!("{WHAT}: {error}")))?;
        // What is never used is wiped all the same.
        drop(secret(&mut members, "refresh_token"));
        let access_token = secret(&mut members, "access_token");
        match secret(&mut members, "id_token") {
            Some(id_token) => Ok(Tokens {
                id_token,
                access_token,
            }),
            None => Err(IdpRefusal::Provider(format!("{WHAT} gave no ID token"))),
        }
    }
}

fn secret(members: &mut Map<String, Value>, name: &str) -> Option<Zeroizing<String>> {
    match members.remove(name) {
        Some(Value::String(text)) => Some(Zeroizing::new(text)),
        _ => None,
    }
}

/// RFC 6749 §5.2: a code that is not accepted is the browser's matter, all else the operator's.
fn redemption_refused(answer: &Answer) -> IdpRefusal {
    let code = json::object(&answer.body, &Limits::DOCUMENT)
        .ok()
        .and_then(|members| members.get("error")?.as_str().map(printable));
    match code.as_deref() {
        Some("invalid_grant") => IdpRefusal::Callback("the provider does not take this code"),
        Some(error) => IdpRefusal::Provider(format!("its token endpoint answered `{error}`")),
        None => IdpRefusal::Provider(format!("its token endpoint: status {}", answer.status)),
    }
}

/// RFC 6749 §4.1.2.1. The texts are somebody else's: they go to the log, cut and escaped.
fn said_no(error: &str, description: Option<&str>) -> IdpRefusal {
    let error = printable(error);
    let description = printable(description.unwrap_or_default());
    tracing::info!(error, description, "the identity provider said no");
    match error.as_str() {
        "access_denied" => IdpRefusal::Denied,
        "server_error" | "temporarily_unavailable" => {
            IdpRefusal::Unavailable(format!("it answered `{error}`"))
        }
        _ => IdpRefusal::Provider(format!("it answered `{error}`")),
    }
}

fn printable(text: &str) -> String {
    text.chars()
        .take(200)
        .map(|c| {
            if c == ' ' || c.is_ascii_graphic() {
                c
            } else {
                '?'
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
