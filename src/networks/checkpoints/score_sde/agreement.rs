//! Settings that show in the weights too: whether the two agree.

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

use super::super::shapes::numbers_of;
use super::MODULES;
use super::modules::{Module, Modules};

/// The fields, named as in the authors' configurations.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct ShapeSettings {
    image_size: Option<usize>,
    nf: Option<usize>,
    num_channels: Option<usize>,
    embedding_type: Option<String>,
    resblock_type: Option<String>,
    ch_mult: Option<Value>,
    num_res_blocks: Option<usize>,
    attn_resolutions: Option<Value>,
    progressive: Option<String>,
    progressive_input: Option<String>,
}

/// What there is between two changes of the size on the way down.
struct Level {
    /// Where its first resnet stands in the body.
    first: usize,
    /// Inputs of that, and outputs of the last one.
    channels: (usize, usize),
    num_resnets: usize,
    attends: bool,
}

impl ShapeSettings {
    /// The first setting that the weights contradict, with the tensor that does, as a sentence without its end.
    pub(super) fn contradiction(&self, modules: &Modules) -> Option<String> {
        self.of_the_ends(modules)
            .or_else(|| self.of_the_levels(modules))
            .or_else(|| self.of_the_pyramids(modules))
    }

    /// The first convolution and the embedding before it.
    fn of_the_ends(&self, modules: &Modules) -> Option<String> {
        let conv = format!("{MODULES}{}.weight", modules.first() - 1);
        let shape = [modules.width, modules.image_channels, 3, 3];
        let differs = |field: &str, said: Option<usize>, found: usize| {
            let said = said.filter(|said| *said != found)?;
            Some(sentence(field, &said, &conv, &shape))
        };
        let is_fourier = modules.fourier.is_some();
        let embedding = || {
            let said = self.embedding_type.as_deref()?;
            let is_right = match said {
                "fourier" => is_fourier,
                "positional" => !is_fourier,
                _ => return None,
            };
            let (tensor, shape) = match modules.fourier {
                Some(count) => ("W", vec![count]),
                None => ("weight", vec![4 * modules.width, modules.width]),
            };
            let tensor = format!("{MODULES}0.{tensor}");
            (!is_right).then(|| sentence("embedding_type", &said, &tensor, &shape))
        };
        differs("nf", self.nf, modules.width)
            .or_else(|| differs("num_channels", self.num_channels, modules.image_channels))
            .or_else(embedding)
    }

    fn of_the_levels(&self, modules: &Modules) -> Option<String> {
        let levels = levels(modules);
        let multipliers = numbers_of(self.ch_mult.as_ref());
        let attended = numbers_of(self.attn_resolutions.as_ref());
        if !multipliers.is_empty() && multipliers.len() != levels.len() {
            let found: Vec<usize> = levels.iter().map(|level| level.channels.1).collect();
            return Some(format!(
                "ch_mult is {multipliers:?}, but the weights are of {} sizes, with {found:?} channels",
                levels.len()
            ));
        }
        let is_biggan = modules.is_plus_plus();
        let resampling = || {
            let said = self.resblock_type.as_deref()?;
            let is_wrong = levels.len() > 1 && (said == "biggan") != is_biggan;
            is_wrong.then(|| {
                format!(
                    "resblock_type is {said}, but the weights resample by {}",
                    if is_biggan { "resnets" } else { "convolutions" }
                )
            })
        };
        let of_level = |(index, level): (usize, &Level)| {
            let (inputs, outputs) = level.channels;
            let name = format!("{MODULES}{}.Conv_0.weight", modules.first() + level.first);
            let shape = [outputs, inputs, 3, 3];
            if let Some(multiplier) = multipliers.get(index)
                && multiplier.saturating_mul(modules.width) != outputs
            {
                return Some(sentence(
                    "ch_mult",
                    &format!("{multipliers:?}"),
                    &name,
                    &shape,
                ));
            }
            if let Some(said) = self.num_res_blocks.filter(|it| *it != level.num_resnets) {
                return Some(format!(
                    "num_res_blocks is {said}, but the weights have {} from {name} of the shape {shape:?} on",
                    level.num_resnets
                ));
            }
            // Another one is refused by itself.
            let smallest = 1_usize.checked_shl(levels.len() as u32 - 1)?;
            let image_size = self
                .image_size
                .filter(|side| side.is_multiple_of(smallest))?;
            let is_said = attended.contains(&(image_size >> index));
            (!attended.is_empty() && is_said != level.attends).then(|| {
                format!(
                    "attn_resolutions is {attended:?} of image_size {image_size}, but the weights have {} after {name} of \
                     the shape {shape:?}",
                    if level.attends { "an attention" } else { "no attention" }
                )
            })
        };
        resampling().or_else(|| levels.iter().enumerate().find_map(of_level))
    }

    fn of_the_pyramids(&self, modules: &Modules) -> Option<String> {
        let fields = [
            ("progressive", &self.progressive, modules.progressive()),
            (
                "progressive_input",
                &self.progressive_input,
                modules.progressive_input(),
            ),
        ];
        fields.into_iter().find_map(|(field, said, found)| {
            let said = said.as_deref().filter(|said| *said != found)?;
            Some(format!("{field} is {said}, but the weights are of {found}"))
        })
    }
}

fn sentence(field: &str, said: &dyn fmt::Display, tensor: &str, shape: &[usize]) -> String {
    format!("{field} is {said}, but {tensor} has the shape {shape:?}")
}

fn levels(modules: &Modules) -> Vec<Level> {
    let mut levels: Vec<Level> = Vec::new();
    let mut begins = true;
    for (at, module) in modules.body[..modules.middle].iter().enumerate() {
        match (*module, levels.last_mut()) {
            (Module::Resample, _) => begins = true,
            (module, _) if module.resamples() => begins = true,
            (Module::Resnet { outputs, .. }, Some(level)) if !begins => {
                level.num_resnets += 1;
                level.channels.1 = outputs;
            }
            (
                Module::Resnet {
                    inputs, outputs, ..
                },
                _,
            ) => {
                begins = false;
                levels.push(Level {
                    first: at,
                    channels: (inputs, outputs),
                    num_resnets: 1,
                    attends: false,
                });
            }
            (Module::Attention, Some(level)) => level.attends = true,
            _ => {}
        }
    }
    levels
}
