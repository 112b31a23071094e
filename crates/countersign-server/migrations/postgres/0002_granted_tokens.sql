-- A token that somebody granted. `kind` is the number of the token's kind on the wire; `form` 0 is
-- opaque, 1 a JWT, 2 imported; `roles` is a list as JSON. Outlives its owner, so that it stays
-- listed for a while after its end. Many rows, so the indexes pass over what is not there.
CREATE TABLE granted_token (
    id TEXT COLLATE "C" PRIMARY KEY,
    kind BIGINT NOT NULL CHECK (kind IN (3, 4, 5)),
    form BIGINT NOT NULL CHECK (form IN (0, 1, 2)),
    name TEXT COLLATE "C" NOT NULL,
    description TEXT NOT NULL,
    owner TEXT COLLATE "C",
    roles TEXT NOT NULL,
    scope TEXT NOT NULL,
    audience TEXT,
    digest BYTEA NOT NULL UNIQUE,
    pepper_version BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    created_by TEXT COLLATE "C" NOT NULL,
    created_through TEXT COLLATE "C",
    application TEXT COLLATE "C",
    certificate TEXT COLLATE "C",
    expires_at BIGINT,
    revoked_at BIGINT,
    revocation_reason TEXT,
    predecessor TEXT COLLATE "C",
    successor TEXT COLLATE "C",
    grace_ends_at BIGINT,
    ends_at_first_use BIGINT NOT NULL CHECK (ends_at_first_use IN (0, 1)),
    last_used_at BIGINT,
    last_used_from TEXT,
    CHECK ((owner IS NULL) = (kind = 5))
);

CREATE INDEX granted_token_by_owner ON granted_token (owner, id);

CREATE INDEX granted_token_by_application ON granted_token (application, id) WHERE application IS NOT NULL;

CREATE INDEX granted_token_by_certificate ON granted_token (certificate, id) WHERE certificate IS NOT NULL;

CREATE INDEX granted_token_by_origin ON granted_token (created_through) WHERE created_through IS NOT NULL;

-- The first of its revocation, the end of its grace, and its own end.
CREATE INDEX granted_token_by_end ON granted_token (coalesce(revoked_at, CASE WHEN grace_ends_at < expires_at THEN grace_ends_at ELSE coalesce(expires_at, grace_ends_at) END));

CREATE INDEX granted_token_in_grace ON granted_token (grace_ends_at) WHERE grace_ends_at IS NOT NULL AND revoked_at IS NULL;

INSERT INTO counter (name, value) VALUES ('token_version', 0);
