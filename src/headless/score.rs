//! `lmd score`: score folders of images and write a report.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use clap::ValueEnum;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::collect::Collected;
use super::signals::Signals;
use super::{Failure, Outcome, output, terminal};
use crate::diffusion::{SamplerKind, SamplerSettings};
use crate::images::Fit;
use crate::networks::checkpoints::ModelSource;
use crate::ood::{Aggregate, Distance, MaskKind, Role};
use crate::runs::report::{Report, Summary};
use crate::runs::{BatchChoice, DeviceChoice, Lift, ResultLog, RunImage, RunSettings};
use crate::worker::handle::{SendError, WorkerHandle, no_wake};
use crate::worker::plan::Plan;
use crate::worker::protocol::{Command, Control, Event, JobId, Progress, RunRequest};

/// How often a waiting driver looks for signals.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// Options of `lmd score`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model folder; `bundled` is the model inside the program.
    #[arg(long, value_name = "DIR")]
    pub model: PathBuf,
    /// Folders of images like those the model was trained on.
    #[arg(long, value_name = "DIR", num_args = 1.., required = true)]
    pub in_domain: Vec<PathBuf>,
    /// Folders of images known not to belong.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub out_of_domain: Vec<PathBuf>,
    /// Folders of images to be judged.
    #[arg(long, value_name = "DIR", num_args = 1..)]
    pub unknown: Vec<PathBuf>,
    /// alternating-checkerboard, checkerboard, center, random-patch, or a mask image's path (white is known).
    #[arg(long, default_value = "alternating-checkerboard", value_parser = parse_mask)]
    pub mask: MaskKind,
    /// Cells a side of the grid masks.
    #[arg(long, default_value_t = 8)]
    pub grid: usize,
    /// Reconstructions an image.
    #[arg(long, default_value_t = 10)]
    pub attempts: usize,
    /// Hide a part and inpaint it, or add noise and denoise.
    #[arg(long, value_enum, default_value = "inpaint")]
    pub lift: LiftName,
    /// Training timestep that the denoising lift starts from.
    #[arg(long, default_value_t = 500)]
    pub start_timestep: usize,
    /// The sampler.
    #[arg(long, value_enum, default_value = "ddim")]
    pub sampler: SamplerName,
    /// Denoising steps [default: 25 with ddim, all training steps with ddpm]
    #[arg(long)]
    pub steps: Option<usize>,
    /// DDIM's noise, 0 to 1.
    #[arg(long, default_value_t = 1.0)]
    pub eta: f64,
    /// The distance shown first; all three are always computed.
    #[arg(long, value_enum, default_value = "lpips")]
    pub distance: DistanceName,
    /// How attempts become one score.
    #[arg(long, value_enum, default_value = "median")]
    pub aggregate: AggregateName,
    /// How a picture is brought to the model's square.
    #[arg(long, value_enum, default_value = "crop")]
    pub fit: FitName,
    /// Use the first N images of each folder only.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Keys the noise, together with each file's content.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Images in one network call, or auto.
    #[arg(long, default_value = "auto")]
    pub batch: BatchChoice,
    /// Where to run: auto, cpu, candle-cpu, cuda, cuda:N or metal.
    #[arg(long, default_value = "auto")]
    pub device: DeviceChoice,
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

/// [`Lift`] by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LiftName {
    /// Hide and inpaint.
    Inpaint,
    /// Add noise and denoise.
    Denoise,
}

/// [`SamplerKind`] by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum SamplerName {
    /// Few steps.
    Ddim,
    /// Ancestral.
    Ddpm,
}

/// [`Distance`] by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum DistanceName {
    /// Perceptual.
    Lpips,
    /// Structural.
    Ssim,
    /// Pixels.
    Mse,
}

/// [`Aggregate`] by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum AggregateName {
    /// The paper's.
    Median,
    /// Arithmetic.
    Mean,
    /// Smallest.
    Min,
    /// Largest.
    Max,
}

/// [`Fit`] by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum FitName {
    /// Largest centered square.
    Crop,
    /// Bars around it.
    Pad,
    /// Distorted.
    Stretch,
}

#[expect(clippy::unnecessary_wraps, reason = "clap wants a Result")]
fn parse_mask(text: &str) -> Result<MaskKind, std::convert::Infallible> {
    Ok(match text {
        "alternating-checkerboard" => MaskKind::AlternatingCheckerboard,
        "checkerboard" => MaskKind::Checkerboard,
        "center" => MaskKind::Center,
        "random-patch" => MaskKind::RandomPatch,
        path => MaskKind::File(path.into()),
    })
}

impl Args {
    /// The run settings that the options ask for.
    pub fn settings(&self) -> RunSettings {
        RunSettings {
            mask: self.mask.clone(),
            grid: self.grid,
            num_attempts: self.attempts,
            lift: match self.lift {
                LiftName::Inpaint => Lift::Inpaint,
                LiftName::Denoise => Lift::Denoise {
                    start_timestep: self.start_timestep,
                },
            },
            sampler: SamplerSettings {
                kind: match self.sampler {
                    SamplerName::Ddim => SamplerKind::Ddim,
                    SamplerName::Ddpm => SamplerKind::Ddpm,
                },
                num_steps: self.steps,
                eta: self.eta,
            },
            distance: match self.distance {
                DistanceName::Lpips => Distance::Lpips,
                DistanceName::Ssim => Distance::Ssim,
                DistanceName::Mse => Distance::Mse,
            },
            aggregate: match self.aggregate {
                AggregateName::Median => Aggregate::Median,
                AggregateName::Mean => Aggregate::Mean,
                AggregateName::Min => Aggregate::Min,
                AggregateName::Max => Aggregate::Max,
            },
            limit: self.limit,
            seed: self.seed,
            batch: self.batch,
            device: self.device,
            fit: match self.fit {
                FitName::Crop => Fit::Crop,
                FitName::Pad => Fit::Pad,
                FitName::Stretch => Fit::Stretch,
            },
        }
    }
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
    if args.limit == Some(0) {
        return Err(Failure::bad_request(anyhow::anyhow!(
            "--limit must be at least 1, got 0"
        )));
    }
    let request = Request {
        source: ModelSource::named(&args.model),
        settings: args.settings(),
        folders: [
            with_role(Role::InDomain, &args.in_domain),
            with_role(Role::OutOfDomain, &args.out_of_domain),
            with_role(Role::Unknown, &args.unknown),
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

/// Score a request's folders and write the report; an interrupted run reports what it has.
pub fn execute(request: &Request) -> Result<(Outcome, Summary), Failure> {
    let signals = Signals::catch().map_err(Failure::failed)?;
    let mut collected = Collected::default();
    for (role, path) in &request.folders {
        collected.add(*role, path, request.settings.limit)?;
    }
    collected.note_shared_content();
    check(request, &collected.images)?;
    output::check_writable(&request.output)?;

    let images: Arc<[RunImage]> = collected.images.into();
    let results = Arc::new(ResultLog::default());
    let (mut finished, interrupted) = drive(request, &images, &results, &signals)?;
    collected.notes.append(&mut finished.notes);
    if interrupted.is_some() {
        collected.notes.push(
            "the run was stopped before its end; the figures are of what was done".to_owned(),
        );
    }
    let results = results.since(0);
    let report = Report {
        images: &images,
        results: &results,
        settings: &request.settings,
        network_calls: finished.progress.network_calls,
        seconds: finished.progress.network_secs,
        num_skipped: collected.num_skipped + finished.progress.images_skipped,
        notes: &collected.notes,
    };
    let summary = report.write(&request.output).map_err(Failure::failed)?;
    print_summary(&summary, request);
    let outcome = interrupted.map_or(Outcome::Done, Outcome::Interrupted);
    Ok((outcome, summary))
}

/// Refuse what can be refused before work: the model, the device, and settings that don't fit them.
fn check(request: &Request, images: &[RunImage]) -> Result<(), Failure> {
    let checkpoint =
        crate::networks::checkpoints::load(&request.source).map_err(Failure::bad_request)?;
    let geometry = crate::images::Geometry {
        channels: checkpoint.network.in_channels,
        side: checkpoint.network.image_size,
    };
    Plan::new(
        &request.settings,
        images,
        geometry,
        checkpoint.schedule.num_train_timesteps(),
    )
    .map_err(Failure::bad_request)?;
    Ok(())
}

/// Where a run ended.
struct Finished {
    progress: Progress,
    notes: Vec<String>,
}

fn drive(
    request: &Request,
    images: &Arc<[RunImage]>,
    results: &Arc<ResultLog>,
    signals: &Signals,
) -> Result<(Finished, Option<u8>), Failure> {
    let worker = WorkerHandle::start(no_wake()).map_err(Failure::failed)?;
    let control = Control::default();
    let commands = [
        Command::OpenModel {
            job: JobId(1),
            source: request.source.clone(),
            device: request.settings.device,
            control: control.clone(),
        },
        Command::Run {
            job: JobId(2),
            request: RunRequest {
                settings: request.settings.clone(),
                images: Arc::clone(images),
                results: Arc::clone(results),
            },
            control: control.clone(),
        },
    ];
    for command in commands {
        worker.send(command).map_err(Failure::failed)?;
    }
    let bar = progress_bar();
    let mut notes = Vec::new();
    loop {
        if signals.exit_code().is_some() {
            control.cancel();
        }
        let Some(event) = next_event(&worker)? else {
            continue;
        };
        match event {
            Event::ModelOpened { info, .. } => {
                let line = format!("{} on {}", info.name, info.device);
                bar.suspend(|| terminal::message(&line));
            }
            Event::Progress { progress, .. } => show(&bar, &progress),
            Event::Notice { notice, .. } => {
                let path = notice
                    .path
                    .map_or_else(String::new, |path| format!(": {}", path.display()));
                bar.suspend(|| terminal::message(&format!("{}{path}", notice.message)));
                notes.push(format!("{}{path}", notice.message));
            }
            Event::Done {
                job: JobId(2),
                progress,
            } => {
                bar.finish_and_clear();
                return Ok((Finished { progress, notes }, None));
            }
            Event::Cancelled { progress, .. } => {
                bar.finish_and_clear();
                let code = signals.exit_code().unwrap_or(130);
                return Ok((Finished { progress, notes }, Some(code)));
            }
            Event::Failed { job, message } => {
                bar.finish_and_clear();
                let error = anyhow::Error::msg(message);
                return Err(if job == JobId(1) {
                    Failure::bad_request(error)
                } else {
                    Failure::failed(error)
                });
            }
            Event::Traced { .. } | Event::Done { .. } => {}
        }
    }
}

/// The next event, or nothing for a while.
fn next_event(worker: &WorkerHandle) -> Result<Option<Event>, Failure> {
    match worker.recv_timeout(POLL_INTERVAL) {
        Ok(event) => Ok(event),
        Err(err @ (SendError::Gone | SendError::Busy)) => Err(Failure::failed(err)),
    }
}

fn progress_bar() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    // A malformed template would be a bug that the first run shows; the plain bar serves meanwhile.
    if let Ok(style) =
        ProgressStyle::with_template("{bar:30} {pos}/{len} attempts, {eta} left, {msg}")
    {
        bar.set_style(style);
    }
    bar
}

fn show(bar: &ProgressBar, progress: &Progress) {
    bar.set_length(progress.num_attempts as u64);
    bar.set_position(progress.attempts_done as u64);
    bar.set_message(format!(
        "{:.0} calls/s, {}",
        progress.calls_per_second(),
        progress.activity
    ));
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
