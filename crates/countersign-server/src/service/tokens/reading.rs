//! Who sees which granted tokens?

use countersign_proto::management::{GrantedToken, Page, TokenFilter};

use super::{
    Caller, ChangeRefusal, fault,
    standing::{READ, Reach, found, shown},
};
use crate::{Platform, store::TokenQuery};

/// Those that the filter wants and the caller may see, newest first: everybody's, or his own.
pub(crate) async fn list(
    platform: &Platform,
    caller: &Caller,
    mut filter: TokenFilter,
    after: Option<String>,
    limit: u32,
) -> Result<Page<GrantedToken>, ChangeRefusal> {
    if READ.reach(caller)? == Reach::Own {
        let own = &caller.claims.principal;
        if filter.owner.as_ref().is_some_and(|owner| owner != own) {
            return Ok(Page {
                items: Vec::new(),
                next: None,
            });
        }
        filter.owner = Some(own.clone());
    }
    let query = TokenQuery {
        filter,
        after,
        limit,
        now: platform.now(),
        warned: platform.settings().tokens.expiry_warning,
    };
    let page = platform.store().tokens(query).await.map_err(fault)?;
    let items = page.items.into_iter();
    Ok(Page {
        items: items.map(|row| shown(platform, row)).collect(),
        next: page.next,
    })
}

/// One, in whatever state.
pub(crate) async fn find(
    platform: &Platform,
    caller: &Caller,
    id: &str,
) -> Result<GrantedToken, ChangeRefusal> {
    let row = found(platform, caller, READ, id).await?;
    Ok(shown(platform, row))
}
