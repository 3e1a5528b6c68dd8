//! The density of images by the probability-flow ODE, many of them in the same network calls.

use std::f64::consts::{LN_2, TAU};

use crate::detectors::{AttemptError, Call, Models, Watch};
use crate::diffusion::dormand_prince::Integration;
use crate::diffusion::flow::{Flow, Level};
use crate::diffusion::schedule::{PixelRange, Schedule};

/// Network calls for a slope: at the state, and on both sides of it for the trace.
pub(super) const CALLS_PER_SLOPE: usize = 3;

/// Distance of those sides, in standard deviations of the noise. In `f32`, a smaller one loses digits, and ten times as much
/// is no longer a slope.
const SIDE_STEP: f64 = 0.01;

/// Bits per value of each image, with values in the model's range, by the direction beside it; NaN where the ODE can't be integrated.
pub(super) fn bits_per_dim(
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
    use crate::diffusion::processes::{exploding, preserving, sub_preserving};
    use crate::diffusion::schedule::{Process, ScheduleConfig};
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
        let exploding = ScheduleConfig {
            pixels: PixelRange::Unit,
            ..exploding()
        };
        for config in [preserving(), sub_preserving(), exploding] {
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
}
