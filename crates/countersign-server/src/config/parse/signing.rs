//! How is read which keys sign, and for how long: `[signing]`?

use std::time::Duration;

use countersign_proto::key::Algorithm;

use super::given::Given;
use crate::config::{SettingsError, SigningRules};

impl Given<'_> {
    /// No token lives longer than `longest`: what is not given is at least that.
    pub(super) fn signing(
        &self,
        default: &SigningRules,
        longest: Duration,
    ) -> Result<SigningRules, SettingsError> {
        let algorithm = self.text("signing.algorithm")?.and_then(|name| {
            Algorithm::PROTOCOL
                .into_iter()
                .find(|algorithm| algorithm.name() == name)
        });
        let rules = SigningRules {
            algorithm: algorithm.unwrap_or(default.algorithm),
            rotate_every: self
                .seconds("signing.rotate_every_s")?
                .unwrap_or(default.rotate_every),
            announce: self
                .seconds("signing.announce_s")?
                .unwrap_or(default.announce),
            retire_after: self
                .seconds("signing.retire_after_s")?
                .unwrap_or(default.retire_after.max(longest)),
            secret_file: self.path("signing.secret_file")?,
        };
        if rules.rotate_every <= rules.announce {
            return Err(self.wrong(
                "signing.rotate_every_s",
                &rules.rotate_every.as_secs().to_string(),
                "is no longer than signing.announce_s: a key would be followed before it signs",
            ));
        }
        if rules.retire_after < longest {
            let problem = format!(
                "is shorter than the longest token lives, {} s; give more, or shorten the lives \
                 of tokens",
                longest.as_secs()
            );
            let given = rules.retire_after.as_secs().to_string();
            return Err(self.wrong("signing.retire_after_s", &given, &problem));
        }
        Ok(rules)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Settings;

    fn parse(signing: &str) -> Result<SigningRules, SettingsError> {
        let text = format!("issuer = \"http://127.0.0.1:8085\"\n[signing]\n{signing}\n");
        Settings::parse(&text, Path::new("/etc/countersign.toml")).map(|found| found.signing)
    }

    #[test]
    fn what_is_not_given_is_ninety_days_a_day_and_the_longest_life_of_a_token() {
        assert_eq!(parse("").unwrap(), SigningRules::default());
        let rules = SigningRules::default();
        let seconds = [rules.rotate_every, rules.announce, rules.retire_after];
        assert_eq!(
            seconds.map(|it| it.as_secs()),
            [7_776_000, 86_400, 31_536_000]
        );
    }

    #[test]
    fn a_key_verifies_as_long_as_the_longest_app_token_that_is_permitted() {
        let rules = parse("[tokens]\napp_lifetime_max_s = 63072000").unwrap();
        assert_eq!(rules.retire_after, Duration::from_secs(63_072_000));
        let rules = parse(
            "retire_after_s = 3600\n[tokens]\napp_lifetime_default_s = 60\napp_lifetime_max_s = 3600",
        );
        assert_eq!(rules.unwrap().retire_after, Duration::from_secs(3_600));
    }

    #[test]
    fn what_is_given_is_taken() {
        let rules = parse(
            "algorithm = \"EdDSA\"\nrotate_every_s = 7200\nannounce_s = 600\n\
             retire_after_s = 40000000\nsecret_file = \"signing.secret\"",
        )
        .unwrap();
        assert_eq!(rules.algorithm, Algorithm::EdDSA);
        assert_eq!(rules.rotate_every, Duration::from_secs(7_200));
        assert_eq!(rules.announce, Duration::from_secs(600));
        assert_eq!(rules.retire_after, Duration::from_secs(40_000_000));
        let secret = Path::new("/etc/signing.secret");
        assert_eq!(rules.secret_file.as_deref(), Some(secret));
    }

    #[test]
    fn times_that_would_break_tokens_are_refused_with_what_to_do() {
        for (text, expected) in [
            // Clients keep the JWK set so long.
            ("announce_s = 299", "300 to"),
            (
                "rotate_every_s = 86400",
                "no longer than signing.announce_s",
            ),
            ("retire_after_s = 86400", "31536000 s"),
            (
                "retire_after_s = 3600\n[tokens]\napp_lifetime_default_s = 60\napp_lifetime_max_s = 3601",
                "3601 s",
            ),
        ] {
            let refused = parse(text).unwrap_err().to_string();
            assert!(refused.contains(expected), "{refused}");
        }
    }
}
