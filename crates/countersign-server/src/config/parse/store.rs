//! How is read what the platform remembers in: `[store]`?

use super::given::Given;
use crate::config::{PostgresUrl, SettingsError, StoreUrl};

const KEY: &str = "store.url";
const PASSWORD_FILE: &str = "store.password_file";

impl Given<'_> {
    pub(super) fn store(&self) -> Result<StoreUrl, SettingsError> {
        let text = self.secret_text(KEY)?.unwrap_or("sqlite:countersign.db");
        let password_file = self.path(PASSWORD_FILE)?;
        if text.starts_with("postgres:") || text.starts_with("postgresql:") {
            let folder = self.beside("");
            let url = PostgresUrl::parse(text, &folder)
                .map_err(|problem| self.error(self.line(KEY), KEY, problem, None))?;
            return match password_file {
                Some(_) if url.holds_password() => Err(self.error(
                    self.line(PASSWORD_FILE),
                    PASSWORD_FILE,
                    "stands beside a password in store.url; give one of them".to_owned(),
                    None,
                )),
                Some(file) => Ok(StoreUrl::Postgres(url.with_password_file(file))),
                None => Ok(StoreUrl::Postgres(url)),
            };
        }
        if password_file.is_some() {
            return Err(self.error(
                self.line(PASSWORD_FILE),
                PASSWORD_FILE,
                "is for PostgreSQL, which store.url does not name".to_owned(),
                Some(
                    "remove it, or write store.url = \"postgres://USER@HOST/DATABASE\"".to_owned(),
                ),
            ));
        }
        if text == "memory:" {
            return Ok(StoreUrl::Memory);
        }
        match text.strip_prefix("sqlite:") {
            Some(":memory:") => Err(self.wrong(KEY, text, "is written `memory:` here")),
            Some(file) if file.starts_with("//") => Err(self.wrong(
                KEY,
                text,
                "has no host: write sqlite:FILE, as in sqlite:countersign.db or sqlite:/var/lib/countersign/countersign.db",
            )),
            Some(file) if !file.is_empty() => Ok(StoreUrl::Sqlite(self.beside(file))),
            _ => Err(self.error(
                self.line(KEY),
                KEY,
                "is neither `postgres://USER@HOST/DATABASE` nor `sqlite:FILE` nor `memory:`"
                    .to_owned(),
                None,
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use crate::config::{Settings, SettingsError, StoreUrl};

    fn parse(store: &str) -> Result<Settings, SettingsError> {
        let text = format!("issuer = \"https://id.example\"\nlisten.behind_proxy = true\n{store}");
        Settings::parse(&text, Path::new("/etc/countersign/countersign.toml"))
    }

    #[test]
    fn a_postgresql_has_its_password_in_a_file_or_in_the_url() {
        let settings = parse(
            "store.url = \"postgres://c@db/d\"\nstore.password_file = \"database.password\"\n",
        )
        .unwrap();
        let StoreUrl::Postgres(url) = settings.store else {
            panic!("{:?}", settings.store);
        };
        assert_eq!(url.to_string(), "postgres://c@db:5432/d");
        let file = PathBuf::from("/etc/countersign/database.password");
        assert_eq!(url.password_file, Some(file));
        // Several nodes need the same secrets, so the file has a name that is easy to find.
        let secrets = PathBuf::from("/etc/countersign/countersign.secrets");
        assert_eq!(settings.secrets_file, Some(secrets));
        let settings = parse("store.url = \"postgresql://c:hunter2@db/d\"").unwrap();
        assert!(matches!(&settings.store, StoreUrl::Postgres(url) if url.holds_password()));
        assert!(!format!("{settings:?}").contains("hunter2"));
    }

    #[test]
    fn a_wrong_url_is_refused_by_line_and_key_without_its_password() {
        for (text, line, key, problem) in [
            (
                "store.url = \"postgres://c:hunter2@db/d?sslmode=disable\"",
                3,
                "store.url",
                "verify-full",
            ),
            (
                "store.url = \"postgres://c:hunter2\\u0007@db/d\"",
                3,
                "store.url",
                "control character",
            ),
            (
                "store.url = \"postgres:hunter2\"",
                3,
                "store.url",
                "names no user",
            ),
            (
                "store.url = \"postgres://c:hunter2@db/d\"\nstore.password_file = \"p\"",
                4,
                "store.password_file",
                "give one of them",
            ),
            (
                "store.password_file = \"p\"",
                3,
                "store.password_file",
                "is for PostgreSQL",
            ),
            (
                "store.url = \"mysql://c:hunter2@x\"",
                3,
                "store.url",
                "neither",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert_eq!(
                (error.line, error.key.as_str()),
                (Some(line), key),
                "{text}"
            );
            let shown = error.to_string();
            assert!(shown.contains(problem), "{text}: {shown}");
            assert!(!shown.contains("hunter2"), "{shown}");
        }
    }
}
