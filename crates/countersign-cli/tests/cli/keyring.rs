//! How does a test get a session bus of its own, and a keyring on it?

use std::{
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
};

/// GNOME Keyring, open, on a bus that nobody else is on. Both end when it is dropped.
pub(crate) struct Keyring {
    folder: tempfile::TempDir,
    bus: Child,
    keeper: Child,
    pub(crate) address: String,
}

impl Keyring {
    pub(crate) fn start() -> Keyring {
        let folder = tempfile::tempdir().unwrap();
        let runtime = folder.path().join("run");
        std::fs::create_dir(&runtime).unwrap();
        let mut bus = private(Command::new("dbus-daemon"), folder.path());
        let socket = format!("unix:path={}/bus", runtime.display());
        bus.args(["--session", "--nofork", "--nopidfile", "--print-address=1"])
            .args(["--address", &socket])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut bus = bus
            .spawn()
            .expect("dbus-daemon is missing; scripts/test installs it");
        let mut address = String::new();
        let mut lines = BufReader::new(bus.stdout.take().unwrap());
        lines.read_line(&mut address).unwrap();
        let address = address.trim().to_owned();

        let mut keeper = private(Command::new("gnome-keyring-daemon"), folder.path());
        keeper
            .args(["--unlock", "--foreground", "--components=secrets"])
            .env("DBUS_SESSION_BUS_ADDRESS", &address)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut keeper = keeper
            .spawn()
            .expect("gnome-keyring-daemon is missing; scripts/test installs gnome-keyring");
        keeper.stdin.take().unwrap().write_all(b"\n").unwrap();
        let mut said = String::new();
        let mut lines = BufReader::new(keeper.stdout.take().unwrap());
        lines.read_line(&mut said).unwrap(); // it says where it listens when it does
        let keyring = Keyring {
            folder,
            bus,
            keeper,
            address,
        };
        keyring.service("ReadAlias", "string:default");
        keyring
    }

    /// What the person would do at the end of a session.
    pub(crate) fn lock(&self) {
        let collection = "array:objpath:/org/freedesktop/secrets/collection/login";
        self.service("Lock", collection);
    }

    /// What the person would do with the password, which is empty.
    pub(crate) fn unlock(&self) {
        let mut command = self.command("gnome-keyring-daemon");
        command
            .arg("--unlock")
            .env("GNOME_KEYRING_CONTROL", self.runtime().join("keyring"))
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut unlocking = command.spawn().unwrap();
        unlocking.stdin.take().unwrap().write_all(b"\n").unwrap();
        assert!(unlocking.wait().unwrap().success());
    }

    /// The keys of ours, as another program finds them: their texts.
    pub(crate) fn keys(&self) -> Vec<String> {
        let found = self.secret_tool(&["search", "--all", "application", "countersign"]);
        let text = String::from_utf8(found.stdout).unwrap();
        let keys = text
            .lines()
            .filter_map(|line| line.strip_prefix("secret = "));
        keys.map(str::to_owned).collect()
    }

    /// Removes the keys of ours.
    pub(crate) fn forget(&self) {
        let cleared = self.secret_tool(&["clear", "application", "countersign"]);
        assert!(cleared.status.success(), "{cleared:?}");
        assert!(self.keys().is_empty());
    }

    fn secret_tool(&self, words: &[&str]) -> Output {
        let mut command = self.command("secret-tool");
        let output = command.args(words).stdin(Stdio::null()).output();
        output.expect("secret-tool is missing; scripts/test installs libsecret-tools")
    }

    /// Calls a method of the service, by a program that nobody here wrote.
    fn service(&self, method: &str, argument: &str) {
        let mut command = self.command("dbus-send");
        command
            .args(["--session", "--print-reply", "--reply-timeout=20000"])
            .args(["--dest=org.freedesktop.secrets", "/org/freedesktop/secrets"])
            .arg(format!("org.freedesktop.Secret.Service.{method}"))
            .arg(argument)
            .stdin(Stdio::null());
        let output = command.output();
        let output = output.expect("dbus-send is missing; scripts/test installs dbus-bin");
        assert!(output.status.success(), "{output:?}");
    }

    fn command(&self, program: &str) -> Command {
        let mut command = private(Command::new(program), self.folder.path());
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        command
    }

    fn runtime(&self) -> PathBuf {
        self.folder.path().join("run")
    }
}

impl Drop for Keyring {
    fn drop(&mut self) {
        for process in [&mut self.keeper, &mut self.bus] {
            let _ = process.kill();
            let _ = process.wait();
        }
    }
}

fn private(mut command: Command, home: &Path) -> Command {
    command
        .env_clear()
        .env("HOME", home)
        .env("XDG_RUNTIME_DIR", home.join("run"))
        .env("PATH", "/usr/bin:/bin");
    command
}
