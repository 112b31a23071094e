//! How is something written down while the process lives?

use countersign_proto::management::AuditEntry;

use super::State;
use crate::store::NewAuditEntry;

impl State {
    pub(super) fn append(&mut self, new: NewAuditEntry) {
        let sequence = self.audit.last().map_or(1, |last| last.sequence + 1);
        self.audit.push(AuditEntry {
            sequence,
            at: new.at,
            actor: new.actor,
            subject: new.subject,
            action: new.action.to_owned(),
            outcome: new.outcome.name().to_owned(),
            token_id: new.token_id,
            certificate: new.certificate,
            address: new.address,
            reason: new.reason,
        });
    }
}
