//! Is what a platform does to a session always what tokens.md says, in whatever order things happen?
//!
//! The model is the text of tokens.md, one thing after the other. The platform is asked the same,
//! also several things at once: then its store lets those who wait go on in a random order, and
//! what they hear must be what they would have heard one after the other, in some order.

use std::{future::Future, pin::Pin, sync::Arc, task::Context, time::Duration};

use countersign::{
    admin::Admin,
    proto::{
        key::{KeyType, LocalKey},
        time::UnixTime,
    },
};
use countersign_server::{
    Rules,
    secrets::Secrets,
    store::{MemoryStore, Store},
};
use countersign_testkit::{ManualClock, TestPlatform};
use futures_util::task::noop_waker;
use proptest::{
    collection::vec,
    prelude::{Just, Strategy, any, prop_oneof},
    test_runner::{Config, TestCaseError, TestRunner},
};

use super::{
    around::{Around, Counting},
    asking::{Given, Heard, Node, Terminal},
    principal,
    seed::sign_in,
};

/// How many refreshes a session has here.
const LIMIT: u32 = 6;

/// What happens.
#[derive(Clone, Debug)]
enum Event {
    /// Several ask at once; the bytes say who goes on, turn by turn.
    Ask(Vec<Asks>, Vec<u8>),
    /// Time passes.
    Pass(u64),
    /// An administrator ends the session.
    End,
}

/// One who asks.
#[derive(Clone, Copy, Debug)]
struct Asks {
    /// With the refresh token of so many generations before the newest.
    back: u32,
    /// With the key of the session.
    key: Key,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Own,
    Another,
}

/// A session as tokens.md describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Model {
    /// When each generation's token was used first.
    used: Vec<u64>,
    /// End of the newest access token.
    access_ends: u64,
    ends: u64,
    over: bool,
}

/// What one hears, by the model.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Expected {
    /// The successor of this generation, given by the refresh at this time.
    Successor {
        generation: u32,
        at: u64,
    },
    Refused(&'static str),
}

impl Model {
    fn generation(&self) -> u32 {
        u32::try_from(self.used.len()).unwrap()
    }

    fn ask(&mut self, presented: u32, key: Key, now: u64) -> Expected {
        use Expected::Refused;
        if key == Key::Another {
            return Refused("? \"invalid_grant\"");
        }
        if self.over || now >= self.ends {
            return Refused("session_ended");
        }
        let newest = self.generation();
        if presented == newest {
            if newest == LIMIT {
                return Refused("refresh_limit_reached");
            }
            self.used.push(now);
            self.access_ends = self.ends.min(now + 3_600);
            return Expected::Successor {
                generation: newest + 1,
                at: now,
            };
        }
        match self.used.get(presented as usize + 1) {
            None if now < self.access_ends => Expected::Successor {
                generation: newest,
                at: self.used[presented as usize],
            },
            Some(first_use) if now < first_use + 60 => Refused("superseded"),
            _ => {
                self.over = true;
                Refused("session_ended")
            }
        }
    }
}

// security.md 65, 67, 70, B15
#[test]
fn whatever_happens_in_whatever_order_a_session_does_what_the_text_says() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let world = runtime.block_on(World::new(Counting::Conditional));
    let mut runner = TestRunner::new(cases());
    let outcome = runner.run(&events(), |events| {
        runtime
            .block_on(world.play(&events))
            .map_err(TestCaseError::fail)
    });
    outcome.unwrap();
}

#[test]
fn the_same_model_catches_a_counter_that_reads_and_then_writes() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let world = runtime.block_on(World::new(Counting::ReadThenWrite));
    let mut runner = TestRunner::new(cases());
    let outcome = runner.run(&events(), |events| {
        runtime
            .block_on(world.play(&events))
            .map_err(TestCaseError::fail)
    });
    assert!(outcome.is_err());
}

fn cases() -> Config {
    Config {
        failure_persistence: None,
        ..Config::with_cases(200)
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let asks = (
        prop_oneof![5 => Just(0), 3 => Just(1), 2 => 2_u32..4],
        prop_oneof![9 => Just(Key::Own), 1 => Just(Key::Another)],
    )
        .prop_map(|(back, key)| Asks { back, key });
    let event = prop_oneof![
        8 => (vec(asks, 1..=4), vec(any::<u8>(), 40))
            .prop_map(|(asks, order)| Event::Ask(asks, order)),
        5 => prop_oneof![
            Just(1_u64), Just(29), Just(59), Just(60), Just(61),
            Just(3_599), Just(3_600), Just(14_000),
        ]
        .prop_map(Event::Pass),
        1 => Just(Event::End),
    ];
    vec(event, 1..12)
}

/// A platform in which one session after the other is played through.
struct World {
    platform: TestPlatform,
    admin: Admin,
    store: Arc<dyn Store>,
    secrets: Secrets,
    clock: ManualClock,
    stranger: Arc<LocalKey>,
    _folder: tempfile::TempDir,
}

impl World {
    async fn new(counting: Counting) -> World {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("secrets");
        let mut settings = TestPlatform::settings();
        settings.secrets_file = Some(file.clone());
        let clock = ManualClock::default();
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new(Rules::default()));
        let around = Arc::new(Around::new(store.clone(), counting));
        let platform = TestPlatform::with_store(settings, around, clock.clone())
            .await
            .unwrap();
        let admin = platform.admin().unwrap();
        admin.create_principal(&principal("anna")).await.unwrap();
        World {
            secrets: Secrets::read(&file).unwrap().unwrap(),
            stranger: Arc::new(LocalKey::generate(KeyType::P256).unwrap().0),
            platform,
            admin,
            store,
            clock,
            _folder: folder,
        }
    }

    /// Plays events on a new session, beside the model.
    async fn play(&self, events: &[Event]) -> Result<(), String> {
        let begun = self.clock.now();
        let signed_in = sign_in(&*self.store, &self.secrets, "anna", LIMIT, begun).await;
        let own = self.terminal(signed_in.key.clone()).await;
        let stranger = self.terminal(self.stranger.clone()).await;
        let mut model = Model {
            used: Vec::new(),
            access_ends: begun.as_secs() + 3_600,
            ends: begun.as_secs() + 43_200,
            over: false,
        };
        let mut given: Vec<Option<Given>> = vec![None; LIMIT as usize + 1];
        for event in events {
            match event {
                Event::Pass(seconds) => {
                    self.clock.advance(Duration::from_secs(*seconds));
                    // Nobody asks with a nonce of long ago.
                    own.ask(0, "x").await;
                    stranger.ask(0, "x").await;
                }
                Event::End => {
                    let ended = self.admin.end_session(&signed_in.session).await;
                    ended.map_err(|error| error.to_string())?;
                    model.over = true;
                }
                Event::Ask(asks, order) => {
                    let newest = model.generation();
                    let asked: Vec<(u32, Key)> = asks
                        .iter()
                        .map(|asks| (newest.saturating_sub(asks.back), asks.key))
                        .collect();
                    let tokens: Vec<String> = asked
                        .iter()
                        .map(|(generation, _)| match &given[*generation as usize] {
                            Some(given) => given.refresh_token.clone(),
                            None => signed_in.refresh_token.clone(),
                        })
                        .collect();
                    let asking = asked.iter().zip(&tokens).map(|((_, key), token)| {
                        let terminal = if *key == Key::Own { &own } else { &stranger };
                        Box::pin(terminal.ask(0, token)) as Asking<'_>
                    });
                    let heard = in_turns(asking.collect(), order);
                    model = self.explained(&model, &asked, &heard, &mut given)?;
                }
            }
        }
        let row = self.store_sees(&signed_in.session).await?;
        if row != model.generation() {
            return Err(format!(
                "counted {row}, and the model {}",
                model.generation()
            ));
        }
        Ok(())
    }

    /// The model after what was asked, in an order that explains what was heard.
    fn explained(
        &self,
        before: &Model,
        asked: &[(u32, Key)],
        heard: &[Heard],
        given: &mut [Option<Given>],
    ) -> Result<Model, String> {
        let now = self.clock.now().as_secs();
        for order in orders(asked.len()) {
            let (mut model, mut known) = (before.clone(), given.to_vec());
            let fits = order.into_iter().all(|one| {
                let (presented, key) = asked[one];
                let expected = model.ask(presented, key, now);
                agrees(&expected, &heard[one], &mut known)
            });
            if fits {
                given.clone_from_slice(&known);
                return Ok(model);
            }
        }
        Err(format!("{before:?} was asked {asked:?} and said {heard:?}"))
    }

    /// How often the platform counted. A counter that is worse than its store has it elsewhere.
    async fn store_sees(&self, session: &str) -> Result<u32, String> {
        let shown = self.admin.session(session).await;
        shown
            .map(|it| it.generation)
            .map_err(|error| error.to_string())
    }

    async fn terminal(&self, key: Arc<LocalKey>) -> Terminal {
        let clock = self.clock.clone();
        let node = Node::at(
            self.platform.issuer(),
            Arc::new(self.platform.wire().clone()),
        );
        let now = move || -> UnixTime { clock.now() };
        let terminal = Terminal::new(key, self.platform.issuer(), vec![node], now);
        terminal.ask(0, "x").await;
        terminal
    }
}

/// Whether one heard what the model says, and the same as anybody before him.
fn agrees(expected: &Expected, heard: &Heard, known: &mut [Option<Given>]) -> bool {
    match (expected, heard) {
        (Expected::Refused(reason), Heard::Refused(heard)) => reason == heard,
        (Expected::Successor { generation, at }, Heard::Given(heard)) => {
            let fits = heard.remaining == u64::from(LIMIT - generation) && heard.issued_at == *at;
            match &mut known[*generation as usize] {
                Some(before) => fits && before == heard,
                unknown => {
                    *unknown = Some(heard.clone());
                    fits
                }
            }
        }
        _ => false,
    }
}

type Asking<'a> = Pin<Box<dyn Future<Output = Heard> + Send + 'a>>;

/// Lets those who ask go on one turn at a time, as the bytes say.
fn in_turns(mut asking: Vec<Asking<'_>>, order: &[u8]) -> Vec<Heard> {
    let mut heard: Vec<Option<Heard>> = vec![None; asking.len()];
    let mut bytes = order.iter().cycle();
    let waker = noop_waker();
    while heard.iter().any(Option::is_none) {
        let waiting: Vec<usize> = (0..heard.len())
            .filter(|one| heard[*one].is_none())
            .collect();
        let byte = bytes.next().copied().unwrap_or_default();
        let one = waiting[usize::from(byte) % waiting.len()];
        let polled = asking[one].as_mut().poll(&mut Context::from_waker(&waker));
        if let std::task::Poll::Ready(answer) = polled {
            heard[one] = Some(answer);
        }
    }
    heard.into_iter().flatten().collect()
}

/// Every order of so many.
fn orders(count: usize) -> Vec<Vec<usize>> {
    if count == 0 {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for shorter in orders(count - 1) {
        for at in 0..=shorter.len() {
            let mut longer = shorter.clone();
            longer.insert(at, count - 1);
            all.push(longer);
        }
    }
    all
}
