//! How does a test get a session bus of its own, and a keyring on it?

use std::{
    io::{BufRead, BufReader, Write},
    path::Path,
    process::{Child, Command, Output, Stdio},
};

/// A session bus that nobody else is on. It ends when it is dropped, and its folder is its home.
pub(crate) struct Bus {
    folder: tempfile::TempDir,
    daemon: Child,
    pub(crate) address: String,
}

/// GNOME Keyring, open, on a bus of its own.
pub(crate) struct Keyring {
    keeper: Child,
    bus: Bus,
    pub(crate) address: String,
}

impl Bus {
    /// The bus of a session, which starts what is installed and asked for.
    pub(crate) fn of_a_session() -> Bus {
        Bus::start(|_, socket| {
            vec![
                "--session".to_owned(),
                format!("--address=unix:path={}", socket.display()),
            ]
        })
    }

    /// A bus that starts nothing.
    pub(crate) fn alone() -> Bus {
        Bus::start(|folder, socket| {
            let settings = folder.join("bus.conf");
            let socket = socket.display();
            let text = format!(
                "<busconfig><type>session</type><listen>unix:path={socket}</listen>\
                 <policy context=\"default\"><allow send_destination=\"*\" eavesdrop=\"true\"/>\
                 <allow eavesdrop=\"true\"/><allow own=\"*\"/></policy>\
                 </busconfig>"
            );
            std::fs::write(&settings, text).unwrap();
            vec![format!("--config-file={}", settings.display())]
        })
    }

    fn start(words: impl FnOnce(&Path, &Path) -> Vec<String>) -> Bus {
        let folder = tempfile::tempdir().unwrap();
        let runtime = folder.path().join("run");
        std::fs::create_dir(&runtime).unwrap();
        let mut daemon = private(Command::new("dbus-daemon"), folder.path());
        daemon
            .args(words(folder.path(), &runtime.join("bus")))
            .args(["--nofork", "--nopidfile", "--print-address=1"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut daemon = daemon
            .spawn()
            .expect("dbus-daemon is missing; scripts/test installs it");
        let mut address = String::new();
        let mut lines = BufReader::new(daemon.stdout.take().unwrap());
        lines.read_line(&mut address).unwrap();
        Bus {
            folder,
            daemon,
            address: address.trim().to_owned(),
        }
    }
}

impl Keyring {
    pub(crate) fn start() -> Keyring {
        let bus = Bus::of_a_session();
        let keyring = Keyring {
            address: bus.address.clone(),
            keeper: keeper(&bus),
            bus,
        };
        keyring.is_open();
        keyring
    }

    /// What the person would do at the end of a session.
    pub(crate) fn lock(&self) {
        let collection = "array:objpath:/org/freedesktop/secrets/collection/login";
        self.service("Lock", collection);
    }

    /// What happens when the person begins another one.
    pub(crate) fn unlock(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
        self.keeper = keeper(&self.bus);
        self.is_open();
    }

    /// Whether it answers, and is the one that was opened.
    #[track_caller]
    fn is_open(&self) {
        let mut command = self.command("dbus-send");
        command
            .args(["--session", "--print-reply", "--reply-timeout=20000"])
            .args([
                "--dest=org.freedesktop.secrets",
                "/org/freedesktop/secrets/aliases/default",
            ])
            .arg("org.freedesktop.DBus.Properties.Get")
            .args(["string:org.freedesktop.Secret.Collection", "string:Locked"])
            .stdin(Stdio::null());
        let output = command.output();
        let output = output.expect("dbus-send is missing; scripts/test installs dbus-bin");
        let answer = String::from_utf8_lossy(&output.stdout);
        assert!(answer.contains("boolean false"), "{output:?}");
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

    /// Adds a key, as a program of another folder would that made one at the same moment.
    pub(crate) fn add(&self, id: &str, text: &str) {
        let mut command = self.command("secret-tool");
        command
            .args(["store", "--label=another key", "application", "countersign"])
            .args(["purpose", "token-cache", "key", id])
            .stdin(Stdio::piped());
        let mut storing = command.spawn().unwrap();
        let mut input = storing.stdin.take().unwrap();
        input.write_all(text.as_bytes()).unwrap();
        drop(input);
        assert!(storing.wait().unwrap().success());
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
        let mut command = private(Command::new(program), self.bus.folder.path());
        command.env("DBUS_SESSION_BUS_ADDRESS", &self.address);
        command
    }
}

/// The program that keeps the secrets of this session, opened by the empty password.
fn keeper(bus: &Bus) -> Child {
    let mut keeper = private(Command::new("gnome-keyring-daemon"), bus.folder.path());
    keeper
        .args(["--unlock", "--foreground", "--components=secrets"])
        .env("DBUS_SESSION_BUS_ADDRESS", &bus.address)
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
    keeper
}

impl Drop for Keyring {
    fn drop(&mut self) {
        let _ = self.keeper.kill();
        let _ = self.keeper.wait();
    }
}

impl Drop for Bus {
    fn drop(&mut self) {
        let _ = self.daemon.kill();
        let _ = self.daemon.wait();
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
