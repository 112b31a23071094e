-- Lists of tokens by what is rare among them: those that are over or rotated, and those that end soon.
CREATE INDEX granted_token_by_kind ON granted_token (kind, id);

CREATE INDEX granted_token_by_expiry ON granted_token (expires_at) WHERE revoked_at IS NULL AND expires_at IS NOT NULL;

CREATE INDEX granted_token_changed ON granted_token (id) WHERE revoked_at IS NOT NULL OR grace_ends_at IS NOT NULL OR successor IS NOT NULL;

-- All that somebody granted, to whomever.
CREATE INDEX granted_token_by_creator ON granted_token (created_by);

-- The audit, by what it is asked for.
CREATE INDEX audit_by_actor ON audit (actor, sequence);

CREATE INDEX audit_by_subject ON audit (subject, sequence);

CREATE INDEX audit_by_action ON audit (action, sequence);

CREATE INDEX audit_by_token ON audit (token_id, sequence) WHERE token_id IS NOT NULL;

CREATE INDEX audit_by_certificate ON audit (certificate, sequence) WHERE certificate IS NOT NULL;

CREATE INDEX audit_refused ON audit (sequence) WHERE outcome = 'refused';

CREATE INDEX audit_by_time ON audit (at, sequence, outcome);
