//! How does a platform listen, and how does it stop without dropping anybody?

mod idle;

mod tls;

mod share;

mod listener;

mod background;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use tokio::{net::TcpListener, sync::watch, task::JoinSet};

use crate::{Platform, StartError, connection::Running};

/// A platform on a socket.
#[derive(Debug)]
pub struct Server {
    platform: Platform,
    listener: TcpListener,
    address: SocketAddr,
    tls: Option<Arc<tls::Reloadable>>,
    stop: watch::Sender<Running>,
}

/// Stops a server from outside. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    tls: Option<Arc<tls::Reloadable>>,
    stop: watch::Sender<Running>,
}

impl Server {
    /// Binds and loads TLS. Does not serve yet.
    ///
    /// # Errors
    /// [`StartError::Tls`] and [`StartError::Listen`].
    pub async fn bind(platform: Platform) -> Result<Server, StartError> {
        let settings = platform.settings();
        let tls = settings
            .tls
            .as_ref()
            .map(tls::Reloadable::load)
            .transpose()?
            .map(Arc::new);
        let refused = |error: std::io::Error| {
            StartError::Listen(format!("cannot listen on {}: {error}", settings.listen))
        };
        let listener = TcpListener::bind(settings.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let (stop, _) = watch::channel(Running::Yes);
        Ok(Server {
            platform,
            listener,
            address,
            tls,
            stop,
        })
    }

    /// Where it listens (port 0 was replaced).
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// To stop it.
    pub fn handle(&self) -> ServerHandle {
        ServerHandle {
            tls: self.tls.clone(),
            stop: self.stop.clone(),
        }
    }

    /// Serves until it is told to stop, leaves for `listen.leave_s`, drains within `limits.drain_s`
    /// and closes the store.
    ///
    /// # Errors
    /// [`StartError::Store`] when the store does not close.
    pub async fn run(self) -> Result<(), StartError> {
        let background = background::spawn(&self.platform, self.tls.clone());
        let mut leaving = JoinSet::new();
        leaving.spawn(leave(self.stop.clone(), self.platform.settings().leave));
        listener::serve(
            &self.platform,
            self.listener,
            self.tls,
            self.stop.subscribe(),
        )
        .await;
        background.stop().await;
        self.platform.close().await.map_err(StartError::Store)
    }
}

/// Whoever watches the server hears that it leaves, and sends nobody any more, before it accepts
/// nobody any more.
async fn leave(stop: watch::Sender<Running>, so_long: Duration) {
    let mut told = stop.subscribe();
    let is_leaving = told.wait_for(|running| *running == Running::Leaving).await;
    if is_leaving.map(drop).is_ok() {
        tokio::time::sleep(so_long).await;
        stop.send_replace(Running::No);
    }
}

impl ServerHandle {
    /// Says at `/readyz` that it leaves, stops accepting `listen.leave_s` later, and lets requests end.
    pub fn stop(&self) {
        self.stop.send_if_modified(|running| {
            let is_new = *running == Running::Yes;
            if is_new {
                *running = Running::Leaving;
            }
            is_new
        });
    }

    /// Reads the TLS certificate and key again (SIGHUP). A pair that does not fit is refused and
    /// the old one stays. Without TLS there is nothing to do.
    ///
    /// # Errors
    /// [`StartError::Tls`].
    pub fn reload_tls(&self) -> Result<(), StartError> {
        self.tls.as_ref().map_or(Ok(()), |tls| tls.reload())
    }
}
