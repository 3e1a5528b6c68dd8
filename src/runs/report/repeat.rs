//! The command that scores the same images by the same settings again.

use super::escape::{path_from_text, shell_word};
use crate::ood::Role;
use crate::runs::file::Manifest;
use crate::runs::settings::Lift;

/// `lmd score` with every setting of a run, for a POSIX shell. Batch size and device are left out: they do not count.
pub fn command_line(manifest: &Manifest) -> String {
    let settings = manifest.settings();
    let mut words = vec!["lmd".to_owned(), "score".to_owned()];
    let mut option = |option: &str, value: &str| {
        words.push(format!("--{option}"));
        words.push(shell_word(value));
    };
    option("model", &manifest.model.source);
    for (role, text) in [
        (Role::InDomain, "in-domain"),
        (Role::OutOfDomain, "out-of-domain"),
        (Role::Unknown, "unknown"),
    ] {
        for folder in manifest.folders.iter().filter(|folder| folder.role == role) {
            option(text, &path_from_text(&folder.path).display().to_string());
        }
    }
    option("mask", &settings.mask.to_string());
    option("grid", &settings.grid.to_string());
    option("attempts", &settings.num_attempts.to_string());
    match settings.lift {
        Lift::Inpaint => option("lift", "inpaint"),
        Lift::Denoise { start_timestep } => {
            option("lift", "denoise");
            option("start-timestep", &start_timestep.to_string());
        }
    }
    option("sampler", &name(&settings.sampler.kind));
    if let Some(num_steps) = settings.sampler.num_steps {
        option("steps", &num_steps.to_string());
    }
    option("eta", &settings.sampler.eta.to_string());
    option("distance", &name(&settings.distance));
    option("aggregate", &name(&settings.aggregate));
    option("fit", &name(&settings.resize));
    if let Some(limit) = settings.limit {
        option("limit", &limit.to_string());
    }
    option("seed", &settings.seed.to_string());
    if let Some(shard) = manifest.shard {
        option("shard", &format!("{}/{}", shard.index, shard.count));
    }
    words.join(" ")
}

/// A setting by its name in files, which is that of the option.
fn name(value: &impl serde::Serialize) -> String {
    match serde_json::to_value(value) {
        Ok(serde_json::Value::String(name)) => name,
        _ => String::new(),
    }
}
