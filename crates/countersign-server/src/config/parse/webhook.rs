//! What does the table `[events]` say?

use url::Url;

use super::given::Given;
use crate::{
    config::{SettingsError, Webhook},
    outbound,
};

const URL: &str = "events.webhook";
const CA_BUNDLE: &str = "events.webhook_ca_bundle";

impl Given<'_> {
    pub(super) fn webhook(&self) -> Result<Option<Webhook>, SettingsError> {
        let ca_bundle = self.path(CA_BUNDLE)?;
        let Some(text) = self.secret_text(URL)? else {
            return match ca_bundle {
                None => Ok(None),
                Some(_) => Err(self.error(
                    self.line(CA_BUNDLE),
                    URL,
                    format!("is missing, and {CA_BUNDLE} is given"),
                    None,
                )),
            };
        };
        let fits = |url: &Url| {
            outbound::is_permitted(url)
                && url.username().is_empty()
                && url.password().is_none()
                && url.fragment().is_none()
        };
        match text.parse().ok().filter(fits) {
            Some(url) => Ok(Some(Webhook { url, ca_bundle })),
            None => Err(self.error(
                self.line(URL),
                URL,
                "has to be a URL: https, or http on loopback; no fragment or user".to_owned(),
                None,
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{Settings, SettingsError};

    fn parse(text: &str) -> Result<Settings, SettingsError> {
        let text = format!("issuer = \"http://127.0.0.1:8085\"\n{text}");
        Settings::parse(&text, Path::new("/etc/countersign.toml"))
    }

    #[test]
    fn a_receiver_is_read_and_its_secret_path_is_not_shown() {
        let settings = parse(
            "events.webhook = \"https://hooks.example/T0/s3cret?k=s3cret\"\n\
             events.webhook_ca_bundle = \"ca.pem\"",
        )
        .unwrap();
        assert!(!format!("{settings:?}").contains("s3cret"));
        let webhook = settings.webhook.unwrap();
        assert_eq!(webhook.url.path(), "/T0/s3cret");
        assert_eq!(webhook.ca_bundle.unwrap(), Path::new("/etc/ca.pem"));
        assert!(parse("events.webhook = \"http://127.0.0.1:9/\"").is_ok());
    }

    // security.md 108
    #[test]
    fn events_are_not_sent_in_the_clear_and_the_refused_address_is_not_repeated() {
        for url in [
            "http://hooks.example/s3cret",
            "ftp://127.0.0.1/s3cret",
            "https://u:s3cret@hooks.example/",
            "https://hooks.example/#s3cret",
            "s3cret",
        ] {
            let error = parse(&format!("events.webhook = \"{url}\"")).unwrap_err();
            assert_eq!(error.key, "events.webhook");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
        let alone = parse("events.webhook_ca_bundle = \"ca.pem\"").unwrap_err();
        assert_eq!(alone.key, "events.webhook");
    }
}
