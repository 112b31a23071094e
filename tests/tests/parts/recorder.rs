//! What does a client send to a token endpoint?

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use axum::{Router, body::Bytes, extract::State, response::Response};
use countersign::proto::token::inspect;
use serde_json::{Map, Value, json};
use tokio::task::JoinHandle;

/// A token endpoint on a free port of loopback, which gives everybody a token. Ends when dropped.
pub(crate) struct Recorder {
    /// Its address.
    pub(crate) endpoint: String,
    asked: Arc<Mutex<Vec<Asked>>>,
    serving: JoinHandle<()>,
}

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    /// The form, but for the assertion.
    pub(crate) form: BTreeMap<String, String>,
    /// The assertion's header and claims.
    pub(crate) header: Map<String, Value>,
    pub(crate) claims: Map<String, Value>,
}

impl Recorder {
    pub(crate) async fn start() -> Recorder {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
            .await
            .expect("a free port");
        let endpoint = format!("http://{}/", listener.local_addr().expect("an address"));
        let asked = Arc::new(Mutex::new(Vec::new()));
        let router = Router::new().fallback(give).with_state(asked.clone());
        let serving =
            tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Recorder {
            endpoint,
            asked,
            serving,
        }
    }

    /// Takes the one request that was made.
    pub(crate) fn asked(&self) -> Asked {
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(asked.len(), 1, "one request: {asked:?}");
        asked.remove(0)
    }
}

async fn give(State(asked): State<Arc<Mutex<Vec<Asked>>>>, body: Bytes) -> Response<String> {
    let mut form: BTreeMap<String, String> =
        url::form_urlencoded::parse(&body).into_owned().collect();
    let assertion = form.remove("client_assertion").expect("an assertion");
    let assertion = inspect(&assertion).expect("a JWT");
    let mut asked = asked.lock().unwrap_or_else(PoisonError::into_inner);
    asked.push(Asked {
        form,
        header: assertion.header,
        claims: assertion.claims,
    });
    let token = json!({"access_token": "given", "token_type": "Bearer", "expires_in": 600});
    let mut answer = Response::new(token.to_string());
    let json = http::HeaderValue::from_static("application/json");
    answer
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, json);
    answer
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
