//! `config.json` of diffusers' `UNet2DModel`: its defaults, its old field names, and what is refused.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::config::{Block, MidBlock, Refusal, Resampling, UnetConfig, quarter};
use crate::networks::checkpoints::{Origin, Setting};
use crate::networks::description::{Padding, TimeMode};

/// The fields as the file has them.
#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
struct RawConfig {
    sample_size: Option<Value>,
    in_channels: usize,
    out_channels: usize,
    center_input_sample: bool,
    time_embedding_type: String,
    time_embedding_dim: Option<usize>,
    freq_shift: f64,
    flip_sin_to_cos: bool,
    down_block_types: Vec<String>,
    mid_block_type: Option<String>,
    up_block_types: Vec<String>,
    block_out_channels: Vec<usize>,
    layers_per_block: usize,
    mid_block_scale_factor: f64,
    downsample_padding: usize,
    downsample_type: Option<String>,
    upsample_type: Option<String>,
    act_fn: String,
    attention_head_dim: Option<usize>,
    norm_num_groups: Option<usize>,
    attn_norm_num_groups: Option<usize>,
    norm_eps: f64,
    resnet_time_scale_shift: String,
    add_attention: bool,
    class_embed_type: Option<Value>,
    num_class_embeds: Option<Value>,
}

impl Default for RawConfig {
    /// The defaults of `UNet2DModel.__init__`.
    fn default() -> Self {
        let names = |names: [&str; 4]| names.map(str::to_owned).to_vec();
        let attn_down = "AttnDownBlock2D";
        let attn_up = "AttnUpBlock2D";
        Self {
            sample_size: None,
            in_channels: 3,
            out_channels: 3,
            center_input_sample: false,
            time_embedding_type: "positional".to_owned(),
            time_embedding_dim: None,
            freq_shift: 0.0,
            flip_sin_to_cos: true,
            down_block_types: names(["DownBlock2D", attn_down, attn_down, attn_down]),
            mid_block_type: Some("UNetMidBlock2D".to_owned()),
            up_block_types: names([attn_up, attn_up, attn_up, "UpBlock2D"]),
            block_out_channels: vec![224, 448, 672, 896],
            layers_per_block: 2,
            mid_block_scale_factor: 1.0,
            downsample_padding: 1,
            downsample_type: Some("conv".to_owned()),
            upsample_type: Some("conv".to_owned()),
            act_fn: "silu".to_owned(),
            attention_head_dim: Some(8),
            norm_num_groups: Some(32),
            attn_norm_num_groups: None,
            norm_eps: 1e-5,
            resnet_time_scale_shift: "default".to_owned(),
            add_attention: true,
            class_embed_type: None,
            num_class_embeds: None,
        }
    }
}

/// Field names of before diffusers 0.2 (left).
const OLD_FIELDS: [(&str, &str); 10] = [
    ("image_size", "sample_size"),
    ("num_res_blocks", "layers_per_block"),
    ("block_channels", "block_out_channels"),
    ("down_blocks", "down_block_types"),
    ("up_blocks", "up_block_types"),
    ("downscale_freq_shift", "freq_shift"),
    ("resnet_num_groups", "norm_num_groups"),
    ("resnet_act_fn", "act_fn"),
    ("resnet_eps", "norm_eps"),
    ("num_head_channels", "attention_head_dim"),
];

/// Larger values are mistakes or attacks; they would only make an endless list of missing tensors.
const MAX_BLOCKS: usize = 12;
const MAX_LAYERS: usize = 32;
const MAX_CHANNELS: usize = 65_536;
const MAX_SIDE: usize = 4096;

/// Real models have 1e-12 to 1e-3; less is nothing beside an `f32` variance, more drowns it.
const EPS: RangeInclusive<f64> = 1e-30..=1.0;
/// Real models have 1 or the square root of 2; sums that are divided by it are squared later on.
const SCALE: RangeInclusive<f64> = 1e-6..=1e6;

impl UnetConfig {
    /// Check a parsed `config.json`.
    pub(super) fn from_json(mut fields: Map<String, Value>) -> Result<Self, Refusal> {
        check_class(&fields)?;
        rename_old(&mut fields);
        let raw: RawConfig = serde_json::from_value(Value::Object(fields))
            .map_err(|error| Refusal::Bad(format!("a field has the wrong type ({error})")))?;
        raw.check()
    }
}

/// Every field of a `config.json`, with its default where the file has none.
pub(super) fn settings(mut fields: Map<String, Value>, file: &Origin) -> Vec<Setting> {
    rename_old(&mut fields);
    let all = serde_json::from_value::<RawConfig>(Value::Object(fields.clone()))
        .and_then(serde_json::to_value);
    match all {
        Ok(Value::Object(all)) => settings_of(&all, &fields, file),
        // It was refused.
        _ => Vec::new(),
    }
}

/// Values with their origins; a field that is null and that the file has not is left out.
pub(super) fn settings_of(
    all: &Map<String, Value>,
    fields: &Map<String, Value>,
    file: &Origin,
) -> Vec<Setting> {
    let is_said = |name: &str, value: &Value| fields.contains_key(name) || !value.is_null();
    let said = all.iter().filter(|(name, value)| is_said(name, value));
    said.map(|(name, value)| {
        let origin = if fields.contains_key(name) {
            file.clone()
        } else {
            Origin::Default
        };
        Setting::new(name.as_str(), value, &origin)
    })
    .collect()
}

fn rename_old(fields: &mut Map<String, Value>) {
    for (old, new) in OLD_FIELDS {
        if let Some(value) = fields.remove(old) {
            fields.entry(new).or_insert(value);
        }
    }
}

/// Families that also keep a `config.json`, and classes that are no unconditional UNet.
fn check_class(fields: &Map<String, Value>) -> Result<(), Refusal> {
    let wanted = "use an unconditional pixel-space UNet2DModel";
    match fields.get("_class_name").and_then(Value::as_str) {
        Some("UNet2DModel" | "UNetUnconditionalModel") => Ok(()),
        Some(class) => Err(Refusal::Unsupported(
            format!("the model class {class}"),
            wanted.to_owned(),
        )),
        None if fields.contains_key("block_out_channels")
            || fields.contains_key("block_channels") =>
        {
            Ok(())
        }
        None => Err(Refusal::Unsupported(
            "a config.json with neither _class_name nor block_out_channels".to_owned(),
            wanted.to_owned(),
        )),
    }
}

impl RawConfig {
    fn check(self) -> Result<UnetConfig, Refusal> {
        let image_size = self.image_size()?;
        self.check_sizes(image_size)?;
        self.check_options()?;
        let down_blocks = blocks(
            &self.down_block_types,
            "Down",
            self.downsample_type.as_deref(),
        )?;
        let up_blocks = blocks(&self.up_block_types, "Up", self.upsample_type.as_deref())?;
        let has_skips_only = down_blocks.iter().chain(&up_blocks).all(|it| it.is_skip());
        let norm_num_groups = self.norm_num_groups;
        if norm_num_groups.is_none() && !has_skips_only {
            return Err(Refusal::Bad(
                "norm_num_groups is null, expected a number".to_owned(),
            ));
        }
        let time_mode = match self.resnet_time_scale_shift.as_str() {
            "default" => TimeMode::Add,
            "scale_shift" => TimeMode::ScaleShift,
            other => {
                return Err(option(
                    "resnet_time_scale_shift",
                    other,
                    "default or scale_shift",
                ));
            }
        };
        // diffusers leaves the normalization out where neither rule gives a number of groups.
        let lowest = self.block_out_channels[self.block_out_channels.len() - 1];
        let by_default = (time_mode == TimeMode::Add)
            .then(|| norm_num_groups.unwrap_or_else(|| quarter(lowest)));
        let mid_block = self.mid_block_type.as_ref().map(|_| MidBlock {
            scale_factor: self.mid_block_scale_factor,
            attention: self.add_attention,
            attention_groups: self.attn_norm_num_groups.or(by_default),
        });
        let config = UnetConfig {
            image_size,
            channels: self.in_channels,
            center_input: self.center_input_sample,
            freq_shift: self.freq_shift,
            flip_sin_to_cos: self.flip_sin_to_cos,
            time_embedding_dim: self
                .time_embedding_dim
                .filter(|&dim| dim > 0)
                .unwrap_or(4 * self.block_out_channels[0]),
            is_told_noise: self.time_embedding_type == "fourier",
            down_blocks,
            mid_block,
            up_blocks,
            layers_per_block: self.layers_per_block,
            downsample_padding: if self.downsample_padding == 0 {
                Padding::RightBottom
            } else {
                Padding::Same(1)
            },
            attention_head_dim: self.attention_head_dim,
            norm_num_groups,
            norm_eps: self.norm_eps,
            time_mode,
            block_out_channels: self.block_out_channels,
        };
        config.check_divisions()?;
        Ok(config)
    }

    fn image_size(&self) -> Result<usize, Refusal> {
        let side = |value: &Value| value.as_u64().map(|side| side as usize);
        let size = match &self.sample_size {
            Some(Value::Array(sides)) => match sides.as_slice() {
                [height, width] if height == width => side(height),
                _ => None,
            },
            Some(value) => side(value),
            None => None,
        };
        size.filter(|size| (1..=MAX_SIDE).contains(size))
            .ok_or_else(|| {
                let got = self.sample_size.clone().unwrap_or_default();
                Refusal::Bad(format!(
                    "sample_size must be the side of a square image, 1 to {MAX_SIDE}, got {got}"
                ))
            })
    }

    fn check_sizes(&self, image_size: usize) -> Result<(), Refusal> {
        let num_blocks = self.block_out_channels.len();
        let bad = |message: String| Err(Refusal::Bad(message));
        if !(1..=MAX_BLOCKS).contains(&num_blocks)
            || self.down_block_types.len() != num_blocks
            || self.up_block_types.len() != num_blocks
        {
            return bad(format!(
                "block_out_channels, down_block_types and up_block_types must be equally long, 1 to \
                 {MAX_BLOCKS}, got {num_blocks}, {} and {}",
                self.down_block_types.len(),
                self.up_block_types.len()
            ));
        }
        if let Some(channels) = self
            .block_out_channels
            .iter()
            .chain(&self.time_embedding_dim)
            .find(|channels| !(1..=MAX_CHANNELS).contains(channels))
        {
            return bad(format!(
                "block_out_channels must be 1 to {MAX_CHANNELS}, got {channels}"
            ));
        }
        if !(1..=MAX_LAYERS).contains(&self.layers_per_block) {
            return bad(format!(
                "layers_per_block must be 1 to {MAX_LAYERS}, got {}",
                self.layers_per_block
            ));
        }
        let factor = 1_usize << (num_blocks - 1);
        if !image_size.is_multiple_of(factor) {
            return bad(format!(
                "sample_size must be a multiple of {factor} for {num_blocks} blocks, got {image_size}"
            ));
        }
        self.check_numbers()
    }

    /// Numbers that make a network's output overflow or vanish in `f32` are mistakes.
    fn check_numbers(&self) -> Result<(), Refusal> {
        let within = |field: &str, value: f64, range: RangeInclusive<f64>| {
            if range.contains(&value) {
                return Ok(());
            }
            Err(Refusal::Bad(format!(
                "{field} must lie between {:e} and {}, got {value:?}",
                range.start(),
                range.end()
            )))
        };
        within("norm_eps", self.norm_eps, EPS)?;
        within("mid_block_scale_factor", self.mid_block_scale_factor, SCALE)?;
        // The frequencies are powers of i / (half - freq_shift), i < half.
        let half = self.block_out_channels.first().map_or(0, |first| first / 2);
        if !(self.freq_shift.is_finite() && self.freq_shift < half as f64) {
            return Err(Refusal::Bad(format!(
                "freq_shift must be smaller than half the channels of the first block, {half}, got {:?}",
                self.freq_shift
            )));
        }
        Ok(())
    }

    fn check_options(&self) -> Result<(), Refusal> {
        let refuse =
            |what: String, instead: &str| Err(Refusal::Unsupported(what, instead.to_owned()));
        let (inputs, outputs) = (self.in_channels, self.out_channels);
        if !matches!(inputs, 1 | 3) {
            return refuse(
                format!("a model of {inputs} input channels"),
                "use a pixel-space model of gray (1) or RGB (3) images",
            );
        }
        if outputs != inputs {
            return refuse(
                format!(
                    "a model with {outputs} output for {inputs} input channels (learned variance)"
                ),
                "use a model with a fixed variance",
            );
        }
        if self.class_embed_type.is_some() || self.num_class_embeds.is_some() {
            return refuse(
                "a class-conditional model (class_embed_type, num_class_embeds)".to_owned(),
                "use an unconditional model",
            );
        }
        if !matches!(self.time_embedding_type.as_str(), "positional" | "fourier") {
            return Err(option(
                "time_embedding_type",
                &self.time_embedding_type,
                "positional and fourier",
            ));
        }
        if !matches!(self.act_fn.as_str(), "silu" | "swish") {
            return Err(option("act_fn", &self.act_fn, "silu or swish"));
        }
        if self.downsample_padding > 1 {
            let padding = self.downsample_padding.to_string();
            return Err(option("downsample_padding", &padding, "0 or 1"));
        }
        match self.mid_block_type.as_deref() {
            None | Some("UNetMidBlock2D") => Ok(()),
            Some(other) => Err(option("mid_block_type", other, "UNetMidBlock2D or null")),
        }
    }
}

fn blocks(
    names: &[String],
    direction: &str,
    resampling: Option<&str>,
) -> Result<Vec<Block>, Refusal> {
    names
        .iter()
        .map(|name| block(name, direction, resampling))
        .collect()
}

fn option(field: &str, got: &str, supported: &str) -> Refusal {
    Refusal::Unsupported(
        format!("{field} \"{got}\""),
        format!("supported are {supported}"),
    )
}

/// Read a block type; `direction` is `Down` or `Up`.
fn block(name: &str, direction: &str, resampling: Option<&str>) -> Result<Block, Refusal> {
    let plain = format!("{direction}Block2D");
    let attention = format!("Attn{direction}Block2D");
    let resnet = format!("Resnet{direction}sampleBlock2D");
    let skip = format!("Skip{direction}Block2D");
    let skip_attention = format!("AttnSkip{direction}Block2D");
    let supported =
        format!("supported are {plain}, {attention}, {resnet}, {skip} and {skip_attention}");
    let present_day = name.strip_prefix("UNetRes").unwrap_or(name);
    if present_day == plain {
        Ok(Block {
            attention: false,
            resampling: Resampling::Conv,
        })
    } else if present_day == resnet {
        Ok(Block {
            attention: false,
            resampling: Resampling::Resnet,
        })
    } else if present_day == attention {
        let field = format!("{}sample_type", direction.to_lowercase());
        let resampling = match resampling {
            None | Some("conv") => Resampling::Conv,
            Some("resnet") => Resampling::Resnet,
            Some(other) => return Err(option(&field, other, "conv or resnet")),
        };
        Ok(Block {
            attention: true,
            resampling,
        })
    } else if [skip.as_str(), &skip_attention].contains(&present_day) {
        Ok(Block {
            attention: present_day == skip_attention,
            resampling: Resampling::Skip,
        })
    } else {
        Err(Refusal::Unsupported(
            format!("the block type {name}"),
            supported,
        ))
    }
}
