//! As whom does the guard ask the issuer about a token (RFC 7662 §2.1)?

use std::{fmt, pin::Pin, sync::Arc, time::Duration};

use countersign_proto::{
    assertion::{Assertion, ClientAssertion},
    bearer,
    certificate::CertificateChain,
    exchange::Presented,
    jwt::{JwtBuilder, Signer},
    key::{Algorithm, SigningKey},
    metadata::Metadata,
    time::UnixTime,
    token::{AccessToken, TokenType},
    token_form::TokenForm,
};
use http::header::AUTHORIZATION;
use url::Url;

use crate::{fetch::Away, introspect::Question, random};

/// How long an assertion lives that is signed by a bare key.
const LIFETIME: Duration = Duration::from_secs(60);

/// As whom the guard asks about tokens. Cheap to clone.
#[derive(Clone)]
pub struct Introspector(Identity);

#[derive(Clone)]
enum Identity {
    Certificate(Arc<Certified>),
    Key { client_id: Arc<str>, signer: Signer },
    Token(Arc<TokenSource>),
}

struct Certified {
    client_id: String,
    chain: CertificateChain,
    key: Arc<dyn SigningKey>,
}

type TokenFuture = Pin<Box<dyn Future<Output = Result<AccessToken, String>> + Send>>;
type TokenSource = dyn Fn() -> TokenFuture + Send + Sync;

impl Introspector {
    /// An application with its certificate, by assertions (RFC 7523 §2.2), as countersign platforms
    /// know it. It has the scope `introspect`, and the API as its audience.
    pub fn certificate(
        client_id: &str,
        chain: CertificateChain,
        key: Arc<dyn SigningKey>,
    ) -> Introspector {
        Introspector(Identity::Certificate(Arc::new(Certified {
            client_id: client_id.to_owned(),
            chain,
            key,
        })))
    }

    /// A client with a bare key, by assertions (`private_key_jwt`): for issuers that keep the keys of
    /// their clients as JWKs. The signer names the key by its `kid`.
    pub fn key(client_id: &str, signer: Signer) -> Introspector {
        Introspector(Identity::Key {
            client_id: client_id.into(),
            signer,
        })
    }

    /// Whoever a token stands for that may ask, as an app token with the scope `introspect`. The
    /// source is asked each time, and answers the token that is good then, or why there is none: an
    /// application that holds a client of the SDK gives that one's.
    ///
    /// ```
    /// use countersign_guard::Introspector;
    /// use countersign_proto::token::AccessToken;
    ///
    /// # let read_secret = || "csn_app_x".to_owned();
    /// let token = AccessToken::new(&read_secret())?;
    /// let introspector = Introspector::token(move || {
    ///     let token = token.clone();
    ///     async move { Ok(token) }
    /// });
    /// # Ok::<(), countersign_proto::token::AccessTokenError>(())
    /// ```
    pub fn token<F>(source: impl Fn() -> F + Send + Sync + 'static) -> Introspector
    where
        F: Future<Output = Result<AccessToken, String>> + Send + 'static,
    {
        Introspector(Identity::Token(Arc::new(move || Box::pin(source()))))
    }

    /// The question about a token, as this one puts it.
    pub(crate) async fn question(
        &self,
        question: &Question<'_>,
        endpoint: &Url,
        metadata: &Metadata,
        now: UnixTime,
    ) -> Result<http::Request<Vec<u8>>, Away> {
        let mut form = TokenForm {
            token: Presented::new(question.token.to_owned()),
            token_type_hint: None,
            client_assertion: None,
            client_id: None,
            // Of a platform of ours: nobody else knows what it is, or need know where callers are.
            client_address: question.from.filter(|_| metadata.countersign_api.is_some()),
        };
        match &self.0 {
            Identity::Certificate(certified) => {
                let assertion = certified.assertion(metadata, now).await?;
                form.client_assertion = Some(Presented::new(assertion.expose().to_owned()));
                form.client_id = Some(certified.client_id.clone());
                Ok(form.to_http(endpoint))
            }
            Identity::Key { client_id, signer } => {
                let assertion = by_key(client_id, signer, metadata, now).await?;
                form.client_assertion = Some(assertion);
                form.client_id = Some(client_id.as_ref().to_owned());
                Ok(form.to_http(endpoint))
            }
            Identity::Token(source) => {
                let own = source().await.map_err(|why| {
                    Away::new(format!("there is no token to ask {endpoint} with: {why}"))
                })?;
                let mut request = form.to_http(endpoint);
                let authorization = bearer::authorization(&own, TokenType::Bearer);
                request.headers_mut().insert(AUTHORIZATION, authorization);
                Ok(request)
            }
        }
    }
}

impl Certified {
    async fn assertion(&self, metadata: &Metadata, now: UnixTime) -> Result<ClientAssertion, Away> {
        let algorithm = self.algorithm(metadata)?;
        let jti = jti()?;
        let assertion = Assertion::client(&self.client_id, &metadata.issuer);
        let input = assertion.signing_input(&self.chain, algorithm, now, &jti);
        let signature = if self.key.may_block() {
            let key = Arc::clone(&self.key);
            let message = input.as_bytes().to_vec();
            off_the_runtime(move || key.sign(algorithm, &message)).await?
        } else {
            self.key.sign(algorithm, input.as_bytes())
        };
        let signature = signature.map_err(unsigned)?;
        Ok(ClientAssertion::from_signature(input, &signature))
    }

    /// The first of the key's that the issuer lists; the one that everybody reads when it lists none.
    fn algorithm(&self, metadata: &Metadata) -> Result<Algorithm, Away> {
        let listed = &metadata.token_endpoint_auth_signing_alg_values_supported;
        let own = self.key.public_key().algorithms();
        let found = own
            .iter()
            .find(|algorithm| listed.iter().any(|name| name == algorithm.name()))
            .or(own.last());
        found
            .copied()
            .ok_or_else(|| Away::new("the key signs by no algorithm".to_owned()))
    }
}

async fn by_key(
    client_id: &str,
    signer: &Signer,
    metadata: &Metadata,
    now: UnixTime,
) -> Result<Presented, Away> {
    let builder = JwtBuilder::new()
        .typ("client-authentication+jwt")
        .issuer(client_id)
        .subject(client_id)
        .audience(&metadata.issuer)
        .id(&jti()?)
        .lifetime(LIFETIME);
    let built = if signer.may_block() {
        let signer = signer.clone();
        off_the_runtime(move || builder.build(&signer, now)).await?
    } else {
        builder.build(signer, now)
    };
    let assertion = built.map_err(unsigned)?;
    Ok(Presented::new(assertion.expose().to_owned()))
}

async fn off_the_runtime<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Away> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Away::new("the key did not sign".to_owned()))
}

fn jti() -> Result<String, Away> {
    random::text()
        .ok_or_else(|| Away::new("the operating system gives no random numbers".to_owned()))
}

fn unsigned(error: impl fmt::Display) -> Away {
    Away::new(error.to_string())
}

/// Shows nothing of the key or the token.
impl fmt::Debug for Introspector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Identity::Certificate(certified) => {
                write!(f, "Introspector(certificate of {:?})", certified.client_id)
            }
            Identity::Key { client_id, .. } => write!(f, "Introspector(key of {client_id:?})"),
            Identity::Token(_) => f.write_str("Introspector(token)"),
        }
    }
}
