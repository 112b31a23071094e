//! How long are credentials of AWS served before new ones are got, and to whom?

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use countersign::{
    Clock as _, SystemClock,
    proto::{
        time::UnixTime,
        token::{AccessToken, TokenKind},
    },
};
use serde_json::Value;

use crate::{
    aws::{Credentials, Exchange},
    failure::Failure,
    session::Held,
};

/// A role whose credentials are served.
pub(super) struct AwsRole {
    exchange: Exchange,
}

/// The credentials that one profile has, and whose they are. It goes with the keeper of the profile,
/// and that goes when the profile is another or none.
pub(super) struct Kept<C> {
    shelf: Mutex<Shelf<C>>,
    /// Held while new ones are got: of many who ask one goes.
    turn: tokio::sync::Mutex<()>,
}

struct Shelf<C> {
    served: Option<Served<C>>,
    /// Who got none at the last try, and why.
    failed: Option<(Whose, Failure)>,
    /// How many tries have ended.
    tries: u64,
}

struct Served<C> {
    whose: Whose,
    credentials: Arc<C>,
    expires_at: UnixTime,
    renew_at: UnixTime,
}

/// Who a token stands for: another person may sign in under the name of the same profile.
#[derive(Clone, PartialEq, Eq)]
struct Whose {
    kind: TokenKind,
    principal: Option<String>,
    issue_app_id: String,
    issue_principal: String,
    issue_cert_subject: String,
    /// The token itself, where the platform does not say who it stands for.
    unnamed: Option<AccessToken>,
}

/// The SDKs of AWS ask again this long before the end, at each use.
const SDK_ASKS: Duration = Duration::from_secs(15 * 60);
/// So long after a try the next one is made, while there are credentials that live.
const NEXT_TRY: Duration = Duration::from_secs(30);

impl AwsRole {
    pub(super) fn new(exchange: Exchange) -> AwsRole {
        AwsRole { exchange }
    }

    /// Credentials for whom this token stands for: those that are kept, or new ones. When none can be
    /// had, those from before are served while they live.
    pub(super) async fn credentials(
        &self,
        kept: &Kept<Credentials>,
        held: &Held,
    ) -> Result<Value, Failure> {
        let get = move || async move {
            let credentials = self.exchange.credentials(held).await?;
            let expires_at = credentials.expires_at;
            Ok::<_, Failure>((credentials, expires_at))
        };
        let whose = Whose::of(held);
        let credentials = kept.credentials(&whose, SystemClock.now(), get).await?;
        Ok(credentials.of_a_container())
    }
}

impl<C> Kept<C> {
    pub(super) fn new() -> Kept<C> {
        Kept {
            shelf: Mutex::new(Shelf {
                served: None,
                failed: None,
                tries: 0,
            }),
            turn: tokio::sync::Mutex::new(()),
        }
    }

    async fn credentials<G, F>(
        &self,
        whose: &Whose,
        now: UnixTime,
        get: G,
    ) -> Result<Arc<C>, Failure>
    where
        G: FnOnce() -> F,
        F: Future<Output = Result<(C, UnixTime), Failure>>,
    {
        let (living, seen) = self.shelf().look(whose, now);
        let _turn = match living {
            Some((credentials, renew_at)) if now < renew_at => return Ok(credentials),
            Some((credentials, _)) => match self.turn.try_lock() {
                Ok(turn) => turn,
                // Somebody is renewing them.
                Err(_) => return Ok(credentials),
            },
            None => self.turn.lock().await,
        };
        let outcome = self.shelf().outcome_since(seen, whose, now);
        if let Some(outcome) = outcome {
            return outcome;
        }
        // Said before the try: whoever waits for it may give up, and then it never ends.
        self.shelf().put_off(now);
        let got = get().await;
        self.shelf().take_in(whose, now, got)
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf<C>> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> Shelf<C> {
    /// What lives and is theirs, with the moment of its renewal; and how many tries have ended. What
    /// is somebody else's is dropped.
    fn look(&mut self, whose: &Whose, now: UnixTime) -> (Option<(Arc<C>, UnixTime)>, u64) {
        let served = self.served.take();
        self.served = served.filter(|served| served.whose == *whose && now < served.expires_at);
        let living = self.served.as_ref();
        let living = living.map(|served| (Arc::clone(&served.credentials), served.renew_at));
        (living, self.tries)
    }

    /// How a try ended that was made for them while they waited.
    fn outcome_since(
        &mut self,
        seen: u64,
        whose: &Whose,
        now: UnixTime,
    ) -> Option<Result<Arc<C>, Failure>> {
        if self.tries == seen {
            return None;
        }
        if let (Some((credentials, _)), _) = self.look(whose, now) {
            return Some(Ok(credentials));
        }
        let failed = self.failed.as_ref();
        let failed = failed.filter(|(who, _)| who == whose);
        failed.map(|(_, failure)| Err(failure.clone()))
    }

    fn put_off(&mut self, now: UnixTime) {
        if let Some(served) = &mut self.served {
            served.renew_at = now.plus(NEXT_TRY);
        }
    }

    fn take_in(
        &mut self,
        whose: &Whose,
        now: UnixTime,
        got: Result<(C, UnixTime), Failure>,
    ) -> Result<Arc<C>, Failure> {
        self.tries += 1;
        match got {
            Ok((credentials, expires_at)) => {
                let credentials = Arc::new(credentials);
                self.failed = None;
                self.served = Some(Served {
                    whose: whose.clone(),
                    credentials: Arc::clone(&credentials),
                    expires_at,
                    renew_at: renewal(now, expires_at),
                });
                Ok(credentials)
            }
            Err(failure) => {
                self.failed = Some((whose.clone(), failure.clone()));
                let (living, _) = self.look(whose, now);
                living.map(|(credentials, _)| credentials).ok_or(failure)
            }
        }
    }
}

impl Whose {
    fn of(held: &Held) -> Whose {
        let token = &held.token;
        let unnamed = token.principal.is_none();
        Whose {
            kind: token.kind,
            principal: token.principal.clone(),
            issue_app_id: token.issue_app_id.clone(),
            issue_principal: token.issue_principal.clone(),
            issue_cert_subject: token.issue_cert_subject.clone(),
            unnamed: unnamed.then(|| token.access_token.clone()),
        }
    }
}

/// A minute before the SDKs begin to ask, or in the middle of a short life.
fn renewal(now: UnixTime, expires_at: UnixTime) -> UnixTime {
    let life = expires_at.since(now);
    expires_at.minus((SDK_ASKS + Duration::from_secs(60)).min(life / 2))
}

#[cfg(test)]
mod tests {
    use std::{
        cell::Cell,
        future::{pending, poll_fn},
        pin::{Pin, pin},
        task::Poll,
    };

    use countersign::{Token, TokenObject, proto::token::TokenType};
    use tokio::sync::oneshot;

    use super::*;
    use crate::failure::Exit;

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    fn held(principal: Option<&str>, text: &str) -> Held {
        let token = Token::from(TokenObject {
            access_token: AccessToken::new(text).unwrap(),
            token_type: TokenType::Bearer,
            kind: TokenKind::Interactive,
            principal: principal.map(str::to_owned),
            scope: None,
            issued_at: at(0),
            expires_at: at(900),
            issue_app_id: String::new(),
            issue_principal: String::new(),
            issue_cert_subject: String::new(),
            issue_cert_thumbprint: None,
        });
        Held::from(token)
    }

    fn whose(principal: &str) -> Whose {
        Whose::of(&held(Some(principal), "token"))
    }

    type Got = Result<(&'static str, UnixTime), Failure>;

    /// Credentials that live for an hour from 1000 on, and are due at 3640.
    const FIRST: Got = Ok(("first", UnixTime::from_secs(4600)));

    fn away() -> Got {
        Err(Failure::new(Exit::Network, "away"))
    }

    /// What is served when whoever asks would get this, and whether it was asked for.
    async fn asks(
        kept: &Kept<&'static str>,
        whose: &Whose,
        now: u64,
        got: Got,
    ) -> (Result<&'static str, Failure>, bool) {
        let asked = Cell::new(false);
        let get = || {
            asked.set(true);
            async { got }
        };
        let served = kept.credentials(whose, at(now), get).await;
        (served.map(|credentials| *credentials), asked.get())
    }

    /// Goes on with it once; whether it has not ended by that.
    async fn waits(mut future: Pin<&mut impl Future>) -> bool {
        poll_fn(|context| Poll::Ready(future.as_mut().poll(context).is_pending())).await
    }

    #[test]
    fn credentials_are_renewed_before_the_sdks_ask_or_in_the_middle_of_a_short_life() {
        assert_eq!(renewal(at(1000), at(1000 + 3600)), at(1000 + 3600 - 960));
        assert_eq!(renewal(at(1000), at(1000 + 900)), at(1000 + 450));
        assert_eq!(renewal(at(1000), at(900)), at(900));
    }

    #[test]
    fn a_renewed_token_stands_for_the_same_principal_and_one_that_names_none_for_itself() {
        let of = |principal, text| Whose::of(&held(principal, text));
        assert!(of(Some("alice"), "a") == of(Some("alice"), "b"));
        assert!(of(Some("alice"), "a") != of(Some("bob"), "a"));
        assert!(of(None, "a") == of(None, "a"));
        assert!(of(None, "a") != of(None, "b"));
        assert!(of(None, "a") != of(Some("alice"), "a"));
    }

    #[tokio::test]
    async fn who_signs_in_under_the_same_profile_is_not_served_what_another_left() {
        let (alice, bob) = (whose("alice"), whose("bob"));
        let kept = Kept::new();
        assert_eq!(asks(&kept, &alice, 1000, FIRST).await, (Ok("first"), true));
        assert_eq!(
            asks(&kept, &alice, 1001, away()).await,
            (Ok("first"), false)
        );
        let (served, asked) = asks(&kept, &bob, 1002, away()).await;
        assert_eq!(served.unwrap_err().message(), "away");
        assert!(
            asked,
            "what is alice's is not bob's, whether or not bob gets any"
        );
        let second = Ok(("second", at(4600)));
        assert_eq!(asks(&kept, &bob, 1003, second).await, (Ok("second"), true));
        let (served, _) = asks(&kept, &alice, 1004, away()).await;
        assert!(served.is_err(), "what was hers is gone");
    }

    #[tokio::test]
    async fn while_there_are_living_ones_a_failure_is_followed_by_a_pause() {
        let alice = whose("alice");
        let kept = Kept::new();
        asks(&kept, &alice, 1000, FIRST).await.0.unwrap();
        for (now, is_tried) in [(3639, false), (3640, true), (3669, false), (3670, true)] {
            let outcome = asks(&kept, &alice, now, away()).await;
            assert_eq!(outcome, (Ok("first"), is_tried), "{now}");
        }
        // At their end there is nothing to wait with.
        for now in [4600, 4601] {
            let (served, asked) = asks(&kept, &alice, now, away()).await;
            assert!(served.is_err() && asked, "{now}");
        }
    }

    #[tokio::test]
    async fn living_ones_are_served_while_one_renews_and_after_it_gave_up() {
        let alice = whose("alice");
        let kept = Kept::new();
        asks(&kept, &alice, 1000, FIRST).await.0.unwrap();
        {
            let mut slow = pin!(kept.credentials(&alice, at(4000), pending::<Got>));
            assert!(waits(slow.as_mut()).await);
            for now in [4000, 4031] {
                let outcome = asks(&kept, &alice, now, away()).await;
                assert_eq!(outcome, (Ok("first"), false), "{now}");
            }
        }
        // It was dropped, as when its program goes away.
        let early = asks(&kept, &alice, 4029, away()).await;
        assert_eq!(early, (Ok("first"), false));
        let next = asks(&kept, &alice, 4030, Ok(("next", at(9000)))).await;
        assert_eq!(next, (Ok("next"), true));
    }

    #[tokio::test]
    async fn of_many_who_have_none_one_asks_and_its_failure_is_everybodys() {
        let (alice, bob) = (whose("alice"), whose("bob"));
        let kept = Kept::new();
        let (answer, answered) = oneshot::channel::<Got>();
        let first = kept.credentials(&alice, at(1000), || async { answered.await.unwrap() });
        let others = async {
            let waiting = async {
                let waiting = asks(&kept, &alice, 1000, FIRST);
                let mut waiting = pin!(waiting);
                assert!(waits(waiting.as_mut()).await);
                answer.send(away()).unwrap();
                waiting.await
            };
            let second = Ok(("second", at(4600)));
            tokio::join!(waiting, asks(&kept, &bob, 1000, second))
        };
        let (first, (waited, bobs)) = tokio::join!(first, others);
        assert_eq!(first.unwrap_err().message(), "away");
        assert!(waited.0.is_err() && !waited.1, "it shares the failure");
        assert_eq!(bobs, (Ok("second"), true), "that was no failure of his");
    }
}
