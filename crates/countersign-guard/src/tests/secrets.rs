//! Is a token shown anywhere: in a log, in Debug, in an answer?

use std::{
    io::Write,
    sync::{Arc, Mutex},
};

use countersign_proto::{jwk, key::SigningKey as _};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::{Introspector, TransportError, scripted::*};

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Log;

    fn make_writer(&'a self) -> Log {
        self.clone()
    }
}

// security.md 112
#[tokio::test]
async fn no_token_is_shown_in_a_log_in_debug_or_in_an_answer() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    // For all tests: what a place that logs makes of it, is found out by whoever first passes there.
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let (signer, holder) = (signer(), key());
    let issuer = ScriptedIssuer::new(&[&signer]);
    let clock = TestClock::new();
    let builder = builder(&issuer, &clock)
        .introspect_with(Introspector::key("orders-api", crate::scripted::signer()))
        .introspect_all();
    let mut shown = format!("{builder:?}");
    let guard = builder.build().unwrap();
    let jkt = jwk::thumbprint(holder.public_key());
    let bound = built(&token_builder().claim("cnf", json!({"jkt": jkt})), &signer);
    let good = token(&signer);
    issuer.know(&good, json!({"active": true}));
    issuer.know("opaque-secret-canary", active());
    let heads = [
        bearer(&good),
        bearer("opaque-secret-canary"),
        bearer("unknown-secret-canary"),
        bearer("a.secret-canary.b"),
        bearer(&token(&crate::scripted::signer())),
        bearer(&bound),
        proved(&bound, &holder, &PROOF),
        head(&[("Authorization", "Bearer two words secret-canary")]),
    ];
    let mut words = Vec::new();
    for round in 0..2 {
        for head in &heads {
            match guard.check(head).await {
                Ok(caller) => shown += &format!("{caller:?}"),
                Err(refusal) => {
                    words.push(refusal.word());
                    shown += &format!("{refusal:?} {refusal} {:?}", refusal.response::<()>());
                }
            }
        }
        let why = TransportError::Connect("refused".to_owned());
        issuer.always((round == 0).then_some(Instead::Fails(why)));
        clock.advance(std::time::Duration::from_secs(300));
    }
    shown += &format!("{guard:?} {:?}", guard.layer());
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("request refused"), "{logged}");
    assert!(
        words.contains(&"unavailable") && words.contains(&"inactive"),
        "{words:?}"
    );
    for text in [&logged, &shown] {
        for canary in ["secret-canary", "eyJ"] {
            assert!(!text.contains(canary), "{canary}: {text}");
        }
    }
    for asked in issuer.seen("/introspect") {
        assert!(!asked.path.contains("canary"));
    }
}
