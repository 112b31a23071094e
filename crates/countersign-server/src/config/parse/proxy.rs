//! Which networks does the file name?

use super::given::Given;
use crate::{
    config::{ProxyHeader, SettingsError, TrustedProxies},
    networks::Networks,
};

impl Given<'_> {
    pub(super) fn trusted_proxies(&self) -> Result<TrustedProxies, SettingsError> {
        Ok(TrustedProxies {
            networks: self.networks("listen.trusted_proxies")?,
            header: match self.text("listen.proxy_header")? {
                Some("forwarded") => ProxyHeader::Forwarded,
                _ => ProxyHeader::XForwardedFor,
            },
        })
    }

    pub(super) fn networks(&self, key: &'static str) -> Result<Networks, SettingsError> {
        let texts = self.list(key)?.unwrap_or_default();
        Networks::parse(texts.iter().map(String::as_str))
            .map_err(|(text, error)| self.wrong(key, text, &error.to_string()))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::{ProxyHeader, Settings, SettingsError};

    fn parse(text: &str) -> Result<Settings, SettingsError> {
        let text = format!("issuer = \"http://127.0.0.1:8085\"\n{text}");
        Settings::parse(&text, Path::new("countersign.toml"))
    }

    #[test]
    fn proxies_and_exempt_networks_are_read() {
        let settings = parse(
            "listen.trusted_proxies = [\"10.0.0.0/8\", \"::1\"]\n\
             listen.proxy_header = \"forwarded\"\nlimits.exempt = [\"192.0.2.0/24\"]",
        )
        .unwrap();
        assert_eq!(
            settings.trusted_proxies.networks.to_string(),
            "10.0.0.0/8, ::1/128"
        );
        assert_eq!(settings.trusted_proxies.header, ProxyHeader::Forwarded);
        assert_eq!(settings.exempt.to_string(), "192.0.2.0/24");
        assert!(parse("").unwrap().exempt.are_none());
    }

    // security.md 109
    #[test]
    fn nobody_trusts_everybody() {
        for key in ["listen.trusted_proxies", "limits.exempt"] {
            for network in ["0.0.0.0/0", "::/0", "10.0.0.1/8", "proxy.example"] {
                let error = parse(&format!("{key} = [\"{network}\"]")).unwrap_err();
                assert_eq!(error.key, key, "{error}");
                assert!(error.problem.contains(network), "{error}");
            }
        }
    }
}
