//! Which token does git get, for which server?
//!
//! Git asks every helper that it is told of about every server. A token goes to the servers that were
//! named with `--for` and to no other: what git asks for is no reason to give it.

mod dialogue;

use std::io::Read as _;

use countersign::proto::token::AccessToken;
use url::Url;
use zeroize::Zeroizing;

use self::dialogue::{Credential, Question, Scheme};
use super::token::{is_bearer, presentable};
use crate::{
    address,
    args::{Environment, GitCredentialArgs, GitScheme, Global},
    failure::Failure,
    output::Output,
    session::Session,
};

/// More than git ever says.
const MAX_BYTES: u64 = 64 * 1024;

pub(crate) fn run(
    args: &GitCredentialArgs,
    global: &Global,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    let servers = args.servers.iter();
    let servers = servers.map(|typed| address::confidential("--for", typed));
    let servers = servers.collect::<Result<Vec<_>, _>>()?;
    check_username(&args.username)?;
    let mut text = Zeroizing::new(Vec::new());
    let mut stdin = std::io::stdin().lock().take(MAX_BYTES + 1);
    stdin
        .read_to_end(&mut text)
        .map_err(|error| Failure::other(format!("cannot read what git asks: {error}")))?;
    if text.len() as u64 > MAX_BYTES {
        return Err(Failure::usage("git asks for too much: over 64 KiB"));
    }
    let question = Question::read(&text)?;
    // Git asks about every server; of others there is nothing to say, and no reason to fail.
    if !servers.iter().any(|server| covers(server, &question)) {
        output.detail("git asks about a server that is not named with --for");
        return Ok(());
    }
    let session = || Session::of_profile(global, environment, output);
    match args.operation.as_str() {
        "get" => get(args, &question, &session()?, output),
        "erase" => erase(&question, &session()?, output),
        // "store": what is stored already. Others may come: git wants them to be passed over.
        _ => Ok(()),
    }
}

fn get(
    args: &GitCredentialArgs,
    question: &Question,
    session: &Session<'_>,
    output: &Output,
) -> Result<(), Failure> {
    is_bearer(&session.profile)?;
    let Some(scheme) = scheme(args.scheme, question) else {
        output.detail("the server does not take a bearer token from this git");
        return Ok(());
    };
    let held = session.token()?;
    let token = &presentable(&held)?.token;
    let credential = Credential {
        scheme,
        username: question.username.as_deref().unwrap_or(&args.username),
        token: token.access_token.expose(),
        expires_at: token.expires_at,
    };
    output.data(credential.to_text().as_bytes())
}

/// Forgets a token that the server refused, so that the next question gets a new one. What a person
/// signed in with stays: its refreshes are counted, and a server that says no is no reason to use one.
fn erase(question: &Question, session: &Session<'_>, output: &Output) -> Result<(), Failure> {
    let Some(refused) = question
        .secret
        .as_ref()
        .filter(|_| !session.profile.browser)
    else {
        return Ok(());
    };
    let is_it = |token: &AccessToken| token.expose() == refused.as_str();
    match session.cached()? {
        Some(held) if is_it(&held.token.access_token) => {
            output.detail("the server refused the token: the next one is new");
            session.forget()
        }
        _ => Ok(()),
    }
}

/// How the token is presented; `None` when it is not.
fn scheme(wanted: GitScheme, question: &Question) -> Option<Scheme> {
    let bearer = question.can_authtype;
    match wanted {
        GitScheme::Basic => Some(Scheme::Basic),
        GitScheme::Bearer => bearer.then_some(Scheme::Bearer),
        GitScheme::Auto if bearer && question.takes("bearer") => Some(Scheme::Bearer),
        GitScheme::Auto if question.takes("basic") => Some(Scheme::Basic),
        GitScheme::Auto => None,
    }
}

/// Whether a server that was named is the one that git asks about.
fn covers(server: &Url, question: &Question) -> bool {
    let asked = format!("{}://{}/", question.protocol, question.host);
    let Ok(asked) = Url::parse(&asked) else {
        return false;
    };
    // A name of a user or a path that was written into the host.
    let is_an_origin = asked.path() == "/"
        && asked.username().is_empty()
        && asked.password().is_none()
        && asked.query().is_none()
        && asked.fragment().is_none();
    is_an_origin && asked.origin() == server.origin() && covers_path(server.path(), question)
}

fn covers_path(wanted: &str, question: &Question) -> bool {
    let wanted = wanted.trim_matches('/');
    if wanted.is_empty() {
        return true;
    }
    // Git says the path when credential.useHttpPath is true, and else nothing.
    let Some(path) = question.path.as_deref() else {
        return false;
    };
    let is_plain =
        |path: &str| !path.split('/').any(|part| matches!(part, "." | "..")) && !path.contains('%');
    let rest = path.trim_start_matches('/').strip_prefix(wanted);
    rest.is_some_and(|rest| (rest.is_empty() || rest.starts_with('/')) && is_plain(path))
}

fn check_username(name: &str) -> Result<(), Failure> {
    match !name.is_empty() && !name.contains(|c: char| c.is_control() || c == ':') {
        true => Ok(()),
        false => Err(
            Failure::usage(format!("--username {name:?} is no user name"))
                .hint("most servers take any name beside a token; oauth2 is usual"),
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Question {
        Question::read(text.as_bytes()).unwrap()
    }

    fn covered(server: &str, asked_about: &str) -> bool {
        let server = address::confidential("--for", server).unwrap();
        covers(&server, &asked(asked_about))
    }

    // security.md 130
    #[test]
    fn a_server_is_covered_by_scheme_host_and_port_and_by_nothing_less() {
        for (server, about) in [
            ("https://git.example", "protocol=https\nhost=git.example\n"),
            (
                "https://git.example",
                "protocol=https\nhost=GIT.example:443\npath=a.git\n",
            ),
            (
                "https://git.example:8443",
                "protocol=https\nhost=git.example:8443\n",
            ),
            ("http://127.0.0.1:80", "protocol=http\nhost=127.0.0.1\n"),
            (
                "https://git.example/team",
                "protocol=https\nhost=git.example\npath=team/a.git\n",
            ),
            (
                "https://git.example/team/",
                "protocol=https\nhost=git.example\npath=team\n",
            ),
        ] {
            assert!(covered(server, about), "{server} {about}");
        }
        for (server, about) in [
            ("https://git.example", "protocol=http\nhost=git.example\n"),
            (
                "https://git.example",
                "protocol=https\nhost=git.example:8443\n",
            ),
            (
                "https://git.example",
                "protocol=https\nhost=git.example.evil.example\n",
            ),
            (
                "https://git.example",
                "protocol=https\nhost=evil.example\npath=git.example\n",
            ),
            (
                "https://git.example",
                "protocol=https\nhost=u@git.example\n",
            ),
            (
                "https://git.example",
                "protocol=https\nhost=git.example@evil.example\n",
            ),
            (
                "https://git.example",
                "protocol=https\nhost=evil.example/git.example\n",
            ),
            (
                "https://git.example",
                "protocol=https\nhost=git.example/x\n",
            ),
            (
                "https://git.example",
                "protocol=https\nhost=git.example?x\n",
            ),
            (
                "https://git.example",
                "protocol=https\nhost=sub.git.example\n",
            ),
            ("https://git.example", "protocol=https\n"),
            ("https://git.example", "host=git.example\n"),
            ("https://git.example", ""),
            (
                "https://git.example/team",
                "protocol=https\nhost=git.example\n",
            ),
            (
                "https://git.example/team",
                "protocol=https\nhost=git.example\npath=teams/a.git\n",
            ),
            (
                "https://git.example/team",
                "protocol=https\nhost=git.example\npath=team/../other\n",
            ),
            (
                "https://git.example/team",
                "protocol=https\nhost=git.example\npath=team/%2e%2e/other\n",
            ),
        ] {
            assert!(!covered(server, about), "{server} {about}");
        }
    }

    #[test]
    fn a_bearer_token_is_given_where_git_can_and_the_server_does_not_ask_for_something_else() {
        use GitScheme::{Auto, Basic, Bearer};
        let can = "capability[]=authtype\n";
        let (asks_bearer, asks_basic) = ("wwwauth[]=Bearer realm=\"x\"\n", "wwwauth[]=basic\n");
        let asks_other = "wwwauth[]=Negotiate\n";
        for (wanted, text, expected) in [
            (Auto, can.to_owned(), Some(Scheme::Bearer)),
            (Auto, String::new(), Some(Scheme::Basic)),
            (Auto, format!("{can}{asks_bearer}"), Some(Scheme::Bearer)),
            (Auto, format!("{can}{asks_basic}"), Some(Scheme::Basic)),
            (
                Auto,
                format!("{can}{asks_basic}{asks_bearer}"),
                Some(Scheme::Bearer),
            ),
            (Auto, asks_bearer.to_owned(), None),
            (Auto, format!("{can}{asks_other}"), None),
            (Bearer, can.to_owned(), Some(Scheme::Bearer)),
            (Bearer, String::new(), None),
            (Basic, can.to_owned(), Some(Scheme::Basic)),
        ] {
            assert_eq!(scheme(wanted, &asked(&text)), expected, "{wanted:?} {text}");
        }
    }
}
