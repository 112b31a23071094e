//! What does the store of one process forget, when it ended long enough ago?

use std::collections::HashSet;

use countersign_proto::time::UnixTime;

use super::State;
use crate::store::{DENIED_KEPT_AFTER_END, ROTATED, TOKEN_KEPT_AFTER_END, TokenRow};

impl State {
    pub(super) fn forget_jtis(&mut self, now: UnixTime, left: &mut usize) {
        while *left > 0
            && let Some((end, key)) = self.seen_by_end.first().copied()
            && end < now
        {
            self.seen_by_end.remove(&(end, key));
            self.seen.remove(&key);
            self.forgotten_up_to = self.forgotten_up_to.max(Some(end));
            *left -= 1;
        }
    }

    pub(super) fn forget_denied(&mut self, now: UnixTime, left: &mut usize) {
        let ended: Vec<String> = self
            .denied
            .iter()
            .filter(|(_, until)| until.plus(DENIED_KEPT_AFTER_END) < now)
            .map(|(jti, _)| jti.clone())
            .take(*left)
            .collect();
        *left -= ended.len();
        for jti in ended {
            self.denied.remove(&jti);
        }
    }

    pub(super) fn forget_tokens(&mut self, now: UnixTime, left: &mut usize) {
        // Through these a revocation finds what was granted with a line of tokens.
        let rows = self.tokens.values();
        let origins: HashSet<&String> = rows
            .filter_map(|row| row.created_through.as_ref())
            .collect();
        let is_link = |row: &TokenRow| {
            let older = row.predecessor.as_ref().and_then(|id| self.tokens.get(id));
            older.is_some_and(|older| older.successor.as_ref() == Some(&row.id))
        };
        let over = |row: &TokenRow| {
            let end = row.revoked_at.or(row.ends_at());
            end.is_some_and(|end| end < now.minus(TOKEN_KEPT_AFTER_END))
                && !origins.contains(&row.id)
                && !is_link(row)
        };
        for id in self.token_ids(over).into_iter().take(*left) {
            self.tokens.remove(&id);
            *left -= 1;
        }
    }

    /// Writes down that the grace of rotated tokens has ended.
    pub(super) fn end_graces(&mut self, now: UnixTime, left: &mut usize) {
        let ended = self.tokens.values_mut().filter(|row| {
            row.revoked_at.is_none()
                && row.grace_ends_at.is_some_and(|end| end <= now)
                && row.expires_at.is_none_or(|end| end > now)
        });
        for row in ended.take(*left) {
            row.revoked_at = row.grace_ends_at;
            row.revocation_reason = Some(ROTATED.to_owned());
            *left -= 1;
        }
    }
}
