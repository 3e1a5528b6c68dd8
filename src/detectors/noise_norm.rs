//! How much noise the model finds in the clean image, by one network call.
//!
//! The image is scaled as if it carried noise of a certain level, but none is added. What the model then takes for noise is
//! what it would remove from the image, which is little where the image is of its domain.

use super::{Batch, Models};
use crate::diffusion::{DenoiseError, Interrupt, Schedule};

/// A trained level this much beyond the first or last one, as a ratio, is taken for it.
const SLACK: f64 = 1.01;

/// The training timestep whose noise level is nearest by ratio, or a sentence's start that says why there is none.
pub(super) fn nearest_timestep(schedule: &Schedule, sigma: f64) -> Result<usize, String> {
    let timesteps = 0..schedule.num_train_timesteps();
    let levels = timesteps.map(|timestep| schedule.noise_level(timestep));
    let (lowest, highest) = levels
        .clone()
        .fold((f64::MAX, 0.0_f64), |(low, high), level| {
            (low.min(level), high.max(level))
        });
    if !(lowest / SLACK..=highest * SLACK).contains(&sigma) {
        return Err(format!(
            "the model was trained on noise levels from {lowest:.4} to {highest:.4}, got {sigma}"
        ));
    }
    let distances = levels.map(|level| (level.ln() - sigma.ln()).abs());
    let nearest = (distances.enumerate()).min_by(|(_, a), (_, b)| a.total_cmp(b));
    Ok(nearest.map_or(0, |(timestep, _)| timestep))
}

/// The Euclidean norm of the noise that the model finds in each image of a batch at a timestep; not finite where the network's
/// output is not.
pub(super) fn noise_norms(
    timestep: usize,
    batch: &Batch<'_>,
    models: &mut Models<'_>,
    interrupt: &dyn Interrupt,
) -> Result<Vec<f64>, DenoiseError> {
    let schedule = models.schedule;
    let signal = schedule.alpha_cumprod(Some(timestep)).sqrt() as f32;
    let pixels = schedule.config().pixels;
    let scaled: Vec<f32> = (batch.signed().iter())
        .map(|&value| signal * pixels.from_signed(value))
        .collect();
    let told = vec![schedule.told(timestep); batch.originals.len()];
    let mut output = vec![0.0; scaled.len()];
    models
        .denoiser
        .denoise(&scaled, &told, &mut output, interrupt)?;
    let item_len = batch.geometry.len();
    let pairs = scaled
        .chunks_exact(item_len)
        .zip(output.chunks_exact(item_len));
    Ok(pairs
        .map(|(x_t, output)| {
            let noise = x_t.iter().zip(output).map(|(&x_t, &output)| {
                schedule.pred_noise(timestep, f64::from(x_t), f64::from(output))
            });
            noise.map(|noise| noise * noise).sum::<f64>().sqrt()
        })
        .collect())
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
            let refusal = nearest_timestep(&schedule, sigma).unwrap_err();
            assert!(refusal.contains("from 0.0100 to 157.4"), "{refusal}");
        }
    }
}
