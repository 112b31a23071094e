-- Keys that are there sign; the platform sets the others of them to rest at its next start.
ALTER TABLE issuer_key ADD COLUMN state TEXT NOT NULL DEFAULT 'active'
    CHECK (state IN ('announced', 'active', 'retiring', 'retired'));

ALTER TABLE issuer_key ADD COLUMN active_at INTEGER NOT NULL DEFAULT 0;

ALTER TABLE issuer_key ADD COLUMN stopped_at INTEGER;

ALTER TABLE issuer_key ADD COLUMN retires_at INTEGER;

UPDATE issuer_key SET active_at = created_at;

INSERT INTO counter (name, value) VALUES ('issuer_keys', 0);
