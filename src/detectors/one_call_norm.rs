//! The quick scan: the norm of the noise that one network call finds in the clean image.
//!
//! It is the largest level of [MSMA](super::fitted::msma)
//! (Mahmood et al. 2021, <https://arxiv.org/abs/2010.13132>) by itself, without a density.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::noise_norm::{nearest_timestep, noise_norms};
use super::settings::{About, DetectorError, DetectorSettings, Parameter, Target};
use super::{Attempt, AttemptError, Batch, Call, Detector, Models, Watch};
use crate::ood::{Measure, MeasureId, Values};

/// The norm of the predicted noise, at least 0.
pub const NOISE_NORM: MeasureId = MeasureId::new("noise-norm");

static MEASURE: Measure = Measure {
    id: NOISE_NORM,
    column: "noise_norm",
    label: "Noise norm",
    help: "How much noise the model finds in the clean image: the Euclidean norm of its prediction",
    combination: None,
};

static ABOUT: About = About {
    name: "one-call-norm",
    label: "Quick scan",
    help: "The norm of the noise that one network call finds in an image: no reconstruction, hundreds of times faster",
};

static SIGMA: Parameter = Parameter {
    name: "sigma",
    label: "Noise level",
    help: "Standard deviation of the noise that the model is told to look for, where pixels lie in [-1, 1]; it works best \
           from 1.6 to 3.4",
    range: 0.01..=1000.0,
    decimals: 3,
};

/// See [the module](self).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct OneCallNorm {
    /// Noise level where pixels lie in [-1, 1]: the ratio of noise to image. The nearest trained one is used.
    pub sigma: f64,
}

impl Default for OneCallNorm {
    /// The largest level of MSMA, which is 1 on pixels in [0, 1].
    fn default() -> Self {
        Self { sigma: 2.0 }
    }
}

impl OneCallNorm {
    pub(super) const MEASURES: &'static [&'static Measure] = &[&MEASURE];
}

impl DetectorSettings for OneCallNorm {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn expected_calls(&self, _num_train_timesteps: usize) -> usize {
        1
    }

    fn choices(&self, _side: usize) -> Vec<MeasureId> {
        vec![NOISE_NORM]
    }

    fn detector(&self, target: &Target<'_>) -> Result<Box<dyn Detector>, DetectorError> {
        let timestep = nearest_timestep(target.schedule, self.sigma).map_err(|reason| {
            DetectorError::Unfit(format!("{reason}; choose one between them as --sigma"))
        })?;
        Ok(Box::new(Ready {
            timestep,
            measures: [NOISE_NORM].into(),
        }))
    }

    fn summary(&self) -> String {
        format!("quick scan at noise level {}", self.sigma)
    }

    fn parameters(&self) -> Vec<(&'static Parameter, f64)> {
        vec![(&SIGMA, self.sigma)]
    }

    fn set_parameter(&mut self, name: &str, value: f64) {
        if name == SIGMA.name {
            self.sigma = value;
        }
    }
}

struct Ready {
    timestep: usize,
    measures: Arc<[MeasureId]>,
}

impl Detector for Ready {
    fn measures(&self) -> &Arc<[MeasureId]> {
        &self.measures
    }

    fn calls_per_attempt(&self) -> usize {
        1
    }

    fn score(
        &self,
        batch: Batch<'_>,
        _attempt: usize,
        mut models: Models<'_>,
        watch: Watch<'_>,
    ) -> Result<Vec<Attempt>, AttemptError> {
        let norms = noise_norms(self.timestep, &batch, &mut models, watch.interrupt)?;
        (watch.on_call)(Call {
            num_done: 1,
            num_network_calls: norms.len(),
            state_signed: None,
        });
        Ok((norms.into_iter())
            .map(|norm| Attempt::measured(Values::new(&self.measures, [norm])))
            .collect())
    }
}
