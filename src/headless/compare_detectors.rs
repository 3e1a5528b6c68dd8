//! `lmd compare-detectors`: several detectors on the same images, the cheap ones first, and which to use.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::collect::Collected;
use super::execute::{self, Request};
use super::fit;
use super::follow::watched;
use super::layouts::LayoutOptions;
use super::options::{ArchitectureOption, FeatureOptions, check_limit, detector_parser};
use super::output::{self, Target};
use super::paths::{Kind, Paths};
use super::score::with_role;
use super::signals::Signals;
use super::{Failure, Outcome, stored, terminal};
use crate::detectors::DetectorSpec;
use crate::detectors::lmd::Lmd;
use crate::engine::fitting::{FitRequest, usual_share};
use crate::engine::ranking::{Account, Candidate, Entry, NotRun, account};
use crate::networks::ModelIdentity;
use crate::networks::checkpoints::ModelSource;
use crate::networks::executors::DeviceChoice;
use crate::ood::Role;
use crate::runs::file::{self, EXTENSION, KeepPictures, StoredScores};
use crate::runs::fit_file::leave_out_fitted;
use crate::runs::{RunImage, RunSettings};

/// Options of `lmd compare-detectors`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model folder; `bundled` (of clothing), `bundled:mnist` (of digits) and `bundled:headct` are inside the program.
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    #[command(flatten)]
    pub architecture: ArchitectureOption,
    /// Images like those the model was trained on, that it was not trained on.
    #[arg(long, value_name = "DIR", num_args = 1.., required_unless_present = "layout")]
    pub in_domain: Vec<PathBuf>,
    /// Images known not to belong: what is found of them decides.
    #[arg(long, value_name = "DIR", num_args = 1.., required_unless_present = "layout")]
    pub out_of_domain: Vec<PathBuf>,
    /// Folders and tables whose names say what is in them.
    #[command(flatten)]
    pub layouts: LayoutOptions,
    /// In-domain images to fit detectors on, e.g. some that the model was trained on
    /// [default: a third of the in-domain images, at most 300, which then have no part in the comparison]
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub fit_on: Vec<PathBuf>,
    /// Compare these only, by the names of --method [default: all]
    #[arg(long, value_name = "NAME", num_args = 1.., value_parser = detector_parser(|_| true))]
    pub method: Vec<DetectorSpec>,
    #[command(flatten)]
    pub features: FeatureOptions,
    /// Use the first N images of each folder only.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Leave out detectors that would take longer than this, all together.
    #[arg(long, value_name = "MINUTES", value_parser = minutes)]
    pub minutes: Option<f64>,
    /// The false-alarm rate at which detectors are held against each other.
    #[arg(long, value_name = "RATE", default_value_t = 0.05, value_parser = rate)]
    pub false_alarm_rate: f64,
    /// Keys the noise, together with each file's content.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Where to run.
    #[arg(long, default_value = "auto")]
    pub device: DeviceChoice,
    /// The folder for the table and a run file of each detector. The same command again uses the runs that are finished.
    #[arg(long, value_name = "DIR")]
    pub output: PathBuf,
    /// Score again what is finished, or write into a folder that holds something else.
    #[arg(long)]
    pub overwrite: bool,
    /// Print the comparison as one JSON object.
    #[arg(long)]
    pub json: bool,
}

fn minutes(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(minutes) if minutes > 0.0 && f64::is_finite(minutes) => Ok(minutes),
        _ => Err(format!(
            "expected a number of minutes above 0, got `{text}`"
        )),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if rate > 0.0 && rate < 1.0 => Ok(rate),
        _ => Err(format!(
            "expected a rate between 0 and 1, e.g. 0.05, got `{text}`"
        )),
    }
}

/// Run the detectors one by one; the table is written after each.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    check_limit(args.limit)?;
    let candidates = chosen(args)?;
    let signals = Signals::catch().map_err(Failure::failed)?;
    let comparison = Comparison::prepare(args, &signals)?;
    let mut account = Account::new(args.false_alarm_rate);
    let write = |account: &Account| account.write(&args.output).map_err(Failure::failed);
    write(&account)?;
    let mut first_failure = None;
    for candidate in candidates {
        match comparison.entries(&candidate, &account, &signals) {
            Ok(Found::Entries(entries)) => account.entries.extend(entries),
            Ok(Found::TooLong(reason)) => account.not_run.push(NotRun::new(&candidate, reason)),
            Ok(Found::Interrupted(outcome)) => {
                terminal::message("what is finished is kept; the same command continues");
                return Ok(outcome);
            }
            // The others' results stay.
            Err(failure) => {
                terminal::message(&format!("{}: {:#}", candidate.label, failure.error));
                account
                    .not_run
                    .push(NotRun::new(&candidate, format!("{:#}", failure.error)));
                first_failure.get_or_insert(failure);
            }
        }
        write(&account)?;
    }
    if let (true, Some(failure)) = (account.entries.is_empty(), first_failure) {
        return Err(failure);
    }
    let text = if args.json {
        account.json().map_err(Failure::failed)?
    } else {
        terminal::message(&account.markdown());
        args.output.display().to_string()
    };
    terminal::answer(&text)?;
    Ok(Outcome::Done)
}

/// What is compared where these detectors are asked for, all where there are none.
fn chosen(args: &Args) -> Result<Vec<Candidate>, Failure> {
    let asked = &args.method;
    let is_asked = |candidate: &Candidate| {
        let name = candidate.detector.about().name;
        asked.is_empty() || asked.iter().any(|spec| spec.about().name == name)
    };
    let mut candidates = Candidate::all(&Lmd::default());
    candidates.retain(is_asked);
    // Only one of them has features of this kind; where it is none, any of them says so.
    let with_features = candidates
        .iter_mut()
        .max_by_key(|it| it.detector.mahalanobis().is_some());
    if let Some(candidate) = with_features {
        args.features.choose(&mut candidate.detector)?;
    }
    Ok(candidates)
}

/// What came of a detector.
enum Found {
    Entries(Vec<Entry>),
    /// Not run, with the reason.
    TooLong(String),
    Interrupted(Outcome),
}

/// What all detectors share.
struct Comparison<'a> {
    args: &'a Args,
    source: ModelSource,
    identity: ModelIdentity,
    num_train_timesteps: usize,
    /// Pixels per side of the model's images.
    side: usize,
    folders: Vec<(Role, PathBuf)>,
    images: Vec<RunImage>,
    /// What detectors are fitted on.
    fit_images: Arc<[RunImage]>,
}

impl<'a> Comparison<'a> {
    fn prepare(args: &'a Args, signals: &Signals) -> Result<Self, Failure> {
        let source = ModelSource::named(&args.model);
        let fit_folders = with_role(Role::InDomain, &args.fit_on);
        let folders = [
            with_role(Role::InDomain, &args.in_domain),
            with_role(Role::OutOfDomain, &args.out_of_domain),
            args.layouts.sources()?,
        ]
        .concat();
        let paths = Paths::new(true).reads_model(&source);
        let all_folders = folders.iter().chain(&fit_folders);
        let mut paths = all_folders.fold(paths, |paths, (_, path)| paths.reads_images(path));
        for name in account::FILES {
            paths.claim(&args.output.join(name), Kind::File)?;
        }
        if !args.output.join(account::JSON).is_file() {
            output::report_folder(&args.output, args.overwrite)?;
        }
        output::check_writable(&args.output)?;
        let checkpoint = args.architecture.load(&source)?;
        let images = collect(&folders, args.limit, signals)?;
        let fit_images = if fit_folders.is_empty() {
            share_to_fit_on(&images)
        } else {
            collect(&fit_folders, args.limit, signals)?
        };
        Ok(Self {
            args,
            source,
            identity: checkpoint.identity.clone(),
            num_train_timesteps: checkpoint.schedule.num_train_timesteps(),
            side: checkpoint.network.image_size,
            folders,
            images,
            fit_images: fit_images.into(),
        })
    }

    /// Score the images by a detector, or take the scores of an earlier run of the same.
    fn entries(
        &self,
        candidate: &Candidate,
        account: &Account,
        signals: &Signals,
    ) -> Result<Found, Failure> {
        let path = self.run_file(candidate);
        let finished = self.finished(&path, candidate);
        if finished.is_none() {
            if let Some(reason) = self.too_long(candidate, account) {
                return Ok(Found::TooLong(reason));
            }
            let Some(settings) = self.settings(candidate, signals)? else {
                let code = signals.exit_code().unwrap_or(130);
                return Ok(Found::Interrupted(Outcome::Interrupted(code)));
            };
            terminal::message(&format!(
                "\n{}: {}",
                candidate.label,
                settings.method.detector.summary()
            ));
            let request = Request {
                source: self.source.clone(),
                // It was saved beside the weights.
                architecture: ArchitectureOption::default(),
                settings,
                is_measure_asked: false,
                fit_files: Vec::new(),
                folders: self.folders.clone(),
                watch: Vec::new(),
                is_json: false,
                shard: None,
                keep_pictures: KeepPictures::None,
                target: Target {
                    report: None,
                    run_file: path.clone(),
                    may_overwrite: true,
                    is_default: false,
                },
            };
            let prepared = execute::prepare(&request, signals)?;
            let (outcome, _) = execute::carry_out(prepared, signals)?;
            if outcome != Outcome::Done {
                return Ok(Found::Interrupted(outcome));
            }
        }
        let run = match finished {
            Some(run) => run,
            None => file::read_scores(&path).map_err(Failure::failed)?,
        };
        Ok(Found::Entries(candidate.entries(&run)))
    }

    /// The settings of a detector's run, with a fit where it needs one; `None` where a signal came meanwhile.
    fn settings(
        &self,
        candidate: &Candidate,
        signals: &Signals,
    ) -> Result<Option<RunSettings>, Failure> {
        let mut settings = self.unfitted(candidate);
        if candidate.detector.fitting().is_some() {
            let num_images = self.fit_images.len();
            terminal::message(&format!(
                "\n{}: fitting on {num_images} images",
                candidate.label
            ));
            let request = FitRequest {
                detector: candidate.detector.clone(),
                seed: self.args.seed,
                resize: settings.method.resize,
                batch: settings.execution.batch,
                images: Arc::clone(&self.fit_images),
            };
            let fitted = watched(signals, |control| {
                let model = (&self.source, ArchitectureOption::default());
                fit::carry_out(model, self.args.device, &request, control)
            })?;
            settings.method.detector = match fitted {
                Err(_) if signals.exit_code().is_some() => return Ok(None),
                fitted => fitted?.0,
            };
        }
        Ok(Some(settings))
    }

    fn unfitted(&self, candidate: &Candidate) -> RunSettings {
        let mut settings = RunSettings::by(candidate.detector.clone());
        settings.method.seed = self.args.seed;
        settings.selection.limit = self.args.limit;
        settings.execution.device = self.args.device;
        settings
    }

    fn run_file(&self, candidate: &Candidate) -> PathBuf {
        (self.args.output.join(&candidate.name)).with_extension(EXTENSION)
    }

    /// A run of the same model, settings and images that is there already. Its fit, where it has one, must be of the images that
    /// would be fitted on, and of the same seed.
    fn finished(&self, path: &Path, candidate: &Candidate) -> Option<StoredScores> {
        if self.args.overwrite || !path.is_file() {
            return None;
        }
        let run = file::read_scores(path).ok()?;
        let mut found = run.manifest.settings().method;
        let mut images = self.images.clone();
        leave_out_fitted(&mut images, &*found.detector);
        if let Some(fitting) = found.detector.fitting_mut() {
            let fitted = fitting.fitted()?;
            let contents = self.fit_images.iter().map(|image| &image.file.hash);
            if !fitted.is_of(self.args.seed, contents) {
                return None;
            }
            fitting.set_fitted(None);
        }
        let method = self.unfitted(candidate).method;
        let is_same = stored::is_same_run(&run, &found, &method, &self.identity, &images);
        (is_same && run.is_finished()).then_some(run)
    }

    /// Why a detector does not fit the time that is left, going by the speed so far.
    fn too_long(&self, candidate: &Candidate, account: &Account) -> Option<String> {
        let limit = self.args.minutes? * 60.0;
        let mut detectors = Vec::new();
        let (mut calls, mut of_calls, mut secs) = (0.0, 0.0, 0.0);
        for entry in &account.entries {
            if !detectors.contains(&&entry.detector) {
                detectors.push(&entry.detector);
                secs += entry.seconds;
                if !entry.counts_seconds {
                    calls += entry.calls;
                    of_calls += entry.seconds;
                }
            }
        }
        let num_images = self.images.len() as f64;
        let mut needed = num_images * candidate.other_secs(self.side);
        if calls > 0.0 {
            needed += num_images * candidate.calls(self.num_train_timesteps) * of_calls / calls;
        }
        needed += candidate.detector.fitting().map_or(0.0, |fitting| {
            fitting.learning_secs(self.side, self.fit_images.len())
        });
        let left = limit - num_images * secs;
        (needed > left).then(|| {
            format!(
                "it would take about {:.1} minutes, and {:.1} of {:.1} are left",
                needed / 60.0,
                (left / 60.0).max(0.0),
                limit / 60.0
            )
        })
    }
}

fn collect(
    folders: &[(Role, PathBuf)],
    limit: Option<usize>,
    signals: &Signals,
) -> Result<Vec<RunImage>, Failure> {
    let mut collected = Collected::until(signals);
    for (role, path) in folders {
        collected.add(*role, path, limit)?;
    }
    collected.settle();
    Ok(collected.images)
}

/// The [usual share](usual_share) of the in-domain images, by nothing but their contents.
fn share_to_fit_on(images: &[RunImage]) -> Vec<RunImage> {
    let in_domain = images.iter().filter(|image| image.role == Role::InDomain);
    let mut images: Vec<RunImage> = in_domain.cloned().collect();
    images.sort_by_key(|image| image.file.hash);
    images.truncate(usual_share(images.len()));
    images
}
