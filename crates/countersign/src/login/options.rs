//! What does a terminal want of a login?

use countersign_proto::{login::ClientInfo, scope::Scope, token::Binding};

use super::loopback::Loopback;
use crate::Error;

/// Settings of a login. All have a default.
#[derive(Clone, Debug)]
#[must_use]
pub struct LoginOptions {
    pub(super) scope: Scope,
    pub(super) login_hint: Option<String>,
    pub(super) client: ClientInfo,
    expected: Option<String>,
    binds: Vec<Binding>,
    loopback_port: Option<u16>,
}

impl Default for LoginOptions {
    /// All of the roles; anybody may sign in; loopback, else the code.
    fn default() -> LoginOptions {
        LoginOptions {
            scope: Scope::default(),
            login_hint: None,
            client: ClientInfo {
                name: "countersign".to_owned(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                os: std::env::consts::OS.to_owned(),
                ..ClientInfo::default()
            },
            expected: None,
            binds: Binding::ALL.to_vec(),
            loopback_port: None,
        }
    }
}

impl LoginOptions {
    /// Asks for no more than this. Default: all that the roles of the principal permit.
    pub fn scope(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Fills in the name at the identity provider. Default: none. Proves nothing.
    pub fn login_hint(mut self, hint: &str) -> Self {
        self.login_hint = Some(hint.to_owned());
        self
    }

    /// Accepts this principal by itself, and rejects every other. Default: each is asked for.
    pub fn expect(mut self, principal: &str) -> Self {
        self.expected = Some(principal.to_owned());
        self
    }

    /// The ways that the value may come, preferred first. Default: loopback, code.
    ///
    /// The platform decides, and may refuse a terminal that does not offer loopback.
    pub fn binds(mut self, binds: &[Binding]) -> Self {
        self.binds = binds.to_vec();
        self
    }

    /// Listens on this port of 127.0.0.1, for instance because `ssh -L` forwards it. Default: one
    /// that the system chooses.
    pub fn loopback_port(mut self, port: u16) -> Self {
        self.loopback_port = Some(port);
        self
    }

    /// What the page shows as the terminal's own words. Default: this SDK, without host and user.
    pub fn client(mut self, client: ClientInfo) -> Self {
        self.client = client;
        self
    }

    pub(super) fn expected(&self) -> Option<String> {
        self.expected.clone()
    }

    /// The ways that are possible.
    pub(super) fn ways(&self, listens: bool) -> Vec<Binding> {
        self.binds
            .iter()
            .copied()
            .filter(|bind| listens || *bind != Binding::Loopback)
            .collect()
    }

    /// Listens, when loopback is among the ways. A machine on which nobody can listen leaves the
    /// code, if that is among the ways too and no port was asked for.
    pub(super) async fn listen(&self) -> Result<Option<Loopback>, Error> {
        if !self.binds.contains(&Binding::Loopback) {
            return Ok(None);
        }
        match Loopback::bind(self.loopback_port).await {
            Ok(loopback) => Ok(Some(loopback)),
            Err(error) if self.loopback_port.is_none() && self.binds.contains(&Binding::Code) => {
                tracing::warn!(%error, "no loopback for the browser: a code will have to do");
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
