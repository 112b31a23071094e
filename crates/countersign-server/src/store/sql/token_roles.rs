//! What becomes of the granted tokens that name a role which is deleted?

use countersign_proto::time::UnixTime;

use super::{Columns, Lock, Made, Sql, json, token_ends, values};
use crate::store::{
    ROLE_DELETED, StoreError, TokenSelector,
    resting::{self, Resting},
};

/// No token names this role any more, whatever role has its name later.
pub(super) async fn take_away(
    connection: &mut impl Sql,
    made: &mut Made,
    role: &str,
    at: UnixTime,
) -> Result<(), StoreError> {
    // Nobody grants a token meanwhile that would be missed.
    connection.hold(Lock::Ending).await?;
    // What is found may be part of another name; which it is, is seen when it is read.
    let rows = connection
        .rows(
            "SELECT id, roles FROM granted_token \
             WHERE revoked_at IS NULL AND replace(roles, $1, '') <> roles",
            values![json(role)?],
        )
        .await?;
    let (mut changed, mut ended) = (Vec::new(), Vec::new());
    for row in rows {
        let (id, roles) = (row.text(0)?, row.text(1)?);
        let roles: Vec<String> = serde_json::from_str(&roles).map_err(|error| {
            StoreError::Fault(format!("the roles of a granted token do not read: {error}"))
        })?;
        match resting::without(&roles, role) {
            None => {}
            // With none, it would have all that its owner has.
            Some(left) if left.is_empty() => ended.push(id),
            Some(left) => {
                connection
                    .execute(
                        "UPDATE granted_token SET roles = $2 WHERE id = $1",
                        values![id.as_str(), json(&left)?],
                    )
                    .await?;
                changed.push(id);
            }
        }
    }
    if !changed.is_empty() {
        token_ends::tell(connection, made, &changed).await?;
    }
    for id in ended {
        let alone = Resting::Selected(TokenSelector::Id(id));
        token_ends::revoke(connection, made, alone, ROLE_DELETED, at).await?;
    }
    Ok(())
}
