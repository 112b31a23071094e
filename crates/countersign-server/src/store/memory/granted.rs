//! How are granted tokens kept while the process lives?

use std::{collections::BTreeMap, time::Duration};

use countersign_proto::{
    management::{GrantedKind, GrantedState, Page, TokenFilter},
    time::UnixTime,
};

use super::State;
use crate::store::{
    NewAuditEntry, StoreError, TokenCount, TokenCreated, TokenQuery, TokenRow, TokenUse, token,
};

impl State {
    pub(super) fn create_token(
        &mut self,
        row: TokenRow,
        limit: u32,
        audit: NewAuditEntry,
    ) -> Result<TokenCreated, StoreError> {
        token::refuse_misfit(&row)?;
        if let Some(owner) = &row.owner {
            self.require_principal(owner)?;
        }
        self.require_origin(&row)?;
        if self.token_by_digest(&row.digest).is_some() {
            return Ok(TokenCreated::AlreadyThere);
        }
        if self.tokens.contains_key(&row.id) {
            return Err(token::is_there());
        }
        let others = self.count_live(row.owner.as_ref(), audit.at);
        if row.is_live(audit.at) && others >= u64::from(limit) {
            return Ok(TokenCreated::LimitReached);
        }
        self.tokens.insert(row.id.clone(), row);
        self.append(audit);
        Ok(TokenCreated::Created)
    }

    /// One that lives beside the end of its line counts with that as one.
    pub(super) fn count_live(&self, owner: Option<&String>, at: UnixTime) -> u64 {
        let is_end = |next: &TokenRow| next.successor.is_none() && next.is_live(at);
        let counts = |row: &&TokenRow| {
            let next = row.successor.as_ref().and_then(|id| self.tokens.get(id));
            row.owner.as_ref() == owner && row.is_live(at) && !next.is_some_and(is_end)
        };
        self.tokens.values().filter(counts).count() as u64
    }

    pub(super) fn token_by_digest(&self, digest: &[u8]) -> Option<TokenRow> {
        let found = self.tokens.values().find(|row| row.digest == digest);
        found.cloned()
    }

    pub(super) fn list_tokens(&self, query: &TokenQuery) -> Page<TokenRow> {
        let wanted = usize::try_from(query.limit).unwrap_or(usize::MAX);
        let mut rows = self
            .tokens
            .values()
            .rev()
            .filter(|row| query.after.as_ref().is_none_or(|after| row.id < *after))
            .filter(|row| fits(row, &query.filter))
            .filter(|row| {
                let state = query.filter.state;
                state.is_none_or(|state| row.state(query.now, query.warned) == state)
            });
        let items: Vec<TokenRow> = rows.by_ref().take(wanted).cloned().collect();
        let next = match (rows.next(), items.last()) {
            (Some(_), Some(last)) => Some(last.id.clone()),
            _ => None,
        };
        Page { items, next }
    }

    pub(super) fn describe_token(
        &mut self,
        id: &str,
        name: String,
        description: String,
        audit: NewAuditEntry,
    ) -> bool {
        let Some(row) = self.tokens.get_mut(id) else {
            return false;
        };
        row.name = name;
        row.description = description;
        self.append(audit);
        true
    }

    pub(super) fn record_token_uses(&mut self, uses: Vec<TokenUse>) {
        for (id, used) in token::newest(uses) {
            if let Some(row) = self.tokens.get_mut(&id)
                && row.last_used_at.is_none_or(|known| known < used.at)
            {
                row.last_used_at = Some(used.at);
                row.last_used_from = used.from.map(|address| address.to_string());
            }
        }
    }

    pub(super) fn count_tokens(&self, now: UnixTime, warned: Duration) -> Vec<TokenCount> {
        let mut counts: BTreeMap<(GrantedKind, u8), (GrantedState, u64)> = BTreeMap::new();
        for row in self.tokens.values() {
            let state = row.state(now, warned);
            let (_, count) = counts.entry((row.kind, state as u8)).or_insert((state, 0));
            *count += 1;
        }
        let counts = counts.into_iter();
        counts
            .map(|((kind, _), (state, count))| TokenCount { kind, state, count })
            .collect()
    }

    pub(super) fn token_ids(&self, which: impl Fn(&TokenRow) -> bool) -> Vec<String> {
        let found = self.tokens.values().filter(|row| which(row));
        found.map(|row| row.id.clone()).collect()
    }
}

fn fits(row: &TokenRow, filter: &TokenFilter) -> bool {
    let is = |asked: &Option<String>, found: &Option<String>| asked.is_none() || asked == found;
    is(&filter.owner, &row.owner)
        && is(&filter.application, &row.application)
        && is(&filter.certificate, &row.certificate)
        && filter.kind.is_none_or(|kind| row.kind == kind)
        && filter.name.as_ref().is_none_or(|part| {
            let name = row.name.to_ascii_lowercase();
            name.contains(&part.to_ascii_lowercase())
        })
}
