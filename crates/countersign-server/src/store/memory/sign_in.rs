//! How are logins, sessions and accounts kept while the process lives?

use std::collections::BTreeMap;

use countersign_proto::time::UnixTime;

use super::State;
use crate::{
    registry::Change,
    store::{
        Changed, LOGIN_KEPT_AFTER_END, LoginRow, LoginUpdate, NOT_ACKNOWLEDGED, NewAuditEntry,
        PRINCIPAL_DELETED, PastSecret, SESSION_KEPT_AFTER_END, SessionAdvance, SessionRow,
        SessionState, StoreError, account, session,
    },
};

impl State {
    pub(super) fn passwords_set(&self) -> BTreeMap<String, UnixTime> {
        let accounts = self.accounts.values();
        accounts
            .map(|row| (row.principal.clone(), row.changed_at))
            .collect()
    }

    pub(super) fn create_login(&mut self, row: LoginRow) -> Result<(), StoreError> {
        let taken = self.logins.contains_key(&row.id)
            || self.logins.values().any(|other| other.handle == row.handle);
        if taken {
            return Err(StoreError::Fault("a login is there already".to_owned()));
        }
        self.logins.insert(row.id.clone(), row);
        Ok(())
    }

    pub(super) fn live_logins(&self, source: &str, now: UnixTime) -> u64 {
        self.logins
            .values()
            .filter(|row| row.live && row.source == source && row.expires_at > now)
            .count() as u64
    }

    pub(super) fn update_login(&mut self, update: LoginUpdate) -> Result<bool, StoreError> {
        // Everything that may refuse comes first, so that nothing has to be taken back.
        let LoginUpdate { row, .. } = &update;
        if self.logins.get(&row.id).map(|stored| stored.version) != Some(row.version) {
            return Ok(false);
        }
        if let Some(id) = &update.acknowledge
            && self.sessions.get(id).map(|row| row.state) != Some(SessionState::Pending)
        {
            return Ok(false);
        }
        if let Some(new) = &update.new_session {
            self.may_begin(new)?;
        }
        self.changes.extend(Changed::by_update(&update));
        if let Some(stored) = self.logins.get_mut(&update.row.id) {
            stored.version += 1;
            stored.live = update.row.live;
            stored.expires_at = update.row.expires_at;
            stored.body = update.row.body;
        }
        if let Some(new) = update.new_session {
            self.sessions.insert(new.id.clone(), new);
        }
        if let Some(id) = update.acknowledge
            && let Some(session) = self.sessions.get_mut(&id)
        {
            session.state = SessionState::Active;
        }
        if let Some((id, reason, at)) = update.end_session {
            self.mark_ended(&id, &reason, at);
        }
        for entry in update.audit {
            self.append(entry);
        }
        Ok(true)
    }

    pub(super) fn create_session(
        &mut self,
        row: SessionRow,
        audit: NewAuditEntry,
    ) -> Result<(), StoreError> {
        self.may_begin(&row)?;
        self.changes.push(Changed::Session(row.id.clone()));
        self.sessions.insert(row.id.clone(), row);
        self.append(audit);
        Ok(())
    }

    /// A session has a principal, and an id of its own.
    fn may_begin(&self, new: &SessionRow) -> Result<(), StoreError> {
        self.require_principal(&new.principal)?;
        if self.sessions.contains_key(&new.id) {
            return Err(StoreError::Fault("a session is there already".to_owned()));
        }
        Ok(())
    }

    pub(super) fn past_secret(&self, id: &str, digest: &[u8]) -> Option<PastSecret> {
        let past = self.past_secrets.get(id)?;
        let at = past.iter().position(|(secret, _)| secret == digest)?;
        let (_, found) = past.get(at)?;
        Some(PastSecret {
            successor_used_at: past.get(at + 1).map(|(_, next)| next.used_at),
            ..*found
        })
    }

    pub(super) fn advance_session(&mut self, advance: SessionAdvance) -> Option<SessionRow> {
        let session = self.sessions.get_mut(&advance.id)?;
        let may = session.state == SessionState::Active
            && session.generation == advance.from_generation
            && session.generation < session.refresh_limit
            && advance.at < session.ends_at;
        if !may {
            return None;
        }
        let past = PastSecret {
            generation: session.generation,
            used_at: advance.at,
            successor_used_at: None,
        };
        let secret = std::mem::replace(&mut session.secret, advance.secret);
        session.generation += 1;
        session.pepper_version = advance.pepper_version;
        session.key_version = advance.key_version;
        session.jti = advance.jti;
        session.issued_at = advance.issued_at;
        session.expires_at = advance.expires_at;
        session.refreshed_at = advance.at;
        let now = session.clone();
        self.past_secrets
            .entry(advance.id)
            .or_default()
            .push((secret, past));
        self.append(advance.audit);
        Some(now)
    }

    pub(super) fn end_session(&mut self, id: &str, reason: &str, at: UnixTime) -> bool {
        let ended = self.mark_ended(id, reason, at);
        if ended {
            self.changes.push(Changed::Session(id.to_owned()));
        }
        ended
    }

    fn mark_ended(&mut self, id: &str, reason: &str, at: UnixTime) -> bool {
        let Some(session) = self.sessions.get_mut(id) else {
            return false;
        };
        if session.state == SessionState::Ended {
            return false;
        }
        session.state = SessionState::Ended;
        session.end_reason = Some(reason.to_owned());
        session.ended_at = Some(at);
        true
    }

    pub(super) fn end_sessions_of(&mut self, principal: &str, reason: &str, at: UnixTime) -> u64 {
        let theirs: Vec<String> = self
            .sessions
            .values()
            .filter(|row| row.principal == principal)
            .map(|row| row.id.clone())
            .collect();
        let ended = theirs.iter().filter(|id| self.end_session(id, reason, at));
        ended.count() as u64
    }

    /// With a principal go its account and its sessions.
    pub(super) fn forget_deleted(&mut self, change: &Change, at: UnixTime) {
        match change {
            Change::DeletePrincipal { name } => {
                self.accounts.remove(name);
                self.end_sessions_of(name, PRINCIPAL_DELETED, at);
            }
            Change::All(several) => several.iter().for_each(|one| self.forget_deleted(one, at)),
            _ => {}
        }
    }

    pub(super) fn require_principal(&self, name: &str) -> Result<(), StoreError> {
        account::refuse_platform(name)?;
        match self.registry.principal(name) {
            Some(_) => Ok(()),
            None => Err(account::no_principal(name).into()),
        }
    }

    pub(super) fn forget_logins(&mut self, now: UnixTime, left: &mut usize) {
        let ended: Vec<String> = self
            .logins
            .values()
            .filter(|row| row.expires_at.plus(LOGIN_KEPT_AFTER_END) < now)
            .map(|row| row.id.clone())
            .take(*left)
            .collect();
        *left -= ended.len();
        for id in ended {
            self.logins.remove(&id);
        }
    }

    pub(super) fn forget_sessions(&mut self, now: UnixTime, left: &mut usize) {
        let ended: Vec<String> = self
            .sessions
            .values()
            .filter(|row| {
                let end = row.ended_at.unwrap_or(row.ends_at);
                end.plus(SESSION_KEPT_AFTER_END) < now
            })
            .map(|row| row.id.clone())
            .take(*left)
            .collect();
        *left -= ended.len();
        for id in ended {
            self.sessions.remove(&id);
            self.past_secrets.remove(&id);
        }
    }

    pub(super) fn end_unacknowledged(&mut self, now: UnixTime, left: &mut usize) {
        let late: Vec<SessionRow> = self
            .sessions
            .values()
            .filter(|row| row.state == SessionState::Pending && row.pending_until < now)
            .take(*left)
            .cloned()
            .collect();
        *left -= late.len();
        for row in late {
            self.end_session(&row.id, NOT_ACKNOWLEDGED, now);
            self.append(session::not_acknowledged(&row.principal, row.jti, now));
        }
    }
}
