//! How does a platform run until it is told to stop?

mod probe;

use std::{ffi::OsStr, path::Path, sync::Arc};

use countersign_server::{
    Platform, Server, ServerHandle, StartError, SystemClock,
    config::{Log, LogFormat, Settings, SettingsError},
};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use crate::{
    failure::{Exit, Failure},
    output::Output,
    service_manager::{self, Standing},
};

pub(crate) fn run(
    config: &Path,
    instead: Instead,
    notified: Option<&OsStr>,
    output: &Output,
) -> Result<(), Failure> {
    let settings = Settings::read(config).map_err(wrong_settings)?;
    match instead {
        Instead::Nothing => {}
        Instead::Check => {
            output.note(&format!("{} is well", config.display()));
            return Ok(());
        }
        Instead::Probe => return probe::run(&settings, output),
    }
    start_log(&settings.log)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::other(format!("cannot start: {error}")))?;
    runtime.block_on(async {
        let signals = Signals::new()?;
        let platform = Platform::open(settings, Arc::new(SystemClock)).await;
        let platform = platform.map_err(not_started)?;
        let issuer = platform.settings().issuer.clone();
        let server = Server::bind(platform).await.map_err(not_started)?;
        output.note(&format!("{issuer} is served at {}", server.local_addr()));
        service_manager::tell(Standing::Ready, notified, output);
        until_told_to_stop(server, signals, notified, output).await
    })
}

/// What is done with the settings of a platform instead of serving it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Instead {
    Nothing,
    /// They are read, and that is all.
    Check,
    /// The platform that is served by them is asked whether it is ready.
    Probe,
}

/// SIGTERM and SIGINT stop it and let requests end; a second one does not wait for them. SIGHUP
/// reads the TLS certificate again.
pub(crate) async fn until_told_to_stop(
    server: Server,
    mut signals: Signals,
    notified: Option<&OsStr>,
    output: &Output,
) -> Result<(), Failure> {
    let handle = server.handle();
    let mut stopping = false;
    let mut serving = std::pin::pin!(server.run());
    loop {
        tokio::select! {
            ended = &mut serving => return ended.map_err(not_started),
            told = signals.next() => match told {
                Told::Reload => reload(&handle, output),
                Told::Stop if stopping => {
                    let message = "stopped without waiting for requests to end";
                    return Err(Failure::new(Exit::Interrupted, message));
                }
                Told::Stop => {
                    stopping = true;
                    output.note("stopping; once more to stop at once");
                    service_manager::tell(Standing::Stopping, notified, output);
                    handle.stop();
                }
            },
        }
    }
}

/// What a settings file has wrong, on one line.
pub(crate) fn wrong_settings(error: SettingsError) -> Failure {
    let line = error
        .line
        .map_or_else(String::new, |line| format!(":{line}"));
    let key = match error.key.is_empty() {
        true => String::new(),
        false => format!("{}: ", error.key),
    };
    let file = error.file.display();
    let failure = Failure::usage(format!("{file}{line}: {key}{}", error.problem));
    match error.hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Why a platform did not start.
pub(crate) fn not_started(error: StartError) -> Failure {
    match error {
        StartError::Settings(error) => wrong_settings(error),
        StartError::Listen(problem) => {
            Failure::other(problem).hint("stop the other program, or take another address")
        }
        other => Failure::other(other.to_string()),
    }
}

/// Logs to stderr, as the settings say.
pub(crate) fn start_log(log: &Log) -> Result<(), Failure> {
    let filter = EnvFilter::try_new(&log.filter)
        .map_err(|error| Failure::usage(format!("log filter {:?}: {error}", log.filter)))?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(false)
        .with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().try_init(),
    };
    started.map_err(|error| Failure::other(format!("cannot start the log: {error}")))
}

fn reload(handle: &ServerHandle, output: &Output) {
    match handle.reload_tls() {
        Ok(()) => output.note("the TLS certificate was read again"),
        Err(error) => output.warn(&format!("the TLS certificate from before stays: {error}")),
    }
}

/// What a platform listens to from outside. From when it is made, nothing of it is lost.
pub(crate) struct Signals {
    hang_up: Signal,
    interrupt: Signal,
    terminate: Signal,
}

impl Signals {
    pub(crate) fn new() -> Result<Signals, Failure> {
        let listen = |kind| {
            signal(kind)
                .map_err(|error| Failure::other(format!("cannot listen to signals: {error}")))
        };
        Ok(Signals {
            hang_up: listen(SignalKind::hangup())?,
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> Told {
        tokio::select! {
            _ = self.hang_up.recv() => Told::Reload,
            _ = self.interrupt.recv() => Told::Stop,
            _ = self.terminate.recv() => Told::Stop,
        }
    }
}

/// What a signal asks for.
enum Told {
    Stop,
    Reload,
}
