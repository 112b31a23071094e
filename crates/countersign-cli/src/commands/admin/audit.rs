//! What happened on the platform?

use countersign::admin::Admin;

use super::{page, view};
use crate::{
    args::PageOptions,
    failure::Failure,
    output::{Output, Shown},
};

pub(crate) async fn run(
    options: &PageOptions,
    admin: &Admin,
    output: &Output,
) -> Result<Shown, Failure> {
    let entries = admin.audit(&page(options)).await?;
    let columns = [
        "sequence", "at", "action", "outcome", "actor", "subject", "reason",
    ];
    Ok(view::list(&entries, &columns, output))
}
