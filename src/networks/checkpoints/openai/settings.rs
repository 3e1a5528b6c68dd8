//! What the weights do not tell: heads, image size and schedule, from a JSON file beside them or a released model.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::super::candidate::Candidate;
use super::super::shapes::check_image_size;
use super::super::{CheckpointError, Origin, Setting, SettingsExample, json};
use super::layout::{Block, Layout, Resampling};
use crate::diffusion::schedule::{Betas, Prediction, ScheduleConfig, Variance};

/// More bytes than any such file has.
const MAX_BYTES: u64 = 1 << 20;
/// More training timesteps than any model has.
const MAX_STEPS: usize = 1_000_000;
/// What weights that are of no released model leave open.
const UNSAID: &str = "an OpenAI checkpoint does not say its heads, image size and schedule, and no released model has these \
                      shapes";
/// What to write beside them.
const EXAMPLES: &[SettingsExample] = &[SettingsExample {
    name: "A model of 64 × 64 pixels",
    json: "{\"image_size\": 64, \"num_heads\": 4, \"diffusion_steps\": 1000, \"noise_schedule\": \"linear\", \
           \"rescale_timesteps\": false}",
}];

/// The settings by which the network runs.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Settings {
    /// Width and height of an image in pixels.
    pub(super) image_size: usize,
    heads: Heads,
    /// Whether q, k and v are told apart before the heads are (`use_new_attention_order`).
    has_new_order: bool,
    diffusion_steps: usize,
    betas: Betas,
    rescales_timesteps: bool,
    prediction: Prediction,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Heads {
    /// As many everywhere (`num_heads`).
    Number(usize),
    /// One per so many channels (`num_head_channels`).
    Channels(usize),
}

/// The file's fields: the flags of the authors' scripts.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct RawSettings {
    image_size: Option<usize>,
    num_heads: Option<i64>,
    num_head_channels: Option<i64>,
    num_heads_upsample: Option<i64>,
    use_new_attention_order: bool,
    diffusion_steps: Option<usize>,
    noise_schedule: Option<String>,
    rescale_timesteps: Option<bool>,
    predict_xstart: bool,
    class_cond: bool,
    num_channels: Option<usize>,
    num_res_blocks: Option<usize>,
    channel_mult: Option<Value>,
    attention_resolutions: Option<Value>,
    learn_sigma: Option<bool>,
    use_scale_shift_norm: Option<bool>,
    resblock_updown: Option<bool>,
}

impl Settings {
    /// From the file that was chosen, or the one beside the weights, or else from the released model of this shape; where
    /// they are from is added to `notes`.
    pub(super) fn find(
        candidate: &Candidate<'_>,
        weights: &str,
        layout: &Layout,
        notes: &mut Vec<String>,
    ) -> Result<(Self, Vec<Setting>), CheckpointError> {
        let Some((bytes, path)) = candidate.side_file(weights, MAX_BYTES)? else {
            let preset = PRESETS.iter().find(|preset| preset.fits(layout));
            let preset = preset.ok_or_else(|| CheckpointError::MissingSettings {
                missing: candidate.missing_settings(weights, UNSAID, EXAMPLES),
                instead: format!(
                    "write the flags that it was trained with into args.json beside it, e.g. {}",
                    EXAMPLES[0].json
                ),
                path: candidate.files.path(weights),
            })?;
            notes.push(format!(
                "heads, image size and schedule are not in the file; they are those of {}, whose shapes these are (an \
                 args.json beside it is read instead)",
                preset.name
            ));
            let settings = preset.settings();
            let told = settings.told(layout, &|_| Origin::Released(preset.name));
            return Ok((settings, told));
        };
        let raw: RawSettings =
            json::fields(&bytes).map_err(|message| CheckpointError::BadJson {
                message,
                path: path.clone(),
            })?;
        notes.push(format!(
            "heads, image size and schedule are from {}",
            path.file_name().unwrap_or_default().display()
        ));
        let file = Origin::file(&path);
        let settings = raw
            .checked(layout)
            .map_err(|message| CheckpointError::BadConfig { message, path })?;
        let fields = json::object(&bytes).unwrap_or_default();
        let told = settings.told(layout, &|name| Origin::of_field(&file, &fields, name));
        Ok((settings, told))
    }

    /// All of them and what the weights tell, with their origins.
    fn told(&self, layout: &Layout, origin: &dyn Fn(&str) -> Origin) -> Vec<Setting> {
        let by_flag =
            |name: &str, value: &dyn fmt::Display| Setting::new(name, value, &origin(name));
        let by_weights =
            |name: &str, value: &dyn fmt::Display| Setting::new(name, value, &Origin::Weights);
        let heads = match &self.heads {
            Heads::Number(heads) => by_flag("num_heads", heads),
            Heads::Channels(each) => by_flag("num_head_channels", each),
        };
        let betas = match self.betas {
            Betas::Linear => "linear",
            _ => "cosine",
        };
        let down = &layout.input_blocks;
        vec![
            by_flag("image_size", &self.image_size),
            heads,
            by_flag("use_new_attention_order", &self.has_new_order),
            by_flag("diffusion_steps", &self.diffusion_steps),
            by_flag("noise_schedule", &betas),
            by_flag("rescale_timesteps", &self.rescales_timesteps),
            by_flag("predict_xstart", &(self.prediction == Prediction::Sample)),
            by_weights("num_channels", &layout.width),
            by_weights(
                "channels of the levels",
                &format!("{:?}", layout.level_channels()),
            ),
            by_weights(
                "attention at the levels",
                &format!("{:?}", layout.level_attention()),
            ),
            by_weights("use_scale_shift_norm", &layout.scale_shift),
            by_weights("learn_sigma", &layout.learns_variance),
            by_weights(
                "resblock_updown",
                &down.contains(&Block::Down(Resampling::Resnet)),
            ),
        ]
    }

    /// What timesteps are multiplied by before they are embedded.
    pub(super) fn time_scale(&self) -> f64 {
        if self.rescales_timesteps {
            1000.0 / self.diffusion_steps as f64
        } else {
            1.0
        }
    }

    /// Heads of an attention over so many channels.
    pub(super) fn num_heads(&self, channels: usize) -> usize {
        match self.heads {
            Heads::Number(heads) => heads,
            Heads::Channels(each) => channels / each,
        }
    }

    /// Where a row of q, k or v, which are parts 0 to 2, stands in their common weights.
    pub(super) fn qkv_row(&self, part: usize, row: usize, channels: usize) -> usize {
        if self.has_new_order {
            return part * channels + row;
        }
        let each = channels / self.num_heads(channels);
        (row / each * 3 + part) * each + row % each
    }

    /// The authors' schedules (`gaussian_diffusion.get_named_beta_schedule`).
    pub(super) fn schedule(&self, layout: &Layout) -> ScheduleConfig {
        let scale = 1000.0 / self.diffusion_steps as f64;
        ScheduleConfig {
            betas: self.betas.clone(),
            beta_start: scale * 1e-4,
            beta_end: scale * 0.02,
            num_train_timesteps: self.diffusion_steps,
            prediction: self.prediction,
            variance: if layout.learns_variance {
                Variance::FixedSmall
            } else {
                // `sigma_small` is off by default.
                Variance::FixedLarge
            },
            ..ScheduleConfig::default()
        }
    }
}

impl RawSettings {
    /// Complete, and not at odds with the shapes; the message says what is wrong.
    fn checked(self, layout: &Layout) -> Result<Settings, String> {
        if self.class_cond {
            return Err("class_cond is true; use an unconditional model".to_owned());
        }
        self.check_shapes(layout)?;
        let missing =
            |field: &str| format!("{field} is missing; write it as in {}", EXAMPLES[0].json);
        let image_size = self.image_size.ok_or_else(|| missing("image_size"))?;
        check_image_size(image_size, layout.num_levels() - 1)?;
        self.check_attention(layout, image_size)?;
        let heads = self.heads(layout)?;
        let diffusion_steps = self
            .diffusion_steps
            .ok_or_else(|| missing("diffusion_steps"))?;
        if !(1..=MAX_STEPS).contains(&diffusion_steps) {
            return Err(format!(
                "diffusion_steps must be 1 to {MAX_STEPS}, got {diffusion_steps}"
            ));
        }
        let noise_schedule = self
            .noise_schedule
            .ok_or_else(|| missing("noise_schedule"))?;
        let betas = match noise_schedule.as_str() {
            "linear" => Betas::Linear,
            "cosine" => Betas::SquaredCosine,
            other => {
                return Err(format!(
                    "noise_schedule must be linear or cosine, got {other}"
                ));
            }
        };
        Ok(Settings {
            image_size,
            heads,
            has_new_order: self.use_new_attention_order,
            diffusion_steps,
            betas,
            // The two repositories have different defaults.
            rescales_timesteps: self
                .rescale_timesteps
                .ok_or_else(|| missing("rescale_timesteps"))?,
            prediction: if self.predict_xstart {
                Prediction::Sample
            } else {
                Prediction::Epsilon
            },
        })
    }

    /// What the file says of what shows in the weights.
    fn check_shapes(&self, layout: &Layout) -> Result<(), String> {
        let num_layers = layout.output_blocks.len() / layout.num_levels() - 1;
        let updown = layout
            .input_blocks
            .contains(&Block::Down(Resampling::Resnet));
        let numbers = [
            ("num_channels", self.num_channels, layout.width),
            ("num_res_blocks", self.num_res_blocks, num_layers),
        ];
        for (field, said, found) in numbers {
            if said.is_some_and(|said| said != found) {
                return Err(format!(
                    "{field} must be {found} by the weights, got {said:?}",
                    said = said.unwrap_or_default()
                ));
            }
        }
        let flags = [
            ("learn_sigma", self.learn_sigma, layout.learns_variance),
            (
                "use_scale_shift_norm",
                self.use_scale_shift_norm,
                layout.scale_shift,
            ),
            // One level alone resamples nothing.
            (
                "resblock_updown",
                self.resblock_updown.filter(|_| layout.num_levels() > 1),
                updown,
            ),
        ];
        for (field, said, found) in flags {
            if said.is_some_and(|said| said != found) {
                return Err(format!(
                    "{field} must be {found} by the weights, got {}",
                    !found
                ));
            }
        }
        let found: Vec<usize> = layout.level_channels();
        let said = numbers_of(self.channel_mult.as_ref());
        if !said.is_empty()
            && said
                .iter()
                .map(|mult| mult * layout.width)
                .ne(found.iter().copied())
        {
            return Err(format!(
                "channel_mult must give the levels' channels, {found:?} by the weights, got {said:?} times {}",
                layout.width
            ));
        }
        Ok(())
    }

    /// The image size shows in nothing else than where attention is said to be.
    fn check_attention(&self, layout: &Layout, image_size: usize) -> Result<(), String> {
        let said = numbers_of(self.attention_resolutions.as_ref());
        if said.is_empty() {
            return Ok(());
        }
        let is_right = (layout.level_attention().into_iter().enumerate())
            .all(|(level, attends)| said.contains(&(image_size >> level)) == attends);
        if is_right {
            Ok(())
        } else {
            Err(format!(
                "attention_resolutions {said:?} do not give the attention that the weights have, at image_size {image_size}"
            ))
        }
    }

    fn heads(&self, layout: &Layout) -> Result<Heads, String> {
        let given =
            |value: Option<i64>| value.filter(|value| *value > 0).map(|value| value as usize);
        let heads = match (given(self.num_head_channels), given(self.num_heads)) {
            (Some(each), _) => Heads::Channels(each),
            (None, Some(number)) => Heads::Number(number),
            (None, None) => {
                return Err(format!(
                    "num_heads is missing; write it as in {}",
                    EXAMPLES[0].json
                ));
            }
        };
        if given(self.num_heads_upsample).is_some_and(|up| Heads::Number(up) != heads) {
            return Err("num_heads_upsample other than num_heads is not supported; no released model has it".to_owned());
        }
        let each = |channels: usize| match heads {
            Heads::Number(number) => channels.is_multiple_of(number),
            Heads::Channels(each) => channels.is_multiple_of(each),
        };
        match layout
            .attention_channels()
            .find(|&channels| !each(channels))
        {
            None => Ok(heads),
            Some(channels) => Err(format!(
                "the heads must share {channels} channels evenly, got {heads}",
                heads = match heads {
                    Heads::Number(number) => format!("num_heads {number}"),
                    Heads::Channels(each) => format!("num_head_channels {each}"),
                }
            )),
        }
    }
}

/// A list of numbers, or a text of them with commas as the authors' scripts take it.
fn numbers_of(value: Option<&Value>) -> Vec<usize> {
    match value {
        Some(Value::String(text)) => text
            .split(',')
            .filter_map(|part| part.trim().parse().ok())
            .collect(),
        Some(Value::Array(items)) => items
            .iter()
            .filter_map(Value::as_u64)
            .map(|item| item as usize)
            .collect(),
        _ => Vec::new(),
    }
}

/// A released model: its flags in the authors' READMEs.
struct Preset {
    name: &'static str,
    image_size: usize,
    width: usize,
    multipliers: &'static [usize],
    num_layers: usize,
    attention_at: &'static [usize],
    resampling: Resampling,
    scale_shift: bool,
    heads: Heads,
    diffusion_steps: usize,
    betas: Betas,
    rescales_timesteps: bool,
}

static PRESETS: [Preset; 4] = [
    Preset {
        name: "guided-diffusion's 256x256_diffusion_uncond and LSUN models",
        image_size: 256,
        width: 256,
        multipliers: &[1, 1, 2, 2, 4, 4],
        num_layers: 2,
        attention_at: &[32, 16, 8],
        resampling: Resampling::Resnet,
        scale_shift: true,
        heads: Heads::Channels(64),
        diffusion_steps: 1000,
        betas: Betas::Linear,
        rescales_timesteps: false,
    },
    Preset {
        name: "improved-diffusion's lsun_uncond_100M",
        image_size: 256,
        width: 128,
        multipliers: &[1, 1, 2, 2, 4, 4],
        num_layers: 2,
        attention_at: &[16],
        resampling: Resampling::Conv,
        scale_shift: false,
        heads: Heads::Number(1),
        diffusion_steps: 1000,
        betas: Betas::Linear,
        rescales_timesteps: false,
    },
    Preset {
        name: "improved-diffusion's cifar10_uncond_50M",
        image_size: 32,
        width: 128,
        multipliers: &[1, 2, 2, 2],
        num_layers: 3,
        attention_at: &[16, 8],
        resampling: Resampling::Conv,
        scale_shift: true,
        heads: Heads::Number(4),
        diffusion_steps: 4000,
        betas: Betas::SquaredCosine,
        rescales_timesteps: true,
    },
    Preset {
        name: "improved-diffusion's imagenet64_uncond_100M",
        image_size: 64,
        width: 128,
        multipliers: &[1, 2, 3, 4],
        num_layers: 3,
        attention_at: &[16, 8],
        resampling: Resampling::Conv,
        scale_shift: true,
        heads: Heads::Number(4),
        diffusion_steps: 4000,
        betas: Betas::SquaredCosine,
        rescales_timesteps: true,
    },
];

impl Preset {
    fn fits(&self, layout: &Layout) -> bool {
        self.layout() == *layout
    }

    /// The layout of the released file: RGB, with learned variances.
    fn layout(&self) -> Layout {
        let num_levels = self.multipliers.len();
        let layer = |level: usize, up| Block::Layer {
            channels: self.width * self.multipliers[level],
            attends: self.attention_at.contains(&(self.image_size >> level)),
            up,
        };
        let mut input_blocks = Vec::new();
        for level in 0..num_levels {
            input_blocks.extend((0..self.num_layers).map(|_| layer(level, None)));
            if level + 1 < num_levels {
                input_blocks.push(Block::Down(self.resampling));
            }
        }
        let output_blocks = (0..num_levels).rev().flat_map(|level| {
            let ups = (0..=self.num_layers).map(move |index| {
                (level > 0 && index == self.num_layers).then_some(self.resampling)
            });
            ups.map(move |up| layer(level, up))
        });
        Layout {
            image_channels: 3,
            width: self.width,
            input_blocks,
            middle_attends: true,
            output_blocks: output_blocks.collect(),
            scale_shift: self.scale_shift,
            learns_variance: true,
        }
    }

    fn settings(&self) -> Settings {
        Settings {
            image_size: self.image_size,
            heads: self.heads,
            has_new_order: false,
            diffusion_steps: self.diffusion_steps,
            betas: self.betas.clone(),
            rescales_timesteps: self.rescales_timesteps,
            prediction: Prediction::Epsilon,
        }
    }
}
