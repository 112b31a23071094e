//! What does one certificate say?

use countersign::{Clock, SystemClock};

use super::list;
use crate::{
    args::{Environment, StoreOptions},
    certificate_choice::{Choice, unusable},
    commands::admin::view,
    failure::Failure,
    output::Output,
};

/// The one that would be taken; if none would be, the first that is meant.
pub(crate) fn run(
    selector: &str,
    options: &StoreOptions,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let choice = Choice::of_word(selector, options, environment)?;
    let now = SystemClock.now();
    let candidates = choice.store.candidates().map_err(unusable)?;
    let verdicts = choice.selector.explain(&candidates, now);
    let taken = verdicts.iter().find(|verdict| verdict.taken);
    let wanted = &choice.selector;
    let found = candidates.iter().find(|candidate| {
        let Some(chain) = &candidate.chain else {
            return false;
        };
        let leaf = chain.leaf();
        match taken {
            Some(taken) => {
                taken.source == candidate.source
                    && taken
                        .thumbprint
                        .is_none_or(|thumbprint| leaf.has_thumbprint(&thumbprint))
            }
            None => {
                wanted
                    .thumbprint
                    .is_none_or(|thumbprint| leaf.has_thumbprint(&thumbprint))
                    && wanted
                        .subject
                        .as_ref()
                        .is_none_or(|subject| leaf.subject() == subject)
            }
        }
    });
    match found {
        Some(candidate) => output.show(&view::record(&list::record(candidate, now), &list::ORDER)),
        None => Err(
            Failure::other(format!("no certificate is meant by {selector:?}")).hint(format!(
                "see all with: countersign cert list --cert-store {}",
                choice.store.path().display()
            )),
        ),
    }
}
