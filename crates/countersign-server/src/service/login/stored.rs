//! How is a login read, changed and written back?

use countersign_proto::time::UnixTime;

use crate::{
    Platform, audit,
    login::{End, Login, LoginKey, Stage, Unfit},
    refusal::Fault,
    store::{LoginRow, LoginUpdate, NOT_ACKNOWLEDGED, NewAuditEntry, SessionRow},
};

/// How often a change is tried when others change the same login. Each time one of them got on.
const ATTEMPTS: usize = 64;

/// What is written with a login.
#[derive(Debug, Default)]
pub(super) struct Beside {
    pub(super) new_session: Option<SessionRow>,
    pub(super) acknowledge: Option<String>,
    pub(super) end_session: Option<(String, String)>,
    pub(super) audit: Vec<NewAuditEntry>,
}

impl Beside {
    /// A session that was made and never acknowledged ends with its login.
    pub(super) fn end_with(
        &mut self,
        session: Option<String>,
        principal: &str,
        reason: &'static str,
        now: UnixTime,
    ) {
        if let Some(session) = session {
            let entry = audit::session_never_begun(principal, &session, reason, now);
            self.audit.push(entry);
            self.end_session = Some((session, reason.to_owned()));
        }
    }
}

impl Platform {
    /// The key under which everything about logins is computed.
    pub(crate) fn login_key(&self) -> Result<LoginKey, Fault> {
        let key = self.secrets().login_key();
        key.map(LoginKey::new)
            .ok_or_else(|| Fault::new("there is no login key"))
    }
}

/// The row of a login that begins.
pub(super) fn row(
    id: String,
    handle: String,
    source: String,
    login: &Login,
) -> Result<LoginRow, Fault> {
    Ok(LoginRow {
        id,
        handle,
        version: 0,
        source,
        live: !login.is_over(),
        expires_at: login.ends_by(),
        body: written(login)?,
    })
}

/// The login in a row, as it was written.
pub(super) fn read(row: &LoginRow) -> Result<Login, Fault> {
    serde_json::from_str(&row.body)
        .map_err(|error| Fault::new(format!("a login in the store does not read: {error}")))
}

/// Does `step` to the login with this id, after time has passed for it, and writes what came of
/// it. A login that is gone has ended.
pub(super) async fn change<T>(
    platform: &Platform,
    id: &str,
    mut step: impl FnMut(&mut Login, &mut Beside, UnixTime) -> Result<T, Unfit>,
) -> Result<Result<T, Unfit>, Fault> {
    let mut tried = None;
    for _ in 0..ATTEMPTS {
        let Some(row) = platform.store().login(id).await? else {
            return Ok(Err(Unfit::Over));
        };
        // Nobody else has written it: what does not fit is the session beside it, which has ended.
        if tried.replace(row.version) == Some(row.version) {
            return Ok(Err(Unfit::Over));
        }
        let before = read(&row)?;
        let mut passed = before.clone();
        let now = platform.now();
        let mut late = Beside::default();
        passed.pass(now);
        unacknowledged(&before, &passed, &mut late, now);
        let (mut login, mut beside) = (passed.clone(), Beside::default());
        let result = step(&mut login, &mut beside, now);
        if result.is_err() {
            // What does not fit changes nothing.
            (login, beside) = (passed, Beside::default());
        }
        if login == before {
            return Ok(result);
        }
        beside.audit.append(&mut late.audit);
        let ended = ended_now(&before, &login);
        let update = LoginUpdate {
            row: LoginRow {
                live: !login.is_over(),
                expires_at: login.ends_by(),
                body: written(&login)?,
                ..row
            },
            new_session: beside.new_session,
            acknowledge: beside.acknowledge,
            end_session: beside
                .end_session
                .or(late.end_session)
                .map(|(id, reason)| (id, reason, now)),
            audit: beside.audit,
        };
        if platform.store().update_login(update).await? {
            if let Some(how) = ended {
                platform.metrics().login_ended(how);
            }
            return Ok(result);
        }
    }
    Err(Fault::new("a login is changed by too many at once"))
}

/// A token that the terminal has not acknowledged in time is worth nothing.
fn unacknowledged(before: &Login, after: &Login, beside: &mut Beside, now: UnixTime) {
    if let (Some(session), Some(End::Expired)) = (before.session(), after.ended()) {
        let principal = before.principal().unwrap_or_default().to_owned();
        let session = Some(session.to_owned());
        beside.end_with(session, &principal, NOT_ACKNOWLEDGED, now);
    }
}

fn ended_now(before: &Login, after: &Login) -> Option<&'static str> {
    if before.is_over() || !after.is_over() {
        return None;
    }
    match after.ended() {
        Some(end) => Some(end.reason()),
        None if after.stage() == Stage::Done => Some("done"),
        None => None,
    }
}

fn written(login: &Login) -> Result<String, Fault> {
    serde_json::to_string(login)
        .map_err(|error| Fault::new(format!("a login cannot be written: {error}")))
}
