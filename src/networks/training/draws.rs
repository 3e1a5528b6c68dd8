//! What each step sees: images in an order of their own in each round, noise, timesteps, all from the seed.
//!
//! Nothing is kept between steps: a run that is resumed draws what it would have drawn.

use serde::{Deserialize, Serialize};

use crate::diffusion::Schedule;
use crate::diffusion::noise::{PhiloxStream, Purpose};
use crate::diffusion::philox::philox4x32;
use crate::diffusion::schedule::Prediction;
use crate::images::{ContentHash, Geometry};
use crate::networks::executors::cpu::Machine;

use super::trainer::Batch;

/// Images in memory, as training reads them.
#[derive(Clone, Debug)]
pub struct Examples {
    geometry: Geometry,
    hashes: Vec<ContentHash>,
    /// (images, H, W, C); 65,535 is white. Finer than any difference between two files of one picture.
    values: Vec<u16>,
}

impl Examples {
    /// None yet.
    pub fn new(geometry: Geometry) -> Self {
        Self {
            geometry,
            hashes: Vec::new(),
            values: Vec::new(),
        }
    }

    /// Add an image: planar (C, H, W), values in [0, 1].
    pub fn push(&mut self, hash: ContentHash, unit: &[f32]) {
        let Geometry { channels, .. } = self.geometry;
        let pixels = self.geometry.pixels();
        for pixel in 0..pixels {
            for channel in 0..channels {
                let value = unit[channel * pixels + pixel].clamp(0.0, 1.0);
                self.values
                    .push((value * f32::from(u16::MAX)).round() as u16);
            }
        }
        self.hashes.push(hash);
    }

    /// Their shape.
    pub fn geometry(&self) -> Geometry {
        self.geometry
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Their contents, in the order in which they came.
    pub fn hashes(&self) -> &[ContentHash] {
        &self.hashes
    }

    /// An image: planar (C, H, W), values in [0, 1].
    pub fn unit(&self, index: usize) -> Vec<f32> {
        let Geometry { channels, .. } = self.geometry;
        let image = self.levels(index);
        (0..channels)
            .flat_map(|channel| image[channel..].iter().step_by(channels))
            .map(|&level| f32::from(level) / f32::from(u16::MAX))
            .collect()
    }

    /// An image: (H, W, C), 65,535 is white.
    pub fn levels(&self, index: usize) -> &[u16] {
        let len = self.geometry.len();
        &self.values[index * len..][..len]
    }

    /// Those whose contents `keep` wants.
    pub fn filtered(&self, keep: impl Fn(&ContentHash) -> bool) -> Self {
        let len = self.geometry.len();
        let mut kept = Self::new(self.geometry);
        for (hash, values) in self.hashes.iter().zip(self.values.chunks_exact(len)) {
            if keep(hash) {
                kept.hashes.push(*hash);
                kept.values.extend_from_slice(values);
            }
        }
        kept
    }

    /// RGB examples as gray ones, if the channels of every pixel agree, but for what a JPEG's rounding does.
    pub fn gray(&self) -> Option<Self> {
        /// Three of 255 levels.
        const ROUNDING: u16 = 3 * 257;
        let (pixels, rest) = self.values.as_chunks::<3>();
        let agree = |[r, g, b]: &[u16; 3]| r.abs_diff(*g).max(g.abs_diff(*b)) <= ROUNDING;
        if self.geometry.channels != 3 || !rest.is_empty() || !pixels.iter().all(agree) {
            return None;
        }
        let gray = |[r, g, b]: &[u16; 3]| {
            let [r, g, b] = [r, g, b].map(|value| f32::from(*value));
            (0.299 * r + 0.587 * g + 0.114 * b).round() as u16
        };
        Some(Self {
            geometry: Geometry {
                channels: 1,
                ..self.geometry
            },
            hashes: self.hashes.clone(),
            values: pixels.iter().map(gray).collect(),
        })
    }

    /// Whether all show the same picture.
    pub fn are_identical(&self) -> bool {
        let mut images = self.values.chunks_exact(self.geometry.len().max(1));
        let first = images.next();
        images.all(|image| Some(image) == first)
    }
}

/// Where timesteps are drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TimestepDensity {
    /// By a Laplace distribution of width 1.5 over the logarithm of the signal-to-noise ratio around 0, but for 15 % that are
    /// drawn evenly, so that none is never seen.
    ///
    /// A linear schedule spends a third of its timesteps where hardly anything of the image is left; this way most come from
    /// where there is something to learn (Hang et al. 2024, <https://arxiv.org/abs/2407.03297>).
    #[default]
    Laplace,
    /// All alike (Ho et al. 2020, algorithm 1).
    Uniform,
}

impl TimestepDensity {
    /// Share of timesteps that are drawn evenly.
    fn even_share(self) -> f64 {
        match self {
            Self::Laplace => 0.15,
            Self::Uniform => 1.0,
        }
    }
}

/// Width of the Laplace distribution over log-SNR.
const LAPLACE_WIDTH: f64 = 1.5;

/// Bands of timesteps that a validation loss is told apart by.
pub const BANDS: usize = 4;

/// Draws the batches of a run.
#[derive(Clone, Debug)]
pub struct Draws {
    seed: u64,
    schedule: Schedule,
    density: TimestepDensity,
    has_flips: bool,
}

/// A batch, reused from step to step.
#[derive(Clone, Debug, Default)]
pub struct BatchBuffers {
    noisy: Vec<f32>,
    timesteps: Vec<f32>,
    target: Vec<f32>,
    /// Noisy image and target side by side, as they are made.
    made: Vec<f32>,
}

impl BatchBuffers {
    /// What the trainer reads.
    pub fn batch(&self) -> Batch<'_> {
        Batch {
            noisy: &self.noisy,
            timesteps: &self.timesteps,
            target: &self.target,
        }
    }
}

/// One image of a batch.
#[derive(Clone, Copy, Debug)]
struct Pick {
    example: usize,
    stream: PhiloxStream,
    step: usize,
    timestep: usize,
    is_flipped: bool,
}

impl Draws {
    /// By a seed.
    pub fn new(seed: u64, schedule: Schedule, density: TimestepDensity) -> Self {
        Self {
            seed,
            schedule,
            density,
            has_flips: false,
        }
    }

    /// Turn images left to right at random.
    pub fn with_flips(self, has_flips: bool) -> Self {
        Self { has_flips, ..self }
    }

    /// The batch of step `step`: as many images follow each other in the rounds' orders.
    pub fn training(
        &self,
        machine: &Machine,
        examples: &Examples,
        (step, size): (usize, usize),
        to: &mut BatchBuffers,
    ) {
        let count = examples.len();
        let first = step as u64 * size as u64;
        let mut picks = Vec::with_capacity(size);
        let mut order = (u64::MAX, Vec::new());
        for place in first..first + size as u64 {
            let (round, place) = (place / count as u64, (place % count as u64) as usize);
            if order.0 != round {
                order = (round, shuffled(self.seed, round, count));
            }
            let example = order.1[place];
            // The round is part of the key: a small set comes up several times a step.
            let stream = PhiloxStream::new(self.seed, &examples.hashes[example], round as usize);
            let words = stream.words(Purpose::Timestep, step);
            picks.push(Pick {
                example,
                stream,
                step,
                timestep: self.timestep(words),
                is_flipped: self.has_flips && words[2] & 1 == 1,
            });
        }
        self.fill(machine, examples, &picks, to);
    }

    /// Each of some images at a timestep of a band: the same noise whenever it is asked for.
    pub fn validation(
        &self,
        machine: &Machine,
        examples: &Examples,
        (images, band): (std::ops::Range<usize>, usize),
        to: &mut BatchBuffers,
    ) {
        /// No round of a training run comes here.
        const ROUND: usize = u32::MAX as usize;
        let steps = self.schedule.num_train_timesteps();
        let (begin, end) = (band * steps / BANDS, (band + 1) * steps / BANDS);
        let picks: Vec<Pick> = images
            .map(|example| {
                let stream = PhiloxStream::new(self.seed, &examples.hashes[example], ROUND);
                let [word, ..] = stream.words(Purpose::Timestep, band);
                Pick {
                    example,
                    stream,
                    step: band,
                    timestep: (begin + below(word, end - begin)).min(steps - 1),
                    is_flipped: false,
                }
            })
            .collect();
        self.fill(machine, examples, &picks, to);
    }

    fn timestep(&self, [kind, place, ..]: [u32; 4]) -> usize {
        let steps = self.schedule.num_train_timesteps();
        let unit = |word: u32| (f64::from(word) + 0.5) / 4_294_967_296.0;
        if unit(kind) < self.density.even_share() {
            return below(place, steps);
        }
        let centered = unit(place) - 0.5;
        let wanted = -LAPLACE_WIDTH * centered.signum() * (1.0 - 2.0 * centered.abs()).ln();
        let log_snr = |timestep: usize| {
            let alpha = self.schedule.alpha_cumprod(Some(timestep));
            (alpha / (1.0 - alpha)).ln()
        };
        // The ratio falls with the timestep.
        let (mut low, mut high) = (0, steps - 1);
        while low < high {
            let middle = usize::midpoint(low, high);
            if log_snr(middle) > wanted {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    fn fill(&self, machine: &Machine, examples: &Examples, picks: &[Pick], to: &mut BatchBuffers) {
        let len = examples.geometry.len();
        to.timesteps.clear();
        to.timesteps
            .extend(picks.iter().map(|pick| pick.timestep as f32));
        to.made.resize(picks.len() * 2 * len, 0.0);
        machine.pool.run(|pool| {
            pool.for_each_chunk(&mut to.made, 2 * len, &|_, image, made| {
                let (noisy, target) = made.split_at_mut(len);
                self.make(examples, &picks[image], noisy, target);
            });
        });
        to.noisy.clear();
        to.target.clear();
        for made in to.made.chunks_exact(2 * len) {
            to.noisy.extend_from_slice(&made[..len]);
            to.target.extend_from_slice(&made[len..]);
        }
    }

    fn make(&self, examples: &Examples, pick: &Pick, noisy: &mut [f32], target: &mut [f32]) {
        let Geometry { channels, side } = examples.geometry;
        let image = examples.levels(pick.example);
        pick.stream.fill_normal(Purpose::Train, pick.step, target);
        let alpha = self.schedule.alpha_cumprod(Some(pick.timestep));
        let (signal, noise) = (alpha.sqrt() as f32, (1.0 - alpha).sqrt() as f32);
        let prediction = self.schedule.config().prediction;
        for pixel in 0..side * side {
            let from = if pick.is_flipped {
                pixel / side * side + side - 1 - pixel % side
            } else {
                pixel
            };
            for channel in 0..channels {
                let at = pixel * channels + channel;
                let clean = f32::from(image[from * channels + channel]) / f32::from(u16::MAX);
                let clean = 2.0 * clean - 1.0;
                let drawn = target[at];
                noisy[at] = signal * clean + noise * drawn;
                target[at] = match prediction {
                    Prediction::Epsilon => drawn,
                    Prediction::Sample => clean,
                    Prediction::VPrediction => signal * drawn - noise * clean,
                    Prediction::Score => -drawn / noise,
                };
            }
        }
    }
}

/// The numbers below `count` in the order of a round (Fisher & Yates).
pub fn shuffled(seed: u64, round: u64, count: usize) -> Vec<usize> {
    let key = [seed as u32, (seed >> 32) as u32];
    let mut order: Vec<usize> = (0..count).collect();
    for last in (1..count).rev() {
        let counter = [last as u32, round as u32, (round >> 32) as u32, 0x006f_7264];
        let [word, ..] = philox4x32(counter, key);
        order.swap(last, below(word, last + 1));
    }
    order
}

/// A word as a number below a bound; the bias, under bound / 2^32, is far below what training could show.
fn below(word: u32, bound: usize) -> usize {
    ((u64::from(word) * bound as u64) >> 32) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::schedule::ScheduleConfig;
    use crate::networks::executors::cpu::CpuOptions;

    fn draws() -> Draws {
        Draws::new(
            3,
            Schedule::new(ScheduleConfig::default()).unwrap(),
            TimestepDensity::default(),
        )
    }

    fn examples(count: usize) -> Examples {
        let geometry = Geometry {
            channels: 1,
            side: 2,
        };
        let mut examples = Examples::new(geometry);
        for index in 0..count {
            examples.push(ContentHash([index as u8; 32]), &[index as f32 / 255.0; 4]);
        }
        examples
    }

    #[test]
    fn each_round_takes_every_image_once_in_an_order_of_its_own() {
        let (first, second) = (shuffled(3, 0, 100), shuffled(3, 1, 100));
        assert_ne!(first, second);
        for order in [first, second] {
            let mut sorted = order.clone();
            sorted.sort_unstable();
            assert_eq!(sorted, (0..100).collect::<Vec<_>>());
        }
    }

    #[test]
    fn a_batch_depends_on_its_step_alone() {
        let machine = Machine::new(&CpuOptions::default()).unwrap();
        let (draws, examples) = (draws(), examples(5));
        let batch = |step: usize| {
            let mut to = BatchBuffers::default();
            draws.training(&machine, &examples, (step, 7), &mut to);
            (to.noisy, to.target, to.timesteps)
        };
        let (first, second) = (batch(0), batch(1));
        assert_eq!(first, batch(0));
        assert_ne!(first.1, second.1);
        // Seven of five images: those that come twice have other noise.
        let noises: Vec<&[f32]> = first.1.chunks_exact(4).collect();
        assert!((1..7).all(|later| noises[..later].iter().all(|n| *n != noises[later])));
    }

    #[test]
    fn timesteps_gather_where_signal_and_noise_are_alike() {
        let draws = draws();
        let log_snr = |timestep: usize| {
            let alpha = draws.schedule.alpha_cumprod(Some(timestep));
            (alpha / (1.0 - alpha)).ln()
        };
        let drawn: Vec<usize> = (0..4000_u32)
            .map(|i| draws.timestep(philox4x32([i, 0, 0, 0], [1, 2])))
            .collect();
        let near = drawn.iter().filter(|&&t| log_snr(t).abs() < 1.5).count();
        // Of a Laplace distribution, 1 - 1/e lies within its width; of all timesteps, 25 % do.
        let expected = 0.85 * (1.0 - (-1.0_f64).exp()) + 0.15 * 0.25;
        let share = near as f64 / 4000.0;
        assert!(
            (share - expected).abs() < 0.03,
            "{share}, expected {expected}"
        );
        assert!(drawn.iter().any(|&t| t > 950) && drawn.iter().any(|&t| t < 10));
    }

    #[test]
    fn timesteps_are_drawn_evenly_where_that_is_asked_for() {
        let schedule = Schedule::new(ScheduleConfig::default()).unwrap();
        let draws = Draws::new(3, schedule, TimestepDensity::Uniform);
        let mut tenths = [0; 10];
        for i in 0..4000_u32 {
            tenths[draws.timestep(philox4x32([i, 0, 0, 0], [1, 2])) / 100] += 1;
        }
        // Five standard deviations of a tenth of 4,000.
        assert!(
            tenths.iter().all(|count| (305..=495).contains(count)),
            "{tenths:?}"
        );
    }

    #[test]
    fn noisy_images_are_mixed_as_the_schedule_says() {
        let machine = Machine::new(&CpuOptions::default()).unwrap();
        let (draws, examples) = (draws(), examples(1));
        let mut to = BatchBuffers::default();
        draws.training(&machine, &examples, (4, 1), &mut to);
        let alpha = draws.schedule.alpha_cumprod(Some(to.timesteps[0] as usize));
        for (noisy, noise) in to.noisy.iter().zip(&to.target) {
            let expected = -(alpha.sqrt()) + (1.0 - alpha).sqrt() * f64::from(*noise);
            assert!(
                (f64::from(*noisy) - expected).abs() < 1e-5,
                "{noisy} {expected}"
            );
        }
    }
}
