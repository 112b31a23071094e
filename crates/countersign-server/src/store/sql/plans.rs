//! Does every question find its rows by an index, however many rows there are?
//!
//! The statements are those that the store runs, with the values that it gives: a connection stands
//! between, and asks the database for its plan of each.

use countersign_proto::{
    management::{AuditFilter, AuditOutcome, GrantedKind, GrantedState, TokenFilter},
    time::UnixTime,
};

use super::{
    Columns, Lock, Made, Request, Sql, Value, audit,
    cleanup::Cleanup,
    granted::{self, CreateToken},
    rotation::SettleRotation,
    token_ends::{self, RevokeTokens},
    token_uses::RecordUses,
};
use crate::{
    registry::Registry,
    store::{
        AuditQuery, NewAuditEntry, Settlement, StoreError, TOKEN_KEPT_AFTER_END, TokenQuery,
        TokenRow, TokenSelector, TokenUse,
        laws::{
            granted::{later, token},
            rotation::rotation,
        },
    },
};

/// How a database is asked for a plan, and what it says.
#[derive(Clone, Copy)]
pub(in crate::store) struct Dialect {
    /// What stands before the statement.
    pub(in crate::store) explain: &'static str,
    /// The column of the answer that describes a step.
    pub(in crate::store) step: usize,
    /// Whether a step looks at every row of a table.
    pub(in crate::store) is_scan: fn(&str) -> bool,
    /// The type of bytes.
    pub(in crate::store) bytes: &'static str,
    /// The indexes of the ids and of the digests.
    pub(in crate::store) keys: [&'static str; 2],
}

/// Tokens and rows of the audit that are there.
const TOKENS: u64 = 20_000;
const ROWS: u64 = 50_000;

/// After tokens and rows were made, and before the first of them ends by itself.
const NOW: u64 = 100_000;

/// Tokens of a thousand owners: one in 8 was granted with another, one in 8 was replaced; few are
/// revoked, have expired, expire soon, or belong to nobody.
const FILL_TOKENS: &str = "WITH RECURSIVE numbers (n) AS \
    (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 19999), \
    named (n, id, before, after) AS (SELECT n, CAST(1000000 + n AS TEXT), \
    CAST(999999 + n AS TEXT), CAST(1000001 + n AS TEXT) FROM numbers) \
    INSERT INTO granted_token (id, kind, form, name, description, owner, roles, scope, digest, \
    pepper_version, created_at, created_by, created_through, application, certificate, \
    expires_at, revoked_at, revocation_reason, predecessor, successor, grace_ends_at, \
    ends_at_first_use) SELECT id, CASE WHEN n % 500 = 0 THEN 5 ELSE 4 END, 0, 'token', '', \
    CASE WHEN n % 500 > 0 THEN 'owner ' || (n % 1000) END, '[]', '', CAST('d' || id AS BYTES), 1, \
    n, 'owner ' || (n % 1000), CASE WHEN n % 8 = 5 THEN before END, \
    CASE WHEN n % 4 = 1 THEN 'application ' || (n % 500) END, \
    CASE WHEN n % 4 = 1 THEN 'certificate ' || (n % 500) END, \
    CASE WHEN n % 100 = 7 THEN 90000 WHEN n % 100 = 9 THEN 101000 WHEN n % 8 = 4 THEN 900000 END, \
    CASE WHEN n % 100 = 11 THEN 80000 + n % 1000 END, CASE WHEN n % 100 = 11 THEN 'x' END, \
    CASE WHEN n % 8 = 3 THEN before END, CASE WHEN n % 8 = 2 THEN after END, \
    CASE WHEN n % 8 = 2 THEN 99000 + n END, 0 FROM named";

const FILL_AUDIT: &str = "WITH RECURSIVE numbers (n) AS \
    (SELECT 0 UNION ALL SELECT n + 1 FROM numbers WHERE n < 49999) \
    INSERT INTO audit (at, actor, subject, action, outcome, token_id, certificate) \
    SELECT 1000 + n, 'actor ' || (n % 1000), 'subject ' || (n % 2000), \
    CASE WHEN n % 1000 = 1 THEN 'role.create' ELSE 'token.issue' END, \
    CASE WHEN n % 500 = 2 THEN 'refused' ELSE 'ok' END, 'token ' || n, \
    CASE WHEN n % 2 = 0 THEN 'certificate ' || (n % 500) END FROM numbers";

/// A connection that asks for the plan of a statement before it runs it.
pub(in crate::store) struct Explained<C> {
    connection: C,
    dialect: Dialect,
    steps: Vec<String>,
}

impl<C: Sql> Explained<C> {
    /// Of a database with many tokens and a long audit.
    pub(in crate::store) async fn filled(connection: C, dialect: Dialect) -> Explained<C> {
        let mut filled = Explained {
            connection,
            dialect,
            steps: Vec::new(),
        };
        let tokens = FILL_TOKENS.replace("BYTES", dialect.bytes);
        for (sql, rows) in [(leaked(tokens), TOKENS), (FILL_AUDIT, ROWS)] {
            let made = filled.connection.execute(sql, Vec::new()).await.unwrap();
            assert_eq!(made, rows);
        }
        filled
            .run("INSERT INTO principal (name, body) VALUES ('owner 7', '{}')")
            .await;
        filled.run("ANALYZE").await;
        filled
    }

    /// Runs a statement of its own.
    pub(in crate::store) async fn run(&mut self, sql: &'static str) {
        self.connection.execute(sql, Vec::new()).await.unwrap();
    }

    async fn explain(&mut self, sql: &str, values: &[Value]) -> Result<(), StoreError> {
        let sql = leaked(format!("{} {sql}", self.dialect.explain));
        let rows = self.connection.rows(sql, values.to_vec()).await?;
        for row in rows {
            self.steps.push(row.text(self.dialect.step)?);
        }
        Ok(())
    }

    /// What was asked since the last time went by these indexes, and looked at no table as a whole.
    fn went_by(&mut self, what: &str, indexes: &[&str]) {
        let steps = std::mem::take(&mut self.steps);
        let plan = steps.join("\n");
        let scan = steps.iter().find(|step| (self.dialect.is_scan)(step));
        assert_eq!(scan, None, "{what}:\n{plan}");
        for index in indexes {
            assert!(
                plan.contains(index),
                "{what} does not go by {index}:\n{plan}"
            );
        }
    }

    async fn perform<R: Request>(&mut self, request: R) -> R::Answer {
        let mut made = Made {
            registry: Registry::default().into(),
            changes: Vec::new(),
        };
        request.perform(self, &mut made).await.unwrap()
    }

    async fn list(&mut self, filter: TokenFilter) -> usize {
        let query = TokenQuery {
            filter,
            after: Some("1015000".to_owned()),
            limit: 100,
            now: UnixTime::from_secs(NOW),
            warned: std::time::Duration::from_secs(2_000),
        };
        granted::list(self, query).await.unwrap().items.len()
    }

    async fn audit(&mut self, filter: AuditFilter) -> usize {
        let query = AuditQuery {
            filter,
            after: Some(49_995),
            limit: 100,
        };
        audit::list(self, query).await.unwrap().items.len()
    }
}

fn leaked(sql: String) -> &'static str {
    Box::leak(sql.into_boxed_str())
}

impl<C: Sql> Sql for Explained<C> {
    type Row = C::Row;

    const HOLD_PRINCIPAL: &'static str = C::HOLD_PRINCIPAL;

    const HOLD_PRINCIPAL_ALONE: &'static str = C::HOLD_PRINCIPAL_ALONE;

    async fn execute(&mut self, sql: &'static str, values: Vec<Value>) -> Result<u64, StoreError> {
        self.explain(sql, &values).await?;
        self.connection.execute(sql, values).await
    }

    async fn rows(
        &mut self,
        sql: &'static str,
        values: Vec<Value>,
    ) -> Result<Vec<C::Row>, StoreError> {
        self.explain(sql, &values).await?;
        self.connection.rows(sql, values).await
    }

    async fn append_audit(&mut self, entries: Vec<NewAuditEntry>) -> Result<(), StoreError> {
        self.connection.append_audit(entries).await
    }

    async fn hold(&mut self, lock: Lock) -> Result<(), StoreError> {
        self.connection.hold(lock).await
    }

    async fn lead_cleanup(&mut self) -> Result<bool, StoreError> {
        self.connection.lead_cleanup().await
    }
}

/// A token that is looked for, and lists of tokens.
pub(in crate::store) async fn tokens_are_found<C: Sql>(asked: &mut Explained<C>) {
    let [by_id, by_digest] = asked.dialect.keys;
    let found = granted::by_id(asked, "1000017".to_owned()).await.unwrap();
    asked.went_by("an id", &[by_id]);
    let digest = found.unwrap().digest;
    let found = granted::by_digest(asked, digest).await.unwrap();
    assert!(found.is_some());
    asked.went_by("a digest", &[by_digest]);

    let state = |state| TokenFilter {
        state: Some(state),
        ..TokenFilter::default()
    };
    let of_owner = || TokenFilter {
        owner: Some("owner 7".to_owned()),
        ..TokenFilter::default()
    };
    let application = TokenFilter {
        application: Some("application 5".to_owned()),
        ..TokenFilter::default()
    };
    let certificate = TokenFilter {
        certificate: Some("certificate 5".to_owned()),
        ..TokenFilter::default()
    };
    let system = TokenFilter {
        kind: Some(GrantedKind::System),
        ..TokenFilter::default()
    };
    let of_owner_in_state = TokenFilter {
        state: Some(GrantedState::Expired),
        ..of_owner()
    };
    for (what, filter, index, rows) in [
        ("all", TokenFilter::default(), by_id, 100),
        ("an owner", of_owner(), "granted_token_by_owner", 15),
        (
            "expired ones of an owner",
            of_owner_in_state,
            "granted_token_by_owner",
            15,
        ),
        (
            "an application",
            application,
            "granted_token_by_application",
            30,
        ),
        (
            "a certificate",
            certificate,
            "granted_token_by_certificate",
            30,
        ),
        ("system tokens", system, "granted_token_by_kind", 30),
        (
            "revoked ones",
            state(GrantedState::Revoked),
            "granted_token_changed",
            100,
        ),
        (
            "rotated ones",
            state(GrantedState::Rotated),
            "granted_token_changed",
            100,
        ),
        (
            "expired ones",
            state(GrantedState::Expired),
            "granted_token_by_expiry",
            100,
        ),
        (
            "expiring ones",
            state(GrantedState::Expiring),
            "granted_token_by_expiry",
            100,
        ),
    ] {
        assert_eq!(asked.list(filter).await, rows, "{what}");
        asked.went_by(what, &[index]);
    }
}

/// What tokens rest on is taken away, and what is over is forgotten.
pub(in crate::store) async fn tokens_end<C: Sql>(asked: &mut Explained<C>) {
    let [by_id, _] = asked.dialect.keys;
    let at = UnixTime::from_secs(NOW);
    for (which, index) in [
        (TokenSelector::Id("1000005".to_owned()), by_id),
        (
            TokenSelector::Owner("owner 9".to_owned()),
            "granted_token_by_owner",
        ),
        (
            TokenSelector::Application("application 9".to_owned()),
            "granted_token_by_application",
        ),
        (
            TokenSelector::Certificate("certificate 13".to_owned()),
            "granted_token_by_certificate",
        ),
        (
            TokenSelector::CreatedThrough("1000020".to_owned()),
            "granted_token_by_origin",
        ),
        (
            TokenSelector::CreatedBy("owner 21".to_owned()),
            "granted_token_by_creator",
        ),
    ] {
        let what = format!("{which:?}");
        let reached = token_ends::reached(asked, which.clone(), at).await.unwrap();
        assert!(!reached.is_empty(), "{what}");
        asked.went_by(&what, &[index, "granted_token_by_origin"]);
        let revocation = RevokeTokens::new(which, "lost", at, entry());
        let revoked = asked.perform(revocation).await;
        assert!(revoked.is_some_and(|ids| !ids.is_empty()), "{what}");
        asked.went_by(&what, &[index, "granted_token_by_origin"]);
    }
    let late = at.plus(TOKEN_KEPT_AFTER_END);
    for (now, indexes) in [
        (at, &["granted_token_by_end", "granted_token_in_grace"]),
        (late, &["granted_token_by_end", "granted_token_by_origin"]),
    ] {
        let cleanup = Cleanup { now, batch: 100 };
        assert_eq!(asked.perform(cleanup).await, 100);
        asked.went_by("a cleanup", indexes);
    }
}

/// A token is granted, used, replaced.
pub(in crate::store) async fn tokens_live<C: Sql>(asked: &mut Explained<C>) {
    let [by_id, by_digest] = asked.dialect.keys;
    for owner in [None, Some("owner 7".to_owned())] {
        let row = TokenRow {
            id: format!("2 {owner:?}"),
            kind: owner
                .as_ref()
                .map_or(GrantedKind::System, |_| GrantedKind::App),
            owner,
            created_through: Some("1000001".to_owned()),
            ..token("2")
        };
        let row = TokenRow {
            digest: row.id.clone().into_bytes(),
            ..row
        };
        let created = CreateToken {
            row,
            limit: 1_000,
            audit: entry(),
        };
        asked.perform(created).await;
        asked.went_by("a grant", &[by_digest, "granted_token_by_owner"]);
    }
    assert!(asked.perform(rotation("1000001", "3")).await.is_made());
    asked.went_by("a rotation", &[by_id, by_digest]);
    let settled = SettleRotation::new("3", Settlement::Confirmed, later(10), entry());
    assert!(asked.perform(settled).await);
    asked.went_by("its end", &[by_id]);
    let used = TokenUse {
        id: "1000004".to_owned(),
        at: UnixTime::from_secs(NOW),
        from: None,
    };
    for uses in RecordUses::of(vec![used]) {
        asked.perform(uses).await;
    }
    asked.went_by("uses", &[by_id]);
}

/// The audit is asked.
pub(in crate::store) async fn the_audit_is_read<C: Sql>(asked: &mut Explained<C>) {
    let all = AuditFilter::default;
    let named = |name: &str| Some(name.to_owned());
    let (from, to) = (
        Some(UnixTime::from_secs(31_000)),
        Some(UnixTime::from_secs(31_019)),
    );
    let time = || AuditFilter { from, to, ..all() };
    let early = AuditFilter {
        to: Some(UnixTime::from_secs(1_009)),
        ..all()
    };
    let late = AuditFilter {
        from: Some(UnixTime::from_secs(50_990)),
        ..all()
    };
    for (what, filter, index, rows) in [
        ("all", all(), "", 100),
        (
            "an actor",
            AuditFilter {
                actor: named("actor 7"),
                ..all()
            },
            "audit_by_actor",
            50,
        ),
        (
            "a subject",
            AuditFilter {
                subject: named("subject 7"),
                ..all()
            },
            "audit_by_subject",
            25,
        ),
        (
            "an action",
            AuditFilter {
                action: named("role.create"),
                ..all()
            },
            "audit_by_action",
            50,
        ),
        (
            "a token",
            AuditFilter {
                token_id: named("token 7"),
                ..all()
            },
            "audit_by_token",
            1,
        ),
        (
            "a certificate",
            AuditFilter {
                certificate: named("certificate 8"),
                ..all()
            },
            "audit_by_certificate",
            100,
        ),
        (
            "refusals",
            AuditFilter {
                outcome: Some(AuditOutcome::Refused),
                ..all()
            },
            "audit_refused",
            100,
        ),
        ("a time", time(), "audit_by_time", 20),
        ("all until a time", early, "audit_by_time", 10),
        ("all since a time", late, "audit_by_time", 4),
        (
            "an action of a time",
            AuditFilter {
                action: named("token.issue"),
                ..time()
            },
            "audit_by_time",
            19,
        ),
        (
            "an actor of a time",
            AuditFilter {
                actor: named("actor 3"),
                ..time()
            },
            "audit_by_",
            1,
        ),
    ] {
        assert_eq!(asked.audit(filter).await, rows, "{what}");
        asked.went_by(what, &[index]);
    }
}

fn entry() -> NewAuditEntry {
    crate::store::laws::audit("token.revoke")
}
