//! How is read how long a sign-in lasts: `[session]`?

use super::given::Given;
use crate::config::{BindingPolicy, SessionRules, SettingsError};

impl Given<'_> {
    pub(super) fn session(&self, default: SessionRules) -> Result<SessionRules, SettingsError> {
        Ok(SessionRules {
            refresh_limit: self
                .number("session.refresh_limit")?
                .and_then(|limit| u32::try_from(limit).ok())
                .unwrap_or(default.refresh_limit),
            absolute: self
                .seconds("session.absolute_s")?
                .unwrap_or(default.absolute),
            idle: self.seconds("session.idle_s")?.unwrap_or(default.idle),
            binding: match self.text("session.binding")? {
                Some("code") => BindingPolicy::Code,
                Some(_) => BindingPolicy::SameDevice,
                None => default.binding,
            },
        })
    }
}
