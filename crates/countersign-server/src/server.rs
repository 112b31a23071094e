//! How does a platform listen, and how does it stop without dropping anybody?

use std::net::SocketAddr;

use crate::{Platform, StartError};

/// A platform on a socket.
pub struct Server {}

/// Stops a server from outside. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ServerHandle {}

impl Server {
    /// Binds and loads TLS. Does not serve yet.
    pub async fn bind(_platform: Platform) -> Result<Server, StartError> {
        todo!()
    }
    /// Where it listens (port 0 was replaced).
    pub fn local_addr(&self) -> SocketAddr {
        todo!()
    }
    /// To stop it.
    pub fn handle(&self) -> ServerHandle {
        todo!()
    }
    /// Serves until it is told to stop, then drains within `limits.drain_s` and closes the store.
    pub async fn run(self) -> Result<(), StartError> {
        todo!()
    }
}
impl ServerHandle {
    /// Stops accepting, lets requests end.
    pub fn stop(&self) {
        todo!()
    }
    /// Reads the TLS certificate and key again (SIGHUP); a pair that does not fit is refused and the old one stays.
    pub fn reload_tls(&self) -> Result<(), StartError> {
        todo!()
    }
}
