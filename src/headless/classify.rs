//! `lmd classify`: judge new images with a detector file.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::drive::{self, Scored, Work};
use super::options::{ArchitectureOption, check_limit};
use super::signals::Signals;
use super::{Failure, Outcome, stored, terminal};
use crate::networks::checkpoints::{Checkpoint, ModelSource};
use crate::networks::{ModelIdentity, ModelMatch};
use crate::ood::Role;
use crate::ood::discoveries::fewest_discoveries;
use crate::ood::text::percent;
use crate::runs::formats::verdicts_csv;
use crate::runs::report::{ImageScores, text_from_path};
use crate::runs::{BatchChoice, Calibration, Candidate, DeviceChoice, Verdict};

/// Options of `lmd classify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The detector file that `lmd calibrate` or the window wrote; `bundled:headct` is inside the program.
    #[arg(long, value_name = "FILE")]
    pub detector: PathBuf,
    /// Folders, zip or tar archives, Parquet, IDX or NumPy files of images to judge, or single images.
    #[arg(value_name = "FOLDER", required_unless_present = "run")]
    pub folders: Vec<PathBuf>,
    /// Judge the images of this run file, which `lmd score --output NAME.lmdrun` wrote with the detector's model and
    /// settings: such a run may be stopped and resumed.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["folders", "model", "architecture", "limit", "batch", "device"])]
    pub run: Option<PathBuf>,
    /// The detector's model, where it has moved [default: where the detector says]
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub architecture: ArchitectureOption,
    /// Also list images at this false-discovery rate (Benjamini and Hochberg): of those listed, at most this share is
    /// expected to be in-domain.
    #[arg(long, value_name = "RATE")]
    pub fdr: Option<f64>,
    /// Use the first N images of each folder only.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Images in one network call, or auto.
    #[arg(long, default_value = "auto")]
    pub batch: BatchChoice,
    /// Where to run.
    #[arg(long, default_value = "auto")]
    pub device: DeviceChoice,
    /// Print one JSON object.
    #[arg(long, conflicts_with = "csv")]
    pub json: bool,
    /// Print a table: path, score, p-value, q-value and verdict.
    #[arg(long)]
    pub csv: bool,
    /// Exit with 1 if an image is out-of-domain: on the list with `--fdr`, else above the threshold.
    #[arg(long)]
    pub fail_on_ood: bool,
}

/// Judge, print, and say by the exit code whether something was found.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    check_limit(args.limit)?;
    if let Some(rate) = args.fdr.filter(|rate| !(*rate > 0.0 && *rate < 1.0)) {
        return Err(Failure::bad_request(anyhow::anyhow!(
            "--fdr must lie between 0 and 1, got {rate:?}"
        )));
    }
    let detector = Calibration::load(&args.detector).map_err(Failure::bad_request)?;
    let mut work = work(args, &detector);
    let mut caveat = None;
    let mut scored = if let Some(path) = &args.run {
        stored_scores(args, path, &detector, &mut caveat)?
    } else {
        let signals = Signals::catch().map_err(Failure::failed)?;
        let accept = |checkpoint: &Checkpoint| {
            caveat = accept(&detector, &checkpoint.identity, &args.detector)?;
            Ok(())
        };
        drive::score(&mut work, &signals, |_| Ok(()), accept)?
    };
    scored.notes.extend(caveat);
    scored.notes.extend(detector.caveat());
    let verdicts = judge(&detector, &work, &scored);
    let notes = notes(args, &detector, &scored, &verdicts);
    terminal::answer(&answer(args, &detector, &scored, &verdicts, &notes))?;
    tell(args, &scored, &verdicts, &notes);
    if let Some(code) = scored.interrupted {
        return Ok(Outcome::Interrupted(code));
    }
    let is_found = verdicts.iter().any(|verdict| is_out(args, verdict));
    Ok(if args.fail_on_ood && is_found {
        Outcome::Failed
    } else {
        Outcome::Done
    })
}

/// The scores of a run that was made as the detector asks.
fn stored_scores(
    args: &Args,
    path: &Path,
    detector: &Calibration,
    caveat: &mut Option<String>,
) -> Result<Scored, Failure> {
    let (manifest, scored) = stored::read(path)?;
    *caveat = accept(detector, &manifest.model.identity, &args.detector)?;
    let of_run = (manifest.settings()).of_measure(detector.settings.view.measure);
    let differences = of_run.differences(&detector.settings);
    if !differences.is_empty() {
        return Err(Failure::bad_request(anyhow::anyhow!(
            "the run was made with other settings than the detector ({}), so that its scores can't be compared: {}",
            differences.join(", "),
            path.display()
        )));
    }
    Ok(scored)
}

/// The detector's settings, but for what changes no score.
fn work(args: &Args, detector: &Calibration) -> Work {
    let mut settings = detector.settings.clone();
    settings.selection.limit = args.limit;
    settings.execution.batch = args.batch;
    settings.execution.device = args.device;
    Work {
        source: args
            .model
            .as_deref()
            .map_or_else(|| detector.model.source.clone(), ModelSource::named),
        architecture: args.architecture,
        settings,
        is_measure_asked: true,
        folders: args
            .folders
            .iter()
            .map(|path| (Role::Unknown, path.clone()))
            .collect(),
    }
}

/// Refuse another model, whose scores mean nothing here; returns what could not be compared.
fn accept(
    detector: &Calibration,
    model: &ModelIdentity,
    path: &Path,
) -> Result<Option<String>, Failure> {
    if detector.model.identity.is_blank() {
        // It asks none.
        return Ok(None);
    }
    match detector.model.identity.compare(model) {
        ModelMatch::Same => Ok(None),
        ModelMatch::Unproven(caveat) => Ok(Some(caveat)),
        ModelMatch::Different(reason) => Err(Failure::bad_request(anyhow::anyhow!(
            "the detector was made with another model, {}: {reason}; use that model, or calibrate again: {}",
            detector.model.name,
            path.display()
        ))),
    }
}

fn judge(detector: &Calibration, work: &Work, scored: &Scored) -> Vec<Verdict> {
    let report = scored.report(&work.settings);
    let candidates: Vec<Candidate> = ImageScores::collect(&report)
        .iter()
        .filter_map(|image| {
            Some(Candidate {
                image: image.image,
                content: scored.images.get(image.image)?.file.hash,
                score: image.score(work.settings.view.measure)?,
            })
        })
        .collect();
    detector.calibration_set().judge(&candidates)
}

fn is_out(args: &Args, verdict: &Verdict) -> bool {
    match args.fdr {
        Some(rate) => verdict.is_discovery(rate),
        None => verdict.is_out == Some(true),
    }
}

fn notes(
    args: &Args,
    detector: &Calibration,
    scored: &Scored,
    verdicts: &[Verdict],
) -> Vec<String> {
    let mut notes = scored.notes.clone();
    let num_known = verdicts
        .iter()
        .filter(|verdict| verdict.q_value.is_none())
        .count();
    let num_calibration = detector.calibration.len();
    if num_known > 0 && num_calibration > 0 {
        notes.push(format!(
            "{num_known} images belong to the detector's calibration set; their p-values are against the others of it"
        ));
    }
    if let Some(rate) = args.fdr {
        let num_new = verdicts.len() - num_known;
        match fewest_discoveries(num_new, num_calibration, rate) {
            None if num_new > 0 => notes.push(format!(
                "{num_calibration} calibration images are too few for any image to be listed at a false-discovery rate \
                 of {}: no p-value can be below 1/{}",
                percent(rate),
                num_calibration + 1
            )),
            Some(fewest) if fewest > 1 => notes.push(format!(
                "with {num_calibration} calibration images the list at {} is empty unless {fewest} of the {num_new} \
                 images look stranger than every one of them",
                percent(rate)
            )),
            _ => {}
        }
    }
    notes
}

fn answer(
    args: &Args,
    detector: &Calibration,
    scored: &Scored,
    verdicts: &[Verdict],
    notes: &[String],
) -> String {
    let path = |verdict: &Verdict| {
        let image = scored.images.get(verdict.image);
        image.map_or_else(String::new, |image| text_from_path(&image.file.path))
    };
    if args.csv {
        let table = verdicts_csv(&scored.images, verdicts);
        return table.trim_end_matches('\n').to_owned();
    }
    if args.json {
        let images: Vec<serde_json::Value> = verdicts
            .iter()
            .map(|verdict| {
                let mut image = json!({
                    "path": path(verdict),
                    "score": verdict.score,
                    "p_value": verdict.p_value,
                    "q_value": verdict.q_value,
                    "verdict": verdict.name(),
                });
                if let Some(rate) = args.fdr {
                    image["listed"] = verdict.is_discovery(rate).into();
                }
                image
            })
            .collect();
        let count = |test: &dyn Fn(&Verdict) -> bool| verdicts.iter().filter(|v| test(v)).count();
        return json!({
            "detector": args.detector.display().to_string(),
            "threshold": detector.threshold,
            "how": detector.how,
            "distance": detector.settings.view.measure,
            "aggregate": detector.settings.view.aggregate,
            "calibration_images": detector.calibration.len(),
            "fdr": args.fdr,
            "images": images,
            "out_of_domain": count(&|verdict| verdict.is_out == Some(true)),
            "listed": args.fdr.map(|rate| count(&|verdict| verdict.is_discovery(rate))),
            "skipped": scored.num_skipped,
            "notes": notes,
        })
        .to_string();
    }
    let lines: Vec<String> = verdicts
        .iter()
        .map(|verdict| {
            let p_value = verdict
                .p_value
                .map_or_else(|| "-".to_owned(), |p| format!("{p:.4}"));
            let listed = match args.fdr {
                Some(rate) if verdict.is_discovery(rate) => "  listed  ",
                Some(_) => "          ",
                None => "  ",
            };
            format!(
                "{:13}{listed}score {:.4}  p {p_value}  {}",
                verdict.name(),
                verdict.score,
                path(verdict)
            )
        })
        .collect();
    lines.join("\n")
}

fn tell(args: &Args, scored: &Scored, verdicts: &[Verdict], notes: &[String]) {
    let num_out = verdicts
        .iter()
        .filter(|verdict| verdict.is_out == Some(true))
        .count();
    terminal::message(&format!(
        "{num_out} of {} images are out-of-domain, {} files skipped",
        verdicts.len(),
        scored.num_skipped
    ));
    if let Some(rate) = args.fdr {
        let num_listed = verdicts.iter().filter(|v| v.is_discovery(rate)).count();
        terminal::message(&format!(
            "{num_listed} are listed at a false-discovery rate of {}",
            percent(rate)
        ));
    }
    for note in notes {
        terminal::message(&format!("note: {note}"));
    }
}
