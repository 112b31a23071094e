//! What is there that a cleanup forgets?

/// Statements that make so many rows of each kind, other ones in each round. `bytes` is the type of
/// bytes.
pub(crate) fn statements(round: usize, count: u32, bytes: &str) -> [String; 3] {
    const COLUMNS: &str = "(id, kind, form, name, description, owner, roles, scope, digest, \
        pepper_version, created_at, created_by, expires_at, ends_at_first_use)";
    let numbers = format!(
        "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})"
    );
    // Far apart, as digests are: an odd number has no factor in common with 2^32.
    let far = format!("{round} || CAST(4294967296 + n * 2654435761 % 4294967296 AS TEXT)");
    [
        format!(
            "INSERT INTO jti (key, forget_after) {numbers} \
             SELECT CAST({far} || ' and to 32 bytes' AS {bytes}), 1000 + n FROM numbers"
        ),
        format!(
            "INSERT INTO denied_token (jti, until) {numbers} SELECT {far}, 1000 + n FROM numbers"
        ),
        format!(
            "INSERT INTO granted_token {COLUMNS} {numbers} SELECT {far}, 4, 0, 'token', '', \
             'owner-0000', '[\"Reader\"]', '', CAST({far} AS {bytes}), 1, 1000, 'owner-0000', \
             1000 + n, 0 FROM numbers"
        ),
    ]
}
