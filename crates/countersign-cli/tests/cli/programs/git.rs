//! Does git get our token for the servers that were named, and for no other?

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{HINT, Service};
use crate::world::{Platform, Ran, ran};

/// A platform, a repository that a site shows to whoever has its token, and where git is at home.
struct Scene {
    platform: Platform,
    token_file: PathBuf,
    site: PathBuf,
}

fn git(home: &Path, words: &[&str]) -> Command {
    let mut command = Command::new("git");
    command
        .args(words)
        .env_clear()
        .env("HOME", home)
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("NO_PROXY", "*")
        .current_dir(home)
        .stdin(Stdio::null());
    command
}

impl Scene {
    fn new() -> Scene {
        let platform = Platform::start();
        let home = platform.home.path().to_owned();
        let token_file = home.join("token");
        std::fs::write(&token_file, platform.run("token").ok()).unwrap();
        let site = home.join("site");
        let run = |words: &[&str]| {
            let output = git(&home, words).output();
            let output = output.unwrap_or_else(|error| panic!("git: {error}; {HINT}"));
            assert!(output.status.success(), "{words:?}: {output:?}");
        };
        run(&["init", "--quiet", "work"]);
        let author = ["-c", "user.name=a", "-c", "user.email=a@example"];
        run(&[
            &author[..],
            &[
                "-C",
                "work",
                "commit",
                "--quiet",
                "--allow-empty",
                "-m",
                "first",
            ],
        ]
        .concat());
        run(&["clone", "--quiet", "--bare", "work", "site/team/stock.git"]);
        run(&["-C", "site/team/stock.git", "update-server-info"]);
        Scene {
            platform,
            token_file,
            site,
        }
    }

    fn serve(&self, challenge: &str) -> Service {
        Service::start(
            "bearer_site.py",
            &[&self.site, &self.token_file, Path::new(challenge)],
        )
    }

    /// Tells git that we help, as the page says it.
    fn helper(&self, words: &str) {
        let program = env!("CARGO_BIN_EXE_countersign");
        let helper = format!("[credential]\n\thelper = \"!{program} git-credential {words}\"\n");
        std::fs::write(self.platform.home.path().join(".gitconfig"), helper).unwrap();
    }

    fn ls_remote(&self, service: &Service) -> Ran {
        let url = format!("{}/team/stock.git", service.address);
        ran(&mut git(self.platform.home.path(), &["ls-remote", &url]))
    }

    /// What `git credential` answers to these lines.
    fn credential(&self, action: &str, lines: &str) -> Ran {
        let mut command = git(self.platform.home.path(), &["credential", action]);
        reading(&mut command, lines)
    }

    /// What our helper answers when it is called as git calls it.
    fn asked(&self, words: &str, lines: &str) -> Ran {
        reading(
            &mut self
                .platform
                .home
                .command(&format!("git-credential {words}")),
            lines,
        )
    }
}

fn reading(command: &mut Command, lines: &str) -> Ran {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut process = command.spawn().unwrap();
    process
        .stdin
        .take()
        .unwrap()
        .write_all(lines.as_bytes())
        .unwrap();
    let output = process.wait_with_output().unwrap();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Whether this git knows schemes besides Basic: 2.46 and later.
fn knows_authtype(home: &Path) -> bool {
    let told = git(home, &["credential", "capability"]).output().unwrap();
    String::from_utf8_lossy(&told.stdout).contains("capability authtype")
}

#[test]
fn real_git_lists_a_repository_by_our_token_as_a_password_and_as_a_bearer_token() {
    let scene = Scene::new();
    let bearer = knows_authtype(scene.platform.home.path());
    for (challenge, scheme, user) in [
        ("Basic realm=\"x\"", "basic", Some("oauth2")),
        ("Bearer realm=\"x\"", "bearer", None),
    ] {
        let service = scene.serve(challenge);
        scene.helper(&format!("--for {} --profile dev", service.address));
        let listed = scene.ls_remote(&service);
        if scheme == "bearer" && !bearer {
            assert_ne!(listed.code, 0, "an old git cannot do that: {listed:?}");
            continue;
        }
        assert!(listed.ok().contains("\tHEAD\n"));
        let asked = service.ends();
        let right = asked
            .iter()
            .find(|asked| asked["right"] == true)
            .expect("it was let in");
        assert_eq!(
            (&right["scheme"], &right["user"]),
            (&scheme.into(), &user.into()),
            "{asked:?}"
        );
        for asked in asked {
            let path = asked["path"].as_str().unwrap();
            assert!(!path.contains("eyJ"), "a token in an address: {path}");
        }
    }
}

// security.md 130
#[test]
fn real_git_gets_nothing_for_a_server_that_was_not_named_and_no_error() {
    let scene = Scene::new();
    let (named, other) = (scene.serve("Basic"), scene.serve("Basic"));
    scene.helper(&format!("--for {} --profile dev", named.address));
    assert_ne!(scene.ls_remote(&other).code, 0);
    let asked = other.ends();
    assert!(!asked.is_empty());
    for asked in &asked {
        assert_eq!(asked["scheme"], "", "it was shown something: {asked}");
    }
    scene.ls_remote(&named).ok();
}

#[test]
fn real_git_fills_a_credential_with_its_end_and_has_a_refused_one_replaced() {
    let scene = Scene::new();
    scene.helper("--for https://git.example --profile dev");
    let ends = scene.platform.run("token --decode --output json").json()["claims"]["exp"]
        .as_u64()
        .unwrap();
    let filled = scene
        .credential("fill", "protocol=https\nhost=git.example\n\n")
        .ok();
    let line = |name: &str| {
        let mut lines = filled.lines().filter_map(|line| line.split_once('='));
        lines
            .find(|(found, _)| *found == name)
            .unwrap_or_else(|| panic!("{filled}"))
            .1
            .to_owned()
    };
    let token = scene.platform.run("token").ok().trim().to_owned();
    assert_eq!(
        (line("username"), line("password")),
        ("oauth2".to_owned(), token.clone())
    );
    let told: u64 = line("password_expiry_utc").parse().unwrap();
    assert!(told.abs_diff(ends) <= 2, "{told} {ends}");

    scene.credential("approve", &filled).ok();
    assert_eq!(
        scene.platform.run("token").ok().trim(),
        token,
        "to store it changes nothing"
    );
    scene
        .credential("reject", &filled.replace(&token, "another"))
        .ok();
    assert_eq!(
        scene.platform.run("token").ok().trim(),
        token,
        "it was another's"
    );
    scene.credential("reject", &filled).ok();
    let next = scene
        .credential("fill", "protocol=https\nhost=git.example\n\n")
        .ok();
    assert!(
        !next.contains(&token) && next.contains("password=eyJ"),
        "a new one"
    );
}

// security.md 130
#[test]
fn a_helper_says_nothing_to_whoever_is_not_named_and_does_not_fail() {
    let scene = Scene::new();
    for (words, lines) in [
        (
            "--for https://git.example get",
            "protocol=https\nhost=evil.example\n\n",
        ),
        (
            "--for https://git.example get",
            "protocol=http\nhost=git.example\n\n",
        ),
        (
            "--for https://git.example get",
            "protocol=https\nhost=git.example:8443\n\n",
        ),
        (
            "--for https://git.example get",
            "protocol=https\nhost=git.example@evil.example\n\n",
        ),
        (
            "--for https://git.example/team get",
            "protocol=https\nhost=git.example\n\n",
        ),
        (
            "--for https://git.example/team get",
            "protocol=https\nhost=git.example\npath=other.git\n\n",
        ),
        ("--for https://git.example get", "\n"),
        (
            "--for https://git.example store",
            "protocol=https\nhost=git.example\nusername=u\npassword=p\n\n",
        ),
        (
            "--for https://git.example something-new",
            "protocol=https\nhost=git.example\n\n",
        ),
        // A profile that is not there matters only where it would be used.
        (
            "--for https://git.example --profile nobody get",
            "protocol=https\nhost=evil.example\n\n",
        ),
    ] {
        let ran = scene.asked(words, lines);
        assert_eq!(
            (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
            (0, "", ""),
            "{words} {lines}"
        );
    }
    for (words, lines) in [
        (
            "--for http://git.example get",
            "protocol=http\nhost=git.example\n\n",
        ),
        (
            "--for https://u:canary@git.example get",
            "protocol=https\nhost=git.example\n\n",
        ),
        ("--for https://git.example get", "canary\n"),
        (
            "--for https://git.example --username a:b get",
            "protocol=https\nhost=git.example\n\n",
        ),
    ] {
        let ran = scene.asked(words, lines);
        assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{words}");
        assert!(!ran.stderr.contains("canary"), "{ran:?}");
    }
}

#[test]
fn a_helper_takes_the_user_that_git_names_and_answers_below_a_path() {
    let scene = Scene::new();
    let asked = "protocol=https\nhost=git.example\npath=team/stock.git\nusername=alice\n\n";
    let got = scene
        .asked("--for https://git.example/team get", asked)
        .ok();
    assert!(got.starts_with("username=alice\npassword=eyJ"));
    let bearer = format!("capability[]=authtype\n{asked}");
    let got = scene
        .asked("--for https://git.example/team get", &bearer)
        .ok();
    let names: Vec<_> = got
        .lines()
        .map(|line| line.split('=').next().unwrap())
        .collect();
    assert_eq!(
        names,
        [
            "capability[]",
            "authtype",
            "credential",
            "ephemeral",
            "password_expiry_utc"
        ]
    );
    let got = scene
        .asked("--for https://git.example/team --scheme basic get", &bearer)
        .ok();
    assert!(got.starts_with("username=alice\n"));
}
