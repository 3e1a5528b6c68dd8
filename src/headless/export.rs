//! `lmd export`: take scores, pictures or a report out of a run file, which is only read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::paths::{Kind, Paths};
use super::{Failure, Outcome, output, terminal};
use crate::images::write::encode_png;
use crate::runs::file::{self, StoredRun};
use crate::runs::report::{Report, html_report, images_csv, scores_csv, scores_parquet};
use crate::runs::{AttemptResult, RunSettings};

/// The table that says whose the pictures are.
const IMAGES: &str = "images.csv";

/// Options of `lmd export`.
#[derive(Debug, clap::Args)]
#[command(group(clap::ArgGroup::new("what").required(true).multiple(true).args(["csv", "parquet", "images", "report"])))]
pub struct Args {
    /// The run file; it is not changed.
    #[arg(value_name = "FILE")]
    pub run: PathBuf,
    /// Write every attempt's distances, as scores.csv.
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Write every attempt's distances with its seconds, folder and file hash, as an Apache Parquet file.
    #[arg(long, value_name = "FILE")]
    pub parquet: Option<PathBuf>,
    /// Write the kept pictures as PNG files, and images.csv, which says whose they are.
    #[arg(long, value_name = "DIR")]
    pub images: Option<PathBuf>,
    /// Write one HTML file with everything in it.
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Replace files, and write into a folder that is not empty.
    #[arg(long)]
    pub overwrite: bool,
}

/// Read the run and write what was asked for.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    let paths = check_outputs(args)?;
    let mut stored = file::read(&args.run).map_err(Failure::bad_request)?;
    for sentence in &stored.damage {
        terminal::message(&format!("left out: {sentence}"));
    }
    if let Some(sentence) = stored.what_is_missing() {
        terminal::message(&format!("note: {sentence}"));
    }
    if let Some(path) = &args.parquet {
        let table = scores_parquet(&stored)
            .map_err(|reason| Failure::failed(anyhow::Error::msg(reason)))?;
        paths.write(path, &table)?;
    }
    let results: Vec<Arc<AttemptResult>> = std::mem::take(&mut stored.results)
        .into_iter()
        .map(Arc::new)
        .collect();
    let settings = stored.manifest.settings();
    let notes: Vec<String> = [stored.notices.clone(), stored.damage.clone()].concat();
    let report = report(&stored, &settings, &results, &notes);
    if let Some(path) = &args.csv {
        paths.write(path, scores_csv(&report).as_bytes())?;
    }
    if let Some(folder) = &args.images {
        write_images(&paths, folder, &stored, &report)?;
    }
    if let Some(path) = &args.report {
        let html = html_report(&report, &stored.manifest, &stored.stretches)
            .map_err(|reason| Failure::failed(anyhow::Error::msg(reason)))?;
        paths.write(path, html.as_bytes())?;
    }
    Ok(Outcome::Done)
}

/// Refuse what can be refused before work.
fn check_outputs(args: &Args) -> Result<Paths, Failure> {
    let mut paths = Paths::new(args.overwrite).reads_run(&args.run);
    for path in [&args.csv, &args.parquet, &args.report]
        .into_iter()
        .flatten()
    {
        paths.claim(path, Kind::File)?;
        if path.exists() && !args.overwrite {
            return Err(Failure::bad_request(anyhow::anyhow!(
                "the file exists; choose another or allow --overwrite: {}",
                path.display()
            )));
        }
    }
    if let Some(folder) = &args.images {
        output::report_folder(folder, args.overwrite)?;
        paths.claim(&folder.join(IMAGES), Kind::File)?;
        output::check_writable(folder)?;
    }
    Ok(paths)
}

fn report<'a>(
    stored: &'a StoredRun,
    settings: &'a RunSettings,
    results: &'a [Arc<AttemptResult>],
    notes: &'a [String],
) -> Report<'a> {
    let stretches = stored.stretches.iter().map(|(_, stretch)| stretch);
    Report {
        images: &stored.images,
        results,
        settings,
        network_calls: stretches.clone().map(|stretch| stretch.network_calls).sum(),
        seconds: stretches.map(|stretch| stretch.seconds).sum(),
        num_skipped: stored.manifest.num_skipped + file::num_left_out(&stored.notices),
        notes,
    }
}

/// `000012-original.png`, `000012-attempt-3.png`, …: names from a stranger's file are not used as names here.
fn write_images(
    paths: &Paths,
    folder: &Path,
    stored: &StoredRun,
    report: &Report<'_>,
) -> Result<(), Failure> {
    for (id, image) in stored.stored_images.iter().enumerate() {
        if let Some(png) = &image.original_png {
            paths.write(&folder.join(format!("{id:06}-original.png")), png)?;
        }
    }
    for result in report.results {
        if let Some(picture) = &result.inpainted {
            let name = format!("{:06}-attempt-{}.png", result.image, result.attempt);
            let png = encode_png(picture).map_err(Failure::failed)?;
            paths.write(&folder.join(name), &png)?;
        }
    }
    paths.write(&folder.join(IMAGES), images_csv(report).as_bytes())
}
