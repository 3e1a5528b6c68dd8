//! Mean squared error.

use super::{Compared, Distance};
use crate::diffusion::DenoiseError;
use crate::ood::{Measure, MeasureId};

/// Mean squared error of values in [0, 1].
pub const MSE: MeasureId = MeasureId::new("mse");

static MEASURE: Measure = Measure {
    id: MSE,
    column: "mse",
    label: "MSE",
    help: "Mean squared error: how far pixel values are apart, whatever they show",
    combination: None,
};

/// See [`mse`].
pub struct Mse;

impl Distance for Mse {
    fn measure(&self) -> &'static Measure {
        &MEASURE
    }

    fn smallest_side(&self) -> usize {
        1
    }

    fn distances(&self, compared: &mut Compared<'_>) -> Result<Vec<f64>, DenoiseError> {
        Ok(compared.pairs().map(|(a, b)| mse(a, b)).collect())
    }
}

/// Mean squared error over all values of two images of the same shape.
pub fn mse(original: &[f32], reconstruction: &[f32]) -> f64 {
    assert_eq!(original.len(), reconstruction.len(), "shapes must agree");
    let sum: f64 = original
        .iter()
        .zip(reconstruction)
        .map(|(&a, &b)| (f64::from(a) - f64::from(b)).powi(2))
        .sum();
    sum / original.len() as f64
}
