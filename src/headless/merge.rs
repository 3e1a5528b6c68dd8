//! `lmd merge`: join run files.

use std::path::{Path, PathBuf};

use super::paths::{Kind, Paths};
use super::{Failure, Outcome, output, terminal};
use crate::runs::file::{self, MERGE_MEMORY, MergeError, StoredRun};
use crate::runs::marks::{self, Marks};

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
        .map(|path| {
            let run = file::read(path).map_err(Failure::bad_request)?;
            Ok(run.without_attempts())
        })
        .collect::<Result<Vec<_>, Failure>>()?;
    let merged = joined_marks(&runs);
    let notes = file::merge(&runs, &args.output, args.overwrite, MERGE_MEMORY).map_err(
        |error| match error {
            MergeError::File(ref cause) if cause.is_full() => Failure::failed(error),
            _ => Failure::bad_request(error),
        },
    )?;
    for note in notes {
        terminal::message(&format!("note: {note}"));
    }
    write_marks(&merged, &args.output)?;
    terminal::answer(&args.output.display().to_string())?;
    Ok(Outcome::Done)
}

/// What was noted about the images of all runs. What can't be read is said and left out: the scores do not depend on it.
fn joined_marks(runs: &[StoredRun]) -> Marks {
    let mut parts = Vec::new();
    for run in runs {
        match marks::load(&run.path) {
            Ok(marks) => parts.push(marks),
            Err(error) => terminal::message(&format!("left out: {error}")),
        }
    }
    let merged = marks::merge(&parts);
    if !merged.conflicts.is_empty() {
        let images = runs.iter().flat_map(|run| run.images.iter());
        let mut paths: Vec<String> = images
            .filter(|image| merged.conflicts.contains(&image.file.hash))
            .map(|image| image.file.path.display().to_string())
            .collect();
        paths.dedup();
        terminal::message(&format!(
            "note: corrected to different roles in the runs, so that neither is kept and a note says so: {}",
            paths.join(", ")
        ));
    }
    merged.marks
}

fn write_marks(merged: &Marks, output: &Path) -> Result<(), Failure> {
    let contents: Vec<_> = merged.iter().map(|(content, _)| *content).collect();
    marks::update(output, &contents, merged)
        .map_err(|error| Failure::failed(anyhow::anyhow!("the runs were merged, but {error}")))
}
