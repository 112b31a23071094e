//! How does a newcomer see a whole sign-in on one machine with one command?

mod account;
mod material;
mod registration;

use std::{
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    sync::Arc,
};

use countersign_server::{
    Platform, Server, SystemClock,
    config::{Bootstrap, Settings, StoreUrl},
};
use serde_json::json;

use self::material::Material;
use crate::{
    args::{Environment, shell_word},
    commands::serve::{Signals, not_started, start_log, until_told_to_stop},
    failure::Failure,
    output::{Block, Output, Shown},
    private_file,
    profile::{Profile, Profiles},
    session::Session,
    token_view::{self, Secret},
};

/// What happens after signing in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Then {
    Serve,
    End,
}

/// The profile that signs in as the service.
pub(crate) const PROFILE: &str = "dev";
/// The profile of the administrator.
pub(crate) const ADMIN_PROFILE: &str = "dev-admin";
const ADMIN_CLIENT_ID: &str = "countersign-admin";

pub(crate) fn run(
    then: Then,
    data: Option<&Path>,
    listen: SocketAddr,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    if !listen.ip().is_loopback() {
        return Err(
            Failure::usage(format!("{listen} is not a loopback address"))
                .hint("the development platform has no TLS; countersign serve has"),
        );
    }
    let listen = free_address(listen)?;
    let folder = data_folder(data, environment)?;
    let material = Material::in_folder(&folder, output)?;
    let settings = settings(&folder, listen, &material)?;
    if output.is_verbose() {
        start_log(&settings.log)?;
    }
    let issuer = format!("http://{listen}");

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::other(format!("cannot start: {error}")))?;
    let (server, handle, signals) = runtime.block_on(async {
        let signals = Signals::new()?;
        let platform = Platform::open(settings, Arc::new(SystemClock)).await;
        let server = Server::bind(platform.map_err(not_started)?)
            .await
            .map_err(not_started)?;
        let handle = server.handle();
        Ok::<_, Failure>((server, handle, signals))
    })?;
    let output_of_server = *output;
    let serving = runtime
        .spawn(async move { until_told_to_stop(server, signals, None, &output_of_server).await });

    let shown = sign_in(
        &issuer,
        &folder,
        &material,
        then,
        listen,
        data,
        environment,
        output,
    );
    let shown = match shown.and_then(|shown| output.show(&shown)) {
        Ok(()) => match then {
            Then::Serve => {
                output.note("the platform is running; stop it with Ctrl-C");
                Ok(())
            }
            Then::End => {
                handle.stop();
                Ok(())
            }
        },
        Err(failure) => {
            handle.stop();
            Err(failure)
        }
    };
    let ended = runtime.block_on(serving);
    let ended = ended.map_err(|error| Failure::other(format!("the platform failed: {error}")))?;
    shown.and(ended)
}

#[allow(clippy::too_many_arguments)] // each is a different thing that was typed or made
fn sign_in(
    issuer: &str,
    folder: &Path,
    material: &Material,
    then: Then,
    listen: SocketAddr,
    data: Option<&Path>,
    environment: &Environment,
    output: &Output,
) -> Result<Shown, Failure> {
    let admin = Profile {
        server: issuer.to_owned(),
        app_id: Some(ADMIN_CLIENT_ID.to_owned()),
        cert: Some(material.admin.clone()),
        ..Profile::default()
    };
    let service = Profile {
        server: issuer.to_owned(),
        app_id: Some(registration::APP_ID.to_owned()),
        cert_store: Some(material.folder.clone()),
        cert_subject: Some(material::SERVICE_SUBJECT.to_owned()),
        ..Profile::default()
    };
    let admin_session = Session::new(ADMIN_PROFILE, admin.clone(), environment, output);
    let password_file = registration::register(&admin_session, material, folder, output)?;

    Profiles::change(environment, |profiles| {
        profiles.all.insert(PROFILE.to_owned(), service.clone());
        profiles.all.insert(ADMIN_PROFILE.to_owned(), admin);
        profiles.current.get_or_insert_with(|| PROFILE.to_owned());
        Ok(())
    })?;

    let session = Session::new(PROFILE, service, environment, output);
    let held = session.renewed()?;
    let next = Next {
        environment,
        material,
        issuer,
        then,
        listen,
        data,
    }
    .commands();
    let lead = [("server", issuer), ("data", &folder.display().to_string())];
    let mut shown = token_view::with_lead(&lead, token_view::decoded(&held, Secret::LeftOut));
    shown.json["next"] = json!(next);
    shown.json["account"] = json!({"name": account::NAME, "password_file": password_file});
    let heading = match then {
        Then::Serve => "Try next, in another terminal",
        Then::End => {
            "Try next: the first command keeps the platform running, the others go into another terminal"
        }
    };
    shown.text.push(Block::Lines(heading.to_owned(), next));
    let read = format!("cat {}", shell_word(&password_file.display().to_string()));
    shown.text.push(Block::Lines(
        format!(
            "Sign in with the browser as {}; the password is in a file of yours",
            account::NAME
        ),
        vec![read],
    ));
    Ok(shown)
}

/// What the commands to try next depend on.
struct Next<'a> {
    environment: &'a Environment,
    material: &'a Material,
    issuer: &'a str,
    then: Then,
    listen: SocketAddr,
    data: Option<&'a Path>,
}

impl Next<'_> {
    fn commands(&self) -> Vec<String> {
        let program = &self.environment.program;
        let mut commands = Vec::new();
        if self.then == Then::End {
            let listen = match self.listen.to_string().as_str() {
                "127.0.0.1:8085" => String::new(),
                other => format!(" --listen {other}"),
            };
            let data = match self.data {
                Some(data) => format!(" --data {}", shell_word(&data.display().to_string())),
                None => String::new(),
            };
            commands.push(format!("{program} dev{data}{listen}"));
        }
        let platform = shell_word(&self.material.platform.display().to_string());
        let issuer = self.issuer;
        commands.extend([
            format!("{program} token --decode --profile {PROFILE}"),
            format!("{program} refresh --profile {PROFILE}"),
            format!("{program} whoami --profile {PROFILE}"),
            format!("{program} login {issuer}"),
            format!("{program} platform-token {issuer} --cert {platform} --decode"),
            format!("{program} admin mapping list --profile {ADMIN_PROFILE}"),
            format!("{program} admin audit --limit 10 --profile {ADMIN_PROFILE}"),
            format!("{program} doctor --profile {PROFILE}"),
        ]);
        commands
    }
}

fn settings(folder: &Path, listen: SocketAddr, material: &Material) -> Result<Settings, Failure> {
    let issuer = url::Url::parse(&format!("http://{listen}"))
        .map_err(|error| Failure::usage(format!("{listen}: {error}")))?;
    let mut settings = Settings::in_memory(issuer);
    settings.listen = listen;
    settings.store = StoreUrl::Sqlite(folder.join("platform.sqlite"));
    settings.secrets_file = Some(folder.join("secrets.toml"));
    settings.bootstrap = Some(Bootstrap {
        certificate: material.bootstrap.clone(),
        client_id: ADMIN_CLIENT_ID.to_owned(),
    });
    Ok(settings)
}

fn data_folder(data: Option<&Path>, environment: &Environment) -> Result<PathBuf, Failure> {
    let folder = match (data, &environment.data) {
        (Some(data), _) => std::path::absolute(data)
            .map_err(|error| Failure::usage(format!("--data {}: {error}", data.display())))?,
        (None, Some(home)) => home.join("dev"),
        (None, None) => {
            return Err(Failure::usage("no place for the data: HOME is not set")
                .hint("name a folder with --data"));
        }
    };
    private_file::make_folder(&folder)?;
    Ok(folder)
}

/// The issuer is made of the port, so the port must be known before anything else is.
fn free_address(listen: SocketAddr) -> Result<SocketAddr, Failure> {
    TcpListener::bind(listen)
        .and_then(|listener| listener.local_addr())
        .map_err(|error| {
            Failure::other(format!("cannot listen on {listen}: {error}"))
                .hint("stop the other program, or take another port: --listen 127.0.0.1:0")
        })
}
