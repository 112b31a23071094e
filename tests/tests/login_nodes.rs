//! Do two nodes on one PostgreSQL serve one sign-in: the terminal at one, the person at the other?

use countersign::proto::{
    login::{ClientMessage, ConfirmValue},
    token::{Binding, inspect},
};

use crate::parts::{
    balancer::{Balancer, Nodes},
    browser::Browser,
    postgres::Cluster,
    serving::{Running, Site, free_address},
    sign_in::World,
};

/// Two nodes behind one address. Their people and their keys are the same.
struct Platform {
    world: World,
    second: Site,
    second_running: Running,
    balancer: Balancer,
}

impl Platform {
    async fn start() -> Platform {
        let cluster = Cluster::shared();
        let store = cluster.url(&cluster.database());
        let (first, second) = (free_address(), free_address());
        let balancer = Balancer::start(Nodes {
            of_sockets: first,
            of_pages: first,
        })
        .await;
        let issuer = format!("http://{}", balancer.address());
        let first = Site::at(first, &issuer, &store, "[session]\nbinding = \"code\"\n");
        let secrets = first.folder().join("countersign.secrets");
        let shared = format!(
            "[session]\nbinding = \"code\"\n[secrets]\nfile = \"{}\"\n",
            secrets.display()
        );
        // The first makes what the second reads.
        let world = World::with_accounts(first).await;
        let second = Site::at(second, &issuer, &store, &shared);
        let second_running = second.start().await;
        Platform {
            world,
            second,
            second_running,
            balancer,
        }
    }

    fn give_to(&self, of_sockets: &Site, of_pages: &Site) {
        self.balancer.give_to(Nodes {
            of_sockets: of_sockets.address(),
            of_pages: of_pages.address(),
        });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_at_one_node_and_chromium_at_another_make_one_sign_in() {
    let platform = Platform::start().await;
    let world = &platform.world;
    let browser = Browser::start().await;
    for (of_sockets, of_pages) in [
        (world.site(), &platform.second),
        (&platform.second, world.site()),
    ] {
        platform.give_to(of_sockets, of_pages);
        let (mut terminal, session, listener) = world.listening_terminal().await;
        browser.sign_in(&session.url, "alice").await;
        browser.allow().await;
        terminal.confirm(listener.value().await).await;
        let (principal, token) = terminal.finish().await;
        assert_eq!(principal, "alice");
        browser.read("go back to your terminal").await;
        // Both nodes stand by it.
        for node in [world.site(), &platform.second] {
            platform.give_to(node, node);
            assert!(world.takes(&token).await);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sign_in_whose_node_was_killed_is_finished_at_the_other() {
    let mut platform = Platform::start().await;
    let browser = Browser::start().await;
    let (terminal, session, listener) = platform.world.listening_terminal().await;
    browser.sign_in(&session.url, "alice").await;
    platform.world.kill();
    platform.give_to(&platform.second, &platform.second);
    let mut terminal = terminal.resume().await.unwrap();
    browser.allow().await;
    terminal.confirm(listener.value().await).await;
    let (principal, token) = terminal.finish().await;
    assert_eq!(principal, "alice");
    assert!(platform.world.takes(&token).await);
    browser.read("go back to your terminal").await;
    platform.second_running.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_that_went_to_another_node_leaves_its_old_connection_without_power() {
    let platform = Platform::start().await;
    let world = &platform.world;
    let (mut older, session) = world.terminal(&[Binding::Code], None).await;
    platform.give_to(&platform.second, &platform.second);
    let mut newer = older.resume_beside().await.unwrap();
    let browser = Browser::start().await;
    browser.sign_in(&session.url, "alice").await;
    browser.allow().await;
    let code = browser.code().await;
    let value = ConfirmValue::from_typed(&code).unwrap();
    older.confirm(value.clone()).await;
    older.say(ClientMessage::Accept).await;
    let (_, ended) = older.hear_all().await;
    assert_eq!(ended.code, 4003);
    newer.confirm(value).await;
    let (principal, token) = newer.finish().await;
    assert_eq!(principal, "alice");
    let claims = inspect(token.access_token.expose()).unwrap().claims;
    assert_eq!(claims["binding"], "code");
}
