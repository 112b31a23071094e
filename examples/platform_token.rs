//! How does a component of the platform get a token, when there is nobody that it stands for?
#![allow(clippy::print_stdout)]

use countersign::Client;
use countersign_testkit::{ManualClock, TestPlatform, fixtures};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let platform = TestPlatform::on_loopback(ManualClock::starting_now()).await?;
    platform
        .platform_certificate(fixtures::PLATFORM_CERTIFICATE)
        .await?;

    // The platform's own certificate says who this is; no application and no mapping is needed.
    let client = Client::builder(platform.issuer(), "component", fixtures::platform()).build()?;
    let token = client.platform_token().await?;

    println!(
        "type {}, principal {}, lives {} s",
        token.kind.number(),
        token.principal.as_deref().unwrap_or("unknown"),
        token.expires_at.since(token.issued_at).as_secs(),
    );
    Ok(())
}
