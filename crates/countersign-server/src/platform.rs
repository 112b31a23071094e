//! What is one platform, apart from the sockets it listens on?

use std::sync::Arc;

use crate::{Clock, config::Settings, store::Store};

/// A platform: settings, store, keys, registry in memory. Cheap to clone.
#[derive(Clone)]
pub struct Platform {}

/// Why a platform does not start: what is wrong and what to do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    #[error("{0:?}")]
    Settings(crate::config::SettingsError),
    #[error("{0}")]
    Store(crate::store::StoreError),
    #[error("{0}")]
    Secrets(String),
    #[error("{0}")]
    Tls(String),
    #[error("{0}")]
    Listen(String),
}

impl Platform {
    /// Opens the store, makes or reads secrets and issuer keys, applies the bootstrap.
    pub async fn open(_settings: Settings, _clock: Arc<dyn Clock>) -> Result<Platform, StartError> {
        todo!()
    }
    /// The same on a store that is already open.
    pub async fn with_store(
        _settings: Settings,
        _store: Arc<dyn Store>,
        _clock: Arc<dyn Clock>,
    ) -> Result<Platform, StartError> {
        todo!()
    }
    /// Everything it serves, as one tower service: for a server, and for tests without a socket.
    pub fn router(&self) -> axum::Router {
        todo!()
    }
    /// Its store.
    pub fn store(&self) -> &Arc<dyn Store> {
        todo!()
    }
    /// Its settings.
    pub fn settings(&self) -> &Settings {
        todo!()
    }
    /// Flushes and closes the store.
    pub async fn close(&self) -> Result<(), crate::store::StoreError> {
        todo!()
    }
}
