//! `lmd man DIR`: the help of every command as pages that `man` shows.

use std::path::PathBuf;

use clap::CommandFactory as _;

use super::{Cli, Failure, Outcome};

/// Options of `lmd man`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder to write lmd.1, lmd-score.1 and the others to; pages of these names are replaced.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
}

/// Write the pages.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    let folder = &args.folder;
    let failed = |error: std::io::Error| {
        anyhow::anyhow!(
            "the pages can't be written here ({error}): {}",
            folder.display()
        )
    };
    std::fs::create_dir_all(folder).map_err(|error| Failure::bad_request(failed(error)))?;
    clap_mangen::generate_to(Cli::command(), folder)
        .map_err(|error| Failure::failed(failed(error)))?;
    Ok(Outcome::Done)
}
