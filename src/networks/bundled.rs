//! What is inside the program, and how it is known to be whole and to give the right numbers on a machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::checkpoints::{self, Bundled, CheckpointError, ModelSource};
use super::description::Network;
use super::executors::{Executor, ExecutorError};
use super::lpips;
use super::verify::{largest, relative_difference};
use crate::diffusion::{DenoiseError, NeverInterrupt};

/// SHA-256 of a bundled model's weights file.
const fn model_sha256(model: Bundled) -> &'static str {
    match model {
        Bundled::FashionMnist => "b9964e2908b7293315058fa852d1b416128355da53dcfa64e42c3d4a366569bd",
        Bundled::HeadCt => "5ea9c209ab44d9491d12622392b97479cc08962e497f85cc61d0f69d9f164af7",
        Bundled::Mnist => "981d0ac44578f3761f1a5356a86cb9b3f657e8d008cdce471385cdf945ea37da",
    }
}

/// SHA-256 of the weights of LPIPS.
const LPIPS_SHA256: &str = "a5303d2171965ebbbe040d8d8ec3a03f262cc35550e954f24cd7e356b656e3a9";

/// The largest difference from the known output, relative to its largest value, that a device may have: what f32 devices
/// are allowed everywhere in this program.
pub const TOLERANCE: f64 = 1e-4;
/// The timestep of the known call, of 1000.
const TIMESTEP: f32 = 500.0;

/// The noise that the bundled model finds in [`sample`], at the pixels of the main diagonal, so that every row and every
/// column has a part. Measured on candle's plain CPU path, which shares no arithmetic with this project's own kernels.
#[rustfmt::skip]
const KNOWN: [f32; 32] = [
    -0.754_919, 2.109_308, -1.638_189, 0.159_202, -1.782_875, -1.897_851, 0.253_827, 0.884_317,
    1.012_252, 0.788_145, -0.979_622, 0.831_510, -0.478_998, 1.219_235, 0.566_891, 1.331_84,
    0.535_575, -1.851_934, 0.290_276, 0.160_122, -0.898_025, -0.565_155, 1.798_051, 2.069_101,
    -1.541_727, -1.462_318, 0.107_320, -0.695_910, 1.453_041, -1.657_587, 1.259_092, -0.937_869,
];
/// The root mean square over all 1,024 pixels, likewise: a wrong pixel off the diagonal shows in it.
const KNOWN_RMS: f64 = 1.114_272_5;

/// The bundled weights, each with the SHA-256 that it has and the one that it must have, in hexadecimal digits.
pub fn weights() -> Result<Vec<(&'static str, String, &'static str)>, CheckpointError> {
    let mut weights = vec![("LPIPS", lpips::bundled_sha256(), LPIPS_SHA256)];
    for bundled in Bundled::ALL {
        let model = checkpoints::load(&ModelSource::Bundled(bundled))?;
        let has = model.identity.weights_sha256;
        weights.push((bundled.folder(), has, model_sha256(bundled)));
    }
    Ok(weights)
}

/// The bundled model.
pub fn network() -> Result<Arc<Network>, CheckpointError> {
    checkpoints::load(&ModelSource::BUNDLED).map(|checkpoint| Arc::new(checkpoint.network))
}

/// How a device did in the known call.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct KnownCall {
    /// From the known output, relative to its largest value; not finite where the output is not.
    pub difference: f64,
    /// What a second call took: the first one prepares things.
    pub took: Duration,
}

impl KnownCall {
    /// Whether the numbers are those that this program is meant to give.
    pub fn passes(&self) -> bool {
        self.difference.is_finite() && self.difference <= TOLERANCE
    }
}

/// Why there was no call.
#[derive(Debug, thiserror::Error)]
pub enum KnownCallError {
    #[error(transparent)]
    Prepare(#[from] ExecutorError),
    #[error(transparent)]
    Call(#[from] DenoiseError),
}

/// Make the known call on a device; `network` is [`network`].
pub fn call(executor: &dyn Executor, network: &Network) -> Result<KnownCall, KnownCallError> {
    let mut denoiser = executor.denoiser(network)?;
    let sample = sample(denoiser.geometry().len());
    let mut output = vec![0.0; sample.len()];
    let mut took = Duration::ZERO;
    for _ in 0..2 {
        let begin = Instant::now();
        denoiser.denoise(&sample, &[TIMESTEP], &mut output, &NeverInterrupt)?;
        took = begin.elapsed();
    }
    Ok(KnownCall {
        difference: difference(&output),
        took,
    })
}

/// Values between -2 and 2 that look like noise, by whole numbers, so that they are the same bits everywhere.
fn sample(len: usize) -> Vec<f32> {
    let mut state = 1_u32;
    let mut next = || {
        // Numerical Recipes' generator; its upper bits are the better ones.
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (state >> 20) as f32 / 1024.0 - 2.0
    };
    (0..len).map(|_| next()).collect()
}

/// What [`KNOWN`] and [`KNOWN_RMS`] hold of an output.
fn summary(output: &[f32]) -> ([f32; 32], f64) {
    let side = output.len().isqrt();
    let diagonal =
        std::array::from_fn(|at| output.get(at * (side + 1)).copied().unwrap_or(f32::NAN));
    let squares: f64 = output.iter().map(|&it| f64::from(it) * f64::from(it)).sum();
    (diagonal, (squares / output.len() as f64).sqrt())
}

fn difference(output: &[f32]) -> f64 {
    let (diagonal, rms) = summary(output);
    let (of_pixels, magnitude) = relative_difference(&diagonal, &KNOWN);
    largest([of_pixels, (rms - KNOWN_RMS).abs() / magnitude].into_iter())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::executors::candle_cpu;
    use crate::networks::executors::cpu::{CpuOptions, Isa, Machine};

    #[test]
    fn the_known_output_is_that_of_the_reference_and_of_every_instruction_set() {
        let network = network().unwrap();
        let reference = (candle_cpu::EXECUTOR.open)(None).unwrap();
        let found = call(&*reference, &network).unwrap();
        // It is written with six decimals.
        assert!(found.difference < 5e-7, "{found:?}");
        assert!(found.passes() && found.took > Duration::ZERO, "{found:?}");
        for isa in [Isa::Portable, Isa::Avx2, Isa::Avx512, Isa::Neon] {
            let options = CpuOptions {
                isa: Some(isa),
                ..CpuOptions::default()
            };
            let Ok(machine) = Machine::new(&options) else {
                continue; // Not on this processor.
            };
            let found = call(&machine, &network).unwrap();
            assert!(found.difference < 1e-5, "{isa}: {found:?}");
        }
    }

    #[test]
    fn another_network_and_one_wrong_pixel_do_not_pass() {
        let mut network = Network::clone(&network().unwrap());
        let executor = (candle_cpu::EXECUTOR.open)(None).unwrap();
        let mut values = network.conv_out.weight.values.to_vec();
        values[0] += 0.01;
        network.conv_out.weight.values = values.into();
        let found = call(&*executor, &network).unwrap();
        assert!(!found.passes(), "{found:?}");

        let side = KNOWN.len();
        let mut output = vec![0.0; side * side];
        // Whatever the other pixels are, their mean square is the known one.
        let diagonal: f64 = KNOWN.iter().map(|&it| f64::from(it).powi(2)).sum();
        let whole = KNOWN_RMS.powi(2) * (side * side) as f64;
        let rest = ((whole - diagonal) / (side * (side - 1)) as f64).sqrt() as f32;
        for (at, value) in output.iter_mut().enumerate() {
            let (row, column) = (at / side, at % side);
            *value = if row == column { KNOWN[row] } else { rest };
        }
        assert!(difference(&output) <= TOLERANCE);
        for (at, wrong) in [(0, 0.0), (1, 3.0), (1, f32::NAN), (side + 1, f32::INFINITY)] {
            let right = std::mem::replace(&mut output[at], wrong);
            let difference = difference(&output);
            let passes = KnownCall {
                difference,
                took: Duration::ZERO,
            }
            .passes();
            assert!(!passes, "{wrong} at {at}: {difference}");
            output[at] = right;
        }
    }

    #[test]
    fn the_bundled_weights_are_those_of_the_repository() {
        for (name, has, must_have) in weights().unwrap() {
            assert_eq!(has, must_have, "{name}");
        }
    }
}
