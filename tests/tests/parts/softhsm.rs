//! How does a test get hardware tokens, and pull them out?
//!
//! SoftHSM reads its settings from the environment of its process, so a test with tokens of its own runs
//! in a process of its own: the same test, started again.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{HINT, command, countersign, openssl};

/// The module.
pub(crate) const MODULE: &str = "/usr/lib/softhsm/libsofthsm2.so";

/// OpenSC's module that writes down what is asked of another.
const SPIES: [&str; 2] = [
    "/usr/lib/x86_64-linux-gnu/pkcs11-spy.so",
    "/usr/lib/aarch64-linux-gnu/pkcs11-spy.so",
];

/// The PIN of every token.
pub(crate) const PIN: &str = "sekrit-pin-4711";

const SETTINGS: &str = "SOFTHSM2_CONF";
const OFFICERS_PIN: &str = "sekrit-officer-0815";

/// A folder of tokens, for this process and for its commands.
pub(crate) struct SoftHsm {
    folder: PathBuf,
}

/// Runs `body` in a process of its own, as the test of this name, with an empty folder of tokens.
#[track_caller]
pub(crate) fn alone(test: &str, body: impl AsyncFnOnce(&SoftHsm)) {
    if let Some(settings) = std::env::var_os(SETTINGS).map(PathBuf::from) {
        let folder = settings.parent().expect("settings of this part").to_owned();
        let hsm = SoftHsm { folder };
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(4)
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(body(&hsm));
        fs::write(hsm.folder.join("done"), "").expect("a folder");
        return;
    }
    assert!(Path::new(MODULE).exists(), "SoftHSM is not there; {HINT}");
    let folder = tempfile::tempdir().expect("a folder");
    let hsm = SoftHsm {
        folder: folder.path().to_owned(),
    };
    fs::create_dir(hsm.tokens()).expect("a folder");
    let settings = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        hsm.tokens().display()
    );
    fs::write(hsm.folder.join("softhsm2.conf"), settings).expect("a file");
    let this = std::env::current_exe().expect("a test has a file");
    let output = hsm
        .command(this)
        .args(["--exact", test, "--nocapture"])
        .output()
        .expect("it runs again");
    assert!(
        output.status.success() && hsm.folder.join("done").exists(),
        "{test}: {}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}

impl SoftHsm {
    /// A new token. Answers its URI, with the module in it.
    pub(crate) fn token(&self, label: &str) -> String {
        self.run("softhsm2-util", |tool| {
            tool.args(["--init-token", "--free", "--label", label]);
            tool.args(["--so-pin", OFFICERS_PIN, "--pin", PIN]);
        });
        format!("pkcs11:token={label}?module-path={MODULE}")
    }

    /// Makes a key that cannot be exported.
    pub(crate) fn key(&self, token: &str, label: &str, id: &str, kind: &str) {
        self.key_as(token, label, id, kind, &[]);
    }

    pub(crate) fn key_as(&self, token: &str, label: &str, id: &str, kind: &str, how: &[&str]) {
        let made = self.tool(token, |tool| {
            tool.args([
                "--keypairgen",
                "--key-type",
                kind,
                "--label",
                label,
                "--id",
                id,
            ]);
            tool.args(how);
        });
        let access = "sensitive, always sensitive, never extractable, local";
        assert!(made.contains(access), "{made}");
    }

    /// Asks for a certificate by the key, has it signed by OpenSSL, and puts it beside the key.
    /// Answers it as PEM.
    pub(crate) fn certificate(&self, token: &str, label: &str, id: &str, subject: &str) -> String {
        let pem = self.signed(token, label, subject);
        self.put_certificate(token, label, id, &pem);
        pem
    }

    /// A certificate of a key that is not in the token yet.
    pub(crate) fn signed(&self, token: &str, label: &str, subject: &str) -> String {
        let file = |name: &str| self.folder.join(name).display().to_string();
        let (request, signed) = (file("request.pem"), file("signed.pem"));
        let (authority, its_key) = (file("authority.pem"), file("authority.key"));
        if !Path::new(&authority).exists() {
            openssl(&[
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
                "-subj",
                "/CN=authority",
                "-days",
                "30",
                "-keyout",
                &its_key,
                "-out",
                &authority,
            ]);
        }
        let uri = format!("pkcs11:token={token};object={label}?module-path={MODULE}");
        let asked = self
            .command(countersign())
            .args(["cert", "request", subject, "--key", &uri])
            .output()
            .expect("it runs");
        assert!(
            asked.status.success(),
            "{}",
            String::from_utf8_lossy(&asked.stderr)
        );
        fs::write(&request, asked.stdout).expect("a file");
        openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            &authority,
            "-CAkey",
            &its_key,
            "-days",
            "30",
            "-copy_extensions",
            "copyall",
            "-out",
            &signed,
        ]);
        fs::read_to_string(&signed).expect("a certificate")
    }

    pub(crate) fn put_certificate(&self, token: &str, label: &str, id: &str, pem: &str) {
        let file = self.folder.join("put.pem");
        fs::write(&file, pem).expect("a file");
        self.tool(token, |tool| {
            tool.args([
                "--type",
                "cert",
                "--label",
                label,
                "--id",
                id,
                "--write-object",
            ]);
            tool.arg(&file);
        });
    }

    /// Takes the key away, and its certificate.
    pub(crate) fn remove(&self, token: &str, id: &str) {
        self.remove_key(token, id);
        self.remove_object(token, id, "cert");
    }

    pub(crate) fn remove_key(&self, token: &str, id: &str) {
        self.remove_object(token, id, "privkey");
        self.remove_public_half(token, id);
    }

    /// Takes the public half of a key away; the private one of an elliptic curve tells nothing of it.
    pub(crate) fn remove_public_half(&self, token: &str, id: &str) {
        self.remove_object(token, id, "pubkey");
    }

    fn remove_object(&self, token: &str, id: &str, kind: &str) {
        self.tool(token, |tool| {
            tool.args(["--delete-object", "--type", kind, "--id", id]);
        });
    }

    /// Where the tokens are that there are now, to pull out one of them.
    pub(crate) fn places(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.tokens()).expect("tokens");
        entries
            .map(|entry| entry.expect("a token").path())
            .collect()
    }

    /// Pulls all tokens out: SoftHSM then knows none of them, and those that are put in again only
    /// when it is started anew.
    pub(crate) fn pull_out(&self) {
        fs::rename(self.tokens(), self.folder.join("pulled-out")).expect("tokens");
    }

    pub(crate) fn put_in(&self) {
        fs::rename(self.folder.join("pulled-out"), self.tokens()).expect("tokens");
    }

    /// The module that writes down what is asked.
    pub(crate) fn spy() -> &'static str {
        let there = SPIES.into_iter().find(|spy| Path::new(spy).exists());
        there.unwrap_or_else(|| panic!("OpenSC's pkcs11-spy is not there; {HINT}"))
    }

    /// How often something was asked by way of the spy.
    pub(crate) fn asked(&self, function: &str) -> usize {
        let written = fs::read_to_string(self.folder.join("asked")).unwrap_or_default();
        let is_it = |line: &&str| line.ends_with(function);
        written.lines().filter(is_it).count()
    }

    /// A file of the folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A command that sees the tokens and may know the PIN.
    pub(crate) fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = command(program);
        command
            .env(SETTINGS, self.folder.join("softhsm2.conf"))
            .env("COUNTERSIGN_KEY_PASSWORD", PIN)
            .env("PKCS11SPY", MODULE)
            .env("PKCS11SPY_OUTPUT", self.folder.join("asked"))
            .env("HOME", &self.folder)
            .stdin(Stdio::null());
        for name in [
            "XDG_CONFIG_HOME",
            "XDG_STATE_HOME",
            "XDG_DATA_HOME",
            "COUNTERSIGN_CERT_STORE",
            "COUNTERSIGN_PKCS11_MODULE",
        ] {
            command.env_remove(name);
        }
        command
    }

    fn tokens(&self) -> PathBuf {
        self.folder.join("tokens")
    }

    fn tool(&self, token: &str, say: impl FnOnce(&mut Command)) -> String {
        self.run("pkcs11-tool", |tool| {
            tool.args([
                "--module",
                MODULE,
                "--token-label",
                token,
                "--login",
                "--pin",
                PIN,
            ]);
            say(tool);
        })
    }

    fn run(&self, program: &str, say: impl FnOnce(&mut Command)) -> String {
        let mut command = self.command(program);
        say(&mut command);
        let arguments: Vec<OsString> = command.get_args().map(Into::into).collect();
        let output = command
            .output()
            .unwrap_or_else(|error| panic!("{program}: {error}; {HINT}"));
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{program} {arguments:?}: {stderr}");
        String::from_utf8_lossy(&output.stdout).into_owned()
    }
}
