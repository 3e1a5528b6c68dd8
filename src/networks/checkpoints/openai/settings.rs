//! What the weights do not tell: heads, image size and schedule, from a JSON file beside them or a released model.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::super::candidate::Candidate;
use super::super::shapes::{check_image_size, numbers_of};
use super::super::{Architecture, CheckpointError, Origin, Setting};
use super::FAMILY;
use super::layout::{Block, Layout, Resampling};
use super::published::PUBLISHED;
use crate::diffusion::schedule::{Betas, Prediction, ScheduleConfig, Variance};

/// More training timesteps than any model has.
const MAX_STEPS: usize = 1_000_000;
/// What weights that are of no released model leave open.
const UNSAID: &str = "an OpenAI checkpoint does not say its heads, image size and schedule, and no released model has these \
                      shapes";
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
        let Some(side) = candidate.side_file(weights, &FAMILY)? else {
            let mut published = PUBLISHED.iter();
            let found = published.find_map(|it| Some((it, of_published(it, layout)?)));
            let (published, settings) = found.ok_or_else(|| unsaid(candidate, weights))?;
            notes.push(format!(
                "heads, image size and schedule are not in the file; they are those of {}, whose shapes these are (an \
                 args.json beside it is read instead)",
                published.about
            ));
            let told = settings.told(layout, &|_| Origin::Released(published.about));
            return Ok((settings, told));
        };
        let raw: RawSettings = side.parsed()?;
        notes.push(format!(
            "heads, image size and schedule are {}",
            side.told()
        ));
        if let Some(message) = raw.contradiction(layout) {
            return Err(side.contradiction(&message));
        }
        let settings = (raw.checked(layout)).map_err(|message| side.refusal(&message))?;
        let told = settings.told(layout, &|name| side.origin(name));
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
        let missing = |field: &str| {
            format!(
                "{field} is missing; write it as in {}",
                PUBLISHED[0].example()
            )
        };
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

    /// The first flag that the weights contradict, with the tensor that does.
    fn contradiction(&self, layout: &Layout) -> Option<String> {
        let num_layers = layout.output_blocks.len() / layout.num_levels() - 1;
        let updown = layout
            .input_blocks
            .contains(&Block::Down(Resampling::Resnet));
        let differs = |field: &str, said: Option<String>, found: String, by: String| {
            let said = said.filter(|said| *said != found)?;
            Some(format!("{field} must be {found} by {by}, got {said}"))
        };
        let shape = |tensor: &str, shape: &[usize]| {
            format!("the weights ({tensor} has the shape {shape:?})")
        };
        let text = |said: Option<usize>| said.map(|it| it.to_string());
        let flag = |said: Option<bool>| said.map(|it| it.to_string());
        let outputs = layout.image_channels * if layout.learns_variance { 2 } else { 1 };
        let hidden = layout.level_channels().last().copied().unwrap_or_default();
        let from_time = hidden * if layout.scale_shift { 2 } else { 1 };
        differs(
            "num_channels",
            text(self.num_channels),
            layout.width.to_string(),
            shape(
                "input_blocks.0.0.weight",
                &[layout.width, layout.image_channels, 3, 3],
            ),
        )
        .or_else(|| {
            differs(
                "learn_sigma",
                flag(self.learn_sigma),
                layout.learns_variance.to_string(),
                shape("out.2.weight", &[outputs, layout.width, 3, 3]),
            )
        })
        .or_else(|| self.channels_contradicted(layout))
        .or_else(|| {
            differs(
                "num_res_blocks",
                text(self.num_res_blocks),
                num_layers.to_string(),
                format!(
                    "the weights (there are {} output_blocks)",
                    layout.output_blocks.len()
                ),
            )
        })
        .or_else(|| {
            differs(
                "use_scale_shift_norm",
                flag(self.use_scale_shift_norm),
                layout.scale_shift.to_string(),
                shape(
                    "middle_block.0.emb_layers.1.weight",
                    &[from_time, 4 * layout.width],
                ),
            )
        })
        .or_else(|| {
            differs(
                "resblock_updown",
                // One level alone resamples nothing.
                flag(self.resblock_updown.filter(|_| layout.num_levels() > 1)),
                updown.to_string(),
                "the weights (by the last parts of their output_blocks)".to_owned(),
            )
        })
    }

    fn channels_contradicted(&self, layout: &Layout) -> Option<String> {
        let found = layout.level_channels();
        let said = numbers_of(self.channel_mult.as_ref());
        let is_right =
            (said.iter().map(|mult| mult.saturating_mul(layout.width))).eq(found.iter().copied());
        (!said.is_empty() && !is_right).then(|| {
            format!(
                "channel_mult must give the levels' channels, {found:?} by the weights, got {said:?} times {}",
                layout.width
            )
        })
    }

    /// The network that these flags build, RGB as all released ones are, where they say all of it.
    fn layout(&self) -> Option<Layout> {
        let multipliers = numbers_of(self.channel_mult.as_ref());
        let attended = numbers_of(self.attention_resolutions.as_ref());
        let (image_size, width, num_layers) =
            (self.image_size?, self.num_channels?, self.num_res_blocks?);
        let resampling = if self.resblock_updown? {
            Resampling::Resnet
        } else {
            Resampling::Conv
        };
        let layer = |level: usize, up| Block::Layer {
            channels: width * multipliers[level],
            attends: attended.contains(&(image_size >> level)),
            up,
        };
        let num_levels = multipliers.len();
        let mut input_blocks = Vec::new();
        for level in 0..num_levels {
            input_blocks.extend((0..num_layers).map(|_| layer(level, None)));
            if level + 1 < num_levels {
                input_blocks.push(Block::Down(resampling));
            }
        }
        let output_blocks = (0..num_levels).rev().flat_map(|level| {
            let ups = (0..=num_layers)
                .map(move |index| (level > 0 && index == num_layers).then_some(resampling));
            ups.map(move |up| layer(level, up))
        });
        Some(Layout {
            image_channels: 3,
            width,
            output_blocks: output_blocks.collect(),
            input_blocks,
            middle_attends: true,
            scale_shift: self.use_scale_shift_norm?,
            learns_variance: self.learn_sigma?,
        })
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
                    "num_heads and num_head_channels are missing, and one of them is needed; write it as in {}",
                    PUBLISHED[0].example()
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

/// That nothing says the settings, nor the shapes whose they are.
fn unsaid(candidate: &Candidate<'_>, weights: &str) -> CheckpointError {
    let missing = candidate.missing_settings(weights, UNSAID, (&FAMILY, &|_| false));
    CheckpointError::MissingSettings {
        instead: format!(
            "write the flags that it was trained with into args.json beside it, e.g. {}",
            missing.example()
        ),
        missing,
        path: candidate.files.path(weights),
    }
}

/// The settings of a published model, where these are its shapes.
fn of_published(published: &Architecture, layout: &Layout) -> Option<Settings> {
    let (raw, _) = published.parsed::<RawSettings, Value>();
    if raw.layout()? == *layout {
        raw.checked(layout).ok()
    } else {
        None
    }
}
