//! Which certificate is taken, and why is each other not?

use countersign::{Clock, SystemClock};
use serde_json::json;

use crate::{
    args::{Environment, StoreOptions},
    certificate_choice::{Choice, unusable},
    failure::Failure,
    output::{Block, Output, Shown},
};

/// What several certificates that fit are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Several {
    TakeTheNewest,
    AreAnError,
}

pub(crate) fn run(
    selector: &str,
    several: Several,
    options: &StoreOptions,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let mut choice = Choice::of_word(selector, options, environment)?;
    choice.selector.strict = several == Several::AreAnError;
    let candidates = choice.store.candidates().map_err(unusable)?;
    let verdicts = choice.selector.explain(&candidates, SystemClock.now());
    let items: Vec<_> = verdicts
        .iter()
        .map(|verdict| {
            json!({
                "taken": verdict.taken,
                "subject": verdict.subject,
                "thumbprint": verdict.thumbprint.map(|thumbprint| thumbprint.to_hex()),
                "not_after": verdict.not_after.map(|end| end.to_string()),
                "reason": verdict.reason,
                "source": verdict.source.display().to_string(),
            })
        })
        .collect();
    let rows = verdicts.iter().map(|verdict| {
        vec![
            if verdict.taken { "taken" } else { "not taken" }.to_owned(),
            verdict.subject.clone(),
            verdict.source.display().to_string(),
            verdict.reason.clone(),
        ]
    });
    output.show(&Shown {
        json: json!({ "items": items }),
        text: vec![Block::Table(
            vec!["", "SUBJECT", "FILE", "WHY"],
            rows.collect(),
        )],
    })?;
    if verdicts.iter().any(|verdict| verdict.taken) {
        return Ok(());
    }
    Err(Failure::other("no certificate is taken").hint(format!(
        "certificates are looked for in {}",
        choice.store.path().display()
    )))
}
