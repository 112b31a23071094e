//! Which profiles are served, as they are now?

use std::{
    collections::BTreeMap,
    os::unix::fs::MetadataExt as _,
    sync::{Arc, Mutex, PoisonError},
};

use super::keeper::Keeper;
use crate::{
    args::Environment,
    commands::is_bearer,
    failure::{Exit, Failure},
    output::Output,
    profile::Profiles,
};

/// The profiles of the settings file. Who signs in, out or anew by the command line is followed.
pub(super) struct Roster {
    /// Every one when empty.
    served: Vec<String>,
    default: Option<String>,
    environment: Arc<Environment>,
    output: Output,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    /// What the settings file looked like when it was read.
    stamp: Option<Stamp>,
    profiles: Profiles,
    keepers: BTreeMap<String, Arc<Keeper>>,
}

/// A file that was replaced has another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp(u64, i64, i64, u64);

/// A profile that is served, and how often a new token of it was got.
pub(super) struct Entry {
    pub(super) name: String,
    pub(super) server: String,
    pub(super) fetched: u64,
}

impl Roster {
    pub(super) fn new(
        served: Vec<String>,
        default: Option<String>,
        environment: Arc<Environment>,
        output: Output,
    ) -> Roster {
        Roster {
            served,
            default,
            environment,
            output,
            known: Mutex::new(Known::default()),
        }
    }

    /// Gets the profiles ready that were named, so that what is wrong with one is known at the start.
    pub(super) async fn prepare(&self) -> Result<(), Failure> {
        for name in self.served.iter().chain(&self.default) {
            let keeper = self.keeper(Some(name));
            let keeper = keeper.map_err(|failure| match failure.exit() {
                Exit::Usage if failure.message().starts_with("there is no profile") => failure
                    .hint("countersign profiles lists them; countersign login SERVER --profile NAME makes one"),
                _ => failure,
            })?;
            keeper.prepare().await?;
        }
        Ok(())
    }

    /// Who keeps the token of this profile, or of the one that is meant when none is named.
    pub(super) fn keeper(&self, name: Option<&str>) -> Result<Arc<Keeper>, Failure> {
        let mut known = self.up_to_date()?;
        let name = match name.or(self.default.as_deref()) {
            Some(name) => name,
            None => self.current(&known.profiles)?,
        };
        if !self.serves(name) || !known.profiles.all.contains_key(name) {
            return Err(
                Failure::new(Exit::Usage, format!("there is no profile {name:?} here"))
                    .hint("GET /profiles lists those that this agent serves"),
            );
        }
        let (name, profile) = known.profiles.find(Some(name))?;
        is_bearer(profile)?;
        let (name, profile) = (name.to_owned(), profile.clone());
        if let Some(keeper) = known.keepers.get(&name) {
            return Ok(Arc::clone(keeper));
        }
        let environment = Arc::clone(&self.environment);
        let keeper = Arc::new(Keeper::new(&name, profile, environment, self.output));
        known.keepers.insert(name, Arc::clone(&keeper));
        Ok(keeper)
    }

    /// All of them.
    pub(super) fn entries(&self) -> Result<Vec<Entry>, Failure> {
        let known = self.up_to_date()?;
        let served = known
            .profiles
            .all
            .iter()
            .filter(|(name, _)| self.serves(name));
        let entries = served.map(|(name, profile)| Entry {
            name: name.clone(),
            server: profile.server.clone(),
            fetched: known.keepers.get(name).map_or(0, |keeper| keeper.fetched()),
        });
        Ok(entries.collect())
    }

    fn serves(&self, name: &str) -> bool {
        self.served.is_empty() || self.served.iter().any(|served| served == name)
    }

    /// The current profile, or the first of those that were named if that is none of them.
    fn current<'a>(&'a self, profiles: &'a Profiles) -> Result<&'a str, Failure> {
        match (profiles.current.as_deref(), self.served.first()) {
            (Some(current), _) if self.serves(current) => Ok(current),
            (_, Some(first)) => Ok(first),
            (_, None) => Ok(profiles.find(None)?.0),
        }
    }

    fn up_to_date(&self) -> Result<std::sync::MutexGuard<'_, Known>, Failure> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let file = self.environment.config.as_ref();
        let found = file.and_then(|folder| folder.join("config.toml").metadata().ok());
        let stamp =
            found.map(|found| Stamp(found.ino(), found.mtime(), found.mtime_nsec(), found.len()));
        if known.stamp != stamp || stamp.is_none() {
            let profiles = Profiles::read(&self.environment)?;
            // Whose profile is another now, or none, has nothing to keep.
            known
                .keepers
                .retain(|name, keeper| profiles.all.get(name) == Some(&keeper.profile));
            known.profiles = profiles;
            known.stamp = stamp;
        }
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roster(home: &std::path::Path, served: &[&str], default: Option<&str>) -> Roster {
        let environment = Environment {
            config: Some(home.to_owned()),
            ..Environment::default()
        };
        let served = served.iter().map(|name| (*name).to_owned()).collect();
        let default = default.map(str::to_owned);
        Roster::new(served, default, Arc::new(environment), Output::default())
    }

    fn write(home: &std::path::Path, text: &str) {
        // As the command line writes it: another file takes its place.
        let new = home.join("new");
        std::fs::write(&new, text).unwrap();
        std::fs::rename(new, home.join("config.toml")).unwrap();
    }

    const TWO: &str = "current = \"a\"\n[profile.a]\nserver = \"https://a\"\n[profile.b]\nserver = \"https://b\"\n";

    fn name(roster: &Roster, asked: Option<&str>) -> Option<String> {
        let keeper = roster.keeper(asked).ok()?;
        Some(keeper.name.clone())
    }

    // security.md 133
    #[test]
    fn only_the_profiles_that_were_named_are_served() {
        let home = tempfile::tempdir().unwrap();
        write(home.path(), TWO);
        for (served, default, asked, expected) in [
            (&[][..], None, None, Some("a")),
            (&[], None, Some("b"), Some("b")),
            (&[], Some("b"), None, Some("b")),
            (&["b"], None, None, Some("b")),
            (&["b"], None, Some("a"), None),
            (&["b"], Some("a"), None, None),
            (&[], None, Some("c"), None),
        ] {
            let roster = roster(home.path(), served, default);
            assert_eq!(
                name(&roster, asked).as_deref(),
                expected,
                "{served:?} {default:?} {asked:?}"
            );
        }
        let entries = roster(home.path(), &["b"], None).entries().unwrap();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].server, "https://b");
    }

    #[test]
    fn a_profile_that_changes_or_goes_is_not_kept_as_it_was() {
        let home = tempfile::tempdir().unwrap();
        write(home.path(), TWO);
        let roster = roster(home.path(), &[], None);
        let first = roster.keeper(Some("a")).unwrap();
        assert!(
            Arc::ptr_eq(&first, &roster.keeper(None).unwrap()),
            "one keeper a profile"
        );
        write(home.path(), &TWO.replace("https://b", "https://other"));
        assert!(
            Arc::ptr_eq(&first, &roster.keeper(None).unwrap()),
            "it did not change"
        );
        write(home.path(), &TWO.replace("https://a", "https://other"));
        assert!(!Arc::ptr_eq(&first, &roster.keeper(None).unwrap()));
        std::fs::remove_file(home.path().join("config.toml")).unwrap();
        assert_eq!(
            roster.keeper(None).err().unwrap().message(),
            "no server is set"
        );
    }
}
