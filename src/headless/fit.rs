//! `lmd fit`: a detector fitted on in-domain images, kept in a file that `lmd score` and `lmd calibrate` take.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::json;

use super::collect::Collected;
use super::follow::Display;
use super::options::{
    ArchitectureOption, Channels, FeatureOptions, ParameterOptions, ResizeModeName, Size,
    check_limit, detector_parser, needs_model, only_shown_for,
};
use super::output;
use super::paths::{Kind, Paths};
use super::{Failure, Outcome, memory, terminal};
use crate::detectors::DetectorSpec;
use crate::detectors::fitted::Density;
use crate::engine::fitting::{self, FitRequest};
use crate::engine::training::data::{may_be_color, usual_side};
use crate::engine::{Control, Engine, Observer as _, Progress, error_chain};
use crate::images::{Geometry, ImageFile};
use crate::networks::checkpoints::{Blank, ModelSource};
use crate::networks::executors;
use crate::ood::Role;
use crate::runs::fit_file::{self, fit_of};
use crate::runs::{BatchChoice, DeviceChoice, RunImage};

/// Whether it has something to fit.
fn is_fitted(detector: &DetectorSpec) -> bool {
    detector.fitting().is_some()
}

/// Options of `lmd fit`.
#[derive(Debug, clap::Args)]
#[command(mut_args(only_shown_for(is_fitted)))]
pub struct Args {
    /// The detector that is fitted.
    #[arg(long, value_name = "NAME", value_parser = detector_parser(is_fitted))]
    pub method: DetectorSpec,
    #[command(flatten)]
    pub parameters: ParameterOptions,
    #[command(flatten)]
    pub features: FeatureOptions,
    /// The model folder; `bundled` (of clothing), `bundled:mnist` (of digits) and `bundled:headct` are inside the program. Mahalanobis and likelihood regret need none.
    #[arg(long, value_name = "DIR")]
    pub model: Option<PathBuf>,
    /// Without a model: pixels a side, or auto, a power of two by the images' sizes [default: auto]
    #[arg(long, value_name = "N", conflicts_with = "model")]
    pub size: Option<Size>,
    /// Without a model: gray, rgb, or auto, which is gray if all files are stored so [default: auto]
    #[arg(long, value_name = "NAME", conflicts_with = "model")]
    pub channels: Option<Channels>,
    #[command(flatten)]
    pub architecture: ArchitectureOption,
    /// Folders, zip or tar archives, Parquet, IDX or NumPy files of images like those the model was trained on: a few hundred will do, and the
    /// model may have seen them. They are left out of later runs by this fit.
    #[arg(long, value_name = "DIR", num_args = 1.., required = true)]
    pub in_domain: Vec<PathBuf>,
    /// How a picture is brought to the model's square.
    #[arg(long, value_enum, default_value = "crop")]
    pub fit: ResizeModeName,
    /// Use the first N images of each folder only.
    #[arg(long, value_name = "N")]
    pub limit: Option<usize>,
    /// Keys where the fit begins: the same seed and images give the same fit.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Images in one network call, or auto.
    #[arg(long, default_value = "auto")]
    pub batch: BatchChoice,
    /// Where to run.
    #[arg(long, default_value = "auto")]
    pub device: DeviceChoice,
    /// The file to write, e.g. NAME.lmdfit.
    #[arg(long, value_name = "FILE")]
    pub output: PathBuf,
    /// Replace a file that exists.
    #[arg(long)]
    pub overwrite: bool,
    /// Print what was found as one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Fit, write the file.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    memory::check_limit()?;
    check_limit(args.limit)?;
    let mut detector = args.method.clone();
    args.features.choose(&mut detector)?;
    args.parameters.check(&detector)?;
    args.parameters.apply(&mut detector);
    check_output(args)?;
    let mut collected = Collected::default();
    for path in &args.in_domain {
        collected.add(Role::InDomain, path, args.limit)?;
    }
    collected.settle();
    let source = source(args, &detector, &collected.images)?;
    let request = FitRequest {
        detector,
        seed: args.seed,
        resize: args.fit.into(),
        batch: args.batch,
        images: collected.images.into(),
    };
    let mut notes = collected.notes;
    // A signal ends the process at once.
    let control = Control::default();
    let (fitted, told) = carry_out(
        (&source, args.architecture),
        args.device,
        &request,
        &control,
    )?;
    notes.extend(told);
    fit_file::save(&fitted, &args.output, args.overwrite).map_err(Failure::failed)?;
    tell(args, &fitted, &notes)
}

/// The model, or what stands for one where the detector uses none: images of the size that is asked for, or that suits these.
fn source(
    args: &Args,
    detector: &DetectorSpec,
    images: &[RunImage],
) -> Result<ModelSource, Failure> {
    if let Some(model) = &args.model {
        return Ok(ModelSource::named(model));
    }
    if detector.uses_model() {
        return Err(needs_model(detector));
    }
    let files: Vec<Arc<ImageFile>> = images.iter().map(|it| Arc::clone(&it.file)).collect();
    let geometry = Geometry {
        side: match args.size.unwrap_or(Size::Auto) {
            Size::Auto => usual_side(&files),
            Size::Side(side) => side,
        },
        channels: match args.channels.unwrap_or(Channels::Auto) {
            Channels::Auto if may_be_color(&files) => 3,
            Channels::Auto | Channels::Gray => 1,
            Channels::Rgb => 3,
        },
    };
    let blank = Blank::new(geometry).ok_or_else(|| {
        let side = geometry.side;
        Failure::bad_request(anyhow::anyhow!("--size must be from 1 to 1024, got {side}"))
    })?;
    Ok(ModelSource::Blank(blank))
}

fn check_output(args: &Args) -> Result<(), Failure> {
    let model = args.model.iter().map(|model| ModelSource::named(model));
    let paths = model.fold(Paths::new(args.overwrite), |paths, model| {
        paths.reads_model(&model)
    });
    let folders = args.in_domain.iter();
    let mut paths = folders.fold(paths, |paths, folder| paths.reads_images(folder));
    paths.claim(&args.output, Kind::File)?;
    output::check_file(&args.output, args.overwrite, "fit")
}

/// The fitted detector, and what was told meanwhile.
pub fn carry_out(
    (source, architecture): (&ModelSource, ArchitectureOption),
    device: DeviceChoice,
    request: &FitRequest,
    control: &Control,
) -> Result<(DetectorSpec, Vec<String>), Failure> {
    let checkpoint = architecture.load(source)?;
    let geometry = Geometry {
        channels: checkpoint.network.in_channels,
        side: checkpoint.network.image_size,
    };
    request
        .features(geometry, &checkpoint.schedule, &checkpoint.identity)
        .map_err(Failure::bad_request)?;
    executors::check(device).map_err(Failure::bad_request)?;
    let mut display = Display::new("images");
    display.progress(&Progress::reading_the_model());
    let fitted = Engine::new(checkpoint, device, control)
        .map_err(|error| Failure::bad_request(anyhow::Error::msg(error_chain(&error))))
        .and_then(|mut engine| {
            display.say(&format!("{} on {}", engine.info.name, engine.info.device));
            fitting::fit(&mut engine, request, control, &mut display)
                .map_err(|error| Failure::failed(anyhow::Error::msg(error_chain(&error))))
        });
    let notes = display.finish();
    Ok((fitted?, notes))
}

fn tell(args: &Args, detector: &DetectorSpec, notes: &[String]) -> Result<Outcome, Failure> {
    let Some(fitted) = fit_of(&**detector) else {
        return Err(Failure::failed(anyhow::anyhow!("there is no fit")));
    };
    let (num_images, learned) = (fitted.num_images(), fitted.learned());
    terminal::message(&format!(
        "{}: {} of {num_images} images",
        detector.about().label,
        learned.words()
    ));
    let answer = if args.json {
        json!({
            "fit": args.output.display().to_string(),
            "method": detector.about().name,
            "images": num_images,
            "features": learned.num_features(),
            "components": learned.density().map(Density::num_components),
            "seed": args.seed,
            "notes": notes,
        })
        .to_string()
    } else {
        args.output.display().to_string()
    };
    terminal::answer(&answer)?;
    Ok(Outcome::Done)
}

#[cfg(test)]
mod tests {
    use clap::Args as _;

    use super::*;

    #[test]
    fn the_help_lists_numbers_of_detectors_that_are_fitted_alone() {
        let mut command = Args::augment_args(clap::Command::new("fit"));
        let help = command.render_long_help().to_string();
        for detector in DetectorSpec::all() {
            for (parameter, _) in detector.parameters() {
                let is_listed = help.contains(&format!("--{} <", parameter.name));
                assert_eq!(is_listed, is_fitted(&detector), "{}", parameter.name);
            }
        }
    }

    #[test]
    fn a_number_that_the_help_leaves_out_is_refused_by_a_sentence() {
        let command = Args::augment_args(clap::Command::new("fit"));
        let given = "fit --method msma --sigma 1 --model bundled --in-domain a --output b";
        let matches = command.try_get_matches_from(given.split(' ')).unwrap();
        let args = <Args as clap::FromArgMatches>::from_arg_matches(&matches).unwrap();
        let refused = args.parameters.check(&args.method).unwrap_err();
        assert!(format!("{refused:?}").contains("--sigma"), "{refused:?}");
    }
}
