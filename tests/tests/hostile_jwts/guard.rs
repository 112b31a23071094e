//! Is any hostile token believed by the guard, and is each refused for its own reason?

use std::{
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use countersign::proto::{
    jwt::{PublishedKey, TrustedKeys, key_set},
    time::UnixTime,
};
use countersign_guard::{Clock, Guard, Refusal, Transport, TransportError};
use countersign_tests::hostile::{API, Hostile, ISSUER, Issuer, NOW, reason};
use http::{HeaderValue, Request, Response, request::Parts};
use serde_json::json;

use super::at_bounded_cost;

// security.md 1 to 10, 12, 14 to 17, 19 to 23, 30 to 34: the guard, by keys that it was given
#[tokio::test]
async fn a_guard_with_given_keys_refuses_every_hostile_token_for_its_reason() {
    let mut count = 0;
    for issuer in Issuer::all() {
        let guard = Guard::builder(ISSUER)
            .audience(API)
            .accept_audience_lists()
            .keys(TrustedKeys::of(issuer.signer()))
            .clock(Arc::new(Still))
            .build()
            .unwrap();
        count += refuses_all(&guard, &issuer).await;
    }
    assert!(count > 3_000, "{count}");
}

// security.md 17: the same by keys that the issuer publishes, and nothing else is fetched
#[tokio::test]
async fn a_guard_that_fetches_keys_refuses_every_hostile_token_for_its_reason() {
    let mut count = 0;
    for issuer in Issuer::all() {
        let Some(published) = PublishedKey::of_signer(issuer.signer()) else {
            continue;
        };
        let publishes = Arc::new(Publishes {
            keys: key_set(&[published]).unwrap().to_string(),
            elsewhere: AtomicUsize::new(0),
        });
        let guard = Guard::builder(ISSUER)
            .audience(API)
            .accept_audience_lists()
            .transport(Arc::clone(&publishes) as Arc<dyn Transport>)
            .clock(Arc::new(Still))
            .build()
            .unwrap();
        count += refuses_all(&guard, &issuer).await;
        assert_eq!(publishes.elsewhere.load(Ordering::SeqCst), 0);
    }
    assert!(count > 2_000, "{count}");
}

/// How many there were.
async fn refuses_all(guard: &Guard, issuer: &Issuer) -> usize {
    let algorithm = issuer.signer().algorithm();
    let good = bearer(&issuer.good()).unwrap();
    assert!(guard.check(&good).await.is_ok(), "{algorithm}");
    let all = issuer.hostile();
    for hostile in &all {
        let shown: String = hostile.token.chars().take(2_000).collect();
        let Some(request) = bearer(&hostile.token) else {
            assert_eq!(hostile.why, "Character", "{shown}");
            continue;
        };
        at_bounded_cost(&hostile.token, || {
            drop(guard.check_at_once(&request));
        });
        let refusal = match guard.check(&request).await {
            Ok(_) => panic!("{algorithm} accepted: {shown}"),
            Err(refusal) => refusal,
        };
        let why = hostile.why;
        assert!(
            is_that(hostile, &refusal),
            "{algorithm}: {why}, {refusal:?}: {shown}"
        );
        // What is written to a log is never the token.
        assert!(hostile.token.len() < 100 || !refusal.to_string().contains(&hostile.token));
    }
    assert!(guard.check(&good).await.is_ok(), "{algorithm}");
    all.len()
}

/// The guard looks at the request, at the form, and at who the issuer is before anything else.
fn is_that(hostile: &Hostile, refusal: &Refusal) -> bool {
    match refusal {
        Refusal::Token(why) => reason(why) == hostile.why,
        Refusal::Issuer => matches!(hostile.why, "Value iss" | "Claim iss"),
        Refusal::Missing | Refusal::Malformed => {
            matches!(hostile.why, "Character" | "TooLarge" | "Segments")
        }
        // What has another number of segments may be for its issuer alone, and so may what a secret signed.
        Refusal::Opaque => matches!(hostile.why, "Segments" | "TooLarge" | "Algorithm"),
        // A key that nobody knows may be one that is published next.
        Refusal::Unavailable { .. } => hostile.why == "UnknownKey",
        _ => false,
    }
}

/// The head of a request with this token; none when HTTP takes no such header, or takes a space around
/// the token for one of its own (RFC 9110 §11.4).
fn bearer(token: &str) -> Option<Parts> {
    if token != token.trim_matches(' ') {
        return None;
    }
    let value = HeaderValue::from_bytes(format!("Bearer {token}").as_bytes()).ok()?;
    let request = Request::get("/orders")
        .header("authorization", value)
        .body(());
    Some(request.unwrap().into_parts().0)
}

struct Still;

impl Clock for Still {
    fn now(&self) -> UnixTime {
        NOW
    }

    fn sleep(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

/// An issuer that publishes its metadata and its keys, and counts whatever else it is asked.
struct Publishes {
    keys: String,
    elsewhere: AtomicUsize,
}

impl Transport for Publishes {
    fn send(
        &self,
        request: Request<Vec<u8>>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, TransportError>> + Send + '_>> {
        let metadata = json!({"issuer": ISSUER, "token_endpoint": format!("{ISSUER}/token"),
            "jwks_uri": format!("{ISSUER}/jwks.json")});
        let asked = request.uri().to_string();
        let (status, body) = match asked.strip_prefix(ISSUER) {
            Some("/.well-known/oauth-authorization-server") => (200, metadata.to_string()),
            Some("/jwks.json") => (200, self.keys.clone()),
            _ => {
                self.elsewhere.fetch_add(1, Ordering::SeqCst);
                (404, String::new())
            }
        };
        let answer = Response::builder()
            .status(status)
            .header("content-type", "application/json")
            .body(Bytes::from(body))
            .unwrap();
        Box::pin(async move { Ok(answer) })
    }
}
