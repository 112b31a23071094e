//! How does a certified server that nobody here wrote stand in for Entra ID, Okta, Keycloak or Hydra?

use std::path::Path;

use super::NodeServer;

/// node oidc-provider, as strict as the documents of one make say it is. Stops when dropped.
pub(crate) struct StandIn {
    _server: NodeServer,
    /// Where it listens, without a path.
    pub(crate) origin: String,
    /// Its issuer identifier.
    pub(crate) issuer: String,
}

impl StandIn {
    /// `make`: one of provider-stand-in.mjs. `registered`: what was uploaded for the application `app_id`, read when
    /// somebody asks.
    pub(crate) fn start(make: &str, app_id: &str, registered: &Path) -> StandIn {
        let server = NodeServer::start("provider-stand-in.mjs", |command| {
            command
                .args([make, "--app-id", app_id, "--registered"])
                .arg(registered);
        });
        StandIn {
            origin: server.member("origin"),
            issuer: server.member("issuer"),
            _server: server,
        }
    }
}
