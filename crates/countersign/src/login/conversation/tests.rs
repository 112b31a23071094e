//! Is nothing believed that the platform may not say at the moment?

use countersign_proto::{
    exchange::RefreshToken,
    login::SeenBrowser,
    token::{AccessToken, TokenType},
};

use super::*;

const ISSUER: &str = "https://platform.example";
const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

/// What the platform may say, in the order of a login by code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Opened,
    SignedIn,
    NeedCode,
    WrongCode,
    RightCode,
    Identity,
    Token,
    Bye,
    Welcome,
    Session,
    Resumed,
}

impl Word {
    const ALL: [Word; 11] = [
        Word::Opened,
        Word::SignedIn,
        Word::NeedCode,
        Word::WrongCode,
        Word::RightCode,
        Word::Identity,
        Word::Token,
        Word::Bye,
        Word::Welcome,
        Word::Session,
        Word::Resumed,
    ];

    fn body(self) -> ServerBody {
        let status = |state, tries_left, bind| ServerBody::Status {
            state,
            browser: Some(SeenBrowser {
                address: "192.0.2.7".to_owned(),
                user_agent: String::new(),
                same_network: true,
            }),
            tries_left,
            bind,
        };
        match self {
            Word::Opened => status(LoginStatus::Opened, None, None),
            Word::SignedIn => status(LoginStatus::SignedIn, None, None),
            Word::NeedCode => status(LoginStatus::NeedConfirm, Some(3), Some(Binding::Code)),
            Word::WrongCode => ServerBody::ConfirmResult {
                ok: false,
                tries_left: 2,
            },
            Word::RightCode => ServerBody::ConfirmResult {
                ok: true,
                tries_left: 3,
            },
            Word::Identity => identity("anna", None),
            Word::Token => ServerBody::Token(Box::new(response())),
            Word::Bye => ServerBody::Bye,
            Word::Welcome => ServerBody::Welcome {
                nonce: "n".to_owned(),
                keepalive_s: 25,
                time: NOW,
            },
            Word::Session => session_body(),
            Word::Resumed => ServerBody::Resumed { last_seq: 1 },
        }
    }
}

fn identity(principal: &str, scope: Option<&str>) -> ServerBody {
    ServerBody::Identity {
        principal: principal.to_owned(),
        name: String::new(),
        idp: "built-in".to_owned(),
        scope: scope.map(str::to_owned),
    }
}

fn response() -> TokenResponse {
    let token = AccessToken::new("eyJ.eyJ.AA").unwrap();
    let mut response = TokenResponse::new(token, TokenType::Bearer, Duration::from_secs(3600));
    response.kind = Some(TokenKind::Interactive);
    response.principal = Some("anna".to_owned());
    response.refresh_token = Some(RefreshToken::new("csn_rt_1").unwrap());
    response
}

fn session_body() -> ServerBody {
    ServerBody::Session {
        sid: "S".to_owned(),
        url: Url::parse("https://platform.example/login/H").unwrap(),
        label: label("S"),
        bind: Binding::Code,
        fallback: None,
        expires_in_s: 600,
    }
}

/// A terminal that answers what it hears as a person would.
struct Terminal {
    conversation: Conversation,
    seq: u64,
}

impl Terminal {
    fn new(expected: Option<&str>) -> Terminal {
        let first = ServerMessage::numbered(1, session_body());
        let session = Session::read(first, ISSUER, &[Binding::Code]).unwrap();
        let expected = expected.map(str::to_owned);
        Terminal {
            conversation: Conversation::new(ISSUER, session, expected),
            seq: 1,
        }
    }

    fn after(words: &[Word]) -> Terminal {
        let mut terminal = Terminal::new(None);
        for word in words {
            terminal.hear(word.body()).unwrap();
            terminal.answer();
        }
        terminal
    }

    fn hear(&mut self, body: ServerBody) -> Result<Option<LoginEvent>, Error> {
        self.seq += 1;
        self.conversation
            .hear(ServerMessage::numbered(self.seq, body), NOW)
    }

    fn answer(&mut self) {
        let value = || ConfirmValue::from_typed("BCDF-GHJK").unwrap();
        let _ = self.conversation.say(Said::Confirm(value()));
        let _ = self.conversation.say(Said::Accept);
    }

    /// The messages that leave now.
    fn sent(&mut self) -> Vec<&'static str> {
        let mut names = Vec::new();
        while let Some(text) = self.conversation.next_to_send() {
            names.push(ClientMessage::decode(&text).unwrap().name());
        }
        names
    }
}

const COURSE: [Word; 7] = [
    Word::Opened,
    Word::SignedIn,
    Word::NeedCode,
    Word::RightCode,
    Word::Identity,
    Word::Token,
    Word::Bye,
];

// Whatever comes next at every station of a login: what may come, and nothing else.
#[test]
fn at_every_station_only_what_may_come_is_believed() {
    use Word as W;
    let statuses = [W::Opened, W::SignedIn];
    for station in 0..=COURSE.len() {
        let mut may_come: Vec<Word> = match station {
            0..=2 => vec![W::NeedCode],
            // The code was typed, and is judged.
            3 => vec![W::NeedCode, W::WrongCode, W::RightCode],
            4 => vec![W::Identity],
            5 => vec![W::Token],
            6 => vec![W::Bye],
            _ => vec![],
        };
        // News of another browser that has the page open too changes nothing.
        may_come.extend(statuses);
        for word in Word::ALL {
            let mut terminal = Terminal::after(&COURSE[..station]);
            let believed = terminal.hear(word.body()).is_ok();
            assert_eq!(
                believed,
                may_come.contains(&word),
                "{word:?} after {:?}",
                &COURSE[..station]
            );
        }
    }
}

#[test]
fn what_was_heard_already_is_passed_over() {
    let mut terminal = Terminal::new(None);
    for word in COURSE {
        terminal.hear(word.body()).unwrap();
        // The same again, and something of before: no event, no error.
        for seq in [1, terminal.seq] {
            let again = ServerMessage::numbered(seq, word.body());
            assert!(terminal.conversation.hear(again, NOW).unwrap().is_none());
        }
        terminal.answer();
    }
}

#[test]
fn one_answer_leaves_for_each_question() {
    let mut terminal = Terminal::new(None);
    let mut sent = Vec::new();
    for word in COURSE {
        terminal.hear(word.body()).unwrap();
        terminal.answer();
        sent.extend(terminal.sent());
    }
    assert_eq!(sent, ["confirm", "accept", "received"]);
}

fn set_scope(response: &mut TokenResponse, scope: &str) {
    response.scope = Some(Scope::parse(scope).unwrap());
}

// login.md: a token whose principal was not shown is refused
#[test]
fn a_token_for_another_or_for_more_than_was_accepted_is_refused() {
    type Change = fn(&mut TokenResponse);
    let hear = |shown: Option<&str>, change: Change| {
        let mut terminal = Terminal::after(&COURSE[..4]);
        terminal.hear(identity("anna", shown)).unwrap();
        terminal.answer();
        let mut response = response();
        change(&mut response);
        terminal.hear(ServerBody::Token(Box::new(response)))
    };
    let good: [(Option<&str>, Change); 4] = [
        (None, |_| {}),
        (None, |response| set_scope(response, "a")),
        (Some("a b"), |response| set_scope(response, "a")),
        (Some("a"), |response| set_scope(response, "a")),
    ];
    for (shown, change) in good {
        assert!(hear(shown, change).is_ok(), "{shown:?}");
    }
    let bad: [(Option<&str>, Change); 8] = [
        (None, |response| response.principal = Some("mallory".into())),
        (None, |response| response.principal = Some("Anna".into())),
        (None, |response| response.principal = None),
        (None, |response| response.kind = None),
        (None, |it| it.kind = Some(TokenKind::NonInteractive)),
        (None, |it| it.kind = Some(TokenKind::Platform)),
        (Some("a"), |_| {}),
        (Some("a"), |response| set_scope(response, "a b")),
    ];
    for (shown, change) in bad {
        let error = hear(shown, change).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Server, "{error}");
    }
}

// login.md R5: nobody is signed in whom the terminal has not accepted.
#[test]
fn a_token_is_not_taken_before_somebody_was_accepted() {
    for rejects in [false, true] {
        let mut terminal = Terminal::after(&COURSE[..4]);
        terminal.hear(identity("anna", None)).unwrap();
        if rejects {
            terminal.conversation.say(Said::Reject).unwrap();
        }
        let error = terminal.hear(Word::Token.body()).unwrap_err();
        assert!(error.to_string().contains("not accepted"), "{error}");
    }
}

#[test]
fn a_code_that_came_too_late_leaves_room_for_the_next() {
    let typed = || ConfirmValue::from_typed("BCDF-GHJK").unwrap();
    let mut terminal = Terminal::after(&COURSE[..3]);
    assert_eq!(terminal.sent(), ["confirm"]);
    // Nobody brought the value in time; the word of it and the code crossed.
    terminal.hear(Word::SignedIn.body()).unwrap();
    let late = ServerBody::Error {
        code: LoginErrorCode::NotExpected,
        fatal: false,
        message: String::new(),
        support_id: None,
    };
    let late = ServerMessage::plain(late);
    assert!(terminal.conversation.hear(late, NOW).unwrap().is_none());
    assert!(terminal.conversation.say(Said::Confirm(typed())).is_err());
    terminal.hear(Word::NeedCode.body()).unwrap();
    terminal.conversation.say(Said::Confirm(typed())).unwrap();
    assert_eq!(terminal.sent(), ["confirm"]);
}

#[test]
fn what_is_unanswered_is_said_again_when_everything_missed_was_heard() {
    let mut terminal = Terminal::after(&COURSE[..3]);
    assert_eq!(terminal.sent(), ["confirm"]);
    terminal.conversation.lost().unwrap();
    assert!(terminal.sent().is_empty());
    // Two more events there are; the answer may be among them.
    terminal.conversation.resumed(terminal.seq + 2);
    assert!(terminal.sent().is_empty());
    terminal.hear(Word::SignedIn.body()).unwrap();
    assert!(terminal.sent().is_empty());
    terminal.hear(Word::NeedCode.body()).unwrap();
    assert_eq!(terminal.sent(), ["confirm"]);
    // And not when it was among them.
    terminal.conversation.lost().unwrap();
    terminal.conversation.resumed(terminal.seq + 1);
    terminal.hear(Word::RightCode.body()).unwrap();
    assert!(terminal.sent().is_empty());
}

// No code is worth a second try that the person did not make.
#[test]
fn a_value_that_was_judged_is_not_brought_again() {
    let mut terminal = Terminal::after(&COURSE[..3]);
    terminal.sent();
    terminal.conversation.lost().unwrap();
    terminal.conversation.resumed(terminal.seq + 1);
    terminal.hear(Word::WrongCode.body()).unwrap();
    assert!(terminal.sent().is_empty());
}

#[test]
fn the_expected_principal_is_compared_exactly() {
    for (principal, accepted) in [
        ("anna", true),
        ("Anna", false),
        ("anna ", false),
        ("ann", false),
    ] {
        let mut terminal = Terminal::new(Some("anna"));
        for word in &COURSE[..4] {
            terminal.hear(word.body()).unwrap();
            let value = ConfirmValue::from_typed("BCDF-GHJK").unwrap();
            let _ = terminal.conversation.say(Said::Confirm(value));
        }
        terminal.sent();
        match terminal.hear(identity(principal, None)).unwrap() {
            Some(LoginEvent::Identity {
                accepted: found, ..
            }) => assert_eq!(found, accepted, "{principal}"),
            other => panic!("{other:?}"),
        }
        let answer = if accepted { "accept" } else { "reject" };
        assert_eq!(terminal.sent(), [answer], "{principal}");
    }
}

#[test]
fn a_login_of_another_origin_is_not_begun() {
    let read = |issuer: &str, url: &str| {
        let mut body = session_body();
        if let ServerBody::Session { url: told, .. } = &mut body {
            *told = Url::parse(url).unwrap();
        }
        let first = ServerMessage::numbered(1, body);
        Session::read(first, issuer, &[Binding::Code]).is_ok()
    };
    for (issuer, url) in [
        (ISSUER, "https://platform.example/login/H"),
        (
            "https://platform.example/sso",
            "https://platform.example:443/sso/login/H",
        ),
        ("http://127.0.0.1:8085", "http://127.0.0.1:8085/login/H"),
    ] {
        assert!(read(issuer, url), "{issuer} {url}");
    }
    for url in [
        "http://platform.example/login/H",
        "https://platform.example:444/login/H",
        "https://platform.example.evil.example/login/H",
        "https://evil.example/platform.example/login/H",
        "https://login.platform.example/login/H",
    ] {
        assert!(!read(ISSUER, url), "{url}");
    }
}

#[test]
fn no_login_is_waited_for_longer_than_an_hour() {
    let mut body = session_body();
    if let ServerBody::Session { expires_in_s, .. } = &mut body {
        *expires_in_s = u64::MAX >> 12;
    }
    let first = ServerMessage::numbered(1, body);
    let session = Session::read(first, ISSUER, &[Binding::Code]).unwrap();
    assert_eq!(session.lifetime, Duration::from_secs(3600));
}
