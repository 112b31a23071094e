//! Does the customer's own provider believe this assertion too? Between steps 8 and 9 of protocol.md.
//!
//! For an application that is set to forward, the same assertion goes to the provider as a client
//! assertion, and the platform goes on only when a token comes back. That token is wiped unread.
//! Who the client is was decided before, by the certificate that is registered here: a provider
//! that looks at less cannot be used to borrow somebody else's principal.

use std::time::Duration;

use countersign_proto::{
    assertion::Purpose,
    exchange::JWT_BEARER_ASSERTION_TYPE,
    json::{self, Limits, Value},
    management::Application,
    time::UnixTime,
};
use http::StatusCode;
use url::{Url, form_urlencoded};
use zeroize::Zeroizing;

use super::{VerifiedAssertion, assertion::Denial};
use crate::{
    Platform,
    config::Settings,
    idp::{
        IdpRefusal,
        provider::{Provider, document},
    },
    outbound::{Answer, Form, Outbound},
    refusal::{Fault, Refusal},
};

/// Questions to the provider at one time; others wait, within the time limit.
const AT_ONCE: usize = 64;
/// Bytes of a form, so that it never moves and leaves a copy behind.
const FORM_ROOM: usize = 64 * 1024;

/// The provider that assertions are forwarded to, if there is one.
pub(crate) struct Forwarder {
    provider: Option<Provider>,
    timeout: Duration,
}

/// A verified assertion that the customer's provider believes too, where it has to be asked. Only
/// this is recorded.
///
/// ```compile_fail,E0451
/// # use countersign_server::{AdmittedAssertion, VerifiedAssertion};
/// fn without_asking(verified: VerifiedAssertion) -> AdmittedAssertion {
///     AdmittedAssertion { verified }
/// }
/// ```
#[derive(Debug)]
pub struct AdmittedAssertion {
    pub(super) verified: VerifiedAssertion,
}

/// Why an assertion is not admitted.
#[derive(Debug)]
pub(super) enum AdmissionError {
    Denied(Denial),
    Fault(Fault),
}

/// What the provider said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opinion {
    Believed,
    Refused,
}

impl Forwarder {
    /// Nothing is asked yet: the platform starts without the provider.
    ///
    /// # Errors
    /// What is wrong with the settings.
    pub(crate) fn new(settings: &Settings) -> Result<Forwarder, String> {
        let provider = match &settings.forwarding.issuer {
            None => None,
            Some(issuer) => {
                let url = Url::parse(issuer)
                    .map_err(|error| format!("forwarding.issuer: {issuer}: {error}"))?;
                let ca_bundle = settings.outbound_ca_bundle.as_deref();
                let outbound = Outbound::new(ca_bundle, AT_ONCE)?;
                Some(Provider::new(issuer, url, outbound))
            }
        };
        Ok(Forwarder {
            provider,
            timeout: settings.forwarding.timeout,
        })
    }

    /// The issuer of the provider, which an application may be permitted to write into `aud`.
    pub(crate) fn issuer(&self) -> Option<&str> {
        self.provider.as_ref().map(Provider::issuer)
    }

    async fn ask(
        &self,
        provider: &Provider,
        client_id: &str,
        assertion: &str,
        now: UnixTime,
    ) -> Result<Opinion, IdpRefusal> {
        let asked = async {
            let description = provider.description(now).await?;
            let form = form(client_id, assertion);
            let endpoint = &description.token_endpoint;
            let answer = provider
                .outbound()
                .post(endpoint, form, self.timeout)
                .await?;
            opinion(&answer)
        };
        // Finding out where the token endpoint is counts too.
        match tokio::time::timeout(self.timeout, asked).await {
            Ok(opinion) => opinion,
            Err(_) => Err(IdpRefusal::Unavailable("no answer in time".to_owned())),
        }
    }
}

impl VerifiedAssertion {
    /// Asks the customer's provider, if this application is set to forward. `presented`: the text
    /// that was verified.
    pub(super) async fn admit(
        self,
        presented: &str,
        platform: &Platform,
        now: UnixTime,
    ) -> Result<AdmittedAssertion, AdmissionError> {
        let client_id = self.claims.client_id();
        if !self.application.as_deref().is_some_and(|it| it.forward) {
            return Ok(AdmittedAssertion { verified: self });
        }
        let forwarder = platform.forwarder();
        let Some(provider) = &forwarder.provider else {
            let text = format!(
                "application {client_id} is set to forward, and forwarding.issuer is not set"
            );
            return Err(AdmissionError::Fault(Fault::new(text)));
        };
        let opinion = forwarder.ask(provider, client_id, presented, now).await;
        let outcome = match &opinion {
            Ok(Opinion::Believed) => "believed",
            Ok(Opinion::Refused) => "refused",
            Err(_) => "unavailable",
        };
        platform.metrics().forwarded(outcome);
        match opinion {
            Ok(Opinion::Believed) => Ok(AdmittedAssertion { verified: self }),
            Ok(Opinion::Refused) => Err(self.denied(Refusal::ProviderRefused(Purpose::Client))),
            Err(problem) => {
                tracing::warn!(client_id, ?problem, "an assertion could not be forwarded");
                Err(self.denied(Refusal::ProviderUnavailable))
            }
        }
    }

    fn denied(&self, refusal: Refusal) -> AdmissionError {
        AdmissionError::Denied(Denial {
            refusal,
            identified: Some(self.identified()),
        })
    }
}

/// Whether assertions of this application may name the provider as their audience: only while the
/// provider is asked about them as well.
pub(super) fn admits_provider_audience(application: &Application) -> bool {
    application.forward && application.accept_provider_audience
}

fn form(client_id: &str, assertion: &str) -> Form {
    let mut form = form_urlencoded::Serializer::new(String::with_capacity(FORM_ROOM));
    form.append_pair("grant_type", "client_credentials")
        .append_pair("client_id", client_id)
        .append_pair("client_assertion_type", JWT_BEARER_ASSERTION_TYPE)
        .append_pair("client_assertion", assertion);
    Form {
        body: Zeroizing::new(form.finish()),
        authorization: None,
    }
}

/// A token is a yes, a refusal of RFC 6749 §5.2 is a no, and everything else is no answer: it is not
/// the client's fault.
fn opinion(answer: &Answer) -> Result<Opinion, IdpRefusal> {
    let refusals = [
        StatusCode::BAD_REQUEST,
        StatusCode::UNAUTHORIZED,
        StatusCode::FORBIDDEN,
    ];
    if refusals.contains(&answer.status) {
        return Ok(Opinion::Refused);
    }
    let body = document(answer, "its token endpoint")?;
    let mut members = json::object(body, &Limits::DOCUMENT)
        .map_err(|error| IdpRefusal::Provider(format!("its token endpoint: {error}")))?;
    let is_token = match members.remove("access_token") {
        Some(Value::String(token)) => !Zeroizing::new(token).is_empty(),
        _ => false,
    };
    for (_, value) in members {
        if let Value::String(text) = value {
            drop(Zeroizing::new(text));
        }
    }
    if is_token {
        Ok(Opinion::Believed)
    } else {
        let problem = "its token endpoint gave no token".to_owned();
        Err(IdpRefusal::Provider(problem))
    }
}
