//! What the weights do not tell: the image size and the process, from a JSON file beside them.

use std::fmt;

use serde::Deserialize;

use super::super::candidate::Candidate;
use super::super::pickle::Pickle;
use super::super::shapes::check_image_size;
use super::super::{Architecture, CheckpointError, Origin, Setting};
use super::agreement::ShapeSettings;
use super::modules::Modules;
use super::published::PUBLISHED;
use super::{FAMILY, FOURIER};
use crate::diffusion::schedule::{
    Betas, PixelRange, Prediction, Process, ScheduleConfig, USUAL_SNR,
};

/// Timesteps that stand for the continuous time: what the authors' labels count (999 t).
const NUM_TIMESTEPS: usize = 1000;
/// More noise levels than any model has.
const MOST_LEVELS: usize = 1_000_000;
/// Groups of every normalization of DDPM networks, and the most of the others.
const MOST_GROUPS: usize = 32;
/// What the weights leave open.
const UNSAID: &str = "a score_sde checkpoint does not say its image size and its process";
/// The settings by which the network runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    /// Width and height of an image in pixels.
    pub(super) image_size: usize,
    /// Whether resampling is by the filter [1, 3, 3, 1].
    pub(super) fir: bool,
    sde: Sde,
    pixels: PixelRange,
    is_plus_plus: bool,
    rescales_skips: bool,
}

/// The process with its range.
#[derive(Clone, Debug, PartialEq)]
enum Sde {
    /// Variance-preserving or sub-variance-preserving.
    Preserving {
        process: Process,
        beta_min: f64,
        beta_max: f64,
    },
    Exploding(Exploding),
}

/// A variance-exploding process.
#[derive(Clone, Debug, PartialEq)]
struct Exploding {
    sigma_min: f64,
    sigma_max: f64,
    num_scales: usize,
    snr: f64,
}

/// The noise levels that the file of a network with a Fourier embedding has beside the weights, the largest first. Others
/// have them too, without a meaning.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Levels {
    largest: f64,
    smallest: f64,
    count: usize,
}

impl Levels {
    /// Those of the file, if it has any; the message says what is wrong with them.
    pub(super) fn of(pickle: &Pickle) -> Result<Option<Self>, String> {
        let model = pickle.in_order("model").or_else(|| pickle.in_order(""));
        let model = model.unwrap_or_default();
        let named = |wanted: &str| {
            let mut model = model.iter();
            model.find(|(name, _)| name.trim_start_matches("module.") == wanted)
        };
        let (Some((_, stored)), Some(_)) = (named("sigmas"), named(FOURIER)) else {
            return Ok(None);
        };
        let levels = pickle.read_f64(stored);
        let levels = levels.map_err(|error| format!("its noise levels {error}"))?;
        Ok(match levels[..] {
            [largest, .., smallest] => Some(Self {
                largest,
                smallest,
                count: levels.len(),
            }),
            _ => None,
        })
    }
}

/// The file's fields, named as in the authors' configurations.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawSettings {
    sde: Option<String>,
    image_size: Option<usize>,
    beta_min: Option<f64>,
    beta_max: Option<f64>,
    sigma_min: Option<f64>,
    sigma_max: Option<f64>,
    num_scales: Option<usize>,
    snr: Option<f64>,
    centered: Option<bool>,
    scale_by_sigma: Option<bool>,
    fir: Option<bool>,
    skip_rescale: Option<bool>,
}

/// What is read beside the file of settings.
type Facts<'a> = (&'a Modules, Option<Levels>);

/// That nothing says the settings, with the published models whose shapes these are.
fn unsaid(candidate: &Candidate<'_>, weights: &str, facts: Facts<'_>) -> CheckpointError {
    let fits = |it: &Architecture| fits(it, facts);
    let missing = candidate.missing_settings(weights, UNSAID, (&FAMILY, &fits));
    CheckpointError::MissingSettings {
        instead: format!(
            "{}write them into config.json beside it, e.g. {}",
            missing.advice(),
            missing.example()
        ),
        missing,
        path: candidate.files.path(weights),
    }
}

/// Whether weights can be of this published model.
fn fits(architecture: &Architecture, facts: Facts<'_>) -> bool {
    let (raw, shapes) = architecture.parsed::<RawSettings, ShapeSettings>();
    shapes.contradiction(facts.0).is_none() && raw.checked(facts, &mut Vec::new()).is_ok()
}

impl Settings {
    /// From the file that was chosen, or the one beside the weights; what it leaves open is added to `notes`.
    pub(super) fn find(
        candidate: &Candidate<'_>,
        weights: &str,
        facts: Facts<'_>,
        notes: &mut Vec<String>,
    ) -> Result<(Self, Vec<Setting>), CheckpointError> {
        let Some(side) = candidate.side_file(weights, &FAMILY)? else {
            return Err(unsaid(candidate, weights, facts));
        };
        // First what shows in the weights: that they are of another network says more than what follows from it.
        let shapes: ShapeSettings = side.parsed()?;
        if let Some(message) = shapes.contradiction(facts.0) {
            return Err(side.contradiction(&message));
        }
        let settings = (side.parsed::<RawSettings>()?)
            .checked(facts, notes)
            .map_err(|message| side.refusal(&message))?;
        let told = settings.told(facts.0, &|name| side.origin(name));
        Ok((settings, told))
    }

    /// All of them and what the weights tell, with their origins.
    fn told(&self, modules: &Modules, origin: &dyn Fn(&str) -> Origin) -> Vec<Setting> {
        let or_weights = |name: &str| match origin(name) {
            Origin::Default => Origin::Weights,
            said => said,
        };
        let by_field =
            |name: &str, value: &dyn fmt::Display| Setting::new(name, value, &origin(name));
        let by_weights =
            |name: &str, value: &dyn fmt::Display| Setting::new(name, value, &Origin::Weights);
        let mut told = vec![by_field("image_size", &self.image_size)];
        match &self.sde {
            Sde::Preserving {
                process,
                beta_min,
                beta_max,
            } => {
                let is_sub = *process == Process::SubVariancePreserving;
                told.extend([
                    by_field("sde", &if is_sub { "subvp" } else { "vp" }),
                    by_field("beta_min", beta_min),
                    by_field("beta_max", beta_max),
                ]);
            }
            Sde::Exploding(exploding) => {
                let stored = |name: &str, value: &dyn fmt::Display| {
                    Setting::new(name, value, &or_weights(name))
                };
                let snr = match origin("snr") {
                    Origin::Default => Origin::Released("the released model of this sigma_max"),
                    said => said,
                };
                told.extend([
                    by_field("sde", &"ve"),
                    stored("sigma_min", &exploding.sigma_min),
                    stored("sigma_max", &exploding.sigma_max),
                    stored("num_scales", &exploding.num_scales),
                    Setting::new("snr", exploding.snr, &snr),
                    by_field("scale_by_sigma", &true),
                ]);
            }
        }
        told.extend([
            by_field("centered", &(self.pixels == PixelRange::Signed)),
            by_field("fir", &self.fir),
            by_field("skip_rescale", &self.rescales_skips),
            by_weights("nf", &modules.width),
            by_weights("channels", &modules.image_channels),
            by_weights(
                "embedding_type",
                &match modules.fourier {
                    Some(_) => "fourier",
                    None => "positional",
                },
            ),
            by_weights("progressive", &modules.progressive()),
            by_weights("progressive_input", &modules.progressive_input()),
        ]);
        told
    }

    /// Groups of a normalization over so many channels.
    pub(super) fn num_groups(&self, channels: usize) -> usize {
        if self.is_plus_plus {
            (channels / 4).clamp(1, MOST_GROUPS)
        } else {
            MOST_GROUPS
        }
    }

    /// Factor on the sum of a layer and its input.
    pub(super) fn residual_scale(&self) -> f64 {
        if self.rescales_skips {
            std::f64::consts::FRAC_1_SQRT_2
        } else {
            1.0
        }
    }

    /// Whether the network maps its input by `2x - 1`.
    pub(super) fn centers_input(&self) -> bool {
        self.pixels == PixelRange::Unit
    }

    /// Whether the network's output is divided by the noise's deviation.
    pub(super) fn divides_by_noise(&self) -> bool {
        matches!(self.sde, Sde::Exploding(_))
    }

    /// The process as timesteps, of which the network is told as the authors' code tells it of times.
    pub(super) fn schedule(&self) -> ScheduleConfig {
        let usual = ScheduleConfig {
            pixels: self.pixels,
            ..ScheduleConfig::default()
        };
        match self.sde {
            Sde::Preserving {
                process,
                beta_min,
                beta_max,
            } => ScheduleConfig {
                process,
                betas: Betas::Continuous,
                beta_start: beta_min,
                beta_end: beta_max,
                num_train_timesteps: NUM_TIMESTEPS,
                ..usual
            },
            Sde::Exploding(Exploding {
                sigma_min,
                sigma_max,
                num_scales,
                snr,
            }) => ScheduleConfig {
                process: Process::VarianceExploding,
                betas: Betas::Geometric,
                beta_start: sigma_min,
                beta_end: sigma_max,
                num_train_timesteps: num_scales,
                prediction: Prediction::Score,
                snr,
                ..usual
            },
        }
    }
}

impl RawSettings {
    /// Complete, and not at odds with the network; the message says what is wrong.
    fn checked(self, facts: Facts<'_>, notes: &mut Vec<String>) -> Result<Settings, String> {
        let modules = facts.0;
        let missing = |field: &str| {
            format!(
                "{field} is missing; write it as in {}",
                PUBLISHED[0].example()
            )
        };
        let sde = match self.sde.as_deref().map(str::to_lowercase).as_deref() {
            Some("vp" | "vpsde") => self.preserving(Process::VariancePreserving, modules, notes)?,
            Some("subvp" | "subvpsde") => {
                self.preserving(Process::SubVariancePreserving, modules, notes)?
            }
            Some("ve" | "vesde") => Sde::Exploding(self.exploding(facts, notes)?),
            Some(other) => return Err(format!("sde must be vp, subvp or ve, got {other}")),
            None => return Err(missing("sde")),
        };
        let image_size = self.image_size.ok_or_else(|| missing("image_size"))?;
        check_image_size(image_size, modules.num_halvings())?;
        let is_plus_plus = modules.is_plus_plus();
        if is_plus_plus && self.skip_rescale.is_none() {
            notes.push("sums are scaled by the root of a half (skip_rescale), as in the authors' DDPM++ and NCSN++ models".to_owned());
        }
        let is_unit = matches!(sde, Sde::Exploding(_)) && self.centered != Some(true);
        Ok(Settings {
            image_size,
            fir: self.fir(modules, notes)?,
            sde,
            pixels: if is_unit {
                PixelRange::Unit
            } else {
                PixelRange::Signed
            },
            is_plus_plus,
            rescales_skips: is_plus_plus && self.skip_rescale.unwrap_or(true),
        })
    }

    fn fir(&self, modules: &Modules, notes: &mut Vec<String>) -> Result<bool, String> {
        match self.fir {
            Some(true) if !modules.is_plus_plus() => Err(
                "fir true is not supported with convolutions that resample; use a model whose resnets do".to_owned(),
            ),
            Some(false) if modules.has_pyramid() => Err(
                "fir false is not supported with a progressive input or output; the authors' NCSN++ models have it true"
                    .to_owned(),
            ),
            Some(fir) => Ok(fir),
            None => {
                let is_ncsn = modules.fourier.is_some() || modules.has_pyramid();
                if is_ncsn {
                    notes.push(
                        "resampling is by a filter (fir), as in the authors' NCSN++ models".to_owned(),
                    );
                }
                Ok(is_ncsn)
            }
        }
    }

    fn preserving(
        &self,
        process: Process,
        modules: &Modules,
        notes: &mut Vec<String>,
    ) -> Result<Sde, String> {
        if modules.fourier.is_some() {
            return Err(
                "the network is told noise levels (a Fourier embedding), as models with sde ve are; correct sde"
                    .to_owned(),
            );
        }
        if self.centered == Some(false) {
            return Err("centered false is not supported with vp and subvp; use a model of images from -1 to 1".to_owned());
        }
        if self.scale_by_sigma == Some(true) {
            return Err("scale_by_sigma true is not supported with vp and subvp; the authors' models have it false".to_owned());
        }
        let (beta_min, beta_max) = (self.beta_min.unwrap_or(0.1), self.beta_max.unwrap_or(20.0));
        if self.beta_min.is_none() || self.beta_max.is_none() {
            notes.push(format!(
                "betas from {beta_min} to {beta_max}: the authors' defaults, since the file beside the weights has none"
            ));
        }
        if !(beta_min > 0.0 && beta_max >= beta_min && beta_max.is_finite()) {
            return Err(format!(
                "beta_min and beta_max must be positive and in order, got {beta_min} and {beta_max}"
            ));
        }
        Ok(Sde::Preserving {
            process,
            beta_min,
            beta_max,
        })
    }

    fn exploding(
        &self,
        (modules, levels): Facts<'_>,
        notes: &mut Vec<String>,
    ) -> Result<Exploding, String> {
        if modules.fourier.is_none() {
            return Err(
                "sde ve is not supported with a network that is told numbers of noise levels (a positional embedding); use \
                 a model that was trained in continuous time"
                    .to_owned(),
            );
        }
        if self.scale_by_sigma == Some(false) {
            return Err(
                "scale_by_sigma false is not supported with ve; the authors' models have it true"
                    .to_owned(),
            );
        }
        let known = |given: Option<f64>, stored: Option<f64>, field: &str| match (given, stored) {
            (Some(given), Some(stored)) if (given / stored - 1.0).abs() > 1e-3 => Err(format!(
                "{field} is {given}, but the noise levels among the weights say {stored}; correct it, or leave it out"
            )),
            (Some(given), _) => Ok(given),
            (None, Some(stored)) => Ok(stored),
            (None, None) => Err(format!(
                "{field} is missing, and the weights have no noise levels; write it beside sde"
            )),
        };
        let stored = |level: fn(Levels) -> f64| levels.map(level);
        let count = levels.map(|levels| levels.count);
        let exploding = Exploding {
            sigma_min: known(self.sigma_min, stored(|it| it.smallest), "sigma_min")?,
            sigma_max: known(self.sigma_max, stored(|it| it.largest), "sigma_max")?,
            num_scales: (self.num_scales.or(count))
                .filter(|count| (1..=MOST_LEVELS).contains(count))
                .ok_or_else(|| format!("num_scales must be 1 to {MOST_LEVELS}"))?,
            snr: USUAL_SNR,
        };
        Ok(Exploding {
            snr: self.snr.unwrap_or_else(|| {
                let snr = released_snr(&exploding);
                notes.push(format!(
                    "snr {snr} for the predictor-corrector sampler, as the released model of this sigma_max has it: the \
                     file beside the weights has none"
                ));
                snr
            }),
            ..exploding
        })
    }
}

/// That of the authors' model with the same largest noise.
fn released_snr(exploding: &Exploding) -> f64 {
    const RELEASED: [(f64, f64); 6] = [
        // CIFAR-10, CelebA, CelebA-HQ and FFHQ, LSUN bedroom, LSUN church, FFHQ at 1024 pixels.
        (50.0, 0.16),
        (90.0, 0.17),
        (348.0, 0.075),
        (378.0, 0.075),
        (380.0, 0.075),
        (1348.0, 0.15),
    ];
    let mut released = RELEASED.iter();
    let found =
        released.find(|(sigma_max, _)| (sigma_max / exploding.sigma_max - 1.0).abs() < 1e-3);
    found.map_or(USUAL_SNR, |(_, snr)| *snr)
}
