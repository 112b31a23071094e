//! How does a sign-in go on until there is a token, and what is asked at the terminal meanwhile?

use super::{
    progress::{Progress, TICK},
    way_there::Opening,
};
use crate::{
    failure::{Exit, Failure},
    interrupts::{Interrupts, interrupted},
    terminal::{Terminal, Typed},
};
use countersign::{
    login::{InteractiveToken, Login, LoginEvent, browser::BrowserError},
    proto::login::ConfirmValue,
};

/// Whose sign-in needs no question.
#[derive(Clone, Debug, Default)]
pub(super) struct Expected {
    /// By `--as`.
    pub(super) named: Option<String>,
    /// Who signed in to this profile last.
    pub(super) last: Option<String>,
}

/// What the terminal is asked for.
enum Question {
    Code,
    /// Whether to sign in as this principal, whom this provider vouches for.
    Identity(String, String),
}

enum Met {
    Event(Box<LoginEvent>),
    Typed(Typed),
    NotOpened(BrowserError),
    Tick,
    Interrupt,
}

/// Leads a sign-in to its end. Ctrl-C cancels it on both sides.
pub(super) async fn follow(
    mut login: Login,
    expected: &Expected,
    mut opening: Option<Opening>,
    progress: &mut Progress<'_>,
    mut terminal: Option<&mut Terminal>,
    interrupts: &mut Interrupts,
) -> Result<InteractiveToken, Failure> {
    let mut question = None;
    let mut refused = None;
    let mut tick = tokio::time::interval(TICK);
    progress.now("waiting until the address is opened in a browser");
    loop {
        let met = tokio::select! {
            event = login.next() => match event {
                Ok(event) => Met::Event(Box::new(event)),
                Err(error) => return Err(refused.unwrap_or_else(|| Failure::from(error))),
            },
            typed = answer(&mut terminal), if question.is_some() => Met::Typed(typed),
            _ = tick.tick() => Met::Tick,
            error = not_opened(&mut opening) => Met::NotOpened(error),
            () = interrupts.next() => Met::Interrupt,
        };
        match met {
            Met::NotOpened(error) => {
                progress.note(&format!("{error}; open the address yourself"));
            }
            Met::Tick => progress.tick(),
            Met::Interrupt => return Err(cancel(login, progress, interrupts).await),
            Met::Event(event) => {
                if answers(&event) && question.take().is_some() {
                    progress.withdraw();
                }
                progress.happened(&event)?;
                match *event {
                    LoginEvent::Signed(token) => return Ok(*token),
                    LoginEvent::NeedCode { .. } | LoginEvent::CodeRefused { .. } => {
                        question = ask(Question::Code, progress, &mut terminal);
                    }
                    LoginEvent::Identity {
                        principal,
                        idp,
                        accepted: false,
                        ..
                    } => match (expected.is(&principal), &terminal) {
                        (true, _) => {
                            progress.now("waiting for the token");
                            keep_on(login.accept().await, progress);
                        }
                        (false, Some(_)) => {
                            let asked = Question::Identity(principal, idp);
                            question = ask(asked, progress, &mut terminal);
                        }
                        (false, None) => {
                            refused = Some(expected.is_not(&principal));
                            keep_on(login.reject().await, progress);
                        }
                    },
                    _ => {}
                }
            }
            Met::Typed(typed) => match (question.take(), typed) {
                (None, _) => {}
                (Some(Question::Code), Typed::End) => {
                    return Err(cancel(login, progress, interrupts).await);
                }
                (Some(Question::Code), Typed::Line(code)) => {
                    progress.answered();
                    if ConfirmValue::from_typed(&code).is_ok() {
                        keep_on(login.confirm_code(&code).await, progress);
                    } else {
                        progress.note("a code is 8 letters, as BCDF-GHJK; this costs no try");
                        question = ask(Question::Code, progress, &mut terminal);
                    }
                }
                (Some(Question::Identity(principal, idp)), typed) => {
                    progress.answered();
                    match is_yes(&typed) {
                        Some(true) => {
                            progress.now("accepted; waiting for the token");
                            keep_on(login.accept().await, progress);
                        }
                        Some(false) => {
                            refused = Some(not_accepted(&principal));
                            keep_on(login.reject().await, progress);
                        }
                        None => {
                            let asked = Question::Identity(principal, idp);
                            question = ask(asked, progress, &mut terminal);
                        }
                    }
                }
            },
        }
    }
}

impl Expected {
    pub(super) fn is(&self, principal: &str) -> bool {
        // What was named just now counts, and not who it was the last time.
        let expected = self.named.as_ref().or(self.last.as_ref());
        expected.is_some_and(|expected| expected == principal)
    }

    /// Who will sign in, for the form of the identity provider.
    pub(super) fn hint(&self) -> Option<&str> {
        self.named.as_deref().or(self.last.as_deref())
    }

    /// The failure when somebody else signed in, and nobody can be asked about that.
    pub(super) fn is_not(&self, principal: &str) -> Failure {
        let expected = self.hint().unwrap_or("somebody else");
        Failure::new(
            Exit::IdentityRejected,
            format!("{principal} signed in, and {expected} was expected"),
        )
        .hint(OTHER_PERSON)
    }
}

const OTHER_PERSON: &str =
    "sign out at the identity provider, or take a private window, and sign in as the other";

fn not_accepted(principal: &str) -> Failure {
    let message = format!("{principal} signed in, and was not accepted here");
    Failure::new(Exit::IdentityRejected, message).hint(OTHER_PERSON)
}

/// Whether what happened makes it useless to go on asking.
fn answers(event: &LoginEvent) -> bool {
    matches!(
        event,
        LoginEvent::NeedCode { .. }
            | LoginEvent::CodeRefused { .. }
            | LoginEvent::Confirmed
            | LoginEvent::Identity { .. }
            | LoginEvent::Signed(_)
    )
}

fn ask(
    question: Question,
    progress: &mut Progress<'_>,
    terminal: &mut Option<&mut Terminal>,
) -> Option<Question> {
    let Some(terminal) = terminal else {
        progress.note("there is no terminal to type an answer at");
        return None;
    };
    // Before the question is seen: whoever answers quickly is heard too.
    terminal.expect_answer();
    progress.ask(&match &question {
        Question::Code => "code that the browser shows:".to_owned(),
        Question::Identity(principal, idp) => format!("sign in as {principal} ({idp})? [y/N]"),
    });
    Some(question)
}

async fn answer(terminal: &mut Option<&mut Terminal>) -> Typed {
    match terminal {
        Some(terminal) => terminal.answer().await,
        None => std::future::pending().await,
    }
}

/// Waits for ever where a browser was opened, or none was to be.
async fn not_opened(opening: &mut Option<Opening>) -> BrowserError {
    if let Some(receiver) = opening {
        let outcome = receiver.await;
        *opening = None;
        if let Ok(error) = outcome {
            return error;
        }
    }
    std::future::pending().await
}

/// Nothing and the end mean no; what is neither is asked again, since it was typed for something
/// else.
fn is_yes(typed: &Typed) -> Option<bool> {
    match typed {
        Typed::End => Some(false),
        Typed::Line(line) => match line.to_ascii_lowercase().as_str() {
            "y" | "yes" => Some(true),
            "" | "n" | "no" => Some(false),
            _ => None,
        },
    }
}

/// What was said too late is no failure: how the sign-in stands comes with its next event.
fn keep_on(said: Result<(), countersign::Error>, progress: &mut Progress<'_>) {
    if let Err(error) = said {
        progress.note(&error.to_string());
    }
}

async fn cancel(login: Login, progress: &mut Progress<'_>, interrupts: &mut Interrupts) -> Failure {
    progress.withdraw();
    progress.now("cancelling; once more to end at once");
    let told = interrupts.unless(login.cancel()).await;
    if let Ok(Err(error)) = told {
        progress.note(&error.to_string());
    }
    interrupted()
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    #[test]
    fn only_a_clear_yes_is_one_and_what_was_meant_for_something_else_is_no_answer() {
        let line = |text: &str| is_yes(&Typed::Line(Zeroizing::new(text.to_owned())));
        for (typed, meant) in [
            ("y", Some(true)),
            ("YES", Some(true)),
            ("", Some(false)),
            ("n", Some(false)),
            ("No", Some(false)),
            ("BCDF-GHJK", None),
            ("yep", None),
        ] {
            assert_eq!(line(typed), meant, "{typed:?}");
        }
        assert_eq!(is_yes(&Typed::End), Some(false));
    }

    #[test]
    fn who_is_named_is_expected_and_else_who_it_was_the_last_time() {
        let expected = |named: Option<&str>, last: Option<&str>| Expected {
            named: named.map(str::to_owned),
            last: last.map(str::to_owned),
        };
        assert!(expected(Some("vader"), None).is("vader"));
        assert!(expected(None, Some("vader")).is("vader"));
        assert!(!expected(Some("vader"), Some("luke")).is("luke"));
        assert!(!expected(None, None).is(""));
        assert!(!expected(None, Some("vader")).is("Vader"), "to the letter");
        let failure = expected(Some("vader"), None).is_not("luke");
        assert_eq!(failure.code(), 14);
        assert_eq!(failure.message(), "luke signed in, and vader was expected");
    }
}
