//! Does the platform run as the files of `deploy` have it run, with what they take away?
//!
//! Neither systemd as the first process nor a builder of containers is needed: the units are read by
//! `systemd-analyze`, and what they and the container take away is taken away by `unshare` and `strace`.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use http::Request;

use crate::parts::{self, command, countersign, serving::free_address};

/// Units of systemd, and of the manager of a user.
fn units() -> Vec<PathBuf> {
    let files = fs::read_dir(parts::root().join("deploy")).unwrap();
    let mut units: Vec<PathBuf> = files
        .map(|file| file.unwrap().path())
        .filter(|file| file.extension().is_some_and(|ending| ending == "service"))
        .collect();
    units.sort();
    assert!(!units.is_empty());
    units
}

/// What a unit says of a setting, in its order.
fn said(unit: &str, setting: &str) -> Vec<String> {
    let lines = unit.lines().filter_map(|line| line.split_once('='));
    lines
        .filter(|(name, _)| *name == setting)
        .map(|(_, value)| value.to_owned())
        .collect()
}

fn run(command: &mut Command) -> (bool, String) {
    let output = command
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; run scripts/test"));
    let text = [output.stdout, output.stderr].concat();
    (
        output.status.success(),
        String::from_utf8_lossy(&text).into_owned(),
    )
}

/// What keeps running until the test is over.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn systemd_analyze_has_nothing_to_say_against_the_units_and_finds_them_little_exposed() {
    for unit in units() {
        let name = unit.file_name().unwrap().to_string_lossy().into_owned();
        // The binary is where it was built, not where it will be installed.
        let folder = tempfile::tempdir().unwrap();
        let copy = folder.path().join(&name);
        let text = fs::read_to_string(&unit).unwrap();
        let built = countersign().display().to_string();
        fs::write(&copy, text.replace("/usr/bin/countersign", &built)).unwrap();
        // Where it needs a socket, that stands beside it.
        let socket = unit.with_extension("socket");
        if socket.exists() {
            fs::copy(&socket, copy.with_extension("socket")).unwrap();
        }
        let manager = match said(&text, "WantedBy").contains(&"default.target".to_owned()) {
            true => "--user",
            false => "--system",
        };
        let mut verify = command("systemd-analyze");
        let verify = verify.args([manager, "--man=no", "verify"]).arg(&copy);
        let verify = verify.env("XDG_RUNTIME_DIR", folder.path());
        let (well, complaint) = run(verify);
        let about_it = complaint.lines().filter(|line| line.contains(&name));
        let about_it: Vec<&str> = about_it.collect();
        assert!(well && about_it.is_empty(), "{complaint}");
        if manager == "--user" {
            // Most of what is counted is not for a user's manager to take away.
            continue;
        }
        // 15 of 100; without any protection it is 96.
        let mut security = command("systemd-analyze");
        let security =
            security.args(["security", "--offline=true", "--threshold=15", "--no-pager"]);
        let (well, table) = run(security.arg(&unit));
        assert!(well, "{table}");
    }
}

#[test]
fn what_the_units_and_the_container_start_are_verbs_and_options_that_there_are() {
    let mut lines: Vec<String> = Vec::new();
    for unit in units() {
        let text = fs::read_to_string(unit).unwrap();
        for setting in ["ExecStart", "ExecStartPre", "ExecReload", "ExecStop"] {
            lines.extend(said(&text, setting));
        }
    }
    let container = fs::read_to_string(parts::root().join("deploy/Containerfile")).unwrap();
    for line in container
        .lines()
        .filter_map(|line| line.trim().strip_prefix("CMD ["))
    {
        let words = line.trim_end_matches(']').split(", ");
        let words: Vec<&str> = words.map(|word| word.trim_matches('"')).collect();
        let words = words.iter().filter(|word| **word != "/usr/bin/countersign");
        let words: Vec<&str> = words.copied().collect();
        lines.push(format!("/usr/bin/countersign {}", words.join(" ")));
    }
    let ours: Vec<_> = lines
        .iter()
        .filter_map(|line| line.strip_prefix("/usr/bin/countersign "))
        .collect();
    assert!(ours.len() >= 3, "{lines:?}");
    for line in ours {
        let words: Vec<&str> = line.split(' ').collect();
        let verb = words[0];
        let (well, help) = run(command(countersign()).args([verb, "--help"]));
        assert!(well, "{verb}: {help}");
        for option in words.iter().filter(|word| word.starts_with("--")) {
            let is_there = help.split_whitespace().any(|word| word == *option);
            assert!(is_there, "{line}: {help}");
        }
    }
}

/// Settings and a certificate for a platform in this folder, which is reached here.
fn settings(folder: &Path, listen: &str, store: &str) -> PathBuf {
    let file = folder.join("countersign.toml");
    let text = format!(
        "issuer = \"http://{listen}\"\n[listen]\naddress = \"{listen}\"\n\
         [store]\nurl = \"sqlite:{store}/countersign.db\"\n\
         [secrets]\nfile = \"{store}/countersign.secrets\"\n"
    );
    fs::write(&file, text).unwrap();
    file
}

async fn is_ready(address: &str, running: &mut Running) {
    let transport = countersign::HttpTransport::builder()
        .no_proxy()
        .build()
        .unwrap();
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    loop {
        tick.tick().await;
        if let Some(status) = running.0.try_wait().unwrap() {
            panic!("it ended with {status}");
        }
        let request = Request::get(format!("http://{address}/readyz")).body(Vec::new());
        let answer = countersign::Transport::send(&transport, request.unwrap()).await;
        if answer.is_ok_and(|answer| answer.status() == 200) {
            return;
        }
    }
}

// security.md 145
#[tokio::test]
async fn the_files_of_the_container_serve_as_a_root_of_their_own_that_nobody_can_write() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let made = command(parts::root().join("deploy/rootfs"))
        .args([countersign().as_os_str(), root.as_os_str()])
        .status();
    assert!(made.unwrap().success());
    assert!(!root.join("bin").exists(), "there is no shell");
    let address = free_address().to_string();
    settings(
        &root.join("etc/countersign"),
        &address,
        "/var/lib/countersign",
    );
    // As a runtime does: a root that is read only, a volume, no right of root's and none to be had.
    let serve = "/usr/bin/countersign serve --config /etc/countersign/countersign.toml";
    let inside = |words: &str| {
        format!(
            "exec setpriv --no-new-privs unshare --user --map-user=65532 --map-group=65532 \
             --root=root {words}"
        )
    };
    let script = format!(
        "set -e\nmount --bind root root\nmount -o remount,bind,ro root\n\
         mount -t tmpfs -o mode=700 tmpfs root/var/lib/countersign\nmount -t tmpfs tmpfs root/tmp\n\
         ({serving}) 3>&- &\nserver=$!\ntrap 'kill $server' EXIT\n\
         read -r go\n({probe})\n({other}) && exit 9\nread -r go\n",
        serving = inside(serve),
        probe = inside(&format!("{serve} --probe")),
        other = inside("/usr/bin/countersign cert new CN=a --out /etc/countersign/a.pem"),
    );
    let mut shell = command("unshare");
    shell
        .args(["--user", "--map-root-user", "--mount", "sh", "-c", &script])
        .current_dir(folder.path())
        .env("HOME", "/var/lib/countersign")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut running = Running(shell.spawn().expect("unshare of util-linux"));
    is_ready(&address, &mut running).await;
    let mut stdin = running.0.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"go\n").unwrap();
    // It has no rights left, and gets none.
    let status = status_of(
        &format!("serve\0--config\0{}", "/etc/countersign/countersign.toml"),
        &address,
    );
    assert!(
        status.contains("NoNewPrivs:\t1") && status.contains("CapEff:\t0000000000000000"),
        "{status}"
    );
    drop(stdin);
    let output = tokio::task::spawn_blocking(move || {
        let mut said = String::new();
        let mut stderr = running.0.stderr.take().unwrap();
        let _ = running.0.wait();
        std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
        said
    })
    .await
    .unwrap();
    assert!(output.contains("is ready"), "{output}");
    assert!(output.contains("Read-only file system"), "{output}");
}

/// What the kernel says of our process with these words.
fn status_of(words: &str, address: &str) -> String {
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        let settings = entry.path().join("root/etc/countersign/countersign.toml");
        let is_ours = fs::read_to_string(settings).is_ok_and(|text| text.contains(address));
        if line.contains(words) && !line.contains("--probe") && is_ours {
            return fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        }
    }
    panic!("it does not run")
}

/// The system calls that are permitted by the filter of the unit, by systemd's own lists.
fn permitted(unit: &str) -> BTreeSet<String> {
    let list = |set: &str| -> BTreeSet<String> {
        let (well, text) = run(command("systemd-analyze").args(["syscall-filter", set]));
        assert!(well, "{text}");
        let names = text.lines().skip(1).map(str::trim);
        names
            .filter(|name| !name.is_empty() && !name.starts_with('#'))
            .flat_map(|name| match name.strip_prefix('@') {
                Some(_) => with(name),
                None => BTreeSet::from([name.to_owned()]),
            })
            .collect()
    };
    fn with(set: &str) -> BTreeSet<String> {
        let (_, text) = run(command("systemd-analyze").args(["syscall-filter", set]));
        let mut names = BTreeSet::new();
        for name in text.lines().skip(1).map(str::trim) {
            if name.starts_with('@') {
                names.extend(with(name));
            } else if !name.is_empty() && !name.starts_with('#') {
                names.insert(name.to_owned());
            }
        }
        names
    }
    let mut permitted = BTreeSet::new();
    for filter in said(unit, "SystemCallFilter") {
        match filter.strip_prefix('~') {
            None => permitted.extend(list(&filter)),
            Some(denied) => {
                let denied = list(denied);
                permitted.retain(|name| !denied.contains(name));
            }
        }
    }
    permitted
}

// security.md 145
#[tokio::test]
async fn under_strace_the_platform_makes_no_system_call_that_the_unit_denies() {
    let unit = fs::read_to_string(parts::root().join("deploy/countersign.service")).unwrap();
    let permitted = permitted(&unit);
    assert!(permitted.contains("read") && !permitted.contains("chroot"));
    let folder = tempfile::tempdir().unwrap();
    let address = free_address().to_string();
    let file = settings(folder.path(), &address, ".");
    let trace = folder.path().join("trace");
    // SQLite gives away its files where it is root, which the service is not.
    let mut strace = command("unshare");
    strace
        .args(["--user", "--map-user=65532", "--map-group=65532", "strace"])
        .args(["--follow-forks", "--seccomp-bpf", "-o"])
        .arg(&trace)
        .arg(countersign())
        .args(["serve", "--config"])
        .arg(&file)
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stderr(Stdio::null());
    let mut running = Running(strace.spawn().expect("strace, which scripts/test installs"));
    is_ready(&address, &mut running).await;
    // It is its own first process that was traced: told to stop, it ends, and strace with it.
    let traced = fs::read_to_string(&trace).unwrap();
    let pid = traced.split_whitespace().next().unwrap().to_owned();
    let (well, complaint) = run(command("kill").args(["-TERM", &pid]));
    assert!(well, "{complaint}");
    let ended = tokio::task::spawn_blocking(move || running.0.wait()).await;
    assert!(ended.unwrap().unwrap().success());
    let traced = fs::read_to_string(&trace).unwrap();
    let mut called = BTreeSet::new();
    for line in traced.lines() {
        let call = line
            .split_once(char::is_whitespace)
            .map_or("", |(_, call)| call.trim());
        let Some((name, arguments)) = call.split_once('(') else {
            continue;
        };
        if name
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
        {
            called.insert(name.to_owned());
            // MemoryDenyWriteExecute.
            let both = arguments.contains("PROT_WRITE") && arguments.contains("PROT_EXEC");
            assert!(!both, "{line}");
            // RestrictAddressFamilies.
            let family = arguments.split([',', ')']).next().unwrap_or_default();
            let families = ["AF_INET", "AF_INET6", "AF_UNIX"];
            assert!(name != "socket" || families.contains(&family), "{line}");
        }
    }
    assert!(called.len() > 20, "{called:?}");
    let denied: Vec<_> = called.difference(&permitted).collect();
    assert!(denied.is_empty(), "{denied:?}");
}

#[test]
fn nobody_but_its_owner_reads_what_the_files_of_the_container_keep() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("root");
    let make = || {
        command(parts::root().join("deploy/rootfs"))
            .args([countersign().as_os_str(), root.as_os_str()])
            .stderr(Stdio::null())
            .status()
            .unwrap()
            .success()
    };
    assert!(make());
    let mode = |path: &str| fs::metadata(root.join(path)).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode("var/lib/countersign"), 0o700);
    assert_eq!(mode("etc/countersign"), 0o755);
    assert!(!make(), "a root that is there is not written over");
}
