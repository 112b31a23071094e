//! How does a granted token stand in its table?

use std::time::Duration;

use countersign_proto::{
    management::{GrantedState, Page, TokenFilter},
    time::UnixTime,
};

use super::{
    Abreast, Columns, Lock, Made, Request, Sql, accounts, origin, page,
    token_codes::{FORMS, KINDS, STATES, number, word},
    values,
};
use crate::store::{
    NewAuditEntry, StoreError, TokenCount, TokenCreated, TokenQuery, TokenRow, token,
};

/// The columns of a granted token, in the order of `TokenRow`.
macro_rules! columns {
    () => {
        "id, kind, form, name, description, owner, roles, scope, audience, digest, \
         pepper_version, created_at, created_by, created_through, application, certificate, \
         expires_at, revoked_at, revocation_reason, predecessor, successor, grace_ends_at, \
         ends_at_first_use, last_used_at, last_used_from"
    };
}

pub(super) use columns;

/// Whether the token `$of` lives at the moment `$at`: `TokenRow::is_live`.
macro_rules! live {
    ($of:literal, $at:literal) => {
        concat!(
            $of,
            ".revoked_at IS NULL AND (",
            $of,
            ".expires_at IS NULL OR ",
            $of,
            ".expires_at > ",
            $at,
            ") AND (",
            $of,
            ".grace_ends_at IS NULL OR ",
            $of,
            ".grace_ends_at > ",
            $at,
            ")"
        )
    };
}
pub(super) use live;

/// The number of its state at the moment `$now`, when it counts as expiring from an end at
/// `$warned` on: `TokenRow::state`.
macro_rules! state {
    ($now:literal, $warned:literal) => {
        concat!(
            "CAST(CASE WHEN revoked_at IS NOT NULL THEN 4 WHEN expires_at <= ",
            $now,
            " THEN 3 WHEN grace_ends_at <= ",
            $now,
            " THEN 4 WHEN successor IS NOT NULL THEN 2 WHEN expires_at <= ",
            $warned,
            " THEN 1 ELSE 0 END AS BIGINT)"
        )
    };
}

/// A token to keep, with its audit row.
#[derive(Clone, Debug)]
pub(in crate::store) struct CreateToken {
    pub(in crate::store) row: TokenRow,
    pub(in crate::store) limit: u32,
    pub(in crate::store) audit: NewAuditEntry,
}

impl Request for CreateToken {
    type Answer = TokenCreated;

    const ABREAST: Abreast = Abreast::Few;

    async fn perform<C: Sql>(
        self,
        connection: &mut C,
        _: &mut Made,
    ) -> Result<TokenCreated, StoreError> {
        let CreateToken { row, limit, audit } = self;
        token::refuse_misfit(&row)?;
        // From here to the end of the transaction nobody else counts the tokens of this owner.
        match &row.owner {
            Some(owner) => accounts::require_owner(connection, owner).await?,
            None => connection.hold(Lock::SystemTokens).await?,
        }
        connection.hold(Lock::Granting).await?;
        origin::require(connection, &row).await?;
        let (owner, live) = (row.owner.clone(), row.is_live(audit.at));
        if !insert(connection, row).await? {
            return Ok(TokenCreated::AlreadyThere);
        }
        if live && count_live(connection, owner, audit.at).await? > u64::from(limit) {
            return Ok(TokenCreated::LimitReached);
        }
        connection.append_audit(vec![audit]).await?;
        Ok(TokenCreated::Created)
    }

    fn stays(created: &TokenCreated) -> bool {
        *created == TokenCreated::Created
    }
}

/// Whether there was none with this digest.
pub(super) async fn insert(connection: &mut impl Sql, new: TokenRow) -> Result<bool, StoreError> {
    // Asked for first: a row that is there as a whole is taken by its id too, which is a fault.
    let known = connection
        .row(
            "SELECT 1 FROM granted_token WHERE digest = $1",
            values![new.digest.clone()],
        )
        .await?;
    if known.is_some() {
        return Ok(false);
    }
    let inserted = connection
        .execute(
            concat!(
                "INSERT INTO granted_token (",
                columns!(),
                ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, \
                 $17, $18, $19, $20, $21, $22, $23, $24, $25) ON CONFLICT (digest) DO NOTHING"
            ),
            values![
                new.id,
                number(KINDS, &new.kind),
                number(FORMS, &new.form),
                new.name,
                new.description,
                new.owner,
                super::json(&new.roles)?,
                new.scope,
                new.audience,
                new.digest,
                new.pepper_version,
                new.created_at,
                new.created_by,
                new.created_through,
                new.application,
                new.certificate,
                new.expires_at,
                new.revoked_at,
                new.revocation_reason,
                new.predecessor,
                new.successor,
                new.grace_ends_at,
                new.ends_at_first_use,
                new.last_used_at,
                new.last_used_from,
            ],
        )
        .await?;
    Ok(inserted == 1)
}

pub(super) fn token_row(row: &impl Columns) -> Result<TokenRow, StoreError> {
    let roles = row.text(6)?;
    Ok(TokenRow {
        id: row.text(0)?,
        kind: word(KINDS, row.small(1)?)?,
        form: word(FORMS, row.small(2)?)?,
        name: row.text(3)?,
        description: row.text(4)?,
        owner: row.text_or_none(5)?,
        roles: serde_json::from_str(&roles).map_err(|error| {
            StoreError::Fault(format!("the roles of a granted token do not read: {error}"))
        })?,
        scope: row.text(7)?,
        audience: row.text_or_none(8)?,
        digest: row.bytes(9)?,
        pepper_version: row.small(10)?,
        created_at: row.time(11)?,
        created_by: row.text(12)?,
        created_through: row.text_or_none(13)?,
        application: row.text_or_none(14)?,
        certificate: row.text_or_none(15)?,
        expires_at: row.time_or_none(16)?,
        revoked_at: row.time_or_none(17)?,
        revocation_reason: row.text_or_none(18)?,
        predecessor: row.text_or_none(19)?,
        successor: row.text_or_none(20)?,
        grace_ends_at: row.time_or_none(21)?,
        ends_at_first_use: row.number(22)? == 1,
        last_used_at: row.time_or_none(23)?,
        last_used_from: row.text_or_none(24)?,
    })
}

/// Of the tokens that `$which` is true for, which name `this`, those that live at `$at`. One that lives
/// beside the end of its line counts with that as one.
macro_rules! counting {
    ($which:literal, $at:literal) => {
        concat!(
            "SELECT count(*) FROM granted_token AS this WHERE ",
            $which,
            " AND ",
            live!("this", $at),
            " AND NOT EXISTS (SELECT 1 FROM granted_token AS next \
             WHERE next.id = this.successor AND next.successor IS NULL AND ",
            live!("next", $at),
            ")"
        )
    };
}

pub(super) async fn count_live(
    connection: &mut impl Sql,
    owner: Option<String>,
    now: UnixTime,
) -> Result<u64, StoreError> {
    let row = match owner {
        Some(owner) => {
            let sql = counting!("this.owner = $1", "$2");
            connection.row(sql, values![owner, now]).await?
        }
        None => {
            let sql = counting!("this.owner IS NULL", "$1");
            connection.row(sql, values![now]).await?
        }
    };
    row.map_or(Ok(0), |row| row.number(0))
}

pub(in crate::store) async fn by_id(
    connection: &mut impl Sql,
    id: String,
) -> Result<Option<TokenRow>, StoreError> {
    let row = connection
        .row(
            concat!("SELECT ", columns!(), " FROM granted_token WHERE id = $1"),
            values![id],
        )
        .await?;
    row.as_ref().map(token_row).transpose()
}

pub(in crate::store) async fn by_digest(
    connection: &mut impl Sql,
    digest: Vec<u8>,
) -> Result<Option<TokenRow>, StoreError> {
    let row = connection
        .row(
            concat!(
                "SELECT ",
                columns!(),
                " FROM granted_token WHERE digest = $1"
            ),
            values![digest],
        )
        .await?;
    row.as_ref().map(token_row).transpose()
}

/// No name has more characters.
const NAME_MAX: usize = 255;

/// The tokens that `$which` is true for, whose first parameter is `$1`; one text for each index. By
/// `$id` they are in order: as an expression it is for those that are found by another index.
macro_rules! list {
    ($which:literal) => {
        list!($which, "id")
    };
    ($which:literal, $id:literal) => {
        concat!(
            "SELECT ",
            columns!(),
            " FROM granted_token WHERE ",
            $which,
            " AND ",
            $id,
            " < $2 AND ($3 IS NULL OR owner = $3) AND ($4 IS NULL OR application = $4) \
             AND ($5 IS NULL OR certificate = $5) AND ($6 IS NULL OR kind = $6) \
             AND ($7 IS NULL OR lower(name) LIKE $7 ESCAPE '\\') AND ($8 IS NULL OR ",
            state!("$9", "$10"),
            " = $8) ORDER BY ",
            $id,
            " DESC LIMIT $11"
        )
    };
}

/// By what is the rarest of what is asked for.
fn list_by(filter: &TokenFilter) -> (&'static str, &str) {
    if let Some(owner) = &filter.owner {
        return (list!("owner = $1"), owner);
    }
    if let Some(application) = &filter.application {
        return (list!("application = $1"), application);
    }
    if let Some(certificate) = &filter.certificate {
        return (list!("certificate = $1"), certificate);
    }
    let sql = match (filter.state, filter.kind) {
        (Some(GrantedState::Rotated | GrantedState::Revoked), _) => list!(
            "id >= $1 AND (revoked_at IS NOT NULL OR grace_ends_at IS NOT NULL OR successor IS NOT NULL)"
        ),
        (Some(GrantedState::Expired), _) => list!(
            "$1 = '' AND revoked_at IS NULL AND expires_at <= $9",
            "id || ''"
        ),
        (Some(GrantedState::Expiring), _) => list!(
            "$1 = '' AND revoked_at IS NULL AND expires_at > $9 AND expires_at <= $10",
            "id || ''"
        ),
        (_, Some(_)) => list!("id >= $1 AND kind = $6"),
        (Some(GrantedState::Active) | None, None) => list!("id >= $1"),
    };
    (sql, "")
}

pub(in crate::store) async fn list(
    connection: &mut impl Sql,
    query: TokenQuery,
) -> Result<Page<TokenRow>, StoreError> {
    let filter = query.filter;
    // A database refuses a pattern that is much longer.
    let is_too_long = |part: &String| part.chars().count() > NAME_MAX;
    if filter.name.as_ref().is_some_and(is_too_long) {
        return Ok(Page {
            items: Vec::new(),
            next: None,
        });
    }
    let (sql, first) = list_by(&filter);
    let first = first.to_owned();
    let kind = filter.kind.map(|kind| number(KINDS, &kind));
    let state = filter.state.map(|state| number(STATES, &state));
    let rows = connection
        .rows(
            sql,
            values![
                first,
                // Greater than the id of any token.
                query.after.unwrap_or_else(|| "~".to_owned()),
                filter.owner,
                filter.application,
                filter.certificate,
                kind,
                filter.name.as_deref().map(containing),
                state,
                query.now,
                query.now.plus(query.warned),
                u64::from(query.limit) + 1,
            ],
        )
        .await?;
    page(&rows, query.limit, token_row, |token| token.id.clone())
}

/// The pattern of `LIKE` for names that contain this.
fn containing(part: &str) -> String {
    let mut pattern = "%".to_owned();
    for letter in part.chars() {
        if matches!(letter, '%' | '_' | '\\') {
            pattern.push('\\');
        }
        pattern.push(letter.to_ascii_lowercase());
    }
    pattern.push('%');
    pattern
}

/// What people read of a token, to change, with its audit row. Answers whether it was there.
#[derive(Clone, Debug)]
pub(in crate::store) struct DescribeToken {
    id: String,
    name: String,
    description: String,
    audit: NewAuditEntry,
}

impl DescribeToken {
    pub(in crate::store) fn new(
        id: &str,
        name: &str,
        description: &str,
        audit: NewAuditEntry,
    ) -> DescribeToken {
        DescribeToken {
            id: id.to_owned(),
            name: name.to_owned(),
            description: description.to_owned(),
            audit,
        }
    }
}

impl Request for DescribeToken {
    type Answer = bool;

    async fn perform<C: Sql>(self, connection: &mut C, _: &mut Made) -> Result<bool, StoreError> {
        let described = connection
            .execute(
                "UPDATE granted_token SET name = $2, description = $3 WHERE id = $1",
                values![self.id, self.name, self.description],
            )
            .await?;
        if described == 0 {
            return Ok(false);
        }
        connection.append_audit(vec![self.audit]).await?;
        Ok(true)
    }
}

pub(in crate::store) async fn count(
    connection: &mut impl Sql,
    now: UnixTime,
    warned: Duration,
) -> Result<Vec<TokenCount>, StoreError> {
    let rows = connection
        .rows(
            concat!(
                "SELECT kind, ",
                state!("$1", "$2"),
                ", count(*) FROM granted_token GROUP BY 1, 2 ORDER BY 1, 2"
            ),
            values![now, now.plus(warned)],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(TokenCount {
                kind: word(KINDS, row.small(0)?)?,
                state: word(STATES, row.small(1)?)?,
                count: row.number(2)?,
            })
        })
        .collect()
}
