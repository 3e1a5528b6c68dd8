//! One prepared convolution or linear layer, in the form that its sizes ask for.

use super::kernels::conv::{Conv, ConvShape};
use super::kernels::winograd::{Tile, Winograd};
use super::kernels::{Context, Finish, Source};
use crate::networks::executors::lowered::PreparedLayer;

/// Images of up to this many pixels per side go forward by F(2x2, 3x3) in training: with few pixels the roundings of
/// F(4x4, 3x3) do not average out, and every later layer carries them on. The worst gradient of the tests is wrong by 9e-6 of
/// its tensor's largest instead of 1.4e-5. On the way back they hardly count.
const SMALL_SIDE: usize = 16;

/// A prepared layer.
#[derive(Debug)]
pub enum Layer {
    /// Gathered pixels times weights.
    Direct(Conv),
    /// Transformed tiles.
    Winograd(Winograd),
}

impl Layer {
    /// Without weights yet: [`Self::set`] gives them.
    ///
    /// Gradients add up over many layers and images, so these layers take the more exact transforms. Those of inference keep the
    /// bits that scores were made with.
    pub fn blank(shape: ConvShape) -> Self {
        match winograd_tile(&shape) {
            Some(_) if shape.height <= SMALL_SIDE => {
                Self::Winograd(Winograd::blank(shape, Tile::Two))
            }
            _ => Self::blank_backward(shape),
        }
    }

    /// As [`Self::blank`], for a gradient on its way back.
    pub fn blank_backward(shape: ConvShape) -> Self {
        match winograd_tile(&shape) {
            Some(Tile::Four) => Self::Winograd(Winograd::blank(shape, Tile::FineFour)),
            Some(tile) => Self::Winograd(Winograd::blank(shape, tile)),
            None => Self::Direct(Conv::blank(shape)),
        }
    }

    /// Take weights given as (k, k, in, out), as training keeps them, in place of the present ones.
    pub fn set(&mut self, context: &mut Context<'_, '_>, weights: &[f32]) {
        match self {
            Self::Direct(conv) => conv.set(context, weights),
            Self::Winograd(conv) => conv.set(context, weights),
        }
    }

    pub fn shape(&self) -> &ConvShape {
        match self {
            Self::Direct(conv) => conv.shape(),
            Self::Winograd(conv) => conv.shape(),
        }
    }

    /// What it is, for profiles.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Direct(conv) if conv.shape().kernel == 1 => "1x1 product",
            Self::Direct(_) => "direct convolution",
            Self::Winograd(conv) => match conv.tile() {
                Tile::Two => "Winograd F(2x2, 3x3)",
                Tile::Four | Tile::FineFour => "Winograd F(4x4, 3x3)",
            },
        }
    }

    /// Run over a batch.
    pub fn run(
        &self,
        context: &mut Context<'_, '_>,
        source: &Source<'_>,
        batch: usize,
        out: &mut [f32],
        finish: Finish<'_>,
    ) {
        match self {
            Self::Direct(conv) => conv.run(context, source, batch, out, finish),
            Self::Winograd(conv) => conv.run(context, source, batch, out, finish),
        }
    }
}

impl PreparedLayer for Layer {
    fn new(shape: ConvShape, weights: &[f32]) -> Self {
        match winograd_tile(&shape) {
            Some(tile) => Self::Winograd(Winograd::new(shape, tile, weights)),
            None => Self::Direct(Conv::new(shape, weights)),
        }
    }

    fn num_parts(&self) -> usize {
        match self {
            Self::Direct(conv) => conv.num_parts(),
            Self::Winograd(conv) => conv.num_parts(),
        }
    }

    fn num_bytes(&self) -> usize {
        match self {
            Self::Direct(conv) => conv.num_bytes(),
            Self::Winograd(conv) => conv.num_bytes(),
        }
    }
}

/// The cheapest form by a count of multiply-adds for each weight of a 3x3 kernel: those of one image, and what
/// fetching the weight itself costs (transformed weights are 16/9 or 36/9 as many, and few images share the fetch).
fn winograd_tile(shape: &ConvShape) -> Option<Tile> {
    const FETCH: usize = 4;
    // Below this the transforms cost more than they save.
    const FEWEST_CHANNELS: usize = 16;
    if !Winograd::suits(shape) || shape.in_channels.min(shape.out_channels) < FEWEST_CHANNELS {
        return None;
    }
    let cost = |tile: Tile| {
        let tiles = shape.height.div_ceil(tile.size()) * shape.width.div_ceil(tile.size());
        tile.num_matrices() * (tiles + FETCH)
    };
    let direct = 9 * (shape.height * shape.width + FETCH);
    let tile = if cost(Tile::Four) <= cost(Tile::Two) {
        Tile::Four
    } else {
        Tile::Two
    };
    (cost(tile) < direct).then_some(tile)
}
