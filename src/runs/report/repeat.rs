//! The command that scores the same images by the same settings again.

use super::escape::{path_from_text, shell_word};
use crate::detectors::DetectorSpec;
use crate::networks::checkpoints::ModelSource;
use crate::ood::Role;
use crate::runs::file::Manifest;

/// `lmd score` with every setting of a run, for a POSIX shell. Batch size and device are left out: they do not count.
pub fn command_line(manifest: &Manifest) -> String {
    let settings = manifest.settings();
    let mut words = vec!["lmd".to_owned(), "score".to_owned()];
    let mut option = |option: &str, value: &str| {
        words.push(format!("--{option}"));
        words.push(shell_word(value));
    };
    // The detectors' fits say of which size images are where there is no model.
    if !matches!(manifest.model.source(), ModelSource::Blank(_)) {
        option("model", &manifest.model.source);
    }
    for (role, text) in [
        (Role::InDomain, "in-domain"),
        (Role::OutOfDomain, "out-of-domain"),
        (Role::Unknown, "unknown"),
    ] {
        for folder in manifest.folders.iter().filter(|folder| folder.role == role) {
            option(text, &path_from_text(&folder.path).display().to_string());
        }
    }
    let detector = &settings.method.detector;
    let methods: Vec<&str> = (detector.each().iter())
        .map(|part| part.about().name)
        .collect();
    if methods != [DetectorSpec::default().about().name] {
        for method in methods {
            option("method", method);
        }
    }
    for (name, value) in detector.options() {
        option(name, &value);
    }
    option("distance", &name(&settings.view.measure));
    option("aggregate", &name(&settings.view.aggregate));
    option("fit", &name(&settings.method.resize));
    if let Some(limit) = settings.selection.limit {
        option("limit", &limit.to_string());
    }
    option("seed", &settings.method.seed.to_string());
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
