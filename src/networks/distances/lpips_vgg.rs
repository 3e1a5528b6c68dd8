//! LPIPS with VGG16, by weights of a file.

use super::from_file::{FromFileDef, HalvesDef};
use super::lpips::{read_network, read_with};
use crate::networks::lpips::backbone::{Backbone, LayerDef, MaxPool};
use crate::ood::{Measure, MeasureId};

/// LPIPS v0.1 with VGG16 features, at least 0.
pub const LPIPS_VGG: MeasureId = MeasureId::new("lpips-vgg");

pub(super) static DEF: FromFileDef = FromFileDef {
    measure: Measure {
        id: LPIPS_VGG,
        column: "lpips_vgg",
        label: "LPIPS (VGG16)",
        help: "LPIPS with VGG16, by weights of a file: its features are finer than AlexNet's",
        combination: None,
    },
    network: VGG16.name,
    smallest_side: || VGG16.smallest_side(),
    tap_channels: || VGG16.tap_channels().collect(),
    recognizes: |tensors| {
        tensors.shape("net.slice5.28.weight").is_some()
            && tensors.shape("lin0.model.1.weight").is_some()
    },
    halves: Some(HalvesDef {
        net: "vgg",
        is_network: |tensors| {
            let has = |name: &str| tensors.shape(name).is_some();
            // VGG19 has a layer 16 too, and batch normalizations are counted.
            has("features.28.weight") && !has("features.16.weight") && !has("features.1.weight")
        },
        is_linear: |tensors| {
            tensors.shape("lin0.model.1.weight").is_some()
                && tensors.shape("lin5.model.1.weight").is_none()
                // AlexNet's.
                && tensors.shape("lin1.model.1.weight") != Some(&[1, 192, 1, 1])
        },
    }),
    read: |tensors| read_with(&VGG16, tensors),
    read_network: |tensors| read_network(&VGG16, tensors),
};

const POOL: MaxPool = MaxPool {
    size: 2,
    padding: 0,
    rounds_up: false,
};

/// The convolutions of each slice are tapped after its last one.
static VGG16: Backbone = Backbone {
    name: "VGG16",
    layers: &[
        conv("net.slice1.0", 3, 64),
        conv("net.slice1.2", 64, 64).tapped(),
        conv("net.slice2.5", 64, 128).pooled(POOL),
        conv("net.slice2.7", 128, 128).tapped(),
        conv("net.slice3.10", 128, 256).pooled(POOL),
        conv("net.slice3.12", 256, 256),
        conv("net.slice3.14", 256, 256).tapped(),
        conv("net.slice4.17", 256, 512).pooled(POOL),
        conv("net.slice4.19", 512, 512),
        conv("net.slice4.21", 512, 512).tapped(),
        conv("net.slice5.24", 512, 512).pooled(POOL),
        conv("net.slice5.26", 512, 512),
        conv("net.slice5.28", 512, 512).tapped(),
    ],
};

const fn conv(name: &'static str, inputs: usize, outputs: usize) -> LayerDef {
    LayerDef::plain(name, [inputs, outputs, 3])
}
