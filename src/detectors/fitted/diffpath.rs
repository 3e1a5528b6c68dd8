//! DiffPath-6D: how the predicted noise goes on the deterministic path from an image to noise, under a Gaussian mixture.
//!
//! Heng, Thiery & Soh 2024 (<https://arxiv.org/abs/2405.11881>). The path is that of DDIM, backwards in few steps; of the noise
//! at each step, and of its changes from step to step, the sums of the first three powers are the features. Theirs is one model
//! for all domains; here it is a model of the in-domain images.

use serde::{Deserialize, Serialize};

use super::{
    DensityError, Features, Fitted, Fitting, Learned, Learning, fewest_for_mixture, mixture_of,
    ready, summary, surprise,
};
use crate::detectors::settings::{About, DetectorError, DetectorSettings, Parameter, Target};
use crate::detectors::{AttemptError, Batch, Call, Detector, Models, Watch};
use crate::diffusion::Schedule;
use crate::diffusion::schedule::{PixelRange, Process};
use crate::ood::{Measure, MeasureId};

/// Minus the log density of the six sums.
pub const DIFFPATH: MeasureId = MeasureId::new("diffpath");

static MEASURE: Measure = Measure {
    id: DIFFPATH,
    column: "diffpath",
    label: "DiffPath-6D",
    help: "How unlikely the noise and its changes are on the path from the image to noise: minus the log density of six sums",
    combination: None,
};

static ABOUT: About = About {
    name: "diffpath",
    label: "DiffPath-6D",
    help: "Predicted noise on the path from an image to noise, in 10 calls, under a density fitted on in-domain images by lmd fit",
};

static STEPS: Parameter = Parameter {
    name: "path-steps",
    label: "Steps of the path",
    help: "Network calls on the path from an image to noise; another number takes a new fit",
    range: 2.0..=1000.0,
    decimals: 0,
};

/// Sums of three powers of the noise and of its changes.
const NUM_SUMS: usize = 6;

/// See [the module](self).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct DiffPath {
    /// Network calls for each image.
    #[serde(rename = "path-steps")]
    pub path_steps: usize,
    /// The density of the sums; `None` before it is fitted.
    pub fitted: Option<Fitted>,
}

impl Default for DiffPath {
    fn default() -> Self {
        Self {
            path_steps: 10,
            fitted: None,
        }
    }
}

impl DiffPath {
    pub(in crate::detectors) const MEASURES: &'static [&'static Measure] = &[&MEASURE];
}

impl DetectorSettings for DiffPath {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn expected_calls(&self, _num_train_timesteps: usize) -> usize {
        self.path_steps
    }

    fn choices(&self, _side: usize) -> Vec<MeasureId> {
        vec![DIFFPATH]
    }

    fn detector(&self, target: &Target<'_>) -> Result<Box<dyn Detector>, DetectorError> {
        ready(self, target, DIFFPATH, surprise)
    }

    fn summary(&self) -> String {
        summary(&format!("DiffPath-6D in {} steps", self.path_steps), self)
    }

    fn parameters(&self) -> Vec<(&'static Parameter, f64)> {
        vec![(&STEPS, self.path_steps as f64)]
    }

    fn set_parameter(&mut self, name: &str, value: f64) {
        let steps = value.round() as usize;
        if name == STEPS.name && steps != self.path_steps {
            self.path_steps = steps;
            self.fitted = None;
        }
    }

    fn is_believable(&self) -> bool {
        STEPS.range.contains(&(self.path_steps as f64))
    }

    fn fitting(&self) -> Option<&dyn Fitting> {
        Some(self)
    }

    fn fitting_mut(&mut self) -> Option<&mut dyn Fitting> {
        Some(self)
    }
}

impl Fitting for DiffPath {
    fn fitted(&self) -> Option<&Fitted> {
        self.fitted.as_ref()
    }

    fn set_fitted(&mut self, fitted: Option<Fitted>) {
        self.fitted = fitted;
    }

    fn fewest_images(&self) -> usize {
        fewest_for_mixture(NUM_SUMS)
    }

    fn features(&self, target: &Target<'_>) -> Result<Box<dyn Features>, DetectorError> {
        let config = target.schedule.config();
        if (config.process, config.pixels) != (Process::VariancePreserving, PixelRange::Signed) {
            return Err(DetectorError::Unfit(
                "DiffPath's path is that of variance-preserving models of pixels in [-1, 1], and this model is another; use \
                 --method msma"
                    .to_owned(),
            ));
        }
        let num_train = target.schedule.num_train_timesteps();
        let timesteps = timesteps(num_train, self.path_steps).ok_or_else(|| {
            DetectorError::Unfit(format!(
                "no even spacing gives {} of the model's {num_train} timesteps; choose another number as --path-steps",
                self.path_steps
            ))
        })?;
        Ok(Box::new(Path { timesteps }))
    }

    fn learn(&self, rows: &[Vec<f64>], learning: Learning<'_>) -> Result<Learned, DensityError> {
        mixture_of(rows, self.fewest_images(), learning.seed).map(Learned::from)
    }
}

/// From 0 in the smallest equal steps that give exactly so many; `None` where none do.
fn timesteps(num_train_timesteps: usize, count: usize) -> Option<Vec<usize>> {
    let stride = (1..=num_train_timesteps).find(|it| num_train_timesteps.div_ceil(*it) <= count)?;
    let timesteps: Vec<usize> = (0..num_train_timesteps).step_by(stride).collect();
    (timesteps.len() == count).then_some(timesteps)
}

/// The way from an image to noise, along these timesteps.
struct Path {
    timesteps: Vec<usize>,
}

impl Path {
    /// Take a step with all images: `state` is at one timestep, and moves to the next one. The noise is that of the predicted
    /// original once its values are clipped.
    fn step(
        schedule: &Schedule,
        (now, next): (usize, Option<usize>),
        state: &mut [f32],
        output: &[f32],
    ) -> Vec<f64> {
        let shares = |timestep: usize| {
            let alpha = schedule.alpha_cumprod(Some(timestep));
            (alpha.sqrt(), (1.0 - alpha).sqrt())
        };
        let (signal, noise) = shares(now);
        let next = next.map(shares);
        let values = state.iter_mut().zip(output).map(|(state, &output)| {
            let x_t = f64::from(*state);
            let predicted = schedule.pred_noise(now, x_t, f64::from(output));
            let original = ((x_t - noise * predicted) / signal).clamp(-1.0, 1.0);
            let found = (x_t - signal * original) / noise;
            if let Some((signal, noise)) = next {
                *state = (signal * original + noise * found) as f32;
            }
            found
        });
        values.collect()
    }
}

impl Features for Path {
    fn num_features(&self) -> usize {
        NUM_SUMS
    }

    fn num_calls(&self) -> usize {
        self.timesteps.len()
    }

    fn of(
        &self,
        batch: &mut Batch<'_>,
        models: Models<'_>,
        watch: Watch<'_>,
    ) -> Result<Vec<Vec<f64>>, AttemptError> {
        let (schedule, item_len) = (models.schedule, batch.geometry.len());
        let num_steps = self.timesteps.len() as f64;
        let mut state = batch.signed();
        let mut output = vec![0.0; state.len()];
        let mut rows = vec![vec![0.0; NUM_SUMS]; batch.originals.len()];
        let mut before: Option<Vec<f64>> = None;
        for (index, &timestep) in self.timesteps.iter().enumerate() {
            let told = vec![schedule.told(timestep); batch.originals.len()];
            models
                .denoiser
                .denoise(&state, &told, &mut output, watch.interrupt)?;
            (watch.on_call)(Call {
                num_done: index + 1,
                num_network_calls: told.len(),
                state_signed: None,
            });
            let next = self.timesteps.get(index + 1).copied();
            let noise = Self::step(schedule, (timestep, next), &mut state, &output);
            for (image, row) in rows.iter_mut().enumerate() {
                let values = image * item_len..(image + 1) * item_len;
                let (of_noise, of_changes) = row.split_at_mut(NUM_SUMS / 2);
                add_powers(of_noise, noise[values.clone()].iter().copied());
                if let Some(before) = &before {
                    let pairs = noise[values.clone()].iter().zip(&before[values]);
                    add_powers(
                        of_changes,
                        pairs.map(|(now, before)| num_steps * (now - before)),
                    );
                }
            }
            before = Some(noise);
        }
        Ok(rows)
    }
}

/// Add the first, second and third powers of all values to three sums.
fn add_powers(sums: &mut [f64], values: impl Iterator<Item = f64>) {
    for value in values {
        let mut power = 1.0;
        for sum in &mut *sums {
            power *= value;
            *sum += power;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::fitted::testing::features_of_samples;
    use crate::detectors::reference::{Reference, target};
    use crate::diffusion::processes::{exploding, sub_preserving};

    #[test]
    fn sums_are_those_of_the_reference() {
        let reference = Reference::read("density.safetensors");
        let found = features_of_samples(&DiffPath::default());
        for (found, expected) in found.iter().zip(reference.rows("diffpath_features")) {
            // Sums of values of both signs: their error is a share of what they are sums of.
            for (power, found) in found.iter().enumerate() {
                let (squares, tolerance) = match power {
                    0 | 1 => (expected[1], 1e-4),
                    2 => (expected[1], 1e-3),
                    3 | 4 => (expected[4], 1e-4),
                    _ => (expected[4], 1e-3),
                };
                let error = (found - expected[power]).abs() / expected[power].abs().max(squares);
                assert!(error < tolerance, "{power}: {found} {expected:?}");
            }
        }
    }

    #[test]
    fn timesteps_are_those_of_the_smallest_stride_that_gives_their_number() {
        let ten = timesteps(1000, 10).unwrap();
        assert_eq!(ten[..3], [0, 100, 200]);
        assert_eq!((ten.len(), ten[9]), (10, 900));
        assert_eq!(timesteps(1000, 1000).unwrap().len(), 1000);
        assert_eq!(timesteps(11, 10), None, "11 or 6");
        assert_eq!(timesteps(5, 10), None);
    }

    #[test]
    fn powers_are_summed() {
        let mut sums = [0.0; 3];
        add_powers(&mut sums, [1.0, -2.0].into_iter());
        assert_eq!(sums, [-1.0, 5.0, -7.0]);
    }

    #[test]
    fn other_processes_and_numbers_of_steps_are_refused_by_a_sentence() {
        let refusal = |settings: &DiffPath, config| {
            let schedule = Schedule::new(config).unwrap();
            let refused = settings.features(&target(&schedule)).err().unwrap();
            refused.to_string()
        };
        for config in [sub_preserving(), exploding()] {
            let told = refusal(&DiffPath::default(), config);
            assert!(told.contains("use --method msma"), "{told}");
        }
        let odd = DiffPath {
            path_steps: 700,
            ..DiffPath::default()
        };
        let told = refusal(&odd, Default::default());
        assert!(told.contains("as --path-steps"), "{told}");
    }
}
