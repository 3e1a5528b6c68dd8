//! The options that decide scores: the same for every subcommand that makes some.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args as _, ValueEnum};

use super::Failure;
use crate::detectors::measures;
use crate::diffusion::samplers::SAMPLERS;
use crate::diffusion::{SamplerKind, SamplerSettings};
use crate::images::ResizeMode;
use crate::ood::{Aggregate, MaskKind, MeasureId};
use crate::runs::{BatchChoice, DeviceChoice, Lift, RunSettings};

/// How images are scored.
#[derive(Clone, Debug, clap::Args)]
pub struct ScoringOptions {
    /// alternating-checkerboard, checkerboard, center, random-patch, or a mask image's path (white is known).
    #[arg(long, default_value = "alternating-checkerboard", value_parser = parse_mask)]
    pub mask: MaskKind,
    /// Cells per side of the grid masks.
    #[arg(long, default_value_t = 8)]
    pub grid: usize,
    /// Reconstructions per image.
    #[arg(long, default_value_t = 10)]
    pub attempts: usize,
    /// Hide a part and inpaint it, or add noise and denoise.
    #[arg(long, value_enum, default_value = "inpaint")]
    pub lift: LiftName,
    /// Training timestep that the denoising lift starts from.
    #[arg(long, default_value_t = 500)]
    pub start_timestep: usize,
    /// The sampler.
    #[arg(long, value_name = "NAME", default_value_t = SamplerSettings::default().kind, value_parser = sampler_parser())]
    pub sampler: SamplerKind,
    /// Denoising steps [default: as the sampler says]
    #[arg(long)]
    pub steps: Option<usize>,
    /// The noise of samplers that use it, 0 to 1.
    #[arg(long, default_value_t = 1.0)]
    pub eta: f64,
    /// The distance that scores are by; mse, ssim and lpips are computed in any case
    /// [default: lpips, or ssim where the model's images are too small for it]
    #[arg(long, value_name = "NAME", value_parser = measure_parser())]
    pub distance: Option<MeasureId>,
    /// How attempts become one score.
    #[arg(long, value_enum, default_value = "median")]
    pub aggregate: AggregateName,
    /// How a picture is brought to the model's square.
    #[arg(long, value_enum, default_value = "crop")]
    pub fit: ResizeModeName,
    /// Use the first N images of each folder only.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Keys the noise, together with each file's content.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Images in one network call, or auto [default: auto]
    #[arg(long)]
    pub batch: Option<BatchChoice>,
    /// Where to run [default: auto]
    #[arg(long)]
    pub device: Option<DeviceChoice>,
}

/// [`Lift`] by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum LiftName {
    /// Hide and inpaint.
    Inpaint,
    /// Add noise and denoise.
    Denoise,
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

/// [`ResizeMode`] by name.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum ResizeModeName {
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

fn sampler_parser() -> impl TypedValueParser<Value = SamplerKind> {
    let names = SAMPLERS
        .iter()
        .map(|sampler| PossibleValue::new(sampler.name).help(sampler.help));
    PossibleValuesParser::new(names)
        .try_map(|name| SamplerKind::named(&name).ok_or("there is no such sampler"))
}

fn measure_parser() -> impl TypedValueParser<Value = MeasureId> {
    let known = measures::choices(usize::MAX)
        .into_iter()
        .filter_map(measures::find);
    let names = known.map(|measure| PossibleValue::new(measure.id.name()).help(measure.help));
    PossibleValuesParser::new(names).try_map(|name| name.parse::<MeasureId>())
}

/// See that the measure of the settings is defined for images of this many pixels per side. One that was not asked for is
/// replaced; returns the sentence that says so.
pub fn fit_measure(
    settings: &mut RunSettings,
    is_asked: bool,
    side: usize,
) -> Result<Option<String>, Failure> {
    match measures::instead_of(settings.distance, side) {
        None => Ok(None),
        Some((usual, reason)) if is_asked => Err(Failure::bad_request(anyhow::anyhow!(
            "--distance {} can't be used: {reason} unless something else is asked for; use --distance {usual}",
            settings.distance
        ))),
        Some((usual, reason)) => {
            settings.distance = usual;
            Ok(Some(reason))
        }
    }
}

/// The options that a stored run has decided: all of [`ScoringOptions`] but those that say how the work is done.
///
/// Taken from the options themselves: one that a list forgot would be ignored without a word.
pub fn deciding_ids() -> Vec<clap::Id> {
    const EXECUTION: [&str; 2] = ["batch", "device"];
    let options = ScoringOptions::augment_args(clap::Command::new("options"));
    let ids = options
        .get_arguments()
        .map(|option| option.get_id().clone());
    ids.filter(|id| !EXECUTION.contains(&id.as_str())).collect()
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
                kind: self.sampler,
                num_steps: self.steps,
                eta: self.eta,
            },
            distance: (self.distance).unwrap_or_else(|| RunSettings::default().distance),
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
            resize: match self.fit {
                ResizeModeName::Crop => ResizeMode::Crop,
                ResizeModeName::Pad => ResizeMode::Pad,
                ResizeModeName::Stretch => ResizeMode::Stretch,
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

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, error::ErrorKind};

    use super::super::Cli;
    use super::*;

    #[test]
    fn what_a_run_has_decided_is_refused_beside_it() {
        let options = ScoringOptions::augment_args(clap::Command::new("options"));
        for id in deciding_ids() {
            let option = options
                .get_arguments()
                .find(|option| *option.get_id() == id);
            let option = option.unwrap();
            let name = format!("--{}", option.get_long().unwrap());
            let values = option.get_possible_values();
            let value = match (option.get_default_values(), &*values) {
                ([usual, ..], _) => usual.to_string_lossy().into_owned(),
                ([], [first, ..]) => first.get_name().to_owned(),
                ([], []) => "1".to_owned(),
            };
            for line in [
                &["lmd", "score", "--resume", "a.lmdrun"][..],
                &["lmd", "calibrate", "--run", "a.lmdrun", "--output", "b"],
            ] {
                let plain = Cli::command().try_get_matches_from(line);
                assert!(plain.is_ok(), "{line:?}");
                let words = line.iter().copied().chain([&*name, &*value]);
                let error = Cli::command().try_get_matches_from(words).unwrap_err();
                assert_eq!(error.kind(), ErrorKind::ArgumentConflict, "{name} {error}");
            }
        }
        assert!(deciding_ids().contains(&"seed".into()));
        assert!(!deciding_ids().contains(&"device".into()));
    }
}
