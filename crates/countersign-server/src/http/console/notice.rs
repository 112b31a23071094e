//! What is somebody told after something was done?
//!
//! By name in the address that he is sent to, so that the words are ours and nothing is remembered.

/// Something that was done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Notice {
    SignedOut,
    SessionOver,
    Saved,
    Made,
    Gone,
    Ended,
    Revoked,
    Retired,
    Confirmed,
    Aborted,
}

impl Notice {
    /// In the address.
    pub(super) const PARAMETER: &'static str = "notice";

    const ALL: [Notice; 10] = [
        Notice::SignedOut,
        Notice::SessionOver,
        Notice::Saved,
        Notice::Made,
        Notice::Gone,
        Notice::Ended,
        Notice::Revoked,
        Notice::Retired,
        Notice::Confirmed,
        Notice::Aborted,
    ];

    const fn name(self) -> &'static str {
        match self {
            Notice::SignedOut => "signed-out",
            Notice::SessionOver => "session-over",
            Notice::Saved => "saved",
            Notice::Made => "made",
            Notice::Gone => "gone",
            Notice::Ended => "ended",
            Notice::Revoked => "revoked",
            Notice::Retired => "retired",
            Notice::Confirmed => "confirmed",
            Notice::Aborted => "aborted",
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
            Notice::Made => "Done. Here it is.",
            Notice::Gone => "Deleted.",
            Notice::Ended => "Ended.",
            Notice::Revoked => "Revoked.",
            Notice::Retired => "Retired.",
            Notice::Confirmed => "The old token has ended. This one goes on.",
            Notice::Aborted => "The new token has ended. This one goes on as before.",
        }
    }

    /// The address of a page that says so.
    pub(super) fn at(self, page: &str) -> String {
        let joint = if page.contains('?') { '&' } else { '?' };
        format!("{page}{joint}{}={}", Notice::PARAMETER, self.name())
    }
}
