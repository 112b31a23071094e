//! How is a connection accepted, served and let go?

use std::{convert::Infallible, io, net::SocketAddr, sync::Arc};

use axum::{Router, body::Body, extract::ConnectInfo};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{conn::auto, graceful::GracefulShutdown},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::timeout,
};
use tokio_rustls::TlsAcceptor;
use tower::ServiceExt as _;

use super::{
    Running,
    idle::{InFlight, Patience, Watched},
    share::Shares,
    tls::Reloadable,
};
use crate::{Platform, config::Settings};

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
    let mut connections = JoinSet::new();
    let site = Arc::new(Site {
        platform: platform.clone(),
        router: platform.router(),
        patience: Patience {
            header: limits.header,
            idle: limits.idle,
        },
        tls,
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
                let Some(share) = shares.take(peer.ip()) else {
                    tracing::debug!(%peer, "this source has its share of the connections");
                    continue;
                };
                let (site, watcher) = (site.clone(), graceful.watcher());
                connections.spawn(async move {
                    let _held = (slot, share);
                    site.platform.metrics().connected();
                    site.serve_connection(stream, peer, watcher).await;
                    site.platform.metrics().disconnected();
                });
            }
            Err(error) => refused(&error).await,
        }
    }
    drop(listener);
    if timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!(
            open = connections.len(),
            "connections were cut at the drain limit"
        );
    }
    connections.shutdown().await;
}

/// Behind a proxy every connection is the proxy's, which has to see to its clients itself.
fn shares(settings: &Settings) -> Shares {
    let limits = &settings.limits;
    Shares::new(if settings.behind_proxy {
        limits.connections
    } else {
        limits.connections_per_source
    })
}

/// What every connection is served by.
struct Site {
    platform: Platform,
    router: Router,
    patience: Patience,
    tls: Option<Arc<Reloadable>>,
}

type Watcher = hyper_util::server::graceful::Watcher;

impl Site {
    async fn serve_connection(&self, stream: TcpStream, peer: SocketAddr, watcher: Watcher) {
        let _ = stream.set_nodelay(true);
        match &self.tls {
            None => self.serve_http(stream, peer, watcher).await,
            Some(tls) => {
                let handshake = TlsAcceptor::from(tls.config()).accept(stream);
                match timeout(self.patience.header, handshake).await {
                    Ok(Ok(stream)) => self.serve_http(stream, peer, watcher).await,
                    Ok(Err(error)) => tracing::debug!(%peer, %error, "tls handshake failed"),
                    Err(_) => tracing::debug!(%peer, "tls handshake took too long"),
                }
            }
        }
    }

    async fn serve_http<S>(&self, stream: S, peer: SocketAddr, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let in_flight = InFlight::default();
        let io = TokioIo::new(Watched::new(stream, self.patience, in_flight.clone()));
        let service = service_fn(move |mut request: hyper::Request<Incoming>| {
            let working = in_flight.begin();
            request.extensions_mut().insert(ConnectInfo(peer));
            let answer = self.router.clone().oneshot(request.map(Body::new));
            async move {
                let response = answer.await;
                drop(working);
                response.map_err(|never: Infallible| match never {})
            }
        });
        let builder = builder();
        let connection = builder.serve_connection(io, service);
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
