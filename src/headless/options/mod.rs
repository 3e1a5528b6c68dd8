//! The options that decide scores: the same for every subcommand that makes some.

mod architecture;
mod features;
mod lmd;
mod parameters;
mod shape;

use std::path::{Path, PathBuf};

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use clap::{Args as _, ValueEnum};

pub use self::architecture::ArchitectureOption;
pub use self::features::FeatureOptions;
use self::lmd::LmdOptions;
pub use self::parameters::{ParameterOptions, only_shown_for};
pub use self::shape::{Channels, Size};
use super::Failure;
use crate::detectors::{About, DetectorSpec, measures};
use crate::images::ResizeMode;
use crate::networks::checkpoints::{Blank, ModelSource};
use crate::networks::distances::DistanceWeights;
use crate::networks::distances::from_file::from_file;
use crate::ood::{Aggregate, MeasureId};
use crate::runs::fit_file;
use crate::runs::{BatchChoice, DeviceChoice, RunSettings};

/// How images are scored.
#[derive(Clone, Debug, clap::Args)]
pub struct ScoringOptions {
    /// What scores the images; several score them in one run [default: lmd, or what --fitted names]
    #[arg(long, value_name = "NAME", num_args = 1.., value_parser = detector_parser(|_| true))]
    method: Vec<DetectorSpec>,
    /// Detectors that `lmd fit` has fitted on in-domain images, with all their settings.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub fitted: Vec<PathBuf>,
    #[command(flatten)]
    lmd: LmdOptions,
    #[command(flatten)]
    parameters: ParameterOptions,
    #[command(flatten)]
    pub features: FeatureOptions,
    /// The measure that scores are by; a detector's usual ones are computed in any case: mse, ssim and lpips by lmd
    /// [default: lpips, or ssim where the model's images are too small for it; with another detector its own]; lpips-vgg,
    /// lpips-squeeze and simclr need --distance-weights
    #[arg(long, value_name = "NAME", value_parser = measure_parser())]
    pub distance: Option<MeasureId>,
    /// How attempts become one score [default: median]
    #[arg(long, value_enum)]
    pub aggregate: Option<AggregateName>,
    /// How a picture is brought to the model's square [default: crop, or as for the images of --fitted]
    #[arg(long, value_enum)]
    fit: Option<ResizeModeName>,
    /// Use the first N images of each folder only.
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// Keys the noise, together with each file's content.
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Images in one network call, or auto [default: auto]
    #[arg(long)]
    pub batch: Option<BatchChoice>,
    /// Where to run [default: auto]
    #[arg(long)]
    pub device: Option<DeviceChoice>,
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

/// The detectors that `is_offered`, by name.
pub fn detector_parser(
    is_offered: fn(&DetectorSpec) -> bool,
) -> impl TypedValueParser<Value = DetectorSpec> {
    let names = (DetectorSpec::all().into_iter())
        .filter(is_offered)
        .map(|spec| PossibleValue::new(spec.about().name).help(spec.about().help));
    PossibleValuesParser::new(names)
        .try_map(|name| DetectorSpec::named(&name).ok_or("there is no such detector"))
}

fn measure_parser() -> impl TypedValueParser<Value = MeasureId> {
    let known = measures::all().into_iter().filter_map(measures::find);
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
    let detector = &*settings.method.detector;
    match measures::instead_of(detector, settings.view.measure, side) {
        None => Ok(None),
        Some((usual, reason)) if is_asked => Err(Failure::bad_request(anyhow::anyhow!(
            "--distance {} can't be used: {reason} unless something else is asked for; use --distance {usual}",
            settings.view.measure
        ))),
        Some((usual, reason)) => {
            settings.view.measure = usual;
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

impl From<AggregateName> for Aggregate {
    fn from(name: AggregateName) -> Self {
        match name {
            AggregateName::Median => Self::Median,
            AggregateName::Mean => Self::Mean,
            AggregateName::Min => Self::Min,
            AggregateName::Max => Self::Max,
        }
    }
}

impl From<ResizeModeName> for ResizeMode {
    fn from(name: ResizeModeName) -> Self {
        match name {
            ResizeModeName::Crop => Self::Crop,
            ResizeModeName::Pad => Self::Pad,
            ResizeModeName::Stretch => Self::Stretch,
        }
    }
}

impl ScoringOptions {
    /// The run settings that the options ask for. Numbers that no run can use, and settings of another detector, are refused.
    pub fn settings(&self) -> Result<RunSettings, Failure> {
        check_limit(self.limit)?;
        let mut settings = RunSettings::by(self.detector()?);
        settings.method.seed = self.seed;
        let fits = fit_file::fits_of(&*settings.method.detector);
        let as_fitted = fits.first().map(|fit| fit.resize());
        let asked = self.fit.map(ResizeMode::from);
        settings.method.resize = asked.or(as_fitted).unwrap_or(settings.method.resize);
        settings.view.measure = self.distance.unwrap_or(settings.view.measure);
        check_weights(&settings.method.detector, settings.view.measure)?;
        if let Some(name) = self.aggregate {
            settings.view.aggregate = name.into();
        }
        settings.selection.limit = self.limit;
        settings.execution.batch = self.batch.unwrap_or(BatchChoice::Auto);
        settings.execution.device = self.device.unwrap_or(DeviceChoice::Auto);
        Ok(settings)
    }

    /// Where the weights of distances are by now, for a run that has decided which ones they are.
    pub fn distance_weights(&self) -> Result<Vec<DistanceWeights>, Failure> {
        self.lmd.weights()
    }

    fn detector(&self) -> Result<DetectorSpec, Failure> {
        let fitted = self.fitted.iter().map(|path| fit_file::load(path));
        let fitted: Vec<DetectorSpec> = fitted
            .collect::<Result<_, _>>()
            .map_err(Failure::bad_request)?;
        let fits = Fits(&fitted);
        fits.check_methods(&self.method)?;
        let mut each = match (self.method.is_empty(), fitted.is_empty()) {
            (true, true) => vec![DetectorSpec::default()],
            (true, false) => fitted.clone(),
            (false, _) => self.method.clone(),
        };
        for detector in &mut each {
            if let Some(fit) = fits.of(detector) {
                *detector = fit.clone();
                continue;
            }
            if let Some(settings) = detector.lmd_mut() {
                *settings = self.lmd.settings()?;
            }
            self.parameters.apply(detector);
        }
        let mut detector = DetectorSpec::together(each)
            .map_err(|error| Failure::bad_request(anyhow::anyhow!("--method: {error}")))?;
        // That a fit is missing is said later, and of more than this detector.
        if (detector.mahalanobis()).is_none_or(|settings| settings.fitted.is_some()) {
            self.features.place(&mut detector)?;
        }
        let lmd = DetectorSpec::default().about().name;
        if let (Some(of_lmd), None) = (self.lmd.given().first(), detector.lmd()) {
            return Err(misplaced(of_lmd, lmd, &names(detector.each())));
        }
        self.parameters.check(&detector)?;
        fits.check_numbers(&self.parameters)?;
        Ok(detector)
    }
}

/// The detectors of the files of `--fitted`.
struct Fits<'a>(&'a [DetectorSpec]);

impl Fits<'_> {
    fn of(&self, detector: &DetectorSpec) -> Option<&DetectorSpec> {
        let mut fits = self.0.iter();
        fits.find(|fit| fit.about().name == detector.about().name)
    }

    /// Refuse a file of a detector that `--method` does not name although it names some, and two files of the same.
    fn check_methods(&self, methods: &[DetectorSpec]) -> Result<(), Failure> {
        for (index, fit) in self.0.iter().enumerate() {
            let name = fit.about().name;
            let is_named = methods.iter().any(|method| method.about().name == name);
            if !methods.is_empty() && !is_named {
                return Err(Failure::bad_request(anyhow::anyhow!(
                    "the file of --fitted is of --method {name}, got --method {}; leave one of them out",
                    names(methods)
                )));
            }
            if self.0[..index]
                .iter()
                .any(|other| other.about().name == name)
            {
                return Err(Failure::bad_request(anyhow::anyhow!(
                    "two files of --fitted are of --method {name}; leave one of them out"
                )));
            }
        }
        Ok(())
    }

    /// Refuse numbers that a file decides.
    fn check_numbers(&self, given: &ParameterOptions) -> Result<(), Failure> {
        let decided = |name: &str| {
            let mut numbers = self.0.iter().flat_map(|fit| fit.parameters());
            numbers.any(|(parameter, _)| parameter.name == name)
        };
        match given.names().find(|name| decided(name)) {
            None => Ok(()),
            Some(number) => Err(Failure::bad_request(anyhow::anyhow!(
                "--{number} is decided by the file of --fitted; leave it out, or fit again with it by lmd fit"
            ))),
        }
    }
}

/// As `--method` takes them.
fn names(detectors: &[DetectorSpec]) -> String {
    let names: Vec<&str> = detectors.iter().map(|spec| spec.about().name).collect();
    names.join(" ")
}

/// The model of new work: the one that was named, or none where all detectors do without, which then know the size of images
/// from their fits.
pub fn model_source(
    model: Option<&Path>,
    architecture: ArchitectureOption,
    settings: &RunSettings,
) -> Result<ModelSource, Failure> {
    if let Some(model) = model {
        return Ok(ModelSource::named(model));
    }
    let detector = &settings.method.detector;
    if let Some(part) = detector.that_uses_model() {
        return Err(needs_model(part));
    }
    if architecture.architecture.is_some() {
        return Err(Failure::bad_request(anyhow::anyhow!(
            "--architecture says which model --model is, and none was given; leave it out, or give both"
        )));
    }
    let fitted = fit_file::fits_of(&**detector);
    let first = fitted.first().map(|fitted| fitted.geometry());
    if fitted.iter().any(|fitted| Some(fitted.geometry()) != first) {
        return Err(Failure::bad_request(anyhow::anyhow!(
            "the detectors of --fitted were fitted on images of different sizes; fit them again by lmd fit with the same --size \
             and --channels"
        )));
    }
    let blank = first.map(Blank::new);
    match (blank, fit_file::unfitted(&**detector)) {
        (Some(Some(blank)), None) => Ok(ModelSource::Blank(blank)),
        (_, Some(About { name, label, .. })) => Err(Failure::bad_request(anyhow::anyhow!(
            "{label} is not fitted: fit it first by lmd fit --method {name}, and give the file as --fitted"
        ))),
        _ => Err(Failure::bad_request(anyhow::anyhow!(
            "the fit is of images of a size that this program does not score; fit again by lmd fit"
        ))),
    }
}

/// What to say where a detector lacks its model.
pub fn needs_model(detector: &DetectorSpec) -> Failure {
    let About { name, label, .. } = detector.about();
    Failure::bad_request(anyhow::anyhow!(
        "{label} (--method {name}) uses a diffusion model: give its folder as --model, or `bundled` for the one inside the program"
    ))
}

/// Refuse to measure by weights that were not given.
fn check_weights(detector: &DetectorSpec, measure: MeasureId) -> Result<(), Failure> {
    let weights = detector.lmd().into_iter();
    let mut weights = weights.flat_map(|lmd| &lmd.distance_weights);
    let is_given = weights.any(|it| it.distance == measure);
    match from_file(measure) {
        Some(def) if !is_given => Err(Failure::bad_request(anyhow::anyhow!(
            "the weights of --distance {measure} ({}) come from a file; give it as --distance-weights FILE",
            def.measure.label
        ))),
        _ => Ok(()),
    }
}

/// What to say of a setting of the detector `owner` beside another one.
fn misplaced(setting: &str, owner: &str, detector: &str) -> Failure {
    Failure::bad_request(anyhow::anyhow!(
        "--{setting} is a setting of --method {owner}, and --method {detector} has none of that name; leave it out"
    ))
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
    use clap::error::ErrorKind;
    use clap::{CommandFactory as _, FromArgMatches as _};

    use super::super::Cli;
    use super::*;
    use crate::diffusion::SamplerKind;

    fn options(words: &[&str]) -> ScoringOptions {
        let words = ["options"].iter().chain(words);
        let command = ScoringOptions::augment_args(clap::Command::new("options"));
        ScoringOptions::from_arg_matches(&command.get_matches_from(words)).unwrap()
    }

    #[test]
    fn a_setting_of_another_detector_is_refused_by_a_sentence() {
        let refused = |words: &[&str]| {
            let failure = options(words).settings().unwrap_err();
            failure.error.to_string()
        };
        let quick = ["--method", "one-call-norm"];
        for (words, name, owner) in [
            ([&quick[..], &["--grid", "8"]].concat(), "--grid", "lmd"),
            ([&quick[..], &["--eta", "0.5"]].concat(), "--eta", "lmd"),
            (vec!["--sigma", "2"], "--sigma", "one-call-norm"),
        ] {
            let told = refused(&words);
            let expected = format!("{name} is a setting of --method {owner}, and");
            assert!(told.starts_with(&expected), "{told}");
        }
        let given = options(&["--method", "one-call-norm", "--sigma", "1.5", "--seed", "3"]);
        let settings = given.settings().unwrap();
        let options = settings.method.detector.options();
        assert_eq!(options, [("sigma", "1.5".to_owned())]);
        assert_eq!(settings.view.measure.name(), "noise-norm");
        assert_eq!(
            self::options(&[]).settings().unwrap(),
            RunSettings::default()
        );
    }

    /// The default of a detector's number.
    fn number(name: &str) -> Option<f64> {
        let all = DetectorSpec::all();
        let mut numbers = all.iter().flat_map(|spec| spec.parameters());
        let (_, value) = numbers.find(|(parameter, _)| parameter.name == name)?;
        Some(value)
    }

    #[test]
    fn a_preset_is_changed_by_the_options_beside_it() {
        let lmd = |words: &[&str]| {
            let mut settings = options(words).settings().unwrap();
            settings.method.detector.lmd_mut().unwrap().clone()
        };
        let paper = lmd(&["--preset", "paper"]);
        assert_eq!(paper.sampler.kind, SamplerKind::PREDICTOR);
        assert_eq!((paper.num_attempts, paper.grid), (10, 8));
        assert_eq!(paper.sampler.num_steps(1000), 1000);
        let faces = lmd(&["--preset", "paper-256", "--steps", "50", "--grid", "4"]);
        assert_eq!(faces.sampler.kind, SamplerKind::CORRECTOR);
        assert_eq!((faces.num_attempts, faces.grid), (1, 4));
        assert_eq!(faces.sampler.num_steps(2000), 50);
        let refused = options(&["--method", "one-call-norm", "--preset", "paper"]).settings();
        let told = refused.unwrap_err().error.to_string();
        assert!(
            told.starts_with("--preset is a setting of --method lmd"),
            "{told}"
        );
    }

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
                ([], []) => number(id.as_str()).unwrap_or(1.0).to_string(),
            };
            let resumed = &["lmd", "score", "--resume", "a.lmdrun"][..];
            for line in [
                resumed,
                &["lmd", "calibrate", "--run", "a.lmdrun", "--output", "b"],
            ] {
                if line == resumed && ["distance_weights", "feature_weights"].contains(&id.as_str())
                {
                    // Where they are by now: other ones are refused by their content.
                    continue;
                }
                if line != resumed && ["distance", "aggregate"].contains(&id.as_str()) {
                    // How the scores are looked at: no new ones are needed.
                    continue;
                }
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
