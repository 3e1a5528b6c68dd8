//! LPIPS with SqueezeNet 1.1, by weights of a file.

use super::from_file::FromFileDef;
use super::lpips::read_with;
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
    smallest_side: || SQUEEZENET.smallest_side(),
    recognizes: |tensors| {
        tensors.shape("net.slice2.3.squeeze.weight").is_some()
            && tensors.shape("lin0.model.1.weight").is_some()
    },
    read: |tensors| read_with(&SQUEEZENET, tensors),
};

/// A convolution, then eight fire modules: a narrow convolution of single pixels, then such a one and one of 3x3 pixels side
/// by side.
static SQUEEZENET: Backbone = Backbone {
    name: "SqueezeNet",
    layers: &[
        LayerDef {
            pool: None,
            inputs: 3,
            first: Part {
                name: "net.slice1.0",
                outputs: 64,
                kernel: 3,
            },
            beside: None,
            stride: 2,
            padding: 0,
            is_tapped: true,
        },
        pooled(squeeze("net.slice2.3.squeeze", 64, 16)),
        expand(["net.slice2.3.expand1x1", "net.slice2.3.expand3x3"], 16, 64),
        squeeze("net.slice2.4.squeeze", 128, 16),
        tapped(expand(
            ["net.slice2.4.expand1x1", "net.slice2.4.expand3x3"],
            16,
            64,
        )),
        pooled(squeeze("net.slice3.6.squeeze", 128, 32)),
        expand(
            ["net.slice3.6.expand1x1", "net.slice3.6.expand3x3"],
            32,
            128,
        ),
        squeeze("net.slice3.7.squeeze", 256, 32),
        tapped(expand(
            ["net.slice3.7.expand1x1", "net.slice3.7.expand3x3"],
            32,
            128,
        )),
        pooled(squeeze("net.slice4.9.squeeze", 256, 48)),
        tapped(expand(
            ["net.slice4.9.expand1x1", "net.slice4.9.expand3x3"],
            48,
            192,
        )),
        squeeze("net.slice5.10.squeeze", 384, 48),
        tapped(expand(
            ["net.slice5.10.expand1x1", "net.slice5.10.expand3x3"],
            48,
            192,
        )),
        squeeze("net.slice6.11.squeeze", 384, 64),
        tapped(expand(
            ["net.slice6.11.expand1x1", "net.slice6.11.expand3x3"],
            64,
            256,
        )),
        squeeze("net.slice7.12.squeeze", 512, 64),
        tapped(expand(
            ["net.slice7.12.expand1x1", "net.slice7.12.expand3x3"],
            64,
            256,
        )),
    ],
};

const fn squeeze(name: &'static str, inputs: usize, outputs: usize) -> LayerDef {
    LayerDef {
        pool: None,
        inputs,
        first: Part {
            name,
            outputs,
            kernel: 1,
        },
        beside: None,
        stride: 1,
        padding: 0,
        is_tapped: false,
    }
}

/// Both convolutions as one of 3x3 pixels: the zeros around the single pixels change no sum.
const fn expand([single, square]: [&'static str; 2], inputs: usize, outputs: usize) -> LayerDef {
    LayerDef {
        first: Part {
            name: single,
            outputs,
            kernel: 1,
        },
        beside: Some(Part {
            name: square,
            outputs,
            kernel: 3,
        }),
        padding: 1,
        ..squeeze(single, inputs, outputs)
    }
}

const fn tapped(layer: LayerDef) -> LayerDef {
    LayerDef {
        is_tapped: true,
        ..layer
    }
}

const fn pooled(layer: LayerDef) -> LayerDef {
    LayerDef {
        pool: Some(MaxPool {
            size: 3,
            padding: 0,
            rounds_up: true,
        }),
        ..layer
    }
}
