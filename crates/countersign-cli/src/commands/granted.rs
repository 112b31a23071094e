//! How are tokens managed that people grant?

mod asked;
mod hand_out;
mod import;
mod table;
mod terms;

use countersign::{
    Clock, SystemClock,
    admin::Admin,
    proto::management::{GivenToken, GrantedKind, GrantedToken, TokenFilter},
};
use serde_json::json;

use self::asked::Asked;
use crate::{
    args::{Environment, Global, GrantedCommand, GrantedList},
    commands::admin::{page, view},
    failure::Failure,
    output::{Output, Shown},
    session::{Caller, block_on},
};

/// What came back.
enum Answer {
    Given(Box<GivenToken>),
    Shown(Shown),
}

/// Everything that can be wrong with what was typed is said before anything is sent.
pub(crate) fn run(
    kind: GrantedKind,
    command: &GrantedCommand,
    global: &Global,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let asked = Asked::of(kind, command, SystemClock.now())?;
    if let GrantedCommand::Create(args) = command {
        hand_out::check_free(&args.output)?;
    }
    let caller = Caller::of(global, environment, output)?;
    let answer = block_on(async { send(asked, &caller.management().await?, output).await })?;
    match (answer, command) {
        (Answer::Shown(shown), _) => output.show(&shown),
        (Answer::Given(given), GrantedCommand::Create(args)) => {
            hand_out::new(&given, &args.output, output)
        }
        (Answer::Given(given), GrantedCommand::Rotate(args)) => {
            hand_out::successor(&given, &args.output, output)
        }
        (Answer::Given(given), _) => output.show(&record(&given.granted)),
    }
}

async fn send(asked: Asked<'_>, admin: &Admin, output: &Output) -> Result<Answer, Failure> {
    let token = match asked {
        Asked::Create(new) => {
            return Ok(Answer::Given(Box::new(admin.create_token(&new).await?)));
        }
        Asked::Rotate(id, rotation) => {
            let given = admin.rotate_token(id, &rotation).await?;
            return Ok(Answer::Given(Box::new(given)));
        }
        Asked::List(kind, options) => {
            return Ok(Answer::Shown(
                list(Some(kind), options, admin, output).await?,
            ));
        }
        Asked::Import(import) => return Ok(Answer::Shown(import.run(admin).await?)),
        Asked::Confirm(id) => admin.confirm_rotation(id).await?,
        Asked::Abort(id) => admin.abort_rotation(id).await?,
        Asked::Show(id) => admin.token(id).await?,
        Asked::Rename(id, change) => admin.describe_token(id, &change).await?,
        Asked::Revoke(id, reason) => admin.revoke_token(id, reason).await?,
    };
    Ok(Answer::Shown(record(&token)))
}

/// A page of tokens, of one kind or of all.
pub(super) async fn list(
    kind: Option<GrantedKind>,
    options: &GrantedList,
    admin: &Admin,
    output: &Output,
) -> Result<Shown, Failure> {
    let asked = &options.filter;
    let filter = TokenFilter {
        kind,
        owner: asked.owner.clone(),
        state: asked.state.map(Into::into),
        name: asked.name.clone(),
        application: asked.application.clone(),
        certificate: asked.certificate.clone(),
    };
    let found = admin.tokens(&filter, &page(&options.page)).await?;
    let mut columns = vec!["id", "name", "owner", "state", "roles", "scopes"];
    columns.extend(["expires_at", "last_used_at", "last_used_from"]);
    if kind.is_none() {
        columns.insert(1, "kind");
    }
    Ok(view::list(&found, &columns, output))
}

/// What is known of a token.
fn record(token: &GrantedToken) -> Shown {
    view::record(&json!(token), &["id", "kind", "name", "state", "owner"])
}
