//! What stands in the way of a person who does not see, or does not point? Asked of axe-core, which nobody here wrote.

use serde_json::Value;

use super::{
    HINT,
    browser::{Browser, Scheme, Screen},
    parts,
};

/// Everything that axe-core has against the page, by its rule and the element, in both schemes of colours.
pub(crate) async fn barriers(browser: &Browser) -> Vec<String> {
    let file = parts().join("node_modules/axe-core/axe.min.js");
    let axe =
        std::fs::read_to_string(file).unwrap_or_else(|error| panic!("axe-core: {error}; {HINT}"));
    browser.run(&axe).await;
    let mut barriers = Vec::new();
    for (screen, scheme) in [(Screen::Desk, Scheme::Light), (Screen::Phone, Scheme::Dark)] {
        browser.look_on(screen, scheme).await;
        let found = browser
            .run_and_wait(
                "const done = arguments[0]; \
                 axe.run(document, { resultTypes: ['violations'] }).then( \
                   result => done(result.violations.flatMap(({ id, help, nodes }) => \
                     nodes.map(({ html }) => `${id}: ${help}: ${html}`))), \
                   error => done([String(error)]));",
            )
            .await;
        let Value::Array(found) = found else {
            panic!("axe-core answers {found}");
        };
        barriers.extend(found.iter().map(|barrier| format!("{scheme:?}: {barrier}")));
    }
    browser.look_on(Screen::Desk, Scheme::Light).await;
    barriers
}
