//! How does a person get from the terminal to the page, and the page back to the terminal?

use countersign::{
    login::browser::{self, Availability, BrowserError},
    proto::{login::ClientInfo, token::Binding},
};
use tokio::sync::oneshot;
use url::Url;

use crate::{
    args::BrowserOptions,
    output::{self, Output},
    qr::Picture,
};

/// A browser that starts. Says something only when it does not.
pub(super) type Opening = oneshot::Receiver<BrowserError>;

/// What is known of both ends.
pub(super) struct WayThere<'a> {
    pub(super) options: &'a BrowserOptions,
    pub(super) browser: Availability,
    /// What this machine calls itself and its user.
    pub(super) client: &'a ClientInfo,
    pub(super) way: Binding,
    pub(super) fallback: Option<Binding>,
    /// Where this terminal listens for the browser, if it does.
    pub(super) port: Option<u16>,
}

impl WayThere<'_> {
    /// Opens the browser, if there is one that the person sees and nobody said not to. What went
    /// wrong with it comes later.
    pub(super) fn open(&self, url: &Url) -> Option<Opening> {
        if self.options.no_browser || self.browser != Availability::Here {
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        let url = url.clone();
        // It may take long to start; when the command ends meanwhile, nobody waits for it.
        std::thread::spawn(move || {
            if let Err(error) = browser::open(&url) {
                let _ = sender.send(error);
            }
        });
        Some(receiver)
    }

    /// What helps to get there and back, a line each.
    pub(super) fn tips(&self) -> Vec<String> {
        let why = match self.browser {
            Availability::Here => return Vec::new(),
            Availability::Ssh => "you are here by ssh",
            Availability::Container => "this is a container",
            Availability::Wsl => "Windows is not reached from here",
            _ => "there is no display here",
        };
        let mut tips = vec![format!("{why}: open the address where you sit")];
        if let Some(port) = self.port {
            let forward = format!("ssh -L {port}:127.0.0.1:{port} {}", self.here());
            tips.push(match self.may_be(Binding::Code) {
                true => format!("type the code that the page shows, or first run there: {forward}"),
                false => format!(
                    "the browser must reach this terminal: run there, and leave it running: {forward}"
                ),
            });
        }
        tips
    }

    /// Draws the address where it is of use, or says why not.
    pub(super) fn draw(&self, url: &Url, output: &Output) {
        let columns = output::columns().map(usize::from);
        let Some(picture) = Picture::of(url.as_str()) else {
            return;
        };
        let fits = columns.is_none_or(|columns| picture.columns <= columns);
        if self.options.qr && !fits {
            output.warn(&format!(
                "no QR code: it needs a terminal of {} columns",
                picture.columns
            ));
        } else if self.options.qr || self.is_worth_drawing() && columns.is_some() && fits {
            output.draw(&picture.lines);
        }
    }

    /// Without being asked: a telephone is of no use where it would have to reach this terminal.
    fn is_worth_drawing(&self) -> bool {
        self.browser != Availability::Here && self.may_be(Binding::Code)
    }

    fn may_be(&self, binding: Binding) -> bool {
        self.way == binding || self.fallback == Some(binding)
    }

    fn here(&self) -> String {
        let host = match self.client.host.as_str() {
            "" => "THIS_MACHINE",
            host => host,
        };
        match self.client.user.as_str() {
            "" => host.to_owned(),
            user => format!("{user}@{host}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tips(browser: Availability, fallback: Option<Binding>, port: Option<u16>) -> Vec<String> {
        let client = ClientInfo {
            host: "build7".to_owned(),
            user: "anna".to_owned(),
            ..ClientInfo::default()
        };
        let way = WayThere {
            options: &BrowserOptions::default(),
            browser,
            client: &client,
            way: match port {
                Some(_) => Binding::Loopback,
                None => Binding::Code,
            },
            fallback,
            port,
        };
        way.tips()
    }

    #[test]
    fn where_a_browser_can_be_opened_there_is_nothing_to_explain() {
        assert!(tips(Availability::Here, None, Some(40_000)).is_empty());
    }

    #[test]
    fn from_afar_the_line_for_ssh_has_the_port_and_the_machine() {
        let forward = "ssh -L 40000:127.0.0.1:40000 anna@build7";
        let same_device = tips(Availability::Ssh, None, Some(40_000));
        assert_eq!(
            same_device[0],
            "you are here by ssh: open the address where you sit"
        );
        assert!(same_device[1].ends_with(forward), "{same_device:?}");
        assert!(!same_device[1].contains("code"), "no code is ever shown");
        let by_code = tips(Availability::Container, Some(Binding::Code), Some(40_000));
        assert!(by_code[1].starts_with("type the code") && by_code[1].ends_with(forward));
        assert_eq!(tips(Availability::NoDisplay, None, None).len(), 1);
    }
}
