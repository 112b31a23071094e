//! Do our client and our test server both speak as the conversations of `testdata/tachyon` go?
//!
//! Each is run twice: the client against exactly what stands there, and the test server asked exactly
//! what stands there.

mod script;
mod told;

use std::{sync::Arc, time::Duration};

use countersign::{
    Error, HttpTransport, SystemClock,
    proto::tachyon::Generation,
    tachyon::{TachyonClient, TachyonLogin, TachyonToken},
};
use serde_json::Value;

use self::{script::Scripted, told::Told};
use super::{Instead, Step, TachyonServer};
use crate::{Knobs, fixtures};

const APP: &str = "0c83091d-fc2f-40b5-8aca-940e4cf5f9b5";

/// All of them, by their names.
fn conversations() -> Vec<(String, Value)> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../testdata/tachyon");
    let files = std::fs::read_dir(folder).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let mut all: Vec<_> = files
        .filter(|file| file.extension().is_some_and(|end| end == "json"))
        .map(|file| {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(file).unwrap();
            (name, serde_json::from_str(&text).unwrap())
        })
        .collect();
    all.sort_by(|one, other| one.0.cmp(&other.0));
    assert!(all.len() >= 25, "{}", all.len());
    all
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn our_client_says_what_every_conversation_says_and_makes_of_it_what_is_expected() {
    for (name, conversation) in conversations() {
        let told = Told::by_the_book(&conversation);
        let server = Scripted::start(&conversation, told.clone()).await;
        let made = of_client(&conversation, &server).await;
        let expected = &conversation["expect"];
        match made {
            Ok(token) => {
                let wanted = told.filled(text(expected, "token"));
                assert_eq!(token.access_token().expose(), wanted, "{name}");
            }
            Err(error) => {
                let wanted = text(expected, "error");
                assert!(!wanted.is_empty(), "{name}: {error}");
                assert!(error.to_string().contains(wanted), "{name}: {error}");
            }
        }
        server.complete(&name).await;
    }
}

async fn of_client(conversation: &Value, server: &Scripted) -> Result<TachyonToken, Error> {
    let transport = HttpTransport::builder().build().unwrap();
    if text(conversation, "signs_in") == "person" {
        let clock = Arc::new(SystemClock);
        let mut login = TachyonLogin::begin(server.url(), "Explorer", transport, clock).await?;
        assert_eq!(login.url().as_str(), server.told("address"));
        return login.token().await;
    }
    let client = TachyonClient::builder(server.url(), APP, fixtures::service_rsa())
        .consumer("Explorer")
        .transport(Arc::new(transport))
        .deadline(Duration::from_secs(20))
        .build()?;
    let token = client.token().await?;
    if conversation["expect"]["logged_out"] == true {
        client.log_out(&token).await?;
    }
    Ok(token)
}

#[tokio::test(flavor = "multi_thread")]
async fn our_test_server_answers_what_every_conversation_answers() {
    for (name, conversation) in conversations() {
        let generation = match text(&conversation, "generation") {
            "poll" => Generation::Poll,
            _ => Generation::WebSocket,
        };
        let server = TachyonServer::start(generation).await.unwrap();
        let wanted = &conversation["server"];
        server.set(|knobs| turn(knobs, wanted));
        if wanted["registered"] != false {
            server.register(APP, &fixtures::service_rsa());
        }
        let told = Told::of_server(server.url(), &server.token_endpoint());
        script::play_client(&name, &conversation, &server, &told).await;
    }
}

/// What a conversation wants of the test server.
fn turn(knobs: &mut Knobs, wanted: &Value) {
    if wanted["shape"] == "array" {
        knobs.shape = countersign::proto::tachyon::Shape::ArrayOfOne;
    }
    let number = wanted["frame_bytes"].as_u64();
    knobs.frame_bytes = number.map(|number| usize::try_from(number).unwrap());
    knobs.api_is_elsewhere = wanted["elsewhere"] == true;
    knobs.token = wanted["token"].as_str().map(told::letters);
    for (step, instead) in wanted["instead"].as_object().into_iter().flatten() {
        let step = match step.as_str() {
            "Address" => Step::Address,
            "SocketToken" => Step::SocketToken,
            "Check" => Step::Check,
            "Token" => Step::Token,
            "Exchange" => Step::Exchange,
            "MetadataEndpoint" => Step::MetadataEndpoint,
            other => panic!("{other}"),
        };
        let status = instead["status"].as_u64();
        let instead = match (instead["body"].as_str(), status) {
            (Some(body), _) => Instead::Body(body.as_bytes().to_vec()),
            (None, Some(status)) => Instead::Status(u16::try_from(status).unwrap()),
            (None, None) => Instead::Close,
        };
        knobs.instead.insert(step, instead);
    }
}
