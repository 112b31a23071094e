//! How long may tokens live that people grant, and how many may there be?

use std::time::Duration;

use countersign_proto::{management::GrantedKind, opaque::OpaqueToken};

/// What holds for tokens that are granted, rotated or imported from now on: `[tokens]`.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct TokenRules {
    /// What they begin with, and refresh tokens too.
    pub prefix: String,
    /// Personal access tokens.
    pub personal: GrantedLifetime,
    /// App tokens.
    pub app: GrantedLifetime,
    /// System tokens.
    pub system: GrantedLifetime,
    /// The kinds that may have no end.
    pub may_never_expire: Vec<GrantedKind>,
    /// How many live tokens one principal may have; as many system tokens there may be.
    pub max_per_identity: u32,
    /// How long a token lives beside its successor, unless the rotation says otherwise.
    pub rotation_grace: Duration,
    /// How long before its end a token is shown as expiring.
    pub expiry_warning: Duration,
    /// How many granted tokens a node remembers; with 0 each use reads the store.
    pub cache_max: u32,
}

/// How long tokens of one kind live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GrantedLifetime {
    /// Unless the grant says otherwise.
    pub default: Duration,
    /// At most.
    pub max: Duration,
}

impl TokenRules {
    /// How long a rotation may let the old token live: 30 days.
    pub const ROTATION_GRACE_MAX: Duration = Duration::from_secs(2_592_000);

    /// How long tokens of this kind live.
    pub fn lifetime(&self, kind: GrantedKind) -> GrantedLifetime {
        match kind {
            GrantedKind::Personal => self.personal,
            GrantedKind::App => self.app,
            GrantedKind::System => self.system,
        }
    }
}

impl Default for GrantedLifetime {
    fn default() -> GrantedLifetime {
        GrantedLifetime {
            default: Duration::from_secs(7_776_000),
            max: Duration::from_secs(31_536_000),
        }
    }
}

impl Default for TokenRules {
    fn default() -> TokenRules {
        TokenRules {
            prefix: OpaqueToken::PREFIX.to_owned(),
            personal: GrantedLifetime::default(),
            app: GrantedLifetime::default(),
            system: GrantedLifetime::default(),
            may_never_expire: Vec::new(),
            max_per_identity: 100,
            rotation_grace: Duration::from_secs(86_400),
            expiry_warning: Duration::from_secs(1_209_600),
            cache_max: 100_000,
        }
    }
}
