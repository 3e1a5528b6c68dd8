//! The options that decide scores: the same for every subcommand that makes some.

use clap::ValueEnum;

use super::Failure;
use crate::diffusion::{SamplerKind, SamplerSettings};
use crate::images::Fit;
use crate::ood::{Aggregate, Distance, MaskKind};
use crate::runs::{BatchChoice, DeviceChoice, Lift, RunSettings};

/// How images are scored.
#[derive(Clone, Debug, clap::Args)]
pub struct ScoringOptions {
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

impl ScoringOptions {
    /// Refuse numbers that no run can use.
    pub fn check(&self) -> Result<(), Failure> {
        check_limit(self.limit)
    }

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

/// Refuse to use no image at all.
pub fn check_limit(limit: Option<usize>) -> Result<(), Failure> {
    if limit == Some(0) {
        return Err(Failure::bad_request(anyhow::anyhow!(
            "--limit must be at least 1, got 0"
        )));
    }
    Ok(())
}
