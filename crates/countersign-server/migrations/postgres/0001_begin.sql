-- The registry. `body` is the whole record as JSON; the columns beside it keep integrity. Keys are
-- compared by their bytes, whatever the language of the database.
CREATE TABLE application (
    client_id TEXT COLLATE "C" PRIMARY KEY,
    body TEXT NOT NULL
);

-- A revoked certificate outlives its application, so that it is never registered again.
CREATE TABLE certificate (
    sha256 TEXT COLLATE "C" NOT NULL,
    usage TEXT COLLATE "C" NOT NULL CHECK (usage IN ('client', 'platform')),
    sha1 TEXT COLLATE "C" NOT NULL,
    client_id TEXT COLLATE "C" NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (sha256, usage),
    UNIQUE (sha1, usage)
);

CREATE TABLE principal (
    name TEXT COLLATE "C" PRIMARY KEY,
    body TEXT NOT NULL
);

CREATE TABLE role (
    name TEXT COLLATE "C" PRIMARY KEY,
    body TEXT NOT NULL
);

CREATE TABLE mapping (
    id TEXT COLLATE "C" PRIMARY KEY,
    client_id TEXT COLLATE "C" NOT NULL REFERENCES application (client_id),
    certificate TEXT COLLATE "C" NOT NULL,
    usage TEXT COLLATE "C" NOT NULL DEFAULT 'client' CHECK (usage = 'client'),
    principal TEXT COLLATE "C" NOT NULL REFERENCES principal (name),
    body TEXT NOT NULL,
    UNIQUE (client_id, certificate, principal),
    FOREIGN KEY (certificate, usage) REFERENCES certificate (sha256, usage)
);

CREATE INDEX mapping_by_principal ON mapping (principal);

-- `registry_version`; `forgotten_up_to`: the latest `forget_after` of a forgotten `jti`; `pings`.
CREATE TABLE counter (
    name TEXT COLLATE "C" PRIMARY KEY,
    value BIGINT NOT NULL
);

-- Tells this database from those of other programs.
COMMENT ON TABLE counter IS 'countersign';

INSERT INTO counter (name, value) VALUES ('registry_version', 0), ('forgotten_up_to', -1), ('pings', 0);

CREATE TABLE jti (
    key BYTEA PRIMARY KEY,
    forget_after BIGINT NOT NULL
);

CREATE INDEX jti_by_end ON jti (forget_after);

CREATE TABLE denied_token (
    jti TEXT COLLATE "C" PRIMARY KEY,
    until BIGINT NOT NULL
);

CREATE INDEX denied_token_by_end ON denied_token (until);

CREATE TABLE audit (
    sequence BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    subject TEXT NOT NULL,
    action TEXT NOT NULL,
    outcome TEXT NOT NULL,
    token_id TEXT,
    certificate TEXT,
    address TEXT,
    reason TEXT
);

CREATE FUNCTION audit_is_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'audit rows are kept and do not change';
END
$$;

CREATE TRIGGER audit_is_kept BEFORE DELETE OR UPDATE OR TRUNCATE ON audit
FOR EACH STATEMENT EXECUTE FUNCTION audit_is_kept();

CREATE TABLE issuer_key (
    kid TEXT COLLATE "C" PRIMARY KEY,
    algorithm TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    key_version BIGINT NOT NULL,
    sealed BYTEA NOT NULL
);

-- A sign-in through a browser, as one value that is written when nobody else has written it.
CREATE TABLE login (
    id TEXT COLLATE "C" PRIMARY KEY,
    handle TEXT COLLATE "C" NOT NULL UNIQUE,
    version BIGINT NOT NULL,
    source TEXT COLLATE "C" NOT NULL,
    live BIGINT NOT NULL CHECK (live IN (0, 1)),
    expires_at BIGINT NOT NULL,
    body TEXT NOT NULL
);

CREATE INDEX login_live_by_source ON login (source, expires_at) WHERE live = 1;

CREATE INDEX login_by_end ON login (expires_at);

-- Outlives its principal, so that it stays listed for a while after its end.
CREATE TABLE session (
    id TEXT COLLATE "C" PRIMARY KEY,
    principal TEXT COLLATE "C" NOT NULL,
    proof TEXT NOT NULL,
    scope TEXT NOT NULL,
    binding TEXT NOT NULL,
    address TEXT,
    client TEXT NOT NULL,
    provider TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    ends_at BIGINT NOT NULL,
    refresh_limit BIGINT NOT NULL,
    generation BIGINT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'ended')),
    end_reason TEXT,
    ended_at BIGINT,
    pending_until BIGINT NOT NULL,
    secret BYTEA NOT NULL,
    pepper_version BIGINT NOT NULL,
    key_version BIGINT NOT NULL,
    jti TEXT NOT NULL,
    issued_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    refreshed_at BIGINT NOT NULL,
    CHECK (generation <= refresh_limit),
    CHECK ((state = 'ended') = (ended_at IS NOT NULL))
);

CREATE INDEX session_by_principal ON session (principal, id);

CREATE INDEX session_pending ON session (pending_until) WHERE state = 'pending';

CREATE INDEX session_by_end ON session (coalesce(ended_at, ends_at));

-- Refresh tokens that were the current one before, by their digests.
CREATE TABLE past_secret (
    session TEXT COLLATE "C" NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    digest BYTEA NOT NULL,
    generation BIGINT NOT NULL,
    used_at BIGINT NOT NULL,
    PRIMARY KEY (session, digest)
);

CREATE TABLE account (
    principal TEXT COLLATE "C" PRIMARY KEY REFERENCES principal (name) ON DELETE CASCADE,
    password TEXT NOT NULL,
    changed_at BIGINT NOT NULL
);
