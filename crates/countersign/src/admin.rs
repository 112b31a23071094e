//! How is the platform's registry managed from outside (the API under `/api/v1`)?

use std::sync::Arc;

use countersign_proto::{
    management::{AuditEntry, AuditFilter, Page, WhoAmI},
    metadata::Metadata,
};
use http::Method;
use serde::{Serialize, de::DeserializeOwned};

use crate::{Client, Error, GrantedCredential, Token, Transport};

mod applications;

mod call;
use call::{Call, Caller};

mod certificates;

mod keys;

mod mappings;

mod principals;

mod roles;

mod sessions;

mod tokens;

/// The management API, with the tokens of a client or with one that is held already.
///
/// Each method fails with the kind of the platform's answer: [`crate::ErrorKind::NotFound`] (404),
/// [`crate::ErrorKind::Conflict`] (409), [`crate::ErrorKind::Denied`] (403),
/// [`crate::ErrorKind::IdentityRejected`] (401), [`crate::ErrorKind::Policy`] (422: a rule of the platform
/// says no), [`crate::ErrorKind::Settings`] (400, 413).
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

    /// With a token that somebody granted: at the platform with this issuer identifier.
    ///
    /// # Errors
    /// [`crate::ErrorKind::Settings`] when that is no issuer identifier. No request is made.
    pub fn with_granted(
        issuer: &str,
        transport: Arc<dyn Transport>,
        credential: GrantedCredential,
    ) -> Result<Admin, Error> {
        let caller = Caller::with_granted(issuer, transport, credential)?;
        Ok(Admin { caller })
    }

    /// Who the caller is.
    pub async fn whoami(&self) -> Result<WhoAmI, Error> {
        self.read(&["whoami"]).await
    }

    /// What was done and refused, newest first.
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        page: &PageRequest,
    ) -> Result<Page<AuditEntry>, Error> {
        let call = Call::page("audit", page).filter(filter)?;
        self.caller.call(call).await?.read()
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
