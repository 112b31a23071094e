//! How do granted tokens follow each other, and end together, while the process lives?

use std::collections::BTreeSet;

use countersign_proto::time::UnixTime;

use super::State;
use crate::store::{
    Changed, NewAuditEntry, ROLE_DELETED, ROTATED, ROTATION_ABORTED, Settlement, StoreError,
    TokenRotated, TokenRotation, TokenRow, TokenSelector,
    resting::{self, Reach, Resting},
    token,
};

impl State {
    pub(super) fn rotate_token(
        &mut self,
        rotation: TokenRotation,
    ) -> Result<TokenRotated, StoreError> {
        token::refuse_misfit(&rotation.successor)?;
        let old = self.tokens.get(&rotation.id);
        if !old.is_some_and(|old| old.successor.is_none() && old.is_live(rotation.at)) {
            return Ok(TokenRotated::NotNow);
        }
        self.require_origin_of_line(&rotation.successor)?;
        let new = TokenRow {
            predecessor: Some(rotation.id.clone()),
            ..rotation.successor
        };
        if self.tokens.contains_key(&new.id) || self.token_by_digest(&new.digest).is_some() {
            return Err(token::is_there());
        }
        // The one before it counts from now on.
        let before = old.and_then(|old| self.tokens.get(old.predecessor.as_ref()?));
        let in_line = before.is_some_and(|before| before.is_live(rotation.at));
        let live = self.count_live(new.owner.as_ref(), rotation.at);
        if in_line && live >= u64::from(rotation.limit) {
            return Ok(TokenRotated::LimitReached);
        }
        if let Some(old) = self.tokens.get_mut(&rotation.id) {
            old.successor = Some(new.id.clone());
            old.grace_ends_at = Some(rotation.grace_ends_at);
            old.ends_at_first_use = rotation.ends_at_first_use;
        }
        self.tokens.insert(new.id.clone(), new);
        self.tell(&[rotation.id]);
        self.append(rotation.audit);
        Ok(TokenRotated::Rotated)
    }

    pub(super) fn settle_rotation(
        &mut self,
        successor: &str,
        settlement: Settlement,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> bool {
        let new = self.tokens.get(successor);
        let old = new.and_then(|new| self.tokens.get(new.predecessor.as_ref()?));
        let (Some(new), Some(old)) = (new, old) else {
            return false;
        };
        let pending = old.successor.as_ref() == Some(&new.id) && old.is_live(at) && new.is_live(at);
        let is_possible = match settlement {
            Settlement::Confirmed => true,
            Settlement::FirstUse => old.ends_at_first_use,
            Settlement::Aborted => new.successor.is_none(),
        };
        if !pending || !is_possible {
            return false;
        }
        let (old, new) = (old.id.clone(), new.id.clone());
        match settlement {
            Settlement::FirstUse | Settlement::Confirmed => self.end_token(&old, ROTATED, at),
            Settlement::Aborted => {
                self.end_token(&new, ROTATION_ABORTED, at);
                if let Some(old) = self.tokens.get_mut(&old) {
                    old.successor = None;
                    old.grace_ends_at = None;
                    old.ends_at_first_use = false;
                }
            }
        }
        self.tell(&[old, new]);
        self.append(audit);
        true
    }

    pub(super) fn revoke_tokens(
        &mut self,
        which: TokenSelector,
        reason: &str,
        at: UnixTime,
        audit: NewAuditEntry,
    ) -> Vec<String> {
        let revoked = self.revoke(&Resting::Selected(which), reason, at);
        if !revoked.is_empty() {
            self.append(audit);
        }
        revoked
    }

    /// Revokes what rests on this, with all that goes with it: the ids.
    pub(super) fn revoke(&mut self, ground: &Resting, reason: &str, at: UnixTime) -> Vec<String> {
        let revoked = self.reached(ground, at);
        for id in &revoked {
            self.end_token(id, reason, at);
        }
        if !revoked.is_empty() {
            self.tell(&revoked);
        }
        revoked
    }

    /// What lives and rests on this, with all that goes with it: the ids.
    pub(super) fn reached(&self, ground: &Resting, at: UnixTime) -> Vec<String> {
        let resting = self.tokens.values().filter(|row| rests_on(row, ground));
        let mut waiting: Vec<_> = resting.map(|row| (row, Reach::from(ground))).collect();
        let mut reached = BTreeSet::new();
        while let Some((this, reach)) = waiting.pop() {
            if reached.insert((&this.id, reach)) {
                let rows = self.tokens.values();
                waiting.extend(rows.filter_map(|next| {
                    let reach = reach.onward(this, next, at)?;
                    Some((next, reach))
                }));
            }
        }
        let ids: BTreeSet<_> = reached.into_iter().map(|(id, _)| id.clone()).collect();
        let live = |id: &String| self.tokens.get(id).is_some_and(|row| row.is_live(at));
        ids.into_iter().filter(live).collect()
    }

    /// No token names this role any more, whatever role has its name later.
    pub(super) fn take_role_away(&mut self, role: &str, at: UnixTime) {
        let (mut changed, mut ended) = (Vec::new(), Vec::new());
        for row in self
            .tokens
            .values_mut()
            .filter(|row| row.revoked_at.is_none())
        {
            match resting::without(&row.roles, role) {
                None => {}
                // With none, it would have all that its owner has.
                Some(left) if left.is_empty() => ended.push(row.id.clone()),
                Some(left) => {
                    row.roles = left;
                    changed.push(row.id.clone());
                }
            }
        }
        if !changed.is_empty() {
            self.tell(&changed);
        }
        for id in ended {
            let alone = Resting::Selected(TokenSelector::Id(id));
            self.revoke(&alone, ROLE_DELETED, at);
        }
    }

    fn end_token(&mut self, id: &str, reason: &str, at: UnixTime) {
        if let Some(row) = self.tokens.get_mut(id) {
            row.revoked_at = Some(at);
            row.revocation_reason = Some(reason.to_owned());
        }
    }

    pub(super) fn tell(&mut self, ids: &[String]) {
        self.token_version += 1;
        self.changes.extend(Changed::by_tokens(ids));
    }
}

fn rests_on(row: &TokenRow, ground: &Resting) -> bool {
    let is = |found: &Option<String>, wanted: &String| found.as_ref() == Some(wanted);
    match ground {
        Resting::Selected(TokenSelector::Id(id)) => row.id == *id,
        Resting::Selected(TokenSelector::Owner(owner)) => is(&row.owner, owner),
        Resting::Selected(TokenSelector::Application(id)) => is(&row.application, id),
        Resting::Selected(TokenSelector::Certificate(sha256)) => is(&row.certificate, sha256),
        Resting::Selected(TokenSelector::CreatedThrough(id)) => is(&row.created_through, id),
        Resting::Selected(TokenSelector::CreatedBy(name)) => row.created_by == *name,
        Resting::Mapped {
            certificate,
            principal,
        } => is(&row.certificate, certificate) && row.created_by == *principal,
    }
}
