//! `lmd merge`: join run files.

use std::path::PathBuf;

use super::paths::{Kind, Paths};
use super::{Failure, Outcome, output, terminal};
use crate::runs::file::{self, MergeError};

/// Options of `lmd merge`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run files, e.g. those of all shards.
    #[arg(value_name = "FILE", num_args = 1.., required = true)]
    pub runs: Vec<PathBuf>,
    /// The run file to write.
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace it if it exists.
    #[arg(long)]
    pub overwrite: bool,
}

/// Read all runs, see that they belong together, and write them into one.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    if !output::is_run_file(&args.output) {
        return Err(Failure::bad_request(anyhow::anyhow!(
            "runs are merged into a run file; choose an --output that ends in .lmdrun: {}",
            args.output.display()
        )));
    }
    let paths = Paths::new(args.overwrite);
    let mut paths = (args.runs.iter()).fold(paths, |paths, run| paths.reads_run(run));
    paths.claim(&args.output, Kind::Run)?;
    let runs = args
        .runs
        .iter()
        .map(|path| file::read(path).map_err(Failure::bad_request))
        .collect::<Result<Vec<_>, _>>()?;
    let notes = file::merge(runs, &args.output, args.overwrite).map_err(|error| match error {
        MergeError::File(ref cause) if cause.is_full() => Failure::failed(error),
        _ => Failure::bad_request(error),
    })?;
    for note in notes {
        terminal::message(&format!("note: {note}"));
    }
    terminal::answer(&args.output.display().to_string())?;
    Ok(Outcome::Done)
}
