//! Writing diffusers folders: a configuration, the names of its tensors, and files that `DDPMPipeline` loads.

use std::fmt;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::config::{Refusal, UnetConfig};
use super::{FAMILY, find_config, find_scheduler, read_object, scheduler, unet, with_path};
use crate::diffusion::Schedule;
use crate::diffusion::philox::philox4x32;
use crate::images::Geometry;
use crate::networks::checkpoints::files::Files;
use crate::networks::checkpoints::safetensors::{self, Numbers};
use crate::networks::checkpoints::tensors::TensorSource;
use crate::networks::checkpoints::{Checkpoint, CheckpointError, ModelSource, model_root};
use crate::networks::description::Network;
use crate::networks::training::parameters;
use crate::networks::weights::Weights;

/// The version of diffusers whose files these are like.
pub(super) const VERSION: &str = "0.42.1";

/// Sizes of new networks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkSize {
    /// 32, 64, 64 channels, one resnet a level.
    Tiny,
    /// 48, 96, 96 channels, one resnet a level.
    Small,
    /// 64, 128, 128 channels, two resnets a level.
    Base,
    /// 128, 256, 256, 256 channels, two resnets a level: the one of the paper.
    Large,
}

impl fmt::Display for NetworkSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tiny => "tiny",
            Self::Small => "small",
            Self::Base => "base",
            Self::Large => "large",
        })
    }
}

impl FromStr for NetworkSize {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|size| size.to_string() == text)
            .ok_or_else(|| format!("expected tiny, small, base or large, got `{text}`"))
    }
}

impl NetworkSize {
    /// All of them, the smallest first.
    pub const ALL: [Self; 4] = [Self::Tiny, Self::Small, Self::Base, Self::Large];

    /// Channels of the first levels, how often the last is repeated, resnets a level.
    fn widths(self) -> (&'static [usize], usize) {
        match self {
            Self::Tiny => (&[32, 64, 64], 1),
            Self::Small => (&[48, 96, 96], 1),
            Self::Base => (&[64, 128, 128], 2),
            Self::Large => (&[128, 256, 256, 256], 2),
        }
    }
}

/// What a diffusers folder says of a network besides its weights.
#[derive(Clone, Debug)]
pub struct Blueprint {
    config: Map<String, Value>,
    unet: UnetConfig,
    scheduler: Map<String, Value>,
    schedule: Schedule,
}

impl Blueprint {
    /// The side of the lowest level is at most this.
    const LOWEST_SIDE: usize = 8;
    /// Sides of new networks' images.
    const SIDES: std::ops::RangeInclusive<usize> = 8..=256;

    /// A new network for images of this shape; the error says which sides are possible.
    pub fn new(size: NetworkSize, geometry: Geometry) -> Result<Self, String> {
        let Geometry { channels, side } = geometry;
        let (widths, layers) = size.widths();
        let mut levels = 2;
        while side > Self::LOWEST_SIDE << (levels - 1) {
            levels += 1;
        }
        // The paper's network goes one level further down.
        levels += usize::from(size == NetworkSize::Large);
        let multiple = 1 << (levels - 1);
        if !Self::SIDES.contains(&side) || !side.is_multiple_of(multiple) {
            let nearest = (side / multiple * multiple, side.next_multiple_of(multiple));
            let instead = match nearest {
                (below, above) if Self::SIDES.contains(&side) => format!("{below} or {above}"),
                _ => format!("{} to {}", Self::SIDES.start(), Self::SIDES.end()),
            };
            return Err(format!(
                "a network of this size halves its images {} times, which {side} pixels a side do not allow; use {instead}",
                levels - 1
            ));
        }
        let last = widths[widths.len() - 1];
        let widths: Vec<usize> = (0..levels)
            .map(|level| widths.get(level).copied().unwrap_or(last))
            .collect();
        let attention = match size {
            NetworkSize::Large => (0..levels).find(|level| side >> level <= 16),
            _ => None,
        };
        let attention = attention.unwrap_or(levels - 1);
        let block = |level: usize, direction: &str| {
            let kind = if level == attention { "Attn" } else { "" };
            format!("{kind}{direction}Block2D")
        };
        let downs: Vec<String> = (0..levels).map(|level| block(level, "Down")).collect();
        let ups: Vec<String> = (0..levels).rev().map(|level| block(level, "Up")).collect();
        let config = json!({
            "_class_name": "UNet2DModel", "_diffusers_version": VERSION, "act_fn": "silu", "add_attention": true,
            "attention_head_dim": 32, "attn_norm_num_groups": null, "block_out_channels": widths,
            "center_input_sample": false, "class_embed_type": null, "down_block_types": downs, "downsample_padding": 1,
            "downsample_type": "conv", "dropout": 0.0, "flip_sin_to_cos": true, "freq_shift": 0, "in_channels": channels,
            "layers_per_block": layers, "mid_block_scale_factor": 1, "mid_block_type": "UNetMidBlock2D",
            "norm_eps": 1e-5, "norm_num_groups": 8, "num_class_embeds": null, "num_train_timesteps": null,
            "out_channels": channels, "resnet_time_scale_shift": "default", "sample_size": side,
            "time_embedding_dim": null, "time_embedding_type": "positional", "up_block_types": ups,
            "upsample_type": "conv",
        });
        let scheduler = json!({
            "_class_name": "DDPMScheduler", "_diffusers_version": VERSION, "beta_end": 0.02, "beta_schedule": "linear",
            "beta_start": 0.0001, "clip_sample": true, "clip_sample_range": 1.0, "dynamic_thresholding_ratio": 0.995,
            "num_train_timesteps": 1000, "prediction_type": "epsilon", "rescale_betas_zero_snr": false,
            "sample_max_value": 1.0, "steps_offset": 0, "thresholding": false, "timestep_spacing": "leading",
            "trained_betas": null, "variance_type": "fixed_small",
        });
        let (Value::Object(config), Value::Object(scheduler)) = (config, scheduler) else {
            unreachable!("both are written as objects above");
        };
        Self::parsed(config, scheduler)
    }

    /// That of a model which was read.
    pub fn of_checkpoint(checkpoint: &Checkpoint) -> Result<Self, CheckpointError> {
        if checkpoint.family == FAMILY.name {
            // It is read from the file that this writes.
            checkpoint.save_chosen()?;
            return Self::of(&checkpoint.source);
        }
        Err(CheckpointError::Unsupported {
            what: format!("training a model of {}", checkpoint.family),
            instead: "write it as a diffusers folder by lmd convert, and begin from that"
                .to_owned(),
            path: match &checkpoint.source {
                ModelSource::Bundled(_) | ModelSource::Blank(_) => PathBuf::new(),
                ModelSource::Path(path) => path.clone(),
            },
        })
    }

    /// That of a model which is there.
    pub fn of(source: &ModelSource) -> Result<Self, CheckpointError> {
        let files = match source {
            ModelSource::Bundled(bundled) => Files::Embedded(*bundled),
            // A weights file with its configuration beside it.
            ModelSource::Path(path) if path.is_file() => {
                let folder = path.parent().filter(|it| !it.as_os_str().is_empty());
                Files::open(&model_root(folder.unwrap_or_else(|| Path::new("."))))?
            }
            ModelSource::Path(path) => Files::open(&model_root(path))?,
            ModelSource::Blank(blank) => {
                let path = PathBuf::from(blank.to_string());
                return Err(CheckpointError::NoConfig { path });
            }
        };
        let config_name = find_config(&files).ok_or_else(|| CheckpointError::NoConfig {
            path: files.path(""),
        })?;
        let config = read_object(&files, config_name)?;
        let unet = UnetConfig::from_json(config.clone())
            .map_err(|refusal| with_path(refusal, &files, config_name))?;
        let scheduler = match find_scheduler(&files) {
            Some(name) => read_object(&files, name)?,
            None => Map::new(),
        };
        let schedule = super::load_schedule(&files, &unet, &mut Vec::new())?;
        if unet.is_told_noise {
            return Err(CheckpointError::Unsupported {
                what:
                    "training a model that is told noise levels (time_embedding_type \"fourier\")"
                        .to_owned(),
                instead: "start from a model with a DDPM schedule, or from a new one".to_owned(),
                path: files.path(config_name),
            });
        }
        Ok(Self {
            config,
            unet,
            scheduler,
            schedule,
        })
    }

    /// As it is kept in a file, to be read by [`Self::from_json`].
    pub fn to_json(&self) -> Value {
        json!({ "unet": self.config, "scheduler": self.scheduler })
    }

    /// What [`Self::to_json`] made; the error says what is wrong.
    pub fn from_json(value: &Value) -> Result<Self, String> {
        let object = |name: &str| {
            let object = value.get(name).and_then(Value::as_object).cloned();
            object.ok_or_else(|| format!("it has no {name} configuration"))
        };
        Self::parsed(object("unet")?, object("scheduler")?)
    }

    pub(super) fn parsed(
        config: Map<String, Value>,
        scheduler: Map<String, Value>,
    ) -> Result<Self, String> {
        let told = |refusal| match refusal {
            Refusal::Bad(message) => message,
            Refusal::Unsupported(what, _) => format!("{what} is not supported"),
        };
        let schedule =
            scheduler::schedule_config(scheduler.clone(), &mut Vec::new()).map_err(told)?;
        Ok(Self {
            unet: UnetConfig::from_json(config.clone()).map_err(told)?,
            config,
            scheduler,
            schedule: Schedule::new(schedule).map_err(|error| error.to_string())?,
        })
    }

    /// The images that it works on.
    pub fn geometry(&self) -> Geometry {
        Geometry {
            channels: self.unet.channels,
            side: self.unet.image_size,
        }
    }

    pub(super) fn unet(&self) -> &UnetConfig {
        &self.unet
    }

    /// The noise schedule.
    pub fn schedule(&self) -> &Schedule {
        &self.schedule
    }

    /// Names and shapes of all tensors, in the order of [`parameters::tensors`].
    pub fn tensors(&self) -> Vec<(String, Vec<usize>)> {
        let mut names = Names::default();
        unet::build(&self.unet, &mut names);
        names.0
    }

    /// The network before training, as `PyTorch` initializes its layers: uniform, by the number of inputs.
    pub fn initial(&self, seed: u64) -> Network {
        unet::build(&self.unet, &mut Initial::new(seed))
    }

    /// Write `model_index.json`, the two configurations and the weights into an empty folder, all synced.
    pub fn write(&self, folder: &Path, network: &Network, numbers: Numbers) -> io::Result<()> {
        let (pipeline, scheduler) = if self.unet.is_told_noise {
            ("ScoreSdeVePipeline", "ScoreSdeVeScheduler")
        } else {
            ("DDPMPipeline", "DDPMScheduler")
        };
        let index = json!({
            "_class_name": pipeline, "_diffusers_version": VERSION,
            "scheduler": ["diffusers", scheduler], "unet": ["diffusers", "UNet2DModel"],
        });
        fs::create_dir_all(folder.join("unet"))?;
        fs::create_dir_all(folder.join("scheduler"))?;
        write_json(&folder.join("model_index.json"), &index)?;
        write_json(
            &folder.join("unet/config.json"),
            &Value::from(self.config.clone()),
        )?;
        if !self.scheduler.is_empty() {
            let path = folder.join("scheduler/scheduler_config.json");
            write_json(&path, &Value::from(self.scheduler.clone()))?;
        }
        let mut network = network.clone();
        let tensors = parameters::tensors(&mut network);
        let names = self.tensors();
        assert_eq!(names.len(), tensors.len(), "tensors of the network");
        let named = names.iter().zip(&tensors).map(|((name, shape), tensor)| {
            assert_eq!(*shape, tensor.shape, "the shape of {name}");
            (name.as_str(), &tensor.shape[..], &tensor.values[..])
        });
        let path = folder.join("unet/diffusion_pytorch_model.safetensors");
        safetensors::write(&path, &named.collect::<Vec<_>>(), numbers)
    }
}

fn write_json(path: &Path, value: &Value) -> io::Result<()> {
    let mut file = fs::File::create_new(path)?;
    let text = serde_json::to_string_pretty(value)?;
    writeln!(file, "{text}")?;
    file.sync_all()
}

/// Keeps the names and gives no values.
#[derive(Default)]
struct Names(Vec<(String, Vec<usize>)>);

impl TensorSource for Names {
    fn take(&mut self, name: &str, shape: &[usize]) -> Weights {
        self.0.push((name.to_owned(), shape.to_vec()));
        Weights {
            shape: shape.to_vec(),
            values: [].into(),
        }
    }
}

/// Gives values to begin with.
struct Initial {
    key: [u32; 2],
    /// Number of the tensor.
    index: u32,
    /// Inputs of the last weight, which its bias shares.
    inputs: usize,
}

impl Initial {
    fn new(seed: u64) -> Self {
        Self {
            key: [seed as u32, (seed >> 32) as u32],
            index: 0,
            inputs: 1,
        }
    }
}

impl TensorSource for Initial {
    fn take(&mut self, name: &str, shape: &[usize]) -> Weights {
        /// Apart from every other use of the seed.
        const PURPOSE: u32 = 0x696e_6974;
        let len: usize = shape.iter().product();
        self.index += 1;
        let values = if name.contains("norm") {
            vec![if name.ends_with("weight") { 1.0 } else { 0.0 }; len]
        } else {
            if shape.len() > 1 {
                self.inputs = shape[1..].iter().product();
            }
            let bound = 1.0 / (self.inputs.max(1) as f32).sqrt();
            let words = (0..len.div_ceil(4))
                .flat_map(|block| philox4x32([block as u32, self.index, 0, PURPOSE], self.key));
            let unit = |word: u32| (word >> 8) as f32 / 8_388_608.0 - 1.0;
            words.take(len).map(|word| unit(word) * bound).collect()
        };
        Weights {
            shape: shape.to_vec(),
            values: values.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::checkpoints::{self, Bundled};

    fn blueprint(size: NetworkSize, side: usize) -> Result<Blueprint, String> {
        let geometry = Geometry { channels: 1, side };
        Blueprint::new(size, geometry)
    }

    #[test]
    fn new_networks_have_their_sizes() {
        // The bundled model is a tiny one.
        let network = blueprint(NetworkSize::Tiny, 32).unwrap().initial(0);
        assert_eq!(network.num_parameters(), 1_112_801);
        for (size, side, millions) in [
            (NetworkSize::Small, 32, 2.50),
            (NetworkSize::Base, 32, 6.47),
            (NetworkSize::Large, 32, 35.7),
            (NetworkSize::Tiny, 64, 1.52),
        ] {
            let network = blueprint(size, side).unwrap().initial(0);
            let got = network.num_parameters() as f64 / 1e6;
            assert!(
                (got / millions - 1.0).abs() < 0.01,
                "{size} at {side}: {got} million"
            );
        }
        for side in [8, 16, 28, 32, 40, 64, 128, 256] {
            let network = blueprint(NetworkSize::Tiny, side).unwrap().initial(0);
            assert_eq!(network.image_size, side);
        }
    }

    #[test]
    fn sides_that_can_not_be_halved_are_refused() {
        let told = blueprint(NetworkSize::Small, 33).unwrap_err();
        assert!(
            told.ends_with("which 33 pixels a side do not allow; use 32 or 40"),
            "{told}"
        );
        let told = blueprint(NetworkSize::Small, 512).unwrap_err();
        assert!(told.ends_with("use 8 to 256"), "{told}");
    }

    #[test]
    fn a_model_that_is_written_again_is_the_same_file() {
        let blueprint = Blueprint::of(&ModelSource::BUNDLED).unwrap();
        let checkpoint = checkpoints::load(&ModelSource::BUNDLED).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let (path, network) = (folder.path(), &checkpoint.network);
        blueprint.write(path, network, Numbers::F32).unwrap();
        let dir = Bundled::FashionMnist.dir();
        for name in [
            "unet/diffusion_pytorch_model.safetensors",
            "scheduler/scheduler_config.json",
            "model_index.json",
        ] {
            let written = fs::read(folder.path().join(name)).unwrap();
            let bundled = dir.get_file(name).unwrap().contents();
            assert!(written == bundled, "{name} differs");
        }
        // Python writes 0.00001 in another way.
        let value = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        let written = fs::read(folder.path().join("unet/config.json")).unwrap();
        let bundled = dir.get_file("unet/config.json").unwrap().contents();
        assert_eq!(value(&written), value(bundled));
    }

    #[test]
    fn a_blueprint_goes_through_json_unchanged() {
        let blueprint = blueprint(NetworkSize::Base, 64).unwrap();
        let again = Blueprint::from_json(&blueprint.to_json()).unwrap();
        assert_eq!(again.tensors(), blueprint.tensors());
        assert_eq!(again.schedule(), blueprint.schedule());
        let told = Blueprint::from_json(&json!({"unet": {}})).unwrap_err();
        assert!(told.contains("it has no scheduler configuration"), "{told}");
    }

    #[test]
    fn initial_weights_are_spread_as_those_of_pytorch() {
        let network = blueprint(NetworkSize::Tiny, 32).unwrap().initial(5);
        let weight = &network.time.linear_2.weight.values;
        let bound = 1.0 / 128.0_f32.sqrt();
        let largest = weight.iter().fold(0.0, |most: f32, v| most.max(v.abs()));
        assert!(
            largest <= bound && largest > 0.99 * bound,
            "{largest} {bound}"
        );
        let variance = weight.iter().map(|v| v * v).sum::<f32>() / weight.len() as f32;
        assert!(
            (variance * 3.0 / (bound * bound) - 1.0).abs() < 0.05,
            "{variance}"
        );
        let norm = &network.norm_out;
        assert!(
            norm.weight.values.iter().all(|v| *v == 1.0)
                && norm.bias.values.iter().all(|v| *v == 0.0)
        );
    }
}
