//! How does a shell learn our words?

use crate::{args, failure::Failure, output::Output};

pub(crate) fn run(shell: clap_complete::Shell, output: &Output) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut args::grammar(), "countersign", &mut script);
    output.data(&script)
}
