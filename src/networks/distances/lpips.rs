//! LPIPS as a distance; its network is in [`lpips`](crate::networks::lpips).

use super::from_file::Prepare;
use super::{Compared, Distance, compare};
use crate::diffusion::DenoiseError;
use crate::networks::checkpoints::named::NamedTensors;
use crate::networks::executors::cpu::CpuPerceptual;
use crate::networks::lpips::backbone::Backbone;
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
        let Some(perceptual) = compared.perceptual.take() else {
            return Ok(vec![f64::NAN; compared.originals.len()]);
        };
        let distances = compare(perceptual, LPIPS, compared);
        compared.perceptual = Some(perceptual);
        distances
    }
}

/// LPIPS by another network, with weights of a file.
pub(super) fn read_with(backbone: &Backbone, tensors: &NamedTensors) -> Result<Prepare, String> {
    let lpips = backbone.read(&mut |name, shape| tensors.take(name, shape))?;
    Ok(Box::new(move |machine| {
        let network = CpuPerceptual::new(&lpips, machine).map_err(|error| error.to_string())?;
        Ok(Box::new(network))
    }))
}
