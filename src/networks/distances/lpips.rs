//! LPIPS as a distance; its network is in [`lpips`](crate::networks::lpips).

use super::{Compared, Distance};
use crate::diffusion::DenoiseError;
use crate::networks::lpips::smallest_side;
use crate::ood::{Measure, MeasureId};

/// LPIPS v0.1 with `AlexNet` features (the paper's default), at least 0.
pub const LPIPS: MeasureId = MeasureId::new("lpips");

static MEASURE: Measure = Measure {
    id: LPIPS,
    column: "lpips",
    label: "LPIPS",
    help: "How far the features of a vision network are apart: near to what people see as different",
    combination: None,
};

/// See [`Perceptual`](crate::networks::lpips::Perceptual).
pub struct Lpips;

impl Distance for Lpips {
    fn measure(&self) -> &'static Measure {
        &MEASURE
    }

    fn smallest_side(&self) -> usize {
        smallest_side()
    }

    fn distances(&self, compared: &mut Compared<'_>) -> Result<Vec<f64>, DenoiseError> {
        let geometry = compared.geometry;
        let Some(perceptual) = compared.perceptual.as_deref_mut() else {
            return Ok(vec![f64::NAN; compared.originals.len()]);
        };
        let missing: Vec<f32> = (compared.originals.iter())
            .filter(|original| original.features.is_none())
            .flat_map(|original| original.unit.iter().copied())
            .collect();
        if !missing.is_empty() {
            let mut made = perceptual.features(geometry, &missing)?.into_iter();
            for original in &mut *compared.originals {
                if original.features.is_none() {
                    original.features = made.next();
                }
            }
        }
        let features: Vec<_> = (compared.originals.iter())
            .filter_map(|original| original.features.clone())
            .collect();
        perceptual.distances(geometry, &features, compared.reconstructions)
    }
}
