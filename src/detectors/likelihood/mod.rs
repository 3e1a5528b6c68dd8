//! Likelihood: how many bits per value the model needs for an image; and input complexity, which takes off what PNG needs.
//!
//! The density of an image is that of the noise which the probability-flow ODE makes of it, times how much the way spreads
//! its surroundings (Song et al. 2021, <https://arxiv.org/abs/2011.13456>, Sec. 4.3). That is a trace, estimated along one
//! random direction of each image and attempt (Hutchinson 1989, Skilling 1989). Central differences give it by two more
//! network calls, without gradients of the network. Every image has steps of its own: with a batch's common steps, its
//! score would depend on its company.
//!
//! Input complexity (Serrà et al. 2020, <https://arxiv.org/abs/1909.11480>) is the same less the bits of a PNG file.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

mod density;

use self::density::{CALLS_PER_SLOPE, bits_per_dim};
use super::levels::{levels, png_bits_per_value, signed};
use super::settings::{About, DetectorError, DetectorSettings, Parameter, Target};
use super::{Attempt, AttemptError, Batch, Detector, Models, Watch};
use crate::diffusion::noise::{PhiloxStream, Purpose};
use crate::ood::{Measure, MeasureId, Values};

/// Bits per value by the model.
pub const BITS_PER_DIM: MeasureId = MeasureId::new("bits-per-dim");
/// The same less those of PNG.
pub const INPUT_COMPLEXITY: MeasureId = MeasureId::new("input-complexity");

static BITS: Measure = Measure {
    id: BITS_PER_DIM,
    column: "bits_per_dim",
    label: "Bits per dimension",
    help: "How many bits per value the model needs for the image: the fewer, the likelier it takes it to be. Simple images \
           need few whether they belong or not",
    combination: None,
};

static COMPLEXITY: Measure = Measure {
    id: INPUT_COMPLEXITY,
    column: "input_complexity",
    label: "Input complexity",
    help: "The model's bits per value less those of a PNG file with unfiltered rows. Another PNG encoder gives other scores",
    combination: None,
};

static ABOUT: About = About {
    name: "likelihood",
    label: "Likelihood",
    help: "How likely the model takes an image to be, alone and less its complexity; slow, and often wrong about simple images",
};

static TOLERANCE: Parameter = Parameter {
    name: "tolerance",
    label: "Tolerance",
    help: "Error that each step of the ODE may have: 0.001 takes about 170 network calls per image and is right to 0.03 bits, \
           0.0001 takes twice as many and is right to 0.005",
    range: 1e-6..=0.1,
    decimals: 6,
};

/// See [the module](self).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Likelihood {
    /// Relative and absolute, of a step.
    pub tolerance: f64,
}

impl Default for Likelihood {
    fn default() -> Self {
        Self { tolerance: 1e-3 }
    }
}

/// Slopes that were counted on the bundled model at some tolerances, for an estimate before a run.
const TYPICAL_SLOPES: [(f64, f64); 4] = [(1e-2, 38.0), (1e-3, 56.0), (1e-4, 119.0), (1e-5, 458.0)];

impl Likelihood {
    pub(super) const MEASURES: &'static [&'static Measure] = &[&BITS, &COMPLEXITY];
}

impl DetectorSettings for Likelihood {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn expected_calls(&self, _num_train_timesteps: usize) -> usize {
        CALLS_PER_SLOPE * typical_slopes(self.tolerance)
    }

    fn choices(&self, _side: usize) -> Vec<MeasureId> {
        vec![BITS_PER_DIM, INPUT_COMPLEXITY]
    }

    fn detector(&self, target: &Target<'_>) -> Result<Box<dyn Detector>, DetectorError> {
        Ok(Box::new(Ready {
            tolerance: self.tolerance,
            seed: target.seed,
            calls_per_attempt: self.expected_calls(target.schedule.num_train_timesteps()),
            measures: [BITS_PER_DIM, INPUT_COMPLEXITY].into(),
        }))
    }

    fn summary(&self) -> String {
        format!("likelihood to {}", self.tolerance)
    }

    fn parameters(&self) -> Vec<(&'static Parameter, f64)> {
        vec![(&TOLERANCE, self.tolerance)]
    }

    fn set_parameter(&mut self, name: &str, value: f64) {
        if name == TOLERANCE.name {
            self.tolerance = value;
        }
    }
}

/// Interpolated between what was counted, on logarithmic scales.
fn typical_slopes(tolerance: f64) -> usize {
    let beyond = TYPICAL_SLOPES.len() - 2;
    let above = TYPICAL_SLOPES.iter().take_while(|(t, _)| *t > tolerance);
    let first = above.count().saturating_sub(1).min(beyond);
    let ((t0, n0), (t1, n1)) = (TYPICAL_SLOPES[first], TYPICAL_SLOPES[first + 1]);
    let share = (tolerance / t0).ln() / (t1 / t0).ln();
    (n0 * (n1 / n0).powf(share)).round() as usize
}

struct Ready {
    tolerance: f64,
    seed: u64,
    calls_per_attempt: usize,
    measures: Arc<[MeasureId]>,
}

impl Detector for Ready {
    fn measures(&self) -> &Arc<[MeasureId]> {
        &self.measures
    }

    fn calls_per_attempt(&self) -> usize {
        self.calls_per_attempt
    }

    fn score(
        &self,
        batch: Batch<'_>,
        attempt: usize,
        models: Models<'_>,
        watch: Watch<'_>,
    ) -> Result<Vec<Attempt>, AttemptError> {
        let levels: Vec<Vec<u8>> = (batch.originals.iter())
            .map(|original| levels(&original.unit))
            .collect();
        let pixels = models.schedule.config().pixels;
        let images = levels.iter().zip(batch.contents).map(|(levels, content)| {
            let signed = levels.iter().map(|&level| signed(level) as f32);
            let image = signed
                .map(|value| f64::from(pixels.from_signed(value)))
                .collect();
            let mut probe = vec![0.0; levels.len()];
            PhiloxStream::new(self.seed, content, attempt).fill_normal(
                Purpose::Probe,
                0,
                &mut probe,
            );
            // Signs have the least variance of all directions (Hutchinson 1989).
            (image, probe.into_iter().map(f32::signum).collect())
        });
        let bits = bits_per_dim(images.collect(), self.tolerance, models, watch)?;
        let attempts = bits.into_iter().zip(&levels).map(|(bits, levels)| {
            let complexity = bits - png_bits_per_value(batch.geometry, levels);
            Attempt::measured(Values::new(&self.measures, [bits, complexity]))
        });
        Ok(attempts.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estimate_goes_through_what_was_counted() {
        for (tolerance, slopes) in TYPICAL_SLOPES {
            assert_eq!(typical_slopes(tolerance) as f64, slopes);
        }
        assert!((57..119).contains(&typical_slopes(3e-4)));
        assert!(typical_slopes(1e-6) > 458 && typical_slopes(0.1) < 38);
    }
}
