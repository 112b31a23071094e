//! What does the table `[login]` say?

use super::given::Given;
use crate::config::{LoginTimes, SettingsError};

impl Given<'_> {
    pub(super) fn login(&self, default: LoginTimes) -> Result<LoginTimes, SettingsError> {
        let time = |key, default| Ok(self.seconds(key)?.unwrap_or(default));
        let tries = self.number("login.code_tries")?;
        let times = LoginTimes {
            hello: time("login.hello_s", default.hello)?,
            total: time("login.total_s", default.total)?,
            review: time("login.review_s", default.review)?,
            loopback: time("login.loopback_s", default.loopback)?,
            code: time("login.code_s", default.code)?,
            code_tries: tries.map_or(default.code_tries, |it| {
                u32::try_from(it).unwrap_or(u32::MAX)
            }),
            accept: time("login.accept_s", default.accept)?,
            ping: time("login.ping_s", default.ping)?,
            silence: time("login.silence_s", default.silence)?,
            resume: time("login.resume_s", default.resume)?,
        };
        if times.silence <= times.ping {
            let problem = format!(
                "has to be longer than login.ping_s, which is {} s",
                times.ping.as_secs()
            );
            let key = "login.silence_s";
            return Err(self.error(self.line(key), key, problem, None));
        }
        Ok(times)
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, time::Duration};

    use crate::config::{Settings, SettingsError};

    fn parse(table: &str) -> Result<Settings, SettingsError> {
        let text = format!("issuer = \"http://127.0.0.1:8085\"\n[login]\n{table}");
        Settings::parse(&text, Path::new("countersign.toml"))
    }

    #[test]
    fn each_time_of_a_sign_in_is_set_apart() {
        let names = [
            "hello", "total", "review", "loopback", "code", "accept", "resume",
        ];
        let lines: String = (0..names.len())
            .map(|at| format!("{}_s = {}\n", names[at], 31 + at))
            .collect();
        let login = parse(&format!(
            "{lines}code_tries = 5\nping_s = 3\nsilence_s = 4\n"
        ))
        .unwrap()
        .login;
        let times = [
            login.hello,
            login.total,
            login.review,
            login.loopback,
            login.code,
            login.accept,
            login.resume,
        ];
        assert_eq!(times.map(|it| it.as_secs()), [31, 32, 33, 34, 35, 36, 37]);
        assert_eq!(login.code_tries, 5);
        assert_eq!(login.ping, Duration::from_secs(3));
        assert_eq!(login.silence, Duration::from_secs(4));
    }

    #[test]
    fn nobody_is_dead_before_he_was_asked() {
        let error = parse("ping_s = 30\nsilence_s = 30\n").unwrap_err();
        assert_eq!(error.key, "login.silence_s");
        assert!(parse("ping_s = 90\n").is_err());
    }
}
