//! How is read whom the platform asks: `[identity_provider]`, `[forwarding]`, `[outbound]`?

use countersign_proto::{metadata::check_issuer, scope::Scope};

use super::given::Given;
use crate::config::{
    ClientAuthentication, Forwarding, IdentityProviderSettings, Newcomers, OpenIdConnect,
    PrincipalClaim, SettingsError,
};

const KIND: &str = "identity_provider.kind";
const NAME: &str = "identity_provider.name";
const ISSUER: &str = "identity_provider.issuer";
const CLIENT_ID: &str = "identity_provider.client_id";
const SECRET: &str = "identity_provider.client_secret_file";
const CERTIFICATE: &str = "identity_provider.certificate";
const PRIVATE_KEY: &str = "identity_provider.key";
const SCOPES: &str = "identity_provider.scopes";
const CLAIM: &str = "identity_provider.principal_claim";
const CREATE: &str = "identity_provider.create_principals";
const ROLES: &str = "identity_provider.roles";
const FORWARDING_ISSUER: &str = "forwarding.issuer";

/// What only a provider of the customer's has.
const OPENID_CONNECT_ONLY: &[&str] = &[
    ISSUER,
    CLIENT_ID,
    SECRET,
    CERTIFICATE,
    PRIVATE_KEY,
    SCOPES,
    CLAIM,
    CREATE,
    ROLES,
];

impl Given<'_> {
    pub(super) fn identity_provider(&self) -> Result<IdentityProviderSettings, SettingsError> {
        let name = self.text(NAME)?.map(str::to_owned);
        if self.text(KIND)? == Some("openid-connect") {
            return self
                .openid_connect(name)
                .map(|settings| IdentityProviderSettings::OpenIdConnect(Box::new(settings)));
        }
        if let Some(key) = OPENID_CONNECT_ONLY.iter().find(|key| self.holds(key)) {
            return Err(self.error(
                self.line(key),
                key,
                "is for a provider of your own, and people sign in with accounts of the platform"
                    .to_owned(),
                Some("write identity_provider.kind = \"openid-connect\"".to_owned()),
            ));
        }
        Ok(match name {
            Some(name) => IdentityProviderSettings::BuiltIn { name },
            None => IdentityProviderSettings::default(),
        })
    }

    pub(super) fn forwarding(
        &self,
        provider: &IdentityProviderSettings,
    ) -> Result<Forwarding, SettingsError> {
        let default = Forwarding::default();
        let issuer = match (self.text(FORWARDING_ISSUER)?, provider) {
            (Some(text), _) => Some(self.provider_issuer(FORWARDING_ISSUER, text)?),
            (None, IdentityProviderSettings::OpenIdConnect(settings)) => {
                Some(settings.issuer.clone())
            }
            (None, IdentityProviderSettings::BuiltIn { .. }) => None,
        };
        let timeout = self.seconds("forwarding.timeout_s")?;
        Ok(Forwarding {
            issuer,
            timeout: timeout.unwrap_or(default.timeout),
        })
    }

    fn openid_connect(&self, name: Option<String>) -> Result<OpenIdConnect, SettingsError> {
        let issuer = self.required(ISSUER, "the provider's issuer, exactly as it writes it")?;
        let issuer = self.provider_issuer(ISSUER, issuer)?;
        let client_id = self.required(CLIENT_ID, "what the provider calls the platform")?;
        let principal_claim = match self.text(CLAIM)? {
            Some("preferred_username") => PrincipalClaim::PreferredUsername,
            Some("email") => PrincipalClaim::Email,
            _ => PrincipalClaim::Subject,
        };
        Ok(OpenIdConnect {
            name: name.unwrap_or_else(|| host_of(&issuer)),
            client_id: client_id.to_owned(),
            authentication: self.client_authentication()?,
            scopes: self.scopes(principal_claim)?,
            principal_claim,
            newcomers: self.newcomers()?,
            issuer,
        })
    }

    /// The text is kept: issuers are compared byte for byte.
    pub(super) fn provider_issuer(
        &self,
        key: &'static str,
        text: &str,
    ) -> Result<String, SettingsError> {
        match check_issuer(text) {
            Ok(_) => Ok(text.to_owned()),
            Err(error) => Err(self.wrong(key, text, &error.to_string())),
        }
    }

    fn client_authentication(&self) -> Result<ClientAuthentication, SettingsError> {
        let secret = self.path(SECRET)?;
        let pair = (self.path(CERTIFICATE)?, self.path(PRIVATE_KEY)?);
        match (secret, pair) {
            (None, (None, None)) => Ok(ClientAuthentication::Public),
            (Some(file), (None, None)) => Ok(ClientAuthentication::SecretFile(file)),
            (None, (Some(certificate), Some(key))) => {
                Ok(ClientAuthentication::Certificate { certificate, key })
            }
            (None, (Some(_), None)) => Err(self.half(CERTIFICATE, PRIVATE_KEY)),
            (None, (None, Some(_))) => Err(self.half(PRIVATE_KEY, CERTIFICATE)),
            (Some(_), _) => Err(self.error(
                self.line(SECRET),
                SECRET,
                "does not go with a certificate and a key".to_owned(),
                Some(
                    "a client has one way to authenticate; the certificate is the safer".to_owned(),
                ),
            )),
        }
    }

    fn scopes(&self, claim: PrincipalClaim) -> Result<Vec<String>, SettingsError> {
        let Some(given) = self.list(SCOPES)? else {
            let mut scopes = vec!["openid", "profile"];
            if claim == PrincipalClaim::Email {
                scopes.push("email");
            }
            return Ok(scopes.into_iter().map(str::to_owned).collect());
        };
        for scope in &given {
            if scope.contains(' ') || Scope::parse(scope).is_err() {
                return Err(self.wrong(SCOPES, scope, "is no scope (RFC 6749 §3.3)"));
            }
        }
        if !given.iter().any(|scope| scope == "openid") {
            return Err(self.error(
                self.line(SCOPES),
                SCOPES,
                "lacks `openid`, without which there is no ID token".to_owned(),
                None,
            ));
        }
        Ok(given)
    }

    fn newcomers(&self) -> Result<Newcomers, SettingsError> {
        let roles = self.list(ROLES)?;
        if self.flag(CREATE)? == Some(true) {
            let roles = roles.unwrap_or_default();
            return Ok(Newcomers::Created { roles });
        }
        match roles {
            Some(roles) if !roles.is_empty() => Err(self.error(
                self.line(ROLES),
                ROLES,
                "is for principals that the platform makes, and it makes none".to_owned(),
                Some("write identity_provider.create_principals = true".to_owned()),
            )),
            _ => Ok(Newcomers::Refused),
        }
    }

    fn required(&self, key: &'static str, what: &str) -> Result<&str, SettingsError> {
        self.text(key)?
            .ok_or_else(|| self.error(self.line(KIND), key, format!("is missing: {what}"), None))
    }

    fn half(&self, given: &'static str, missing: &'static str) -> SettingsError {
        self.error(
            self.line(given),
            missing,
            format!("is missing, and {given} is given"),
            Some("private_key_jwt needs both".to_owned()),
        )
    }
}

/// What people call a provider that nobody named.
fn host_of(issuer: &str) -> String {
    url::Url::parse(issuer)
        .ok()
        .and_then(|url| url.host_str().map(str::to_owned))
        .unwrap_or_else(|| issuer.to_owned())
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use super::*;
    use crate::config::Settings;

    const START: &str = "issuer = \"http://127.0.0.1:8085\"\n[identity_provider]\n";
    const OPENID_CONNECT: &str = "kind = \"openid-connect\"\nissuer = \"https://id.example.com/\"\nclient_id = \"platform-7\"\n";

    fn parse(text: &str) -> Result<Settings, SettingsError> {
        Settings::parse(
            &format!("{START}{text}"),
            Path::new("/etc/countersign/c.toml"),
        )
    }

    fn openid_connect(text: &str) -> OpenIdConnect {
        let settings = parse(&format!("{OPENID_CONNECT}{text}")).unwrap();
        match settings.identity_provider {
            IdentityProviderSettings::OpenIdConnect(settings) => *settings,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn without_a_word_people_sign_in_with_accounts_of_the_platform() {
        let settings = parse("").unwrap();
        assert_eq!(
            settings.identity_provider,
            IdentityProviderSettings::default()
        );
        assert_eq!(settings.identity_provider.name(), "countersign");
        let settings = parse("kind = \"built-in\"\nname = \"Acme\"\n").unwrap();
        assert_eq!(settings.identity_provider.name(), "Acme");
    }

    #[test]
    fn a_provider_is_named_by_its_host_and_its_issuer_stays_as_it_was_written() {
        let settings = openid_connect("");
        assert_eq!(settings.name, "id.example.com");
        assert_eq!(settings.issuer, "https://id.example.com/");
        assert_eq!(settings.client_id, "platform-7");
        assert_eq!(settings.authentication, ClientAuthentication::Public);
        assert_eq!(settings.scopes, ["openid", "profile"]);
        assert_eq!(settings.principal_claim, PrincipalClaim::Subject);
        assert_eq!(settings.newcomers, Newcomers::Refused);
    }

    #[test]
    fn writing_the_defaults_out_changes_nothing() {
        assert_eq!(
            openid_connect(
                "name = \"id.example.com\"\nscopes = [\"openid\", \"profile\"]\n\
                 principal_claim = \"sub\"\ncreate_principals = false\nroles = []\n"
            ),
            openid_connect("")
        );
    }

    #[test]
    fn every_key_is_read() {
        let settings = openid_connect(
            "name = \"Acme\"\ncertificate = \"me.pem\"\nkey = \"/etc/me.key\"\n\
             scopes = [\"openid\", \"groups\"]\nprincipal_claim = \"email\"\n\
             create_principals = true\nroles = [\"Reader\", \"Ops\"]\n",
        );
        assert_eq!(settings.name, "Acme");
        assert_eq!(
            settings.authentication,
            ClientAuthentication::Certificate {
                certificate: "/etc/countersign/me.pem".into(),
                key: "/etc/me.key".into(),
            }
        );
        assert_eq!(settings.scopes, ["openid", "groups"]);
        assert_eq!(settings.principal_claim, PrincipalClaim::Email);
        assert_eq!(
            settings.newcomers,
            Newcomers::Created {
                roles: vec!["Reader".to_owned(), "Ops".to_owned()]
            }
        );
        let settings = openid_connect("client_secret_file = \"secret\"\n");
        assert_eq!(
            settings.authentication,
            ClientAuthentication::SecretFile("/etc/countersign/secret".into())
        );
    }

    #[test]
    fn a_principal_by_email_asks_for_the_email() {
        let settings = openid_connect("principal_claim = \"email\"\n");
        assert_eq!(settings.scopes, ["openid", "profile", "email"]);
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let kind = "kind = \"openid-connect\"\n";
        let with = |text: &str| format!("{OPENID_CONNECT}{text}");
        for (text, key, problem) in [
            (
                "issuer = \"https://id.example.com\"\n".to_owned(),
                ISSUER,
                "provider of your own",
            ),
            (
                "roles = [\"Reader\"]\n".to_owned(),
                ROLES,
                "provider of your own",
            ),
            (
                "kind = \"ldap\"\n".to_owned(),
                KIND,
                "`built-in`, `openid-connect`",
            ),
            (kind.to_owned(), ISSUER, "is missing"),
            (
                format!("{kind}issuer = \"https://x.example\"\n"),
                CLIENT_ID,
                "is missing",
            ),
            (
                format!("{kind}issuer = \"http://x.example\"\n"),
                ISSUER,
                "not https",
            ),
            (
                with("certificate = \"c\"\n"),
                PRIVATE_KEY,
                "identity_provider.certificate is given",
            ),
            (
                with("key = \"k\"\n"),
                CERTIFICATE,
                "identity_provider.key is given",
            ),
            (
                with("client_secret_file = \"s\"\ncertificate = \"c\"\nkey = \"k\"\n"),
                SECRET,
                "does not go with",
            ),
            (with("scopes = [\"profile\"]\n"), SCOPES, "lacks `openid`"),
            (
                with("scopes = [\"openid profile\"]\n"),
                SCOPES,
                "is no scope",
            ),
            (with("scopes = \"openid\"\n"), SCOPES, "is a string"),
            (with("scopes = [1]\n"), SCOPES, "holds a whole number"),
            (with("roles = [\"Reader\"]\n"), ROLES, "makes none"),
            (with("principal_claim = \"upn\"\n"), CLAIM, "`sub`"),
            (
                with("create_principals = \"yes\"\n"),
                CREATE,
                "`true` or `false`",
            ),
        ] {
            let error = parse(&text).expect_err(&text);
            assert_eq!(error.key, key, "{error}");
            assert!(error.problem.contains(problem), "{error}");
            assert!(error.line.is_some(), "{error}");
        }
    }

    #[test]
    fn assertions_are_forwarded_to_the_identity_provider_unless_told_otherwise() {
        let settings = parse(OPENID_CONNECT).unwrap();
        assert_eq!(
            settings.forwarding.issuer.as_deref(),
            Some("https://id.example.com/")
        );
        assert_eq!(settings.forwarding.timeout, Duration::from_secs(10));
        assert_eq!(parse("").unwrap().forwarding.issuer, None);

        let settings = parse(
            "[forwarding]\nissuer = \"https://other.example.com\"\ntimeout_s = 3\n\
             [outbound]\nca_bundle = \"ca.pem\"\n",
        )
        .unwrap();
        assert_eq!(
            settings.forwarding.issuer.as_deref(),
            Some("https://other.example.com")
        );
        assert_eq!(settings.forwarding.timeout, Duration::from_secs(3));
        assert_eq!(
            settings.outbound_ca_bundle,
            Some("/etc/countersign/ca.pem".into())
        );
        let error = parse("[forwarding]\nissuer = \"http://x.example\"\n").unwrap_err();
        assert_eq!(error.key, FORWARDING_ISSUER);
    }
}
