//! How is a connection accepted, served and let go?

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc};

use axum::{Router, body::Body, extract::ConnectInfo};
use http::{
    HeaderValue, StatusCode,
    header::{CONNECTION, UPGRADE},
};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use super::{
    idle::{InFlight, Patience, Watched},
    share::{Share, Shares},
    tls::Reloadable,
};
use crate::{
    Platform,
    config::Settings,
    connection::{Connection, Running},
};

/// Streams of one HTTP/2 connection at a time, and resets that may wait (security.md B25).
const STREAMS: u32 = 128;
const PENDING_RESETS: usize = 20;
/// Bytes of a request's head.
const HEAD_BYTES: usize = 32 * 1024;

/// Accepts until told to stop, then drains: requests under way end, within the limit.
pub(super) async fn serve(
    platform: &Platform,
    listener: TcpListener,
    tls: Option<Arc<Reloadable>>,
    mut stop: watch::Receiver<Running>,
) {
    let limits = &platform.settings().limits;
    let graceful = GracefulShutdown::new();
    let slots = Arc::new(Semaphore::new(limits.connections));
    let shares = shares(platform.settings());
    // A proxy that is trusted has everybody's connections.
    let proxies = Shares::new(limits.connections);
    let mut connections = JoinSet::new();
    let site = Arc::new(Site {
        platform: platform.clone(),
        router: platform.router(),
        patience: Patience {
            header: limits.header,
            idle: limits.idle,
        },
        tls,
        running: stop.clone(),
    });
    loop {
        // A slot first: beyond the cap, connections wait in the kernel's queue.
        let slot = tokio::select! {
            biased;
            _ = stop.wait_for(|running| *running == Running::No) => break,
            slot = slots.clone().acquire_owned() => slot,
        };
        let accepted = tokio::select! {
            biased;
            _ = stop.wait_for(|running| *running == Running::No) => break,
            accepted = listener.accept() => accepted,
        };
        while connections.try_join_next().is_some() {}
        match accepted {
            Ok((stream, peer)) => {
                let trusted = &platform.settings().trusted_proxies.networks;
                let shares = if trusted.contain(peer.ip()) {
                    &proxies
                } else {
                    &shares
                };
                let Some(share) = shares.take(peer.ip()) else {
                    tracing::debug!(%peer, "this source has its share of the connections");
                    continue;
                };
                let (site, watcher) = (site.clone(), graceful.watcher());
                let held = Arc::new(Held::new(&site.platform, slot.ok(), share));
                connections.spawn(async move {
                    site.serve_connection(stream, peer, held, watcher).await;
                });
            }
            Err(error) => refused(&error).await,
        }
    }
    drop(listener);
    // Requests end; and what they left behind when they were upgraded gives its slot back.
    let all = u32::try_from(limits.connections).unwrap_or(u32::MAX);
    let drained = async {
        graceful.shutdown().await;
        let _ = slots.acquire_many(all).await;
    };
    if timeout(limits.drain, drained).await.is_err() {
        tracing::warn!(
            open = limits.connections - slots.available_permits(),
            "connections were cut at the drain limit"
        );
    }
    connections.shutdown().await;
}

/// Behind a proxy every connection is the proxy's, which has to see to its clients itself.
fn shares(settings: &Settings) -> Shares {
    let limits = &settings.limits;
    Shares::new(if settings.tells_sources_apart() {
        limits.connections_per_source
    } else {
        limits.connections
    })
}

/// What every connection is served by.
struct Site {
    platform: Platform,
    router: Router,
    patience: Patience,
    tls: Option<Arc<Reloadable>>,
    running: watch::Receiver<Running>,
}

/// What a connection is counted by, until it and what was upgraded on it are gone.
struct Held {
    platform: Platform,
    _slot: Option<OwnedSemaphorePermit>,
    _share: Share,
}

impl Held {
    fn new(platform: &Platform, slot: Option<OwnedSemaphorePermit>, share: Share) -> Held {
        platform.metrics().connected();
        Held {
            platform: platform.clone(),
            _slot: slot,
            _share: share,
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.platform.metrics().disconnected();
    }
}

type Watcher = hyper_util::server::graceful::Watcher;

impl Site {
    async fn serve_connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        held: Arc<Held>,
        watcher: Watcher,
    ) {
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => self.serve_http(stream, peer, held, watcher).await,
            Some(tls) => {
                let handshake = TlsAcceptor::from(tls.config()).accept(stream);
                match timeout(self.patience.header, handshake).await {
                    Ok(Ok(stream)) => self.serve_http(stream, peer, held, watcher).await,
                    Ok(Err(error)) => tracing::debug!(%peer, %error, "tls handshake failed"),
                    Err(_) => tracing::debug!(%peer, "tls handshake took too long"),
                }
            }
        }
    }

    async fn serve_http<S>(&self, stream: S, peer: SocketAddr, held: Arc<Held>, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let in_flight = InFlight::default();
        let io = TokioIo::new(Watched::new(stream, self.patience, in_flight.clone()));
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            let working = in_flight.begin();
            let running = *self.running.borrow();
            request.extensions_mut().insert(ConnectInfo(peer));
            request.extensions_mut().insert(running);
            // HTTP/2 says it by a frame when the time has come, and loses nothing by it (RFC 9113 §6.8).
            let is_last = running != Running::Yes && request.version() < http::Version::HTTP_2;
            if request.headers().contains_key(UPGRADE) {
                // Worked on for as long as it is used: it has deadlines of its own then.
                let kept = (in_flight.begin(), held.clone());
                let connection = Connection::new(kept, self.running.clone());
                request.extensions_mut().insert(connection);
            }
            let answer = self.router.clone().oneshot(request.map(Body::new));
            async move {
                let response = answer.await;
                drop(working);
                let mut response = match response {
                    Ok(response) => response,
                    Err(never) => match never {},
                };
                if is_last && response.status() != StatusCode::SWITCHING_PROTOCOLS {
                    // Nobody sends another request here while the connection is closed under it.
                    let close = HeaderValue::from_static("close");
                    response.headers_mut().insert(CONNECTION, close);
                }
                Ok::<_, Infallible>(response)
            }
        });
        let builder = builder();
        let connection = builder.serve_connection_with_upgrades(io, service);
        if let Err(error) = watcher.watch(connection).await {
            tracing::debug!(%peer, %error, "connection ended");
        }
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None)
        .max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_pending_accept_reset_streams(PENDING_RESETS)
        .max_local_error_reset_streams(PENDING_RESETS)
        .max_header_list_size(HEAD_BYTES as u32);
    builder
}

/// A connection that failed before it was ours says nothing about the listener; running out of
/// descriptors does, and passes when connections end.
async fn refused(error: &io::Error) {
    use io::ErrorKind as K;
    if matches!(
        error.kind(),
        K::ConnectionAborted | K::ConnectionReset | K::Interrupted
    ) {
        return;
    }
    tracing::warn!(%error, "cannot accept");
    tokio::time::sleep(std::time::Duration::from_millis(100)).await;
}
