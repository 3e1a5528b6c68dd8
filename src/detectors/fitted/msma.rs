//! MSMA: the norms of the noise that the model finds in the clean image at several levels, under a Gaussian mixture.
//!
//! Mahmood et al. 2021 (<https://arxiv.org/abs/2010.13132>). Their `sigma * |score(x, sigma)|` is the norm of the predicted
//! noise; their levels go from 1 down to 0.01 where pixels lie in [0, 1], so from 2 to 0.02 here.

use serde::{Deserialize, Serialize};

use super::{
    DensityError, Features, Fitted, Fitting, Learned, Learning, fewest_for_mixture, mixture_of,
    ready, summary, surprise,
};
use crate::detectors::noise_norm::{nearest_timestep, noise_norms};
use crate::detectors::settings::{About, DetectorError, DetectorSettings, Parameter, Target};
use crate::detectors::{AttemptError, Batch, Call, Detector, Models, Watch};
use crate::ood::{Measure, MeasureId};

/// Minus the log density of the norms.
pub const MSMA: MeasureId = MeasureId::new("msma");

static MEASURE: Measure = Measure {
    id: MSMA,
    column: "msma",
    label: "MSMA",
    help: "How unlikely the norms of the noise are that the model finds in the clean image: minus their log density",
    combination: None,
};

static ABOUT: About = About {
    name: "msma",
    label: "MSMA",
    help: "Norms of the noise found in an image at 10 levels, under a density fitted on in-domain images by lmd fit",
};

static LEVELS: Parameter = Parameter {
    name: "levels",
    label: "Noise levels",
    help: "How many noise levels an image is looked at on, by a network call each, spaced evenly by ratio from 2 to 0.02; \
           another number takes a new fit",
    range: 2.0..=100.0,
    decimals: 0,
};

/// The largest and the smallest level, where pixels lie in [-1, 1].
const SIGMAS: [f64; 2] = [2.0, 0.02];

/// See [the module](self).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Msma {
    /// Noise levels from the largest to the smallest.
    pub levels: usize,
    /// The density of the norms; `None` before it is fitted.
    pub fitted: Option<Fitted>,
}

impl Default for Msma {
    fn default() -> Self {
        Self {
            levels: 10,
            fitted: None,
        }
    }
}

impl Msma {
    pub(in crate::detectors) const MEASURES: &'static [&'static Measure] = &[&MEASURE];

    fn sigmas(&self) -> impl Iterator<Item = f64> {
        let [largest, smallest] = SIGMAS;
        let last = self.levels.saturating_sub(1).max(1) as f64;
        (0..self.levels).map(move |level| largest * (smallest / largest).powf(level as f64 / last))
    }
}

impl DetectorSettings for Msma {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn expected_calls(&self, _num_train_timesteps: usize) -> usize {
        self.levels
    }

    fn choices(&self, _side: usize) -> Vec<MeasureId> {
        vec![MSMA]
    }

    fn detector(&self, target: &Target<'_>) -> Result<Box<dyn Detector>, DetectorError> {
        ready(self, target, MSMA, surprise)
    }

    fn summary(&self) -> String {
        summary(&format!("MSMA of {} levels", self.levels), self)
    }

    fn parameters(&self) -> Vec<(&'static Parameter, f64)> {
        vec![(&LEVELS, self.levels as f64)]
    }

    fn set_parameter(&mut self, name: &str, value: f64) {
        let levels = value.round() as usize;
        if name == LEVELS.name && levels != self.levels {
            self.levels = levels;
            self.fitted = None;
        }
    }

    fn is_believable(&self) -> bool {
        LEVELS.range.contains(&(self.levels as f64))
    }

    fn fitting(&self) -> Option<&dyn Fitting> {
        Some(self)
    }

    fn fitting_mut(&mut self) -> Option<&mut dyn Fitting> {
        Some(self)
    }
}

impl Fitting for Msma {
    fn fitted(&self) -> Option<&Fitted> {
        self.fitted.as_ref()
    }

    fn set_fitted(&mut self, fitted: Option<Fitted>) {
        self.fitted = fitted;
    }

    fn fewest_images(&self) -> usize {
        fewest_for_mixture(self.levels)
    }

    fn features(&self, target: &Target<'_>) -> Result<Box<dyn Features>, DetectorError> {
        let timesteps = self
            .sigmas()
            .map(|sigma| nearest_timestep(target.schedule, sigma));
        let timesteps = timesteps.collect::<Result<_, _>>().map_err(|reason| {
            DetectorError::Unfit(format!(
                "{reason}, which MSMA looks at; use --method one-call-norm with a --sigma between them"
            ))
        })?;
        Ok(Box::new(Norms { timesteps }))
    }

    fn learn(&self, rows: &[Vec<f64>], learning: Learning<'_>) -> Result<Learned, DensityError> {
        mixture_of(rows, self.fewest_images(), learning.seed).map(Learned::from)
    }
}

/// The norm of the noise at each of some timesteps.
struct Norms {
    timesteps: Vec<usize>,
}

impl Features for Norms {
    fn num_features(&self) -> usize {
        self.timesteps.len()
    }

    fn num_calls(&self) -> usize {
        self.timesteps.len()
    }

    fn of(
        &self,
        batch: &mut Batch<'_>,
        mut models: Models<'_>,
        watch: Watch<'_>,
    ) -> Result<Vec<Vec<f64>>, AttemptError> {
        let mut rows = vec![Vec::with_capacity(self.timesteps.len()); batch.originals.len()];
        for (index, &timestep) in self.timesteps.iter().enumerate() {
            let norms = noise_norms(timestep, batch, &mut models, watch.interrupt)?;
            (watch.on_call)(Call {
                num_done: index + 1,
                num_network_calls: norms.len(),
                state_signed: None,
            });
            for (row, norm) in rows.iter_mut().zip(norms) {
                row.push(norm);
            }
        }
        Ok(rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::fitted::testing::{assert_rows_near, features_of_samples, fitted};
    use crate::detectors::reference::{Reference, target};
    use crate::diffusion::Schedule;
    use crate::diffusion::schedule::ScheduleConfig;

    #[test]
    fn norms_are_those_of_the_reference() {
        let reference = Reference::read("density.safetensors");
        let found = features_of_samples(&Msma::default());
        assert_rows_near(&found, &reference.rows("msma_features"), 1e-4);
    }

    #[test]
    fn levels_are_spread_from_two_to_a_hundredth_of_it() {
        let schedule = Schedule::new(ScheduleConfig::default()).unwrap();
        let timesteps: Vec<usize> = (Msma::default().sigmas())
            .map(|sigma| nearest_timestep(&schedule, sigma).unwrap())
            .collect();
        // As the reference has them.
        assert_eq!(timesteps, [396, 293, 199, 125, 75, 43, 24, 13, 6, 2]);
    }

    #[test]
    fn another_number_of_levels_takes_a_new_fit() {
        let mut settings = Msma {
            fitted: Some(fitted(&[[0.0; 10], [1.0; 10]])),
            ..Msma::default()
        };
        settings.set_parameter("levels", 10.0);
        assert!(settings.fitted.is_some(), "it is as it was");
        settings.set_parameter("levels", 5.0);
        assert_eq!(settings.fitted, None);
    }

    #[test]
    fn a_model_without_the_levels_and_settings_without_a_fit_are_refused_by_a_sentence() {
        let refusal = |settings: &Msma, schedule: &Schedule| {
            let refused = settings.detector(&target(schedule)).err().unwrap();
            refused.to_string()
        };
        let schedule = Schedule::new(ScheduleConfig::default()).unwrap();
        let told = refusal(&Msma::default(), &schedule);
        assert!(told.contains("lmd fit --method msma"), "{told}");
        let few = Schedule::new(ScheduleConfig {
            num_train_timesteps: 4,
            ..ScheduleConfig::default()
        });
        let told = refusal(&Msma::default(), &few.unwrap());
        assert!(told.contains("which MSMA looks at"), "{told}");
    }
}
