//! Samplers: how a batch gets from one timestep to the next, each an entry of [`SAMPLERS`].
//!
//! A new sampler is a file beside this one and its entry in the list: `--sampler`, the window and reports take it from
//! there. It may remember earlier steps and call the network more than once in a step.

use std::fmt;
use std::hash::{Hash, Hasher};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::continuous::Corrector;
use super::denoiser::{DenoiseError, Denoiser, Interrupt};
use super::noise::NoiseSource;
use super::schedule::Schedule;

mod ddim;
mod ddpm;
pub mod plms;
mod predictor;
mod repaint;
mod resampling;
mod rule;
mod settings;
mod solvers;
mod unipc;

pub use resampling::{Resampling, Visit};
pub use settings::{SamplerError, SamplerSettings};

/// All samplers, in the order in which they are offered.
pub static SAMPLERS: &[&SamplerDef] = &[
    &ddim::SAMPLER,
    &ddpm::SAMPLER,
    &predictor::PREDICTOR,
    &predictor::CORRECTOR,
    &predictor::BATCH_CORRECTOR,
    &solvers::MULTISTEP,
    &solvers::HEUN,
    &unipc::SAMPLER,
    &plms::SAMPLER,
    &repaint::SAMPLER,
];

/// A rule of sampling.
#[derive(Debug)]
pub struct SamplerDef {
    /// Its word on the command line and in files.
    pub name: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// What it is, in one line without a period.
    pub help: &'static str,
    /// Whether [`SamplerSettings::eta`] matters to it.
    pub uses_eta: bool,
    /// Steps unless something else is asked for, of so many training timesteps; 1 at least.
    pub usual_steps: fn(usize) -> usize,
    pub rule: Rule,
}

/// How a sampler goes over a batch.
#[derive(Clone, Copy, Debug)]
pub enum Rule {
    /// From timestep to timestep: what begins with a batch.
    Steps(fn(SamplerSettings) -> Box<dyn Sampler>),
    /// The same by two network calls per step, but for the last one, which takes one.
    TwoCalls(fn(SamplerSettings) -> Box<dyn Sampler>),
    /// The same by two network calls for the first step, unless it is the last.
    FirstTwice(fn(SamplerSettings) -> Box<dyn Sampler>),
    /// Stretches of steps several times, as [`SamplerSettings::resampling`] says, with noise added again in between.
    Resampled(fn(SamplerSettings) -> Box<dyn Sampler>),
    /// Through continuous time: it needs a model of such, and inpaints only.
    Continuous(Corrector),
}

impl SamplerDef {
    /// Whether [`SamplerSettings::resampling`] matters to it.
    pub fn resamples(&self) -> bool {
        matches!(self.rule, Rule::Resampled(_))
    }
}

/// Takes one batch from step to step.
pub trait Sampler {
    /// Take `state` from the step's timestep to its next one, in place.
    ///
    /// Between two steps the lift may put parts of the original back into the state.
    ///
    /// # Shapes
    /// `state` is (B, C, H, W) in the model's range.
    fn step(&mut self, step: Step<'_>, state: &mut [f32]) -> Result<(), DenoiseError>;
}

/// A step, and what it is taken with.
pub struct Step<'a> {
    /// Gives the alphas, and what the network predicts.
    pub schedule: &'a Schedule,
    /// Steps that were taken before.
    pub index: usize,
    /// Where the batch is.
    pub timestep: usize,
    /// Where it is to be; `None` for the clean end.
    pub next: Option<usize>,
    /// Fresh noise, by image and step.
    pub noise: &'a dyn NoiseSource,
    pub denoiser: &'a mut dyn Denoiser,
    /// Ends a network call early.
    pub interrupt: &'a dyn Interrupt,
    /// To be told of each network call but the step's last, with the state that it led to.
    pub on_call: &'a mut dyn FnMut(&[f32]),
}

impl Step<'_> {
    /// Values of one image.
    pub fn item_len(&self) -> usize {
        self.denoiser.geometry().len()
    }

    /// The network's output for a batch, all at one timestep.
    ///
    /// # Shapes
    /// `state` is (B, C, H, W), and so is `output` afterwards.
    pub fn call(
        &mut self,
        state: &[f32],
        timestep: usize,
        output: &mut Vec<f32>,
    ) -> Result<(), DenoiseError> {
        output.resize(state.len(), 0.0);
        let told = vec![self.schedule.told(timestep); state.len() / self.item_len()];
        self.denoiser.denoise(state, &told, output, self.interrupt)
    }
}

/// One of [`SAMPLERS`], as settings and files name it.
#[derive(Clone, Copy, Debug)]
pub struct SamplerKind(&'static SamplerDef);

impl SamplerKind {
    /// All of them, in the order of the list.
    pub fn all() -> impl Iterator<Item = Self> {
        SAMPLERS.iter().copied().map(Self)
    }

    /// The one of this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|kind| kind.0.name == name)
    }

    pub fn def(self) -> &'static SamplerDef {
        self.0
    }
}

impl PartialEq for SamplerKind {
    fn eq(&self, other: &Self) -> bool {
        self.0.name == other.0.name
    }
}

impl Eq for SamplerKind {}

impl Hash for SamplerKind {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name.hash(state);
    }
}

impl fmt::Display for SamplerKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.name)
    }
}

impl Serialize for SamplerKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.0.name)
    }
}

impl<'de> Deserialize<'de> for SamplerKind {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::named(&name).ok_or_else(|| {
            let known: Vec<&str> = SAMPLERS.iter().map(|sampler| sampler.name).collect();
            de::Error::custom(format!(
                "expected a sampler ({}), got `{name}`",
                known.join(" or ")
            ))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::rule::Ends;
    use super::*;
    use crate::diffusion::processes::{exploding, sub_preserving};
    use crate::diffusion::schedule::{Process, ScheduleConfig};

    #[test]
    fn names_of_samplers_are_told_apart_and_their_help_is_one_line() {
        let names: BTreeSet<&str> = SAMPLERS.iter().map(|sampler| sampler.name).collect();
        let labels: BTreeSet<&str> = SAMPLERS.iter().map(|sampler| sampler.label).collect();
        assert_eq!(
            (names.len(), labels.len()),
            (SAMPLERS.len(), SAMPLERS.len())
        );
        for sampler in SAMPLERS {
            let help = sampler.help;
            assert!(!help.ends_with('.') && !help.contains('\n'), "{help}");
            let steps = [1, 10, 1000].map(sampler.usual_steps);
            assert!(
                steps[0] == 1 && steps[1] <= 10 && steps[2] <= 1000,
                "{steps:?}"
            );
        }
    }

    #[test]
    fn files_keep_their_samplers_words() {
        for (kind, json) in [
            (SamplerKind::DDIM, r#""ddim""#),
            (SamplerKind::DDPM, r#""ddpm""#),
        ] {
            assert_eq!(serde_json::to_string(&kind).unwrap(), json);
            assert_eq!(serde_json::from_str::<SamplerKind>(json).unwrap(), kind);
        }
        let error = serde_json::from_str::<SamplerKind>(r#""euler""#).unwrap_err();
        let told = error.to_string();
        assert!(
            told.contains("ddim or ddpm") && told.contains("euler"),
            "{told}"
        );
    }

    /// A state with an image's and noise's shares goes over into one with those of the next timestep, whatever the process:
    /// what each step must keep (Song et al. 2021, DDIM, Lemma 1).
    #[test]
    fn steps_keep_the_shares_of_image_and_noise() {
        let preserving = ScheduleConfig {
            process: Process::VariancePreserving,
            ..sub_preserving()
        };
        for config in [preserving, sub_preserving(), exploding()] {
            let process = config.process;
            let schedule = Schedule::new(config).unwrap();
            for (timestep, next) in [(960, Some(920)), (500, Some(499)), (40, Some(0)), (7, None)] {
                let ends = Ends::of(&schedule, timestep, next);
                let with_eta = |eta| SamplerSettings {
                    eta,
                    ..SamplerSettings::default()
                };
                for factors in [
                    ddim::factors(&with_eta(0.0), &ends),
                    ddim::factors(&with_eta(0.6), &ends),
                    ddim::factors(&with_eta(1.0), &ends),
                    ddpm::factors(&SamplerSettings::default(), &ends),
                ] {
                    let image = factors.x0 + factors.sample * ends.alpha.sqrt();
                    assert!(
                        (image - ends.alpha_next.sqrt()).abs() < 1e-9,
                        "{process:?} {timestep}"
                    );
                    let noise = factors.sample.powi(2) * ends.noise + factors.noise.powi(2);
                    assert!(
                        (noise - ends.noise_next).abs() < 1e-9,
                        "{process:?} {timestep}"
                    );
                }
            }
        }
    }
}
