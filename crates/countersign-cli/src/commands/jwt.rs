//! What is done with tokens that are made and read by hand?

mod demands;
mod inspect;
mod jwks;
mod key_source;
mod keygen;
mod members;
mod printed;
mod renew;
mod sign;
mod verify;

use countersign::proto::jwt::{Algorithm, KeyRefusal};

use crate::{
    args::{Environment, JwtCommand},
    failure::Failure,
    output::Output,
};

pub(crate) fn run(
    command: &JwtCommand,
    environment: &Environment,
    output: &Output,
) -> Result<(), Failure> {
    match command {
        JwtCommand::Inspect(source) => inspect::run(source, output),
        JwtCommand::Sign(args) => sign::run(args, environment, output),
        JwtCommand::Verify(args) => verify::run(args, environment, output),
        JwtCommand::Renew(args) => renew::run(args, environment, output),
        JwtCommand::Keygen(args) => keygen::run(args, environment, output),
        JwtCommand::Jwks(args) => jwks::run(args, environment, output),
    }
}

/// Reads the value of `--alg`.
fn algorithm(name: &str) -> Result<Algorithm, Failure> {
    Algorithm::from_name(name).ok_or_else(|| {
        let names = Algorithm::ALL.map(Algorithm::name).join(", ");
        Failure::usage(format!(
            "--alg {name:?} is not an algorithm that signs here"
        ))
        .hint(format!("there are: {names}"))
    })
}

/// A key that is refused, and where it came from.
#[allow(clippy::needless_pass_by_value)] // for map_err
fn refused(whence: &str) -> impl Fn(KeyRefusal) -> Failure + '_ {
    move |refusal| {
        let failure = Failure::other(format!("{whence}: {refusal}"));
        match refusal {
            KeyRefusal::Symmetric(_) => failure.hint(
                "countersign jwt keygen --type hs256 --out FILE makes a secret that is long enough",
            ),
            KeyRefusal::PublicKey => failure.hint("give the file with the private key"),
            KeyRefusal::NoCertificate => {
                failure.hint("name a file with key and certificate, or --kid thumbprint")
            }
            _ => failure,
        }
    }
}
