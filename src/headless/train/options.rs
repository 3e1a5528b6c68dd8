//! What `lmd train` is asked for.

use std::path::PathBuf;

use crate::engine::training::request::USUAL_MINUTES;
use crate::engine::training::{Budget, Training, TrainingRequest, TrainingSettings};
use crate::headless::Failure;
use crate::headless::options::{ArchitectureOption, Channels, ResizeModeName, Size};
use crate::images::ResizeMode;
use crate::networks::checkpoints::{ModelSource, NetworkSize};
use crate::networks::training::TimestepDensity;

/// Options of `lmd train`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Folders, archives or other files of images to learn; with --resume the same ones again.
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
    /// Begin from this model's weights instead of random ones; `bundled` (of clothing), `bundled:mnist` (of digits) and `bundled:headct` are inside the program.
    #[arg(long, value_name = "MODEL")]
    pub from: Option<PathBuf>,
    #[command(flatten)]
    pub architecture: ArchitectureOption,
    /// Images a step.
    #[arg(long, value_name = "N", default_value_t = TrainingSettings::USUAL_BATCH)]
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
    /// Where timesteps are drawn: laplace is mostly where half of the image is left, uniform is evenly, as DDPM did.
    #[arg(long, value_name = "DENSITY", value_enum, default_value = "laplace")]
    pub timesteps: Timesteps,
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
    /// Seconds between checkpoints.
    #[arg(long, value_name = "SECONDS", default_value_t = Training::USUAL_SAVE_EVERY.as_secs())]
    pub save_every: u64,
    /// Continue a training of this output that was stopped, with its own options.
    #[arg(long, conflicts_with_all = ["minutes", "steps", "size", "channels", "network", "from", "architecture", "learning_rate", "flip", "timesteps"])]
    pub resume: bool,
    /// With --resume: write the model of what was learnt so far, instead of training on.
    #[arg(long, requires = "resume")]
    pub keep: bool,
}

/// `--timesteps`.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum Timesteps {
    /// By log-SNR.
    Laplace,
    /// Evenly.
    Uniform,
}

/// `--held-out`.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum HeldOut {
    /// By content.
    Auto,
}

impl Args {
    /// Refuse what no training can be by.
    pub(super) fn check(&self) -> Result<(), Failure> {
        let refuse = |what: String| Err(Failure::bad_request(anyhow::Error::msg(what)));
        if !matches!(self.device.as_str(), "auto" | "cpu") {
            return refuse(format!(
                "training runs on the CPU only in this version; leave --device out, or use --device cpu (got `{}`)",
                self.device
            ));
        }
        if self.architecture.architecture.is_some() && self.from.is_none() {
            return refuse(
                "--architecture says what the model of --from is; leave it out, or give --from"
                    .to_owned(),
            );
        }
        for (name, value) in [
            ("--batch", Some(self.batch)),
            ("--steps", self.steps),
            ("--threads", self.threads),
        ] {
            if value == Some(0) {
                return refuse(format!("{name} must be at least 1, got 0"));
            }
        }
        for (name, value) in [
            ("--minutes", self.minutes),
            ("--learning-rate", self.learning_rate),
        ] {
            if let Some(value) = value.filter(|value| !(*value > 0.0 && value.is_finite())) {
                return refuse(format!("{name} must be more than 0, got {value}"));
            }
        }
        match self.output.file_name() {
            Some(_) => Ok(()),
            None => refuse(format!(
                "--output must name a folder to make: {}",
                self.output.display()
            )),
        }
    }

    /// As the engine takes it.
    pub(super) fn request(&self) -> TrainingRequest {
        TrainingRequest {
            budget: match (self.steps, self.minutes) {
                (Some(steps), _) => Budget::Steps(steps),
                (None, minutes) => Budget::Minutes(minutes.unwrap_or(USUAL_MINUTES)),
            },
            side: match self.size {
                None | Some(Size::Auto) => None,
                Some(Size::Side(side)) => Some(side),
            },
            channels: match self.channels {
                None | Some(Channels::Auto) => None,
                Some(Channels::Gray) => Some(1),
                Some(Channels::Rgb) => Some(3),
            },
            network: self.network.unwrap_or(NetworkSize::Small),
            from: self.from.as_deref().map(ModelSource::named),
            architecture: self.architecture.architecture,
            batch: self.batch,
            learning_rate: self.learning_rate,
            has_flips: self.flip,
            timesteps: match self.timesteps {
                Timesteps::Laplace => TimestepDensity::Laplace,
                Timesteps::Uniform => TimestepDensity::Uniform,
            },
            resize: match self.fit {
                ResizeModeName::Crop => ResizeMode::Crop,
                ResizeModeName::Pad => ResizeMode::Pad,
                ResizeModeName::Stretch => ResizeMode::Stretch,
            },
            seed: self.seed,
            ..TrainingRequest::new(self.in_domain.clone(), self.output.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_channels_are_read_by_name() {
        assert_eq!("auto".parse(), Ok(Size::Auto));
        assert_eq!("32".parse(), Ok(Size::Side(32)));
        assert_eq!("rgb".parse(), Ok(Channels::Rgb));
        assert!("big".parse::<Size>().unwrap_err().contains("`big`"));
        assert!("cmyk".parse::<Channels>().unwrap_err().contains("`cmyk`"));
    }
}
