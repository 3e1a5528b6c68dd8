//! A checked configuration of diffusers' `UNet2DModel`.

use crate::networks::description::{Padding, TimeMode};

/// Why a configuration is refused; the caller adds the path.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// Impossible values: field, expected and got.
    Bad(String),
    /// Not supported: what, and what would work.
    Unsupported(String, String),
}

/// A checked configuration.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct UnetConfig {
    pub(super) image_size: usize,
    pub(super) channels: usize,
    pub(super) center_input: bool,
    pub(super) freq_shift: f64,
    pub(super) flip_sin_to_cos: bool,
    pub(super) time_embedding_dim: usize,
    /// Whether the embedding is of the noise's deviation (`time_embedding_type` "fourier").
    pub(super) is_told_noise: bool,
    pub(super) down_blocks: Vec<Block>,
    pub(super) mid_block: Option<MidBlock>,
    pub(super) up_blocks: Vec<Block>,
    pub(super) block_out_channels: Vec<usize>,
    pub(super) layers_per_block: usize,
    pub(super) downsample_padding: Padding,
    /// `None`: one head as wide as the block.
    pub(super) attention_head_dim: Option<usize>,
    /// `None`: by [`quarter`] of each block's channels.
    pub(super) norm_num_groups: Option<usize>,
    pub(super) norm_eps: f64,
    pub(super) time_mode: TimeMode,
}

/// The block between down and up: resnet, attention, resnet.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct MidBlock {
    /// Divides the sums of its residuals.
    pub(super) scale_factor: f64,
    /// Whether it has its attention.
    pub(super) attention: bool,
    /// Groups of the attention's normalization; `None` where it has none.
    pub(super) attention_groups: Option<usize>,
}

/// A down or up block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// One attention after each resnet.
    pub(super) attention: bool,
    /// How it resamples.
    pub(super) resampling: Resampling,
}

impl Block {
    /// Whether it works beside a pyramid of images (NCSN++): its resnets resample by a filter and scale their sums.
    pub(super) fn is_skip(self) -> bool {
        self.resampling == Resampling::Skip
    }
}

/// Groups of the normalizations of blocks that are given no number.
pub(super) fn quarter(channels: usize) -> usize {
    (channels / 4).clamp(1, SKIP_ATTENTION_GROUPS)
}

/// Groups of the normalizations of attentions in skip blocks.
pub(super) const SKIP_ATTENTION_GROUPS: usize = 32;

/// How a block changes the resolution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resampling {
    /// A convolution.
    Conv,
    /// A resnet block that resamples inside.
    Resnet,
    /// A resnet block that resamples by a filter, beside a pyramid of images.
    Skip,
}

impl UnetConfig {
    /// Head width in a block of so many channels.
    pub(super) fn head_dim(&self, channels: usize) -> usize {
        self.attention_head_dim.unwrap_or(channels)
    }

    /// Groups divide channels, heads divide channels.
    pub(super) fn check_divisions(&self) -> Result<(), Refusal> {
        let mut channels = self.block_out_channels.clone();
        // The inputs of the up blocks' resnets are two activations side by side.
        let reversed: Vec<usize> = self.block_out_channels.iter().rev().copied().collect();
        for (i, &out) in reversed.iter().enumerate() {
            let previous = reversed[i.saturating_sub(1)];
            let skip = reversed[(i + 1).min(reversed.len() - 1)];
            channels.extend([previous + out, out + skip]);
        }
        for channels in channels {
            let groups = self.norm_num_groups.unwrap_or_else(|| quarter(channels));
            if groups == 0 || !channels.is_multiple_of(groups) {
                return Err(Refusal::Bad(format!(
                    "norm_num_groups must divide the channels of every block, got {groups} groups for {channels} channels"
                )));
            }
        }
        self.check_skip_blocks(&reversed)?;
        let middle = self.block_out_channels[self.block_out_channels.len() - 1];
        let mid_attention = self.mid_block.filter(|mid| mid.attention);
        if let Some(groups) = mid_attention.and_then(|mid| mid.attention_groups)
            && (groups == 0 || !middle.is_multiple_of(groups))
        {
            return Err(Refusal::Bad(format!(
                "attn_norm_num_groups must divide the channels of the middle block, got {groups} groups for \
                 {middle} channels"
            )));
        }
        self.check_heads(&reversed)
    }

    /// Skip blocks have groups of their own.
    fn check_skip_blocks(&self, reversed: &[usize]) -> Result<(), Refusal> {
        let downs = self.down_blocks.iter().zip(&self.block_out_channels);
        let ups = self.up_blocks.iter().zip(reversed);
        let has_skips = |blocks: &[Block]| blocks.iter().filter(|block| block.is_skip()).count();
        for blocks in [&self.down_blocks, &self.up_blocks] {
            if ![0, blocks.len()].contains(&has_skips(blocks)) {
                return Err(Refusal::Unsupported(
                    "a model with skip blocks beside others".to_owned(),
                    "all down blocks, and all up blocks, must be of one kind".to_owned(),
                ));
            }
        }
        if has_skips(&self.down_blocks) + has_skips(&self.up_blocks) > 0 && self.channels != 3 {
            return Err(Refusal::Bad(format!(
                "in_channels must be 3 in a model with skip blocks, got {}",
                self.channels
            )));
        }
        let odd = downs.chain(ups).find(|(block, channels)| {
            let has_attention = block.attention && !channels.is_multiple_of(SKIP_ATTENTION_GROUPS);
            block.is_skip() && (!channels.is_multiple_of(quarter(**channels)) || has_attention)
        });
        match odd {
            None => Ok(()),
            Some((_, channels)) => Err(Refusal::Bad(format!(
                "block_out_channels of skip blocks must be multiples of 4, above 128 and with attention of 32, got {channels}"
            ))),
        }
    }

    fn check_heads(&self, reversed: &[usize]) -> Result<(), Refusal> {
        let middle = self.block_out_channels[self.block_out_channels.len() - 1];
        let mid_attention = self.mid_block.filter(|mid| mid.attention);
        let downs = self.down_blocks.iter().zip(&self.block_out_channels);
        let ups = self.up_blocks.iter().zip(reversed);
        let with_attention = downs
            .chain(ups)
            .filter_map(|(block, &channels)| block.attention.then_some(channels))
            .chain(mid_attention.map(|_| middle));
        for channels in with_attention {
            let head = self.head_dim(channels);
            if head == 0 || !channels.is_multiple_of(head) {
                return Err(Refusal::Bad(format!(
                    "attention_head_dim must divide the channels of every block with attention, got {head} for \
                     {channels} channels"
                )));
            }
        }
        Ok(())
    }
}
