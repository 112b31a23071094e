//! How is it managed who a token stands for, and by which password?

use countersign_proto::management::{NewPassword, Page, Principal, PrincipalFilter};
use http::Method;

use super::{Admin, PageRequest, call::Call};
use crate::Error;

impl Admin {
    /// The principals.
    pub async fn principals(&self, page: &PageRequest) -> Result<Page<Principal>, Error> {
        self.list("principals", page).await
    }

    /// Those principals that the filter lets through: who has a password, say.
    pub async fn principals_matching(
        &self,
        filter: &PrincipalFilter,
        page: &PageRequest,
    ) -> Result<Page<Principal>, Error> {
        let call = Call::page("principals", page).filter(filter)?;
        self.caller.call(call).await?.read()
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
    /// sessions of the person end; with [`NewPassword::with_tokens`] also all tokens that the person has
    /// or granted.
    pub async fn set_password(&self, principal: &str, password: &NewPassword) -> Result<(), Error> {
        let call = Call::new(Method::PUT, &["principals", principal, "password"])
            .secret_body(password.to_json());
        self.caller.call(call).await.map(|_| ())
    }

    /// Takes the password of a person away, and ends the sessions of the person.
    pub async fn delete_password(&self, principal: &str) -> Result<(), Error> {
        self.delete(&["principals", principal, "password"]).await
    }
}
