//! What does the table `[console]` say?

use super::given::Given;
use crate::config::{ConsoleRules, SettingsError};

impl Given<'_> {
    pub(super) fn console(&self, default: ConsoleRules) -> Result<ConsoleRules, SettingsError> {
        Ok(ConsoleRules {
            enabled: self.flag("console.enabled")?.unwrap_or(default.enabled),
            session: self
                .seconds("console.session_s")?
                .unwrap_or(default.session),
            idle: self.seconds("console.idle_s")?.unwrap_or(default.idle),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use crate::config::{ConsoleRules, Settings, SettingsError};

    fn parse(table: &str) -> Result<ConsoleRules, SettingsError> {
        let text = format!("issuer = \"http://127.0.0.1:8085\"\n[console]\n{table}");
        Settings::parse(&text, Path::new("countersign.toml")).map(|settings| settings.console)
    }

    #[test]
    fn there_is_a_console_for_a_working_day_unless_it_is_set_otherwise() {
        let rules = parse("").unwrap();
        assert!(rules.enabled);
        assert_eq!(rules.session, Duration::from_secs(8 * 3600));
        assert_eq!(rules.idle, Duration::from_secs(30 * 60));
        let rules = parse("enabled = false\nsession_s = 61\nidle_s = 62\n").unwrap();
        assert!(!rules.enabled);
        assert_eq!(rules.session, Duration::from_secs(61));
        assert_eq!(rules.idle, Duration::from_secs(62));
        assert_eq!(parse("idle_s = 59\n").unwrap_err().key, "console.idle_s");
    }
}
