//! How is what a platform remembered brought back, and what is said about what ended with it?

use countersign_server::{
    Clock as _, SystemClock,
    config::Settings,
    restore::{self, GrantedTokens, RestoreError, Restored, TakenBack},
};
use serde_json::{Value, json};

use crate::{
    args::{GrantedTokensChoice, StoreRestore},
    commands::serve::wrong_settings,
    failure::Failure,
    output::{Block, Output, Shown},
    session::block_on,
};

pub(crate) fn run(command: &StoreRestore, output: &Output) -> Result<(), Failure> {
    let settings = Settings::read(&command.config).map_err(wrong_settings)?;
    let granted = command.granted_tokens.map(|choice| match choice {
        GrantedTokensChoice::Keep => GrantedTokens::Keep,
        GrantedTokensChoice::Revoke => GrantedTokens::Revoke,
    });
    let restored = block_on(async {
        let now = SystemClock.now();
        let restored = restore::restore(&command.from, &settings, granted, now).await;
        restored.map_err(|error| failure(&error))
    })?;
    output.show(&shown(&restored))?;
    match &restored.taken_back {
        None => output.note(&format!(
            "what was revoked after {} is good again, and nobody here knows what it was: look for \
             it elsewhere, and revoke it again before you serve others",
            restored.taken_at
        )),
        Some(changes) if !changes.is_empty() => output.note(&format!(
            "changes that were taken back: {}; do again what must stay done, revocations first",
            changes.len()
        )),
        Some(_) => {}
    }
    output.note(&format!(
        "people sign in again; programs do so by themselves, from {} on",
        restored.believed_from
    ));
    Ok(())
}

fn failure(error: &RestoreError) -> Failure {
    let said = error.to_string();
    match error {
        RestoreError::NoFile("memory:") => Failure::usage(said)
            .hint("give the platform a store in a file: store.url = \"sqlite:FILE\""),
        RestoreError::NoFile(_) => Failure::usage(said).hint(
            "restore a database by pg_restore; docs/how-to/back-up.md says what to do after it",
        ),
        RestoreError::Undecided(_) => Failure::usage(said).hint(
            "--granted-tokens revoke ends them all, and their owners make new ones; \
             --granted-tokens keep lets them go on, when you know that none was revoked",
        ),
        _ => Failure::other(said),
    }
}

fn shown(restored: &Restored) -> Shown {
    let kept = restored
        .kept
        .as_ref()
        .map(|kept| kept.display().to_string());
    let mut fields = vec![("RestoredTo".to_owned(), restored.taken_at.to_string())];
    if let Some(kept) = &kept {
        fields.push(("OldStore".to_owned(), kept.clone()));
    }
    for (name, number) in [
        ("SessionsEnded", restored.sessions_ended),
        ("GrantedTokensRevoked", restored.tokens_revoked),
        ("GrantedTokensKept", restored.tokens_kept),
        ("SigningKeysRetired", restored.keys_retired),
    ] {
        fields.push((name.to_owned(), number.to_string()));
    }
    let changes = restored.taken_back.as_deref().unwrap_or_default();
    let mut text = vec![Block::Fields(fields)];
    if !changes.is_empty() {
        let row = |it: &TakenBack| {
            vec![
                it.at.to_string(),
                it.actor.clone(),
                it.action.clone(),
                it.subject.clone(),
            ]
        };
        text.push(Block::Table(
            vec!["TAKEN BACK", "ACTOR", "ACTION", "SUBJECT"],
            changes.iter().map(row).collect(),
        ));
    }
    let change = |it: &TakenBack| -> Value {
        json!({
            "at": it.at.to_string(),
            "actor": it.actor,
            "action": it.action,
            "subject": it.subject,
        })
    };
    Shown {
        json: json!({
            "restored_to": restored.taken_at.to_string(),
            "old_store": kept,
            "sessions_ended": restored.sessions_ended,
            "granted_tokens_revoked": restored.tokens_revoked,
            "granted_tokens_kept": restored.tokens_kept,
            "signing_keys_retired": restored.keys_retired,
            "believed_from": restored.believed_from.to_string(),
            "taken_back": restored.taken_back.as_deref().map(|changes| {
                changes.iter().map(change).collect::<Vec<_>>()
            }),
        }),
        text,
    }
}
