//! How does a test get a home and a platform of its own?

use std::{
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// An empty home, in which commands are run.
pub(crate) struct Home {
    folder: tempfile::TempDir,
    variables: Vec<(&'static str, String)>,
}

/// What a command said and how it ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// A running development platform; stopped when dropped.
pub(crate) struct Platform {
    process: Child,
    pub(crate) home: Home,
    pub(crate) issuer: String,
    /// The commands that it proposes.
    pub(crate) next: Vec<String>,
}

pub(crate) const APP_ID: &str = "4f0c2b9e-6a51-4d38-9b7e-2d1f5c8a7e60";

impl Home {
    pub(crate) fn new() -> Home {
        Home {
            folder: tempfile::tempdir().unwrap(),
            variables: Vec::new(),
        }
    }

    /// From now on commands have this in their environment; nothing of that name when it is empty.
    pub(crate) fn set(&mut self, name: &'static str, value: &str) {
        self.variables.retain(|(other, _)| *other != name);
        if !value.is_empty() {
            self.variables.push((name, value.to_owned()));
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn certificates(&self) -> PathBuf {
        self.path()
            .join(".local/share/countersign/dev/certificates")
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.path().join(".local/state/countersign")
    }

    /// The binary, with nothing in its environment but this home and what was set.
    pub(crate) fn command(&self, line: &str) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_countersign"));
        command
            .args(line.split_whitespace())
            .env_clear()
            .env("HOME", self.path())
            .env("PATH", "/usr/bin:/bin")
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, line: &str) -> Ran {
        ran(&mut self.command(line))
    }
}

pub(crate) fn ran(command: &mut Command) -> Ran {
    let output = command.output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Ran {
    /// Whether it went well; what it printed.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.stdout
    }

    pub(crate) fn json(self) -> serde_json::Value {
        let text = self.ok();
        serde_json::from_str(&text).expect(&text)
    }
}

impl Platform {
    pub(crate) fn start() -> Platform {
        let home = Home::new();
        let mut process = home
            .command("dev --listen 127.0.0.1:0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        // What it prints last is the list of commands, which ends with the doctor.
        let mut issuer = String::new();
        let mut next = Vec::new();
        for line in BufReader::new(process.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if let Some(server) = line.strip_prefix("Server") {
                server.trim().clone_into(&mut issuer);
            }
            if let Some(words) = line
                .split_once("countersign ")
                .filter(|_| line.starts_with("  /"))
            {
                next.push(words.1.to_owned());
                if words.1.starts_with("doctor") {
                    break;
                }
            }
        }
        assert!(!next.is_empty(), "the platform did not start");
        Platform {
            process,
            home,
            issuer,
            next,
        }
    }

    pub(crate) fn run(&self, line: &str) -> Ran {
        self.home.run(line)
    }

    /// How many tokens the application of the service was given.
    pub(crate) fn issued(&self) -> usize {
        let audit = self
            .run("admin audit --limit 500 --profile dev-admin --output json")
            .json();
        let entries = audit["items"].as_array().unwrap();
        entries
            .iter()
            .filter(|entry| entry["action"] == "token.issue" && entry["actor"] == APP_ID)
            .count()
    }

    /// The file with the cached token of the service.
    pub(crate) fn cache_file(&self) -> PathBuf {
        let files = std::fs::read_dir(self.home.state()).unwrap();
        let mut files = files.map(|file| file.unwrap().path());
        files
            .find(|file| {
                file.extension().is_some_and(|end| end == "json")
                    && std::fs::read_to_string(file).unwrap().contains(APP_ID)
            })
            .unwrap()
    }
}

impl Drop for Platform {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Platform {
    /// As by kill -9.
    pub(crate) fn stop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
