//! `lmd calibrate`: a threshold from in-domain images alone, kept in a detector file.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::drive::{self, Scored, Work};
use super::options::{ArchitectureOption, ScoringOptions};
use super::paths::{Kind, Paths};
use super::signals::Signals;
use super::{Failure, Outcome, options, output, stored, terminal};
use crate::detectors::measures;
use crate::networks::checkpoints::{Checkpoint, ModelSource};
use crate::ood::conformal::{self, CalibrationScores};
use crate::ood::text::{measured, percent};
use crate::ood::{MeasureId, Role, ThresholdRule};
use crate::runs::calibration::{self, CalibratedModel, Calibration, CalibrationImage};
use crate::runs::file::Manifest;
use crate::runs::report::{ImageScores, path_from_text};
use crate::runs::{RunImage, RunSettings, marks};

/// Confidence of the interval that is told with the threshold.
const LEVEL: f64 = 0.95;

/// Options of `lmd calibrate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model folder; `bundled` (of clothing), `bundled:mnist` (of digits) and `bundled:headct` are inside the program. Detectors that were fitted without one need none.
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    #[command(flatten)]
    pub architecture: ArchitectureOption,
    /// Folders, zip or tar archives, Parquet, IDX or NumPy files of images like those the model was trained on, but not of its training set;
    /// MODEL:calibration is what the training of that model left alone.
    #[arg(long, value_name = "DIR", num_args = 1.., required_unless_present = "run")]
    pub in_domain: Vec<PathBuf>,
    /// Take the scores of the in-domain images in this run file, which `lmd score --output NAME.lmdrun` wrote: such a run
    /// may be stopped and resumed.
    #[arg(long, value_name = "FILE", conflicts_with_all = fixed_by_a_run())]
    pub run: Option<PathBuf>,
    /// Go by the roles that were corrected by hand (in the window, or by `lmd marks`), which the detector file then says;
    /// without it roles are as they were given when the images were scored.
    #[arg(long, requires = "run")]
    pub corrected: bool,
    /// Share of new in-domain images that the detector may flag; 0.05 needs 19 images, 0.01 needs 99.
    #[arg(long, value_name = "RATE", default_value_t = 0.05)]
    pub false_alarm: f64,
    /// How images are scored.
    #[command(flatten)]
    pub scoring: ScoringOptions,
    /// The detector file to write.
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace a detector file that exists.
    #[arg(long)]
    pub overwrite: bool,
    /// Print what was found as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// All that a run file decides, and what no work needs.
fn fixed_by_a_run() -> Vec<clap::Id> {
    let ids = ["model", "architecture", "in_domain", "batch", "device"].map(clap::Id::from);
    let mut decided = options::deciding_ids();
    // How its scores are looked at is not decided by them.
    decided.retain(|id| *id != "distance" && *id != "aggregate");
    ids.into_iter().chain(decided).collect()
}

/// What a threshold is set from.
struct Basis {
    settings: RunSettings,
    model: CalibratedModel,
    scored: Scored,
    /// Images whose roles were corrected.
    num_corrected: usize,
}

/// Score, set the threshold, write the detector.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    let settings = args.scoring.settings()?;
    check_output(args, &settings)?;
    let mut basis = match &args.run {
        Some(path) => stored_basis(path, args)?,
        None => match scored_basis(args, settings)? {
            Ok(basis) => basis,
            Err(code) => {
                terminal::message(
                    "stopped before the end; no detector was written (a run of `lmd score` can be resumed, and \
                     `lmd calibrate --run` takes its scores)",
                );
                return Ok(Outcome::Interrupted(code));
            }
        },
    };
    let detector = make(&mut basis, args.false_alarm)?;
    let saved = if args.overwrite {
        detector.save(&args.output)
    } else {
        detector.save_new(&args.output)
    };
    saved.map_err(Failure::failed)?;
    let mut scored = basis.scored;
    let warnings = scored.report(&basis.settings).confound_warnings();
    scored.notes.extend(warnings);
    tell(args, &detector, &scored)?;
    Ok(Outcome::Done)
}

/// The in-domain scores of a run file.
fn stored_basis(path: &Path, args: &Args) -> Result<Basis, Failure> {
    let (manifest, mut scored) = stored::read(path)?;
    let num_corrected = if args.corrected {
        correct(&mut scored, path)?
    } else {
        0
    };
    let mut settings = manifest.settings();
    if let Some(measure) = args.scoring.distance {
        check_measure(measure, &manifest, path)?;
        settings.view.measure = measure;
    }
    if let Some(name) = args.scoring.aggregate {
        settings.view.aggregate = name.into();
    }
    let source = match manifest.model.source() {
        ModelSource::Path(path) => {
            ModelSource::Path(path_from_text(&manifest.working_folder).join(path))
        }
        placeless => placeless,
    };
    Ok(Basis {
        settings,
        model: CalibratedModel {
            source: calibration::absolute_source(&source),
            name: manifest.model.name,
            identity: manifest.model.identity,
        },
        scored,
        num_corrected,
    })
}

/// Give images the roles that somebody has corrected; says how many that makes in-domain or takes from these.
fn correct(scored: &mut Scored, path: &Path) -> Result<usize, Failure> {
    let marks = marks::load(path).map_err(Failure::bad_request)?;
    let mut images = scored.images.to_vec();
    let mut num_corrected = 0;
    for image in &mut images {
        let role = marks.role_of(image);
        let matters = [role, image.role].contains(&Role::InDomain);
        num_corrected += usize::from(role != image.role && matters);
        image.role = role;
    }
    scored.images = images.into();
    Ok(num_corrected)
}

/// Refuse a measure that the run has no values of.
fn check_measure(measure: MeasureId, manifest: &Manifest, path: &Path) -> Result<(), Failure> {
    let available = measures::available(&manifest.measures);
    if available.contains(&measure) {
        return Ok(());
    }
    let names: Vec<&str> = available.iter().map(MeasureId::name).collect();
    Err(Failure::bad_request(anyhow::anyhow!(
        "--distance {measure} was not measured by the run, which has {}: {}",
        names.join(", "),
        path.display()
    )))
}

/// New scores, or the exit code of the signal that stopped them.
fn scored_basis(args: &Args, settings: RunSettings) -> Result<Result<Basis, u8>, Failure> {
    let signals = Signals::catch().map_err(Failure::failed)?;
    let measure = settings.view.measure;
    // What the threshold is not of would be scored for nothing.
    let settings = settings.of_measure(measure);
    let mut work = Work {
        source: options::model_source(args.model.as_deref(), args.architecture, &settings)?,
        architecture: args.architecture,
        settings,
        is_measure_asked: args.scoring.distance.is_some(),
        folders: args
            .in_domain
            .iter()
            .map(|path| (Role::InDomain, path.clone()))
            .collect(),
    };
    let mut model = None;
    let remember = |checkpoint: &Checkpoint| {
        model = Some(CalibratedModel {
            source: calibration::absolute_source(&checkpoint.source),
            name: checkpoint.name.clone(),
            identity: checkpoint.identity.clone(),
        });
        Ok(())
    };
    let enough = |images: &[RunImage]| check_count(images.len(), args.false_alarm);
    let scored = drive::score(&mut work, &signals, enough, remember)?;
    if let Some(code) = scored.interrupted {
        return Ok(Err(code));
    }
    let Some(model) = model else {
        return Err(Failure::failed(anyhow::anyhow!("the model was not read")));
    };
    Ok(Ok(Basis {
        settings: work.settings,
        model,
        scored,
        num_corrected: 0,
    }))
}

fn check_output(args: &Args, settings: &RunSettings) -> Result<(), Failure> {
    let output = args.output.as_path();
    let mut paths = Paths::new(args.overwrite).reads_files_of(settings);
    for fitted in &args.scoring.fitted {
        paths = paths.reads(fitted);
    }
    if let Some(run) = &args.run {
        paths = paths.reads_run(run);
    }
    if let Some(model) = &args.model {
        paths = paths.reads_model(&ModelSource::named(model));
    }
    for folder in &args.in_domain {
        paths = paths.reads_images(folder);
    }
    paths.claim(output, Kind::File)?;
    output::check_file(output, args.overwrite, "detector")
}

/// Refuse a rate that the images can't give before scoring them for an hour.
fn check_count(num_images: usize, rate: f64) -> Result<(), Failure> {
    CalibrationScores::new(vec![0.0; num_images])
        .threshold(rate)
        .map(|_| ())
        .map_err(Failure::bad_request)
}

/// A detector from the in-domain scores: one for each content, or a rate would look better founded than it is.
fn make(basis: &mut Basis, rate: f64) -> Result<Calibration, Failure> {
    let Basis {
        settings,
        model,
        scored,
        num_corrected,
    } = basis;
    let report = scored.report(settings);
    let mut contents = HashSet::new();
    let mut num_repeated = 0;
    let calibration: Vec<CalibrationImage> = ImageScores::collect(&report)
        .iter()
        .filter(|image| image.role == Role::InDomain)
        .filter_map(|image| {
            let score = image.score(settings.view.measure)?;
            let file = &scored.images.get(image.image)?.file;
            let is_new = contents.insert(file.hash);
            num_repeated += usize::from(!is_new);
            is_new.then(|| CalibrationImage::new(&file.hash, score))
        })
        .collect();
    if num_repeated > 0 {
        scored.notes.push(format!(
            "{num_repeated} in-domain image files of the run have the same content as another one and count once"
        ));
    }
    let scores: Vec<f64> = calibration.iter().map(|image| image.score).collect();
    let how = ThresholdRule::FalseAlarmRate { rate };
    let threshold = how.threshold(&scores, &[]).map_err(Failure::failed)?;
    let mut detector = Calibration::new(
        model.clone(),
        settings.clone(),
        (threshold, how),
        0,
        calibration,
    );
    detector.num_corrected = *num_corrected;
    scored.notes.extend(detector.caveat());
    Ok(detector)
}

fn tell(args: &Args, detector: &Calibration, scored: &Scored) -> Result<(), Failure> {
    let count = detector.calibration.len();
    let range = conformal::rate_interval(count, args.false_alarm, LEVEL);
    terminal::message(&format!(
        "threshold {}: on average at most {} of new in-domain images are flagged, by {count} in-domain scores ({}, {})",
        detector.threshold,
        percent(args.false_alarm),
        measures::label(&detector.settings.view.measure),
        detector.settings.view.aggregate.name(),
    ));
    if let Some(range) = range {
        terminal::message(&format!(
            "for this one set of images the true rate lies between {} and {} with a confidence of {}; more images narrow \
             that down",
            measured(range.low),
            measured(range.high),
            percent(LEVEL),
        ));
    }
    for note in &scored.notes {
        terminal::message(&format!("note: {note}"));
    }
    let answer = if args.json {
        json!({
            "detector": args.output.display().to_string(),
            "threshold": detector.threshold,
            "false_alarm_rate": args.false_alarm,
            "false_alarm_interval": range.map(|range| json!({
                "low": range.low,
                "high": range.high,
                "level": LEVEL,
            })),
            "images": count,
            "skipped": scored.num_skipped,
            "model": detector.model,
            "settings": detector.settings,
            "notes": scored.notes,
        })
        .to_string()
    } else {
        args.output.display().to_string()
    };
    terminal::answer(&answer)
}
