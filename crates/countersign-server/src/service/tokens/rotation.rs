//! How does a granted token get a successor without a call that fails?
//!
//! In two phases: the new string is live at once, and the old one lives until the new one is first
//! used, until somebody confirms, or until its grace ends. Whoever aborts has the old one as it was.

use std::time::Duration;

use countersign_proto::{
    management::{GivenToken, GrantedForm, GrantedToken, NewToken, Rotation},
    opaque::TokenId,
};

use super::{
    Caller, ChangeRefusal, attempt, fault,
    granting::{minted, too_many, written_down},
    invalid,
    standing::{WRITE, carried, found, found_to_change, shown, terms_of, with_facts},
};
use crate::{
    Platform,
    config::TokenRules,
    policy::granted::{Predecessor, in_words, renew},
    random,
    refusal::Fault,
    store::{Settlement, TokenRotated, TokenRotation, TokenRow},
};

/// Gives a token a successor. Its string is in the answer and nowhere else.
pub(crate) async fn rotate(
    platform: &Platform,
    caller: &Caller,
    id: &str,
    rotation: Rotation,
) -> Result<GivenToken, ChangeRefusal> {
    let successor = random::opaque_id(platform.now())?;
    rotate_as(platform, caller, id, rotation, &successor).await
}

/// Gives a token a successor that has this id. A second token with it is a fault.
pub(crate) async fn rotate_as(
    platform: &Platform,
    caller: &Caller,
    id: &str,
    rotation: Rotation,
    successor: &TokenId,
) -> Result<GivenToken, ChangeRefusal> {
    attempt(platform, caller, WRITE.own, async {
        let old = found_to_change(platform, caller, id).await?;
        let now = platform.now();
        if !old.is_live(now) {
            return Err(ChangeRefusal::Conflict(
                "the token has ended; grant another".to_owned(),
            ));
        }
        if old.successor.is_some() {
            return Err(under_way());
        }
        let grace = grace(platform, &rotation)?;
        let new = successor_of(&old);
        let terms = carried(&old, |carried| {
            let predecessor = Predecessor {
                terms: new.clone(),
                carried: *carried,
                lifetime: old.expires_at.map(|end| end.since(old.created_at)),
                asked: rotation.lifetime_s.map(Duration::from_secs),
            };
            with_facts(platform, caller, |facts| renew(facts, predecessor))
        })
        .ok_or_else(|| Fault::new("the scope of the token does not read"))??;
        let (text, minted) = minted(platform, caller, &new, terms, successor)?;
        // Where the line of tokens came from stays known: with that, all of it is revoked.
        let successor = TokenRow {
            predecessor: Some(old.id.clone()),
            created_through: old.created_through.clone(),
            application: old.application.clone(),
            certificate: old.certificate.clone(),
            ..minted
        };
        let made = platform.store().rotate_token(TokenRotation {
            id: old.id.clone(),
            successor: successor.clone(),
            grace_ends_at: now.plus(grace),
            ends_at_first_use: !rotation.keep_until_grace_ends,
            limit: platform.settings().tokens.max_per_identity,
            at: now,
            audit: written_down(platform, caller, &successor, "granted_token.rotate"),
        });
        let made = made.await;
        platform.tokens().cache.forget();
        match made.map_err(fault)? {
            TokenRotated::Rotated => Ok(GivenToken::new(text.expose(), shown(platform, successor))),
            TokenRotated::NotNow => Err(under_way()),
            TokenRotated::LimitReached => Err(too_many(platform, successor.owner.as_deref())),
        }
    })
    .await
}

/// Ends the old token of a rotation now. `id` names either end of it.
pub(crate) async fn confirm(
    platform: &Platform,
    caller: &Caller,
    id: &str,
) -> Result<GrantedToken, ChangeRefusal> {
    settle(platform, caller, id, Settlement::Confirmed).await
}

/// Ends the new token of a rotation now; the old one is as it was. `id` names either end of it.
pub(crate) async fn abort(
    platform: &Platform,
    caller: &Caller,
    id: &str,
) -> Result<GrantedToken, ChangeRefusal> {
    settle(platform, caller, id, Settlement::Aborted).await
}

/// Answers with the token that goes on.
async fn settle(
    platform: &Platform,
    caller: &Caller,
    id: &str,
    settlement: Settlement,
) -> Result<GrantedToken, ChangeRefusal> {
    attempt(platform, caller, WRITE.own, async {
        let row = found_to_change(platform, caller, id).await?;
        // A token in the midst of a line of rotations is first of all the old one of its own.
        let (old, new) = match (&row.predecessor, &row.successor) {
            (_, Some(successor)) => (row.id.clone(), successor.clone()),
            (Some(predecessor), None) => (predecessor.clone(), row.id.clone()),
            (None, None) => return Err(settled()),
        };
        let (action, goes_on) = match settlement {
            Settlement::Aborted => ("granted_token.abort", old),
            _ => ("granted_token.confirm", new.clone()),
        };
        let entry = written_down(platform, caller, &row, action);
        let done = platform
            .store()
            .settle_rotation(&new, settlement, platform.now(), entry);
        let done = done.await;
        platform.tokens().cache.forget();
        if !done.map_err(fault)? {
            return Err(settled());
        }
        let row = found(platform, caller, WRITE, &goes_on).await?;
        Ok(shown(platform, row))
    })
    .await
}

/// What the successor is asked to be. What another platform wrote cannot be written here again.
fn successor_of(old: &TokenRow) -> NewToken {
    let terms = terms_of(old);
    NewToken {
        form: match terms.form {
            GrantedForm::Imported => GrantedForm::Opaque,
            form => form,
        },
        ..terms
    }
}

fn grace(platform: &Platform, rotation: &Rotation) -> Result<Duration, ChangeRefusal> {
    let Some(seconds) = rotation.grace_s else {
        return Ok(platform.settings().tokens.rotation_grace);
    };
    let max = TokenRules::ROTATION_GRACE_MAX;
    if seconds <= max.as_secs() {
        Ok(Duration::from_secs(seconds))
    } else {
        let problem = format!("has to be at most {}", in_words(max));
        Err(invalid("grace_s", problem))
    }
}

fn under_way() -> ChangeRefusal {
    let why = "the token has a successor already; confirm or abort that rotation first";
    ChangeRefusal::Conflict(why.to_owned())
}

fn settled() -> ChangeRefusal {
    let why = "no rotation of this token is under way, it is over, or the new token has a successor, \
               whose rotation has to be aborted first";
    ChangeRefusal::Conflict(why.to_owned())
}
