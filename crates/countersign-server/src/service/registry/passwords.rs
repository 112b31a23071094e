//! Who may set the password of a person, and take it away?
//!
//! A password is a way in, so nobody sets one of somebody who may do more than he may, or has a role
//! that he has not. With a new
//! password, and with none, the sessions of the person end: whoever has got in by the old one is out.
//! What was granted meanwhile goes on, unless that is to end too.

use countersign_proto::management::NewPassword;
use zeroize::Zeroizing;

use super::{
    ChangeRefusal, attempt, fault, must_be_able_to_give, must_cover, permissions_of, present,
};
use crate::{
    Platform, audit,
    config::IdentityProviderSettings,
    idp::{HashingError, Password},
    refusal::Fault,
    registry::RegistryError,
    service::{Caller, tokens},
    store::AccountRow,
};

const WRITE: &str = "principals:write";

/// Why the sessions of a person ended whose password changed.
const PASSWORD_CHANGED: &str = "password_changed";

/// Sets the password of a principal.
pub(crate) async fn set(
    platform: &Platform,
    caller: &Caller,
    name: &str,
    new: &NewPassword,
) -> Result<(), ChangeRefusal> {
    attempt(platform, caller, WRITE, async {
        may_change(platform, caller, name)?;
        must_be_able_to_give(caller, name, &platform.registry())?;
        if new.ends_tokens() {
            tokens::may_revoke_all_of(platform, caller, name).await?;
        }
        let invalid = |problem: String| {
            ChangeRefusal::Registry(RegistryError::Invalid {
                what: "password",
                problem,
            })
        };
        if let IdentityProviderSettings::OpenIdConnect(_) = platform.settings().identity_provider {
            let provider = platform.identity_provider().name();
            return Err(invalid(format!(
                "people sign in with {provider}, the platform keeps no passwords"
            )));
        }
        let password = Password::chosen(Zeroizing::new(new.expose().to_owned()))
            .map_err(|error| invalid(error.to_string()))?;
        let hashed = platform.passwords().hash(&password).await;
        let now = platform.now();
        let row = AccountRow {
            principal: name.to_owned(),
            password: hashed.map_err(|error| match error {
                HashingError::Busy => ChangeRefusal::Busy,
                HashingError::Fault(what) => ChangeRefusal::Fault(Fault::new(what)),
            })?,
            changed_at: now,
        };
        let entry = audit::changed(caller, "password.set", name, now);
        platform
            .store()
            .put_account(row, entry)
            .await
            .map_err(fault)?;
        end_sessions(platform, caller, name).await?;
        // The sessions first: nothing is granted in one that has ended.
        if new.ends_tokens() {
            tokens::revoke_all_of(platform, caller, name, PASSWORD_CHANGED).await?;
        }
        Ok(())
    })
    .await
}

/// Takes the password of a principal away: nobody signs in by it any more.
pub(crate) async fn delete(
    platform: &Platform,
    caller: &Caller,
    name: &str,
) -> Result<(), ChangeRefusal> {
    attempt(platform, caller, WRITE, async {
        may_change(platform, caller, name)?;
        let entry = audit::changed(caller, "password.delete", name, platform.now());
        let deleted = platform.store().delete_account(name, entry).await;
        present(
            deleted.map_err(fault)?.then_some(()),
            "password of principal",
            name,
        )?;
        end_sessions(platform, caller, name).await
    })
    .await
}

fn may_change(platform: &Platform, caller: &Caller, name: &str) -> Result<(), ChangeRefusal> {
    caller.must_have(WRITE)?;
    let registry = platform.registry();
    must_cover(caller, &permissions_of(&registry, name), "this principal")?;
    present(registry.principal(name), "principal", name).map(drop)
}

async fn end_sessions(
    platform: &Platform,
    caller: &Caller,
    name: &str,
) -> Result<(), ChangeRefusal> {
    let now = platform.now();
    let entry = audit::changed(caller, "session.end", name, now);
    let ended = platform
        .store()
        .end_sessions_of(name, PASSWORD_CHANGED, now, entry);
    ended.await.map(drop).map_err(fault)
}
