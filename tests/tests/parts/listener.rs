//! Where does a scripted terminal wait for the value that a browser brings?

use std::sync::{Arc, OnceLock};

use countersign::proto::{
    login::{ConfirmValue, LoopbackTarget},
    token::Binding,
};
use http::StatusCode;
use url::Url;

use super::website::{Website, answer, see_other};

/// Guards nothing here: the terminal is a test.
const PATH: &str = "AAAAAAAAAAAAAAAAAAAAAA";

/// A port of loopback that takes a value and sends the browser on to the platform's last page.
pub(crate) struct Listener {
    site: Website,
    done: Arc<OnceLock<String>>,
}

impl Listener {
    /// Listens on a free port.
    pub(crate) async fn start() -> Listener {
        let done = Arc::new(OnceLock::<String>::new());
        let next = done.clone();
        let site = Website::answering(move |_visit| match next.get() {
            Some(done) => see_other(done),
            None => answer(StatusCode::OK, &[], "no sign-in began"),
        });
        Listener {
            site: site.await,
            done,
        }
    }

    /// What a hello says about it.
    pub(crate) fn target(&self) -> LoopbackTarget {
        target(self.site.port())
    }

    /// Sends browsers on to the last page of the login of this link.
    pub(crate) fn lead_to(&self, url: &Url) {
        self.done
            .set(format!("{url}/done"))
            .expect("one login a listener");
    }

    /// Waits for the value.
    pub(crate) async fn value(&self) -> ConfirmValue {
        self.nth_value(1).await
    }

    /// Waits for so many values, and answers the last.
    pub(crate) async fn nth_value(&self, count: usize) -> ConfirmValue {
        let visit = self.site.visited(&format!("/{PATH}"), count).await;
        let query = visit.uri().query().unwrap_or_default();
        let value = url::form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "value");
        let (_, value) = value.expect("a value");
        ConfirmValue::parse(Binding::Loopback, &value).expect("a value of loopback")
    }

    /// How many browsers came.
    pub(crate) fn visits(&self) -> usize {
        self.site.visits(&format!("/{PATH}")).len()
    }
}

/// A port of this machine where nobody listens.
pub(crate) fn dead_target() -> LoopbackTarget {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    target(free.local_addr().expect("an address").port())
}

fn target(port: u16) -> LoopbackTarget {
    LoopbackTarget::new(port, PATH).expect("a port that browsers go to")
}
