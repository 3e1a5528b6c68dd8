//! `lmd score`: score folders of images and write a report.

use std::path::PathBuf;

use super::drive::{self, Work};
use super::options::ScoringOptions;
use super::{Failure, Outcome, output, terminal};
use crate::images::labels;
use crate::networks::checkpoints::ModelSource;
use crate::ood::Role;
use crate::runs::RunSettings;
use crate::runs::report::Summary;

/// Options of `lmd score`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model folder; `bundled` is the model inside the program.
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Folders of images like those the model was trained on.
    #[arg(long, value_name = "DIR", num_args = 1.., required_unless_present = "labels")]
    pub in_domain: Vec<PathBuf>,
    /// Folders of images known not to belong.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub out_of_domain: Vec<PathBuf>,
    /// Folders of images to be judged.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub unknown: Vec<PathBuf>,
    /// CSV files with the columns path and label (in-domain, out-of-domain or unknown), instead of folders or beside them.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub labels: Vec<PathBuf>,
    /// How images are scored.
    #[command(flatten)]
    pub scoring: ScoringOptions,
    /// The report folder [default: ./lmd-report-YYYYMMDD-HHMMSS]
    #[arg(long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Write into a folder that is not empty.
    #[arg(long)]
    pub overwrite: bool,
    /// Print the summary as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Everything a headless run needs.
#[derive(Clone, Debug)]
pub struct Request {
    /// The model.
    pub source: ModelSource,
    /// All settings.
    pub settings: RunSettings,
    /// Folders with their roles.
    pub folders: Vec<(Role, PathBuf)>,
    /// The report folder.
    pub output: PathBuf,
}

/// Score, write the report, print what was asked for.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    let with_role = |role, paths: &[PathBuf]| {
        paths
            .iter()
            .map(|path| (role, path.clone()))
            .collect::<Vec<_>>()
    };
    args.scoring.check()?;
    let request = Request {
        source: ModelSource::named(&args.model),
        settings: args.scoring.settings(),
        folders: [
            with_role(Role::InDomain, &args.in_domain),
            with_role(Role::OutOfDomain, &args.out_of_domain),
            with_role(Role::Unknown, &args.unknown),
            from_tables(&args.labels)?,
        ]
        .concat(),
        output: output::report_folder(args.output.as_deref(), args.overwrite)?,
    };
    let (outcome, summary) = execute(&request)?;
    if args.json {
        let json = serde_json::to_string(&summary).map_err(Failure::failed)?;
        terminal::answer(&json)?;
    } else {
        terminal::answer(&request.output.display().to_string())?;
    }
    Ok(outcome)
}

/// Each table stands for a folder of each role that it names.
fn from_tables(tables: &[PathBuf]) -> Result<Vec<(Role, PathBuf)>, Failure> {
    let mut folders = Vec::new();
    for table in tables {
        let entries = labels::read(table).map_err(Failure::bad_request)?;
        if !labels::is_table(table) {
            return Err(Failure::bad_request(anyhow::anyhow!(
                "a table of labels must be a .csv file: {}",
                table.display()
            )));
        }
        let named = |role: &Role| entries.iter().any(|(_, of)| of == role);
        let roles = Role::ALL.into_iter().filter(named);
        folders.extend(roles.map(|role| (role, table.clone())));
    }
    Ok(folders)
}

/// Score a request's folders and write the report; an interrupted run reports what it has.
pub fn execute(request: &Request) -> Result<(Outcome, Summary), Failure> {
    let work = Work {
        source: request.source.clone(),
        settings: request.settings.clone(),
        folders: request.folders.clone(),
    };
    let scored = drive::score(
        &work,
        |_| Ok(()),
        || output::check_writable(&request.output),
    )?;
    let report = scored.report(&request.settings);
    let summary = report.write(&request.output).map_err(Failure::failed)?;
    print_summary(&summary, request);
    let outcome = scored
        .interrupted
        .map_or(Outcome::Done, Outcome::Interrupted);
    Ok((outcome, summary))
}

fn print_summary(summary: &Summary, request: &Request) {
    let images = &summary.images;
    terminal::message(&format!(
        "{} in-domain, {} out-of-domain, {} unknown images scored, {} files skipped",
        images.r#in, images.out, images.unknown, images.skipped
    ));
    if let Some(auroc) = &summary.auroc {
        let show = |value: Option<f64>| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
        };
        terminal::message(&format!(
            "AUROC: LPIPS {}, 1 - SSIM {}, MSE {}",
            show(auroc.lpips),
            show(auroc.ssim),
            show(auroc.mse)
        ));
    }
    for note in &summary.notes {
        terminal::message(&format!("note: {note}"));
    }
    terminal::message(&format!(
        "{} network calls in {:.1} s ({:.1} a second); report in {}",
        summary.network_calls,
        summary.seconds,
        summary.calls_per_second,
        request.output.display()
    ));
}
