//! What is said about something that an administrator should hear of?

use std::net::IpAddr;

use countersign_proto::{showable::showable, time::UnixTime};

/// Characters of a text in an event; the rest of a longer one is cut.
const TEXT_MAX: usize = 500;

/// Which event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum EventName {
    /// A granted token was presented after it was revoked.
    TokenRevokedUsed,
    /// A granted token was presented after its end.
    TokenExpiredUsed,
    /// A granted token ends within the time of warning.
    TokenExpiresSoon,
    /// A refresh token came again when no honest holder presents it: its session has ended.
    RefreshReused,
    /// A refresh token came with a proof by another key: somebody has a copy of it.
    RefreshWrongKey,
    /// The platform was started with a setting that is weaker than it need be.
    SettingsWeak,
    /// A certificate ends within days.
    CertificateExpiresSoon,
    /// Somebody could not prove who he is.
    SignInRefused,
    /// A credential was not believed where one is needed.
    AuthenticationRefused,
}

/// Something that happened, and to whom. There is no place in it for a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    pub(crate) name: EventName,
    pub(crate) at: UnixTime,
    /// Whom or what it is about: a principal, an application, a setting.
    pub(crate) subject: String,
    /// The id of a token, never its string.
    pub(crate) token_id: Option<String>,
    /// SHA-256 of a certificate.
    pub(crate) certificate: Option<String>,
    /// Where the request came from.
    pub(crate) address: Option<IpAddr>,
    /// One sentence for a person.
    pub(crate) detail: Option<String>,
}

impl EventName {
    /// All of them.
    pub(crate) const ALL: [EventName; 9] = [
        EventName::TokenRevokedUsed,
        EventName::TokenExpiredUsed,
        EventName::TokenExpiresSoon,
        EventName::RefreshReused,
        EventName::RefreshWrongKey,
        EventName::SettingsWeak,
        EventName::CertificateExpiresSoon,
        EventName::SignInRefused,
        EventName::AuthenticationRefused,
    ];

    /// As it stands in the log, in metrics and in what is delivered.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            EventName::TokenRevokedUsed => "token.revoked_used",
            EventName::TokenExpiredUsed => "token.expired_used",
            EventName::TokenExpiresSoon => "token.expires_soon",
            EventName::RefreshReused => "refresh.reused",
            EventName::RefreshWrongKey => "refresh.wrong_key",
            EventName::SettingsWeak => "settings.weak",
            EventName::CertificateExpiresSoon => "certificate.expires_soon",
            EventName::SignInRefused => "sign_in.refused",
            EventName::AuthenticationRefused => "authentication.refused",
        }
    }
}

impl Event {
    /// About `subject`, which may come from outside: what plays with its reader is left out.
    pub(crate) fn new(name: EventName, subject: &str, at: UnixTime) -> Event {
        Event {
            name,
            at,
            subject: showable(subject, TEXT_MAX),
            token_id: None,
            certificate: None,
            address: None,
            detail: None,
        }
    }

    /// With the id of the token that it is about.
    pub(crate) fn token(mut self, id: &str) -> Event {
        self.token_id = Some(showable(id, TEXT_MAX));
        self
    }

    /// With the certificate that it is about, by its SHA-256.
    pub(crate) fn certificate(mut self, sha256: &str) -> Event {
        self.certificate = Some(showable(sha256, TEXT_MAX));
        self
    }

    /// With the address that the request came from.
    pub(crate) fn address(mut self, address: Option<IpAddr>) -> Event {
        self.address = address;
        self
    }

    /// With a sentence for a person.
    pub(crate) fn detail(mut self, sentence: &str) -> Event {
        self.detail = Some(showable(sentence, TEXT_MAX));
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_in_the_document_and_no_other() {
        let document = include_str!("../../../../docs/events.md");
        let (_, names) = document.split_once("## Names").unwrap();
        let (names, _) = names.split_once("\n## ").unwrap();
        let documented = names
            .lines()
            .filter_map(|line| line.strip_prefix("| `"))
            .map(|line| line.split_once('`').unwrap().0);
        let expected = EventName::ALL.map(EventName::as_str);
        assert_eq!(documented.collect::<Vec<_>>(), expected);
    }

    #[test]
    fn what_plays_with_its_reader_does_not_get_into_an_event() {
        let event = Event::new(
            EventName::SignInRefused,
            "eve\u{1b}[2J\nroot\u{202e}",
            UnixTime::from_secs(1),
        )
        .detail(&"x".repeat(10_000));
        assert_eq!(event.subject, "eve[2Jroot");
        assert_eq!(event.detail.unwrap().len(), TEXT_MAX);
    }
}
