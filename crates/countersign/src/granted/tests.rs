//! Is the right granted token presented, and only where it belongs?

use std::time::Duration;

use serde_json::json;

use super::*;
use crate::{
    admin::Admin,
    scripted::{Answer, ISSUER, Scripted, TestClock, answer, ok},
};

const FIRST: &str =
    "csn_pat_02wq5mOzTzPWGCpJqKQcwjj7HwfYr75nnrVBQZywhozc3nYt2bmKMFumbyICHGPU03Qki4o";

struct File {
    folder: tempfile::TempDir,
}

impl File {
    fn new(content: &str) -> File {
        let file = File {
            folder: tempfile::tempdir().unwrap(),
        };
        file.write(content);
        file
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("token")
    }

    fn write(&self, content: &str) {
        std::fs::write(self.path(), content).unwrap();
    }

    fn credential(&self, clock: &Arc<TestClock>) -> GrantedCredential {
        GrantedCredential::file(&self.path(), Arc::clone(clock) as Arc<dyn Clock>)
    }
}

async fn presented(credential: &GrantedCredential) -> String {
    credential.token().await.unwrap().expose().to_owned()
}

fn request(url: &str) -> http::Request<()> {
    http::Request::get(url)
        .header("DPoP", "left over")
        .body(())
        .unwrap()
}

async fn a_second_later() {
    tokio::time::advance(Duration::from_secs(1)).await;
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_replaced_in_its_file_is_presented_within_a_second() {
    let clock = TestClock::new();
    let file = File::new(&format!("{FIRST}\n"));
    let credential = file.credential(&clock);
    assert_eq!(presented(&credential).await, FIRST);
    // Of one length, at once after the first: no time of the file is relied on.
    let second = FIRST.replace('4', "5");
    file.write(&second);
    assert_eq!(
        presented(&credential).await,
        FIRST,
        "not looked at again yet"
    );
    a_second_later().await;
    assert_eq!(presented(&credential).await, second);
    assert_eq!(presented(&credential.clone()).await, second);
}

#[tokio::test(start_paused = true)]
async fn a_file_without_a_token_leaves_the_one_from_before_in_use() {
    let clock = TestClock::new();
    let file = File::new(FIRST);
    let credential = file.credential(&clock);
    assert_eq!(presented(&credential).await, FIRST);
    for content in ["", "\n", "two words", "\u{e9}"] {
        file.write(content);
        a_second_later().await;
        assert_eq!(presented(&credential).await, FIRST, "{content:?}");
    }
    std::fs::remove_file(file.path()).unwrap();
    a_second_later().await;
    assert_eq!(presented(&credential).await, FIRST);
}

#[tokio::test(start_paused = true)]
async fn a_file_that_never_had_a_token_is_named_without_what_is_in_it() {
    let clock = TestClock::new();
    for (content, problem) in [
        ("", "holds a token that is empty"),
        ("sekrit sekrit", "holds a character"),
        ("sekrit\u{1}", "holds a character"),
    ] {
        let file = File::new(content);
        let error = file.credential(&clock).token().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credential);
        let text = error.to_string();
        assert!(text.contains(&file.path().display().to_string()), "{text}");
        assert!(text.contains(problem) && !text.contains("sekrit"), "{text}");
        assert!(error.hint().is_some());
        // It comes when it is there.
        file.write(FIRST);
    }
    let absent = GrantedCredential::file(Path::new("/nowhere/token"), clock);
    let error = absent.token().await.unwrap_err().to_string();
    assert_eq!(error, "/nowhere/token no such file or folder");
}

// security.md 112
#[tokio::test(start_paused = true)]
async fn a_granted_token_is_never_shown() {
    let fixed = GrantedCredential::fixed(FIRST).unwrap();
    let file = File::new(FIRST).credential(&TestClock::new());
    let admin = Admin::with_granted(ISSUER, Scripted::generous(), fixed.clone()).unwrap();
    let shown = format!("{fixed:?} {file:?} {admin:?}");
    assert!(!shown.contains("csn_pat"), "{shown}");
    let error = GrantedCredential::fixed("sekrit sekrit").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Settings);
    assert!(!error.to_string().contains("sekrit"), "{error}");
}

// security.md 82
#[tokio::test(start_paused = true)]
async fn a_granted_token_goes_into_the_header_and_only_to_a_safe_address() {
    let credential = GrantedCredential::fixed(FIRST).unwrap();
    let mut good = request("https://api.example/stock");
    credential.authorize(&mut good).await.unwrap();
    let value = &good.headers()[header::AUTHORIZATION];
    assert_eq!(value, &format!("Bearer {FIRST}"));
    assert!(value.is_sensitive());
    assert!(!good.headers().contains_key("DPoP"));
    for url in [
        "http://api.example/",
        "/stock",
        "https://api.example/?access_token=x",
    ] {
        let mut bad = request(url);
        let error = credential.authorize(&mut bad).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Settings, "{url}");
        assert!(!bad.headers().contains_key(header::AUTHORIZATION), "{url}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_management_api_is_called_with_the_token_of_the_file() {
    let who = json!({
        "principal": "anna", "client_id": "countersign:granted", "kind": 3, "roles": [],
        "scopes": [], "expires_at": 1_800_000_900,
    });
    let server = Scripted::new(move |number, _| match number {
        3 => Answer::Is(answer(401, &json!({}))),
        _ => Answer::Is(ok(&who)),
    });
    let clock = TestClock::new();
    let file = File::new(FIRST);
    let transport = Arc::clone(&server) as Arc<dyn crate::Transport>;
    let admin = Admin::with_granted(ISSUER, transport, file.credential(&clock)).unwrap();
    assert_eq!(admin.whoami().await.unwrap().kind, 3);
    file.write("successor");
    a_second_later().await;
    admin.whoami().await.unwrap();
    let error = admin.whoami().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IdentityRejected);
    assert!(error.hint().unwrap().contains("use another"), "{error:?}");

    let asked = server.asked();
    let sent: Vec<_> = asked
        .iter()
        .map(|asked| &asked.headers[header::AUTHORIZATION])
        .collect();
    assert_eq!(
        sent,
        [
            &format!("Bearer {FIRST}"),
            "Bearer successor",
            "Bearer successor"
        ]
    );
    assert_eq!(server.discoveries(), 1);
    assert!(
        Admin::with_granted("http://platform.example", server, file.credential(&clock)).is_err()
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_is_given_back_by_presenting_it_again_until_there_is_an_answer() {
    let server = Scripted::new(|number, _| match number {
        1 => Answer::Is(answer(503, &json!({}))),
        _ => Answer::Is(answer(200, &json!({}))),
    });
    let clock = TestClock::new();
    let file = File::new(FIRST);
    let credential = file.credential(&clock);
    credential.give_back(ISSUER, server.as_ref()).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked.len(), 2);
    for asked in &asked {
        assert_eq!(asked.url.path(), "/oauth2/revoke");
        assert_eq!(asked.url.query(), None);
        assert_eq!(asked.form["token"], FIRST);
        assert!(!asked.form.contains_key("client_assertion"));
        assert_eq!(asked.headers["authorization"], format!("Bearer {FIRST}"));
    }
    assert!(file.path().exists());
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_not_taken_back_is_told_so() {
    let server =
        Scripted::new(|_, _| Answer::Is(answer(401, &json!({ "error": "invalid_client" }))));
    let credential = GrantedCredential::fixed(FIRST).unwrap();
    let refused = credential.give_back(ISSUER, server.as_ref()).await;
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::IdentityRejected);
    assert_eq!(server.asked().len(), 1);
    let nowhere = credential.give_back("platform.example", server.as_ref());
    assert_eq!(nowhere.await.unwrap_err().kind(), ErrorKind::Settings);
    assert_eq!(server.asked().len(), 1);
}
