//! What a model's folder says of its making: a card for people, `training.json` for programs.

use std::fmt::Write as _;

use serde::Serialize;
use serde_json::Value;

use super::checkpoint::Index;
use super::data::{Split, hash_of};
use super::look::{INPAINTED_FILE, Look, SAMPLES_FILE};
use crate::images::{ContentHash, Geometry};
use crate::networks::training::TimestepDensity;

/// What is told of a model.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub index: &'a Index,
    /// Contents of its images.
    pub images: &'a [ContentHash],
    /// Which of them were held out.
    pub split: &'a Split,
    /// The last look at the model.
    pub look: Option<&'a Look>,
}

/// What `training.json` holds.
#[derive(Debug, Serialize)]
pub struct Record<'a> {
    program: String,
    #[serde(flatten)]
    index: Value,
    images_sha256: &'a str,
    /// Images that no step saw: one half was watched, the other is for thresholds.
    held_out: HeldOut,
}

#[derive(Debug, Serialize)]
struct HeldOut {
    monitor: Vec<String>,
    calibration: Vec<String>,
}

fn program() -> String {
    format!("LMD Inspector {}", env!("CARGO_PKG_VERSION"))
}

/// `training.json`.
pub fn record(facts: &Facts<'_>) -> serde_json::Result<Vec<u8>> {
    let Facts { images, split, .. } = *facts;
    let text = |hashes: &[ContentHash]| hashes.iter().map(ToString::to_string).collect();
    let mut fields = serde_json::to_value(facts.index)?;
    if let Some(fields) = fields.as_object_mut() {
        // Of use to a checkpoint only.
        for name in ["blueprint", "state_file", "state_sha256", "images"] {
            fields.remove(name);
        }
    }
    serde_json::to_vec_pretty(&Record {
        program: program(),
        index: fields,
        images_sha256: &hash_of(images),
        held_out: HeldOut {
            monitor: text(&split.monitor),
            calibration: text(&split.calibration),
        },
    })
}

/// `README.md`, with the front matter that model hubs read.
pub fn card(name: &str, num_parameters: usize, facts: &Facts<'_>) -> String {
    let Facts {
        index,
        images,
        split,
        look,
    } = *facts;
    let settings = &index.settings;
    let Geometry { channels, side } = settings.geometry;
    let colors = if channels == 1 { "gray" } else { "RGB" };
    let began_from = index.began_from.as_deref().unwrap_or("random weights");
    let history = &index.history;
    let loss = history.smoothed.map_or_else(String::new, |loss| {
        format!("| training loss (running mean) | {loss:.4} |\n")
    });
    let validation = history.validations.last().map_or_else(String::new, |v| {
        let bands = v.bands.map(|loss| format!("{loss:.4}")).join(", ");
        format!(
            "| validation loss of the averaged weights, by quarter of the timesteps from the least noisy on | {bands} |\n"
        )
    });
    let watched = history.watched.last().map_or_else(String::new, |watched| {
        let far = watched.far_share.map_or_else(String::new, |share| {
            format!("; {:.0} % of them far above the others", 100.0 * share)
        });
        format!(
            "| distance of {} held-out images from what the model inpaints in them ({}, median) | {:.4}{far} |\n",
            watched.num_images,
            watched.measure.name(),
            watched.median
        )
    });
    let pictures = look.map_or_else(String::new, pictures);
    let mut text = String::new();
    // Writing to a string does not fail.
    write!(
        text,
        "---\n\
         license: unknown\n\
         library_name: diffusers\n\
         pipeline_tag: unconditional-image-generation\n\
         tags:\n- diffusers\n- ddpm\n- out-of-distribution-detection\n\
         ---\n\n\
         # {name}\n\n\
         An unconditional diffusion model of {colors} images of {side}x{side} pixels, trained by {program}. It opens as a \
         `DDPMPipeline` of diffusers. Its license is that of its images: write it above.\n\n\
         | | |\n|---|---|\n\
         | images | {num_images}, of which {num_held_out} were held out ({num_monitor} to watch, {num_calibration} for \
         thresholds; `training.json` lists them) |\n\
         | SHA-256 over their contents | `{hash}` |\n\
         | brought to a square by | {fit} |\n\
         | began from | {began_from} |\n\
         | parameters | {num_parameters} |\n\
         | steps | {steps}, each of {batch} images |\n\
         | learning rate | {rate}, warm-up {warm_up} steps, cosine to 2 % |\n\
         | turned left to right | {flips} |\n\
         | timesteps drawn | {timesteps} |\n\
         | seed | {seed} |\n\
         | time | {minutes:.1} minutes |\n\
         {loss}{validation}{watched}{pictures}",
        program = program(),
        num_images = images.len(),
        num_held_out = split.monitor.len() + split.calibration.len(),
        num_monitor = split.monitor.len(),
        num_calibration = split.calibration.len(),
        hash = hash_of(images),
        fit = settings.fit.name(),
        steps = index.step,
        batch = settings.batch,
        rate = settings.learning_rate,
        warm_up = settings.warm_up,
        flips = if settings.has_flips { "at random" } else { "never" },
        timesteps = match settings.timesteps {
            TimestepDensity::Laplace => "by a Laplace density over log-SNR, 15 % evenly",
            TimestepDensity::Uniform => "evenly",
        },
        seed = settings.seed,
        minutes = history.secs / 60.0,
    )
    .ok();
    text
}

/// The pictures of the last look.
fn pictures(look: &Look) -> String {
    let mut text = format!("\n## Samples\n\n![Images that the model made]({SAMPLES_FILE})\n");
    if !look.inpainted.is_empty() {
        write!(
            text,
            "\n## Held-out images\n\nOriginal, what the model was shown, and what it made of that.\n\n\
             ![Held-out images and their inpaintings]({INPAINTED_FILE})\n"
        )
        .ok(); // Writing to a string does not fail.
    }
    text
}
