//! How are fresh tokens served to the programs of this machine, and to whom are they not?
//!
//! One process holds the clients of the profiles, and any number of programs ask it. Over its Unix
//! socket the system itself says which user asks. Loopback, which every user and every web page of
//! this machine reaches, is opened only when that is asked for, and asks for a secret.

mod api;
mod aws_role;
mod gate;
mod keeper;
mod peer;
mod roster;
mod secret;
mod serving;
mod socket;

use std::{collections::BTreeSet, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

pub(crate) use self::socket::Reach;
use self::{
    api::Api, aws_role::AwsRole, gate::Gate, peer::Peers, roster::Roster, secret::Secret,
    serving::Serving, socket::Socket,
};
use crate::{
    args::Environment,
    aws::Exchange,
    failure::Failure,
    interrupts::Interrupts,
    output::Output,
    service_manager::{self, Standing},
    session,
};

/// What an agent was told to be.
pub(crate) struct Settings {
    pub(crate) socket: PathBuf,
    pub(crate) reach: Reach,
    /// Whose programs are served.
    pub(crate) users: BTreeSet<u32>,
    /// The profiles that are served; every one when empty.
    pub(crate) served: Vec<String>,
    /// The profile that is meant when none is named.
    pub(crate) default: Option<String>,
    pub(crate) loopback: Option<Loopback>,
    /// The role of AWS whose credentials are served.
    pub(crate) aws: Option<Exchange>,
}

/// A port of loopback, and where the secret is written that opens it.
pub(crate) struct Loopback {
    pub(crate) address: SocketAddr,
    pub(crate) secret_file: PathBuf,
}

/// How long requests under way may take to end when the agent is told to stop.
const DRAIN: Duration = Duration::from_secs(2);

/// Serves until it is told to stop.
pub(crate) fn run(
    settings: Settings,
    environment: Arc<Environment>,
    output: Output,
) -> Result<(), Failure> {
    let runtime = session::runtime()?;
    let ended = runtime.block_on(serve(settings, environment, output));
    // A request to a platform may still be under way in a thread. Nobody waits for its answer.
    runtime.shutdown_background();
    ended
}

async fn serve(
    settings: Settings,
    environment: Arc<Environment>,
    output: Output,
) -> Result<(), Failure> {
    let mut interrupts = Interrupts::new()?;
    let socket = match service_manager::socket()? {
        Some(given) => Socket::given(given)?,
        None => Socket::open(&settings.socket, settings.reach)?,
    };
    let peers = Peers::new(settings.users, output);
    let roster = Roster::new(
        settings.served,
        settings.default,
        Arc::clone(&environment),
        output,
    );
    roster.prepare().await?;
    let role = settings.aws.map(AwsRole::new);
    let api = Arc::new(Api::new(roster, role, output));
    let mut serving = Serving::new(api, output);
    let mut secret = None;
    let mut tcp = None;
    if let Some(loopback) = &settings.loopback {
        let listener = bind(loopback.address).await?;
        let address = listener.local_addr().unwrap_or(loopback.address);
        let written = Secret::write(&loopback.secret_file)?;
        let gate = Arc::new(Gate::on_loopback(address.port(), written.digits()));
        output.note(&format!(
            "tokens are served at http://{address} to programs that know {}",
            loopback.secret_file.display()
        ));
        secret = Some(written);
        tcp = Some((listener, gate));
    }
    output.note(&format!("tokens are served at {}", socket.shown()));
    service_manager::tell(
        Standing::Ready,
        environment.notify_socket.as_deref(),
        &output,
    );
    loop {
        tokio::select! {
            accepted = socket.listener().accept() => match accepted {
                Ok((stream, _)) => match peers.admit(&stream) {
                    Some(peer) => serving.serve_socket(stream, peer),
                    None => serving.turn_away(stream),
                },
                Err(error) => serving.could_not_accept(&error).await,
            },
            (accepted, gate) = accept(tcp.as_ref()) => match accepted {
                Ok((stream, _)) => serving.serve_loopback(stream, gate),
                Err(error) => serving.could_not_accept(&error).await,
            },
            () = interrupts.next() => break,
        }
    }
    service_manager::tell(
        Standing::Stopping,
        environment.notify_socket.as_deref(),
        &output,
    );
    // First nobody can come any more.
    drop((socket, tcp, secret));
    serving.end(DRAIN).await;
    output.note("stopped");
    Ok(())
}

/// The next connection over loopback, where it is open.
async fn accept(
    tcp: Option<&(tokio::net::TcpListener, Arc<Gate>)>,
) -> (
    std::io::Result<(tokio::net::TcpStream, SocketAddr)>,
    Arc<Gate>,
) {
    match tcp {
        Some((listener, gate)) => (listener.accept().await, Arc::clone(gate)),
        None => std::future::pending().await,
    }
}

async fn bind(address: SocketAddr) -> Result<tokio::net::TcpListener, Failure> {
    let bound = tokio::net::TcpListener::bind(address).await;
    bound.map_err(|error| {
        Failure::other(format!("cannot listen at {address}: {error}"))
            .hint("stop the other program, or take another port with --http")
    })
}
