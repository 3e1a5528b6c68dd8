//! The lowered operations as dispatches: which shader, its sizes, its buffers. Nothing here knows a device.

use super::layer::Layer;
use super::shaders::{Kernel, Variant};
use crate::images::Geometry;
use crate::networks::executors::lowered::arena::{BufferId, Layout};
use crate::networks::executors::lowered::operation::{
    BiasAt, Input, Operation, Product, ResidualAt,
};
use crate::networks::executors::lowered::{
    AttentionShape, Fir, MAX_SEGMENTS, Norm, Plan, Resampling,
};

/// Queries of a workgroup of the attention shader.
const QUERIES: usize = 16;
/// Channels of a block of the attention shader.
const BLOCK: usize = 32;
/// Values of a workgroup of the copying shaders.
const COPIED: usize = 256;
/// Arithmetic that moving a value is counted as.
const MOVE_COST: u64 = 16;

/// Where a step's weights are.
#[derive(Clone, Copy, Debug)]
pub(super) enum WeightsAt {
    None,
    Layer(usize),
    Norm(usize),
}

/// Workgroups of a dispatch.
#[derive(Clone, Copy, Debug)]
pub(super) enum Grid {
    /// So many for each image.
    PerImage(usize),
    /// Blocks of queries for each head of each image.
    Heads { blocks: usize, heads: usize },
    /// Tiles of channels, and of rows of pixels that images share.
    Tiles {
        columns: usize,
        rows: usize,
        image_rows: usize,
    },
}

impl Grid {
    /// For a batch.
    pub fn size(&self, batch: usize) -> [u32; 3] {
        let size = match *self {
            Self::PerImage(count) => [count, batch, 1],
            Self::Heads { blocks, heads } => [blocks, heads, batch],
            Self::Tiles {
                columns,
                rows,
                image_rows,
            } => [columns, (batch * image_rows).div_ceil(rows), 1],
        };
        size.map(|count| count as u32)
    }

    /// The most images of a dispatch with at most so many workgroups in each axis.
    pub fn most_images(&self, most: usize) -> usize {
        let (widest, images) = match *self {
            Self::PerImage(count) => (count, most),
            Self::Heads { blocks, heads } => (blocks.max(heads), most),
            Self::Tiles {
                columns,
                rows,
                image_rows,
            } => (columns, most * rows / image_rows),
        };
        if widest > most { 0 } else { images }
    }
}

/// Planned buffers of a step.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Places {
    pub segments: [Option<BufferId>; MAX_SEGMENTS],
    pub norm: Option<BufferId>,
    pub to: Option<BufferId>,
    pub residual: Option<BufferId>,
}

/// Sizes of a step, in the order of `Params` in `common.wgsl`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sizes {
    pub segment_channels: [usize; MAX_SEGMENTS],
    pub channels: usize,
    pub size: (usize, usize),
    pub stored_width: usize,
    pub stored_pixels: usize,
    pub to_channels: usize,
    pub to_width: usize,
    pub to_pixels: usize,
    pub kernel: usize,
    pub stride: usize,
    pub padding: usize,
    pub steps: usize,
    pub weight_width: usize,
    pub bias: usize,
    pub time: usize,
    pub group: usize,
    pub number: f32,
}

/// Words of `Params`.
pub(super) const PARAM_WORDS: usize = 28;

/// One dispatch.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step {
    pub variant: Variant,
    pub weights: WeightsAt,
    pub grid: Grid,
    pub places: Places,
    pub sizes: Sizes,
    /// Arithmetic of one image, roughly.
    pub cost: u64,
}

impl Step {
    /// `Params` for buffers that have room for so many images.
    pub fn params(&self, layout: &Layout, capacity: usize) -> [u32; PARAM_WORDS] {
        let at = |buffer: Option<BufferId>| {
            buffer.map_or(0, |buffer| layout.range(buffer, capacity).start)
        };
        let Sizes {
            segment_channels: [c0, c1, c2, c3],
            size: (height, width),
            ..
        } = self.sizes;
        let [s0, s1, s2, s3] = self.places.segments.map(at);
        let sizes = &self.sizes;
        let words: [usize; PARAM_WORDS - 1] = [
            s0,
            s1,
            s2,
            s3,
            c0,
            c1,
            c2,
            c3,
            sizes.channels,
            height,
            width,
            sizes.stored_width,
            sizes.stored_pixels,
            at(self.places.norm),
            at(self.places.to),
            sizes.to_channels,
            sizes.to_width,
            sizes.to_pixels,
            sizes.kernel,
            sizes.stride,
            sizes.padding,
            sizes.steps,
            sizes.weight_width,
            sizes.bias,
            at(self.places.residual),
            sizes.time,
            sizes.group,
        ];
        let mut params = [0; PARAM_WORDS];
        for (param, word) in params.iter_mut().zip(words) {
            *param = word as u32;
        }
        params[PARAM_WORDS - 1] = sizes.number.to_bits();
        params
    }
}

/// A step for each operation.
pub(super) fn steps(plan: &Plan<Layer>) -> Vec<Step> {
    let step = |operation: &Operation| match operation {
        Operation::Load { to } => load(plan.geometry, plan.center_input, *to),
        Operation::Store { from } => store(plan.geometry, *from),
        Operation::Norm {
            segments,
            pixels,
            norm,
            time,
            to,
        } => {
            let mut step = read(&Input {
                segments: *segments,
                stored_size: (1, *pixels),
                size: (1, *pixels),
                norm: None,
                silu: false,
                resampling: Resampling::None,
            });
            step.weights = WeightsAt::Norm(*norm);
            step.places.norm = Some(*to);
            normalize(&mut step, &plan.norms[*norm], *time);
            step
        }
        Operation::Product(product) => multiply(product, &plan.layers[product.layer].layer),
        Operation::Attention { qkv, to, shape } => attend(shape, *qkv, *to),
        Operation::Copy { input, to } => copy(input, *to),
        Operation::Fir {
            input,
            direction,
            to,
        } => filter(input, *direction, *to),
    };
    plan.operations.iter().map(step).collect()
}

/// A step that reads an input and does nothing with it yet.
fn read(input: &Input) -> Step {
    let channels = input
        .segments
        .map(|stored| stored.map_or(0, |stored| stored.channels));
    Step {
        variant: Variant {
            kernel: Kernel::Copy,
            segments: channels.iter().filter(|&&count| count > 0).count(),
            norm: input.norm.is_some(),
            silu: input.silu,
            resampling: input.resampling,
            time: false,
            residual: false,
        },
        weights: WeightsAt::None,
        grid: Grid::PerImage(0),
        places: Places {
            segments: input
                .segments
                .map(|stored| stored.map(|stored| stored.data)),
            norm: input.norm,
            ..Places::default()
        },
        sizes: Sizes {
            segment_channels: channels,
            channels: input.channels(),
            size: input.size,
            stored_width: input.stored_size.1,
            stored_pixels: input.stored_size.0 * input.stored_size.1,
            ..Sizes::default()
        },
        cost: 0,
    }
}

/// A step that moves so many values of each image.
fn moving(kernel: Kernel, values: usize) -> Step {
    Step {
        variant: Variant {
            kernel,
            segments: 1,
            norm: false,
            silu: false,
            resampling: Resampling::None,
            time: false,
            residual: false,
        },
        weights: WeightsAt::None,
        grid: Grid::PerImage(values.div_ceil(COPIED)),
        places: Places::default(),
        sizes: Sizes::default(),
        cost: values as u64 * MOVE_COST,
    }
}

fn load(geometry: Geometry, center_input: bool, to: BufferId) -> Step {
    let mut step = moving(Kernel::Load, geometry.len());
    step.places.to = Some(to);
    step.sizes.to_channels = geometry.channels;
    step.sizes.to_pixels = geometry.pixels();
    step.sizes.number = if center_input { 2.0 } else { 1.0 };
    step
}

fn store(geometry: Geometry, from: BufferId) -> Step {
    let mut step = moving(Kernel::Store, geometry.len());
    step.places.segments[0] = Some(from);
    step.sizes.channels = geometry.channels;
    step.sizes.stored_pixels = geometry.pixels();
    step
}

fn copy(input: &Input, to: BufferId) -> Step {
    let mut step = read(input);
    let pixels = input.size.0 * input.size.1;
    let values = pixels * input.channels();
    step.grid = Grid::PerImage(values.div_ceil(COPIED));
    step.places.to = Some(to);
    step.sizes.to_channels = input.channels();
    step.sizes.to_pixels = pixels;
    step.cost = values as u64 * MOVE_COST;
    step
}

fn filter(input: &Input, direction: Fir, to: BufferId) -> Step {
    let mut step = read(input);
    let (height, width) = input.size;
    let (to_height, to_width) = (direction.resized(height), direction.resized(width));
    let pixels = to_height * to_width;
    let taps = match direction {
        Fir::Down => 16,
        Fir::Up => 4,
    };
    let values = pixels * input.channels();
    step.variant.kernel = Kernel::Fir(direction);
    step.grid = Grid::PerImage(values.div_ceil(COPIED));
    step.places.to = Some(to);
    step.sizes.to_channels = input.channels();
    step.sizes.to_width = to_width;
    step.sizes.to_pixels = pixels;
    step.cost = values as u64 * taps * MOVE_COST;
    step
}

fn normalize(step: &mut Step, norm: &Norm, time: Option<usize>) {
    step.variant.kernel = Kernel::Norm;
    step.variant.time = time.is_some();
    step.grid = Grid::PerImage(norm.num_groups);
    step.sizes.group = norm.weight.len() / norm.num_groups;
    step.sizes.time = time.unwrap_or(0);
    step.sizes.number = norm.eps as f32;
    step.cost = (step.sizes.stored_pixels * step.sizes.channels) as u64 * MOVE_COST;
}

fn multiply(product: &Product, layer: &Layer) -> Step {
    let mut step = read(&product.input);
    let shape = &layer.shape;
    let image_rows = shape.out_height() * shape.out_width();
    step.variant.kernel = Kernel::Product(layer.tile);
    step.weights = WeightsAt::Layer(product.layer);
    step.grid = Grid::Tiles {
        columns: layer.padded_channels() / layer.tile.channels(),
        rows: layer.tile.rows(),
        image_rows,
    };
    step.places.to = Some(product.to);
    let sizes = &mut step.sizes;
    sizes.to_channels = shape.out_channels;
    sizes.to_width = shape.out_width();
    sizes.to_pixels = image_rows;
    sizes.kernel = shape.kernel;
    sizes.stride = shape.stride;
    sizes.padding = shape.pad_before;
    sizes.steps = layer.steps();
    sizes.weight_width = layer.padded_channels() / 4;
    sizes.bias = layer.weights.len() / 4;
    sizes.number = product.scale;
    if let BiasAt::Time(offset) = product.bias {
        step.variant.time = true;
        sizes.time = offset;
    }
    step.places.residual = match product.residual {
        ResidualAt::None => None,
        ResidualAt::InPlace => Some(product.to),
        ResidualAt::Buffer(buffer) => Some(buffer),
    };
    step.variant.residual = step.places.residual.is_some();
    step.cost = 2 * (shape.depth() * shape.out_channels * image_rows) as u64;
    step
}

fn attend(shape: &AttentionShape, qkv: BufferId, to: BufferId) -> Step {
    let depth = shape.head_channels();
    let depth_blocks = depth.div_ceil(BLOCK);
    let mut step = moving(Kernel::Attention { depth_blocks }, 0);
    step.grid = Grid::Heads {
        blocks: shape.pixels.div_ceil(QUERIES),
        heads: shape.heads,
    };
    step.places.segments[0] = Some(qkv);
    step.places.to = Some(to);
    step.sizes.to_channels = shape.channels;
    step.sizes.to_pixels = shape.pixels;
    step.sizes.group = depth;
    step.sizes.number = (1.0 / (depth as f64).sqrt()) as f32;
    step.cost = 4 * (shape.pixels * shape.pixels * shape.channels) as u64;
    step
}
