//! How are the applications managed that sign in?

use countersign_proto::management::{Application, Page};
use http::Method;

use super::{Admin, PageRequest};
use crate::Error;

impl Admin {
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
}
