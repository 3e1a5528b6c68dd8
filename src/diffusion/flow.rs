//! The probability-flow ODE: the way without chance from an image to noise, and what changes along it.
//!
//! Song et al. 2021 (<https://arxiv.org/abs/2011.13456>), Eq. 13, over the logarithm of the noise level instead of time: so
//! it is the same equation for every process and schedule,
//! `dx / d ln sigma = (d ln m / d ln sigma) x + s noise(x)`, where an image holds the original times `m` and noise of standard
//! deviation `s = m sigma`.

use super::schedule::{Process, Schedule};

/// The ODE of a model's schedule, from its first trained noise level to its last.
#[derive(Clone, Debug)]
pub struct Flow<'a> {
    schedule: &'a Schedule,
    /// Of each training timestep, rising.
    log_sigmas: Vec<f64>,
}

/// The equation at one noise level.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Level {
    /// What the network is told: a timestep, not whole between the trained ones, or the noise's deviation.
    pub told: f64,
    /// The original's factor in the image.
    pub signal: f64,
    /// Standard deviation of the noise in the image.
    pub noise: f64,
    /// How the original's factor changes: `d ln m / d ln sigma`, at most 0.
    pub slope: f64,
}

impl Level {
    /// How a value changes with the logarithm of the noise level, by the noise that is predicted in it.
    pub fn drift(&self, value: f64, noise: f64) -> f64 {
        self.slope * value + self.noise * noise
    }
}

impl<'a> Flow<'a> {
    pub fn new(schedule: &'a Schedule) -> Self {
        let log_sigmas = (0..schedule.num_train_timesteps()).map(|timestep| {
            let signal_squared = schedule.alpha_cumprod(Some(timestep));
            (schedule.noise_variance(Some(timestep)) / signal_squared).ln() / 2.0
        });
        Self {
            schedule,
            log_sigmas: log_sigmas.collect(),
        }
    }

    /// The logarithms of the first and the last trained noise level, which is the ratio of noise to original.
    pub fn span(&self) -> (f64, f64) {
        (
            self.log_sigmas[0],
            self.log_sigmas[self.log_sigmas.len() - 1],
        )
    }

    /// The equation at a noise level between the first and the last.
    pub fn at(&self, log_sigma: f64) -> Level {
        let sigma = log_sigma.exp();
        let process = self.schedule.config().process;
        let (signal, slope) = match process {
            Process::VariancePreserving => {
                let squared = 1.0 + sigma * sigma;
                (squared.sqrt().recip(), -sigma * sigma / squared)
            }
            // Its noise is 1 - m², so that sigma = (1 - m²) / m.
            Process::SubVariancePreserving => {
                let root = (sigma * sigma + 4.0).sqrt();
                (2.0 / (root + sigma), -sigma / root)
            }
            Process::VarianceExploding => (1.0, 0.0),
        };
        Level {
            told: match process {
                Process::VarianceExploding => sigma,
                _ => self.timestep(log_sigma),
            },
            signal,
            noise: signal * sigma,
            slope,
        }
    }

    /// Linear between the trained levels.
    fn timestep(&self, log_sigma: f64) -> f64 {
        let above = self.log_sigmas.partition_point(|knot| *knot < log_sigma);
        let above = above.clamp(1.min(self.log_sigmas.len() - 1), self.log_sigmas.len() - 1);
        let Some(below) = above.checked_sub(1) else {
            return 0.0; // There is one level only.
        };
        let (low, high) = (self.log_sigmas[below], self.log_sigmas[above]);
        let share = ((log_sigma - low) / (high - low)).clamp(0.0, 1.0);
        below as f64 + share
    }

    /// The noise in a value by the network's output for it.
    pub fn pred_noise(&self, level: &Level, value: f64, output: f64) -> f64 {
        self.schedule
            .noise_by(level.signal, level.noise, value, output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::processes::{exploding, preserving, sub_preserving};

    fn schedules() -> [Schedule; 3] {
        [preserving(), sub_preserving(), exploding()].map(|config| Schedule::new(config).unwrap())
    }

    #[test]
    fn at_a_trained_level_it_is_the_schedules_own() {
        for schedule in schedules() {
            let flow = Flow::new(&schedule);
            for timestep in [0, 1, 400, 999] {
                let level = flow.at(flow.log_sigmas[timestep]);
                let told = f64::from(schedule.told(timestep));
                assert!(
                    (level.told - told).abs() <= 1e-6 * told.max(1e-3),
                    "{level:?}"
                );
                let signal = schedule.alpha_cumprod(Some(timestep)).sqrt();
                let noise = schedule.noise_variance(Some(timestep)).sqrt();
                assert!((level.signal / signal - 1.0).abs() < 1e-9, "{level:?}");
                assert!((level.noise / noise - 1.0).abs() < 1e-9, "{level:?}");
            }
            let (first, second) = (flow.log_sigmas[100], flow.log_sigmas[101]);
            let between = flow.timestep(f64::midpoint(first, second));
            assert!((between - 100.5).abs() < 1e-9, "{between}");
        }
    }

    #[test]
    fn the_slope_is_the_signals_derivative() {
        for schedule in schedules() {
            let flow = Flow::new(&schedule);
            for log_sigma in [-3.0, -0.5, 0.0, 1.0, 3.0] {
                let log_signal = |at: f64| flow.at(at).signal.ln();
                let step = 1e-5;
                let found =
                    (log_signal(log_sigma + step) - log_signal(log_sigma - step)) / (2.0 * step);
                let slope = flow.at(log_sigma).slope;
                assert!((slope - found).abs() < 1e-8, "{log_sigma}: {slope} {found}");
            }
        }
    }
}
