//! The options of LMD's settings.

use std::path::PathBuf;

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::detectors::lmd::{Lift, Lmd};
use crate::diffusion::samplers::{Resampling, SAMPLERS};
use crate::diffusion::{SamplerKind, SamplerSettings};
use crate::headless::Failure;
use crate::networks::distances::DistanceWeights;
use crate::ood::MaskKind;

/// Start timestep of the denoising lift, as the paper has it.
const USUAL_START: usize = 500;

/// Only those that were given: another detector has none of them.
#[derive(Clone, Debug, clap::Args)]
pub struct LmdOptions {
    /// Settings to begin with; options beside it change single ones [default: those that are named with the options]
    #[arg(long, value_enum)]
    preset: Option<PresetName>,
    /// alternating-checkerboard, checkerboard, center, random-patch, or a mask image's path (white is known)
    /// [default: alternating-checkerboard]
    #[arg(long, value_parser = parse_mask)]
    mask: Option<MaskKind>,
    /// Cells per side of the grid masks [default: 8]
    #[arg(long)]
    grid: Option<usize>,
    /// Reconstructions per image [default: 10]
    #[arg(long)]
    attempts: Option<usize>,
    /// Hide a part and inpaint it, or add noise and denoise [default: inpaint]
    #[arg(long, value_enum)]
    lift: Option<LiftName>,
    /// Training timestep that the denoising lift starts from [default: 500]
    #[arg(long)]
    start_timestep: Option<usize>,
    /// The sampler [default: ddim]
    #[arg(long, value_name = "NAME", value_parser = sampler_parser())]
    sampler: Option<SamplerKind>,
    /// Denoising steps [default: as the sampler says]
    #[arg(long)]
    steps: Option<usize>,
    /// The noise of samplers that use it, 0 to 1 [default: 1]
    #[arg(long)]
    eta: Option<f64>,
    /// Steps of a stretch that the sampler repaint takes several times [default: 1]
    #[arg(long)]
    jump_length: Option<usize>,
    /// Times that it takes each stretch [default: 5]
    #[arg(long)]
    jump_count: Option<usize>,
    /// Weights of further distances, told apart by what they hold: LPIPS v0.1 with VGG16 (lpips-vgg) or SqueezeNet
    /// (lpips-squeeze), or torchvision's file of these networks and that of LPIPS's linear layers, SimCLRv2 (simclr); .pth
    /// or .safetensors. Each distance is measured beside the usual ones
    #[arg(long, value_name = "FILE", num_args = 1..)]
    distance_weights: Vec<PathBuf>,
}

/// Settings of a published experiment.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum PresetName {
    /// The paper's 32x32 models as its code runs them: alternating checkerboard 8, 10 attempts, all steps of the authors'
    /// predictor; for models in continuous time, sub-VP or VP
    Paper,
    /// Its 256x256 models: the same mask, 1 attempt, the authors' predictor and corrector; for VE models
    #[value(name = "paper-256")]
    Paper256,
}

impl PresetName {
    fn settings(self) -> Lmd {
        let (kind, num_attempts) = match self {
            Self::Paper => (SamplerKind::PREDICTOR, 10),
            Self::Paper256 => (SamplerKind::CORRECTOR, 1),
        };
        Lmd {
            mask: MaskKind::AlternatingCheckerboard,
            grid: 8,
            num_attempts,
            lift: Lift::Inpaint,
            sampler: SamplerSettings {
                kind,
                num_steps: None,
                ..SamplerSettings::default()
            },
            distance_weights: Vec::new(),
        }
    }
}

/// [`Lift`] by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum LiftName {
    /// Hide and inpaint.
    Inpaint,
    /// Add noise and denoise.
    Denoise,
}

fn sampler_parser() -> impl TypedValueParser<Value = SamplerKind> {
    let names = SAMPLERS
        .iter()
        .map(|sampler| PossibleValue::new(sampler.name).help(sampler.help));
    PossibleValuesParser::new(names)
        .try_map(|name| SamplerKind::named(&name).ok_or("there is no such sampler"))
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

impl LmdOptions {
    /// The settings that the options ask for; reads the files of weights.
    pub fn settings(&self) -> Result<Lmd, Failure> {
        let usual = (self.preset).map_or_else(Lmd::default, PresetName::settings);
        Ok(Lmd {
            mask: self.mask.clone().unwrap_or(usual.mask),
            grid: self.grid.unwrap_or(usual.grid),
            num_attempts: self.attempts.unwrap_or(usual.num_attempts),
            lift: match self.lift {
                None => usual.lift,
                Some(LiftName::Inpaint) => Lift::Inpaint,
                Some(LiftName::Denoise) => Lift::Denoise {
                    start_timestep: self.start_timestep.unwrap_or(USUAL_START),
                },
            },
            sampler: SamplerSettings {
                kind: self.sampler.unwrap_or(usual.sampler.kind),
                num_steps: self.steps.or(usual.sampler.num_steps),
                eta: self.eta.unwrap_or(usual.sampler.eta),
                resampling: Resampling {
                    jump_length: (self.jump_length).unwrap_or(usual.sampler.resampling.jump_length),
                    jump_count: (self.jump_count).unwrap_or(usual.sampler.resampling.jump_count),
                },
            },
            distance_weights: self.weights()?,
        })
    }

    /// The weights of further distances that were given.
    pub fn weights(&self) -> Result<Vec<DistanceWeights>, Failure> {
        let mut all: Vec<DistanceWeights> = Vec::with_capacity(self.distance_weights.len());
        let given = DistanceWeights::identify_all(&self.distance_weights);
        for weights in given.map_err(Failure::bad_request)? {
            if let Some(other) = all.iter().find(|it| it.distance == weights.distance) {
                return Err(Failure::bad_request(anyhow::anyhow!(
                    "two files of --distance-weights are for {}; leave one of them out: {} and {}",
                    weights.distance,
                    other.file.display(),
                    weights.file.display()
                )));
            }
            all.push(weights);
        }
        Ok(all)
    }

    /// The names of those that were given.
    pub fn given(&self) -> Vec<&'static str> {
        // Taken apart whole, so that a new option can't be forgotten here.
        let Self {
            preset,
            mask,
            grid,
            attempts,
            lift,
            start_timestep,
            sampler,
            steps,
            eta,
            jump_length,
            jump_count,
            distance_weights,
        } = self;
        let all = [
            ("preset", preset.is_some()),
            ("mask", mask.is_some()),
            ("grid", grid.is_some()),
            ("attempts", attempts.is_some()),
            ("lift", lift.is_some()),
            ("start-timestep", start_timestep.is_some()),
            ("sampler", sampler.is_some()),
            ("steps", steps.is_some()),
            ("eta", eta.is_some()),
            ("jump-length", jump_length.is_some()),
            ("jump-count", jump_count.is_some()),
            ("distance-weights", !distance_weights.is_empty()),
        ];
        let given = all.iter().filter(|(_, is_given)| *is_given);
        given.map(|(name, _)| *name).collect()
    }
}
