//! How is a client of the 1E/Tachyon dialect tried without a server of the vendor's?
//!
//! A test server on this machine: it signs in whoever opens the address of a sign-in, and believes the
//! certificates that it is given.
#![allow(clippy::print_stdout)]

use std::{path::PathBuf, sync::Arc};

use anyhow::Context as _;
use clap::Parser;
use countersign::{SystemClock, proto::certificate::Certificate, tachyon::Generation};
use countersign_testkit::TachyonServer;

#[derive(Parser)]
struct Typed {
    /// Where it listens; loopback only.
    #[arg(long, default_value = "127.0.0.1:8087")]
    listen: String,
    /// Is of the earlier generation, which signs people in over a WebSocket.
    #[arg(long)]
    earlier: bool,
    /// Believes this certificate (PEM) …
    #[arg(long, requires = "app_id")]
    certificate: Option<PathBuf>,
    /// … of this application.
    #[arg(long)]
    app_id: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let typed = Typed::parse();
    let generation = match typed.earlier {
        true => Generation::WebSocket,
        false => Generation::Poll,
    };
    anyhow::ensure!(typed.listen.starts_with("127.0.0.1:"), "loopback only");
    let server = TachyonServer::listening(generation, &typed.listen, Arc::new(SystemClock)).await?;
    if let (Some(file), Some(app_id)) = (&typed.certificate, &typed.app_id) {
        let pem = std::fs::read_to_string(file).with_context(|| file.display().to_string())?;
        let certificates = Certificate::all_from_pem(&pem)?;
        let leaf = certificates.first().context("no certificate")?;
        server.register_certificate(app_id, leaf);
    }
    println!("listening at {}", server.url());
    println!("provider {}", server.token_endpoint());
    std::future::pending().await
}
