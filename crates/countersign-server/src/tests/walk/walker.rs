//! What must hold after each step?

use std::collections::{BTreeMap, BTreeSet};

use axum::http::{Method, StatusCode, header};
use serde_json::json;

use super::{
    chance::Chance,
    held::{Held, Listed, with_cookie},
    nodes::Nodes,
    steps::{self, ANOTHER, API, PASSWORD, PEOPLE, Step},
};
use crate::tests::world::{Answer, Identity, World, application};

pub(super) struct Walk {
    nodes: Nodes,
    chance: Chance,
    held: Vec<Held>,
    root: Identity,
    api: Identity,
    /// The administrator's token, and the one by which the API introspects.
    admin_token: String,
    api_token: String,
    number: u32,
    /// How often each step was tried, and how often it was done.
    done: BTreeMap<&'static str, (u32, u32)>,
}

impl Walk {
    pub(super) async fn begin(nodes: Nodes, seed: u64) -> Walk {
        let node = &nodes.both[0];
        node.principal("root", &["Administrator"]).await;
        let root = node.application("root", &["root"]).await;
        let mut asking = application("api");
        asking.audience = Some(API.to_owned());
        let api = Identity::fresh("api");
        node.application_of(asking, &api, &["api-robot"]).await;
        for person in PEOPLE {
            node.principal(person, &["Reader", "Developer"]).await;
        }
        let mut walk = Walk {
            nodes,
            chance: Chance::of(seed),
            held: Vec::new(),
            root,
            api,
            admin_token: String::new(),
            api_token: String::new(),
            number: 0,
            done: BTreeMap::new(),
        };
        walk.sign_in().await;
        walk.prepare().await;
        walk
    }

    /// Roles that are not built in, and passwords.
    async fn prepare(&mut self) {
        for (name, permissions) in [
            ("Seller", json!(["scope:orders", "own-tokens:write"])),
            (
                "Buyer",
                json!(["tokens:read", "tokens:write", "scope:orders"]),
            ),
        ] {
            let role = json!({"name": name, "permissions": permissions});
            self.must(Method::POST, "roles", role).await;
        }
        for person in PEOPLE {
            let path = format!("principals/{person}/password");
            self.must(Method::PUT, &path, json!({"password": PASSWORD}))
                .await;
            self.hold_password(person, PASSWORD);
        }
        self.nodes.come_into_step().await;
    }

    /// A new password takes the place of the one before.
    fn hold_password(&mut self, person: &str, text: &'static str) {
        self.held
            .retain(|held| !held.is_password() || held.id() != person);
        self.held.push(Held::Password {
            principal: person.to_owned(),
            text,
        });
    }

    async fn must(&self, method: Method, path: &str, body: serde_json::Value) {
        let node = &self.nodes.both[0];
        let answer = node.api(method, path, &self.admin_token, Some(body)).await;
        assert!(answer.status.is_success(), "{path}: {}", answer.status);
    }

    /// Both applications get new tokens: time has passed.
    async fn sign_in(&mut self) {
        self.nodes.come_into_step().await;
        let node = &self.nodes.both[0];
        let root = node.assertion("root", &self.root);
        self.admin_token = node.exchange(&root, "").await.token();
        let api = node.assertion("api", &self.api);
        self.api_token = node.exchange(&api, "&scope=introspect").await.token();
    }

    /// One step, at one of the nodes, by the administrator or by a token that is held.
    pub(super) async fn step(&mut self) {
        if self.chance.once_in(40) {
            let seconds = *self.chance.one_of(&[1, 59, 3_600, 86_400, 10 * 86_400]);
            self.nodes.both[0].advance(seconds);
            self.sign_in().await;
        }
        self.number += 1;
        let at = self.chance.below(2);
        let step = steps::next(&mut self.chance, &self.held, self.number);
        let bearer = self.bearer();
        let answer = self.take(&step, at, &bearer).await;
        assert!(
            answer.status.as_u16() < 500,
            "{} at {}: {}",
            step.name,
            step.path,
            String::from_utf8_lossy(&answer.body)
        );
        let entry = self.done.entry(step.name).or_default();
        entry.0 += 1;
        if answer.status.is_success() {
            entry.1 += 1;
            self.keep(&step, &answer).await;
        }
        // What a node did holds there at once: it is looked at before the nodes come into step.
        if let Some(last) = self.held.len().checked_sub(1) {
            let which = if self.chance.once_in(2) {
                last
            } else {
                self.chance.below(self.held.len())
            };
            if !self.held[which].is_password() || self.chance.once_in(20) {
                self.look_at(which, at).await;
            }
        }
        self.nodes.come_into_step().await;
    }

    async fn take(&self, step: &Step, at: usize, bearer: &str) -> Answer {
        let node = &self.nodes.both[at];
        let (method, body) = (step.method.clone(), step.body.clone());
        if step.path == "signin" {
            return node.send(with_cookie(method, &step.path, "", body)).await;
        }
        node.api(method, &step.path, bearer, body).await
    }

    /// Whoever takes the step: mostly the administrator.
    fn bearer(&mut self) -> String {
        if !self.held.is_empty()
            && self.chance.once_in(3)
            && let Held::Token { text, .. } = self.chance.one_of(&self.held)
        {
            return text.clone();
        }
        self.admin_token.clone()
    }

    /// What was given out is kept for good.
    async fn keep(&mut self, step: &Step, answer: &Answer) {
        match step.name {
            "grant" | "rotate" => {
                let given = answer.json();
                self.held.push(Held::Token {
                    id: given["granted"]["id"].as_str().unwrap().to_owned(),
                    text: given["token"].as_str().unwrap().to_owned(),
                    for_api: given["granted"]["audience"] == API,
                });
            }
            "import" => {
                let body = step.body.as_ref().unwrap();
                self.held.push(Held::Token {
                    id: answer.member("id"),
                    text: body["token"].as_str().unwrap().to_owned(),
                    for_api: false,
                });
            }
            "sign in to the console" => {
                let cookie = answer.headers[header::SET_COOKIE].to_str().unwrap();
                let cookie = cookie.split(';').next().unwrap().to_owned();
                let node = &self.nodes.both[0];
                let newest = node
                    .api(Method::GET, "sessions?limit=1", &self.admin_token, None)
                    .await;
                let id = newest.json()["items"][0]["id"].as_str().unwrap().to_owned();
                self.held.push(Held::Session { id, cookie });
            }
            // With somebody who was deleted went the password.
            "create a principal" => {
                let body = step.body.as_ref().unwrap();
                let path = format!("principals/{}/password", body["name"].as_str().unwrap());
                self.nodes.come_into_step().await;
                self.must(Method::PUT, &path, json!({"password": PASSWORD}))
                    .await;
                self.hold_password(body["name"].as_str().unwrap(), PASSWORD);
            }
            "set a password" => {
                let person = step.path.split('/').nth(1).unwrap();
                let texts = [PASSWORD, ANOTHER];
                let text = texts
                    .into_iter()
                    .find(|text| step.body.as_ref().unwrap()["password"] == *text);
                self.hold_password(person, text.unwrap());
            }
            _ => {}
        }
    }

    /// What opens something is listed as good, and what is listed as good opens something. Whether it
    /// opens something, as far as anybody can tell.
    async fn look_at(&self, which: usize, at: usize) -> bool {
        let (held, node) = (&self.held[which], &self.nodes.both[at]);
        let Some(opens) = held.opens(node, &self.api_token).await else {
            return false;
        };
        // A first use may have ended another: the listing is read afterwards.
        let listed = held.listed(node, &self.admin_token).await;
        match (opens, &listed) {
            (_, Listed::Narrowed)
            | (true, Listed::Good)
            | (false, Listed::Over | Listed::Unknown) => {}
            // The browser's cookie rests sooner than the session ends.
            (false, Listed::Good) if matches!(held, Held::Session { .. }) => {}
            _ => panic!(
                "after {} steps {held:?} opens: {opens}, listed: {listed:?}\n{}",
                self.number,
                held.shown(node, &self.admin_token).await
            ),
        }
        opens
    }

    /// One of all, at either node.
    pub(super) async fn look_at_one(&mut self) {
        if !self.held.is_empty() {
            let (which, at) = (self.chance.below(self.held.len()), self.chance.below(2));
            if !self.held[which].is_password() {
                self.look_at(which, at).await;
            }
        }
    }

    /// Everything that is held, at both nodes; and the lists, from page to page. Of what is over some
    /// is held on: nothing comes back to life.
    pub(super) async fn look_at_all(&mut self) {
        let mut open = vec![false; self.held.len()];
        for at in 0..2 {
            // What was used at the other node for the first time may have ended what it replaces.
            self.nodes.come_into_step().await;
            let node = &self.nodes.both[at];
            let tokens = self.names(node, "tokens").await;
            let sessions = self.names(node, "sessions").await;
            let people = self.names(node, "principals?has_password=true").await;
            for (which, open) in open.iter_mut().enumerate() {
                let held = &self.held[which];
                *open = self.look_at(which, at).await;
                let list = match held {
                    Held::Token { .. } => &tokens,
                    Held::Session { .. } => &sessions,
                    Held::Password { .. } => &people,
                };
                assert!(!*open || list.contains(held.id()), "{held:?} is on no page");
            }
        }
        let mut open = open.into_iter();
        let chance = &mut self.chance;
        self.held
            .retain(|held| open.next().unwrap_or(true) || held.is_password() || chance.once_in(8));
    }

    async fn names(&self, node: &World, noun: &str) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
        let mut after = String::new();
        loop {
            let query = if noun.contains('?') { '&' } else { '?' };
            let path = format!("{noun}{query}limit=500{after}");
            let answer = node.api(Method::GET, &path, &self.admin_token, None).await;
            let page = answer.json();
            for item in page["items"].as_array().unwrap() {
                let name = item.get("id").unwrap_or(&item["name"]);
                assert!(names.insert(name.as_str().unwrap().to_owned()));
            }
            match page["next"].as_str() {
                Some(next) => after = format!("&after={next}"),
                None => return names,
            }
        }
    }

    /// Every kind of step was done.
    pub(super) fn was_worth_it(&self) {
        for (name, (tried, done)) in &self.done {
            assert!(
                *done > 0,
                "{name} was tried {tried} times and done {done} times"
            );
        }
    }

    /// Each is revoked at one node, and then opens nothing at either.
    pub(super) async fn revoke_everything(&mut self) {
        for which in 0..self.held.len() {
            let at = self.chance.below(2);
            let (method, path, body) = self.held[which].revocation();
            let node = &self.nodes.both[at];
            let answer = node.api(method, &path, &self.admin_token, body).await;
            let known = answer.status.is_success() || answer.status == StatusCode::NOT_FOUND;
            assert!(known, "{path}: {}", answer.json());
            let opens = self.held[which].opens(node, &self.api_token).await;
            assert_ne!(opens, Some(true), "{path}");
        }
        self.nodes.come_into_step().await;
        for held in &self.held {
            for node in &self.nodes.both {
                let opens = held.opens(node, &self.api_token).await;
                assert_ne!(opens, Some(true), "{held:?}");
            }
        }
    }
}
