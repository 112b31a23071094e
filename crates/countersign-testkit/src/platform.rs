//! How does a test have a platform of its own?

use std::{io::Write as _, net::SocketAddr, sync::Arc};

use countersign::{Client, ClientBuilder, CredentialSource, Transport, admin::Admin};
use countersign_proto::{
    exchange::Presented,
    introspection::Introspection,
    jwk::JwkSet,
    scope::Scope,
    token::{AccessToken, TokenClaims, inspect},
    token_form::TokenForm,
};
use countersign_server::{
    Platform, StartError,
    config::{Bootstrap, Settings},
    store::Store,
};
use tokio::{net::TcpListener, task::JoinHandle};
use url::Url;

use crate::{Chaos, Harm, ManualClock, NewApplication, Wire, chaos, fixtures};

/// The issuer of a platform that has no port.
const ISSUER: &str = "https://platform.test";
/// The first administrator's application.
const ADMINISTRATOR: &str = "countersign-admin";
/// Introspects for [`TestPlatform::is_active`].
const RESOURCE: &str = "testkit-resource";
/// The scope that permits to introspect.
const INTROSPECT: &str = "introspect";

/// A whole platform in this process, with a store in memory and a clock turned by hand.
///
/// [`fixtures::administrator`] is registered as its first administrator. When it is dropped, so is all that it knew.
pub struct TestPlatform {
    platform: Platform,
    issuer: String,
    clock: ManualClock,
    wire: Wire,
    /// Serves the same platform on loopback, when asked for.
    listening: Option<Listening>,
}

/// What went wrong while a test set up its platform.
#[derive(Debug)]
#[non_exhaustive]
pub enum TestkitError {
    /// The platform did not start.
    Start(StartError),
    /// The SDK did not get through to it.
    Client(countersign::Error),
    /// The machine did not do its part.
    Io(std::io::Error),
    /// The platform answered something unexpected.
    Answer(String),
    /// More than a hundred of a hundred calls were to be harmed: so many.
    Shares(u32),
}

impl TestPlatform {
    /// A platform that is reached by its wire only. No socket is opened.
    pub async fn new() -> Result<TestPlatform, TestkitError> {
        TestPlatform::with_settings(TestPlatform::settings(), ManualClock::default()).await
    }

    /// The settings of [`TestPlatform::new`], to be changed: in memory, and without limits on how
    /// often one source may ask, because in a test all requests come from one.
    #[allow(clippy::expect_used)] // the text is a constant
    pub fn settings() -> Settings {
        unlimited(ISSUER.parse().expect("a constant URL"))
    }

    /// The same with settings of your own; `issuer` is taken as it stands.
    pub async fn with_settings(
        settings: Settings,
        clock: ManualClock,
    ) -> Result<TestPlatform, TestkitError> {
        let (settings, _bootstrap) = bootstrapped(settings)?;
        let issuer = issuer_of(&settings);
        let platform = Platform::open(settings, Arc::new(clock.clone())).await?;
        Ok(TestPlatform::around(platform, issuer, clock))
    }

    /// The same on a store of your own, for instance one that fails when told.
    pub async fn with_store(
        settings: Settings,
        store: Arc<dyn Store>,
        clock: ManualClock,
    ) -> Result<TestPlatform, TestkitError> {
        let (settings, _bootstrap) = bootstrapped(settings)?;
        let issuer = issuer_of(&settings);
        let platform = Platform::with_store(settings, store, Arc::new(clock.clone())).await?;
        Ok(TestPlatform::around(platform, issuer, clock))
    }

    /// A platform on a free port of 127.0.0.1, for a service in another process. It has a wire too.
    ///
    /// The clock is still turned by hand: it starts at `now`, which such a service should agree with.
    pub async fn on_loopback(clock: ManualClock) -> Result<TestPlatform, TestkitError> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let settings = unlimited(parsed(&format!("http://{address}"))?);
        let mut platform = TestPlatform::with_settings(settings, clock).await?;
        let router = platform
            .platform
            .router()
            .layer(axum::middleware::from_fn_with_state(
                platform.wire.unrest().clone(),
                chaos::on_socket,
            ));
        platform.listening = Some(Listening::begin(listener, address, router));
        Ok(platform)
    }

    /// From now on a share of the good calls is harmed: those over the [`wire`](Self::wire), unless a
    /// [`Fault`](crate::Fault) has done something else to them than to delay them, and those over the
    /// socket of [`on_loopback`](Self::on_loopback), counted together. What this value itself asks,
    /// [`admin`](Self::admin) too, is not harmed. Chaos that was begun before ends.
    ///
    /// # Errors
    ///
    /// [`TestkitError::Shares`] when the shares are more than 100 % in all.
    pub fn begin_chaos(&self, chaos: Chaos) -> Result<(), TestkitError> {
        match chaos.harmed() {
            0..=100 => {
                self.wire.unrest().begin(chaos);
                Ok(())
            }
            percent => Err(TestkitError::Shares(percent)),
        }
    }

    /// What the chaos did so far, or had done when it ended.
    pub fn harm(&self) -> Harm {
        self.wire.unrest().harm()
    }

    /// Ends the chaos. What it did.
    pub fn end_chaos(&self) -> Harm {
        self.wire.unrest().end()
    }

    /// Its issuer identifier: what a client is configured with.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Where it listens, when it does.
    pub fn address(&self) -> Option<SocketAddr> {
        self.listening.as_ref().map(|listening| listening.address)
    }

    /// Its clock.
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// The wire to it.
    pub fn wire(&self) -> &Wire {
        &self.wire
    }

    /// The platform itself.
    pub fn platform(&self) -> &Platform {
        &self.platform
    }

    /// Starts to register an application: [`NewApplication::register`] ends it.
    pub fn application(&self, client_id: &str) -> NewApplication<'_> {
        NewApplication::new(self, client_id)
    }

    /// Registers a certificate that may ask for platform tokens (kind 2).
    pub async fn platform_certificate(&self, pem: &str) -> Result<(), TestkitError> {
        self.admin()?
            .register_certificate(&countersign_proto::management::NewCertificate {
                pem: pem.to_owned(),
                client_id: None,
                usage: countersign_proto::management::CertificateUsage::Platform,
                kid_alias: None,
            })
            .await?;
        Ok(())
    }

    /// A client of this platform, over its wire and on its clock.
    pub fn client(
        &self,
        client_id: &str,
        credential: impl Into<CredentialSource>,
    ) -> ClientBuilder {
        Client::builder(&self.issuer, client_id, credential)
            .transport(Arc::new(self.wire.clone()))
            .clock(Arc::new(self.clock.clone()))
    }

    /// The management API, as the first administrator. Its requests pass beside the faults and counts of the wire.
    pub fn admin(&self) -> Result<Admin, TestkitError> {
        let client = Client::builder(&self.issuer, ADMINISTRATOR, fixtures::administrator())
            .transport(Arc::new(self.quiet_wire()))
            .clock(Arc::new(self.clock.clone()))
            .build()?;
        Ok(Admin::new(client))
    }

    /// The claims of a token of this platform for `audience`, verified with its published keys.
    pub async fn claims(
        &self,
        token: &AccessToken,
        audience: &str,
    ) -> Result<TokenClaims, TestkitError> {
        let answer = self.fetch("/jwks.json").await?;
        let keys = JwkSet::parse_published(&answer)
            .map_err(|error| TestkitError::Answer(format!("key set: {error}")))?;
        let key_of = |kid: &str| {
            let jwk = keys.find(kid)?;
            Some((jwk.key.clone(), jwk.algorithm?))
        };
        TokenClaims::verify(
            token.expose(),
            key_of,
            &self.issuer,
            audience,
            self.clock.now(),
        )
        .map_err(|error| TestkitError::Answer(format!("token: {error:?}")))
    }

    /// Whether the platform still stands by a token (RFC 7662): what an API would be told that asks it.
    pub async fn is_active(&self, token: &AccessToken) -> Result<bool, TestkitError> {
        let caller = self.resource_of(token).await?;
        let endpoint = parsed(&format!("{}/oauth2/introspect", self.issuer))?;
        let mut request = TokenForm {
            token: Presented::new(token.expose().to_owned()),
            token_type_hint: None,
            client_assertion: None,
            client_id: None,
            client_address: None,
        }
        .to_http(&endpoint);
        countersign::authorize::authorize(&caller, &mut request).await?;
        let answer = self.wire.pass(request).await.map_err(unexpected)?;
        if answer.status() != http::StatusCode::OK {
            return Err(TestkitError::Answer(format!(
                "introspection answered {}",
                answer.status()
            )));
        }
        Introspection::active_from_json(answer.body()).map_err(unexpected)
    }

    /// A wire that nobody has told to misbehave.
    pub(crate) fn quiet_wire(&self) -> Wire {
        Wire::new(self.platform.router(), self.clock.clone())
    }

    /// An API that tokens like this one are for: an API learns about tokens of its own audience only.
    async fn resource_of(&self, token: &AccessToken) -> Result<Client, TestkitError> {
        let admin = self.admin()?;
        if admin.application(RESOURCE).await.is_err() {
            self.application(RESOURCE)
                .credential(fixtures::resource())
                .scope(INTROSPECT)
                .register()
                .await?;
        }
        let mut resource = admin.application(RESOURCE).await?;
        let audience = inspect(token.expose())
            .and_then(|token| Some(token.claims.get("aud")?.as_str()?.to_owned()))
            .filter(|audience| *audience != self.issuer);
        if resource.audience != audience {
            resource.audience = audience;
            admin.update_application(&resource).await?;
        }
        let transport: Arc<dyn Transport> = Arc::new(self.quiet_wire());
        Ok(self
            .client(RESOURCE, fixtures::resource())
            .transport(transport)
            .scope(Scope::parse(INTROSPECT).map_err(unexpected)?)
            .build()?)
    }

    async fn fetch(&self, path: &str) -> Result<bytes::Bytes, TestkitError> {
        let request = http::Request::get(format!("{}{path}", self.issuer))
            .body(Vec::new())
            .map_err(unexpected)?;
        Ok(self
            .wire
            .pass(request)
            .await
            .map_err(unexpected)?
            .into_body())
    }

    fn around(platform: Platform, issuer: String, clock: ManualClock) -> TestPlatform {
        TestPlatform {
            wire: Wire::new(platform.router(), clock.clone()),
            platform,
            issuer,
            clock,
            listening: None,
        }
    }
}

impl std::fmt::Debug for TestPlatform {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TestPlatform")
            .field("issuer", &self.issuer)
            .finish_non_exhaustive()
    }
}

impl std::fmt::Display for TestkitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            TestkitError::Start(error) => write!(f, "the test platform did not start: {error}"),
            TestkitError::Client(error) => write!(f, "{error}"),
            TestkitError::Io(error) => write!(f, "{error}"),
            TestkitError::Answer(problem) => write!(f, "{problem}"),
            TestkitError::Shares(percent) => {
                write!(f, "the shares of the chaos are {percent} % in all")
            }
        }
    }
}

impl std::error::Error for TestkitError {}

impl From<StartError> for TestkitError {
    fn from(error: StartError) -> Self {
        TestkitError::Start(error)
    }
}

impl From<countersign::Error> for TestkitError {
    fn from(error: countersign::Error) -> Self {
        TestkitError::Client(error)
    }
}

impl From<std::io::Error> for TestkitError {
    fn from(error: std::io::Error) -> Self {
        TestkitError::Io(error)
    }
}

/// A platform on a socket, until dropped.
struct Listening {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Listening {
    fn begin(listener: TcpListener, address: SocketAddr, router: axum::Router) -> Listening {
        let service = router.into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move {
            // Ends with the task; an accept error is retried inside.
            let _ = axum::serve(listener, service).await;
        });
        Listening { address, task }
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Settings whose first administrator is the fixture. The file lives until the platform has read it.
fn bootstrapped(
    mut settings: Settings,
) -> Result<(Settings, tempfile::NamedTempFile), TestkitError> {
    let mut file = tempfile::NamedTempFile::new()?;
    file.write_all(fixtures::ADMINISTRATOR_CERTIFICATE.as_bytes())?;
    settings.bootstrap = Some(Bootstrap {
        certificate: file.path().to_owned(),
        client_id: ADMINISTRATOR.to_owned(),
    });
    Ok((settings, file))
}

fn unlimited(issuer: Url) -> Settings {
    let mut settings = Settings::in_memory(issuer);
    settings.limits.per_source_per_minute = u32::MAX;
    settings.limits.api_per_source_per_minute = u32::MAX;
    settings.limits.per_client_per_minute = u32::MAX;
    settings.limits.failures_per_source_per_minute = u32::MAX;
    settings
}

/// An issuer without a path is written without the slash that a URL type adds.
fn issuer_of(settings: &Settings) -> String {
    settings.issuer.as_str().trim_end_matches('/').to_owned()
}

fn parsed(url: &str) -> Result<Url, TestkitError> {
    Url::parse(url).map_err(unexpected)
}

fn unexpected(error: impl std::fmt::Debug) -> TestkitError {
    TestkitError::Answer(format!("{error:?}"))
}
