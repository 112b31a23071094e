//! How does a test register an application with its certificate, principals and mappings?

use countersign::{Client, Credential, admin::Admin};
use countersign_proto::management::{
    Application, CertificateUsage, NewCertificate, NewMapping, Principal,
};

use crate::{TestPlatform, TestkitError, fixtures};

/// An application that is about to be registered at a [`TestPlatform`].
///
/// Unless told otherwise its certificate is [`fixtures::service`], and it maps to one principal
/// that is called like the application and has no roles.
#[derive(Debug)]
#[must_use]
pub struct NewApplication<'a> {
    platform: &'a TestPlatform,
    application: Application,
    credential: Credential,
    kid_alias: Option<String>,
    principals: Vec<Principal>,
    default_principal: Option<String>,
}

impl<'a> NewApplication<'a> {
    pub(crate) fn new(platform: &'a TestPlatform, client_id: &str) -> Self {
        NewApplication {
            platform,
            application: Application::new(client_id),
            credential: fixtures::service(),
            kid_alias: None,
            principals: Vec::new(),
            default_principal: None,
        }
    }

    /// Whose certificate is registered. Default: [`fixtures::service`].
    pub fn credential(mut self, credential: Credential) -> Self {
        self.credential = credential;
        self
    }

    /// A literal `kid` for the certificate besides its thumbprints.
    pub fn kid_alias(mut self, alias: &str) -> Self {
        self.kid_alias = Some(alias.to_owned());
        self
    }

    /// Maps the certificate to a principal with these roles; it is made when it is not there. Several calls make several rows.
    pub fn principal(mut self, name: &str, roles: &[&str]) -> Self {
        self.principals.push(Principal {
            name: name.to_owned(),
            display_name: name.to_owned(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            enabled: true,
            password_set_at: None,
        });
        self
    }

    /// Which of several principals is taken when none is asked for. Default: none of them.
    pub fn default_principal(mut self, name: &str) -> Self {
        self.default_principal = Some(name.to_owned());
        self
    }

    /// Scopes that it may ask for, space-delimited. Several calls add up.
    pub fn scope(mut self, scope: &str) -> Self {
        let scopes = scope.split_ascii_whitespace().map(str::to_owned);
        self.application.scopes.extend(scopes);
        self
    }

    /// The `aud` of its tokens. Default: the issuer.
    pub fn audience(mut self, audience: &str) -> Self {
        self.application.audience = Some(audience.to_owned());
        self
    }

    /// Its tokens are bound to a DPoP key.
    pub fn dpop_bound(mut self) -> Self {
        self.application.dpop_bound_access_tokens = true;
        self
    }

    /// Admits what old libraries send: the token endpoint as audience, and assertions that live up to an hour.
    pub fn compatible_with_old_libraries(mut self) -> Self {
        self.application.accept_token_endpoint_audience = true;
        self.application.assertion_lifetime_max_s = Some(3600);
        self
    }

    /// Its assertions go to the provider of `forwarding.issuer` as well, and may name that provider as their audience.
    pub fn forwarded(mut self) -> Self {
        self.application.forward = true;
        self.application.accept_provider_audience = true;
        self
    }

    /// Registers all of it through the management API. Answers a client of it, over the platform's wire.
    pub async fn register(mut self) -> Result<Client, TestkitError> {
        if self.principals.is_empty() {
            let name = self.application.client_id.clone();
            self = self.principal(&name, &[]);
        }
        let admin = self.platform.admin()?;
        admin.create_application(&self.application).await?;
        let certificate = admin
            .register_certificate(&NewCertificate {
                pem: self.credential.chain().leaf().to_pem(),
                client_id: Some(self.application.client_id.clone()),
                usage: CertificateUsage::Client,
                kid_alias: self.kid_alias.clone(),
            })
            .await?;
        for principal in &self.principals {
            ensure_principal(&admin, principal).await?;
            let is_default = self.default_principal.as_deref() == Some(principal.name.as_str());
            admin
                .create_mapping(&NewMapping {
                    certificate: certificate.sha256.clone(),
                    client_id: self.application.client_id.clone(),
                    principal: principal.name.clone(),
                    is_default,
                })
                .await?;
        }
        let client = self
            .platform
            .client(&self.application.client_id, self.credential)
            .build()?;
        Ok(client)
    }
}

async fn ensure_principal(admin: &Admin, principal: &Principal) -> Result<(), TestkitError> {
    if admin.principal(&principal.name).await.is_err() {
        admin.create_principal(principal).await?;
    }
    Ok(())
}
