//! How is the platform's registry managed from outside (the API under `/api/v1`)?

use std::sync::Arc;

use countersign_proto::{
    management::{
        Application, AuditEntry, NewCertificate, NewMapping, NewPassword, Page, Principal,
        PrincipalMapping, RegisteredCertificate, Revocation, Role, Session, WhoAmI,
    },
    metadata::Metadata,
};
use http::Method;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Client, Error, Token, Transport};

mod call;
use call::{Call, Caller};

/// The management API, with the tokens of a client or with one that is held already.
///
/// Each method fails with the kind of the platform's answer: [`crate::ErrorKind::NotFound`] (404),
/// [`crate::ErrorKind::Conflict`] (409), [`crate::ErrorKind::Denied`] (403),
/// [`crate::ErrorKind::IdentityRejected`] (401), [`crate::ErrorKind::Settings`] (400, 413, 422).
#[derive(Clone, Debug)]
pub struct Admin {
    caller: Caller,
}

/// Which page of a list.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PageRequest {
    /// 1 to 500, default 100.
    pub limit: Option<u32>,
    /// From the last page's `next`.
    pub after: Option<String>,
}

impl PageRequest {
    /// The first page.
    pub fn first() -> PageRequest {
        PageRequest::default()
    }

    /// The page that follows the one whose `next` this is.
    pub fn after(cursor: &str) -> PageRequest {
        PageRequest {
            after: Some(cursor.to_owned()),
            ..PageRequest::default()
        }
    }

    /// The same, with at most so many items. 1 to 500.
    #[must_use]
    pub fn limit(mut self, limit: u32) -> PageRequest {
        self.limit = Some(limit);
        self
    }
}

impl Admin {
    /// With the tokens of a client.
    pub fn new(client: Client) -> Admin {
        Admin {
            caller: Caller::with_client(client),
        }
    }

    /// With a bearer token that is held already. It is not renewed.
    pub fn with_token(
        transport: Arc<dyn Transport>,
        metadata: Arc<Metadata>,
        token: Token,
    ) -> Admin {
        Admin {
            caller: Caller::with_token(transport, metadata, token),
        }
    }

    /// Who the caller is.
    pub async fn whoami(&self) -> Result<WhoAmI, Error> {
        self.read(&["whoami"]).await
    }

    /// The applications.
    pub async fn applications(&self, page: &PageRequest) -> Result<Page<Application>, Error> {
        self.list("applications", page).await
    }

    /// One application.
    pub async fn application(&self, client_id: &str) -> Result<Application, Error> {
        self.read(&["applications", client_id]).await
    }

    /// Registers an application.
    pub async fn create_application(
        &self,
        application: &Application,
    ) -> Result<Application, Error> {
        self.write(Method::POST, &["applications"], application)
            .await
    }

    /// Changes an application as a whole.
    pub async fn update_application(
        &self,
        application: &Application,
    ) -> Result<Application, Error> {
        let path = ["applications", &application.client_id];
        self.write(Method::PUT, &path, application).await
    }

    /// Removes an application.
    pub async fn delete_application(&self, client_id: &str) -> Result<(), Error> {
        self.delete(&["applications", client_id]).await
    }

    /// The certificates.
    pub async fn certificates(
        &self,
        page: &PageRequest,
    ) -> Result<Page<RegisteredCertificate>, Error> {
        self.list("certificates", page).await
    }

    /// One certificate, by the lower-case hexadecimal SHA-256 of its DER.
    pub async fn certificate(&self, sha256: &str) -> Result<RegisteredCertificate, Error> {
        self.read(&["certificates", sha256]).await
    }

    /// Registers a certificate.
    pub async fn register_certificate(
        &self,
        certificate: &NewCertificate,
    ) -> Result<RegisteredCertificate, Error> {
        self.write(Method::POST, &["certificates"], certificate)
            .await
    }

    /// Revokes a certificate: it stops working at once, and so do the tokens that it earned.
    pub async fn revoke_certificate(
        &self,
        sha256: &str,
        reason: &str,
    ) -> Result<RegisteredCertificate, Error> {
        let revocation = Revocation {
            reason: reason.to_owned(),
        };
        self.write(
            Method::POST,
            &["certificates", sha256, "revoke"],
            &revocation,
        )
        .await
    }

    /// The principals.
    pub async fn principals(&self, page: &PageRequest) -> Result<Page<Principal>, Error> {
        self.list("principals", page).await
    }

    /// One principal.
    pub async fn principal(&self, name: &str) -> Result<Principal, Error> {
        self.read(&["principals", name]).await
    }

    /// Adds a principal.
    pub async fn create_principal(&self, principal: &Principal) -> Result<Principal, Error> {
        self.write(Method::POST, &["principals"], principal).await
    }

    /// Changes a principal as a whole.
    pub async fn update_principal(&self, principal: &Principal) -> Result<Principal, Error> {
        self.write(Method::PUT, &["principals", &principal.name], principal)
            .await
    }

    /// Removes a principal.
    pub async fn delete_principal(&self, name: &str) -> Result<(), Error> {
        self.delete(&["principals", name]).await
    }

    /// Sets the password by which a person signs in, where the platform itself keeps accounts. The
    /// sessions of the person end.
    pub async fn set_password(&self, principal: &str, password: &NewPassword) -> Result<(), Error> {
        let call = Call::new(Method::PUT, &["principals", principal, "password"])
            .secret_body(password.to_json());
        self.caller.call(call).await.map(|_| ())
    }

    /// Takes the password of a person away, and ends the sessions of the person.
    pub async fn delete_password(&self, principal: &str) -> Result<(), Error> {
        self.delete(&["principals", principal, "password"]).await
    }

    /// The sessions of a principal, or of everybody, newest first. Those that ended are listed for
    /// 30 days.
    pub async fn sessions(
        &self,
        principal: Option<&str>,
        page: &PageRequest,
    ) -> Result<Page<Session>, Error> {
        let call = Call::page("sessions", page).query("principal", principal.map(str::to_owned));
        self.caller.call(call).await?.read()
    }

    /// One session.
    pub async fn session(&self, id: &str) -> Result<Session, Error> {
        self.read(&["sessions", id]).await
    }

    /// Ends a session at once, with every token of it.
    pub async fn end_session(&self, id: &str) -> Result<Session, Error> {
        let call = Call::new(Method::POST, &["sessions", id, "end"]);
        self.caller.call(call).await?.read()
    }

    /// The roles.
    pub async fn roles(&self, page: &PageRequest) -> Result<Page<Role>, Error> {
        self.list("roles", page).await
    }

    /// Adds a role.
    pub async fn create_role(&self, role: &Role) -> Result<Role, Error> {
        self.write(Method::POST, &["roles"], role).await
    }

    /// Changes a role as a whole.
    pub async fn update_role(&self, role: &Role) -> Result<Role, Error> {
        self.write(Method::PUT, &["roles", &role.name], role).await
    }

    /// Removes a role.
    pub async fn delete_role(&self, name: &str) -> Result<(), Error> {
        self.delete(&["roles", name]).await
    }

    /// The mappings from certificates to principals.
    pub async fn mappings(&self, page: &PageRequest) -> Result<Page<PrincipalMapping>, Error> {
        self.list("mappings", page).await
    }

    /// Maps a certificate to a principal.
    pub async fn create_mapping(&self, mapping: &NewMapping) -> Result<PrincipalMapping, Error> {
        self.write(Method::POST, &["mappings"], mapping).await
    }

    /// Removes a mapping.
    pub async fn delete_mapping(&self, id: &str) -> Result<(), Error> {
        self.delete(&["mappings", id]).await
    }

    /// What was done and refused, newest last.
    pub async fn audit(&self, page: &PageRequest) -> Result<Page<AuditEntry>, Error> {
        self.list("audit", page).await
    }

    async fn list<T: DeserializeOwned>(
        &self,
        noun: &str,
        page: &PageRequest,
    ) -> Result<Page<T>, Error> {
        self.caller.call(Call::page(noun, page)).await?.read()
    }

    async fn read<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, Error> {
        self.caller.call(Call::new(Method::GET, path)).await?.read()
    }

    async fn write<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &[&str],
        value: &impl Serialize,
    ) -> Result<T, Error> {
        let call = Call::new(method, path).body(value)?;
        self.caller.call(call).await?.read()
    }

    async fn delete(&self, path: &[&str]) -> Result<(), Error> {
        self.caller
            .call(Call::new(Method::DELETE, path))
            .await
            .map(|_| ())
    }
}

#[cfg(test)]
mod tests;
