//! What does the server say in these tests, and what time is it there?

use std::{
    collections::BTreeMap,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use countersign_proto::{
    certificate::{Certificate, CertificateChain},
    key::{LocalKey, SigningKey},
    time::UnixTime,
    token::{UnverifiedToken, inspect},
};
use serde_json::{Value, json};
use url::Url;

use crate::{Client, ClientBuilder, Clock, Credential, Transport, TransportError};

pub(crate) const ISSUER: &str = "https://platform.example";
pub(crate) const APP: &str = "inventory";
/// 2027-01-15T08:00:00Z.
pub(crate) const START: u64 = 1_800_000_000;

/// Tokio's paused time, with a wall clock that can be set.
pub(crate) struct TestClock {
    start: tokio::time::Instant,
    off: AtomicI64,
}

impl TestClock {
    pub(crate) fn new() -> Arc<TestClock> {
        Arc::new(TestClock {
            start: tokio::time::Instant::now(),
            off: AtomicI64::new(0),
        })
    }

    /// Sets the wall clock wrong by so many seconds.
    pub(crate) fn set_off(&self, seconds: i64) {
        self.off.store(seconds, Ordering::SeqCst);
    }
}

impl Clock for TestClock {
    fn now(&self) -> UnixTime {
        let seconds = START + self.start.elapsed().as_secs();
        UnixTime::from_secs(seconds.saturating_add_signed(self.off.load(Ordering::SeqCst)))
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep(&self, duration: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep(duration))
    }
}

/// A request as the server saw it.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) method: http::Method,
    pub(crate) url: Url,
    pub(crate) headers: http::HeaderMap,
    pub(crate) form: BTreeMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    /// The assertion, of whichever grant, decoded and not verified.
    pub(crate) fn assertion(&self) -> UnverifiedToken {
        let text = self
            .form
            .get("client_assertion")
            .or(self.form.get("assertion"))
            .expect("no assertion");
        inspect(text).expect("no JWT")
    }

    pub(crate) fn claim(&self, name: &str) -> Value {
        self.assertion()
            .claims
            .get(name)
            .cloned()
            .expect("no claim")
    }

    /// The DPoP proof, decoded and not verified.
    pub(crate) fn proof(&self) -> UnverifiedToken {
        inspect(self.headers["DPoP"].to_str().unwrap()).expect("no JWT")
    }
}

/// What comes back.
pub(crate) enum Answer {
    Is(http::Response<Bytes>),
    /// After so long.
    Later(Duration, http::Response<Bytes>),
    Fails(TransportError),
    Hangs,
}

type Script = dyn FnMut(usize, &Asked) -> Answer + Send;

/// A server that says what it is told to say.
pub(crate) struct Scripted {
    metadata: Mutex<Box<Script>>,
    script: Mutex<Box<Script>>,
    discoveries: AtomicUsize,
    asked: Mutex<Vec<Asked>>,
}

impl Scripted {
    /// Answers each request but discovery; the number of the first is 1.
    pub(crate) fn new(
        script: impl FnMut(usize, &Asked) -> Answer + Send + 'static,
    ) -> Arc<Scripted> {
        Scripted::with_metadata(|_, _| Answer::Is(ok(&metadata())), script)
    }

    pub(crate) fn with_metadata(
        metadata: impl FnMut(usize, &Asked) -> Answer + Send + 'static,
        script: impl FnMut(usize, &Asked) -> Answer + Send + 'static,
    ) -> Arc<Scripted> {
        Arc::new(Scripted {
            metadata: Mutex::new(Box::new(metadata)),
            script: Mutex::new(Box::new(script)),
            discoveries: AtomicUsize::new(0),
            asked: Mutex::new(Vec::new()),
        })
    }

    /// One token after the other: `token-1`, `token-2`, each for 900 s.
    pub(crate) fn generous() -> Arc<Scripted> {
        Scripted::new(|number, _| Answer::Is(granted(&format!("token-{number}"))))
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    pub(crate) fn count(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    pub(crate) fn discoveries(&self) -> usize {
        self.discoveries.load(Ordering::SeqCst)
    }

    fn answer(&self, asked: &Asked) -> Answer {
        if asked.url.path().contains("/.well-known/") {
            let number = self.discoveries.fetch_add(1, Ordering::SeqCst) + 1;
            return (self.metadata.lock().unwrap())(number, asked);
        }
        let number = {
            let mut log = self.asked.lock().unwrap();
            log.push(asked.clone());
            log.len()
        };
        (self.script.lock().unwrap())(number, asked)
    }
}

impl Transport for Scripted {
    fn send(
        &self,
        request: http::Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<http::Response<Bytes>, TransportError>> + Send + '_>>
    {
        Box::pin(async move {
            let (parts, body) = request.into_parts();
            let asked = Asked {
                method: parts.method,
                url: Url::parse(&parts.uri.to_string()).unwrap(),
                headers: parts.headers,
                form: url::form_urlencoded::parse(&body).into_owned().collect(),
                body,
            };
            // A real one does not answer before others had their turn.
            tokio::task::yield_now().await;
            match self.answer(&asked) {
                Answer::Is(response) => Ok(response),
                Answer::Later(wait, response) => {
                    tokio::time::sleep(wait).await;
                    Ok(response)
                }
                Answer::Fails(error) => Err(error),
                Answer::Hangs => std::future::pending().await,
            }
        })
    }
}

pub(crate) fn metadata() -> Value {
    json!({
        "issuer": ISSUER,
        "token_endpoint": "https://platform.example/oauth2/token",
        "jwks_uri": "https://platform.example/jwks.json",
        "introspection_endpoint": "https://platform.example/oauth2/introspect",
        "revocation_endpoint": "https://platform.example/oauth2/revoke",
        "response_types_supported": [],
        "countersign_api": "https://platform.example/api/v1",
    })
}

pub(crate) fn ok(body: &Value) -> http::Response<Bytes> {
    answer(200, body)
}

pub(crate) fn answer(status: u16, body: &Value) -> http::Response<Bytes> {
    http::Response::builder()
        .status(status)
        .header("Content-Type", "application/json")
        .body(Bytes::from(body.to_string()))
        .unwrap()
}

pub(crate) fn granted(token: &str) -> http::Response<Bytes> {
    ok(
        &json!({ "access_token": token, "token_type": "Bearer", "expires_in": 900, "kind": 1, "principal": "warehouse" }),
    )
}

pub(crate) fn refused(status: u16, code: &str) -> http::Response<Bytes> {
    answer(status, &json!({ "error": code }))
}

pub(crate) fn with_header(
    mut response: http::Response<Bytes>,
    name: &'static str,
    value: &str,
) -> http::Response<Bytes> {
    response
        .headers_mut()
        .insert(name, http::HeaderValue::from_str(value).unwrap());
    response
}

/// A self-signed P-256 certificate with its key.
pub(crate) struct Pair {
    pub(crate) certificate_pem: String,
    pub(crate) key_pem: String,
}

impl Pair {
    pub(crate) fn new(name: &str) -> Pair {
        Pair::valid(name, (2020, 2099))
    }

    /// Valid from the first day of a year to the first day of another.
    pub(crate) fn valid(name: &str, years: (i32, i32)) -> Pair {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::default();
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        parameters.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        parameters.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let certificate = parameters.self_signed(&key).unwrap();
        Pair {
            certificate_pem: certificate.pem(),
            key_pem: key.serialize_pem(),
        }
    }

    pub(crate) fn chain(&self) -> CertificateChain {
        let leaf = Certificate::all_from_pem(&self.certificate_pem)
            .unwrap()
            .remove(0);
        CertificateChain::new(leaf, Vec::new())
    }

    pub(crate) fn credential(&self) -> Credential {
        let key: Arc<dyn SigningKey> = Arc::new(LocalKey::from_pem(&self.key_pem).unwrap());
        Credential::new(self.chain(), key).unwrap()
    }

    /// Writes both into one file.
    pub(crate) fn write(&self, file: &std::path::Path) {
        std::fs::write(file, format!("{}{}", self.certificate_pem, self.key_pem)).unwrap();
    }
}

/// A client of that server, by that clock, with a certificate of its own.
pub(crate) fn builder(server: &Arc<Scripted>, clock: &Arc<TestClock>) -> ClientBuilder {
    Client::builder(ISSUER, APP, Pair::new("Corellian").credential())
        .transport(Arc::clone(server) as Arc<dyn Transport>)
        .clock(Arc::clone(clock) as Arc<dyn Clock>)
}

pub(crate) fn client(server: &Arc<Scripted>) -> Client {
    builder(server, &TestClock::new()).build().unwrap()
}
