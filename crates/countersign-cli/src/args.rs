//! What was typed? No side effects: nothing is opened, asked or printed here.

mod admin;
mod cert;
mod environment;
mod examples;
mod granted;
mod jwt;
mod programs;
mod sign_in;
#[cfg(feature = "platform")]
mod store;

use std::{ffi::OsString, path::PathBuf};

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum, error::ErrorKind};

pub(crate) use self::environment::shell_word;
use self::examples::{AFTER_AGENT, AFTER_GIT_CREDENTIAL, AFTER_HELP, AFTER_LOGIN, AFTER_TOKEN};
#[cfg(feature = "platform")]
pub(crate) use self::store::{
    GrantedTokensChoice, StoreBackup, StoreCommand, StoreMigrate, StoreRestore,
};
pub(crate) use self::{
    admin::{
        AdminCommand, AppCommand, AppSettings, AuditOptions, AuditVerdict, CertificateCommand,
        KeyCommand, MappingCommand, PageOptions, PrincipalCommand, RoleCommand, SessionCommand,
        SessionStanding, Usage,
    },
    cert::{
        CertCommand, CertExport, CertForm, CertNew, CertPurpose, CertRenewNeeded, CertRequest,
        CertVerify, KeyChoice, StoreOptions,
    },
    environment::{Environment, client, surroundings},
    granted::{
        AdminTokenCommand, GrantedCommand, GrantedEnd, GrantedImport, GrantedList, GrantedOutput,
        GrantedRotate, GrantedTerms, Kind, PrefixOptions, TokenStringCommand,
    },
    jwt::{
        Demands, JwtCommand, JwtJwks, JwtKeygen, JwtRenew, JwtSign, JwtVerify, KeyForm, KeySource,
        NewKey, SignerOptions, TokenSource,
    },
    programs::{AgentArgs, AwsOptions, GitCredentialArgs, GitScheme, TokenArgs},
    sign_in::{
        AssertionOptions, BrowserOptions, CertificateOptions, Dialect, LoginArgs,
        PlatformTokenArgs, ProviderOptions, Way,
    },
};
use crate::failure::Failure;

/// Everything that was typed.
#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    about = "Signs in with a browser or a certificate, and runs the platform that believes it",
    max_term_width = 100,
    after_help = "start here: countersign dev --once",
    after_long_help = AFTER_HELP
)]
pub(crate) struct Typed {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

/// Options of every verb.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Options of every verb")]
pub(crate) struct Global {
    /// text for people, json for programs; raw, header and env print a token alone, as an
    /// Authorization header, or as a line for a shell that exports COUNTERSIGN_TOKEN;
    /// exec-credential is what kubectl reads, and credential-process what AWS reads
    #[arg(
        long,
        global = true,
        value_name = "FORMAT",
        hide_possible_values = true
    )]
    pub(crate) output: Option<Format>,
    /// Says nothing but the answer and errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(crate) quiet: bool,
    /// Says what is being done
    #[arg(short, long, global = true)]
    pub(crate) verbose: bool,
    /// Uses this profile instead of the current one
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) profile: Option<String>,
    /// Uses the granted token in this file instead of that of the profile
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// Talks to this server with a granted token: that of --token-file, or of COUNTERSIGN_TOKEN
    #[arg(
        id = "at_server",
        long = "server",
        global = true,
        value_name = "URL",
        conflicts_with = "profile"
    )]
    pub(crate) server: Option<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    Text,
    /// For programs
    Json,
    /// The token alone
    Raw,
    /// An Authorization header with the token
    Header,
    /// A line for a shell that exports the token as COUNTERSIGN_TOKEN
    Env,
    /// What kubectl reads from a credential plugin
    ExecCredential,
    /// What the SDKs of AWS read from a credential process
    CredentialProcess,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Starts a platform on this machine and signs in to it, all made on the spot
    #[cfg(feature = "platform")]
    Dev {
        /// Ends after signing in
        #[arg(long)]
        once: bool,
        /// Where certificates and store are kept [default: $XDG_DATA_HOME/countersign/dev]
        #[arg(long, value_name = "DIR")]
        data: Option<PathBuf>,
        /// Where it listens; a loopback address
        #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8085")]
        listen: std::net::SocketAddr,
    },
    /// Runs a platform
    #[cfg(feature = "platform")]
    Serve {
        /// Its settings, a TOML file
        #[arg(long, value_name = "FILE")]
        config: PathBuf,
        /// Reads the settings, says what is wrong with them, and serves nothing
        #[arg(long, conflicts_with = "probe")]
        check: bool,
        /// Asks the platform that is served by these settings on this machine whether it is ready
        #[arg(long)]
        probe: bool,
    },
    /// Signs in at a server, with a browser or a certificate, and remembers how
    #[command(after_help = AFTER_LOGIN)]
    Login(Box<LoginArgs>),
    /// Prints the current token, renewed if it is about to end
    #[command(after_help = AFTER_TOKEN)]
    Token(Box<TokenArgs>),
    /// Gets a new token by what was remembered at sign-in; a person's is counted
    Refresh,
    /// Prints a platform token and stores nothing
    PlatformToken(Box<PlatformTokenArgs>),
    /// Gives git the current token, for the servers that are named; called by git itself
    #[command(after_help = AFTER_GIT_CREDENTIAL)]
    GitCredential(Box<GitCredentialArgs>),
    /// Serves fresh tokens to the programs of this user until it is told to stop
    #[command(after_help = AFTER_AGENT)]
    Agent(Box<AgentArgs>),
    /// Says who the current token stands for
    Whoami,
    /// Gives the token back and forgets the profile
    Logout,
    /// Lists the profiles
    Profiles,
    /// Makes a profile the current one
    Use {
        /// Its name
        name: String,
    },
    /// Looks at, makes and imports certificates
    #[command(subcommand)]
    Cert(CertCommand),
    /// Copies what a platform remembers, brings it back, and moves it
    #[cfg(feature = "platform")]
    #[command(subcommand)]
    Store(StoreCommand),
    /// Makes, looks at, verifies and renews tokens by hand
    #[command(subcommand)]
    Jwt(JwtCommand),
    /// Personal access tokens: of a person, for programs
    #[command(subcommand)]
    Pat(GrantedCommand),
    /// App tokens: of an identity, for an API
    #[command(subcommand)]
    AppToken(GrantedCommand),
    /// System tokens: of no identity, with roles of their own
    #[command(subcommand)]
    SystemToken(GrantedCommand),
    /// Looks at token strings without asking anybody
    #[command(subcommand)]
    TokenString(TokenStringCommand),
    /// Manages what is registered on the platform
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Finds out why signing in does not work, and says what to do
    Doctor {
        /// The server [default: that of the profile]
        server: Option<String>,
    },
    /// Prints a completion script
    Completions {
        /// For which shell
        shell: clap_complete::Shell,
    },
    /// Writes manual pages
    Man {
        /// Into which folder
        dir: PathBuf,
    },
}

/// What came of reading the command line.
pub(crate) enum Parsed {
    Command(Typed),
    /// Asked for; goes to stdout.
    Help(String),
    Wrong(Failure),
}

/// Reads a command line.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Parsed {
    match Typed::try_parse_from(words) {
        Ok(typed) => match check_format(&typed) {
            Ok(()) => Parsed::Command(typed),
            Err(failure) => Parsed::Wrong(failure),
        },
        Err(error) => match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Parsed::Help(error.render().to_string())
            }
            ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => {
                Parsed::Wrong(Failure::usage("a verb is missing").hint("see countersign --help"))
            }
            _ => Parsed::Wrong(one_line(&error)),
        },
    }
}

/// The whole grammar, for completions and manual pages.
pub(crate) fn grammar() -> clap::Command {
    Typed::command()
}

/// Whether a verb prints a token, and so can print it raw.
fn check_format(typed: &Typed) -> Result<(), Failure> {
    let prints_token = match &typed.verb {
        Verb::Token(args) => !args.decode,
        Verb::PlatformToken(args) => !args.decode,
        Verb::Jwt(JwtCommand::Sign(_) | JwtCommand::Renew(_)) => true,
        Verb::Pat(command) | Verb::AppToken(command) | Verb::SystemToken(command) => {
            command.prints_a_token()
        }
        _ => false,
    };
    let name = match typed.global.output {
        Some(Format::Raw) => "raw",
        Some(Format::Header) => "header",
        Some(Format::Env) => "env",
        Some(Format::ExecCredential) => "exec-credential",
        Some(Format::CredentialProcess) => "credential-process",
        _ => return check_role(typed),
    };
    let for_a_program = name.contains('-');
    if for_a_program && prints_token && !matches!(typed.verb, Verb::Token(_)) {
        return Err(
            Failure::usage(format!("--output {name} is for the token of a profile"))
                .hint("take the verb token, with --profile NAME"),
        );
    }
    if prints_token {
        return check_role(typed);
    }
    Err(Failure::usage(format!(
        "--output {name} prints a token, and this verb prints none"
    ))
    .hint("take --output text or json, or the verb token without --decode"))
}

/// Whether a role is named where AWS is asked for its credentials, and only there.
fn check_role(typed: &Typed) -> Result<(), Failure> {
    let Verb::Token(args) = &typed.verb else {
        return Ok(());
    };
    let asked = typed.global.output == Some(Format::CredentialProcess);
    match (asked, &args.aws.role_arn) {
        (true, None) => Err(Failure::usage(
            "--output credential-process needs the role that is meant",
        )
        .hint("name it with --role-arn arn:aws:iam::ACCOUNT:role/NAME")),
        (false, Some(_)) => Err(
            Failure::usage("--role-arn is for --output credential-process")
                .hint("add --output credential-process, or leave the role out"),
        ),
        _ => Ok(()),
    }
}

/// The parser's message is several lines with colours; ours is one line and a hint.
fn one_line(error: &clap::Error) -> Failure {
    let text = error.render().to_string();
    let mut paragraphs = text.split("\n\n");
    let message = paragraphs.next().unwrap_or("wrong arguments");
    let message = message.trim().trim_start_matches("error: ");
    let message = message.split_whitespace().collect::<Vec<_>>().join(" ");
    let tip = paragraphs
        .clone()
        .find_map(|paragraph| paragraph.trim().strip_prefix("tip: "));
    let usage = paragraphs.find_map(|paragraph| paragraph.trim().strip_prefix("Usage: "));
    let hint = match (tip, usage) {
        (Some(tip), _) => tip.lines().next().unwrap_or(tip).to_owned(),
        (None, Some(usage)) => {
            let usage = usage.split_whitespace().collect::<Vec<_>>().join(" ");
            format!("usage: {usage}")
        }
        (None, None) => "see countersign --help".to_owned(),
    };
    Failure::usage(message).hint(hint)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Parsed {
        parse(line.split(' ').map(OsString::from))
    }

    fn wrong(line: &str) -> Failure {
        match read(line) {
            Parsed::Wrong(failure) => failure,
            Parsed::Command(_) | Parsed::Help(_) => panic!("{line} was understood"),
        }
    }

    #[test]
    fn the_grammar_holds_together() {
        grammar().debug_assert();
    }

    #[test]
    fn a_certificate_login_keeps_what_was_typed() {
        let Parsed::Command(typed) = read(
            "countersign login https://p.example --app-id app --cert-subject CN=Corellian \
             --cert-thumbprint aabb --principal vader --kid none --profile lab",
        ) else {
            panic!("not understood");
        };
        assert_eq!(typed.global.profile.as_deref(), Some("lab"));
        let Verb::Login(login) = typed.verb else {
            panic!("not a login");
        };
        assert_eq!(login.server, "https://p.example");
        assert_eq!(login.app_id.as_deref(), Some("app"));
        assert_eq!(
            login.certificate.cert_subject.as_deref(),
            Some("CN=Corellian")
        );
        assert_eq!(login.certificate.cert_thumbprint.as_deref(), Some("aabb"));
        assert_eq!(login.assertion.principal.as_deref(), Some("vader"));
        assert_eq!(login.assertion.kid.as_deref(), Some("none"));
    }

    // Names in base64url begin with a hyphen once in 64 times.
    #[test]
    fn a_name_that_begins_with_a_hyphen_is_no_option() {
        for line in [
            "countersign admin key retire -y0_3abc --reason lost",
            "countersign admin key retire --reason lost -- -h0_3abc",
            "countersign admin audit --token-id -y0_3abc",
            "countersign admin token revoke --created-through -y0_3abc --reason lost",
        ] {
            assert!(matches!(read(line), Parsed::Command(_)), "{line}");
        }
        wrong("countersign admin key retire --reason lost");
    }

    #[test]
    fn an_unknown_verb_is_one_line_and_a_hint() {
        let failure = wrong("countersign tokn");
        assert_eq!(failure.message(), "unrecognized subcommand 'tokn'");
        assert!(
            failure.hint_text().unwrap().contains("token"),
            "{failure:?}"
        );
        assert_eq!(failure.code(), 2);
    }

    #[test]
    fn a_missing_argument_is_named_in_one_line() {
        let failure = wrong("countersign serve");
        assert!(failure.message().contains("--config <FILE>"), "{failure:?}");
        assert!(!failure.message().contains('\n'));
        assert!(
            failure
                .hint_text()
                .unwrap()
                .starts_with("usage: countersign serve")
        );
    }

    #[test]
    fn a_format_that_prints_a_token_is_refused_where_there_is_none() {
        assert_eq!(wrong("countersign whoami --output raw").code(), 2);
        assert_eq!(
            wrong("countersign token --decode --output header").code(),
            2
        );
        assert!(matches!(
            read("countersign token --output env"),
            Parsed::Command(_)
        ));
    }

    #[test]
    fn what_is_for_another_program_is_of_a_profile_and_a_role_is_for_aws() {
        for line in [
            "countersign token --output credential-process",
            "countersign token --role-arn arn:aws:iam::1:role/r",
            "countersign token --output credential-process --sts-endpoint https://sts.example",
            "countersign pat create --name x --output exec-credential",
            "countersign token --decode --output exec-credential",
            "countersign git-credential get",
            "countersign agent --allow-uid 1 --socket s",
            "countersign agent --http 127.0.0.1:0",
        ] {
            assert_eq!(wrong(line).code(), 2, "{line}");
        }
        for line in [
            "countersign token --output exec-credential",
            "countersign token --output credential-process --role-arn arn:aws:iam::1:role/r",
            "countersign git-credential --for https://git.example get",
            "countersign agent --http 127.0.0.1:0 --serve dev",
        ] {
            assert!(matches!(read(line), Parsed::Command(_)), "{line}");
        }
    }

    #[test]
    fn every_verb_and_every_word_after_it_says_what_it_is() {
        fn silent(command: &clap::Command, path: &str, found: &mut Vec<String>) {
            for argument in command.get_arguments().filter(|a| a.get_help().is_none()) {
                found.push(format!("{path} {argument}"));
            }
            for sub in command.get_subcommands() {
                let path = format!("{path} {}", sub.get_name());
                if sub.get_about().is_none() {
                    found.push(path.clone());
                }
                // "Which page of a list" is the sentence of a struct, not of a verb.
                let about = sub.get_about().map(ToString::to_string);
                if about
                    .is_some_and(|about| about.starts_with("Which ") && sub.get_name() == "list")
                {
                    found.push(path.clone());
                }
                silent(sub, &path, found);
            }
        }
        let mut found = Vec::new();
        silent(&grammar(), "countersign", &mut found);
        assert!(found.is_empty(), "{found:#?}");
    }

    #[test]
    fn help_is_a_verb_too_and_lists_the_exit_codes() {
        let Parsed::Help(text) = read("countersign help") else {
            panic!("not help");
        };
        assert!(text.contains("  14   the identity was rejected"), "{text}");
        assert!(matches!(read("countersign help login"), Parsed::Help(_)));
    }

    // security.md 112
    #[test]
    fn no_option_takes_a_secret_as_its_value() {
        fn options(command: &clap::Command, all: &mut Vec<String>) {
            all.extend(
                command
                    .get_arguments()
                    .filter_map(|a| a.get_long().map(str::to_owned)),
            );
            command.get_subcommands().for_each(|sub| options(sub, all));
        }
        let mut all = Vec::new();
        options(&grammar(), &mut all);
        for secret in [
            "password",
            "token",
            "secret",
            "passphrase",
            "client-secret",
            "pin",
        ] {
            assert!(!all.iter().any(|option| option == secret), "--{secret}");
        }
    }
}
