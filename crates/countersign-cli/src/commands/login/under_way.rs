//! Is somebody signing in to this profile already, and by which link?
//!
//! Of several runs at once the first signs in and the others show its link and its outcome. A lock
//! says who is first, so that one that was killed is nobody's obstacle.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;
use url::Url;

use crate::{
    failure::{Exit, Failure},
    private_file::{self, Existing},
};

/// Whose turn it is.
pub(super) enum Turn {
    First(First),
    Later(Later),
}

/// The right to sign in to a profile; given back when it is dropped, or when the process ends.
pub(super) struct First {
    note: PathBuf,
    _locked: File,
}

/// One that waits for another.
pub(super) struct Later {
    note: PathBuf,
    turn: oneshot::Receiver<std::io::Result<File>>,
}

/// What the first tells the others. No secret: whoever knows the link gets no token by it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Link {
    pub(super) server: String,
    pub(super) scope: String,
    pub(super) url: Url,
    pub(super) label: String,
}

/// How the first ended, as far as a later one learns.
pub(super) enum Ended {
    /// It signed in.
    SignedIn,
    Failed(Failure),
    /// It ended without a word, or what it did was something else: now it is ours to sign in.
    Unknown(First),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Note {
    link: Link,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended: Option<Outcome>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Outcome {
    code: u8,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    message: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// How often a later one looks whether the first has a link yet.
const LOOK: Duration = Duration::from_millis(100);

/// Takes its turn for a profile. The folder is one that was found to be ours alone.
pub(super) fn take_turn(folder: &Path, profile: &str) -> Result<Turn, Failure> {
    let note = folder.join(format!("login-{profile}.json"));
    let lock = folder.join(format!("login-{profile}.lock"));
    let cannot = |error: std::io::Error| private_file::failed("cannot lock", &lock, &error);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(OFlags::NOFOLLOW.bits().cast_signed())
        .open(&lock)
        .map_err(cannot)?;
    match file.try_lock() {
        Ok(()) => Ok(Turn::First(First::new(note, file))),
        Err(TryLockError::WouldBlock) => {
            let (sender, turn) = oneshot::channel();
            // A lock has no time limit; a thread that still waits ends with the command.
            std::thread::spawn(move || {
                let _ = sender.send(file.lock().map(|()| file));
            });
            Ok(Turn::Later(Later { note, turn }))
        }
        Err(TryLockError::Error(error)) => Err(cannot(error)),
    }
}

impl First {
    fn new(note: PathBuf, locked: File) -> First {
        let _ = std::fs::remove_file(&note); // of an earlier sign-in
        First {
            note,
            _locked: locked,
        }
    }

    /// Tells the link to those who come later.
    pub(super) fn publish(&self, link: &Link) -> Result<(), Failure> {
        self.write(&Note {
            link: link.clone(),
            ended: None,
        })
    }

    /// Tells them how it ended. They may sign in themselves when this fails.
    pub(super) fn end(self, link: &Link, outcome: Result<(), &Failure>) {
        let ended = match outcome {
            Ok(()) => Outcome {
                code: 0,
                message: String::new(),
                hint: None,
            },
            Err(failure) => Outcome {
                code: failure.code(),
                message: failure.message().to_owned(),
                hint: failure.hint_text().map(str::to_owned),
            },
        };
        let _ = self.write(&Note {
            link: link.clone(),
            ended: Some(ended),
        });
    }

    fn write(&self, note: &Note) -> Result<(), Failure> {
        let text = serde_json::to_vec(note)
            .map_err(|error| Failure::other(format!("cannot tell the link: {error}")))?;
        private_file::write(&self.note, &text, Existing::Replace)
    }
}

impl Later {
    /// The link of the first, once it has one; `None` when it ended before. Losing the future loses
    /// nothing.
    pub(super) async fn link(&mut self) -> Option<Link> {
        let mut look = tokio::time::interval(LOOK);
        loop {
            look.tick().await;
            let is_over = !self.turn.is_empty();
            match read(&self.note) {
                // One that has ended while the first goes on is of a sign-in before.
                Some(note) if note.ended.is_none() || is_over => return Some(note.link),
                None if is_over => return None,
                _ => {}
            }
        }
    }

    /// How the first ended.
    pub(super) async fn ended(self, link: Option<&Link>) -> Result<Ended, Failure> {
        let lost = || Failure::other("the other sign-in could not be waited for");
        let locked = self.turn.await.map_err(|_| lost())?;
        let locked = locked.map_err(|error| lost().about(&error.to_string()))?;
        let note = read(&self.note).filter(|note| link == Some(&note.link));
        Ok(match note.and_then(|note| note.ended) {
            None => Ended::Unknown(First::new(self.note, locked)),
            Some(Outcome { code: 0, .. }) => Ended::SignedIn,
            Some(outcome) => Ended::Failed(outcome.failure()),
        })
    }
}

impl Outcome {
    fn failure(self) -> Failure {
        let failure = Failure::new(Exit::of_code(self.code), self.message);
        match self.hint {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

fn read(note: &Path) -> Option<Note> {
    let text = std::fs::read(note).ok()?;
    serde_json::from_slice(&text).ok()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn first(folder: &Path) -> First {
        match take_turn(folder, "lab").unwrap() {
            Turn::First(first) => first,
            Turn::Later(_) => panic!("somebody else is first"),
        }
    }

    fn later(folder: &Path) -> Later {
        match take_turn(folder, "lab").unwrap() {
            Turn::Later(later) => later,
            Turn::First(_) => panic!("nobody else is first"),
        }
    }

    fn link() -> Link {
        Link {
            server: "https://p.example".to_owned(),
            scope: String::new(),
            url: "https://p.example/login/7wq3PZ4mJ0r2vK8nXb5TcA"
                .parse()
                .unwrap(),
            label: "amber river stone".to_owned(),
        }
    }

    #[tokio::test]
    async fn who_comes_later_learns_the_link_and_the_outcome() {
        let folder = tempfile::tempdir().unwrap();
        let first = first(folder.path());
        let (mut second, third) = (later(folder.path()), later(folder.path()));
        first.publish(&link()).unwrap();
        assert_eq!(second.link().await, Some(link()));
        let failure = Failure::new(Exit::Expired, "nobody came").hint("do it again");
        first.end(&link(), Err(&failure));
        let link = link();
        let told = tokio::join!(second.ended(Some(&link)), third.ended(Some(&link)));
        for told in [told.0, told.1] {
            let Ok(Ended::Failed(told)) = told else {
                panic!("no failure");
            };
            assert_eq!(told, failure);
        }
    }

    #[tokio::test]
    async fn a_sign_in_that_went_well_is_told_too() {
        let folder = tempfile::tempdir().unwrap();
        let first = first(folder.path());
        let second = later(folder.path());
        first.publish(&link()).unwrap();
        first.end(&link(), Ok(()));
        let ended = second.ended(Some(&link())).await;
        assert!(matches!(ended, Ok(Ended::SignedIn)));
    }

    #[tokio::test]
    async fn one_that_was_killed_leaves_its_turn_to_the_next() {
        let folder = tempfile::tempdir().unwrap();
        let killed = first(folder.path());
        let mut second = later(folder.path());
        killed.publish(&link()).unwrap();
        drop(killed);
        let told = second.link().await;
        let Ok(Ended::Unknown(now_first)) = second.ended(told.as_ref()).await else {
            panic!("it told an outcome");
        };
        assert!(
            !folder.path().join("login-lab.json").exists(),
            "its link is forgotten"
        );
        drop(now_first);

        let silent = first(folder.path());
        let mut second = later(folder.path());
        drop(silent);
        assert_eq!(second.link().await, None);
    }

    #[tokio::test]
    async fn a_link_from_before_is_not_shown_as_that_of_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let before = first(folder.path());
        before.publish(&link()).unwrap();
        before.end(&link(), Ok(()));
        let note = folder.path().join("login-lab.json");
        let old = std::fs::read(&note).unwrap();
        let first = first(folder.path());
        std::fs::write(&note, old).unwrap(); // not removed yet
        let mut second = later(folder.path());
        let mut new = link();
        new.label = "grape desk orbit".to_owned();
        let told = tokio::join!(second.link(), async {
            tokio::task::yield_now().await;
            first.publish(&new).unwrap();
        });
        assert_eq!(told.0, Some(new));
    }

    #[tokio::test]
    async fn an_outcome_of_another_sign_in_is_none_of_this_one() {
        let folder = tempfile::tempdir().unwrap();
        let first = first(folder.path());
        let second = later(folder.path());
        first.publish(&link()).unwrap();
        first.end(&link(), Ok(()));
        let mut other = link();
        other.scope = "roles:read".to_owned();
        let ended = second.ended(Some(&other)).await;
        assert!(matches!(ended, Ok(Ended::Unknown(_))));
    }

    #[test]
    fn profiles_do_not_wait_for_each_other_and_files_are_private() {
        let folder = tempfile::tempdir().unwrap();
        let first = first(folder.path());
        first.publish(&link()).unwrap();
        let other = take_turn(folder.path(), "prod").unwrap();
        assert!(matches!(other, Turn::First(_)));
        for entry in std::fs::read_dir(folder.path()).unwrap() {
            assert_eq!(entry.unwrap().metadata().unwrap().mode() & 0o7777, 0o600);
        }
    }

    #[test]
    fn a_lock_that_is_a_link_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = folder.path().join("elsewhere");
        std::os::unix::fs::symlink(&elsewhere, folder.path().join("login-lab.lock")).unwrap();
        assert!(take_turn(folder.path(), "lab").is_err());
        assert!(!elsewhere.exists());
    }
}
