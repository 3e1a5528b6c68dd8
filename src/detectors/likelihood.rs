//! Likelihood: how many bits per value the model needs for an image; and input complexity, which takes off what PNG needs.
//!
//! The density of an image is that of the noise which the probability-flow ODE makes of it, times how much the way spreads
//! its surroundings (Song et al. 2021, <https://arxiv.org/abs/2011.13456>, Sec. 4.3). That is a trace, estimated along one
//! random direction of each image and attempt (Hutchinson 1989, Skilling 1989). Central differences give it by two more
//! network calls, without gradients of the network. Every image has steps of its own: with a batch's common steps, its
//! score would depend on its company.
//!
//! Input complexity (Serrà et al. 2020, <https://arxiv.org/abs/1909.11480>) is the same less the bits of a PNG file.

use std::f64::consts::{LN_2, TAU};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::levels::{levels, png_bits_per_value, signed};
use super::settings::{About, DetectorError, DetectorSettings, Parameter, Target};
use super::{Attempt, AttemptError, Batch, Call, Detector, Models, Watch};
use crate::diffusion::dormand_prince::Integration;
use crate::diffusion::flow::{Flow, Level};
use crate::diffusion::noise::{PhiloxStream, Purpose};
use crate::diffusion::schedule::{PixelRange, Schedule};
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

/// Network calls for a slope: at the state, and on both sides of it for the trace.
const CALLS_PER_SLOPE: usize = 3;

/// Distance of those sides, in standard deviations of the noise. In `f32`, a smaller one loses digits, and ten times as much
/// is no longer a slope.
const SIDE_STEP: f64 = 0.01;

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

    fn measures(&self, side: usize, _asked: MeasureId) -> Vec<MeasureId> {
        self.choices(side)
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
            Attempt {
                values: Values::new(&self.measures, [bits, complexity]),
                known_mask: None,
                reconstruction: None,
            }
        });
        Ok(attempts.collect())
    }
}

/// Bits per value of each image, with values in the model's range, by the direction beside it; NaN where the ODE can't be integrated.
fn bits_per_dim(
    images: Vec<(Vec<f64>, Vec<f32>)>,
    tolerance: f64,
    models: Models<'_>,
    watch: Watch<'_>,
) -> Result<Vec<f64>, AttemptError> {
    let flow = Flow::new(models.schedule);
    let (mut integrations, probes): (Vec<Integration>, Vec<Vec<f32>>) = images
        .into_iter()
        .map(|(mut state, probe)| {
            state.push(0.0); // The integral of the trace.
            (Integration::new(state, flow.span(), tolerance), probe)
        })
        .unzip();
    let end = End::of(models.schedule);
    let mut slopes = Slopes {
        flow: &flow,
        models,
        watch,
        num_rounds: 0,
    };
    while slopes.answer(&mut integrations, &probes)? {}
    let bits = integrations
        .iter()
        .map(|integration| (integration.result()).map_or(f64::NAN, |state| end.bits(state)));
    Ok(bits.collect())
}

/// What a model makes of images in the end.
struct End {
    /// Of the noise.
    deviation: f64,
    /// Bits per value that a density has more than a probability of levels: 256 of them lie in the range of pixels.
    range: f64,
}

impl End {
    fn of(schedule: &Schedule) -> Self {
        Self {
            deviation: schedule.prior_deviation(schedule.num_train_timesteps() - 1),
            range: match schedule.config().pixels {
                PixelRange::Signed => 7.0,
                PixelRange::Unit => 8.0,
            },
        }
    }

    /// Bits per value by the state at the end, with its integral.
    fn bits(&self, state: &[f64]) -> f64 {
        let Some((trace, noise)) = state.split_last() else {
            return f64::NAN;
        };
        let variance = self.deviation.powi(2);
        let squares: f64 = noise.iter().map(|value| value * value).sum();
        let len = noise.len() as f64;
        let log_density = trace - squares / (2.0 * variance) - len / 2.0 * (TAU * variance).ln();
        self.range - log_density / (len * LN_2)
    }
}

/// Answers what integrations ask for, all of them by the same network calls.
struct Slopes<'a, 'm, 'w> {
    flow: &'a Flow<'a>,
    models: Models<'m>,
    watch: Watch<'w>,
    num_rounds: usize,
}

impl Slopes<'_, '_, '_> {
    /// Give each integration that is not over its slope; whether there was any.
    fn answer(
        &mut self,
        integrations: &mut [Integration],
        probes: &[Vec<f32>],
    ) -> Result<bool, AttemptError> {
        let slopes = self.slopes(integrations, probes)?;
        let any = !slopes.is_empty();
        let asking = integrations.iter_mut().filter(|one| one.asks().is_some());
        for (integration, slope) in asking.zip(slopes) {
            integration.answer(slope);
        }
        Ok(any)
    }

    /// What those that are not over ask for, in their order.
    fn slopes(
        &mut self,
        integrations: &[Integration],
        probes: &[Vec<f32>],
    ) -> Result<Vec<Vec<f64>>, AttemptError> {
        let mut asked = Vec::new();
        let mut sample = Vec::new();
        for (integration, probe) in integrations.iter().zip(probes) {
            let Some((at, state)) = integration.asks() else {
                continue;
            };
            let level = self.flow.at(at);
            for side in [0.0, SIDE_STEP, -SIDE_STEP] {
                let shift = side * level.noise;
                let values = state.iter().zip(probe);
                sample.extend(values.map(|(x, v)| (x + shift * f64::from(*v)) as f32));
            }
            asked.push((level, probe));
        }
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let told: Vec<f32> = (asked.iter())
            .flat_map(|(level, _)| [level.told as f32; CALLS_PER_SLOPE])
            .collect();
        let mut output = vec![0.0; sample.len()];
        let denoiser = &mut self.models.denoiser;
        denoiser.denoise(&sample, &told, &mut output, self.watch.interrupt)?;
        self.num_rounds += 1;
        (self.watch.on_call)(Call {
            num_done: CALLS_PER_SLOPE * self.num_rounds,
            num_network_calls: told.len(),
            state_signed: None,
        });
        let len = sample.len() / asked.len();
        let calls = sample.chunks_exact(len).zip(output.chunks_exact(len));
        let slopes = asked.iter().zip(calls);
        Ok(slopes
            .map(|((level, probe), call)| slope(self.flow, level, call, probe))
            .collect())
    }
}

/// The slope of an image and of the integral of its trace, from the network's inputs and outputs at the state and on both
/// sides of it.
fn slope(
    flow: &Flow<'_>,
    level: &Level,
    (sample, output): (&[f32], &[f32]),
    probe: &[f32],
) -> Vec<f64> {
    let len = probe.len();
    let noise = |call: usize, index: usize| {
        let at = call * len + index;
        flow.pred_noise(level, f64::from(sample[at]), f64::from(output[at]))
    };
    let drift = |call, index: usize| {
        let value = f64::from(sample[call * len + index]);
        level.drift(value, noise(call, index))
    };
    let mut slope: Vec<f64> = (0..len).map(|index| drift(0, index)).collect();
    let along = (0..len).map(|index| {
        // What the state does by itself is known; only the network's part is a difference.
        f64::from(probe[index]) * (noise(1, index) - noise(2, index))
    });
    let distance = 2.0 * SIDE_STEP * level.noise;
    slope.push(level.slope * len as f64 + level.noise * along.sum::<f64>() / distance);
    slope
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::reference::{self, Reference};
    use crate::diffusion::schedule::{Betas, Process, ScheduleConfig};
    use crate::diffusion::{DenoiseError, Denoiser, Interrupt, NeverInterrupt};
    use crate::images::Geometry;

    const GEOMETRY: Geometry = Geometry {
        channels: 1,
        side: 4,
    };
    const DEVIATION: f64 = 0.4;

    /// What a model would predict that knows its images: independent normal values around 0.
    struct Gaussian(Schedule);

    impl Denoiser for Gaussian {
        fn geometry(&self) -> Geometry {
            GEOMETRY
        }

        fn denoise(
            &mut self,
            sample: &[f32],
            timesteps: &[f32],
            output: &mut [f32],
            _interrupt: &dyn Interrupt,
        ) -> Result<(), DenoiseError> {
            let knots: Vec<f64> = (0..self.0.num_train_timesteps())
                .map(|timestep| {
                    let signal = self.0.alpha_cumprod(Some(timestep));
                    (self.0.noise_variance(Some(timestep)) / signal).ln() / 2.0
                })
                .collect();
            let flow = Flow::new(&self.0);
            let images = sample
                .chunks(GEOMETRY.len())
                .zip(output.chunks_mut(GEOMETRY.len()));
            for ((sample, output), timestep) in images.zip(timesteps) {
                let log_sigma = if self.0.config().process == Process::VarianceExploding {
                    f64::from(*timestep).ln()
                } else {
                    let below = (timestep.floor() as usize).min(knots.len() - 2);
                    let share = f64::from(*timestep) - below as f64;
                    knots[below] * (1.0 - share) + knots[below + 1] * share
                };
                let level = flow.at(log_sigma);
                let variance = (level.signal * DEVIATION).powi(2) + level.noise.powi(2);
                for (output, value) in output.iter_mut().zip(sample) {
                    *output = (level.noise * f64::from(*value) / variance) as f32;
                }
            }
            Ok(())
        }
    }

    #[test]
    fn normal_images_have_the_bits_of_their_density() {
        let sub = ScheduleConfig {
            process: Process::SubVariancePreserving,
            betas: Betas::Continuous,
            beta_start: 0.1,
            beta_end: 20.0,
            ..ScheduleConfig::default()
        };
        let exploding = ScheduleConfig {
            process: Process::VarianceExploding,
            betas: Betas::Geometric,
            beta_start: 0.01,
            beta_end: 50.0,
            pixels: PixelRange::Unit,
            ..ScheduleConfig::default()
        };
        for config in [ScheduleConfig::default(), sub, exploding] {
            let schedule = Schedule::new(config).unwrap();
            let signal = schedule.alpha_cumprod(Some(0));
            let variance = signal * DEVIATION.powi(2) + schedule.noise_variance(Some(0));
            let image: Vec<f64> = (0..GEOMETRY.len())
                .map(|index| index as f64 / 8.0 - 1.0)
                .collect();
            let log_density: f64 = (image.iter())
                .map(|value| -value * value / (2.0 * variance) - (TAU * variance).ln() / 2.0)
                .sum();
            let expected = End::of(&schedule).range - log_density / (GEOMETRY.len() as f64 * LN_2);
            let models = Models {
                schedule: &schedule,
                denoiser: &mut Gaussian(schedule.clone()),
                perceptual: None,
            };
            let watch = Watch {
                interrupt: &NeverInterrupt,
                on_call: &mut |_| {},
            };
            let probe = vec![1.0; GEOMETRY.len()];
            let bits = bits_per_dim(vec![(image, probe)], 1e-5, models, watch).unwrap();
            assert!((bits[0] - expected).abs() < 1e-3, "{} {expected}", bits[0]);
        }
    }

    #[test]
    fn slopes_of_the_bundled_model_are_those_of_the_reference() {
        let reference = Reference::read("likelihood.safetensors");
        let (schedule, mut denoiser) = reference::bundled();
        let flow = Flow::new(&schedule);
        let probes = reference.rows("probe");
        let (states, drifts) = (reference.rows("states"), reference.rows("drift"));
        let traces = reference.rows("trace");
        for (at, log_sigma) in [-3.0, 0.5, 2.0].into_iter().enumerate() {
            let len = probes[0].len();
            let images = states[at].chunks(len).zip(&probes);
            let (integrations, probes): (Vec<_>, Vec<Vec<f32>>) = images
                .map(|(state, probe)| {
                    let state = [state, &[0.0]].concat();
                    let probe = probe.iter().map(|sign| *sign as f32).collect();
                    (Integration::new(state, (log_sigma, 5.0), 1e-3), probe)
                })
                .unzip();
            let mut slopes = Slopes {
                flow: &flow,
                models: Models {
                    schedule: &schedule,
                    denoiser: &mut denoiser,
                    perceptual: None,
                },
                watch: Watch {
                    interrupt: &NeverInterrupt,
                    on_call: &mut |_| {},
                },
                num_rounds: 0,
            };
            let found = slopes.slopes(&integrations, &probes).unwrap();
            for (image, found) in found.iter().enumerate() {
                let expected = &drifts[at][image * len..][..len];
                let largest = expected.iter().fold(0.0_f64, |most, v| most.max(v.abs()));
                for (found, expected) in found.iter().zip(expected) {
                    assert!((found - expected).abs() < 1e-4 * largest, "{log_sigma}");
                }
                let trace = traces[at][image];
                assert!((found[len] - trace).abs() < 0.2, "{} {trace}", found[len]);
            }
        }
    }

    /// The reference integrated by `scipy.integrate.RK45`, each image alone. Its steps follow the rounding of `f32`: the same
    /// code in PyTorch gives 2.0624 with 440 slopes on one processor and 2.0711 with 470 on another.
    #[test]
    fn bits_of_the_bundled_model_are_those_of_the_reference() {
        let reference = Reference::read("likelihood.safetensors");
        let (schedule, mut denoiser) = reference::bundled();
        let probes = reference.rows("probe").into_iter();
        let probes = probes.map(|probe| probe.iter().map(|sign| *sign as f32).collect());
        let images = reference.images_signed().into_iter().zip(probes);
        let images = images.take(1).collect();
        let mut num_calls = 0;
        let models = Models {
            schedule: &schedule,
            denoiser: &mut denoiser,
            perceptual: None,
        };
        let watch = Watch {
            interrupt: &NeverInterrupt,
            on_call: &mut |call| num_calls += call.num_network_calls,
        };
        let bits = bits_per_dim(images, 1e-5, models, watch).unwrap()[0];
        assert!((bits - 2.0668).abs() < 0.01, "{bits}");
        assert!((3 * 300..3 * 800).contains(&num_calls), "{num_calls}");
    }

    /// Bits of the same stream by zlib, which finds somewhat longer matches.
    #[test]
    fn png_bits_are_nearly_those_of_zlib() {
        let reference = Reference::read("likelihood.safetensors");
        let geometry = Geometry {
            channels: 1,
            side: 32,
        };
        for (image, zlib) in reference.rows("images").iter().zip([3792.0, 6096.0]) {
            let levels: Vec<u8> = image.iter().map(|level| *level as u8).collect();
            let bits = 1024.0 * png_bits_per_value(geometry, &levels);
            assert!((0.98..1.1).contains(&(bits / zlib)), "{bits} {zlib}");
        }
    }

    #[test]
    fn the_estimate_goes_through_what_was_counted() {
        for (tolerance, slopes) in TYPICAL_SLOPES {
            assert_eq!(typical_slopes(tolerance) as f64, slopes);
        }
        assert!((57..119).contains(&typical_slopes(3e-4)));
        assert!(typical_slopes(1e-6) > 458 && typical_slopes(0.1) < 38);
    }
}
