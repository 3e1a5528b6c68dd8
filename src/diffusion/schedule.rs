//! Noise schedules: how much of the original is left at each training timestep.
//!
//! The definitions are those of diffusers' schedulers, in `f64`.

use std::f64::consts::FRAC_PI_2;
use std::fmt;

use serde::{Deserialize, Serialize};

/// What the network predicts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Prediction {
    /// The noise in the sample (Ho et al. 2020).
    Epsilon,
    /// The clean sample.
    Sample,
    /// `sqrt(a) noise - sqrt(1 - a) x0` (Salimans & Ho 2022).
    VPrediction,
    /// The gradient of the logarithm of the density, which is `-noise / deviation` (Song et al. 2021).
    Score,
}

/// Variance of an ancestral (DDPM) step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Variance {
    /// The posterior's variance (Ho et al. 2020, Eq. 7).
    FixedSmall,
    /// The forward step's beta.
    FixedLarge,
}

/// How noise enters an image: by the variance that it has at each timestep, beside the share that is left of the image's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Process {
    /// The two shares are 1 together (Ho et al. 2020).
    #[default]
    VariancePreserving,
    /// The noise has the square of what a variance-preserving process gives it (Song et al. 2021,
    /// <https://arxiv.org/abs/2011.13456>, Eq. 29): the one of the paper's models.
    SubVariancePreserving,
    /// The image is left as it is, and the noise's deviation rises from timestep to timestep (Song et al. 2021, Eq. 30). The
    /// network is told the deviation in place of the timestep.
    VarianceExploding,
}

/// What pixels of the states that a model works on range over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PixelRange {
    /// -1 to 1.
    #[default]
    Signed,
    /// 0 to 1.
    Unit,
}

impl PixelRange {
    /// A value from -1 to 1 in this range.
    pub fn from_signed(self, signed: f32) -> f32 {
        match self {
            Self::Signed => signed,
            Self::Unit => f32::midpoint(signed, 1.0),
        }
    }

    /// A value in this range, from -1 to 1.
    pub fn to_signed(self, value: f32) -> f32 {
        match self {
            Self::Signed => value,
            Self::Unit => 2.0 * value - 1.0,
        }
    }
}

/// How the betas are spaced.
#[derive(Clone, Debug, PartialEq)]
pub enum Betas {
    /// Evenly from start to end.
    Linear,
    /// Squares of evenly spaced square roots.
    ScaledLinear,
    /// From a squared-cosine `alphas_cumprod` (Nichol & Dhariwal 2021), betas at most 0.999.
    SquaredCosine,
    /// A logistic curve over [-6, 6] between start and end.
    Sigmoid,
    /// Given one by one.
    Trained(Vec<f64>),
    /// Of a model in continuous time, whose beta rises evenly over times from 0 to 1 (Song et al. 2021, Eq. 33): timestep `i`
    /// of T is time `i / (T - 1)`, but at least [`SMALLEST_TIME`].
    Continuous,
    /// Of a variance-exploding model, whose deviations rise in geometric progression from `beta_start` to `beta_end`: timestep
    /// `i` of T is time `i / (T - 1)`.
    Geometric,
}

/// The time at which models in continuous time end, where hardly any noise is left (`sampling_eps` of `score_sde`).
pub const SMALLEST_TIME: f64 = 1e-3;
/// The same of variance-exploding models.
pub const SMALLEST_EXPLODING_TIME: f64 = 1e-5;
/// Ratio of noise to step of the Langevin corrector, of the authors' CIFAR-10 model.
pub const USUAL_SNR: f64 = 0.16;

/// The parameters of a schedule, as a scheduler file gives them.
#[derive(Clone, Debug, PartialEq)]
pub struct ScheduleConfig {
    /// How noise enters.
    pub process: Process,
    pub betas: Betas,
    /// First beta (not used by the squared cosine and trained betas); in continuous time that per unit of time; of a
    /// variance-exploding model the smallest deviation.
    pub beta_start: f64,
    /// Last beta, likewise.
    pub beta_end: f64,
    /// Training timesteps T, at least 1; trained betas are as many.
    pub num_train_timesteps: usize,
    /// What the network predicts.
    pub prediction: Prediction,
    /// Predicted clean samples are clipped to plus or minus this; `None` for no clipping.
    pub clip_range: Option<f64>,
    /// Variance of an ancestral step.
    pub variance: Variance,
    /// Shift the schedule so that nothing is left at the last timestep (Lin et al. 2023).
    pub rescale_to_zero_snr: bool,
    /// What the model's pixels range over.
    pub pixels: PixelRange,
    /// How far a Langevin corrector goes: the ratio of its noise to its step, above 0.
    pub snr: f64,
}

impl Default for ScheduleConfig {
    /// What is assumed for a checkpoint without a scheduler file: Ho et al. 2020.
    fn default() -> Self {
        Self {
            process: Process::VariancePreserving,
            betas: Betas::Linear,
            beta_start: 1e-4,
            beta_end: 0.02,
            num_train_timesteps: 1000,
            prediction: Prediction::Epsilon,
            clip_range: Some(1.0),
            variance: Variance::FixedSmall,
            rescale_to_zero_snr: false,
            pixels: PixelRange::Signed,
            snr: USUAL_SNR,
        }
    }
}

/// Why a schedule is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ScheduleError {
    /// No timesteps.
    #[error("a schedule needs at least 1 training timestep, got 0")]
    NoTimesteps,
    /// A beta outside (0, 1), or not finite.
    #[error("beta {index} must lie between 0 and 1, got {beta:?}")]
    BetaOutOfRange { index: usize, beta: f64 },
    /// Betas for other timesteps than there are.
    #[error("trained_betas must be as many as num_train_timesteps, {expected}, got {got}")]
    TrainedLength {
        /// Training timesteps.
        expected: usize,
        got: usize,
    },
    /// Predictions can't be clipped to this.
    #[error("clip_sample_range must be a positive number that `f32` can hold, got {0:?}")]
    ClipRange(f64),
    /// No deviations.
    #[error(
        "sigma_min and sigma_max must be positive and in order, got {smallest:?} and {largest:?}"
    )]
    Deviations { smallest: f64, largest: f64 },
    /// A corrector would not move, or run away.
    #[error("snr must be a number above 0 and at most 1, got {0:?}")]
    Snr(f64),
    /// Noise alone, long before the end.
    #[error(
        "the betas leave nothing of the image at timestep {timestep} (alphas_cumprod {alpha:e})"
    )]
    Vanishes {
        /// The first such timestep.
        timestep: usize,
        /// What is left.
        alpha: f64,
    },
}

/// Less than this of the original's variance is nothing to sample from: its root divides predictions made in `f32`.
const SMALLEST_ALPHA: f64 = 1e-30;

/// A schedule ready for sampling.
#[derive(Clone, Debug, PartialEq)]
pub struct Schedule {
    config: ScheduleConfig,
    /// All 1 of a variance-exploding model.
    alphas_cumprod: Vec<f64>,
    /// The noise's deviations of a variance-exploding model.
    deviations: Vec<f64>,
}

impl Schedule {
    /// Compute `alphas_cumprod` from the parameters.
    pub fn new(config: ScheduleConfig) -> Result<Self, ScheduleError> {
        let is_usable = |range: f64| range as f32 > 0.0 && (range as f32).is_finite();
        if let Some(range) = config.clip_range.filter(|range| !is_usable(*range)) {
            return Err(ScheduleError::ClipRange(range));
        }
        if !(config.snr > 0.0 && config.snr <= 1.0) {
            return Err(ScheduleError::Snr(config.snr));
        }
        if config.process == Process::VarianceExploding {
            return Self::exploding(config);
        }
        let betas = betas(&config);
        if betas.is_empty() {
            return Err(ScheduleError::NoTimesteps);
        }
        if betas.len() != config.num_train_timesteps {
            return Err(ScheduleError::TrainedLength {
                expected: config.num_train_timesteps,
                got: betas.len(),
            });
        }
        if let Some((index, &beta)) = betas
            .iter()
            .enumerate()
            .find(|&(_, &beta)| !(beta > 0.0 && beta < 1.0))
        {
            return Err(ScheduleError::BetaOutOfRange { index, beta });
        }
        let mut alphas_cumprod: Vec<f64> = betas
            .iter()
            .scan(1.0, |product, beta| {
                *product *= 1.0 - beta;
                Some(*product)
            })
            .collect();
        if config.rescale_to_zero_snr {
            rescale_to_zero_snr(&mut alphas_cumprod);
        }
        let vanishing = |(_, alpha): &(usize, &f64)| alpha.is_nan() || **alpha < SMALLEST_ALPHA;
        if let Some((timestep, &alpha)) = alphas_cumprod.iter().enumerate().find(vanishing) {
            return Err(ScheduleError::Vanishes { timestep, alpha });
        }
        Ok(Self {
            config,
            alphas_cumprod,
            deviations: Vec::new(),
        })
    }

    fn exploding(config: ScheduleConfig) -> Result<Self, ScheduleError> {
        let (smallest, largest) = (config.beta_start, config.beta_end);
        // A squared deviation divides predictions made in `f32`.
        if !(smallest > 1e-15 && largest > smallest && largest < 1e15) {
            return Err(ScheduleError::Deviations { smallest, largest });
        }
        let count = config.num_train_timesteps;
        if count == 0 {
            return Err(ScheduleError::NoTimesteps);
        }
        Ok(Self {
            deviations: (linspace(smallest.ln(), largest.ln(), count))
                .map(f64::exp)
                .collect(),
            alphas_cumprod: vec![1.0; count],
            config,
        })
    }

    pub fn config(&self) -> &ScheduleConfig {
        &self.config
    }

    /// Training timesteps T.
    pub fn num_train_timesteps(&self) -> usize {
        self.alphas_cumprod.len()
    }

    /// The share of the original's variance left at a timestep; 1 for `None`, the clean end.
    pub fn alpha_cumprod(&self, timestep: Option<usize>) -> f64 {
        timestep.map_or(1.0, |timestep| self.alphas_cumprod[timestep])
    }

    /// The variance of the noise in an image at a timestep; 0 for `None`, the clean end.
    pub fn noise_variance(&self, timestep: Option<usize>) -> f64 {
        let noise = 1.0 - self.alpha_cumprod(timestep);
        match self.config.process {
            Process::VarianceExploding => {
                timestep.map_or(0.0, |timestep| self.deviations[timestep].powi(2))
            }
            Process::VariancePreserving => noise,
            Process::SubVariancePreserving => noise * noise,
        }
    }

    /// The deviation of the noise that sampling from a timestep on begins with.
    pub fn prior_deviation(&self, timestep: usize) -> f64 {
        match self.config.process {
            Process::VariancePreserving | Process::SubVariancePreserving => 1.0,
            Process::VarianceExploding => self.deviations[timestep],
        }
    }

    /// The noise's deviation at a timestep, where the image has all of its contrast and pixels lie in [-1, 1].
    pub fn noise_level(&self, timestep: usize) -> f64 {
        let timestep = Some(timestep);
        let level = (self.noise_variance(timestep) / self.alpha_cumprod(timestep)).sqrt();
        match self.config.pixels {
            PixelRange::Signed => level,
            PixelRange::Unit => 2.0 * level,
        }
    }

    /// What the network is told of a timestep: itself, or the noise's deviation.
    pub fn told(&self, timestep: usize) -> f32 {
        match self.config.process {
            Process::VariancePreserving | Process::SubVariancePreserving => timestep as f32,
            Process::VarianceExploding => self.deviations[timestep] as f32,
        }
    }

    /// What a predicted clean value is clipped to; `None` for no clipping.
    pub fn clip_bounds(&self) -> Option<(f32, f32)> {
        let pixels = self.config.pixels;
        self.config.clip_range.map(|range| {
            let range = range as f32;
            (pixels.from_signed(-range), pixels.from_signed(range))
        })
    }

    /// The noise in a value at a timestep, by the network's output for it; nothing is clipped.
    pub fn pred_noise(&self, timestep: usize, x_t: f64, output: f64) -> f64 {
        let signal = self.alphas_cumprod[timestep].sqrt();
        let noise = self.noise_variance(Some(timestep)).sqrt();
        self.noise_by(signal, noise, x_t, output)
    }

    /// The same where the value holds the original times `signal` and noise of standard deviation `noise`.
    pub fn noise_by(&self, signal: f64, noise: f64, x_t: f64, output: f64) -> f64 {
        match self.config.prediction {
            Prediction::Epsilon => output,
            Prediction::Sample => (x_t - signal * output) / noise,
            Prediction::VPrediction => signal * output + noise * x_t,
            Prediction::Score => -noise * output,
        }
    }
}

impl fmt::Display for Schedule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = &self.config;
        let range = |name| format!("{name} {}..{}", config.beta_start, config.beta_end);
        let betas = match &config.betas {
            Betas::Linear => range("linear"),
            Betas::ScaledLinear => range("scaled linear"),
            Betas::SquaredCosine => "squared cosine".to_owned(),
            Betas::Sigmoid => range("sigmoid"),
            Betas::Trained(_) => "trained betas".to_owned(),
            Betas::Continuous => range("continuous"),
            Betas::Geometric => range("geometric"),
        };
        let prediction = match config.prediction {
            Prediction::Epsilon => "epsilon",
            Prediction::Sample => "sample",
            Prediction::VPrediction => "v",
            Prediction::Score => "the score",
        };
        let steps = self.num_train_timesteps();
        write!(f, "{betas}, {steps} steps, predicts {prediction}")?;
        match config.process {
            Process::VariancePreserving => {}
            Process::SubVariancePreserving => f.write_str(", sub-VP")?,
            Process::VarianceExploding => f.write_str(", VE")?,
        }
        if config.pixels == PixelRange::Unit {
            f.write_str(", pixels from 0 to 1")?;
        }
        match config.clip_range {
            Some(range) => write!(f, ", clipped to ±{range}"),
            None => f.write_str(", not clipped"),
        }
    }
}

fn betas(config: &ScheduleConfig) -> Vec<f64> {
    let count = config.num_train_timesteps;
    let (start, end) = (config.beta_start, config.beta_end);
    match &config.betas {
        Betas::Linear => linspace(start, end, count).collect(),
        Betas::ScaledLinear => linspace(start.sqrt(), end.sqrt(), count)
            .map(|root| root * root)
            .collect(),
        Betas::SquaredCosine => {
            let alpha_bar = |fraction: f64| ((fraction + 0.008) / 1.008 * FRAC_PI_2).cos().powi(2);
            (0..count)
                .map(|i| {
                    let (from, to) = (i as f64 / count as f64, (i + 1) as f64 / count as f64);
                    (1.0 - alpha_bar(to) / alpha_bar(from)).min(0.999)
                })
                .collect()
        }
        Betas::Sigmoid => linspace(-6.0, 6.0, count)
            .map(|x| start + (end - start) / (1.0 + (-x).exp()))
            .collect(),
        Betas::Trained(betas) => betas.clone(),
        // Of a variance-exploding process, which has none.
        Betas::Geometric => Vec::new(),
        Betas::Continuous => {
            let last = count.saturating_sub(1).max(1) as f64;
            let logs: Vec<f64> = (0..count)
                .map(|i| log_alpha(start, end, (i as f64 / last).max(SMALLEST_TIME)))
                .collect();
            // By differences, whose products give the alphas again.
            let earlier = std::iter::once(0.0).chain(logs.iter().copied());
            (earlier.zip(&logs))
                .map(|(earlier, log)| -(log - earlier).exp_m1())
                .collect()
        }
    }
}

/// The logarithm of what is left of the image's variance at a time in [0, 1].
pub(super) fn log_alpha(start: f64, end: f64, time: f64) -> f64 {
    -0.5 * time * time * (end - start) - time * start
}

fn linspace(start: f64, end: f64, count: usize) -> impl Iterator<Item = f64> {
    let intervals = count.saturating_sub(1).max(1) as f64;
    (0..count).map(move |i| start + (end - start) * (i as f64 / intervals))
}

/// Lin et al. 2023 (<https://arxiv.org/abs/2305.08891>), Algorithm 1: shift and scale the square roots so
/// that the last is zero and the first is kept.
fn rescale_to_zero_snr(alphas_cumprod: &mut [f64]) {
    // Exactly zero would divide by zero under epsilon prediction.
    const SMALLEST: f64 = 1.0 / 16_777_216.0;
    let first = alphas_cumprod[0].sqrt();
    let last = alphas_cumprod[alphas_cumprod.len() - 1].sqrt();
    for alpha in alphas_cumprod {
        let root = (alpha.sqrt() - last) * first / (first - last);
        *alpha = (root * root).max(SMALLEST);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_noise_is_found_whatever_the_network_predicts() {
        let (x0, noise, timestep) = (0.3, -1.25, 7);
        for prediction in [
            Prediction::Epsilon,
            Prediction::Sample,
            Prediction::VPrediction,
            Prediction::Score,
        ] {
            let schedule = Schedule::new(ScheduleConfig {
                prediction,
                ..ScheduleConfig::default()
            })
            .unwrap();
            let alpha = schedule.alpha_cumprod(Some(timestep));
            let (a, b) = (alpha.sqrt(), (1.0 - alpha).sqrt());
            let output = match prediction {
                Prediction::Epsilon => noise,
                Prediction::Sample => x0,
                Prediction::VPrediction => a * noise - b * x0,
                Prediction::Score => -noise / b,
            };
            let found = schedule.pred_noise(timestep, a * x0 + b * noise, output);
            assert!((found - noise).abs() < 1e-9, "{prediction:?} {found}");
        }
    }

    #[test]
    fn continuous_time_is_that_of_the_authors() {
        // exp(2 c) at times 1e-3, 500/999 and 1, c = -t^2 (20 - 0.1) / 4 - 0.1 t / 2, by Python's math.
        for process in [Process::VariancePreserving, Process::SubVariancePreserving] {
            let schedule = Schedule::new(ScheduleConfig {
                process,
                betas: Betas::Continuous,
                beta_start: 0.1,
                beta_end: 20.0,
                ..ScheduleConfig::default()
            })
            .unwrap();
            for (timestep, alpha) in [
                (0, 0.999_890_056_044_279_7),
                (500, 0.078_666_921_555_900_81),
                (999, 4.318_574_906_034_135e-5),
            ] {
                let got = schedule.alpha_cumprod(Some(timestep));
                assert!((got / alpha - 1.0).abs() < 1e-9, "{timestep}: {got:e}");
                let noise: f64 = if process == Process::VariancePreserving {
                    1.0 - alpha
                } else {
                    (1.0 - alpha).powi(2)
                };
                let got = schedule.noise_variance(Some(timestep));
                assert!((got - noise).abs() < 1e-12, "{timestep}: {got:e}");
            }
            assert_eq!(schedule.noise_variance(None), 0.0);
        }
    }
}
