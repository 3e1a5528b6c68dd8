//! The quick scan: the norm of the noise that one network call finds in the clean image.
//!
//! The image is scaled as if it carried noise of a certain level, but none is added. What the model then takes for noise is
//! what it would remove from the image, which is little where the image is of its domain. It is the largest level of MSMA
//! (Mahmood et al. 2021, <https://arxiv.org/abs/2010.13132>) by itself, without a density.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::settings::{About, DetectorError, DetectorSettings, Parameter, Target};
use super::{Attempt, AttemptError, Batch, Call, Detector, Models, Watch};
use crate::diffusion::Schedule;
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

/// A trained level this much beyond the first or last one, as a ratio, is taken for it.
const SLACK: f64 = 1.01;

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

    fn measures(&self, side: usize, _asked: MeasureId) -> Vec<MeasureId> {
        self.choices(side)
    }

    fn choices(&self, _side: usize) -> Vec<MeasureId> {
        vec![NOISE_NORM]
    }

    fn detector(&self, target: &Target<'_>) -> Result<Box<dyn Detector>, DetectorError> {
        Ok(Box::new(Ready {
            timestep: nearest_timestep(target.schedule, self.sigma)?,
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

/// The training timestep whose noise level is nearest by ratio.
fn nearest_timestep(schedule: &Schedule, sigma: f64) -> Result<usize, DetectorError> {
    let timesteps = 0..schedule.num_train_timesteps();
    let levels = timesteps.map(|timestep| schedule.noise_level(timestep));
    let (lowest, highest) = levels
        .clone()
        .fold((f64::MAX, 0.0_f64), |(low, high), level| {
            (low.min(level), high.max(level))
        });
    if !(lowest / SLACK..=highest * SLACK).contains(&sigma) {
        return Err(DetectorError::Unfit(format!(
            "the model was trained on noise levels from {lowest:.4} to {highest:.4}, got {sigma}; choose one between them as \
             --sigma"
        )));
    }
    let distances = levels.map(|level| (level.ln() - sigma.ln()).abs());
    let nearest = (distances.enumerate()).min_by(|(_, a), (_, b)| a.total_cmp(b));
    Ok(nearest.map_or(0, |(timestep, _)| timestep))
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
        models: Models<'_>,
        watch: Watch<'_>,
    ) -> Result<Vec<Attempt>, AttemptError> {
        let signal = models.schedule.alpha_cumprod(Some(self.timestep)).sqrt() as f32;
        let pixels = models.schedule.config().pixels;
        let scaled: Vec<f32> = (batch.signed().iter())
            .map(|&value| signal * pixels.from_signed(value))
            .collect();
        let told = vec![models.schedule.told(self.timestep); batch.originals.len()];
        let mut output = vec![0.0; scaled.len()];
        models
            .denoiser
            .denoise(&scaled, &told, &mut output, watch.interrupt)?;
        (watch.on_call)(Call {
            num_done: 1,
            num_network_calls: told.len(),
            state_signed: None,
        });
        let item_len = batch.geometry.len();
        let pairs = scaled
            .chunks_exact(item_len)
            .zip(output.chunks_exact(item_len));
        Ok(pairs
            .map(|(x_t, output)| Attempt {
                values: Values::new(&self.measures, [self.norm(models.schedule, x_t, output)]),
                known_mask: None,
                reconstruction: None,
            })
            .collect())
    }
}

impl Ready {
    /// Not finite where the network's output is not.
    fn norm(&self, schedule: &Schedule, x_t: &[f32], output: &[f32]) -> f64 {
        let noise = x_t.iter().zip(output).map(|(&x_t, &output)| {
            schedule.pred_noise(self.timestep, f64::from(x_t), f64::from(output))
        });
        noise.map(|noise| noise * noise).sum::<f64>().sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::schedule::ScheduleConfig;

    #[test]
    fn the_level_is_the_nearest_trained_one_by_ratio() {
        let schedule = Schedule::new(ScheduleConfig::default()).unwrap();
        // The levels of MSMA on the linear schedule.
        for (timestep, sigma) in [(396, 2.0), (293, 1.199), (2, 0.02)] {
            assert_eq!(nearest_timestep(&schedule, sigma).unwrap(), timestep);
        }
        for sigma in [0.0, 0.009, 200.0, f64::NAN] {
            let refusal = nearest_timestep(&schedule, sigma).unwrap_err().to_string();
            assert!(refusal.contains("from 0.0100 to 157.4"), "{refusal}");
        }
    }
}
