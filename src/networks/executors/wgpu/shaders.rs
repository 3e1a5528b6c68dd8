//! The shaders' texts, and the constants that make a variant of one.

use std::fmt::Write as _;

use super::layer::Tile;
use crate::networks::executors::lowered::{Fir, Resampling};

const COMMON: &str = include_str!("shaders/common.wgsl");
const PRODUCT: &str = include_str!("shaders/product.wgsl");
const NORM: &str = include_str!("shaders/norm.wgsl");
const ATTENTION: &str = include_str!("shaders/attention.wgsl");
const COPY: &str = include_str!("shaders/copy.wgsl");

/// What is dispatched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kernel {
    Product(Tile),
    Norm,
    Attention {
        /// Blocks of 32 channels that cover a head.
        depth_blocks: usize,
    },
    Load,
    Store,
    Copy,
    Fir(Fir),
}

/// A shader with its constants.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a constant of the shader"
)]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Variant {
    pub kernel: Kernel,
    /// Segments of the input, from 1.
    pub segments: usize,
    /// Whether the input is normalized first.
    pub norm: bool,
    /// Whether `SiLU` follows.
    pub silu: bool,
    pub resampling: Resampling,
    /// Whether a row of projected time embeddings enters.
    pub time: bool,
    /// Whether a product adds a stored value.
    pub residual: bool,
}

impl Variant {
    /// Its entry point.
    pub fn entry(&self) -> &'static str {
        match self.kernel {
            Kernel::Product(_) | Kernel::Norm | Kernel::Attention { .. } => "main",
            Kernel::Load => "load",
            Kernel::Store => "store",
            Kernel::Copy => "copy",
            Kernel::Fir(Fir::Down) => "fir_down",
            Kernel::Fir(Fir::Up) => "fir_up",
        }
    }

    /// Its whole text.
    pub fn source(&self) -> String {
        let resampling = match self.resampling {
            Resampling::None => 0,
            Resampling::Up => 1,
            Resampling::Down => 2,
        };
        let mut constants = format!(
            "const UP: u32 = 1u;\nconst DOWN: u32 = 2u;\nconst RESAMPLING: u32 = {resampling}u;\n\
             const SEGMENTS: u32 = {}u;\nconst NORM: bool = {};\nconst SILU: bool = {};\n\
             const TIME: bool = {};\nconst RESIDUAL: bool = {};\n",
            self.segments, self.norm, self.silu, self.time, self.residual
        );
        let mut constant = |name: &str, value: usize| {
            // A `String` takes all.
            writeln!(constants, "const {name}: u32 = {value}u;").ok();
        };
        let text = match self.kernel {
            Kernel::Product(tile) => {
                constant("THREADS_X", tile.threads_x);
                constant("THREADS_Y", tile.threads_y);
                constant("COLUMNS", tile.columns);
                PRODUCT
            }
            Kernel::Norm => NORM,
            Kernel::Attention { depth_blocks } => {
                constant("DEPTH_BLOCKS", depth_blocks);
                ATTENTION
            }
            Kernel::Load | Kernel::Store | Kernel::Copy | Kernel::Fir(_) => COPY,
        };
        format!("{constants}{COMMON}{text}")
    }
}

#[cfg(test)]
mod tests {
    use naga::back::{hlsl, msl, spv};
    use naga::valid::{Capabilities, ValidationFlags, Validator};

    use super::*;
    use crate::networks::executors::lowered::{ConvShape, PreparedLayer as _};
    use crate::networks::executors::wgpu::layer::Layer;

    /// Every text with every constant at each of its values.
    fn variants() -> Vec<Variant> {
        let tiles = [3, 40, 128].map(|channels| {
            let shape = ConvShape::linear(8, channels, 4, 4);
            Kernel::Product(Layer::new(shape, &[]).tile)
        });
        assert_eq!(
            tiles.iter().collect::<std::collections::HashSet<_>>().len(),
            3,
            "the three tiles"
        );
        let mut variants = Vec::new();
        for kernel in tiles.into_iter().chain([
            Kernel::Norm,
            Kernel::Attention { depth_blocks: 1 },
            Kernel::Attention { depth_blocks: 16 },
            Kernel::Load,
            Kernel::Store,
            Kernel::Copy,
            Kernel::Fir(Fir::Down),
            Kernel::Fir(Fir::Up),
        ]) {
            for resampling in [Resampling::None, Resampling::Up, Resampling::Down] {
                for bits in 0..16_u8 {
                    variants.push(Variant {
                        kernel,
                        segments: if bits & 1 == 0 { 1 } else { 4 },
                        norm: bits & 2 != 0,
                        silu: bits & 2 != 0,
                        resampling,
                        time: bits & 4 != 0,
                        residual: bits & 8 != 0,
                    });
                }
            }
        }
        variants
    }

    #[test]
    fn every_shader_is_valid_and_can_be_written_for_vulkan_metal_and_directx() {
        for variant in variants() {
            let source = variant.source();
            let module = naga::front::wgsl::parse_str(&source)
                .unwrap_or_else(|error| panic!("{variant:?}: {}", error.emit_to_string(&source)));
            let info = Validator::new(ValidationFlags::all(), Capabilities::empty())
                .validate(&module)
                .unwrap_or_else(|error| panic!("{variant:?}: {}", error.emit_to_string(&source)));
            let words = spv::write_vec(&module, &info, &spv::Options::default(), None);
            assert!(!words.unwrap().is_empty(), "{variant:?}");
            let options = msl::Options {
                // The length of storage buffers, for checks of bounds.
                lang_version: (2, 4),
                ..msl::Options::default()
            };
            let (text, _) =
                msl::write_string(&module, &info, &options, &msl::PipelineOptions::default())
                    .unwrap();
            assert!(text.contains("kernel void"), "{variant:?}");
            let (options, of_pipeline) =
                (hlsl::Options::default(), hlsl::PipelineOptions::default());
            let mut text = String::new();
            hlsl::Writer::new(&mut text, &options, &of_pipeline)
                .write(&module, &info, None)
                .unwrap();
            assert!(text.contains("numthreads"), "{variant:?}");
        }
    }
}
