//! Where noise comes from: a stream keyed by content, so that a result does not depend on the
//! batch, the order, the folder or the machine.

use std::f64::consts::TAU;

use sha2::{Digest as _, Sha256};

use super::philox::philox4x32;
use crate::images::ContentHash;

/// What a draw is for; each has a stream of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Purpose {
    /// The state a lift starts from.
    Start = 0,
    /// The noise a sampler step adds.
    Step = 1,
    /// The noise that known pixels are diffused with.
    Known = 2,
    /// The choice of a random mask.
    Mask = 3,
    /// The noise in a training image.
    Train = 4,
    /// The timestep of a training image.
    Timestep = 5,
    /// The noise a corrector adds.
    Corrector = 6,
    /// The noise that known pixels are diffused with after a corrector.
    KnownAfterCorrector = 7,
    /// The direction along which a trace is estimated.
    Probe = 8,
    /// The noise that a step is undone with.
    Again = 9,
    /// What an image is encoded in, to estimate its likelihood.
    Encode = 10,
    /// The same in a step of an encoder that is fitted to the image.
    Adapt = 11,
    /// The same after these steps.
    EncodeAdapted = 12,
}

/// Gives the noise of each image of a batch, on whatever thread.
pub trait NoiseSource: Sync {
    /// Fill `out` with standard normals for the batch's image at position `item`.
    fn fill_normal(&self, item: usize, purpose: Purpose, step: usize, out: &mut [f32]);
}

/// The random stream of one (run seed, image content, attempt).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhiloxStream {
    key: [u32; 2],
    attempt: u32,
}

impl PhiloxStream {
    /// The key is the first eight bytes of SHA-256(seed as eight little-endian bytes, content hash).
    pub fn new(seed: u64, content: &ContentHash, attempt: usize) -> Self {
        let digest = Sha256::new()
            .chain_update(seed.to_le_bytes())
            .chain_update(content.0)
            .finalize();
        let word = |at: usize| {
            u32::from_le_bytes([digest[at], digest[at + 1], digest[at + 2], digest[at + 3]])
        };
        Self {
            key: [word(0), word(4)],
            attempt: attempt as u32,
        }
    }

    fn block(&self, purpose: Purpose, step: usize, block: usize) -> [u32; 4] {
        let counter = [block as u32, step as u32, purpose as u32, self.attempt];
        philox4x32(counter, self.key)
    }

    /// Standard normals: element `i` depends on nothing but the stream, the purpose, the step and `i`.
    pub fn fill_normal(&self, purpose: Purpose, step: usize, out: &mut [f32]) {
        for (index, chunk) in out.chunks_mut(4).enumerate() {
            let [a, b, c, d] = self.block(purpose, step, index);
            let (n0, n1) = box_muller(a, b);
            let (n2, n3) = box_muller(c, d);
            chunk.copy_from_slice(&[n0, n1, n2, n3][..chunk.len()]);
        }
    }

    /// Four random words.
    pub fn words(&self, purpose: Purpose, step: usize) -> [u32; 4] {
        self.block(purpose, step, 0)
    }

    /// A source of uniform integers below a bound, for the choice of a random mask.
    pub fn mask_draws(self) -> impl FnMut(u32) -> u32 {
        let mut index = 0;
        move |bound| {
            let word = self.block(Purpose::Mask, 0, index / 4)[index % 4];
            index += 1;
            // Multiply-shift; its bias, under bound / 2^32, is far below what a mask could show.
            ((u64::from(word) * u64::from(bound)) >> 32) as u32
        }
    }
}

/// Two normals from two integers (Box & Muller 1958); the first uniform is kept off zero by half a step.
fn box_muller(a: u32, b: u32) -> (f32, f32) {
    const STEP: f64 = 1.0 / 4_294_967_296.0;
    let radius = (-2.0 * ((f64::from(a) + 0.5) * STEP).ln()).sqrt();
    let (sin, cos) = (TAU * f64::from(b) * STEP).sin_cos();
    ((radius * cos) as f32, (radius * sin) as f32)
}

/// The noise of a batch that mixes images and attempts freely.
#[derive(Clone, Debug, Default)]
pub struct PhiloxNoise {
    /// One stream an image of the batch.
    pub streams: Vec<PhiloxStream>,
}

impl NoiseSource for PhiloxNoise {
    fn fill_normal(&self, item: usize, purpose: Purpose, step: usize, out: &mut [f32]) {
        self.streams[item].fill_normal(purpose, step, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normals(stream: PhiloxStream, purpose: Purpose, step: usize, len: usize) -> Vec<f32> {
        let mut out = vec![0.0; len];
        stream.fill_normal(purpose, step, &mut out);
        out
    }

    #[test]
    fn an_element_does_not_depend_on_the_length() {
        let stream = PhiloxStream::new(7, &ContentHash([3; 32]), 2);
        let long = normals(stream, Purpose::Step, 5, 1001);
        assert_eq!(normals(stream, Purpose::Step, 5, 10), long[..10]);
    }

    #[test]
    fn every_part_of_the_address_changes_the_noise() {
        let base = PhiloxStream::new(7, &ContentHash([3; 32]), 2);
        let reference = normals(base, Purpose::Step, 5, 64);
        let others = [
            normals(
                PhiloxStream::new(8, &ContentHash([3; 32]), 2),
                Purpose::Step,
                5,
                64,
            ),
            normals(
                PhiloxStream::new(7, &ContentHash([4; 32]), 2),
                Purpose::Step,
                5,
                64,
            ),
            normals(
                PhiloxStream::new(7, &ContentHash([3; 32]), 3),
                Purpose::Step,
                5,
                64,
            ),
            normals(base, Purpose::Known, 5, 64),
            normals(base, Purpose::Step, 6, 64),
        ];
        for other in others {
            assert!(
                reference.iter().zip(&other).all(|(a, b)| a != b),
                "streams must not share a value"
            );
        }
    }

    #[test]
    fn moments_of_a_standard_normal() {
        let count = 1 << 20;
        let values = normals(
            PhiloxStream::new(0, &ContentHash([0; 32]), 0),
            Purpose::Start,
            0,
            count,
        );
        let moment = |power: i32| {
            values
                .iter()
                .map(|&v| f64::from(v).powi(power))
                .sum::<f64>()
                / count as f64
        };
        // Six standard errors of each moment's estimate.
        let bound = |variance: f64| 6.0 * (variance / count as f64).sqrt();
        assert!(moment(1).abs() < bound(1.0), "mean {}", moment(1));
        assert!(
            (moment(2) - 1.0).abs() < bound(2.0),
            "variance {}",
            moment(2)
        );
        assert!(moment(3).abs() < bound(15.0), "skewness {}", moment(3));
        assert!(
            (moment(4) - 3.0).abs() < bound(96.0),
            "kurtosis {}",
            moment(4)
        );
    }
}
