//! How are roles managed?

use countersign_proto::management::{Page, Role};
use http::Method;

use super::{Admin, PageRequest};
use crate::Error;

impl Admin {
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
}
