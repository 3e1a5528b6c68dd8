//! LPIPS with SqueezeNet 1.1, by weights of a file.

use super::from_file::{FromFileDef, HalvesDef};
use super::lpips::{read_network, read_with};
use crate::networks::lpips::backbone::{Backbone, LayerDef, MaxPool, Part};
use crate::ood::{Measure, MeasureId};

/// LPIPS v0.1 with SqueezeNet 1.1 features, at least 0.
pub const LPIPS_SQUEEZE: MeasureId = MeasureId::new("lpips-squeeze");

pub(super) static DEF: FromFileDef = FromFileDef {
    measure: Measure {
        id: LPIPS_SQUEEZE,
        column: "lpips_squeeze",
        label: "LPIPS (SqueezeNet)",
        help: "LPIPS with SqueezeNet 1.1, by weights of a file: seven small layers",
        combination: None,
    },
    network: SQUEEZENET.name,
    smallest_side: || SQUEEZENET.smallest_side(),
    tap_channels: || SQUEEZENET.tap_channels().collect(),
    recognizes: |tensors| {
        tensors.shape("net.slice2.3.squeeze.weight").is_some()
            && tensors.shape("lin0.model.1.weight").is_some()
    },
    halves: Some(HalvesDef {
        net: "squeeze",
        is_network: |tensors| tensors.shape("features.3.squeeze.weight").is_some(),
        is_linear: |tensors| tensors.shape("lin6.model.1.weight").is_some(),
    }),
    read: |tensors| read_with(&SQUEEZENET, tensors),
    read_network: |tensors| read_network(&SQUEEZENET, tensors),
};

const POOL: MaxPool = MaxPool {
    size: 3,
    padding: 0,
    rounds_up: true,
};

/// A convolution, then eight fire modules: a narrow convolution of single pixels, then such a one and one of 3x3 pixels side
/// by side.
static SQUEEZENET: Backbone = Backbone {
    name: "SqueezeNet",
    layers: &[
        LayerDef::plain("net.slice1.0", [3, 64, 3])
            .spaced(2, 0)
            .tapped(),
        squeeze("net.slice2.3.squeeze", 64, 16).pooled(POOL),
        expand(["net.slice2.3.expand1x1", "net.slice2.3.expand3x3"], 16, 64),
        squeeze("net.slice2.4.squeeze", 128, 16),
        expand(["net.slice2.4.expand1x1", "net.slice2.4.expand3x3"], 16, 64).tapped(),
        squeeze("net.slice3.6.squeeze", 128, 32).pooled(POOL),
        expand(
            ["net.slice3.6.expand1x1", "net.slice3.6.expand3x3"],
            32,
            128,
        ),
        squeeze("net.slice3.7.squeeze", 256, 32),
        expand(
            ["net.slice3.7.expand1x1", "net.slice3.7.expand3x3"],
            32,
            128,
        )
        .tapped(),
        squeeze("net.slice4.9.squeeze", 256, 48).pooled(POOL),
        expand(
            ["net.slice4.9.expand1x1", "net.slice4.9.expand3x3"],
            48,
            192,
        )
        .tapped(),
        squeeze("net.slice5.10.squeeze", 384, 48),
        expand(
            ["net.slice5.10.expand1x1", "net.slice5.10.expand3x3"],
            48,
            192,
        )
        .tapped(),
        squeeze("net.slice6.11.squeeze", 384, 64),
        expand(
            ["net.slice6.11.expand1x1", "net.slice6.11.expand3x3"],
            64,
            256,
        )
        .tapped(),
        squeeze("net.slice7.12.squeeze", 512, 64),
        expand(
            ["net.slice7.12.expand1x1", "net.slice7.12.expand3x3"],
            64,
            256,
        )
        .tapped(),
    ],
};

const fn squeeze(name: &'static str, inputs: usize, outputs: usize) -> LayerDef {
    LayerDef::plain(name, [inputs, outputs, 1])
}

/// Both convolutions as one of 3x3 pixels: the zeros around the single pixels change no sum.
const fn expand([single, square]: [&'static str; 2], inputs: usize, outputs: usize) -> LayerDef {
    LayerDef {
        beside: Some(Part {
            name: square,
            outputs,
            kernel: 3,
        }),
        padding: 1,
        ..squeeze(single, inputs, outputs)
    }
}
