//! LPIPS as a distance; its network is in [`lpips`](crate::networks::lpips).

use super::from_file::Prepare;
use super::{Compared, Distance, compare};
use crate::diffusion::DenoiseError;
use crate::networks::checkpoints::named::NamedTensors;
use crate::networks::executors::cpu::CpuPerceptual;
use crate::networks::lpips::backbone::{Backbone, Take};
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

/// LPIPS by another network, with weights of a file, or of torchvision's file and that of the linear layers.
pub(super) fn read_with(backbone: &Backbone, tensors: &NamedTensors) -> Result<Prepare, String> {
    prepare(backbone, &mut |name, shape| take(tensors, name, shape))
}

/// Its network alone, from any file that holds it: what it compares has no weight.
pub(super) fn read_network(backbone: &Backbone, tensors: &NamedTensors) -> Result<Prepare, String> {
    prepare(backbone, &mut |name, shape| match torchvisions(name) {
        Some(_) => take(tensors, name, shape),
        None => Ok(vec![0.0; shape.iter().product()]),
    })
}

fn take(tensors: &NamedTensors, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
    let is_torchvisions = tensors.shape(TORCHVISIONS_FIRST).is_some();
    match torchvisions(name).filter(|_| is_torchvisions) {
        Some(name) => tensors.take(&name, shape),
        None => tensors.take(name, shape),
    }
}

fn prepare(backbone: &Backbone, tensors: &mut Take<'_>) -> Result<Prepare, String> {
    let lpips = backbone.read(tensors)?;
    Ok(Box::new(move |machine| {
        let network = CpuPerceptual::new(&lpips, machine).map_err(|error| error.to_string())?;
        Ok(Box::new(network))
    }))
}

/// A tensor of every network that torchvision makes of a list of layers.
const TORCHVISIONS_FIRST: &str = "features.0.weight";

/// What torchvision calls a layer of the network, which the `lpips` package shares out among slices: the number in the list
/// of layers stays. `None` for the linear layers.
fn torchvisions(name: &str) -> Option<String> {
    let (_, layer) = name.strip_prefix("net.slice")?.split_once('.')?;
    Some(format!("features.{layer}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_have_their_number_in_both_packages() {
        let cases = [
            ("net.slice1.0.weight", Some("features.0.weight")),
            (
                "net.slice7.12.expand3x3.bias",
                Some("features.12.expand3x3.bias"),
            ),
            ("lin0.model.1.weight", None),
        ];
        for (name, expected) in cases {
            assert_eq!(torchvisions(name).as_deref(), expected);
        }
    }
}
