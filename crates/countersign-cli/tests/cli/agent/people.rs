//! Does an agent spend the counted refreshes of a person only when somebody asks, and once?

use super::Agent;
use crate::browser::{age, place::Place};

fn remaining(agent: &Agent) -> u64 {
    agent.get("/token?profile=me").json()["refreshes_remaining"]
        .as_u64()
        .unwrap()
}

#[test]
fn a_persons_refreshes_are_spent_when_a_token_ends_and_somebody_asks_and_then_one() {
    let place = Place::with("[session]\nrefresh_limit = 2\n");
    place.is_signed_in("--profile me");
    let agent = Agent::start(&place.home, "");
    let token = || agent.get("/token?profile=me").token();
    let first = token();
    assert_eq!(first, place.run("token --profile me").ok().trim());
    for _ in 0..20 {
        assert_eq!(token(), first);
    }
    assert_eq!(remaining(&agent), 2, "asking costs nothing");

    for left in [1, 0] {
        age(&place);
        let mut tokens: Vec<_> = std::thread::scope(|scope| {
            let asking: Vec<_> = (0..16).map(|_| scope.spawn(token)).collect();
            asking
                .into_iter()
                .map(|asked| asked.join().unwrap())
                .collect()
        });
        tokens.dedup();
        assert_eq!(tokens.len(), 1);
        assert_eq!(remaining(&agent), left, "sixteen asked, and one refreshed");
        assert_eq!(tokens[0], place.run("token --profile me").ok().trim());
    }
    // Between the two the command line may refresh too: what it got is what the agent serves.
    place.run("logout --profile me").ok();
    assert_eq!(agent.get("/token?profile=me").status, 404);
}

#[test]
fn a_refresh_by_the_command_line_and_one_by_the_agent_follow_each_other() {
    let place = Place::with("[session]\nrefresh_limit = 3\n");
    place.is_signed_in("--profile me");
    let agent = Agent::start(&place.home, "");
    let first = agent.get("/token?profile=me").token();
    place.run("refresh --profile me").ok();
    let second = agent.get("/token?profile=me").token();
    assert_ne!(first, second);
    age(&place);
    let third = agent.get("/token?profile=me").token();
    assert_ne!(second, third);
    place.run("refresh --profile me").ok(); // a refresh token used twice would end the session
    assert_eq!(remaining(&agent), 0);
}
