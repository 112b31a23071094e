//! Do the rules hold on ways that nobody thought of?
//!
//! Random steps, most of them wrong, on many logins. What must hold is computed beside the login,
//! from the steps that were taken.

use std::collections::{BTreeMap, BTreeSet};

use super::*;

const WALKS: u64 = 400;
const STEPS: usize = 150;

/// xorshift64*: the same walks each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % sides
    }

    fn one_of<T: Clone>(&mut self, all: &[T]) -> Option<T> {
        let at = self.roll(all.len().max(1) as u64);
        all.get(usize::try_from(at).unwrap()).cloned()
    }
}

/// What an observer knows.
struct Walker {
    dice: Dice,
    login: Login,
    now: u64,
    same_device: bool,
    /// Transactions that signed in, with who did.
    signed_in: BTreeMap<String, String>,
    /// Values that were made by an allowed transaction, with it and their way.
    values: BTreeMap<String, (String, Binding)>,
    /// Values that another took the place of, or whose time or login is over.
    dead: BTreeSet<String>,
    epochs: Vec<u64>,
    sessions: Vec<String>,
    acknowledged: usize,
    confirmed: Option<String>,
}

impl Walker {
    fn new(seed: u64) -> Walker {
        let same_device = seed.is_multiple_of(2);
        let login = if same_device {
            super::same_device()
        } else {
            both_ways()
        };
        Walker {
            dice: Dice(0x9e37_79b9_7f4a_7c15 ^ (seed + 1)),
            login,
            now: 0,
            same_device,
            signed_in: BTreeMap::new(),
            values: BTreeMap::new(),
            dead: BTreeSet::new(),
            epochs: vec![1],
            sessions: Vec::new(),
            acknowledged: 0,
            confirmed: None,
        }
    }

    fn now(&self) -> UnixTime {
        after(self.now)
    }

    fn any_transaction(&mut self) -> String {
        let known: Vec<String> = self.signed_in.keys().cloned().collect();
        match self.dice.one_of(&known) {
            Some(transaction) if self.dice.roll(8) > 0 => transaction,
            _ => "nobody's".to_owned(),
        }
    }

    fn any_value(&mut self) -> (String, Binding) {
        let known: Vec<(String, Binding)> = self
            .values
            .iter()
            .map(|(value, (_, binding))| (value.clone(), *binding))
            .collect();
        match self.dice.one_of(&known) {
            Some(value) if self.dice.roll(5) > 0 => value,
            Some((value, Binding::Code)) => (value, Binding::Loopback),
            _ => ("nobody's".to_owned(), Binding::Code),
        }
    }

    fn any_epoch(&mut self) -> u64 {
        match self.dice.roll(6) {
            0 => self.dice.one_of(&self.epochs.clone()).unwrap_or(0),
            _ => self.login.epoch(),
        }
    }

    fn kill_values_of(&mut self, transaction: Option<&str>) {
        let killed = self
            .values
            .iter()
            .filter(|(_, (of, _))| transaction.is_none_or(|it| it == of))
            .map(|(value, _)| value.clone());
        self.dead.extend(killed.collect::<Vec<_>>());
    }

    fn step(&mut self) {
        self.now += self.dice.roll(8) * self.dice.roll(6);
        let now = self.now();
        let lived: Vec<String> = self.living();
        self.login.pass(now);
        // Those whose time is over are dead for good.
        for value in lived {
            if !self.living().contains(&value) {
                self.dead.insert(value);
            }
        }
        match self.dice.roll(14) {
            0 => drop(self.login.open(seen())),
            1 | 2 => self.sign_in(),
            3 | 4 => self.approve(Binding::Loopback),
            5 => self.approve(Binding::Code),
            6..=8 => self.confirm(),
            9 => self.accept(),
            10 => self.receive(),
            11 => {
                let seq = self.dice.roll(self.login.last_seq() + 3);
                if let Ok(epoch) = self.login.resume(seq) {
                    assert!(!self.epochs.contains(&epoch), "an epoch comes once");
                    self.epochs.push(epoch);
                }
            }
            12 => {
                let epoch = self.any_epoch();
                self.login.leave(epoch, now);
            }
            _ => self.end(),
        }
    }

    fn sign_in(&mut self) {
        let name = ["anna", "bert", "carl"][usize::try_from(self.dice.roll(3)).unwrap()];
        let transaction = format!("tx{}", self.signed_in.len());
        let now = self.now();
        if self
            .login
            .sign_in(transaction.clone(), identity(name), seen(), now)
            .is_ok()
        {
            self.signed_in.insert(transaction, name.to_owned());
        }
    }

    fn approve(&mut self, binding: Binding) {
        let transaction = self.any_transaction();
        let value = format!("v{}", self.values.len());
        let now = self.now();
        let approved = self
            .login
            .approve(&transaction, release(binding, &value), now);
        if approved.is_ok() {
            assert!(self.signed_in.contains_key(&transaction));
            // login.md R6
            assert!(!(self.same_device && binding == Binding::Code));
            self.kill_values_of(Some(&transaction));
            self.values.insert(value, (transaction, binding));
        }
    }

    fn confirm(&mut self) {
        let (value, binding) = self.any_value();
        let epoch = self.any_epoch();
        let now = self.now();
        let before = self.login.stage();
        let result = self.login.confirm(epoch, binding, &value, now);
        if self.login.stage() == Stage::Bound && before != Stage::Bound {
            result.unwrap();
            // login.md R3
            assert_eq!(epoch, self.login.epoch());
            // login.md R4
            assert!(self.confirmed.is_none(), "one confirmation at most");
            assert!(
                !self.dead.contains(&value),
                "a dead value released something"
            );
            let (transaction, way) = self.values[&value].clone();
            assert_eq!(way, binding);
            self.confirmed = Some(transaction);
            self.kill_values_of(None);
        }
    }

    fn accept(&mut self) {
        let epoch = self.any_epoch();
        let session = format!("session{}", self.sessions.len());
        let until = self.now().plus(Duration::from_secs(60));
        let accepted = self.login.acceptable(epoch);
        if self.login.accept(epoch, session.clone(), until).is_ok() {
            // login.md R1
            let confirmed = self.confirmed.as_ref().unwrap();
            assert_eq!(
                accepted.unwrap().identity.principal,
                self.signed_in[confirmed]
            );
            self.sessions.push(session);
        }
    }

    fn receive(&mut self) {
        let epoch = self.any_epoch();
        if let Ok(session) = self.login.receive(epoch) {
            // login.md R5
            assert_eq!(self.sessions, [session]);
            self.acknowledged += 1;
        }
    }

    fn end(&mut self) {
        // Seldom: a walk that ends at once shows little.
        if self.dice.roll(8) > 0 {
            return;
        }
        let epoch = self.any_epoch();
        match self.dice.roll(7) {
            0 => drop(self.login.report()),
            1 => drop(self.login.deny()),
            2 => drop(self.login.cancel(epoch)),
            3 => drop(self.login.refuse(Failure::UnknownPrincipal)),
            4 => drop(self.login.fail(epoch, Failure::DisabledPrincipal)),
            5 => drop(self.login.lapse()),
            _ => drop(self.login.reject(epoch)),
        }
    }

    fn living(&self) -> Vec<String> {
        self.login
            .transactions
            .iter()
            .filter_map(Transaction::release)
            .map(|release| release.nonce().replace("nonce of ", ""))
            .collect()
    }

    fn check(&self, before: &Login) {
        let login = &self.login;
        let living = self.living();
        for value in &living {
            assert!(!self.dead.contains(value), "{value} came back to life");
            let (transaction, _) = &self.values[value];
            assert!(login.view(transaction).is_some());
        }
        if login.stage() >= Stage::Bound {
            assert_eq!(
                living, [""; 0],
                "no value after it was used, or after the end"
            );
        }
        assert!(self.sessions.len() <= 1, "one session at most");
        assert!(self.acknowledged <= self.sessions.len());
        // What was told stays told, without a gap, and nothing comes after the end.
        let told: Vec<_> = login.events_after(0).collect();
        let earlier: Vec<_> = before.events_after(0).collect();
        assert_eq!(told[..earlier.len()], earlier[..]);
        for (seq, numbered) in (1..).zip(&told) {
            assert_eq!(numbered.seq, seq);
        }
        let ends = told.iter().filter(|it| is_last(it.event)).count();
        assert_eq!(ends, usize::from(login.is_over()));
        if login.is_over() {
            assert!(is_last(told.last().unwrap().event));
        }
        if before.is_over() {
            assert_eq!(login.stage(), before.stage(), "an end is an end");
            assert_eq!(told.len(), earlier.len());
        }
        let tokens = told.iter().filter(|it| *it.event == Event::Token).count();
        assert_eq!(tokens, self.sessions.len());
    }
}

/// Whether nothing comes after it.
fn is_last(event: &Event) -> bool {
    matches!(event, Event::Bye | Event::Ended(_))
}

// login.md R1, R3, R4, R5, R6
#[test]
fn on_many_random_ways_every_rule_holds() {
    let mut reached = BTreeSet::new();
    for seed in 0..WALKS {
        let mut walker = Walker::new(seed);
        for _ in 0..STEPS {
            let before = walker.login.clone();
            walker.step();
            walker.check(&before);
            reached.insert(walker.login.stage());
        }
    }
    assert_eq!(
        reached.len(),
        12,
        "the walks reach every state: {reached:?}"
    );
}
