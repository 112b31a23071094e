//! How is read how long granted tokens live: `[tokens]`?

use countersign_proto::{management::GrantedKind, opaque::OpaqueToken};

use super::given::Given;
use crate::config::{GrantedLifetime, SettingsError, TokenRules};

impl Given<'_> {
    pub(super) fn tokens(&self, default: TokenRules) -> Result<TokenRules, SettingsError> {
        Ok(TokenRules {
            prefix: self.token_prefix()?.unwrap_or(default.prefix),
            personal: self.granted_lifetime(
                "tokens.personal_lifetime_default_s",
                "tokens.personal_lifetime_max_s",
                default.personal,
            )?,
            app: self.granted_lifetime(
                "tokens.app_lifetime_default_s",
                "tokens.app_lifetime_max_s",
                default.app,
            )?,
            system: self.granted_lifetime(
                "tokens.system_lifetime_default_s",
                "tokens.system_lifetime_max_s",
                default.system,
            )?,
            may_never_expire: match self.list("tokens.may_never_expire")? {
                Some(names) => self.granted_kinds(&names)?,
                None => default.may_never_expire,
            },
            max_per_identity: self
                .number("tokens.max_per_identity")?
                .and_then(|limit| u32::try_from(limit).ok())
                .unwrap_or(default.max_per_identity),
            rotation_grace: self
                .seconds("tokens.rotation_grace_s")?
                .unwrap_or(default.rotation_grace),
            expiry_warning: self
                .seconds("tokens.expiry_warning_s")?
                .unwrap_or(default.expiry_warning),
            cache_max: self
                .number("tokens.cache_max")?
                .and_then(|max| u32::try_from(max).ok())
                .unwrap_or(default.cache_max),
        })
    }

    fn token_prefix(&self) -> Result<Option<String>, SettingsError> {
        const KEY: &str = "tokens.prefix";
        match self.text(KEY)? {
            Some(text) if !OpaqueToken::is_prefix(text) => {
                Err(self.wrong(KEY, text, "is not 1 to 16 characters of a-z 0-9"))
            }
            text => Ok(text.map(str::to_owned)),
        }
    }

    /// A maximum that is shorter than the default of this version is the default too.
    fn granted_lifetime(
        &self,
        default_key: &'static str,
        max_key: &'static str,
        default: GrantedLifetime,
    ) -> Result<GrantedLifetime, SettingsError> {
        let max = self.seconds(max_key)?.unwrap_or(default.max);
        match self.seconds(default_key)? {
            None => Ok(GrantedLifetime {
                default: default.default.min(max),
                max,
            }),
            Some(default) if default <= max => Ok(GrantedLifetime { default, max }),
            Some(default) => Err(self.wrong(
                default_key,
                &default.as_secs().to_string(),
                &format!("is more than {max_key}, which is {}", max.as_secs()),
            )),
        }
    }

    fn granted_kinds(&self, names: &[String]) -> Result<Vec<GrantedKind>, SettingsError> {
        const KEY: &str = "tokens.may_never_expire";
        let kind = |name: &String| match name.as_str() {
            "personal" => Ok(GrantedKind::Personal),
            "app" => Ok(GrantedKind::App),
            "system" => Ok(GrantedKind::System),
            other => Err(self.wrong(
                KEY,
                other,
                "is no kind of token; use `personal`, `app` or `system`",
            )),
        };
        names.iter().map(kind).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use super::*;
    use crate::config::Settings;

    fn parsed(text: &str) -> Result<TokenRules, SettingsError> {
        let text = format!("issuer = \"http://127.0.0.1:8085\"\n[tokens]\n{text}\n");
        Settings::parse(&text, Path::new("countersign.toml")).map(|settings| settings.tokens)
    }

    #[test]
    fn what_is_not_given_is_the_default() {
        let rules = parsed("").unwrap();
        assert_eq!(rules, TokenRules::default());
        let days = |days: u64| Duration::from_secs(days * 86_400);
        assert_eq!(
            rules.lifetime(GrantedKind::App),
            GrantedLifetime {
                default: days(90),
                max: days(365)
            }
        );
        assert!(rules.may_never_expire.is_empty());
        assert_eq!(rules.rotation_grace, days(1));
        assert_eq!(rules.expiry_warning, days(14));
        assert_eq!(TokenRules::ROTATION_GRACE_MAX, days(30));
    }

    #[test]
    fn each_setting_is_read() {
        let rules = parsed(
            "personal_lifetime_default_s = 60\npersonal_lifetime_max_s = 61\n\
             app_lifetime_default_s = 62\napp_lifetime_max_s = 63\n\
             system_lifetime_default_s = 64\nsystem_lifetime_max_s = 65\n\
             may_never_expire = [\"system\", \"app\"]\nmax_per_identity = 66\n\
             rotation_grace_s = 67\nexpiry_warning_s = 68",
        )
        .unwrap();
        let lifetime = |default, max| GrantedLifetime {
            default: Duration::from_secs(default),
            max: Duration::from_secs(max),
        };
        assert_eq!(rules.personal, lifetime(60, 61));
        assert_eq!(rules.app, lifetime(62, 63));
        assert_eq!(rules.system, lifetime(64, 65));
        assert_eq!(
            rules.may_never_expire,
            [GrantedKind::System, GrantedKind::App]
        );
        assert_eq!(rules.max_per_identity, 66);
        assert_eq!(rules.rotation_grace.as_secs(), 67);
        assert_eq!(rules.expiry_warning.as_secs(), 68);
    }

    #[test]
    fn a_prefix_is_lower_case_letters_and_digits() {
        let with = |prefix| parsed(&format!("prefix = \"{prefix}\""));
        for prefix in ["a", "acme2", "0123456789abcdef"] {
            assert_eq!(with(prefix).unwrap().prefix, prefix);
        }
        for prefix in ["Acme", "ac_me", "ac-me", "a b", "é", "0123456789abcdef0"] {
            let said = format!(
                "countersign.toml:3: tokens.prefix: `{prefix}` is not 1 to 16 characters of a-z 0-9"
            );
            assert_eq!(with(prefix).unwrap_err().to_string(), said);
        }
        assert!(with("").is_err());
    }

    #[test]
    fn a_short_maximum_is_the_default_too_and_a_longer_default_is_refused() {
        let rules = parsed("app_lifetime_max_s = 3600").unwrap();
        assert_eq!(rules.app.default, rules.app.max);
        let error = parsed("app_lifetime_default_s = 3601\napp_lifetime_max_s = 3600").unwrap_err();
        assert_eq!(error.key, "tokens.app_lifetime_default_s");
        assert!(error.problem.contains("3600"), "{}", error.problem);
        let error = parsed("may_never_expire = [\"refresh\"]").unwrap_err();
        assert!(error.problem.contains("`system`"), "{}", error.problem);
    }
}
