//! What does every test here stand on? One platform in memory, its clock, and certificates.

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    Router,
    body::Body,
    extract::ConnectInfo,
    http::{HeaderMap, Method, Request, StatusCode, header},
};
use countersign_proto::{
    assertion::{Assertion, PLATFORM_CLIENT_ID},
    certificate::{Certificate, CertificateChain},
    exchange::{JWT_BEARER_ASSERTION_TYPE, JWT_BEARER_GRANT},
    json::{Map, Value},
    jws::SigningInput,
    key::{Algorithm, LocalKey, SigningKey as _},
    management::{Application, CertificateUsage, NewCertificate, Principal, PrincipalMapping},
    time::UnixTime,
};
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use super::clock::HandClock;
use crate::{
    Change, Clock as _, Platform, Rules,
    config::Settings,
    registry::CertificateEntry,
    store::{MemoryStore, NewAuditEntry, Outcome, Store},
};

pub(super) const ISSUER: &str = "https://platform.example";
const FIRST_KEY: &str = "key.activate";
pub(super) const TOKEN: &str = "/oauth2/token";
/// 2026-11-22T08:30:00Z.
pub(super) const NOW: u64 = 1_795_336_200;

/// A certificate and its key.
pub(super) struct Identity {
    pub(super) chain: CertificateChain,
    pub(super) key: LocalKey,
    pub(super) pem: String,
}

impl Identity {
    /// A fresh P-256 certificate, valid from 2020 to 2099.
    pub(super) fn fresh(name: &str) -> Identity {
        Identity::valid(name, 2020, 2099)
    }

    pub(super) fn valid(name: &str, from: i32, to: i32) -> Identity {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        parameters.not_before = rcgen::date_time_ymd(from, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(to, 1, 1);
        let pem = parameters.self_signed(&key).unwrap().pem();
        Identity::read(&pem, &key.serialize_pem())
    }

    pub(super) fn read(pem: &str, key: &str) -> Identity {
        let leaf = Certificate::all_from_pem(pem).unwrap().remove(0);
        Identity {
            pem: leaf.to_pem(),
            chain: CertificateChain::new(leaf, Vec::new()),
            key: LocalKey::from_pem(key).unwrap(),
        }
    }

    pub(super) fn id(&self) -> String {
        self.chain.leaf().sha256().to_hex().to_ascii_lowercase()
    }

    pub(super) fn algorithm(&self) -> Algorithm {
        self.key.public_key().algorithms()[0]
    }
}

/// An answer, read whole.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Answer {
    pub(super) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|_| panic!("no JSON: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(super) fn member(&self, name: &str) -> String {
        self.json()[name].as_str().unwrap_or_default().to_owned()
    }

    /// The access token; panics with the refusal when there is none.
    #[track_caller]
    pub(super) fn token(&self) -> String {
        assert_eq!(self.status, StatusCode::OK, "{}", self.json());
        self.member("access_token")
    }

    #[track_caller]
    pub(super) fn refused(&self, error: &str, reason: &str) {
        let json = self.json();
        assert_eq!(json["error"], error, "{json}");
        assert_eq!(
            json["reason"].as_str().unwrap_or_default(),
            reason,
            "{json}"
        );
        assert!(
            (400..500).contains(&self.status.as_u16()),
            "{}",
            self.status
        );
    }
}

/// One platform and everything to ask it with.
pub(super) struct World {
    pub(super) platform: Platform,
    pub(super) store: Arc<dyn Store>,
    pub(super) router: Router,
    clock: Arc<HandClock>,
    jti: AtomicU64,
    /// Kept while the world stands: its secrets are in there.
    _folder: Option<tempfile::TempDir>,
}

impl World {
    pub(super) async fn new() -> World {
        World::with(|_| {}).await
    }

    pub(super) async fn with(change: impl FnOnce(&mut Settings)) -> World {
        let mut settings = Settings::in_memory(ISSUER.parse().unwrap());
        settings.limits.per_source_per_minute = 100_000;
        settings.limits.api_per_source_per_minute = 100_000;
        settings.limits.per_client_per_minute = 100_000;
        settings.limits.failures_per_source_per_minute = 100_000;
        change(&mut settings);
        let rules = Rules {
            shared_certificate: settings.lab_shared_certificate,
        };
        World::on(settings, Arc::new(MemoryStore::new(rules))).await
    }

    pub(super) async fn on(settings: Settings, store: Arc<dyn Store>) -> World {
        World::at(settings, store, Arc::new(HandClock::turned_by_hand())).await
    }

    /// With secrets that another platform on the same store can read too.
    pub(super) async fn with_secrets_file() -> World {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secrets");
        let mut world = World::with(|settings| settings.secrets_file = Some(file)).await;
        world._folder = Some(folder);
        world
    }

    /// Another platform on the same store, with the same clock.
    pub(super) async fn beside(&self, settings: Settings) -> World {
        World::at(settings, self.store.clone(), self.clock.clone()).await
    }

    pub(super) async fn at(
        settings: Settings,
        store: Arc<dyn Store>,
        clock: Arc<HandClock>,
    ) -> World {
        let platform = Platform::with_store(settings, store.clone(), clock.clone())
            .await
            .unwrap();
        World::around(platform, clock)
    }

    /// Around a platform that was made with this clock.
    pub(super) fn around(platform: Platform, clock: Arc<HandClock>) -> World {
        let store = platform.store().clone();
        let router = platform.router();
        World {
            platform,
            store,
            router,
            clock,
            jti: AtomicU64::new(0),
            _folder: None,
        }
    }

    pub(super) fn now(&self) -> UnixTime {
        self.clock.now()
    }

    pub(super) fn advance(&self, seconds: u64) {
        self.clock.advance(seconds);
    }

    pub(super) fn set_back(&self, seconds: u64) {
        self.clock.set_back(seconds);
    }

    pub(super) async fn change(&self, change: Change) {
        let entry = NewAuditEntry {
            at: self.now(),
            actor: "test".to_owned(),
            subject: "test".to_owned(),
            action: "test",
            outcome: Outcome::Ok,
            token_id: None,
            certificate: None,
            address: None,
            reason: None,
        };
        self.store.change(change, entry).await.unwrap();
        self.platform.refresh_registry().await.unwrap();
    }

    /// An application `client_id` with a fresh certificate, mapped to these principals.
    pub(super) async fn application(&self, client_id: &str, principals: &[&str]) -> Identity {
        let identity = Identity::fresh(client_id);
        self.application_of(application(client_id), &identity, principals)
            .await;
        identity
    }

    pub(super) async fn application_of(
        &self,
        application: Application,
        identity: &Identity,
        principals: &[&str],
    ) {
        let client_id = application.client_id.clone();
        self.change(Change::CreateApplication(application)).await;
        self.register(&client_id, identity).await;
        for principal in principals {
            self.principal(principal, &[]).await;
            self.map(&client_id, identity, principal).await;
        }
    }

    pub(super) async fn register(&self, client_id: &str, identity: &Identity) {
        let usage = if client_id == PLATFORM_CLIENT_ID {
            CertificateUsage::Platform
        } else {
            CertificateUsage::Client
        };
        let asked = NewCertificate {
            pem: identity.pem.clone(),
            client_id: Some(client_id.to_owned()),
            usage,
            kid_alias: None,
        };
        let record = CertificateEntry::new(&asked).unwrap().record;
        self.change(Change::RegisterCertificate(record)).await;
    }

    pub(super) async fn principal(&self, name: &str, roles: &[&str]) {
        if self.platform.registry().principal(name).is_some() {
            return;
        }
        self.change(Change::CreatePrincipal(principal(name, roles)))
            .await;
    }

    pub(super) async fn map(&self, client_id: &str, identity: &Identity, principal: &str) {
        self.change(Change::CreateMapping(PrincipalMapping {
            id: format!("{client_id}-{principal}-{}", &identity.id()[..8]),
            certificate: identity.id(),
            client_id: client_id.to_owned(),
            principal: principal.to_owned(),
            is_default: false,
        }))
        .await;
    }

    pub(super) async fn revoke(&self, identity: &Identity) {
        self.change(Change::RevokeCertificate {
            sha256: identity.id(),
            at: self.now(),
            reason: "test".to_owned(),
        })
        .await;
    }

    /// A platform component with its certificate.
    pub(super) async fn component(&self) -> Identity {
        let identity = Identity::fresh("component");
        self.register(PLATFORM_CLIENT_ID, &identity).await;
        identity
    }

    /// Somebody with roles: his application, certificate and a token for the platform.
    pub(super) async fn bearer(&self, name: &str, roles: &[&str]) -> String {
        self.principal(name, roles).await;
        let client_id = format!("client-of-{name}");
        let identity = self.application(&client_id, &[name]).await;
        self.exchange(&self.assertion(&client_id, &identity), "")
            .await
            .token()
    }

    pub(super) fn next_jti(&self) -> String {
        format!("jti-{:016}", self.jti.fetch_add(1, Ordering::SeqCst))
    }

    pub(super) fn assertion(&self, client_id: &str, identity: &Identity) -> String {
        self.sign(&Assertion::client(client_id, ISSUER), identity)
    }

    pub(super) fn platform_assertion(&self, identity: &Identity) -> String {
        self.sign(&Assertion::platform(ISSUER), identity)
    }

    pub(super) fn sign(&self, assertion: &Assertion, identity: &Identity) -> String {
        assertion
            .mint(
                &identity.chain,
                &identity.key,
                identity.algorithm(),
                self.now(),
                &self.next_jti(),
            )
            .unwrap()
            .expose()
            .to_owned()
    }

    /// The claims of a good assertion, to be spoilt.
    pub(super) fn claims(&self, client_id: &str) -> Value {
        let now = self.now().as_secs();
        serde_json::json!({
            "iss": client_id, "sub": client_id, "aud": ISSUER,
            "iat": now, "nbf": now, "exp": now + 60, "jti": self.next_jti(),
        })
    }

    /// Signs whatever is given, by the default header with changes.
    pub(super) fn sign_raw(&self, header: Value, claims: &Value, identity: &Identity) -> String {
        let mut members: Map<String, Value> = Map::new();
        members.insert("alg".into(), identity.algorithm().name().into());
        members.insert("kid".into(), identity.chain.leaf().sha1().to_hex().into());
        members.insert("typ".into(), "client-authentication+jwt".into());
        if let Value::Object(changes) = header {
            for (name, value) in changes {
                if value.is_null() {
                    members.remove(&name);
                } else {
                    members.insert(name, value);
                }
            }
        }
        let input = SigningInput::encode(&members, claims.as_object().unwrap());
        let signature = identity
            .key
            .sign(identity.algorithm(), input.as_bytes())
            .unwrap();
        input.finish(&signature)
    }

    /// A kind 1 request; `more` is added to the form.
    pub(super) async fn exchange(&self, assertion: &str, more: &str) -> Answer {
        self.post(TOKEN, &client_credentials(assertion, more)).await
    }

    /// A kind 2 request.
    pub(super) async fn exchange_platform(&self, assertion: &str, more: &str) -> Answer {
        let form = format!("grant_type={JWT_BEARER_GRANT}&assertion={assertion}{more}");
        self.post(TOKEN, &form).await
    }

    pub(super) async fn post(&self, path: &str, form: &str) -> Answer {
        self.send(form_request(path, form)).await
    }

    pub(super) async fn introspect(&self, bearer: &str, token: &str) -> Answer {
        let mut request = form_request("/oauth2/introspect", &format!("token={token}"));
        authorize(&mut request, bearer);
        self.send(request).await
    }

    /// A request of the management API.
    pub(super) async fn api(
        &self,
        method: Method,
        path: &str,
        bearer: &str,
        body: Option<Value>,
    ) -> Answer {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/{path}"))
            .header(header::CONTENT_TYPE, "application/json")
            .body(body.map_or_else(Body::empty, |body| Body::from(body.to_string())))
            .unwrap();
        authorize(&mut request, bearer);
        self.send(request).await
    }

    pub(super) async fn send(&self, mut request: Request<Body>) -> Answer {
        let peer = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), 40_000);
        if request
            .extensions()
            .get::<ConnectInfo<SocketAddr>>()
            .is_none()
        {
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes().to_vec();
        Answer {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// Actions and reasons in the audit, newest first, but for the test's own preparations.
    pub(super) async fn audited(&self) -> Vec<(String, Option<String>)> {
        let page = self.store.audit(None, 500).await.unwrap();
        page.items
            .into_iter()
            .filter(|entry| entry.actor != "test")
            // The first signing key was made before anything else.
            .filter(|entry| (entry.actor.as_str(), entry.action.as_str()) != ("system", FIRST_KEY))
            .map(|entry| (entry.action, entry.reason))
            .collect()
    }
}

pub(super) fn application(client_id: &str) -> Application {
    Application {
        scopes: vec!["introspect".to_owned(), "orders".to_owned()],
        ..Application::new(client_id)
    }
}

pub(super) fn principal(name: &str, roles: &[&str]) -> Principal {
    Principal {
        name: name.to_owned(),
        display_name: String::new(),
        roles: roles.iter().map(|role| (*role).to_owned()).collect(),
        enabled: true,
        password_set_at: None,
    }
}

pub(super) fn client_credentials(assertion: &str, more: &str) -> String {
    format!(
        "grant_type=client_credentials&client_assertion_type={JWT_BEARER_ASSERTION_TYPE}\
         &client_assertion={assertion}{more}"
    )
}

pub(super) fn form_request(path: &str, form: &str) -> Request<Body> {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()))
        .unwrap()
}

pub(super) fn authorize(request: &mut Request<Body>, bearer: &str) {
    if !bearer.is_empty() {
        let value = format!("Bearer {bearer}").parse().unwrap();
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
}

/// The claims of a token, read and not verified.
pub(super) fn claims_of(token: &str) -> Map<String, Value> {
    countersign_proto::token::inspect(token).unwrap().claims
}

/// How long an assertion lives here.
pub(super) fn living(mut assertion: Assertion, seconds: u64) -> Assertion {
    assertion.lifetime = Duration::from_secs(seconds);
    assertion
}
