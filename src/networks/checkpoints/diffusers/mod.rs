//! diffusers' `UNet2DModel` folders (<https://github.com/huggingface/diffusers>), in three layouts: a pipeline
//! with `unet/` and `scheduler/`, everything in one folder, or the UNet alone.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value};

use self::config::{Refusal, UnetConfig};
use super::candidate::Candidate;
use super::files::Files;
use super::side_file::SideFile;
use super::tensors::{Taker, TensorFile};
use super::{
    Checkpoint, CheckpointError, Contents, Family, Match, Origin, SettingsFrom, json, schedule_of,
};
use crate::diffusion::Schedule;
use crate::diffusion::schedule::{Process, ScheduleConfig};

mod bare;
mod blueprint;
mod config;
mod express;
mod keys;
mod levels;
mod raw_config;
mod scheduler;
mod unet;

pub use blueprint::{Blueprint, NetworkSize};

/// What a pipeline is made of.
const INDEX: &str = "model_index.json";

/// Thousands of times what any configuration has.
const MAX_BYTES: u64 = 16 << 20;

/// Names of weights files, best first.
const WEIGHTS: [&str; 4] = [
    "diffusion_pytorch_model.safetensors",
    "diffusion_pytorch_model.bin",
    "diffusion_pytorch_model.fp16.safetensors",
    "diffusion_pytorch_model.fp16.bin",
];

/// Names of files that name several weights files.
const INDEXES: [&str; 4] = [
    "diffusion_pytorch_model.safetensors.index.json",
    "diffusion_pytorch_model.bin.index.json",
    "diffusion_pytorch_model.safetensors.index.fp16.json",
    "diffusion_pytorch_model.bin.index.fp16.json",
];

pub(in crate::networks::checkpoints) static FAMILY: Family = Family {
    name: "diffusers UNet2DModel",
    architectures: bare::PUBLISHED,
    settings_file: Some("config.json"),
    recognize,
};

/// By a configuration with the marks of diffusers, or any one that has no PyTorch file beside it: other families keep a
/// `config.json` of their own beside theirs.
fn recognize(candidate: &Candidate<'_>) -> Result<Match, CheckpointError> {
    let files = candidate.files;
    let Some(config_name) = find_config(files) else {
        return match (bare::weights(candidate)?, candidate.architecture()) {
            (Some(_), Some(_)) => Ok(Match::Mine(load)),
            (Some(name), None) => Err(bare::missing(files, &name)),
            (None, _) => Ok(Match::NotMine),
        };
    };
    if candidate.torch_file().is_some() && !has_marks(files, config_name)? {
        return Ok(Match::NotMine);
    }
    Ok(match latent_pipeline(files)? {
        Some(what) => Match::Unsupported {
            what,
            instead: "use an unconditional pixel-space UNet2DModel",
            path: files.path(INDEX),
        },
        None => Match::Mine(load),
    })
}

/// The averaged weights in a folder of diffusers' training script, beside those of the last step.
const AVERAGED: &str = "unet_ema/config.json";

/// The configuration's place in the folder, if it has one.
fn find_config(files: &Files) -> Option<&'static str> {
    [AVERAGED, "unet/config.json", "config.json"]
        .into_iter()
        .find(|name| files.has(name))
}

/// The scheduler file's place in the folder, if it has one.
fn find_scheduler(files: &Files) -> Option<&'static str> {
    ["scheduler/scheduler_config.json", "scheduler_config.json"]
        .into_iter()
        .find(|name| files.has(name))
}

fn has_marks(files: &Files, config_name: &str) -> Result<bool, CheckpointError> {
    let fields = read_object(files, config_name)?;
    let marks = ["_class_name", "block_out_channels", "block_channels"];
    Ok(marks.iter().any(|mark| fields.contains_key(*mark)))
}

fn load(candidate: &Candidate<'_>) -> Result<Checkpoint, CheckpointError> {
    let files = candidate.files;
    if let SettingsFrom::File(path) = candidate.from {
        return Err(CheckpointError::BadConfig {
            message: "a diffusers model has its own config.json, and another can't be chosen; copy the folder and change \
                      the copy"
                .to_owned(),
            path: path.to_owned(),
        });
    }
    let (config_name, side) = configuration(candidate)?;
    let fields = side.fields().clone();
    let config = UnetConfig::from_json(fields.clone())
        .map_err(|refusal| with_path(refusal, files, config_name))?;
    let weights_names = match (candidate.weights, candidate.architecture()) {
        (Some(name), _) => vec![name.to_owned()],
        (None, None) => find_weights(files, config_name)?,
        (None, Some(_)) => bare::weights(candidate)?.into_iter().collect(),
    };
    let mut notes = Vec::new();
    if config_name == AVERAGED {
        notes.push("the averaged weights in unet_ema are used".to_owned());
    }
    let schedule = load_schedule(files, &config, &mut notes)?;
    let (tensors, weights_sha256) = TensorFile::open_all(files, &weights_names)?;
    let mut taker = Taker::new(&tensors, keys::present_day);
    let network = unet::build(&config, &mut taker);
    let num_tensors = taker
        .finish(&files.path(&weights_names[0]))
        .map_err(|error| match (error, candidate.architecture()) {
            (CheckpointError::Misfit { misfit, .. }, Some(_)) => {
                side.contradiction(&format!("the weights have other tensors, {misfit}"))
            }
            (error, _) => error,
        })?;
    let mut settings = raw_config::settings(fields, &Origin::file(Path::new(config_name)));
    for setting in &mut settings {
        if let chosen @ Origin::Chosen(_) = side.origin(&setting.name) {
            setting.origin = chosen;
        }
    }
    let scheduler = match find_scheduler(files) {
        Some(name) => Some((read_object(files, name)?, Origin::file(Path::new(name)))),
        None => None,
    };
    settings.extend(scheduler::settings(scheduler, config.is_told_noise));
    let contents = Contents {
        network,
        schedule,
        weights_sha256,
        notes,
        settings,
        num_tensors,
    };
    Ok(Checkpoint::new(candidate, &FAMILY, contents))
}

/// The configuration that is beside the weights, with its name, or that was chosen for them.
fn configuration(candidate: &Candidate<'_>) -> Result<(&'static str, SideFile), CheckpointError> {
    let files = candidate.files;
    let found = find_config(files);
    if let Some(architecture) = candidate.architecture() {
        let weights = files.path(candidate.weights.unwrap_or_default());
        let chosen = SideFile::chosen(architecture, weights, &FAMILY)?;
        return match found {
            Some(name) if !read_side_file(files, name)?.says_the_same(&chosen) => {
                Err(chosen.beside(name))
            }
            _ => Ok(("config.json", chosen)),
        };
    }
    let name = found.ok_or_else(|| CheckpointError::NoConfig {
        path: files.path(""),
    })?;
    Ok((name, read_side_file(files, name)?))
}

fn read_side_file(files: &Files, name: &str) -> Result<SideFile, CheckpointError> {
    SideFile::read(&files.read(name, MAX_BYTES)?, files.path(name), &FAMILY)
}

/// The weights beside a configuration: one file, or those that an index names.
fn find_weights(files: &Files, config_name: &str) -> Result<Vec<String>, CheckpointError> {
    let folder = config_name.strip_suffix("config.json").unwrap_or_default();
    if let Some(name) = WEIGHTS
        .iter()
        .map(|name| format!("{folder}{name}"))
        .find(|name| files.has(name))
    {
        return Ok(vec![name]);
    }
    for index in INDEXES {
        let index = format!("{folder}{index}");
        if files.has(&index) {
            return shards(files, folder, &index);
        }
    }
    Err(CheckpointError::NoWeights {
        path: files.path(folder.trim_end_matches('/')),
    })
}

/// The files that an index names, each once.
fn shards(files: &Files, folder: &str, index: &str) -> Result<Vec<String>, CheckpointError> {
    let bad = |message: String| CheckpointError::BadConfig {
        message,
        path: files.path(index),
    };
    let fields = read_object(files, index)?;
    let map = fields.get("weight_map").and_then(Value::as_object);
    let map = map.ok_or_else(|| bad("weight_map is missing".to_owned()))?;
    let mut names = BTreeSet::new();
    for value in map.values() {
        let name = value.as_str().unwrap_or_default();
        if name.is_empty() || name.contains(['/', '\\']) {
            return Err(bad(format!(
                "weight_map must name files in the same folder, got {value}"
            )));
        }
        names.insert(format!("{folder}{name}"));
    }
    if names.is_empty() {
        return Err(bad("weight_map names no file".to_owned()));
    }
    Ok(names.into_iter().collect())
}

/// What a pipeline is that does not work on pixels, or not by this kind of network: found before anything else in it is
/// read.
fn latent_pipeline(files: &Files) -> Result<Option<String>, CheckpointError> {
    if !files.has(INDEX) {
        return Ok(None);
    }
    let fields = read_object(files, INDEX)?;
    let class = fields
        .get("_class_name")
        .and_then(Value::as_str)
        .unwrap_or("pipeline without a name");
    let is_present = |part: &&str| {
        fields.get(*part).is_some_and(|value| {
            !matches!(value, Value::Null) && value != &Value::from([Value::Null, Value::Null])
        })
    };
    let latent = ["vae", "vqvae", "movq", "text_encoder", "transformer"]
        .iter()
        .find(|part| is_present(part));
    let unet = fields
        .get("unet")
        .and_then(|unet| unet.get(1))
        .and_then(Value::as_str);
    Ok(match (latent, unet) {
        (Some(part), _) => Some(format!("the pipeline {class} (it has a {part})")),
        (None, Some(unet)) if !matches!(unet, "UNet2DModel" | "UNetUnconditionalModel") => {
            Some(format!("the pipeline {class} (its network is a {unet})"))
        }
        _ => None,
    })
}

fn load_schedule(
    files: &Files,
    network: &UnetConfig,
    notes: &mut Vec<String>,
) -> Result<Schedule, CheckpointError> {
    let name = find_scheduler(files);
    let config = if let Some(name) = name {
        scheduler::schedule_config(read_object(files, name)?, notes)
            .map_err(|refusal| with_path(refusal, files, name))?
    } else if network.is_told_noise {
        notes.push(
            "no scheduler file: variance-exploding from 0.01 to 1348 in 2000 steps, snr 0.15, pixels from 0 to 1 (assumed)"
                .to_owned(),
        );
        scheduler::usual_exploding()
    } else {
        notes.push(
            "no scheduler file: linear schedule of 1000 steps from 0.0001 to 0.02, noise prediction, clipping to \
             ±1 (assumed)"
                .to_owned(),
        );
        ScheduleConfig::default()
    };
    let path = files.path(name.unwrap_or_default());
    let is_exploding = config.process == Process::VarianceExploding;
    if is_exploding != network.is_told_noise {
        let (has, needs) = if is_exploding {
            ("noise levels", "time_embedding_type \"fourier\"")
        } else {
            ("timesteps", "another time_embedding_type than \"fourier\"")
        };
        return Err(CheckpointError::BadConfig {
            message: format!(
                "the schedule is one of {has}, which takes a network with {needs}; one of the two configurations is \
                 another model's"
            ),
            path,
        });
    }
    schedule_of(config, path)
}

fn read_object(files: &Files, name: &str) -> Result<Map<String, Value>, CheckpointError> {
    let bytes = files.read(name, MAX_BYTES)?;
    json::object(&bytes).map_err(|message| CheckpointError::BadJson {
        message,
        path: files.path(name),
    })
}

fn with_path(refusal: Refusal, files: &Files, name: &str) -> CheckpointError {
    let path = files.path(name);
    match refusal {
        Refusal::Bad(message) => CheckpointError::BadConfig { message, path },
        Refusal::Unsupported(what, instead) => CheckpointError::Unsupported {
            what,
            instead,
            path,
        },
    }
}
