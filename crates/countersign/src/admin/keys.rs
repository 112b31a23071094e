//! How is it looked after by which keys the platform signs?

use countersign_proto::management::{KeyRotation, Page, Revocation, SigningKeyInfo};
use http::Method;

use super::{Admin, PageRequest};
use crate::Error;

impl Admin {
    /// The keys that sign tokens, and those that did.
    pub async fn keys(&self, page: &PageRequest) -> Result<Page<SigningKeyInfo>, Error> {
        self.list("keys", page).await
    }

    /// Makes a new signing key. It is announced first, and signs when whoever verifies has read it.
    pub async fn rotate_keys(&self, rotation: &KeyRotation) -> Result<SigningKeyInfo, Error> {
        self.write(Method::POST, &["keys", "rotate"], rotation)
            .await
    }

    /// Retires a key at once: what it signed is believed no more.
    pub async fn retire_key(&self, kid: &str, reason: &str) -> Result<SigningKeyInfo, Error> {
        let revocation = Revocation {
            reason: reason.to_owned(),
        };
        let path = ["keys", kid, "retire"];
        self.write(Method::POST, &path, &revocation).await
    }
}
