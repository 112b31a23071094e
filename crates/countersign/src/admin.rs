//! How is the platform's registry managed from outside (the API under `/api/v1`)?

use countersign_proto::management::{
    Application, AuditEntry, NewCertificate, NewMapping, Page, Principal, PrincipalMapping,
    RegisteredCertificate, Role, WhoAmI,
};

use crate::{Client, Error};

/// The management API, with the tokens of a client.
#[derive(Clone, Debug)]
pub struct Admin {}

/// Which page of a list.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct PageRequest {
    /** 1 to 500, default 100 */
    pub limit: Option<u32>,
    /** from the last page's `next` */
    pub after: Option<String>,
}

impl Admin {
    pub fn new(_client: Client) -> Admin {
        todo!()
    }
    pub async fn whoami(&self) -> Result<WhoAmI, Error> {
        todo!()
    }
    pub async fn applications(&self, _page: &PageRequest) -> Result<Page<Application>, Error> {
        todo!()
    }
    pub async fn application(&self, _client_id: &str) -> Result<Application, Error> {
        todo!()
    }
    pub async fn create_application(
        &self,
        _application: &Application,
    ) -> Result<Application, Error> {
        todo!()
    }
    pub async fn update_application(
        &self,
        _application: &Application,
    ) -> Result<Application, Error> {
        todo!()
    }
    pub async fn delete_application(&self, _client_id: &str) -> Result<(), Error> {
        todo!()
    }
    pub async fn certificates(
        &self,
        _page: &PageRequest,
    ) -> Result<Page<RegisteredCertificate>, Error> {
        todo!()
    }
    pub async fn certificate(&self, _sha256: &str) -> Result<RegisteredCertificate, Error> {
        todo!()
    }
    pub async fn register_certificate(
        &self,
        _certificate: &NewCertificate,
    ) -> Result<RegisteredCertificate, Error> {
        todo!()
    }
    pub async fn revoke_certificate(
        &self,
        _sha256: &str,
        _reason: &str,
    ) -> Result<RegisteredCertificate, Error> {
        todo!()
    }
    pub async fn principals(&self, _page: &PageRequest) -> Result<Page<Principal>, Error> {
        todo!()
    }
    pub async fn principal(&self, _name: &str) -> Result<Principal, Error> {
        todo!()
    }
    pub async fn create_principal(&self, _principal: &Principal) -> Result<Principal, Error> {
        todo!()
    }
    pub async fn update_principal(&self, _principal: &Principal) -> Result<Principal, Error> {
        todo!()
    }
    pub async fn delete_principal(&self, _name: &str) -> Result<(), Error> {
        todo!()
    }
    pub async fn roles(&self, _page: &PageRequest) -> Result<Page<Role>, Error> {
        todo!()
    }
    pub async fn create_role(&self, _role: &Role) -> Result<Role, Error> {
        todo!()
    }
    pub async fn update_role(&self, _role: &Role) -> Result<Role, Error> {
        todo!()
    }
    pub async fn delete_role(&self, _name: &str) -> Result<(), Error> {
        todo!()
    }
    pub async fn mappings(&self, _page: &PageRequest) -> Result<Page<PrincipalMapping>, Error> {
        todo!()
    }
    pub async fn create_mapping(&self, _mapping: &NewMapping) -> Result<PrincipalMapping, Error> {
        todo!()
    }
    pub async fn delete_mapping(&self, _id: &str) -> Result<(), Error> {
        todo!()
    }
    pub async fn audit(&self, _page: &PageRequest) -> Result<Page<AuditEntry>, Error> {
        todo!()
    }
}
