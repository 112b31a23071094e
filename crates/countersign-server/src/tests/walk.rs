//! Is there ever a credential that works and is not listed, or cannot be revoked?
//!
//! A random walk over the whole management API, on two nodes and one PostgreSQL. Everything that was
//! ever given out is kept here; what still opens something must be listed as good, and what is
//! listed as good must open something.

mod chance;

mod held;

mod nodes;

mod steps;

mod walker;

use nodes::Nodes;
use walker::Walk;

/// How many steps; each is one request that may change something.
const STEPS: u32 = 10_000;
/// After so many steps everything that was ever given out is looked at.
const WHOLE: u32 = 500;

#[tokio::test]
async fn on_postgresql_a_walk_over_two_nodes_finds_nothing_that_works_and_is_not_listed() {
    let nodes = Nodes::start().await;
    let mut walk = Walk::begin(nodes, 0x0C0F_FEE0).await;
    for step in 1..=STEPS {
        walk.step().await;
        walk.look_at_one().await;
        if step % WHOLE == 0 {
            walk.look_at_all().await;
        }
    }
    walk.was_worth_it();
    walk.revoke_everything().await;
}
