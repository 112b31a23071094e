//! With which settings is a client made, and which cannot be?

use std::{
    sync::{Arc, atomic::AtomicU64},
    time::Duration,
};

use countersign_proto::{
    assertion::{KidForm, PLATFORM_CLIENT_ID, ThumbprintForm, TypForm},
    exchange::RequestForm,
    key::Algorithm,
    metadata::check_issuer,
    scope::Scope,
};

use super::{Client, Inner};
use crate::{
    Audience, Clock, CredentialSource, Dpop, Error, ErrorKind, HttpTransport, Provider,
    SystemClock, Transport,
    cache::Cache,
    discovery::Discovery,
    dpop::Prover,
    error::printable,
    exchange::{Ending, Exchange, Grant, Settings, Skew, Successions},
    flight::Flights,
    provider::Misfit,
};

/// Settings of a [`Client`].
#[must_use]
pub struct ClientBuilder {
    source: CredentialSource,
    issuer: String,
    client_id: String,
    scope: Option<Scope>,
    principal: Option<String>,
    algorithm: Option<Algorithm>,
    dpop: Dpop,
    provider: Option<Provider>,
    told: Told,
    parameters: Vec<(String, String)>,
    grant: Grant,
    deadline: Duration,
    transport: Option<Arc<dyn Transport>>,
    clock: Arc<dyn Clock>,
}

/// What the application says itself; everything else is the provider's, or as the platform has it.
#[derive(Default)]
struct Told {
    audience: Option<Audience>,
    kid: Option<KidForm>,
    typ: Option<TypForm>,
    thumbprints: Option<ThumbprintForm>,
    lifetime: Option<Duration>,
    x5c: bool,
}

impl ClientBuilder {
    pub(super) fn new(issuer: &str, client_id: &str, source: CredentialSource) -> ClientBuilder {
        ClientBuilder {
            source,
            issuer: issuer.to_owned(),
            client_id: client_id.to_owned(),
            scope: None,
            principal: None,
            algorithm: None,
            dpop: Dpop::Off,
            provider: None,
            told: Told::default(),
            parameters: Vec::new(),
            grant: Grant::Client,
            deadline: Duration::from_secs(30),
            transport: None,
            clock: Arc::new(SystemClock),
        }
    }

    /// The make of the server, where it is no platform of countersign: it stands in for each setting of
    /// the assertion that is not made here, in whichever order. Default: none.
    ///
    /// ```no_run
    /// # fn example(credential: countersign::Credential) -> Result<(), Box<dyn std::error::Error>> {
    /// use countersign::{Client, Provider, proto::scope::Scope};
    ///
    /// let issuer = "https://login.microsoftonline.com/aaaabbbb-0000-cccc-1111-dddd2222eeee/v2.0";
    /// let client = Client::builder(issuer, "00001111-aaaa-2222-bbbb-3333cccc4444", credential)
    ///     .provider(Provider::entra_id())
    ///     .scope(Scope::parse("https://graph.microsoft.com/.default")?)
    ///     .build()?;
    /// # drop(client);
    /// # Ok(())
    /// # }
    /// ```
    pub fn provider(mut self, provider: &Provider) -> Self {
        self.provider = Some(provider.clone());
        self
    }

    /// Scopes to ask for. Default: none named.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = (!scope.is_empty()).then_some(scope);
        self
    }

    /// Which of several mapped principals. Default: the server decides.
    pub fn principal(mut self, name: &str) -> Self {
        self.principal = Some(name.to_owned());
        self
    }

    /// Sends a parameter of another server along with each request for a token, such as `audience` or
    /// `resource` (RFC 8707). May be called again for another name. Default: none.
    pub fn parameter(mut self, name: &str, value: &str) -> Self {
        self.parameters.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Default: the provider's, else the issuer.
    pub fn audience(mut self, audience: Audience) -> Self {
        self.told.audience = Some(audience);
        self
    }

    /// Default: the provider's, else SHA-1 thumbprint, upper-case hex.
    pub fn kid(mut self, form: KidForm) -> Self {
        self.told.kid = Some(form);
        self
    }

    /// Default: the provider's, else that of the purpose (RFC 10070).
    pub fn typ(mut self, form: TypForm) -> Self {
        self.told.typ = Some(form);
        self
    }

    /// Default: the provider's, else `x5t` and `x5t#S256`.
    pub fn thumbprints(mut self, form: ThumbprintForm) -> Self {
        self.told.thumbprints = Some(form);
        self
    }

    /// Default: chosen from the key, the provider and the metadata (PS256 before RS256 where listed).
    pub fn algorithm(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = Some(algorithm);
        self
    }

    /// Life of an assertion. 10 s to 300 s; default: the provider's, else 60 s.
    pub fn assertion_lifetime(mut self, lifetime: Duration) -> Self {
        self.told.lifetime = Some(lifetime);
        self
    }

    /// Sends the chain as `x5c` (RFC 7515 §4.1.6).
    pub fn send_x5c(mut self) -> Self {
        self.told.x5c = true;
        self
    }

    /// `client.token()` asks for platform tokens (kind 2).
    pub fn as_platform(mut self) -> Self {
        self.grant = Grant::Platform;
        self
    }

    /// Default: off.
    pub fn dpop(mut self, dpop: Dpop) -> Self {
        self.dpop = dpop;
        self
    }

    /// The longest that one call may take. 1 s to 600 s, default 30 s.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// Default: [`HttpTransport`] with its defaults.
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = Some(transport);
        self
    }

    /// Default: the operating system's.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Checks everything once. No request is made and no certificate is read.
    ///
    /// # Errors
    /// [`ErrorKind::Settings`] names the setting and what it must be like.
    pub fn build(self) -> Result<Client, Error> {
        let issuer_url = self.check()?;
        let settings = Settings {
            request_form: self.request_form()?,
            ..self.settings()
        };
        in_range(
            "the life of an assertion",
            settings.assertion_lifetime,
            10..=300,
        )?;
        let transport = match self.transport {
            Some(transport) => transport,
            None => Arc::new(HttpTransport::builder().build()?),
        };
        let discovery = Discovery::new(&settings.issuer, issuer_url);
        Ok(Client {
            inner: Arc::new(Inner {
                exchange: Exchange {
                    settings,
                    source: self.source,
                    transport,
                    clock: self.clock,
                    discovery,
                    prover: Prover::default(),
                    skew: Skew::default(),
                    successions: Successions::default(),
                    ending: Ending::default(),
                },
                grant: self.grant,
                deadline: self.deadline,
                cache: Cache::default(),
                flights: Flights::default(),
                look_at: AtomicU64::new(0),
            }),
        })
    }

    /// What is told, else what the provider wants, else what the platform takes.
    fn settings(&self) -> Settings {
        let told = &self.told;
        let other = Provider::other("");
        let wanted = self.provider.as_ref().unwrap_or(&other);
        Settings {
            issuer: self.issuer.clone(),
            client_id: self.client_id.clone(),
            scope: self.scope.clone(),
            principal: self.principal.clone(),
            audience: told.audience.clone().unwrap_or(wanted.audience.clone()),
            kid: told.kid.clone().unwrap_or(wanted.kid.clone()),
            typ: told.typ.unwrap_or(wanted.typ),
            thumbprints: told.thumbprints.unwrap_or(wanted.thumbprints),
            algorithm: self.algorithm,
            assertion_lifetime: told.lifetime.unwrap_or(wanted.lifetime),
            x5c: told.x5c || wanted.x5c,
            request_form: RequestForm::default(),
            dpop: self.dpop,
            provider: self.provider.clone(),
        }
    }

    /// What is told goes before what the provider wants, under the same name.
    fn request_form(&self) -> Result<RequestForm, Error> {
        let mut request_form = RequestForm::default();
        let mut add = |name: &str, value: &str| {
            let added = request_form.add(name, value);
            added.map_err(|error| wrong(&format!("the parameter {name:?}: {error}")))
        };
        for (name, value) in &self.parameters {
            add(name, value)?;
        }
        let Some(provider) = &self.provider else {
            return Ok(request_form);
        };
        for (name, value) in provider.parameters.iter() {
            if !self.parameters.iter().any(|(told, _)| told == name) {
                add(name, value)?;
            }
        }
        request_form.client_id = provider.client_id;
        Ok(request_form)
    }

    fn check(&self) -> Result<url::Url, Error> {
        if let Some(other) = self.algorithm
            && !Algorithm::PROTOCOL.contains(&other)
        {
            return Err(wrong(&format!("{other} is no algorithm of the protocol")));
        }
        let issuer_url = check_issuer(&self.issuer)
            .map_err(|error| wrong(&format!("{} is no issuer identifier: {error}", self.issuer)))?;
        let id = &self.client_id;
        if id.is_empty() || id.len() > 255 || id.chars().any(char::is_control) {
            return Err(wrong(
                "the application id must have 1 to 255 bytes and no control characters",
            ));
        }
        if id == PLATFORM_CLIENT_ID && self.grant != Grant::Platform {
            return Err(wrong(&format!(
                "the application id {PLATFORM_CLIENT_ID} is the platform's own"
            ))
            .with_hint("ask for platform tokens, or give the id of an application"));
        }
        if self.principal.is_some() && self.grant == Grant::Platform {
            return Err(wrong(
                "a principal cannot be asked for with a platform token: it is fixed",
            ));
        }
        self.check_provider()?;
        in_range("the deadline", self.deadline, 1..=600)?;
        Ok(issuer_url)
    }

    fn check_provider(&self) -> Result<(), Error> {
        let Some(provider) = &self.provider else {
            return Ok(());
        };
        let title = &provider.title;
        if self.grant == Grant::Platform {
            return Err(wrong(&format!("{title} gives no platform tokens"))
                .with_hint("give the id of an application, or name no provider"));
        }
        if self.principal.is_some() {
            return Err(wrong(&format!(
                "{title} knows no principals to choose from"
            )));
        }
        let fits = provider.fits_scope(self.scope.as_ref());
        fits.map_err(|Misfit { text, hint }| wrong(&text).with_hint(hint))
    }
}

impl std::fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("issuer", &self.issuer)
            .field("client_id", &self.client_id)
            .finish_non_exhaustive()
    }
}

fn in_range(
    what: &str,
    value: Duration,
    range: std::ops::RangeInclusive<u64>,
) -> Result<(), Error> {
    let (least, most) = (*range.start(), *range.end());
    if value < Duration::from_secs(least) || value > Duration::from_secs(most) {
        return Err(wrong(&format!(
            "{what} must be {least} s to {most} s, not {value:?}"
        )));
    }
    Ok(())
}

fn wrong(text: &str) -> Error {
    Error::new(ErrorKind::Settings, printable(text))
}
