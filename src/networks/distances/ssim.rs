//! Structural similarity.

use super::{Compared, Distance};
use crate::diffusion::DenoiseError;
use crate::ood::{Measure, MeasureId};

/// 1 - SSIM, in [0, 2].
pub const SSIM: MeasureId = MeasureId::new("ssim");

static MEASURE: Measure = Measure {
    id: SSIM,
    column: "ssim_distance",
    label: "1 - SSIM",
    help: "Structural similarity, turned around: how far local patterns of brightness are apart",
    combination: None,
};

/// See [`ssim`].
pub struct Ssim;

impl Distance for Ssim {
    fn measure(&self) -> &'static Measure {
        &MEASURE
    }

    fn smallest_side(&self) -> usize {
        SSIM_WINDOW
    }

    fn distances(&self, compared: &mut Compared<'_>) -> Result<Vec<f64>, DenoiseError> {
        let side = compared.geometry.side;
        let distance = |(a, b): (&[f32], &[f32])| ssim(side, a, b).map_or(f64::NAN, |s| 1.0 - s);
        Ok(compared.pairs().map(distance).collect())
    }
}

/// Side of the uniform window of [`ssim`].
const SSIM_WINDOW: usize = 7;

/// Structural similarity (Wang et al., IEEE TIP 2004) as scikit-image's `structural_similarity` computes it for
/// `data_range` 1: uniform 7x7 window, sample covariance, borders of 3 pixels left out, mean over channels.
///
/// `None` for images narrower than the window.
///
/// # Shapes
/// Planar (C, H, W) with `H = W = side`, values in [0, 1].
pub fn ssim(side: usize, original: &[f32], reconstruction: &[f32]) -> Option<f64> {
    assert_eq!(original.len(), reconstruction.len(), "shapes must agree");
    if side < SSIM_WINDOW {
        return None;
    }
    let plane = side * side;
    let num_channels = original.len() / plane;
    let sum: f64 = original
        .chunks_exact(plane)
        .zip(reconstruction.chunks_exact(plane))
        .map(|(a, b)| ssim_channel(side, a, b))
        .sum();
    Some(sum / num_channels as f64)
}

fn ssim_channel(side: usize, a: &[f32], b: &[f32]) -> f64 {
    const C1: f64 = 0.01 * 0.01;
    const C2: f64 = 0.03 * 0.03;
    let num_window = (SSIM_WINDOW * SSIM_WINDOW) as f64;
    let unbiased = num_window / (num_window - 1.0);

    let product = |x: &[f32], y: &[f32]| -> Vec<f64> {
        x.iter()
            .zip(y)
            .map(|(&x, &y)| f64::from(x) * f64::from(y))
            .collect()
    };
    let widen = |x: &[f32]| x.iter().copied().map(f64::from).collect::<Vec<_>>();
    let mean = |values: Vec<f64>| window_sums(side, &values).map(move |sum| sum / num_window);

    let moments = mean(widen(a))
        .zip(mean(widen(b)))
        .zip(mean(product(a, a)).zip(mean(product(b, b))))
        .zip(mean(product(a, b)));
    let mut sum = 0.0;
    let mut count = 0_usize;
    for (((mean_a, mean_b), (mean_aa, mean_bb)), mean_ab) in moments {
        let var_a = unbiased * (mean_aa - mean_a * mean_a);
        let var_b = unbiased * (mean_bb - mean_b * mean_b);
        let covariance = unbiased * (mean_ab - mean_a * mean_b);
        sum += ((2.0 * mean_a * mean_b + C1) * (2.0 * covariance + C2))
            / ((mean_a * mean_a + mean_b * mean_b + C1) * (var_a + var_b + C2));
        count += 1;
    }
    sum / count as f64
}

/// Sums over every full window position, row by row: `(side - 6)^2` values.
fn window_sums(side: usize, values: &[f64]) -> impl Iterator<Item = f64> + use<> {
    let out = side - SSIM_WINDOW + 1;
    let mut rows = vec![0.0; side * out];
    for y in 0..side {
        for x in 0..out {
            let start = y * side + x;
            rows[y * out + x] = values[start..start + SSIM_WINDOW].iter().sum();
        }
    }
    (0..out * out).map(move |position| {
        let (y, x) = (position / out, position % out);
        (y..y + SSIM_WINDOW).map(|row| rows[row * out + x]).sum()
    })
}
