//! What names and shapes tell of the network: everything but heads, image size and schedule.

use super::super::shapes::{Refusal, Shapes, dims};

/// Groups of every normalization.
pub(super) const NUM_GROUPS: usize = 32;

/// The network's shape. Blocks stand in the order in which they run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    /// Channels of an image.
    pub(super) image_channels: usize,
    /// Channels of the first convolution and of the time embedding.
    pub(super) width: usize,
    /// After the first convolution, `input_blocks.1` on.
    pub(super) input_blocks: Vec<Block>,
    /// Whether the middle has an attention between its two resnets.
    pub(super) middle_attends: bool,
    /// `output_blocks.0` on.
    pub(super) output_blocks: Vec<Block>,
    /// Whether the time scales and shifts (`use_scale_shift_norm`), or is added.
    pub(super) scale_shift: bool,
    /// Whether there are as many outputs again, for the variance (`learn_sigma`).
    pub(super) learns_variance: bool,
}

/// One entry of `input_blocks` or `output_blocks`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Block {
    /// A resnet to so many channels, then perhaps an attention, then perhaps a doubling of the size.
    Layer {
        /// Channels afterwards.
        channels: usize,
        /// Whether an attention follows.
        attends: bool,
        /// How the size doubles at the end of a level on the way up.
        up: Option<Resampling>,
    },
    /// Half the size, between two levels on the way down.
    Down(Resampling),
}

/// How a level changes its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resampling {
    /// A convolution.
    Conv,
    /// A resnet that resamples both its branches (`resblock_updown`).
    Resnet,
}

impl Layout {
    pub(super) fn of(shapes: &Shapes) -> Result<Self, Refusal> {
        if shapes.contains_key("label_emb.weight") {
            return Err(conditional("a class-conditional OpenAI model"));
        }
        let [width, image_channels] = dims(shapes, "input_blocks.0.0.weight")?;
        check_groups("input_blocks.0", width)?;
        let [outputs] = dims(shapes, "out.2.weight")?;
        if outputs != image_channels && outputs != 2 * image_channels {
            return Err(conditional(
                "an OpenAI model that sees a smaller image beside the noisy one",
            ));
        }
        let [hidden] = dims(shapes, "middle_block.0.in_layers.2.bias")?;
        let [from_time] = dims(shapes, "middle_block.0.emb_layers.1.bias")?;
        let output_blocks = output_blocks(shapes)?;
        Ok(Self {
            image_channels,
            width,
            input_blocks: input_blocks(shapes, &output_blocks)?,
            middle_attends: shapes.contains_key("middle_block.1.qkv.weight"),
            output_blocks,
            scale_shift: from_time == 2 * hidden,
            learns_variance: outputs == 2 * image_channels,
        })
    }

    /// Channels at each level, the image's own size first.
    pub(super) fn level_channels(&self) -> Vec<usize> {
        self.levels().map(|(channels, _)| channels).collect()
    }

    /// Whether there is attention at each level, the image's own size first.
    pub(super) fn level_attention(&self) -> Vec<bool> {
        self.levels().map(|(_, attends)| attends).collect()
    }

    /// The last layer of each level on the way down.
    fn levels(&self) -> impl Iterator<Item = (usize, bool)> {
        let levels = self
            .input_blocks
            .split(|block| matches!(block, Block::Down(_)));
        levels.filter_map(|level| match level.last()? {
            Block::Layer {
                channels, attends, ..
            } => Some((*channels, *attends)),
            Block::Down(_) => None,
        })
    }

    /// Channels of every attention.
    pub(super) fn attention_channels(&self) -> impl Iterator<Item = usize> {
        let middle = self
            .level_channels()
            .last()
            .copied()
            .filter(|_| self.middle_attends);
        let blocks = self.input_blocks.iter().chain(&self.output_blocks);
        let attended = blocks.filter_map(|block| match block {
            Block::Layer {
                channels,
                attends: true,
                ..
            } => Some(*channels),
            Block::Layer { .. } | Block::Down(_) => None,
        });
        attended.chain(middle)
    }

    /// Levels of sizes, the image's own among them.
    pub(super) fn num_levels(&self) -> usize {
        let is_up = |block: &&Block| matches!(block, Block::Layer { up: Some(_), .. });
        1 + self.output_blocks.iter().filter(is_up).count()
    }
}

/// Channels after the resnet of a block.
fn channels(shapes: &Shapes, block: &str) -> Result<usize, Refusal> {
    let [channels] = dims(shapes, &format!("{block}.0.out_layers.3.bias"))?;
    check_groups(block, channels)?;
    Ok(channels)
}

fn check_groups(block: &str, channels: usize) -> Result<(), Refusal> {
    if channels > 0 && channels.is_multiple_of(NUM_GROUPS) {
        return Ok(());
    }
    Err(Refusal::Odd(format!(
        "{block} has {channels} channels, which {NUM_GROUPS} groups can't share"
    )))
}

fn output_blocks(shapes: &Shapes) -> Result<Vec<Block>, Refusal> {
    (0..)
        .map(|index| format!("output_blocks.{index}"))
        .take_while(|block| shapes.contains_key(&format!("{block}.0.in_layers.2.weight")))
        .map(|block| {
            let attends = shapes.contains_key(&format!("{block}.1.qkv.weight"));
            let last = if attends { 2 } else { 1 };
            let has = |name: &str| shapes.contains_key(&format!("{block}.{last}.{name}"));
            Ok(Block::Layer {
                channels: channels(shapes, &block)?,
                attends,
                up: if has("conv.weight") {
                    Some(Resampling::Conv)
                } else {
                    has("in_layers.2.weight").then_some(Resampling::Resnet)
                },
            })
        })
        .collect()
}

/// Resnets that resample have the names of ordinary ones here: where a level ends shows on the way up.
fn input_blocks(shapes: &Shapes, output_blocks: &[Block]) -> Result<Vec<Block>, Refusal> {
    let ups: Vec<Resampling> = (output_blocks.iter().rev())
        .filter_map(|block| match block {
            Block::Layer { up, .. } => *up,
            Block::Down(_) => None,
        })
        .collect();
    let num_levels = ups.len() + 1;
    let num_layers = (output_blocks.len() / num_levels).saturating_sub(1);
    if num_layers == 0 || output_blocks.len() != num_levels * (num_layers + 1) {
        return Err(Refusal::Odd(format!(
            "{} output blocks can't be shared by {num_levels} levels",
            output_blocks.len()
        )));
    }
    let mut blocks = Vec::new();
    for level in 0..num_levels {
        for _ in 0..num_layers {
            let block = format!("input_blocks.{}", blocks.len() + 1);
            blocks.push(Block::Layer {
                channels: channels(shapes, &block)?,
                attends: shapes.contains_key(&format!("{block}.1.qkv.weight")),
                up: None,
            });
        }
        blocks.extend(ups.get(level).copied().map(Block::Down));
    }
    Ok(blocks)
}

fn conditional(what: &'static str) -> Refusal {
    Refusal::Unsupported {
        what,
        instead: "use an unconditional model",
    }
}
