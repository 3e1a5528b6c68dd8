//! Mean absolute error.

use super::{Compared, Distance};
use crate::diffusion::DenoiseError;
use crate::ood::{Measure, MeasureId};

/// Mean absolute error of values in [0, 1].
pub const MAE: MeasureId = MeasureId::new("mae");

static MEASURE: Measure = Measure {
    id: MAE,
    column: "mae",
    label: "MAE",
    help: "Mean absolute error: like MSE, but large differences do not count for more",
    combination: None,
};

/// See [`mae`].
pub struct Mae;

impl Distance for Mae {
    fn measure(&self) -> &'static Measure {
        &MEASURE
    }

    fn smallest_side(&self) -> usize {
        1
    }

    fn is_always_measured(&self) -> bool {
        false
    }

    fn distances(&self, compared: &mut Compared<'_>) -> Result<Vec<f64>, DenoiseError> {
        Ok(compared.pairs().map(|(a, b)| mae(a, b)).collect())
    }
}

/// Mean absolute error over all values of two images of the same shape.
pub fn mae(original: &[f32], reconstruction: &[f32]) -> f64 {
    assert_eq!(original.len(), reconstruction.len(), "shapes must agree");
    let sum: f64 = original
        .iter()
        .zip(reconstruction)
        .map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs())
        .sum();
    sum / original.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_count_by_their_size() {
        assert_eq!(mae(&[0.0, 1.0, 0.5, 0.25], &[0.5, 0.5, 0.5, 0.0]), 0.3125);
        assert_eq!(mae(&[0.3], &[0.3]), 0.0);
    }
}
