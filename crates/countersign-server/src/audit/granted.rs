//! What is written down about a granted token?

use countersign_proto::time::UnixTime;

use super::changed;
use crate::{
    service::Caller,
    store::{NewAuditEntry, TokenRow},
};

/// A change of a token: who made it, to whom the token belongs, and which one it is.
pub(crate) fn granted_token(
    caller: &Caller,
    action: &'static str,
    row: &TokenRow,
    now: UnixTime,
) -> NewAuditEntry {
    let subject = match &row.owner {
        Some(owner) => owner.clone(),
        None => format!("countersign:system:{}", row.name),
    };
    NewAuditEntry {
        token_id: Some(row.id.clone()),
        ..changed(caller, action, subject, now)
    }
}
