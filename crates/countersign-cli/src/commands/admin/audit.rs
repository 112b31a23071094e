//! What happened on the platform?

use countersign::{
    admin::Admin,
    proto::management::{AuditFilter, AuditOutcome},
};

use super::{page, view};
use crate::{
    args::{AuditOptions, AuditVerdict},
    failure::Failure,
    output::{Output, Shown},
    times::day_or_moment,
};

pub(crate) async fn run(
    options: &AuditOptions,
    admin: &Admin,
    output: &Output,
) -> Result<Shown, Failure> {
    let entries = admin.audit(&filter(options)?, &page(&options.page)).await?;
    let columns = [
        "sequence", "at", "action", "outcome", "actor", "subject", "reason",
    ];
    Ok(view::list(&entries, &columns, output))
}

fn filter(options: &AuditOptions) -> Result<AuditFilter, Failure> {
    let moment = |option: &str, text: &Option<String>| {
        let moment = text.as_deref().map(|text| day_or_moment(option, text));
        moment.transpose()
    };
    Ok(AuditFilter {
        actor: options.actor.clone(),
        subject: options.subject.clone(),
        action: options.action.clone(),
        outcome: options.outcome.map(|outcome| match outcome {
            AuditVerdict::Ok => AuditOutcome::Ok,
            AuditVerdict::Refused => AuditOutcome::Refused,
        }),
        from: moment("--from", &options.from)?,
        to: moment("--to", &options.to)?,
        token_id: options.token_id.clone(),
        certificate: options.certificate.clone(),
    })
}
