-- A sign-in through a browser, as one value that is written when nobody else has written it.
CREATE TABLE login (
    id TEXT PRIMARY KEY,
    handle TEXT NOT NULL UNIQUE,
    version INTEGER NOT NULL,
    source TEXT NOT NULL,
    live INTEGER NOT NULL CHECK (live IN (0, 1)),
    expires_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

CREATE INDEX login_live_by_source ON login (source, expires_at) WHERE live = 1;

CREATE INDEX login_by_end ON login (expires_at);

-- Outlives its principal, so that it stays listed for a while after its end.
CREATE TABLE session (
    id TEXT PRIMARY KEY,
    principal TEXT NOT NULL,
    proof TEXT NOT NULL,
    scope TEXT NOT NULL,
    binding TEXT NOT NULL,
    address TEXT,
    client TEXT NOT NULL,
    provider TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    ends_at INTEGER NOT NULL,
    refresh_limit INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'ended')),
    end_reason TEXT,
    ended_at INTEGER,
    pending_until INTEGER NOT NULL,
    secret BLOB NOT NULL,
    pepper_version INTEGER NOT NULL,
    key_version INTEGER NOT NULL,
    jti TEXT NOT NULL,
    issued_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    refreshed_at INTEGER NOT NULL,
    CHECK (generation <= refresh_limit),
    CHECK ((state = 'ended') = (ended_at IS NOT NULL))
) STRICT;

CREATE INDEX session_by_principal ON session (principal, id);

CREATE INDEX session_pending ON session (pending_until) WHERE state = 'pending';

CREATE INDEX session_by_end ON session (coalesce(ended_at, ends_at));

-- Refresh tokens that were the current one before, by their digests.
CREATE TABLE past_secret (
    session TEXT NOT NULL REFERENCES session (id) ON DELETE CASCADE,
    digest BLOB NOT NULL,
    generation INTEGER NOT NULL,
    used_at INTEGER NOT NULL,
    PRIMARY KEY (session, digest)
) STRICT, WITHOUT ROWID;

CREATE TABLE account (
    principal TEXT PRIMARY KEY REFERENCES principal (name) ON DELETE CASCADE,
    password TEXT NOT NULL,
    changed_at INTEGER NOT NULL
) STRICT;
