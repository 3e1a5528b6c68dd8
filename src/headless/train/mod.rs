//! `lmd train`: a model of one's own images.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::collect::Collected;
use super::options::ResizeModeName;
use super::signals::Signals;
use super::{Failure, Outcome, terminal};
use crate::diffusion::{Interrupt, Interrupted};
use crate::engine::training::checkpoint::{Index, Validation, WorkFolder};
use crate::engine::training::data::{self, Gathered};
use crate::engine::training::{Budget, End, News, Training, TrainingError, TrainingSettings};
use crate::images::{Geometry, ImageFile, ResizeMode};
use crate::networks::Network;
use crate::networks::checkpoints::{self, Blueprint, ModelSource, NetworkSize};
use crate::networks::executors::cpu::{CpuOptions, Machine};
use crate::ood::Role;

/// Minutes where nothing else is asked for.
const USUAL_MINUTES: f64 = 20.0;

/// Steps over which the learning rate grows, in runs that are not too short for it.
const USUAL_WARM_UP: usize = 100;

/// Options of `lmd train`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folders or zip archives of images to learn; with --resume the same ones again.
    #[arg(long, value_name = "SOURCE", num_args = 1.., required = true)]
    pub in_domain: Vec<PathBuf>,
    /// The model folder to make.
    #[arg(long, value_name = "MODEL_DIR")]
    pub output: PathBuf,
    /// How long to train, decided once by the time of the first steps [default: 20]
    #[arg(long, value_name = "N", conflicts_with = "steps")]
    pub minutes: Option<f64>,
    /// How many steps to train, instead of minutes.
    #[arg(long, value_name = "N")]
    pub steps: Option<usize>,
    /// Pixels a side, or auto: a power of two by the images' sizes [default: auto, or the model's of --from]
    #[arg(long, value_name = "N")]
    pub size: Option<Size>,
    /// gray, rgb, or auto: gray if all images are [default: auto, or the model's of --from]
    #[arg(long, value_name = "NAME")]
    pub channels: Option<Channels>,
    /// tiny, small, base or large [default: small]
    #[arg(long, value_name = "NAME", conflicts_with = "from")]
    pub network: Option<NetworkSize>,
    /// Begin from this model's weights instead of random ones; `bundled` is the model inside the program.
    #[arg(long, value_name = "MODEL")]
    pub from: Option<PathBuf>,
    /// Images a step.
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub batch: usize,
    /// Largest learning rate [default: by the network's size, a fifth of that with --from]
    #[arg(long, value_name = "RATE")]
    pub learning_rate: Option<f64>,
    /// Which images no step sees; auto is a twentieth, at least 40, at most a quarter.
    #[arg(long, value_enum, default_value = "auto")]
    pub held_out: HeldOut,
    /// Turn images left to right at random: where that makes no other image, as it does of digits.
    #[arg(long)]
    pub flip: bool,
    /// How a picture is brought to a square.
    #[arg(long, value_enum, default_value = "crop")]
    pub fit: ResizeModeName,
    /// Decides initial weights, order, noise and timesteps.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Where to train: auto or cpu.
    #[arg(long, value_name = "NAME", default_value = "auto")]
    pub device: String,
    /// Threads [default: one for each physical core]; the model is the same bits with any number
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Continue a training of this output that was stopped, with its own options.
    #[arg(long, conflicts_with_all = ["minutes", "steps", "size", "channels", "network", "from", "learning_rate", "flip"])]
    pub resume: bool,
}

/// `--size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// By the images.
    Auto,
    /// Pixels a side.
    Side(usize),
}

impl std::str::FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.parse()) {
            ("auto", _) => Ok(Self::Auto),
            (_, Ok(side)) => Ok(Self::Side(side)),
            _ => Err(format!("expected auto or a number of pixels, got `{text}`")),
        }
    }
}

/// `--channels`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Channels {
    /// By the images.
    Auto,
    /// 1.
    Gray,
    /// 3.
    Rgb,
}

impl std::str::FromStr for Channels {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "gray" => Ok(Self::Gray),
            "rgb" => Ok(Self::Rgb),
            _ => Err(format!("expected auto, gray or rgb, got `{text}`")),
        }
    }
}

/// `--held-out`.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum HeldOut {
    /// By content.
    Auto,
}

/// A stop by a signal.
struct BySignal<'a>(&'a Signals);

impl Interrupt for BySignal<'_> {
    fn check(&self) -> Result<(), Interrupted> {
        match self.0.exit_code() {
            Some(_) => Err(Interrupted),
            None => Ok(()),
        }
    }
}

/// Train, then say where the model is.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    check(args)?;
    let signals = Signals::catch().map_err(Failure::failed)?;
    let training = match begin(args, &signals) {
        Ok(training) => training,
        Err(Stop::Failed(failure)) => return Err(failure),
        Err(Stop::Training(TrainingError::Interrupted(Interrupted))) => {
            return Ok(Outcome::Interrupted(signals.exit_code().unwrap_or(1)));
        }
        Err(Stop::Training(error)) => return Err(Failure::bad_request(error)),
    };
    tell_beginning(&training);
    let mut teller = Teller::new();
    let end = training.run(&BySignal(&signals), &mut |news| teller.tell(news));
    teller.bar.finish_and_clear();
    match end {
        Ok(End::Done) => {
            terminal::message("done; the model opens with `lmd score --model`");
            terminal::answer(&args.output.display().to_string())?;
            Ok(Outcome::Done)
        }
        Ok(End::Stopped { step, folder }) => {
            terminal::message(&format!(
                "stopped; what was learnt in {step} steps is kept: the same command with --resume continues: {}",
                folder.display()
            ));
            Ok(Outcome::Interrupted(signals.exit_code().unwrap_or(1)))
        }
        Err(error) => Err(Failure::failed(error)),
    }
}

/// Why there is nothing to train.
enum Stop {
    Failed(Failure),
    Training(TrainingError),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<TrainingError> for Stop {
    fn from(error: TrainingError) -> Self {
        Self::Training(error)
    }
}

fn check(args: &Args) -> Result<(), Failure> {
    let refuse = |what: String| Err(Failure::bad_request(anyhow::Error::msg(what)));
    if !matches!(args.device.as_str(), "auto" | "cpu") {
        return refuse(format!(
            "training runs on the CPU only in this version; leave --device out, or use --device cpu (got `{}`)",
            args.device
        ));
    }
    for (name, value) in [
        ("--batch", Some(args.batch)),
        ("--steps", args.steps),
        ("--threads", args.threads),
    ] {
        if value == Some(0) {
            return refuse(format!("{name} must be at least 1, got 0"));
        }
    }
    for (name, value) in [
        ("--minutes", args.minutes),
        ("--learning-rate", args.learning_rate),
    ] {
        if let Some(value) = value.filter(|value| !(*value > 0.0 && value.is_finite())) {
            return refuse(format!("{name} must be more than 0, got {value}"));
        }
    }
    match args.output.file_name() {
        Some(_) => Ok(()),
        None => refuse(format!(
            "--output must name a folder to make: {}",
            args.output.display()
        )),
    }
}

fn begin(args: &Args, signals: &Signals) -> Result<Training, Stop> {
    let options = CpuOptions {
        threads: args.threads,
        isa: None,
    };
    let machine = Machine::new(&options).map_err(Failure::failed)?;
    if args.resume {
        return resume(args, signals, machine);
    }
    if args.output.symlink_metadata().is_ok() {
        let path = args.output.clone();
        return Err(TrainingError::OutputExists { path }.into());
    }
    let model = (args.from.as_deref()).map(read_model).transpose()?;
    let files = list(&args.in_domain, signals)?;
    let (geometry, is_gray_welcome) = geometry(args, model.as_ref(), &files)?;
    let fit = fit(args.fit);
    // A shape that no network has shows before images are read.
    let size = args.network.unwrap_or(NetworkSize::Small);
    if model.is_none() {
        Blueprint::new(size, geometry).map_err(TrainingError::Shape)?;
    }
    let gathered = gather(&files, (geometry, fit), is_gray_welcome, signals)?;
    let geometry = gathered.examples.geometry();
    let is_trained = model.is_some();
    let (blueprint, network, began_from) = if let Some(model) = model {
        model
    } else {
        let blueprint = Blueprint::new(size, geometry).map_err(TrainingError::Shape)?;
        let network = blueprint.initial(args.seed);
        (blueprint, network, None)
    };
    let usual_rate = TrainingSettings::usual_rate(network.num_parameters(), is_trained);
    let settings = TrainingSettings {
        geometry,
        fit,
        budget: match (args.steps, args.minutes) {
            (Some(steps), _) => Budget::Steps(steps),
            (None, minutes) => Budget::Minutes(minutes.unwrap_or(USUAL_MINUTES)),
        },
        batch: args.batch,
        learning_rate: args.learning_rate.unwrap_or(usual_rate),
        warm_up: args
            .steps
            .map_or(USUAL_WARM_UP, |steps| USUAL_WARM_UP.min(steps / 10)),
        has_flips: args.flip,
        seed: args.seed,
    };
    let start = (blueprint, network, began_from);
    let examples = &gathered.examples;
    Ok(Training::begin(
        settings,
        start,
        examples,
        &args.output,
        machine,
    )?)
}

fn resume(args: &Args, signals: &Signals, machine: Machine) -> Result<Training, Stop> {
    let folder = WorkFolder::open(&args.output)?;
    let (index, state) = folder.load()?;
    let files = list(&args.in_domain, signals)?;
    let Index { settings, .. } = &index;
    let shape = (settings.geometry, settings.fit);
    let gathered = gather(&files, shape, false, signals)?;
    let examples = &gathered.examples;
    Ok(Training::resume(
        (index, state),
        examples,
        &args.output,
        folder,
        machine,
    )?)
}

/// A model to begin from: its description, its weights, its name.
fn read_model(name: &Path) -> Result<(Blueprint, Network, Option<String>), Failure> {
    let source = ModelSource::named(name);
    let checkpoint = checkpoints::load(&source).map_err(Failure::bad_request)?;
    let blueprint = Blueprint::of(&source).map_err(Failure::bad_request)?;
    Ok((blueprint, checkpoint.network, Some(checkpoint.name)))
}

/// All images of all sources, each content once.
fn list(sources: &[PathBuf], signals: &Signals) -> Result<Vec<Arc<ImageFile>>, Failure> {
    let mut collected = Collected::until(signals);
    for source in sources {
        collected.add(Role::InDomain, source, None)?;
    }
    collected.settle();
    Ok(collected
        .images
        .into_iter()
        .map(|image| image.file)
        .collect())
}

/// The shape to train at, and whether gray images make it gray.
fn geometry(
    args: &Args,
    model: Option<&(Blueprint, Network, Option<String>)>,
    files: &[Arc<ImageFile>],
) -> Result<(Geometry, bool), Failure> {
    let side = match args.size {
        None | Some(Size::Auto) => None,
        Some(Size::Side(side)) => Some(side),
    };
    let channels = match args.channels {
        None | Some(Channels::Auto) => None,
        Some(Channels::Gray) => Some(1),
        Some(Channels::Rgb) => Some(3),
    };
    if let Some((blueprint, ..)) = model {
        let geometry = blueprint.geometry();
        let is_other = side.is_some_and(|side| side != geometry.side)
            || channels.is_some_and(|channels| channels != geometry.channels);
        if is_other {
            let colors = if geometry.channels == 1 {
                "gray"
            } else {
                "RGB"
            };
            return Err(Failure::bad_request(anyhow::anyhow!(
                "the model of --from is for {colors} images of {side}x{side} pixels; leave --size and --channels out, or \
                 begin without --from",
                side = geometry.side
            )));
        }
        return Ok((geometry, false));
    }
    let side = side.unwrap_or_else(|| data::usual_side(files));
    let is_color = data::may_be_color(files);
    let geometry = Geometry {
        channels: channels.unwrap_or(if is_color { 3 } else { 1 }),
        side,
    };
    Ok((geometry, channels.is_none()))
}

fn fit(name: ResizeModeName) -> ResizeMode {
    match name {
        ResizeModeName::Crop => ResizeMode::Crop,
        ResizeModeName::Pad => ResizeMode::Pad,
        ResizeModeName::Stretch => ResizeMode::Stretch,
    }
}

fn gather(
    files: &[Arc<ImageFile>],
    shape: (Geometry, ResizeMode),
    is_gray_welcome: bool,
    signals: &Signals,
) -> Result<Gathered, Stop> {
    let bar = bar("reading {pos} of {len} images", files.len() as u64);
    let progress = |num_read: usize| bar.set_position(num_read as u64);
    let gathered = data::gather(files, shape, is_gray_welcome, &BySignal(signals), &progress);
    bar.finish_and_clear();
    let gathered = gathered?;
    for (path, reason) in &gathered.skipped {
        terminal::message(&format!("skipped: {reason}: {}", path.display()));
    }
    Ok(gathered)
}

fn bar(template: &str, len: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(len), ProgressDrawTarget::stderr());
    // A malformed template shows at once.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

fn tell_beginning(training: &Training) {
    let settings = &training.index().settings;
    let (num_seen, num_watched) = training.counts();
    let Geometry { channels, side } = settings.geometry;
    let num_images = training.index().images.len();
    terminal::message(&format!(
        "training on {num_seen} of {num_images} images at {side}x{side} pixels, {}; {num_watched} are watched, {} kept for \
         thresholds; {} parameters, learning rate {}, batches of {}, seed {}",
        if channels == 1 { "gray" } else { "RGB" },
        num_images - num_seen - num_watched,
        training.state().weights.len(),
        settings.learning_rate,
        settings.batch,
        settings.seed
    ));
    if num_images < data::WORTH_A_WARNING {
        terminal::message(&format!(
            "note: {num_images} images are few: a model may learn them by heart; {} and more are better",
            data::WORTH_A_WARNING
        ));
    }
    if training.state().step > 0 {
        terminal::message(&format!("continuing after step {}", training.state().step));
    }
}

/// Tells what happens: a bar on a terminal, a line now and then elsewhere.
struct Teller {
    bar: ProgressBar,
    last_line: Option<Instant>,
}

impl Teller {
    /// Between two lines.
    const PAUSE: Duration = Duration::from_secs(10);

    fn new() -> Self {
        Self {
            bar: bar("step {pos} of {len} {bar:30} {msg}", 0),
            last_line: None,
        }
    }

    fn tell(&mut self, news: News) {
        match news {
            News::Step {
                step,
                num_steps,
                loss,
                secs,
            } => {
                let each = secs / step as f64;
                let left =
                    num_steps.map(|num_steps| (num_steps.saturating_sub(step)) as f64 * each);
                let left =
                    left.map_or_else(String::new, |left| format!(", {} left", duration(left)));
                self.bar.set_length(num_steps.unwrap_or(step) as u64);
                self.bar.set_position(step as u64);
                self.bar
                    .set_message(format!("loss {loss:.4}, {each:.2} s a step{left}"));
                let is_due = self
                    .last_line
                    .is_none_or(|last| last.elapsed() >= Self::PAUSE);
                if self.bar.is_hidden() && (is_due || num_steps == Some(step)) {
                    self.last_line = Some(Instant::now());
                    let of =
                        num_steps.map_or_else(String::new, |num_steps| format!(" of {num_steps}"));
                    terminal::message(&format!(
                        "step {step}{of}: loss {loss:.4}, {each:.2} s a step{left}"
                    ));
                }
            }
            News::Skipped { step } => self.line(&format!(
                "step {step} was left out: its gradient is not finite"
            )),
            News::Validated(validation) => self.line(&validated(&validation)),
        }
    }

    fn line(&self, text: &str) {
        self.bar.suspend(|| terminal::message(text));
    }
}

fn validated(validation: &Validation) -> String {
    let bands = validation.bands.map(|loss| format!("{loss:.4}")).join(", ");
    format!(
        "step {}: held-out loss {:.4} (by quarter of the timesteps: {bands})",
        validation.step,
        validation.mean()
    )
}

fn duration(secs: f64) -> String {
    let minutes = (secs / 60.0).round();
    match secs {
        ..90.0 => format!("{secs:.0} s"),
        ..5400.0 => format!("{minutes:.0} min"),
        _ => format!("{:.1} h", secs / 3600.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_units_that_fit() {
        assert_eq!(duration(42.4), "42 s");
        assert_eq!(duration(600.0), "10 min");
        assert_eq!(duration(9000.0), "2.5 h");
    }

    #[test]
    fn sizes_and_channels_are_read_by_name() {
        assert_eq!("auto".parse(), Ok(Size::Auto));
        assert_eq!("32".parse(), Ok(Size::Side(32)));
        assert_eq!("rgb".parse(), Ok(Channels::Rgb));
        assert!("big".parse::<Size>().unwrap_err().contains("`big`"));
        assert!("cmyk".parse::<Channels>().unwrap_err().contains("`cmyk`"));
    }
}
