//! How are the manual pages written?

use std::path::Path;

use crate::{args, failure::Failure, output::Output};

pub(crate) fn run(dir: &Path, output: &Output) -> Result<(), Failure> {
    let failed = |error| Failure::other(format!("cannot write to {}: {error}", dir.display()));
    std::fs::create_dir_all(dir).map_err(failed)?;
    clap_mangen::generate_to(args::grammar(), dir).map_err(failed)?;
    output.note(&format!(
        "read them with: man -l {}",
        dir.join("countersign.1").display()
    ));
    Ok(())
}
