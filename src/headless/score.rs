//! `lmd score`: score folders of images and write a report.

use std::path::PathBuf;

use clap::ValueEnum;

use super::execute::{self, Request};
use super::signals::Signals;
use super::{Failure, Outcome, output, resume, shard, terminal};
use crate::diffusion::{SamplerKind, SamplerSettings};
use crate::images::Fit;
use crate::networks::checkpoints::ModelSource;
use crate::ood::{Aggregate, Distance, MaskKind, Role};
use crate::runs::file::{KeepPictures, Shard};
use crate::runs::{BatchChoice, DeviceChoice, Lift, RunSettings};

/// Options of `lmd score`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model folder; `bundled` is the model inside the program.
    #[arg(long, value_name = "DIR", required_unless_present = "resume")]
    pub model: Option<PathBuf>,
    /// Folders of images like those the model was trained on.
    #[arg(long, value_name = "DIR", num_args = 1.., required_unless_present = "resume")]
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
    /// Images in one network call, or auto [default: auto]
    #[arg(long)]
    pub batch: Option<BatchChoice>,
    /// Where to run: auto, cpu, candle-cpu, cuda, cuda:N or metal [default: auto]
    #[arg(long)]
    pub device: Option<DeviceChoice>,
    /// Score only part I of N of the images, to share a list between machines; auto reads the variables of a Slurm array
    /// (or `JOB_COMPLETION_INDEX` of Kubernetes, and `LMD_SHARD_COUNT`).
    #[arg(long, value_name = "I/N", value_parser = shard::parse)]
    pub shard: Option<Shard>,
    /// Which inpainted pictures the run file keeps.
    #[arg(long, value_enum, default_value = "all")]
    pub keep_pictures: KeepName,
    /// Go on with a run that was stopped.
    #[arg(long, value_name = "FILE", conflicts_with_all = FIXED_BY_A_RUN)]
    pub resume: Option<PathBuf>,
    /// Resume without the images whose files are missing or have changed.
    #[arg(long, requires = "resume")]
    pub skip_changed: bool,
    /// A run file to write (NAME.lmdrun), or a report folder, which gets run.lmdrun too
    /// [default: ./lmd-report-YYYYMMDD-HHMMSS]
    #[arg(long, value_name = "PATH")]
    pub output: Option<PathBuf>,
    /// Replace a run file, or write into a folder that is not empty.
    #[arg(long)]
    pub overwrite: bool,
    /// Print the summary as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// What a run file decides.
const FIXED_BY_A_RUN: [&str; 18] = [
    "in_domain",
    "out_of_domain",
    "unknown",
    "mask",
    "grid",
    "attempts",
    "lift",
    "start_timestep",
    "sampler",
    "steps",
    "eta",
    "distance",
    "aggregate",
    "fit",
    "limit",
    "seed",
    "shard",
    "keep_pictures",
];

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

/// [`KeepPictures`] by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum KeepName {
    /// Each attempt's.
    All,
    /// The median attempt's.
    Median,
    /// None.
    None,
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
            batch: self.batch.unwrap_or(BatchChoice::Auto),
            device: self.device.unwrap_or(DeviceChoice::Auto),
            fit: match self.fit {
                FitName::Crop => Fit::Crop,
                FitName::Pad => Fit::Pad,
                FitName::Stretch => Fit::Stretch,
            },
        }
    }
}

/// Score, write the report, print what was asked for.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    if args.limit == Some(0) {
        return Err(Failure::bad_request(anyhow::anyhow!(
            "--limit must be at least 1, got 0"
        )));
    }
    let signals = Signals::catch().map_err(Failure::failed)?;
    let prepared = match &args.resume {
        Some(path) => resume::prepare(path, args)?,
        None => execute::prepare(&request(args)?)?,
    };
    let shown = prepared.target.shown().display().to_string();
    let (outcome, summary) = execute::carry_out(prepared, &signals)?;
    if args.json {
        let json = serde_json::to_string(&summary).map_err(Failure::failed)?;
        terminal::answer(&json)?;
    } else {
        terminal::answer(&shown)?;
    }
    Ok(outcome)
}

fn request(args: &Args) -> Result<Request, Failure> {
    let with_role = |role, paths: &[PathBuf]| {
        paths
            .iter()
            .map(|path| (role, path.clone()))
            .collect::<Vec<_>>()
    };
    Ok(Request {
        // The options ask for one unless a run is resumed.
        source: (args.model.as_deref()).map_or(ModelSource::Bundled, ModelSource::named),
        settings: args.settings(),
        folders: [
            with_role(Role::InDomain, &args.in_domain),
            with_role(Role::OutOfDomain, &args.out_of_domain),
            with_role(Role::Unknown, &args.unknown),
        ]
        .concat(),
        shard: args.shard,
        keep_pictures: match args.keep_pictures {
            KeepName::All => KeepPictures::All,
            KeepName::Median => KeepPictures::Median,
            KeepName::None => KeepPictures::None,
        },
        target: output::target(args.output.as_deref(), args.overwrite)?,
    })
}
