//! A short form of `scripts/fuzz`: files with a byte changed, left out or doubled. Run files, pickles and images have theirs
//! beside their other tests.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use lmd_inspector::images::ContentHash;
use lmd_inspector::networks::ModelIdentity;
use lmd_inspector::networks::checkpoints::{self, ModelSource};
use lmd_inspector::ood::ThresholdRule;
use lmd_inspector::runs::calibration::{CalibratedModel, CalibrationImage};
use lmd_inspector::runs::{Calibration, RunSettings};

use crate::binary::{root, text};

/// Every `step`-th byte has each change.
fn mutations(bytes: &[u8], step: usize) -> impl Iterator<Item = Vec<u8>> + '_ {
    (0..bytes.len()).step_by(step).flat_map(move |at| {
        let mut flipped = bytes.to_vec();
        flipped[at] ^= 1 << (at / step % 8);
        let mut wild = bytes.to_vec();
        wild[at] = 0xff;
        let without = [&bytes[..at], &bytes[at + 1..]].concat();
        let doubled = [&bytes[..=at], &bytes[at..]].concat();
        let cut = bytes[..at].to_vec();
        [flipped, wild, without, doubled, cut]
    })
}

fn check_sentence(error: &dyn Error, path: &Path) {
    let sentence = error.to_string();
    assert!(sentence.contains(text(path)), "{sentence}");
    assert!(sentence.len() < 20_000, "{} bytes", sentence.len());
}

const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";

#[test]
fn changed_configurations_and_headers_are_refused_with_a_sentence() {
    let good = root().join("tests/fixtures/unet/gray-attn-heads");
    let folder = tempfile::tempdir().unwrap();
    let read = |name: &str| fs::read(good.join(name)).unwrap();
    let scheduler = br#"{"_class_name": "DDPMScheduler", "beta_schedule": "sigmoid", "num_train_timesteps": 50}"#;
    let (config, weights) = (read("config.json"), read(WEIGHTS));
    let restore = || {
        fs::write(folder.path().join("config.json"), &config).unwrap();
        fs::write(folder.path().join(WEIGHTS), &weights).unwrap();
        fs::write(folder.path().join("scheduler_config.json"), scheduler).unwrap();
    };
    let mut num_refused = 0;
    let mut check = |name: &str, bytes: &[u8]| {
        fs::write(folder.path().join(name), bytes).unwrap();
        let source = ModelSource::Path(folder.path().to_owned());
        if let Err(error) = checkpoints::load(&source) {
            check_sentence(&error, folder.path());
            num_refused += 1;
        }
    };
    restore();
    for changed in mutations(&config, 13) {
        check("config.json", &changed);
    }
    restore();
    for changed in mutations(scheduler, 2) {
        check("scheduler_config.json", &changed);
    }
    restore();
    let header_len = 8 + u64::from_le_bytes(*weights.first_chunk().unwrap()) as usize;
    let (header, values) = weights.split_at(header_len);
    for changed in mutations(header, 499) {
        check(WEIGHTS, &[&changed, values].concat());
    }
    assert!(num_refused > 300, "{num_refused}");
}

#[test]
fn changed_detectors_are_refused_with_a_sentence_or_mean_what_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("detector.json");
    let calibration: Vec<CalibrationImage> = (0..19_u8)
        .map(|index| CalibrationImage::new(&ContentHash([index; 32]), f64::from(index)))
        .collect();
    let model = CalibratedModel {
        source: ModelSource::BUNDLED,
        name: "m".to_owned(),
        identity: ModelIdentity::of_weights("0".repeat(64)),
    };
    let how = (18.0, ThresholdRule::FalseAlarmRate { rate: 0.05 });
    Calibration::new(model, RunSettings::default(), how, 0, calibration)
        .save(&path)
        .unwrap();
    let good = fs::read(&path).unwrap();
    let mut num_refused = 0;
    for changed in mutations(&good, 1) {
        fs::write(&path, changed).unwrap();
        match Calibration::load(&path) {
            Err(error) => {
                check_sentence(&error, &path);
                num_refused += 1;
            }
            Ok(detector) => {
                assert_eq!(detector.calibration_set().contents.len(), 19);
                detector.save(&path).unwrap();
                assert_eq!(Calibration::load(&path).unwrap(), detector);
            }
        }
    }
    assert!(num_refused > 1000, "{num_refused}");
}

/// Lines of a manifest's dependencies, by name.
fn dependencies(manifest: &str) -> BTreeMap<String, String> {
    let text = fs::read_to_string(root().join(manifest)).unwrap();
    let section = text.split("[dependencies]").nth(1).unwrap();
    let section = section.split("\n[").next().unwrap();
    let lines = section.lines().filter_map(|line| line.split_once(" = "));
    lines
        .map(|(name, wanted)| (name.to_owned(), wanted.to_owned()))
        .collect()
}

/// The fuzz targets build some of the program's modules on dependencies of their own, which have to be the same.
#[test]
fn the_fuzz_targets_depend_on_what_the_program_depends_on() {
    let fuzz = dependencies("fuzz/Cargo.toml");
    let mut modules = String::new();
    for layer in ["ood", "images", "diffusion", "networks", "runs"] {
        let files = walk(&root().join("src").join(layer));
        modules.extend(files.iter().map(|path| fs::read_to_string(path).unwrap()));
    }
    let mut num_shared = 0;
    for (name, wanted) in dependencies("Cargo.toml") {
        let path = format!("{}::", name.replace('-', "_"));
        let is_named = modules.match_indices(&path).any(|(at, _)| {
            // Part of a longer path or name is another thing.
            !modules[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':')
        });
        // What only a feature brings is not among them.
        let is_optional = wanted.contains("optional = true");
        if (is_named && !is_optional) || fuzz.contains_key(&name) {
            // The bundled data lies one folder up from there.
            let found = fuzz.get(&name).map(|it| it.replace("\"../", "\""));
            assert_eq!(found, Some(wanted), "{name}");
            num_shared += 1;
        }
    }
    assert!(num_shared > 15, "{num_shared}");
}

/// All files below a folder.
fn walk(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(walk(&path));
        } else {
            files.push(path);
        }
    }
    files
}
