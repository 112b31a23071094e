//! How is a service tested that signs in, when its platform may be slow, away or wrong?
//!
//! In a project of your own the body of `main` is a `#[tokio::test]`.
#![allow(clippy::print_stdout)]

use std::time::Duration;

use countersign::{Client, Error};
use countersign_testkit::{Fault, Pair};

/// The service under test: it puts a token on each message that leaves.
struct Mailer {
    client: Client,
}

impl Mailer {
    async fn send(&self, text: &str) -> Result<http::Request<String>, Error> {
        let mut message = http::Request::new(text.to_owned());
        *message.uri_mut() = http::Uri::from_static("https://mail.test/outbox");
        countersign::authorize::authorize(&self.client, &mut message).await?;
        Ok(message)
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let Pair {
        client,
        wire,
        clock,
        ..
    } = Pair::new().await?;
    let mailer = Mailer { client };
    let first = mailer.send("the first message signs in").await?;

    // Shortly before its end the token is renewed; but somebody in between answers with nonsense.
    clock.advance(Duration::from_secs(890));
    wire.always(Fault::Refuse(400));
    let second = mailer.send("the token is still good").await?;
    anyhow::ensure!(first.headers()["authorization"] == second.headers()["authorization"]);

    // When the platform is back, the next token is another one.
    wire.heal();
    clock.advance(Duration::from_secs(20));
    let third = mailer.send("a new token").await?;
    anyhow::ensure!(first.headers()["authorization"] != third.headers()["authorization"]);

    println!("the service kept its token while the platform was away");
    Ok(())
}
