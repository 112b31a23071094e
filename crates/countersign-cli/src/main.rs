//! What happens when somebody types `countersign`?

mod address;
mod agent;
mod args;
mod aws;
mod certificate_choice;
mod commands;
mod failure;
mod hardening;
mod interrupts;
mod new_certificate;
mod output;
mod private_file;
mod profile;
mod provider;
mod qr;
mod sealing;
mod service_manager;
mod session;
mod terminal;
mod times;
mod token_source;
mod token_view;
mod typed_secret;
mod vault;

use std::{process::ExitCode, sync::Arc};

use args::{Environment, Parsed};
use output::Output;

fn main() -> ExitCode {
    hardening::leave_no_core_dump();
    match args::parse(std::env::args_os()) {
        Parsed::Command(typed) => {
            let output = Output::new(&typed.global);
            match commands::run(&typed, &Arc::new(Environment::read()), &output) {
                Ok(()) => ExitCode::SUCCESS,
                Err(failure) => output.fail(&failure),
            }
        }
        Parsed::Help(text) => Output::default().help(&text),
        Parsed::Wrong(failure) => Output::default().fail(&failure),
    }
}
