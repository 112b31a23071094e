//! Do the commands of the pages on providers do what the pages show, and do the pages say what the table says?
//!
//! `sh` blocks are run as printed. A `sh provider` block talks to a provider: it is run with the provider's address
//! replaced by that of a stand-in on loopback, which takes what the page made a moment before.

use countersign::{Provider, proto::key::Algorithm};

use super::{
    assert_shown,
    page::steps,
    text,
    walk::{Loopback, Walk},
};
use crate::parts::stand_in::StandIn;

/// A page, the address on it that is the provider's, and what it makes to be registered there.
struct Page {
    name: &'static str,
    address: &'static str,
    registered: &'static str,
}

const PAGES: [Page; 4] = [
    Page {
        name: "entra-id",
        address: "https://login.microsoftonline.com",
        registered: "inventory.cer",
    },
    Page {
        name: "okta",
        address: "https://acme.okta.com",
        registered: "jwks.json",
    },
    Page {
        name: "keycloak",
        address: "https://id.example.com",
        registered: "inventory.crt",
    },
    Page {
        name: "hydra",
        address: "https://hydra.example.com",
        registered: "jwks.json",
    },
];

impl Page {
    fn path(&self) -> String {
        format!("providers/{}.md", self.name)
    }
}

/// The pages that are walked here.
pub(super) fn pages() -> impl Iterator<Item = String> {
    PAGES.iter().map(Page::path)
}

/// The word after an option.
fn option<'a>(commands: &'a str, name: &str) -> &'a str {
    let mut words = commands.split_whitespace().skip_while(|word| *word != name);
    words.nth(1).unwrap_or_else(|| panic!("no {name}"))
}

#[test]
fn every_command_of_the_pages_on_providers_answers_what_it_shows_by_bash_openssl_and_node_oidc_provider()
 {
    for page in &PAGES {
        let (_, mut steps) = steps(&text(&page.path()));
        let walk = Walk::new();
        let signs_in = steps.iter().find(|step| step.at_provider);
        let commands = signs_in.expect("a page signs in").commands.clone();
        let app_id = option(&commands, "--app-id");
        assert_eq!(option(&commands, "--provider"), page.name);
        let stand_in = StandIn::start(page.name, app_id, &walk.place().join(page.registered));
        for step in steps.iter_mut().filter(|step| step.at_provider) {
            step.commands = step.commands.replace(page.address, &stand_in.origin);
        }
        let printed = walk.take(&steps, Loopback::Shared);
        assert_shown(&page.path(), &steps, &printed);
    }
}

#[test]
fn the_pages_on_providers_name_what_the_table_has() {
    let cli = text("cli.md");
    for page in &PAGES {
        let (text, known) = (text(&page.path()), Provider::named(page.name).unwrap());
        let algorithms: Vec<_> = known
            .algorithms
            .iter()
            .copied()
            .map(Algorithm::name)
            .collect();
        for name in &algorithms {
            assert!(text.contains(name), "{}.md lacks {name}", page.name);
        }
        let kid = known.kid.to_string();
        let row = format!("| [`{0}`](providers/{0}.md) |", page.name);
        let row = cli.lines().find(|line| line.starts_with(&row)).unwrap();
        assert!(row.contains(&algorithms.join(", ")), "{row}");
        assert!(kid == "none" || row.contains(&kid), "{row}");
        // Whatever is known of its refusals is explained there, by number or by words.
        for refusal in known
            .refusals
            .iter()
            .filter(|it| it.says.starts_with("AADSTS"))
        {
            let rare = [
                "AADSTS7000274",
                "AADSTS700011",
                "AADSTS70001",
                "AADSTS901002",
            ];
            let told = text.contains(&*refusal.says) || rare.contains(&&*refusal.says);
            assert!(told, "{}.md lacks {}", page.name, refusal.says);
        }
        let sources = text.split("## Sources").nth(1).unwrap();
        assert!(sources.matches("https://").count() >= 3, "{}", page.name);
    }
}
