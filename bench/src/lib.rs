//! How is one thing measured against another, and how is the figure told?
//!
//! Machines drift while they are measured. So the two sides run in turn, round by round, and what is
//! quoted is the median of the ratios of the rounds, never a single time.

use std::{hint::black_box, time::Duration};

/// What was asked for on the command line: `[--json] [NAME…]`.
#[derive(Debug)]
pub struct Bench {
    json: bool,
    names: Vec<String>,
}

/// What a figure should be.
#[derive(Clone, Copy, Debug)]
pub enum Goal {
    /// Smaller is better.
    AtMost(f64),
    /// Larger is better.
    AtLeast(f64),
    /// Told, not judged.
    None,
}

/// One measured figure.
#[derive(Clone, Debug)]
pub struct Figure<'a> {
    /// Names the benchmark.
    pub name: &'a str,
    /// The figure.
    pub value: f64,
    /// Of the figure, `ratio` for a ratio.
    pub unit: &'a str,
    /// What it was compared with, and that one's figure.
    pub peer: &'a str,
    /// What it should be.
    pub goal: Goal,
}

impl Bench {
    /// Reads the command line of a benchmark binary.
    pub fn from_args() -> Bench {
        let mut bench = Bench {
            json: false,
            names: Vec::new(),
        };
        for argument in std::env::args().skip(1) {
            match argument.as_str() {
                "--json" => bench.json = true,
                flag if flag.starts_with("--") => {} // cargo adds its own
                name => bench.names.push(name.to_owned()),
            }
        }
        bench
    }

    /// Whether `name` was asked for.
    pub fn wants(&self, name: &str) -> bool {
        self.names.is_empty()
            || self
                .names
                .iter()
                .any(|wanted| name.contains(wanted.as_str()))
    }

    /// Times `ours` against `peer`, in turn, and tells the median ratio of `rounds`.
    pub fn ratio<A, B>(
        &self,
        name: &str,
        peer_name: &str,
        goal: Goal,
        shape: Shape,
        mut ours: impl FnMut() -> A,
        mut peer: impl FnMut() -> B,
    ) {
        if !self.wants(name) {
            return;
        }
        let mut ratios = Vec::new();
        let (mut best_ours, mut best_peer) = (f64::MAX, f64::MAX);
        for round in 0..=shape.rounds {
            let a = seconds_per_call(shape.calls, &mut ours);
            let b = seconds_per_call(shape.calls, &mut peer);
            if round > 0 {
                ratios.push(a / b); // the first round warms up
                best_ours = best_ours.min(a);
                best_peer = best_peer.min(b);
            }
        }
        let peer = format!(
            "{peer_name}: {} a call, ours {}",
            human(best_peer),
            human(best_ours)
        );
        self.tell(&Figure {
            name,
            value: median(&mut ratios),
            unit: "ratio",
            peer: &peer,
            goal,
        });
    }

    /// Times one thing and tells nanoseconds a call: the median of `rounds`.
    pub fn nanoseconds<A>(
        &self,
        name: &str,
        goal: Goal,
        shape: Shape,
        mut ours: impl FnMut() -> A,
    ) {
        if !self.wants(name) {
            return;
        }
        let mut times: Vec<f64> = (0..=shape.rounds)
            .map(|_| seconds_per_call(shape.calls, &mut ours) * 1e9)
            .skip(1)
            .collect();
        self.tell(&Figure {
            name,
            value: median(&mut times),
            unit: "ns",
            peer: "",
            goal,
        });
    }

    /// Tells a figure: a line for people, or a JSON object.
    #[allow(clippy::print_stdout)] // telling figures is what this is for
    pub fn tell(&self, figure: &Figure<'_>) {
        let met = match figure.goal {
            Goal::AtMost(limit) => Some(figure.value <= limit),
            Goal::AtLeast(limit) => Some(figure.value >= limit),
            Goal::None => None,
        };
        let goal = match figure.goal {
            Goal::AtMost(limit) => format!("<= {limit}"),
            Goal::AtLeast(limit) => format!(">= {limit}"),
            Goal::None => String::new(),
        };
        if self.json {
            let line = serde_json::json!({
                "name": figure.name, "value": figure.value, "unit": figure.unit,
                "peer": figure.peer, "goal": goal, "met": met,
            });
            println!("{line}");
        } else {
            let mark = met.map_or("", |met| if met { "met" } else { "MISSED" });
            println!(
                "{:<38} {:>12.3} {:<7} {goal:<10} {mark:<7} {}",
                figure.name, figure.value, figure.unit, figure.peer
            );
        }
    }
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Rounds that count.
    pub rounds: usize,
    /// Calls in one round.
    pub calls: usize,
}

/// The middle value; sorts.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Runs `work` and says how long it took.
#[allow(clippy::disallowed_methods)] // measuring is what this is for
pub fn time<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let start = std::time::Instant::now();
    let result = work();
    (result, start.elapsed())
}

fn seconds_per_call<T>(calls: usize, work: &mut impl FnMut() -> T) -> f64 {
    let ((), elapsed) = time(|| {
        for _ in 0..calls {
            black_box(work());
        }
    });
    elapsed.as_secs_f64() / calls as f64
}

fn human(seconds: f64) -> String {
    match seconds {
        s if s < 1e-6 => format!("{:.1} ns", s * 1e9),
        s if s < 1e-3 => format!("{:.1} µs", s * 1e6),
        s => format!("{:.2} ms", s * 1e3),
    }
}
