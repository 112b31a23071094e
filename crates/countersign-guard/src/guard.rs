//! Is a request sent by somebody whose token is believed?

use std::{
    collections::BTreeSet, fmt, future::poll_fn, net::IpAddr, pin::Pin, sync::Arc, task::Poll,
    time::Duration,
};

use countersign_proto::{
    jws::JwsError,
    jwt::{self, UnverifiedJwt},
    opaque::{OpaqueKind, OpaqueToken},
};
use http::request::Parts;

use crate::{
    BuildError, Caller, GuardBuilder, GuardLayer, Refusal, Require, RequireLayer,
    caller::Believed,
    clock::within,
    introspect::{Asker, TokenDigest},
    issuer::{Found, Issuer, KeySource, Patience, Signed},
    keys::{Asked, Want},
    possession::Moment,
    presented::View,
};

/// Believes or refuses the token of each request. Cheap to clone; clones share what is known.
///
/// See the [crate's documentation](crate) for how it is put before a service.
#[derive(Clone)]
pub struct Guard {
    issuers: Arc<[Arc<Issuer>]>,
}

/// What can be said of a request.
pub(crate) enum Verdict<'g> {
    Done(Result<Caller, Refusal>),
    /// Somebody has to be asked first.
    Ask(Step<'g>),
}

/// What has to be found out first.
pub(crate) enum Step<'g> {
    /// By which keys an issuer signs.
    Keys(&'g Arc<Issuer>, Want),
    /// What one issuer says of a token that names it.
    Of(&'g Issuer, &'g Asker, Option<Box<Signed>>),
    /// What any issuer says that is asked about tokens that name none.
    OfEach,
}

impl Guard {
    /// Starts with the issuer whose tokens are believed: exactly as it writes itself in its metadata
    /// and its tokens. https, or http on loopback.
    pub fn builder(issuer: &str) -> GuardBuilder {
        GuardBuilder::new(issuer)
    }

    /// One guard for the issuers of all of these. Which one a token is judged by is found by what it
    /// claims, and then it is verified whole by that one alone. Opaque tokens are asked of each that
    /// is asked at all, in this order: whoever is asked gets to see tokens of those after it, and of
    /// those before it that do not answer within a second. A role is a role whichever of them gave it; a route that
    /// wants one of them takes the [`Guard::require`] of its own guard.
    ///
    /// # Errors
    /// [`BuildError::NoIssuer`], or [`BuildError::IssuerTwice`].
    pub fn several(guards: impl IntoIterator<Item = Guard>) -> Result<Guard, BuildError> {
        let issuers: Vec<Arc<Issuer>> = guards
            .into_iter()
            .flat_map(|guard| guard.issuers.iter().cloned().collect::<Vec<_>>())
            .collect();
        if issuers.is_empty() {
            return Err(BuildError::NoIssuer);
        }
        let mut names = BTreeSet::new();
        for issuer in &issuers {
            if !names.insert(&issuer.name) {
                return Err(BuildError::IssuerTwice(issuer.name.to_string()));
            }
        }
        Ok(Guard {
            issuers: issuers.into(),
        })
    }

    pub(crate) fn of(issuer: Issuer) -> Guard {
        Guard {
            issuers: Arc::new([Arc::new(issuer)]),
        }
    }

    /// The layer that puts a [`Caller`] into the extensions of each request, or refuses it. It guards
    /// what it is put before: in axum, the routes that the router has at that moment and none that is
    /// added later.
    ///
    /// One of them judges a request: a proof is taken once, so a second layer of the same guard behind it
    /// refuses what was proved. A browser asks by `OPTIONS` without a token whether it may send one, so a
    /// layer that answers that (CORS) stands before this one.
    pub fn layer(&self) -> GuardLayer {
        GuardLayer::new(self.clone())
    }

    /// The layer for a route that demands something of the caller. It stands behind
    /// [`Guard::layer`]; without that it refuses everybody.
    pub fn require(&self, require: Require) -> RequireLayer {
        RequireLayer::new(self.clone(), require)
    }

    /// Judges a request by its head. The issuer is asked when that is needed, once for all requests
    /// that need the same.
    ///
    /// # Errors
    /// [`Refusal`] says why, and how to answer.
    pub async fn check(&self, request: &Parts) -> Result<Caller, Refusal> {
        self.decide(View::of_parts(request)).await
    }

    /// Judges a request by its head and by what is known, without asking anybody: `None` when somebody
    /// has to be asked, as [`Guard::check`] does.
    pub fn check_at_once(&self, request: &Parts) -> Option<Result<Caller, Refusal>> {
        match self.verdict(View::of_parts(request)) {
            Verdict::Done(done) => Some(done),
            Verdict::Ask(_) => None,
        }
    }

    /// Fetches the keys of all issuers before they are too old, so that no caller waits for them. The
    /// application spawns it, and drops it to end it; by itself it never ends. Without it, one of the
    /// callers waits for newer keys each time.
    pub async fn keep_fresh(&self) {
        loop {
            let mut soonest: Option<Duration> = None;
            for issuer in self.issuers.iter() {
                let KeySource::Published(keys) = &issuer.keys else {
                    continue;
                };
                let clock = &issuer.wire.clock;
                if clock.elapsed() >= keys.next_refresh() {
                    issuer.refresh(Want::Newer).await;
                }
                let wait = keys.next_refresh().saturating_sub(clock.elapsed());
                soonest = Some(soonest.map_or(wait, |soonest| soonest.min(wait)));
            }
            let (Some(wait), Some(issuer)) = (soonest, self.issuers.first()) else {
                return std::future::pending().await;
            };
            issuer.wire.clock.sleep(wait.max(SHORTEST_SLEEP)).await;
        }
    }

    /// Whether a caller was believed by this guard, or by one that it was made of. Another one for the
    /// same issuer is for another audience, or demands less.
    pub(crate) fn believed(&self, caller: &Caller) -> bool {
        let mut issuers = self.issuers.iter();
        issuers.any(|known| caller.is_of(&known.name))
    }

    pub(crate) async fn decide(&self, view: View<'_>) -> Result<Caller, Refusal> {
        match self.verdict(view) {
            Verdict::Done(done) => done,
            Verdict::Ask(step) => self.find_out(view, step).await.inspect_err(note),
        }
    }

    /// Everything that can be said without asking anybody. Nothing is waited for.
    pub(crate) fn verdict(&self, view: View<'_>) -> Verdict<'_> {
        let done = match view.presented() {
            Err(refusal) => Err(refusal),
            Ok(presented) => match self.look(presented.token, Patience::Some) {
                Look::Ask(step) => return Verdict::Ask(step),
                Look::Refused(refusal) => Err(refusal),
                Look::Believed(issuer, believed, moment) => {
                    issuer.possession.prove(believed, presented, view, moment)
                }
            },
        };
        Verdict::Done(done.inspect_err(note))
    }

    async fn find_out(&self, view: View<'_>, step: Step<'_>) -> Result<Caller, Refusal> {
        let presented = view.presented()?;
        let token = presented.token;
        let mut step = step;
        // Twice at most: the first answer may be to a question from before the token was signed, the
        // second is not.
        for if_before in [Patience::Some, Patience::Rewarded] {
            let Step::Keys(issuer, want) = step else {
                break;
            };
            let patience = match issuer.refresh_for_all(want).await {
                Asked::Before => if_before,
                Asked::Now => Patience::Rewarded,
                Asked::Not => Patience::UsedUp,
            };
            step = match self.look(token, patience) {
                Look::Refused(refusal) => return Err(refusal),
                Look::Believed(issuer, believed, moment) => {
                    return issuer.possession.prove(believed, presented, view, moment);
                }
                Look::Ask(step) => step,
            };
        }
        let (issuer, believed) = match step {
            Step::Of(issuer, asker, signed) => {
                let moment = issuer.moment();
                let signed = signed.as_deref();
                let believed = issuer
                    .ask(asker, token, view.peer(), signed, moment)
                    .await?;
                (issuer, believed)
            }
            Step::OfEach => self.ask_each(token, view.peer()).await?,
            // Not reached: who looks without patience is not sent for keys.
            Step::Keys(..) => return Err(Refusal::unavailable(None)),
        };
        let moment = issuer.moment();
        issuer.possession.prove(believed, presented, view, moment)
    }

    fn look(&self, token: &str, patience: Patience) -> Look<'_> {
        match token.bytes().filter(|byte| *byte == b'.').count() {
            2 => self.look_at_jwt(token, patience),
            // An encrypted token is for nobody here (RFC 7516 §3.1).
            4 => Look::Refused(jwt::Refusal::Jws(JwsError::Segments(5)).into()),
            _ => self.look_at_opaque(token),
        }
    }

    fn look_at_jwt(&self, token: &str, patience: Patience) -> Look<'_> {
        let jwt = match UnverifiedJwt::parse(token) {
            Ok(jwt) => jwt,
            Err(why) => return Look::Refused(why.into()),
        };
        let claimed = jwt.claimed_issuer();
        let named = |issuer: &&Arc<Issuer>| Some(&*issuer.name) == claimed;
        let Some(issuer) = self.issuers.iter().find(named) else {
            return Look::Refused(Refusal::Issuer);
        };
        let moment = issuer.moment();
        match issuer.look(token, jwt, moment, patience) {
            Found::Believed(believed) => Look::Believed(issuer, believed, moment),
            Found::Refused(refusal) => Look::Refused(refusal),
            Found::Keys(want) => Look::Ask(Step::Keys(issuer, want)),
            Found::Ask(asker, signed) => Look::Ask(Step::Of(issuer, asker, signed)),
        }
    }

    fn look_at_opaque(&self, token: &str) -> Look<'_> {
        let digest = TokenDigest::of(token);
        let mut refusal = Some(Refusal::Opaque);
        for (issuer, asker) in self.askers() {
            let moment = issuer.moment();
            match asker.known(&digest, moment) {
                // Whatever the others know of it.
                Some(Ok(believed)) => return Look::Believed(issuer, believed, moment),
                Some(Err(why)) => refusal = refusal.map(|before| worse(before, why)),
                None => refusal = None,
            }
        }
        match refusal {
            Some(refusal) => Look::Refused(refusal),
            None if opens_no_api(token) => Look::Refused(Refusal::NotForApis),
            None => Look::Ask(Step::OfEach),
        }
    }

    /// Of each, until one knows the token: the next one when those before it do not know it, or have
    /// not answered for a while.
    async fn ask_each(
        &self,
        token: &str,
        from: Option<IpAddr>,
    ) -> Result<(&Issuer, Believed), Refusal> {
        let mut refusal = Refusal::Opaque;
        let mut asked = Vec::new();
        let mut others = self.askers().peekable();
        loop {
            let clock = match others.next() {
                Some((issuer, asker)) => {
                    let answer = issuer.ask(asker, token, from, None, issuer.moment());
                    asked.push((issuer, Box::pin(answer)));
                    &issuer.wire.clock
                }
                None => match asked.first() {
                    Some((issuer, _)) => &issuer.wire.clock,
                    None => return Err(refusal),
                },
            };
            let answer = match others.peek() {
                Some(_) => within(&**clock, NEXT_ASKED_AFTER, one_of(&mut asked)).await,
                None => Some(one_of(&mut asked).await),
            };
            match answer {
                Some((issuer, Ok(believed))) => return Ok((issuer, believed)),
                Some((_, Err(why))) => refusal = worse(refusal, why),
                None => {}
            }
        }
    }

    fn askers(&self) -> impl Iterator<Item = (&Issuer, &Asker)> {
        let each = self.issuers.iter();
        each.filter_map(|issuer| Some((&**issuer, issuer.asker.as_ref()?)))
    }
}

/// What came of looking at a token.
enum Look<'g> {
    Believed(&'g Issuer, Believed, Moment),
    Refused(Refusal),
    Ask(Step<'g>),
}

/// How long the next issuer is not asked about a token while those before it do not answer.
const NEXT_ASKED_AFTER: Duration = Duration::from_secs(1);

/// The first answer that comes, and whose it is; it is taken off those that are waited for.
async fn one_of<'g, F: Future + Unpin>(
    asked: &mut Vec<(&'g Issuer, F)>,
) -> (&'g Issuer, F::Output) {
    poll_fn(|context| {
        for at in 0..asked.len() {
            let (issuer, answer) = &mut asked[at];
            if let Poll::Ready(answer) = Pin::new(answer).poll(context) {
                let issuer = *issuer;
                drop(asked.swap_remove(at));
                return Poll::Ready((issuer, answer));
            }
        }
        Poll::Pending
    })
    .await
}

/// The shortest time that [`Guard::keep_fresh`] rests.
const SHORTEST_SLEEP: Duration = Duration::from_secs(1);

/// What is told of what several issuers say: that one of them could not be asked, since it may know the
/// token; else what the last one said.
fn worse(one: Refusal, other: Refusal) -> Refusal {
    match one {
        Refusal::Unavailable { .. } => one,
        _ => other,
    }
}

/// Whether nobody need be asked: it is a refresh token, or was not copied whole.
fn opens_no_api(token: &str) -> bool {
    match OpaqueToken::claimed_kind(token) {
        None => false,
        Some(kind) => kind.is_err() || kind == Ok(OpaqueKind::Refresh),
    }
}

/// Says in the log that a request was refused, and why.
pub(crate) fn note(refusal: &Refusal) {
    tracing::debug!(reason = refusal.word(), "request refused: {refusal}");
}

/// Names the issuers.
impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = self.issuers.iter().map(|issuer| &issuer.name);
        f.write_str("Guard")?;
        f.debug_list().entries(names).finish()
    }
}
