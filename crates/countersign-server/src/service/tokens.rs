//! How does somebody who may grant, see, rename, rotate and revoke tokens?
//!
//! As with the registry, every function asks for the permission first, then whether the caller
//! would give away more than he has, then makes the change durable with its audit row. The API and
//! the console call the same functions. Only an id is ever written down, never a string.

mod standing;
pub(crate) use standing::rights_of;

mod reading;
pub(crate) use reading::{find, list};

mod granting;
pub(crate) use granting::{create, create_as};

mod describing;
pub(crate) use describing::describe;

mod rotation;
pub(crate) use rotation::{abort, confirm, rotate, rotate_as};

mod revocation;
pub(crate) use revocation::{
    may_revoke_all_of, may_revoke_all_through, revoke, revoke_all_of, revoke_all_through,
    revoke_many,
};

mod import;
pub(crate) use import::import;

use super::{
    AccessRefusal, Caller, ChangeRefusal, Permissions,
    registry::{attempt, fault, must_cover, permissions_of, present},
};
use crate::{policy::granted::GrantRefusal, registry::RegistryError};

impl From<GrantRefusal> for ChangeRefusal {
    fn from(refusal: GrantRefusal) -> ChangeRefusal {
        match refusal {
            GrantRefusal::Permission(permission) => {
                ChangeRefusal::Access(AccessRefusal::Forbidden { permission })
            }
            GrantRefusal::Escalation(why) => ChangeRefusal::Escalation(why),
            GrantRefusal::Invalid { what, problem } => invalid(what, problem),
        }
    }
}

fn invalid(what: &'static str, problem: String) -> ChangeRefusal {
    ChangeRefusal::Registry(RegistryError::Invalid { what, problem })
}
