//! How far `SimCLRv2`'s features point into other directions, by weights of a file.

use super::from_file::{FromFileDef, Prepare};
use crate::networks::checkpoints::named::NamedTensors;
use crate::networks::executors::cpu::CpuSimClr;
use crate::networks::simclr::{FIRST, NUM_FEATURES, OF_DEEPER, OF_KERNELS, SimClr};
use crate::ood::{Measure, MeasureId};

/// 1 - cos of the angle between features, in [0, 2].
pub const SIMCLR: MeasureId = MeasureId::new("simclr");

pub(super) static DEF: FromFileDef = FromFileDef {
    measure: Measure {
        id: SIMCLR,
        column: "simclr",
        label: "SimCLRv2",
        help: "1 - cos between features of SimCLRv2 r50_1x_sk1, by weights of a file: what the picture shows counts, and not \
               where",
        combination: None,
    },
    network: "SimCLRv2",
    // Whatever their size, images are brought to the network's.
    smallest_side: || 1,
    tap_channels: || vec![NUM_FEATURES],
    recognizes: |tensors| {
        tensors.shape(FIRST.0) == Some(&FIRST.1)
            && tensors.shape(OF_KERNELS).is_some()
            && tensors.shape(OF_DEEPER).is_none()
    },
    halves: None,
    read,
    read_network: read,
};

fn read(tensors: &NamedTensors) -> Result<Prepare, String> {
    let network = SimClr::read(&mut |name, shape| tensors.take(name, shape))?;
    Ok(Box::new(move |machine| {
        Ok(Box::new(CpuSimClr::new(&network, machine)))
    }))
}
