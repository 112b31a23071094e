//! How much has the platform done, for whoever watches it?
//!
//! The recorder belongs to one platform: there is no global one, so that several platforms live
//! in one process. Handles are made once; counting is one atomic addition.

use std::{sync::OnceLock, time::Duration};

use countersign_proto::{
    management::{GrantedKind, GrantedState},
    token::TokenKind,
};
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};

use crate::{
    events::{Counters, EventName},
    store::TokenCount,
};

/// Counters of one platform.
pub(crate) struct Metrics {
    recorder: PrometheusRecorder,
    handle: PrometheusHandle,
    issued: [Counter; 3],
    introspected: [Counter; 2],
    refreshed: [Counter; 2],
    alarms: [Counter; 2],
    granted_used: [Counter; GrantedUse::ALL.len()],
    revoked: Counter,
    limited: Counter,
    connections: Gauge,
    sockets: Gauge,
    logins: Counter,
    exchange: Histogram,
    /// By status from 100 on. Each is made when the first answer has it.
    responses: Vec<OnceLock<Counter>>,
}

/// Upper bounds of the exchange histogram, in seconds.
const BUCKETS: [f64; 10] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5,
];

const ISSUED: &str = "countersign_tokens_issued_total";
const REFUSED: &str = "countersign_refusals_total";
const INTROSPECTED: &str = "countersign_introspections_total";
const REFRESHED: &str = "countersign_refreshes_total";
const ALARMS: &str = "countersign_refresh_alarms_total";
const GRANTED: &str = "countersign_granted_tokens";
const GRANTED_USED: &str = "countersign_granted_token_uses_total";
const REVOKED: &str = "countersign_tokens_revoked_total";
const SIGN_INS: &str = "countersign_sign_ins_total";
const FORWARDED: &str = "countersign_forwarded_total";
const EVENTS: &str = "countersign_events_total";
const DELIVERIES: &str = "countersign_event_deliveries_total";
const LIMITED: &str = "countersign_rate_limited_total";
const RESPONSES: &str = "countersign_http_responses_total";
const LOGINS: &str = "countersign_logins_begun_total";
const LOGINS_ENDED: &str = "countersign_logins_ended_total";
const SOCKETS: &str = "countersign_login_sockets";
const CONNECTIONS: &str = "countersign_connections";
const EXCHANGE: &str = "countersign_exchange_seconds";

const KINDS: [(GrantedKind, &str); 3] = [
    (GrantedKind::Personal, "personal"),
    (GrantedKind::App, "app"),
    (GrantedKind::System, "system"),
];
const STATES: [(GrantedState, &str); 5] = [
    (GrantedState::Active, "active"),
    (GrantedState::Expiring, "expiring"),
    (GrantedState::Rotated, "rotated"),
    (GrantedState::Expired, "expired"),
    (GrantedState::Revoked, "revoked"),
];

impl Metrics {
    /// With every counter at zero.
    pub(crate) fn new() -> Metrics {
        let builder = PrometheusBuilder::new();
        let recorder = match builder.set_buckets(&BUCKETS) {
            Ok(builder) => builder.build_recorder(),
            Err(_) => PrometheusBuilder::new().build_recorder(),
        };
        describe(&recorder);
        let kinds = ["0", "1", "2"];
        let active = ["false", "true"];
        Metrics {
            issued: kinds.map(|kind| counter(&recorder, ISSUED, &[("kind", kind)])),
            introspected: active.map(|it| counter(&recorder, INTROSPECTED, &[("active", it)])),
            refreshed: ["counted", "again"]
                .map(|it| counter(&recorder, REFRESHED, &[("answer", it)])),
            alarms: ["reused", "wrong_key"].map(|it| counter(&recorder, ALARMS, &[("cause", it)])),
            granted_used: GrantedUse::ALL
                .map(|it| counter(&recorder, GRANTED_USED, &[("outcome", it.name())])),
            revoked: counter(&recorder, REVOKED, &[]),
            limited: counter(&recorder, LIMITED, &[]),
            connections: recorder.register_gauge(&Key::from_static_name(CONNECTIONS), &METADATA),
            sockets: recorder.register_gauge(&Key::from_static_name(SOCKETS), &METADATA),
            logins: counter(&recorder, LOGINS, &[]),
            exchange: recorder.register_histogram(&Key::from_static_name(EXCHANGE), &METADATA),
            responses: (100..1000).map(|_| OnceLock::new()).collect(),
            handle: recorder.handle(),
            recorder,
        }
    }

    pub(crate) fn issued(&self, kind: TokenKind) {
        self.issued[usize::from(kind.number()) % 3].increment(1);
    }

    pub(crate) fn refused(&self, reason: &str) {
        counter(&self.recorder, REFUSED, &[("reason", reason)]).increment(1);
    }

    pub(crate) fn introspected(&self, active: Activity) {
        self.introspected[active as usize].increment(1);
    }

    pub(crate) fn refreshed(&self, how: Refreshed) {
        self.refreshed[how as usize].increment(1);
    }

    pub(crate) fn alarmed(&self, alarm: Alarm) {
        self.alarms[alarm as usize].increment(1);
    }

    pub(crate) fn granted_used(&self, outcome: GrantedUse) {
        self.granted_used[outcome as usize].increment(1);
    }

    /// How many granted tokens there are; what is not among `counts` is none.
    pub(crate) fn granted(&self, counts: &[TokenCount]) {
        for (kind, kind_name) in KINDS {
            for (state, state_name) in STATES {
                let count = counts
                    .iter()
                    .find(|count| (count.kind, count.state) == (kind, state))
                    .map_or(0, |count| count.count);
                let labels = [("kind", kind_name), ("state", state_name)]
                    .map(|(key, value)| Label::new(key, value));
                let key = Key::from_parts(GRANTED, labels.to_vec());
                // Exact up to 2^53.
                self.recorder
                    .register_gauge(&key, &METADATA)
                    .set(count as f64);
            }
        }
    }

    pub(crate) fn revoked(&self) {
        self.revoked.increment(1);
    }

    /// `outcome`: `ok`, or the reason of a refusal.
    pub(crate) fn signed_in(&self, outcome: &'static str) {
        counter(&self.recorder, SIGN_INS, &[("outcome", outcome)]).increment(1);
    }

    /// `outcome`: `believed`, `refused` or `unavailable`.
    pub(crate) fn forwarded(&self, outcome: &'static str) {
        counter(&self.recorder, FORWARDED, &[("outcome", outcome)]).increment(1);
    }

    /// A counter for each name of an event.
    pub(crate) fn events(&self) -> [Counter; EventName::ALL.len()] {
        EventName::ALL.map(|name| counter(&self.recorder, EVENTS, &[("name", name.as_str())]))
    }

    /// Counters of what becomes of events on their way to a receiver.
    pub(crate) fn deliveries(&self) -> Counters {
        let count = |outcome| counter(&self.recorder, DELIVERIES, &[("outcome", outcome)]);
        Counters {
            delivered: count("delivered"),
            refused: count("refused"),
            dropped: count("dropped"),
            failed: count("failed"),
        }
    }

    pub(crate) fn limited(&self) {
        self.limited.increment(1);
    }

    pub(crate) fn responded(&self, status: http::StatusCode) {
        let made = || counter(&self.recorder, RESPONSES, &[("status", status.as_str())]);
        let at = usize::from(status.as_u16() - 100);
        if let Some(responses) = self.responses.get(at) {
            responses.get_or_init(made).increment(1);
        }
    }

    pub(crate) fn exchanged(&self, took: Duration) {
        self.exchange.record(took.as_secs_f64());
    }

    pub(crate) fn login_begun(&self) {
        self.logins.increment(1);
    }

    /// `how`: `done`, or the reason why there is no token.
    pub(crate) fn login_ended(&self, how: &'static str) {
        counter(&self.recorder, LOGINS_ENDED, &[("end", how)]).increment(1);
    }

    pub(crate) fn socket_opened(&self) {
        self.sockets.increment(1.0);
    }

    pub(crate) fn socket_closed(&self) {
        self.sockets.decrement(1.0);
    }

    pub(crate) fn connected(&self) {
        self.connections.increment(1.0);
    }

    pub(crate) fn disconnected(&self) {
        self.connections.decrement(1.0);
    }

    /// Prometheus text.
    pub(crate) fn render(&self) -> String {
        self.handle.render()
    }

    /// Folds samples that nobody has asked for, so that they do not pile up.
    pub(crate) fn fold(&self) {
        self.handle.run_upkeep();
    }
}

/// What an introspection found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activity {
    Inactive,
    Active,
}

/// How a refresh was answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refreshed {
    /// It counted.
    Counted,
    /// An answer was lost, and was given again.
    Again,
}

/// What somebody should look into.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// A refresh token came again when no honest holder presents it.
    Reused,
    /// A refresh token came with a proof by another key.
    WrongKey,
}

/// What became of a granted token that was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum GrantedUse {
    Believed,
    /// Of nobody, or not a token at all.
    Unknown,
    Expired,
    Revoked,
    /// For another API than the one where it was presented.
    OtherAudience,
    /// Its owner is gone or disabled, or has nothing left of what it carries.
    NoRights,
}

impl GrantedUse {
    const ALL: [GrantedUse; 6] = [
        GrantedUse::Believed,
        GrantedUse::Unknown,
        GrantedUse::Expired,
        GrantedUse::Revoked,
        GrantedUse::OtherAudience,
        GrantedUse::NoRights,
    ];

    const fn name(self) -> &'static str {
        match self {
            GrantedUse::Believed => "believed",
            GrantedUse::Unknown => "unknown",
            GrantedUse::Expired => "expired",
            GrantedUse::Revoked => "revoked",
            GrantedUse::OtherAudience => "other_audience",
            GrantedUse::NoRights => "no_rights",
        }
    }
}

const METADATA: Metadata<'static> =
    Metadata::new(module_path!(), Level::INFO, Some(module_path!()));

fn counter(
    recorder: &PrometheusRecorder,
    name: &'static str,
    labels: &[(&'static str, &str)],
) -> Counter {
    let labels: Vec<Label> = labels
        .iter()
        .map(|(key, value)| Label::new(*key, (*value).to_owned()))
        .collect();
    recorder.register_counter(&Key::from_parts(name, labels), &METADATA)
}

fn describe(recorder: &PrometheusRecorder) {
    let counters = [
        (ISSUED, "access tokens issued, by kind"),
        (REFUSED, "token requests refused, by reason"),
        (INTROSPECTED, "introspections answered"),
        (REFRESHED, "refreshes answered, by whether they counted"),
        (
            ALARMS,
            "refresh tokens that came again too late, or with another key",
        ),
        (GRANTED_USED, "granted tokens presented, by outcome"),
        (REVOKED, "tokens given back"),
        (
            SIGN_INS,
            "people who tried to prove who they are, by outcome",
        ),
        (
            EVENTS,
            "things that an administrator should hear of, by name",
        ),
        (
            DELIVERIES,
            "attempts to deliver an event, and events given up, by outcome",
        ),
        (
            LIMITED,
            "requests turned away because their source asked too often",
        ),
        (LOGINS, "sign-ins through a browser that began"),
        (
            LOGINS_ENDED,
            "sign-ins through a browser that ended, by how",
        ),
        (RESPONSES, "responses, by status"),
    ];
    for (name, description) in counters {
        recorder.describe_counter(KeyName::from(name), None, description.into());
    }
    recorder.describe_gauge(
        SOCKETS.into(),
        None,
        "terminals that wait for a browser".into(),
    );
    let granted = "granted tokens, by kind and state";
    recorder.describe_gauge(GRANTED.into(), None, granted.into());
    recorder.describe_gauge(CONNECTIONS.into(), None, "open connections".into());
    let exchange = "time from a token request that was read to its answer";
    recorder.describe_histogram(EXCHANGE.into(), Some(Unit::Seconds), exchange.into());
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// A platform to which everything has happened once.
    fn all() -> Metrics {
        let metrics = Metrics::new();
        metrics.issued(TokenKind::Platform);
        metrics.refused("unknown_client");
        metrics.introspected(Activity::Active);
        metrics.refreshed(Refreshed::Again);
        metrics.alarmed(Alarm::WrongKey);
        metrics.granted(&[]);
        metrics.granted_used(GrantedUse::NoRights);
        metrics.revoked();
        metrics.signed_in("ok");
        metrics.forwarded("believed");
        let _ = (metrics.events(), metrics.deliveries());
        metrics.limited();
        metrics.responded(http::StatusCode::OK);
        metrics.exchanged(Duration::from_millis(1));
        metrics.login_begun();
        metrics.login_ended("done");
        metrics.socket_opened();
        metrics.connected();
        metrics
    }

    #[test]
    fn the_document_lists_every_metric_with_its_type_and_its_labels_and_no_other() {
        let text = all().render();
        // Prometheus' text format: "# TYPE name type", and "name{label="value",…} number".
        let mut emitted = BTreeSet::new();
        for line in text.lines().filter_map(|line| line.strip_prefix("# TYPE ")) {
            let (name, kind) = line.split_once(' ').unwrap();
            let series = text.lines().filter(|line| !line.starts_with('#'));
            let labels: BTreeSet<&str> = series
                .filter_map(|line| line.strip_prefix(name)?.strip_prefix('{'))
                .flat_map(|labels| labels.split(','))
                .filter_map(|label| Some(label.split_once('=')?.0))
                .filter(|label| *label != "le")
                .collect();
            emitted.insert((name, kind, labels));
        }
        let document = include_str!("../../../docs/metrics.md");
        let mut listed = BTreeSet::new();
        for line in document.lines().filter_map(|line| line.strip_prefix("| `")) {
            let mut cells = line.split(" | ");
            let name = cells.next().unwrap().trim_end_matches('`');
            let kind = cells.next().unwrap();
            let labels = cells.next().unwrap().split("; ");
            let labels = labels.filter_map(|label| label.strip_prefix('`')?.split('`').next());
            listed.insert((name, kind, labels.collect::<BTreeSet<_>>()));
        }
        assert_eq!(listed, emitted);
        // What stands for a label's every value is every value.
        for values in [
            GrantedUse::ALL.map(GrantedUse::name).join(", "),
            STATES.map(|(_, name)| name).join(", "),
            KINDS.map(|(_, name)| name).join(", "),
        ] {
            assert!(document.contains(&values), "{values}");
        }
    }

    #[test]
    fn two_platforms_count_apart() {
        let (one, other) = (Metrics::new(), Metrics::new());
        one.issued(TokenKind::NonInteractive);
        assert!(
            one.render()
                .contains("countersign_tokens_issued_total{kind=\"1\"} 1")
        );
        assert!(
            other
                .render()
                .contains("countersign_tokens_issued_total{kind=\"1\"} 0")
        );
    }
}
