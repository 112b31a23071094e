-- "CSgn": tells this file from the databases of other programs.
PRAGMA application_id = 1129539438;

-- The registry. `body` is the whole record as JSON; the columns beside it keep integrity.
CREATE TABLE application (
    client_id TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- A revoked certificate outlives its application, so that it is never registered again.
CREATE TABLE certificate (
    sha256 TEXT NOT NULL,
    usage TEXT NOT NULL CHECK (usage IN ('client', 'platform')),
    sha1 TEXT NOT NULL,
    client_id TEXT NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (sha256, usage),
    UNIQUE (sha1, usage)
) STRICT, WITHOUT ROWID;

CREATE TABLE principal (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE role (
    name TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE mapping (
    id TEXT PRIMARY KEY,
    client_id TEXT NOT NULL REFERENCES application (client_id),
    certificate TEXT NOT NULL,
    usage TEXT NOT NULL DEFAULT 'client' CHECK (usage = 'client'),
    principal TEXT NOT NULL REFERENCES principal (name),
    body TEXT NOT NULL,
    UNIQUE (client_id, certificate, principal),
    FOREIGN KEY (certificate, usage) REFERENCES certificate (sha256, usage)
) STRICT, WITHOUT ROWID;

CREATE INDEX mapping_by_principal ON mapping (principal);

-- `registry_version`; `forgotten_up_to`: the latest `forget_after` of a forgotten `jti`; `pings`.
CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counter (name, value) VALUES ('registry_version', 0), ('forgotten_up_to', -1), ('pings', 0);

CREATE TABLE jti (
    key BLOB PRIMARY KEY,
    forget_after INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX jti_by_end ON jti (forget_after);

CREATE TABLE denied_token (
    jti TEXT PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX denied_token_by_end ON denied_token (until);

CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    subject TEXT NOT NULL,
    action TEXT NOT NULL,
    outcome TEXT NOT NULL,
    token_id TEXT,
    certificate TEXT,
    address TEXT,
    reason TEXT
) STRICT;

CREATE TRIGGER audit_is_not_deleted BEFORE DELETE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit rows are kept');
END;

CREATE TRIGGER audit_is_not_changed BEFORE UPDATE ON audit
BEGIN
    SELECT RAISE(ABORT, 'audit rows do not change');
END;

CREATE TABLE issuer_key (
    kid TEXT PRIMARY KEY,
    algorithm TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    key_version INTEGER NOT NULL,
    sealed BLOB NOT NULL
) STRICT, WITHOUT ROWID;
