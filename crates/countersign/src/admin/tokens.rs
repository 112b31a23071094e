//! How are tokens managed that people grant?

use countersign_proto::management::{
    GivenToken, GrantedToken, ImportedToken, NewToken, Page, Revocation, Revoked, Rotation,
    TokenChange, TokenFilter, TokensRevocation,
};
use http::Method;

use super::{Admin, PageRequest, call::Call};
use crate::Error;

impl Admin {
    /// The granted tokens that the caller may see, newest first. Those that ended are listed for 30
    /// days.
    pub async fn tokens(
        &self,
        filter: &TokenFilter,
        page: &PageRequest,
    ) -> Result<Page<GrantedToken>, Error> {
        let call = Call::page("tokens", page).filter(filter)?;
        self.caller.call(call).await?.read()
    }

    /// One granted token, by its id.
    pub async fn token(&self, id: &str) -> Result<GrantedToken, Error> {
        self.read(&["tokens", id]).await
    }

    /// Grants a token, to the caller or to another. The string is in this answer and nowhere else:
    /// when the answer is lost, the token is still listed, and can be revoked.
    pub async fn create_token(&self, token: &NewToken) -> Result<GivenToken, Error> {
        let call = Call::new(Method::POST, &["tokens"]).body(token)?;
        self.caller.call(call).await?.given()
    }

    /// Changes the name or the description of a token.
    pub async fn describe_token(
        &self,
        id: &str,
        change: &TokenChange,
    ) -> Result<GrantedToken, Error> {
        self.write(Method::PATCH, &["tokens", id], change).await
    }

    /// Gives a token a successor. Both live until the successor is first used, or the grace ends, or
    /// the rotation is confirmed or aborted.
    pub async fn rotate_token(&self, id: &str, rotation: &Rotation) -> Result<GivenToken, Error> {
        let call = Call::new(Method::POST, &["tokens", id, "rotate"]).body(rotation)?;
        self.caller.call(call).await?.given()
    }

    /// The successor works: the old token ends now. `id` is that of either.
    pub async fn confirm_rotation(&self, id: &str) -> Result<GrantedToken, Error> {
        let call = Call::new(Method::POST, &["tokens", id, "confirm"]);
        self.caller.call(call).await?.read()
    }

    /// The successor ends now, and the old token is as it was. `id` is that of either.
    pub async fn abort_rotation(&self, id: &str) -> Result<GrantedToken, Error> {
        let call = Call::new(Method::POST, &["tokens", id, "abort"]);
        self.caller.call(call).await?.read()
    }

    /// Revokes a token, with its predecessor or successor, and every token that was granted with it.
    pub async fn revoke_token(&self, id: &str, reason: &str) -> Result<GrantedToken, Error> {
        let revocation = Revocation {
            reason: reason.to_owned(),
        };
        let path = ["tokens", id, "revoke"];
        self.write(Method::POST, &path, &revocation).await
    }

    /// Revokes all tokens of a principal, or all that an application, a certificate or a token granted.
    pub async fn revoke_tokens(&self, which: &TokensRevocation) -> Result<Revoked, Error> {
        self.write(Method::POST, &["tokens", "revoke"], which).await
    }

    /// Lets a token of another platform go on working here. The platform keeps its digest alone.
    pub async fn import_token(&self, token: &ImportedToken) -> Result<GrantedToken, Error> {
        let call = Call::new(Method::POST, &["tokens", "import"]).secret_body(token.to_json());
        self.caller.call(call).await?.read()
    }
}
