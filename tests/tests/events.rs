//! Does a receiver hear what happened at a real platform, and can it believe it?

use axum::{Router, body::Bytes, extract::State, http::HeaderMap, routing::post};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use http::Request;
use serde_json::Value;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::parts::{self, serving::Site};

/// A delivery as it came.
struct Delivery {
    body: Bytes,
    signature: String,
    name: String,
}

/// A receiver on loopback, for as long as the test runs: its address, and what it takes.
async fn receiver() -> (String, UnboundedReceiver<Delivery>) {
    async fn take(
        State(sender): State<UnboundedSender<Delivery>>,
        headers: HeaderMap,
        body: Bytes,
    ) {
        let header = |name: &str| headers[name].to_str().unwrap().to_owned();
        assert_eq!(header("content-type"), "application/json");
        let delivery = Delivery {
            body,
            signature: header("countersign-signature"),
            name: header("countersign-event"),
        };
        sender.send(delivery).unwrap();
    }
    let (sender, deliveries) = unbounded_channel();
    let router = Router::new().route("/hook", post(take)).with_state(sender);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/hook", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, deliveries)
}

fn line(body: &[u8], signature: &str) -> String {
    let body = URL_SAFE_NO_PAD.encode(body);
    format!(
        "{}\n",
        serde_json::json!({ "body": body, "signature": signature })
    )
}

#[tokio::test]
async fn node_jose_believes_the_events_that_a_platform_delivers_and_no_damaged_one() {
    let (url, mut deliveries) = receiver().await;
    let more = format!(
        "[events]\nwebhook = \"{url}\"\n[lab]\nshared_certificate = true\n\
         [limits]\nfailures_per_source_per_minute = 60\n"
    );
    let site = Site::with("memory:", &more);
    let _running = site.start().await;
    let transport = site.transport();
    let form = "grant_type=client_credentials&client_id=nobody&client_assertion_type=\
                urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion=x";
    let request = Request::post(format!("{}/oauth2/token", site.issuer()))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(form.as_bytes().to_vec())
        .unwrap();
    assert_eq!(transport.send(request).await.unwrap().status(), 400);

    let mut taken = Vec::new();
    while taken.len() < 3 {
        taken.push(deliveries.recv().await.unwrap());
    }
    let names: Vec<&str> = taken.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(
        names,
        ["settings.weak", "settings.weak", "authentication.refused"]
    );

    let [first, second, third] = &taken[..] else {
        panic!("three");
    };
    let mut lines: String = taken
        .iter()
        .map(|it| line(&it.body, &it.signature))
        .collect();
    // Another body, another header, no signature, one that was there already.
    lines.push_str(&line(&second.body, &first.signature));
    let (_, signature) = first.signature.rsplit_once('.').unwrap();
    let (header, _) = third.signature.split_once('.').unwrap();
    lines.push_str(&line(&third.body, &format!("{header}..{signature}")));
    lines.push_str(&line(&third.body, &format!("{header}..")));
    lines.push_str(&line(&first.body, &first.signature));

    let request = Request::get(format!("{}/jwks.json", site.issuer())).body(Vec::new());
    let jwks = transport.send(request.unwrap()).await.unwrap();
    let jwks = String::from_utf8(jwks.body().to_vec()).unwrap();
    let now = header_of(first)["iat"].to_string();
    let answers = parts::node(
        "event-verify.mjs",
        &[site.issuer(), &url, &now, &jwks],
        &lines,
    );
    let answers: Vec<Value> = answers
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(answers.len(), 7, "{answers:?}");
    let members: Vec<&Value> = answers[..3].iter().map(|it| &it["subject"]).collect();
    assert_eq!(
        members,
        ["lab.shared_certificate", "store.url", "oauth2/token"],
        "{answers:?}"
    );
    assert_eq!(answers[2]["address"], "127.0.0.1");
    for damaged in &answers[3..6] {
        assert_eq!(damaged["error"], "signature verification failed");
    }
    assert_eq!(answers[6]["error"], "seen before");

    // The same deliveries are nothing for another receiver, another platform, or a week later.
    let lines = line(&first.body, &first.signature);
    let week_later = (header_of(first)["iat"].as_u64().unwrap() + 604_800).to_string();
    let elsewhere = "http://127.0.0.1/elsewhere";
    for (arguments, error) in [
        ([elsewhere, &url, &now, &jwks], "not from our platform"),
        ([site.issuer(), elsewhere, &now, &jwks], "not for us"),
        ([site.issuer(), &url, &week_later, &jwks], "too old"),
    ] {
        let answer = parts::node("event-verify.mjs", &arguments, &lines);
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["error"], error);
    }
}

/// The protected header of a delivery.
fn header_of(delivery: &Delivery) -> Value {
    let (header, _) = delivery.signature.split_once('.').unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}
