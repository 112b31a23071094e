//! What does the issuer say about a token, and how long is that known (RFC 7662)?

use std::{net::IpAddr, sync::Arc, time::Duration};

use aws_lc_rs::digest::{SHA256, digest};
use countersign_proto::{introspection::Introspection, jws::Claims, time::UnixTime};
use quick_cache::sync::{Cache, EntryAction, EntryResult};
use tokio::sync::Semaphore;

use crate::{
    Introspector, Refusal,
    caller::Believed,
    clock::within,
    discovery::Discovery,
    fetch::{Away, WHOLE_LIMIT, Wire},
    possession::Moment,
};

/// How long an answer is used at most, and unless less is set.
pub(crate) const KEPT_MAX: Duration = Duration::from_secs(5);
/// How long it is used at most that a token is not good, or that nobody answered.
const REFUSED_KEPT_MAX: Duration = Duration::from_secs(1);
/// So many answers are known at once.
const CAPACITY: usize = 10_000;
/// So many questions are under way at once.
const UNDER_WAY: usize = 64;

/// What a token is known by here: its SHA-256, never the token itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct TokenDigest([u8; 32]);

/// Asks one issuer about tokens, and remembers the answers for a moment.
pub(crate) struct Asker {
    introspector: Introspector,
    answers: Option<Answers>,
    slots: Semaphore,
}

struct Answers {
    known: Cache<TokenDigest, Arc<Answer>>,
    kept: Duration,
}

/// What was said about a token, and judged once.
struct Answer {
    said: Result<Believed, Refusal>,
    /// On [`crate::Clock::elapsed`].
    known_until: Duration,
}

/// A question about one token.
pub(crate) struct Question<'a> {
    pub(crate) token: &'a str,
    pub(crate) digest: TokenDigest,
    /// From where the token was presented.
    pub(crate) from: Option<IpAddr>,
    /// When the request came in whose token it is, on [`crate::Clock::elapsed`].
    pub(crate) arrived: Duration,
}

impl TokenDigest {
    pub(crate) fn of(token: &str) -> TokenDigest {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, token.as_bytes()).as_ref());
        TokenDigest(bytes)
    }
}

impl Asker {
    /// `kept` is at most [`KEPT_MAX`]; with zero nothing is remembered.
    pub(crate) fn new(introspector: Introspector, kept: Duration) -> Asker {
        let answers = (!kept.is_zero()).then(|| Answers {
            known: Cache::new(CAPACITY),
            kept: kept.min(KEPT_MAX),
        });
        Asker {
            introspector,
            answers,
            slots: Semaphore::new(UNDER_WAY),
        }
    }

    /// What is known of a token without asking.
    pub(crate) fn known(
        &self,
        digest: &TokenDigest,
        Moment { now, elapsed }: Moment,
    ) -> Option<Result<Believed, Refusal>> {
        let answer = self.answers.as_ref()?.known.get(digest)?;
        answer.holds(now, elapsed).then(|| answer.said.clone())
    }

    /// Asks, once for all who ask about the same token at the same time. `judge` says whether what the
    /// issuer tells is for this API, and holds.
    pub(crate) async fn ask(
        &self,
        question: &Question<'_>,
        discovery: &Discovery,
        wire: &Wire,
        judge: impl Fn(Option<Claims>, UnixTime) -> Result<Believed, Refusal>,
    ) -> Result<Believed, Refusal> {
        let Some(answers) = &self.answers else {
            return self.answer(question, discovery, wire, judge).await;
        };
        let use_or_replace = |_: &TokenDigest, known: &mut Arc<Answer>| {
            if known.holds(wire.clock.now(), question.arrived) {
                EntryAction::Retain(known.said.clone())
            } else {
                EntryAction::ReplaceWithGuard
            }
        };
        let entry = answers.known.entry_async(&question.digest, use_or_replace);
        let place = match entry.await {
            EntryResult::Retained(said) => return said,
            EntryResult::Vacant(place) | EntryResult::Replaced(place, _) => place,
            // Neither is asked for.
            EntryResult::Removed(..) | EntryResult::Timeout => {
                return self.answer(question, discovery, wire, judge).await;
            }
        };
        let asked_at = wire.clock.elapsed();
        let said = self.answer(question, discovery, wire, judge).await;
        let kept = match &said {
            Ok(_) => answers.kept,
            Err(_) => answers.kept.min(REFUSED_KEPT_MAX),
        };
        let known_since = match &said {
            // Nothing was said that could be old: whoever waited as well is told the same.
            Err(Refusal::Unavailable { .. }) => wire.clock.elapsed(),
            _ => asked_at,
        };
        let answer = Answer {
            said: said.clone(),
            known_until: known_since + kept,
        };
        // Does not fit any more when it was put out meanwhile: then it is not remembered.
        let _ = place.insert(Arc::new(answer));
        said
    }

    async fn answer(
        &self,
        question: &Question<'_>,
        discovery: &Discovery,
        wire: &Wire,
        judge: impl Fn(Option<Claims>, UnixTime) -> Result<Believed, Refusal>,
    ) -> Result<Believed, Refusal> {
        let asking = self.put(question, discovery, wire);
        let asked = within(&*wire.clock, WHOLE_LIMIT, asking).await;
        match asked.unwrap_or_else(|| Err(Away::late())) {
            Ok(said) => judge(said, wire.clock.now()),
            Err(away) => {
                tracing::warn!(error = away.why, "the issuer cannot be asked about a token");
                Err(Refusal::unavailable(away.retry_after))
            }
        }
    }

    async fn put(
        &self,
        question: &Question<'_>,
        discovery: &Discovery,
        wire: &Wire,
    ) -> Result<Option<Claims>, Away> {
        let deadline = wire.clock.elapsed() + WHOLE_LIMIT;
        // Fails only when somebody closes it, which nobody does.
        let _slot = self.slots.acquire().await.map_err(|_| Away::late())?;
        let metadata = discovery.metadata(wire, deadline).await?;
        let Some(endpoint) = &metadata.introspection_endpoint else {
            let issuer = &metadata.issuer;
            return Err(Away::new(format!("{issuer} answers no introspection")));
        };
        let now = wire.clock.now();
        let request = self
            .introspector
            .question(question, endpoint, &metadata, now)
            .await?;
        let body = wire.ask(endpoint, request).await?;
        Introspection::claims_from_json(&body).map_err(|error| Away::because(endpoint, error))
    }
}

impl Answer {
    /// Whether it may be used for a request that came in then. Who waited for it came in before it was
    /// there, and yet not longer after the question than an answer is kept.
    fn holds(&self, now: UnixTime, arrived: Duration) -> bool {
        let lives = match &self.said {
            Ok(believed) => believed.expires_at().is_none_or(|end| now < end),
            Err(_) => true,
        };
        lives && arrived < self.known_until
    }
}
