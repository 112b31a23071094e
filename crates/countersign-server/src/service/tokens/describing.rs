//! How does a granted token get another name?

use countersign_proto::management::{GrantedToken, TokenChange};

use super::{
    Caller, ChangeRefusal, attempt, fault,
    granting::written_down,
    present,
    standing::{NAME, WRITE, found_to_change, shown},
};
use crate::{Platform, policy};

/// Changes what people read of a token. What is absent stays.
pub(crate) async fn describe(
    platform: &Platform,
    caller: &Caller,
    id: &str,
    change: TokenChange,
) -> Result<GrantedToken, ChangeRefusal> {
    attempt(platform, caller, WRITE.own, async {
        let mut row = found_to_change(platform, caller, id).await?;
        row.name = change.name.unwrap_or(row.name);
        row.description = change.description.unwrap_or(row.description);
        policy::granted::describe(&row.name, &row.description)?;
        let entry = written_down(platform, caller, &row, "granted_token.rename");
        let described = platform
            .store()
            .describe_token(id, &row.name, &row.description, entry);
        present(described.await.map_err(fault)?.then_some(()), NAME, id)?;
        Ok(shown(platform, row))
    })
    .await
}
