//! What is somebody told after something was done?
//!
//! By name in the address that he is sent to, so that the words are ours and nothing is remembered.

/// Something that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    SignedOut,
    SessionOver,
    Saved,
}

impl Notice {
    /// In the address.
    pub(super) const PARAMETER: &'static str = "notice";

    const ALL: [Notice; 3] = [Notice::SignedOut, Notice::SessionOver, Notice::Saved];

    const fn name(self) -> &'static str {
        match self {
            Notice::SignedOut => "signed-out",
            Notice::SessionOver => "session-over",
            Notice::Saved => "saved",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Notice> {
        Notice::ALL.into_iter().find(|it| it.name() == name)
    }

    pub(super) const fn words(self) -> &'static str {
        match self {
            Notice::SignedOut => "You have signed out.",
            Notice::SessionOver => {
                "Your session was over, so nothing was done. Sign in and do it again."
            }
            Notice::Saved => "Saved.",
        }
    }

    /// The address of a page that says so.
    pub(super) fn at(self, page: &str) -> String {
        let joint = if page.contains('?') { '&' } else { '?' };
        format!("{page}{joint}{}={}", Notice::PARAMETER, self.name())
    }
}
