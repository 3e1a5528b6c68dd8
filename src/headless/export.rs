//! `lmd export`: take scores, pictures or a report out of a run file, which is only read.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgGroup, ArgMatches, Command, value_parser};

use super::paths::{Kind, Paths};
use super::{Failure, Outcome, output, terminal};
use crate::runs::file;
use crate::runs::formats::{Content, FORMATS, Format, RunView};
use crate::runs::report::ImageScores;

/// Options of `lmd export`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The run file; it is not changed.
    #[arg(value_name = "FILE")]
    pub run: PathBuf,
    #[command(flatten)]
    outputs: Outputs,
    /// Replace files, and write into a folder that is not empty.
    #[arg(long)]
    pub overwrite: bool,
}

/// What to write where: an option for each of [`FORMATS`], at least one of them.
#[derive(Debug)]
struct Outputs(Vec<(&'static Format, PathBuf)>);

impl clap::Args for Outputs {
    fn augment_args(command: Command) -> Command {
        let options = FORMATS.iter().map(|format| {
            let is_folder = matches!(format.content, Content::Folder(_));
            Arg::new(format.name)
                .long(format.name)
                .value_name(if is_folder { "DIR" } else { "FILE" })
                .value_parser(value_parser!(PathBuf))
                .help(format.help)
        });
        let any = ArgGroup::new("what").required(true).multiple(true);
        command
            .args(options)
            .group(any.args(FORMATS.iter().map(|format| format.name)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl clap::FromArgMatches for Outputs {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let path = |format: &Format| matches.get_one::<PathBuf>(format.name).cloned();
        let outputs = FORMATS
            .iter()
            .filter_map(|format| Some((*format, path(format)?)));
        Ok(Self(outputs.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Read the run and write what was asked for.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    let paths = check_outputs(args)?;
    let stored = file::read(&args.run).map_err(Failure::bad_request)?;
    for sentence in &stored.damage {
        terminal::message(&format!("left out: {sentence}"));
    }
    if let Some(sentence) = stored.what_is_missing() {
        terminal::message(&format!("note: {sentence}"));
    }
    let run = RunView::new(stored);
    for (format, path) in &args.outputs.0 {
        write(&paths, format, path, &run)?;
    }
    Ok(Outcome::Done)
}

/// Refuse what can be refused before work; folders come last, since they are made then.
fn check_outputs(args: &Args) -> Result<Paths, Failure> {
    let mut paths = Paths::new(args.overwrite).reads_run(&args.run);
    let outputs = args.outputs.0.iter();
    let (folders, files): (Vec<_>, Vec<_>) =
        outputs.partition(|(format, _)| matches!(format.content, Content::Folder(_)));
    for (_, path) in files {
        paths.claim(path, Kind::File)?;
        if path.exists() && !args.overwrite {
            return Err(Failure::bad_request(anyhow::anyhow!(
                "the file exists; choose another or allow --overwrite: {}",
                path.display()
            )));
        }
    }
    for (format, folder) in folders {
        output::report_folder(folder, args.overwrite)?;
        paths.claim(&folder.join(format.file_name), Kind::File)?;
        output::check_writable(folder)?;
    }
    Ok(paths)
}

fn write(paths: &Paths, format: &Format, path: &Path, run: &RunView) -> Result<(), Failure> {
    let failed = |reason: String| Failure::failed(anyhow::Error::msg(reason));
    match format.content {
        Content::Text(text) => {
            let report = run.report();
            let text = text(&report, &ImageScores::collect(&report)).map_err(|nothing| {
                failed(format!(
                    "there is nothing to write: {nothing}: {}",
                    path.display()
                ))
            })?;
            paths.write(path, text.as_bytes())
        }
        Content::File(bytes) => paths.write(path, &bytes(run).map_err(failed)?),
        Content::Folder(files) => {
            for (name, bytes) in files(run) {
                paths.write(&path.join(name), &bytes.map_err(failed)?)?;
            }
            Ok(())
        }
    }
}
