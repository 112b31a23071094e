//! Is there a browser on this machine that the person can see, and how is it opened?

use std::fmt;

use url::Url;

/// What is known about the place where the program runs. Whoever reads the environment fills it in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Surroundings {
    /// `SSH_CONNECTION` or `SSH_TTY` is set.
    pub ssh: bool,
    /// `/.dockerenv` or `/run/.containerenv` is there, or `container` is set.
    pub container: bool,
    /// The kernel is that of the Windows Subsystem for Linux.
    pub wsl: bool,
    /// `DISPLAY` or `WAYLAND_DISPLAY` is set, or the system has a screen without them.
    pub display: bool,
    /// `BROWSER` is set: somebody has said what to open addresses with.
    pub browser_chosen: bool,
}

/// Whether the person can be expected to see a browser that is opened here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Availability {
    /// Yes.
    Here,
    /// The person sits at another machine: open the address there.
    Ssh,
    /// A container has no screen.
    Container,
    /// Windows has one, but is not reached from here.
    Wsl,
    /// There is no screen.
    NoDisplay,
}

/// By what is known, the plainest reason first.
pub fn availability(surroundings: &Surroundings) -> Availability {
    match surroundings {
        Surroundings { ssh: true, .. } => Availability::Ssh,
        Surroundings {
            browser_chosen: true,
            ..
        } => Availability::Here,
        Surroundings {
            container: true, ..
        } => Availability::Container,
        Surroundings { display: true, .. } => Availability::Here,
        Surroundings { wsl: true, .. } => Availability::Wsl,
        _ => Availability::NoDisplay,
    }
}

/// Why no browser was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum BrowserError {
    /// The address is not https, and not http on loopback.
    Address,
    /// The system's answer.
    System(String),
    /// This program was built without the feature `browser`.
    NotBuiltIn,
}

impl fmt::Display for BrowserError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BrowserError::Address => f.write_str("the address is not one that a browser is given"),
            BrowserError::System(answer) => write!(f, "no browser could be opened: {answer}"),
            BrowserError::NotBuiltIn => {
                f.write_str("this program was built without the opening of browsers")
            }
        }
    }
}

impl std::error::Error for BrowserError {}

/// Opens an address in the browser of the person, for instance that of
/// [`Login::url`](super::Login::url). It may wait for the browser to start: call it on a thread that may.
///
/// # Errors
/// When the address is none for a browser, or when the system opened none.
pub fn open(url: &Url) -> Result<(), BrowserError> {
    if !crate::transport::is_secure(url) {
        return Err(BrowserError::Address);
    }
    open_by_system(url)
}

#[cfg(feature = "browser")]
fn open_by_system(url: &Url) -> Result<(), BrowserError> {
    let mut options = webbrowser::BrowserOptions::new();
    options.with_suppress_output(true);
    webbrowser::open_browser_with_options(webbrowser::Browser::Default, url.as_str(), &options)
        .map_err(|error| BrowserError::System(crate::error::printable(&error.to_string())))
}

#[cfg(not(feature = "browser"))]
fn open_by_system(_url: &Url) -> Result<(), BrowserError> {
    Err(BrowserError::NotBuiltIn)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESK: Surroundings = Surroundings {
        ssh: false,
        container: false,
        wsl: false,
        display: true,
        browser_chosen: false,
    };

    #[test]
    fn a_browser_is_opened_where_the_person_sees_it() {
        let bare = Surroundings::default();
        for (surroundings, expected) in [
            (DESK, Availability::Here),
            (bare, Availability::NoDisplay),
            (Surroundings { ssh: true, ..DESK }, Availability::Ssh),
            (
                Surroundings {
                    container: true,
                    ..DESK
                },
                Availability::Container,
            ),
            (Surroundings { wsl: true, ..DESK }, Availability::Here),
            (Surroundings { wsl: true, ..bare }, Availability::Wsl),
            (
                Surroundings {
                    container: true,
                    browser_chosen: true,
                    ..bare
                },
                Availability::Here,
            ),
            (
                Surroundings {
                    ssh: true,
                    browser_chosen: true,
                    ..DESK
                },
                Availability::Ssh,
            ),
        ] {
            assert_eq!(availability(&surroundings), expected, "{surroundings:?}");
        }
    }

    // attack B27
    #[test]
    fn nothing_but_a_web_page_is_opened() {
        for address in [
            "file:///etc/passwd",
            "javascript:alert(1)",
            "http://platform.example/login/x",
            "ws://127.0.0.1/",
            "mailto:a@b.example",
            "x-apple.systempreferences:",
        ] {
            let url = Url::parse(address).unwrap();
            assert_eq!(open(&url), Err(BrowserError::Address), "{address}");
        }
    }
}
