//! Does a chain of refreshes count exactly once each, when everything about it goes wrong?

use std::{collections::HashSet, sync::Arc};

use countersign::{
    admin::{Admin, PageRequest},
    proto::management::{AuditFilter, Session},
};
use tokio::{
    sync::Barrier,
    task::{JoinSet, yield_now},
};

use super::asking::{Given, Heard, Terminal};

/// How often each refresh is sent at once.
const COPIES: usize = 20;

/// What broke the promise, for a reader.
pub(super) type Broken = String;

/// Refreshes `count` times, each sent 20 times at once at all nodes, and once more. Of the copies
/// some answers are lost, some are given up on while they are under way, and some are late: they
/// arrive when the next refresh is asked for. Then each refresh is asked for again, as by somebody
/// who heard nothing. Answers with the successors, one for each refresh.
pub(super) async fn chain(
    terminal: &Arc<Terminal>,
    first: &str,
    count: u32,
) -> Result<Vec<Given>, Broken> {
    let mut given: Vec<Given> = Vec::new();
    let mut token = first.to_owned();
    for generation in 1..=count {
        let before = given.last();
        let heard = all_at_once(terminal, &token, before.map(|_| previous(&given, first))).await;
        let mut successors: HashSet<Given> = HashSet::new();
        for heard in heard {
            match heard {
                Copy::OfThis(Heard::Given(one)) => {
                    successors.insert(one);
                }
                Copy::OfThis(Heard::Nothing) | Copy::Late(Heard::Nothing) => {}
                Copy::Late(Heard::Given(one)) if Some(&one) == before => {}
                Copy::Late(Heard::Refused(reason)) if reason == "superseded" => {}
                other => return Err(format!("refresh {generation}: {other:?}")),
            }
        }
        // What nobody has heard, or somebody has not, is told again.
        match terminal.insist(&token).await {
            Heard::Given(one) => {
                successors.insert(one);
            }
            other => return Err(format!("refresh {generation}, again: {other:?}")),
        }
        let mut successors = successors.into_iter();
        let (Some(one), None) = (successors.next(), successors.next()) else {
            return Err(format!(
                "refresh {generation} was answered in different ways"
            ));
        };
        if one.remaining != u64::from(count - generation) {
            return Err(format!("refresh {generation}: {one:?}"));
        }
        token.clone_from(&one.refresh_token);
        given.push(one);
    }
    let last = all_at_once(terminal, &token, None).await;
    let refused = Heard::Refused("refresh_limit_reached".to_owned());
    if last.into_iter().any(|heard| {
        heard != Copy::OfThis(refused.clone()) && heard != Copy::OfThis(Heard::Nothing)
    }) || terminal.insist(&token).await != refused
    {
        return Err(format!("refresh {} was not refused", count + 1));
    }
    Ok(given)
}

/// What the platform itself knows: so many generations, each with one row in the audit, by the
/// tokens that were given.
pub(super) async fn counted(
    admin: &Admin,
    session: &str,
    given: &[Given],
) -> Result<Session, Broken> {
    let session = admin
        .session(session)
        .await
        .map_err(|error| error.to_string())?;
    if session.generation as usize != given.len() {
        return Err(format!(
            "{} refreshes, and counted {}",
            given.len(),
            session.generation
        ));
    }
    let mut written = Vec::new();
    let mut page = PageRequest::first().limit(500);
    loop {
        let list = admin
            .audit(&AuditFilter::default(), &page)
            .await
            .map_err(|error| error.to_string())?;
        written.extend(
            list.items
                .into_iter()
                .filter(|row| row.action == "token.refresh" && row.subject == session.principal),
        );
        match list.next {
            Some(next) => page = PageRequest::after(&next).limit(500),
            None => break,
        }
    }
    let rows: Vec<&str> = written
        .iter()
        .rev()
        .filter_map(|row| row.token_id.as_deref())
        .collect();
    let tokens: Vec<&str> = given.iter().map(|one| one.jti.as_str()).collect();
    if rows != tokens {
        return Err(format!(
            "{} refreshes, and {} rows in the audit",
            tokens.len(),
            rows.len()
        ));
    }
    Ok(session)
}

/// Whether an answer is to the refresh that is asked for, or to a copy of the one before it.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Copy {
    OfThis(Heard),
    Late(Heard),
}

/// The refresh token that was used to get the newest one.
fn previous(given: &[Given], first: &str) -> String {
    given
        .iter()
        .rev()
        .nth(1)
        .map_or(first, |one| &one.refresh_token)
        .to_owned()
}

/// 20 copies of this one, and a few late copies of the one before it, from all sides at once.
async fn all_at_once(terminal: &Arc<Terminal>, token: &str, before: Option<String>) -> Vec<Copy> {
    let late = if before.is_some() { COPIES / 5 } else { 0 };
    let all = Arc::new(Barrier::new(COPIES + late));
    let mut asking = JoinSet::new();
    for copy in 0..COPIES + late {
        let (terminal, all) = (terminal.clone(), all.clone());
        let token = match &before {
            Some(before) if copy >= COPIES => before.clone(),
            _ => token.to_owned(),
        };
        asking.spawn(async move {
            all.wait().await;
            let asked = terminal.ask(copy, &token);
            if copy >= COPIES {
                return Copy::Late(asked.await);
            }
            Copy::OfThis(match copy % 5 {
                // It arrives and is answered, and the answer is lost.
                0 => {
                    asked.await;
                    Heard::Nothing
                }
                // Given up on, at some point of its way.
                1 => {
                    tokio::select! {
                        biased;
                        heard = asked => heard,
                        () = turns(copy * 3) => Heard::Nothing,
                    }
                }
                _ => asked.await,
            })
        });
    }
    asking.join_all().await
}

async fn turns(count: usize) {
    for _ in 0..count {
        yield_now().await;
    }
}
