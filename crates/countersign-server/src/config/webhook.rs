//! To whom are events delivered?

use std::{fmt, path::PathBuf};

use url::Url;

/// `[events]`
#[derive(Clone, PartialEq, Eq)]
pub struct Webhook {
    /// `events.webhook`: https, or http on loopback. Its path and query may hold a secret of the
    /// receiver's.
    pub url: Url,
    /// `events.webhook_ca_bundle`
    pub ca_bundle: Option<PathBuf>,
}

/// Only the host: what follows may be a secret.
impl fmt::Debug for Webhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Webhook")
            .field("host", &self.url.host_str().unwrap_or_default())
            .field("ca_bundle", &self.ca_bundle)
            .finish_non_exhaustive()
    }
}
