//! Does an agent serve fresh tokens to the programs of its user, and to nobody else?

mod examples;
pub(crate) mod loopback;
mod managed;
mod other_users;
mod people;
mod served;

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, ChildStderr, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

use crate::world::Home;

/// A running agent; killed when dropped.
pub(crate) struct Agent {
    process: Child,
    said: BufReader<ChildStderr>,
    pub(crate) socket: PathBuf,
}

/// What it answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Agent {
    /// In this home, with these words after the verb.
    pub(crate) fn start(home: &Home, words: &str) -> Agent {
        let mut command = home.command(&format!("agent {words}"));
        command.env("XDG_RUNTIME_DIR", home.path().join("run"));
        Agent::from(command, home.path().join("run/countersign/agent.sock"))
    }

    /// By this command, at this socket.
    pub(crate) fn from(mut command: std::process::Command, socket: PathBuf) -> Agent {
        let mut process = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let said = BufReader::new(process.stderr.take().unwrap());
        let mut agent = Agent {
            process,
            said,
            socket,
        };
        // It says so last of what it says at its start.
        agent.hears("tokens are served at /");
        agent
    }

    /// Waits for it to say this; the line.
    #[track_caller]
    pub(crate) fn hears(&mut self, words: &str) -> String {
        let (mut line, mut all) = (String::new(), String::new());
        while !line.contains(words) {
            line.clear();
            let read = self.said.read_line(&mut line).unwrap();
            assert_ne!(read, 0, "it ended before {words:?}: {all}");
            all.push_str(&line);
        }
        line
    }

    /// What it answers at its socket.
    pub(crate) fn get(&self, path: &str) -> Answer {
        let head = format!("GET {path} HTTP/1.1\r\nhost: agent\r\nconnection: close\r\n\r\n");
        self.sends(&head)
    }

    /// What it answers to these bytes.
    pub(crate) fn sends(&self, request: &str) -> Answer {
        let mut connection = UnixStream::connect(&self.socket).unwrap();
        connection.write_all(request.as_bytes()).unwrap();
        Answer::read(connection)
    }

    pub(crate) fn tell(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.id()
    }

    /// How it ends, and the rest of what it says.
    pub(crate) fn end(mut self) -> (Option<i32>, String) {
        let mut rest = String::new();
        self.said.read_to_string(&mut rest).unwrap();
        (self.process.wait().unwrap().code(), rest)
    }

    /// Tells it to stop; everything that it said since.
    #[track_caller]
    pub(crate) fn stop(self) -> String {
        self.tell(Signal::TERM);
        let (code, rest) = self.end();
        assert_eq!(code, Some(0), "{rest}");
        rest
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Answer {
    pub(crate) fn read(mut connection: impl std::io::Read) -> Answer {
        let mut text = String::new();
        // Who is closed out may be so before all was sent.
        let _ = connection.read_to_string(&mut text);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
        let status = head
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        Answer {
            status: status.unwrap_or_default(),
            head: head.to_owned(),
            body: body.to_owned(),
        }
    }

    /// Whether it went well; the object.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        assert_eq!(self.status, 200, "{self:?}");
        serde_json::from_str(&self.body).unwrap()
    }

    #[track_caller]
    pub(crate) fn token(&self) -> String {
        self.json()["token"].as_str().unwrap().to_owned()
    }
}
