//! Do the pages on logs and metrics say what a platform says: all of it, and nothing else?

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use countersign::proto::management::{NewPassword, Principal};
use http::Request;
use serde_json::Value;

use crate::parts::{self, serving::Site};

/// A message of the log: its level, its words, and its fields.
type Messages = BTreeMap<(String, String), BTreeSet<String>>;

fn page(name: &str) -> String {
    fs::read_to_string(parts::root().join("docs").join(name)).unwrap()
}

/// The rows under this heading of a page, as their cells.
fn rows<'a>(page: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let lines = page.lines().skip_while(|line| *line != heading).skip(1);
    let section = lines.take_while(|line| !line.starts_with("## "));
    let rows = section.filter_map(|line| line.strip_prefix("| ")?.strip_suffix('|'));
    // The first two are the names of the columns and a rule.
    let rows = rows.map(|row| row.split('|').map(str::trim).collect());
    rows.filter(|cells: &Vec<&str>| !cells[0].starts_with("---"))
        .skip(1)
        .collect()
}

/// What stands between ticks.
fn ticked(cell: &str) -> BTreeSet<String> {
    let pieces = cell.split('`').skip(1).step_by(2);
    pieces.map(str::to_owned).collect()
}

fn documented() -> Messages {
    let page = page("logs.md");
    let rows = rows(&page, "## Messages");
    rows.iter()
        .map(|cells| ((cells[0].to_owned(), cells[1].to_owned()), ticked(cells[2])))
        .collect()
}

/// Every message that the source can log.
fn written() -> Messages {
    let mut messages = Messages::new();
    for folder in ["countersign-server", "countersign-cli"] {
        for file in rust_files(parts::root().join("crates").join(folder).join("src")) {
            let text = fs::read_to_string(&file).unwrap();
            let text = text.split("\n#[cfg(test)]").next().unwrap();
            for (at, named) in text.match_indices("tracing::") {
                let Some((level, rest)) = text[at + named.len()..].split_once("!(") else {
                    continue;
                };
                if !["error", "warn", "info", "debug", "trace"].contains(&level) {
                    continue;
                }
                let (message, fields) = read(rest);
                let known = messages.entry((level.to_owned(), message)).or_default();
                known.extend(fields);
            }
        }
    }
    messages
}

fn rust_files(folder: PathBuf) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let entries = entries.map(|entry| entry.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true if path.ends_with("tests") => Vec::new(),
            true => rust_files(path),
            false => vec![path],
        })
        .filter(|path| path.extension().is_some_and(|ending| ending == "rs"))
        .collect()
}

/// The arguments of a macro up to the bracket that ends it: its message and its fields.
fn read(call: &str) -> (String, Vec<String>) {
    let (mut depth, mut quoted, mut escaped) = (1, false, false);
    let mut arguments = vec![String::new()];
    for c in call.chars() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            '(' | '[' | '{' if !quoted => depth += 1,
            ')' | ']' | '}' if !quoted => depth -= 1,
            ',' if !quoted && depth == 1 => {
                arguments.push(String::new());
                continue;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
        arguments.last_mut().unwrap().push(c);
    }
    let (mut message, mut fields) = (String::new(), Vec::new());
    for argument in arguments.iter().map(|argument| argument.trim()) {
        if let Some(text) = argument.strip_prefix('"') {
            let lines = text.trim_end_matches('"').split("\\\n");
            message = lines.map(str::trim_start).collect();
        } else if !argument.is_empty() && !argument.starts_with("target:") {
            let name = argument.trim_start_matches(['%', '?']);
            let end = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            fields.push(name[..end.unwrap_or(name.len())].to_owned());
        }
    }
    (message, fields)
}

#[test]
fn the_page_on_logs_lists_every_message_that_is_written_with_its_fields_and_no_other() {
    let (documented, written) = (documented(), written());
    assert!(written.len() > 20, "{written:?}");
    assert_eq!(documented, written);
    // And each field has its meaning.
    let page = page("logs.md");
    let explained: BTreeSet<String> = rows(&page, "## Fields")
        .iter()
        .flat_map(|cells| ticked(cells[0]))
        .collect();
    let mut used: BTreeSet<String> = written.into_values().flatten().collect();
    used.insert("message".to_owned());
    assert_eq!(explained, used);
}

/// Requests that go well, that are refused, and of which the platform makes an event.
async fn scene(site: &Site) {
    let admin = site.admin();
    admin
        .create_principal(&Principal {
            name: "alice".to_owned(),
            display_name: String::new(),
            roles: Vec::new(),
            enabled: true,
            password_set_at: None,
        })
        .await
        .unwrap();
    let password = NewPassword::new("violet kettle harbour 42");
    admin.set_password("alice", &password).await.unwrap();
    let transport = site.transport();
    for (path, body) in [
        (
            "/oauth2/token",
            "grant_type=client_credentials&client_assertion=x",
        ),
        ("/oauth2/introspect", "token=x"),
        ("/nowhere", ""),
    ] {
        let request = Request::post(format!("{}{path}", site.issuer()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body.as_bytes().to_vec())
            .unwrap();
        let answer = transport.send(request).await.unwrap();
        assert!(!answer.status().is_success());
    }
}

#[tokio::test]
async fn what_a_platform_logs_in_a_scene_is_what_the_page_says() {
    let json = "[log]\nformat = \"json\"\nfilter = \"trace,hyper=off\"\n";
    let site = Site::with("sqlite:platform.db", json);
    let running = site.start().await;
    scene(&site).await;
    assert!(running.terminate().await.success());
    let log = site.log();
    let documented = documented();
    let page = page("logs.md");
    let members: BTreeSet<String> = rows(&page, "## Forms")
        .iter()
        .flat_map(|cells| ticked(cells[0]))
        .collect();
    let mut seen = Messages::new();
    let lines = log.lines().filter(|line| line.starts_with('{'));
    for line in lines {
        let line: Value = serde_json::from_str(line).unwrap();
        let object = line.as_object().unwrap();
        let target = line["target"].as_str().unwrap();
        // Other libraries say what they like below `info`.
        if !target.starts_with("countersign") {
            continue;
        }
        let names: BTreeSet<String> = object.keys().cloned().collect();
        assert_eq!(names, members, "{line}");
        let level = line["level"].as_str().unwrap().to_lowercase();
        let fields = line["fields"].as_object().unwrap();
        let message = fields["message"].as_str().unwrap().to_owned();
        let known = seen.entry((level, message)).or_default();
        known.extend(fields.keys().filter(|name| *name != "message").cloned());
    }
    for (message, fields) in &seen {
        let listed = documented.get(message);
        let listed = listed.unwrap_or_else(|| panic!("{message:?} is not in docs/logs.md"));
        assert!(fields.is_subset(listed), "{message:?}: {fields:?}");
    }
    let request = ("info".to_owned(), "request".to_owned());
    let of_requests = BTreeSet::from(
        ["request_id", "method", "route", "status", "us", "cause"].map(str::to_owned),
    );
    assert!(
        seen[&request].is_superset(&of_requests),
        "{:?}",
        seen[&request]
    );
    assert!(
        seen.contains_key(&("warn".to_owned(), "event".to_owned())),
        "{seen:?}"
    );
}

#[tokio::test]
async fn the_log_for_people_has_the_same_messages_and_fields() {
    let site = Site::new("sqlite:platform.db");
    let running = site.start().await;
    scene(&site).await;
    assert!(running.terminate().await.success());
    let log = site.log();
    let line = log
        .lines()
        .find(|line| line.contains("route=\"/oauth2/introspect\""));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    let mut words = line.split_whitespace();
    let moment = words.next().unwrap();
    assert!(moment.ends_with('Z') && moment.contains('T'), "{line}");
    assert_eq!(words.next(), Some("INFO"));
    assert!(
        words.next().unwrap().starts_with("countersign_server::"),
        "{line}"
    );
    assert_eq!(words.next(), Some("request"));
    for field in ["request_id=", "method=POST", "status=401", "us="] {
        assert!(line.contains(field), "{line}");
    }
}

#[tokio::test]
async fn what_a_scrape_finds_after_a_scene_is_in_the_page() {
    let site = Site::new("sqlite:platform.db");
    let running = site.start().await;
    scene(&site).await;
    let request = Request::get(format!("{}/metrics", site.issuer())).body(Vec::new());
    let answer = site.transport().send(request.unwrap()).await.unwrap();
    let text = String::from_utf8(answer.body().to_vec()).unwrap();
    let page = page("metrics.md");
    let listed: BTreeSet<(String, String)> = page
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .map(|line| {
            let (name, rest) = line.split_once("` | ").unwrap();
            (name.to_owned(), rest.split(" |").next().unwrap().to_owned())
        })
        .collect();
    let scraped: BTreeSet<(String, String)> = text
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '))
        .map(|(name, kind)| (name.to_owned(), kind.to_owned()))
        .collect();
    assert!(scraped.len() > 12, "{text}");
    let unknown: Vec<_> = scraped.difference(&listed).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    // What never happened here: nobody signed in by a browser, no provider was asked, and there is no webhook.
    let missing: Vec<_> = listed
        .difference(&scraped)
        .map(|(name, _)| name.as_str())
        .collect();
    for name in &missing {
        let never = [
            "countersign_event_deliveries_total",
            "countersign_forwarded_total",
            "countersign_sign_ins_total",
            "countersign_logins_ended_total",
        ];
        assert!(never.contains(name), "{missing:?}\n{text}");
    }
    // An alert speaks of metrics that there are.
    for word in page.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
        let name = word.trim_end_matches("_bucket").trim_end_matches("_count");
        let is_metric = word.starts_with("countersign_") && word != "countersign_";
        assert!(
            !is_metric || listed.iter().any(|(known, _)| known == name),
            "{word}"
        );
    }
    drop(running);
}
