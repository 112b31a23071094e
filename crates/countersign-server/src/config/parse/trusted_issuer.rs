//! How is read whose tokens are believed besides the platform's own: `[[trusted_issuer]]`?

use url::Url;

use super::given::Given;
use crate::config::{SettingsError, TrustedIssuer};

const ISSUER: &str = "trusted_issuer.issuer";
const AUDIENCE: &str = "trusted_issuer.audience";
const PRINCIPAL_CLAIM: &str = "trusted_issuer.principal_claim";
const ROLE_CLAIM: &str = "trusted_issuer.role_claim";

/// Each costs a fetch at the start and one an hour.
const ISSUERS_MAX: usize = 16;

impl Given<'_> {
    /// `own` is the platform's issuer: nobody else speaks for it.
    pub(super) fn trusted_issuers(&self, own: &Url) -> Result<Vec<TrustedIssuer>, SettingsError> {
        let mut issuers: Vec<TrustedIssuer> = Vec::new();
        for given in self.trusted() {
            let issuer = given.demanded(ISSUER)?;
            let issuer = given.provider_issuer(ISSUER, issuer)?;
            if issuer.trim_end_matches('/') == own.as_str().trim_end_matches('/') {
                return Err(given.wrong(ISSUER, &issuer, "is this platform itself"));
            }
            if issuers.iter().any(|other| other.issuer == issuer) {
                return Err(given.wrong(ISSUER, &issuer, "is trusted twice"));
            }
            if issuers.len() == ISSUERS_MAX {
                let problem = format!("is one too many: at most {ISSUERS_MAX} are trusted");
                return Err(given.wrong(ISSUER, &issuer, &problem));
            }
            issuers.push(TrustedIssuer {
                issuer,
                audience: given.demanded(AUDIENCE)?.to_owned(),
                principal_claim: given.text(PRINCIPAL_CLAIM)?.unwrap_or("sub").to_owned(),
                role_claim: given.text(ROLE_CLAIM)?.map(str::to_owned),
            });
        }
        Ok(issuers)
    }

    fn demanded(&self, key: &'static str) -> Result<&str, SettingsError> {
        self.text(key)?.ok_or_else(|| {
            let hint = "each [[trusted_issuer]] has an issuer and an audience".to_owned();
            self.error(None, key, "is missing".to_owned(), Some(hint))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Settings;

    const START: &str = "issuer = \"https://platform.example\"\n[store]\nurl = \"memory:\"\n\
                         [listen]\nbehind_proxy = true\n";

    fn parsed(text: &str) -> Result<Vec<TrustedIssuer>, SettingsError> {
        let settings = Settings::parse(&format!("{START}{text}"), Path::new("countersign.toml"))?;
        Ok(settings.trusted_issuers)
    }

    #[test]
    fn several_issuers_are_trusted_each_by_its_own_terms() {
        let found = parsed(
            "[[trusted_issuer]]\nissuer = \"https://id.example\"\naudience = \"countersign\"\n\
             [[trusted_issuer]]\nissuer = \"https://other.example/realm\"\naudience = \"x\"\n\
             principal_claim = \"preferred_username\"\nrole_claim = \"groups\"\n",
        )
        .unwrap();
        assert_eq!(found.len(), 2);
        assert_eq!(found[0].issuer, "https://id.example");
        assert_eq!(found[0].audience, "countersign");
        assert_eq!(found[0].principal_claim, "sub");
        assert_eq!(found[0].role_claim, None);
        assert_eq!(found[1].principal_claim, "preferred_username");
        assert_eq!(found[1].role_claim.as_deref(), Some("groups"));
        assert_eq!(parsed("").unwrap(), []);
    }

    #[test]
    fn what_cannot_be_trusted_is_refused_by_name() {
        let one = "[[trusted_issuer]]\nissuer = \"https://id.example\"\naudience = \"a\"\n";
        for (text, says) in [
            ("[[trusted_issuer]]\naudience = \"a\"\n", "is missing"),
            (
                "[[trusted_issuer]]\nissuer = \"https://id.example\"\n",
                "is missing",
            ),
            (
                "[[trusted_issuer]]\nissuer = \"https://platform.example/\"\naudience = \"a\"\n",
                "this platform",
            ),
            (
                "[[trusted_issuer]]\nissuer = \"http://id.example\"\naudience = \"a\"\n",
                "id.example",
            ),
            (&format!("{one}{one}"), "trusted twice"),
            (&format!("{one}colour = \"red\"\n"), "no such setting"),
            (
                "[trusted_issuer]\nissuer = \"https://id.example\"\n",
                "[[trusted_issuer]]",
            ),
            ("trusted_issuer = [7]\n", "no such setting"),
        ] {
            let text = text.replace("trusted_issuer = [7]", "[[trusted_issuer]]\nx = 7");
            let refused = parsed(&text).unwrap_err().to_string();
            assert!(refused.contains(says), "{text}: {refused}");
        }
    }

    #[test]
    fn so_many_are_trusted_and_no_more() {
        let issuers = |count: usize| {
            (0..count)
                .map(|n| {
                    format!(
                        "[[trusted_issuer]]\nissuer = \"https://i{n}.example\"\naudience = \"a\"\n"
                    )
                })
                .collect::<String>()
        };
        assert_eq!(parsed(&issuers(ISSUERS_MAX)).unwrap().len(), ISSUERS_MAX);
        let refused = parsed(&issuers(ISSUERS_MAX + 1)).unwrap_err().to_string();
        assert!(refused.contains("at most 16"), "{refused}");
    }
}
