//! How is it managed which certificate stands for which principal?

use countersign_proto::management::{NewMapping, Page, PrincipalMapping};
use http::Method;

use super::{Admin, PageRequest};
use crate::Error;

impl Admin {
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
}
