//! Checkpoints that do not say all of themselves, opened by the name of a published model.
//!
//! The networks here are built from the papers' descriptions, tensor by tensor, and are compared with the numbers of
//! parameters that their authors' code has; no list of this program is used for it.

mod published;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use lmd_inspector::networks::checkpoints::{
    self, Architecture, CheckpointError, MissingSettings, ModelSource, Origin, SettingsFrom,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use self::published::{improved_cifar10, num_parameters, paper_ddpm, write};
use super::{fixture, load};
use crate::binary::{lmd, root, text};

/// A checkpoint of the paper's network in a folder of its own.
fn paper_checkpoint() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mnist.pth");
    write(&path, Some("model"), &paper_ddpm());
    (folder, path)
}

/// The weights of a fixture without the file of settings beside them.
fn alone(name: &str, file: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(file);
    fs::copy(fixture(name).join(file), &path).unwrap();
    (folder, path)
}

fn files_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn missing(path: &Path) -> MissingSettings {
    match load(path).unwrap_err() {
        CheckpointError::MissingSettings { missing, .. } => missing,
        other => panic!("{other}"),
    }
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// What `lmd` says where it refuses.
fn refused(args: &[&str]) -> String {
    let output = lmd(args);
    assert_eq!(output.status.code(), Some(2), "{}", told(&output));
    told(&output)
}

/// `lmd info --json`.
fn info(args: &[&str]) -> Value {
    let output = lmd(&[&["info", "--json"], args].concat());
    assert!(output.status.success(), "{}", told(&output));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn setting<'a>(info: &'a Value, name: &str) -> (&'a str, &'a str) {
    let settings = info["settings"].as_array().unwrap();
    let setting = settings.iter().find(|it| it["name"] == name);
    let setting = setting.unwrap_or_else(|| panic!("{name}: {info}"));
    (
        setting["value"].as_str().unwrap(),
        setting["origin"].as_str().unwrap(),
    )
}

#[test]
fn a_checkpoint_of_the_paper_is_asked_which_of_the_models_of_its_shapes_it_is() {
    let tensors = paper_ddpm();
    // As the authors' code counts them.
    assert_eq!((tensors.len(), num_parameters(&tensors)), (308, 35_218_947));
    let (_folder, path) = paper_checkpoint();
    let missing = missing(&path);
    assert!(missing.are_of_these_shapes);
    let names: Vec<&str> = missing.architectures.iter().map(|it| it.name).collect();
    let expected = [
        "lift-map-detect/subvp-ddpm-cifar10",
        "lift-map-detect/subvp-ddpm-cifar100",
        "lift-map-detect/subvp-ddpm-fashion-mnist",
        "lift-map-detect/subvp-ddpm-kmnist",
        "lift-map-detect/subvp-ddpm-mnist",
        "lift-map-detect/subvp-ddpm-svhn",
        "score-sde/subvp-ddpm-cifar10",
        "score-sde/vp-ddpm-cifar10",
    ];
    assert_eq!(names, expected);
    let message = load(&path).unwrap_err().to_string();
    assert!(
        message.contains("say by --architecture which of these it is, lift-map-detect/"),
        "{message}"
    );
    // A small network of the same kind is of no published model.
    let (_folder, path) = alone("score_sde/subvp-ddpm", "checkpoint.pth");
    let missing = self::missing(&path);
    assert!(!missing.are_of_these_shapes);
    let message = load(&path).unwrap_err().to_string();
    assert!(
        message.contains("no published model has these shapes; write"),
        "{message}"
    );
}

#[test]
fn what_was_chosen_is_told_and_only_looking_leaves_nothing_behind() {
    let (folder, path) = paper_checkpoint();
    let name = "lift-map-detect/subvp-ddpm-mnist";
    let info = info(&[text(&path), "--architecture", name]);
    let chosen = format!("chosen: {name}");
    for (setting, value) in [("sde", "subvp"), ("beta_max", "20"), ("image_size", "32")] {
        assert_eq!(self::setting(&info, setting), (value, &*chosen));
    }
    assert_eq!(setting(&info, "nf"), ("128", "by the weights"));
    assert_eq!(files_in(folder.path()), ["mnist.pth"]);
}

#[test]
fn a_run_saves_what_was_chosen_and_is_resumed_without_it() {
    let (folder, path) = paper_checkpoint();
    let images = root().join("assets/samples/mnist");
    let run = folder.path().join("a.lmdrun");
    let line = [
        "score",
        "--method",
        "one-call-norm",
        "--limit",
        "1",
        "--device",
        "cpu",
        "--batch",
        "1",
        "--model",
        text(&path),
        "--in-domain",
        text(&images),
        "--output",
        text(&run),
    ];
    let refused = refused(&line);
    assert!(
        refused.contains("does not say its image size and its process"),
        "{refused}"
    );
    let name = "score-sde/vp-ddpm-cifar10";
    let output = lmd(&[&line[..], &["--architecture", name]].concat());
    assert!(output.status.success(), "{}", told(&output));
    let saved = folder.path().join("mnist.json");
    assert!(
        told(&output).contains("are saved beside the weights"),
        "{}",
        told(&output)
    );
    let json: Value = serde_json::from_slice(&fs::read(&saved).unwrap()).unwrap();
    let expected = json!({
        "settings_of": name, "sde": "vp", "beta_min": 0.1, "beta_max": 20, "centered": true, "image_size": 32,
    });
    assert_eq!(json, expected);

    let again = lmd(&["score", "--resume", text(&run)]);
    assert!(again.status.success(), "{}", told(&again));
    let info = info(&[text(&path)]);
    assert_eq!(setting(&info, "sde"), ("vp", &*format!("chosen: {name}")));
    // The same choice again is no contradiction, and another one is.
    let same = lmd(&["info", text(&path), "--architecture", name]);
    assert!(same.status.success(), "{}", told(&same));
    let other = "score-sde/subvp-ddpm-cifar10";
    let refused = self::refused(&["info", text(&path), "--architecture", other]);
    assert!(
        refused
            .contains("the weights have settings beside them, in mnist.json, that are not these"),
        "{refused}"
    );
    // What is changed in the file afterwards is the file's.
    fs::write(
        &saved,
        fs::read_to_string(&saved).unwrap().replace("20", "19"),
    )
    .unwrap();
    let info = self::info(&[text(&path)]);
    assert_eq!(setting(&info, "beta_max"), ("19", "mnist.json"));
    assert_eq!(
        setting(&info, "beta_min"),
        ("0.1", &*format!("chosen: {name}"))
    );
}

#[test]
fn a_name_that_the_shapes_contradict_is_refused_with_file_name_and_shape() {
    let refusal = |path: &Path, name: &str| {
        let source = ModelSource::Path(path.to_owned());
        let chosen = SettingsFrom::Architecture(Architecture::named(name).unwrap());
        let message = checkpoints::load_with(&source, chosen)
            .unwrap_err()
            .to_string();
        assert!(
            message.starts_with(&format!("--architecture {name} can't be used here, ")),
            "{message}"
        );
        assert!(message.ends_with(text(path)), "{message}");
        message
    };
    let (folder, small) = alone("score_sde/subvp-ddpm", "checkpoint.pth");
    let message = refusal(&small, "score-sde/subvp-ddpm-cifar10");
    let says = "nf is 128, but all_modules.2.weight has the shape [32, 3, 3, 3]; name the model";
    assert!(message.contains(says), "{message}");
    assert_eq!(files_in(folder.path()), ["checkpoint.pth"]);

    let (_folder, paper) = paper_checkpoint();
    for (name, says) in [
        (
            "score-sde/subvp-ddpmpp-cifar10",
            "resblock_type is biggan, but the weights resample by convolutions",
        ),
        (
            "score-sde/vp-ddpm-church-256",
            "ch_mult is [1, 1, 2, 2, 4, 4], but the weights are of 4 sizes, with [128, 256, 256, 256] channels",
        ),
        (
            "score-sde/ve-ncsnpp-cifar10",
            "embedding_type is fourier, but all_modules.0.weight has the shape [512, 128]; name the model",
        ),
        (
            "improved-diffusion/cifar10",
            "it is of another kind than these weights, which are of score_sde",
        ),
        (
            "diffusers/ddpm-cifar10-32",
            "it is of another kind than these weights, which are of score_sde",
        ),
    ] {
        let message = refusal(&paper, name);
        assert!(message.contains(says), "{message}");
    }

    let (_folder, openai) = alone("openai/guided-32-resblock-updown", "checkpoint.pt");
    let message = refusal(&openai, "improved-diffusion/cifar10");
    let says = "num_channels must be 32 by the weights (input_blocks.0.0.weight has the shape [32, 3, 3, 3]), got 128; name";
    assert!(message.contains(says), "{message}");

    let file = "diffusion_pytorch_model.bin";
    let (_folder, bare) = alone("unet/small-attn-old-keys-bin", file);
    let message = refusal(&bare, "diffusers/ddpm-cifar10-32");
    assert!(
        message.contains("the weights have other tensors, ")
            && message.contains("conv_in.weight expected [128, 3, 3, 3]"),
        "{message}"
    );
}

#[test]
fn a_model_that_says_all_of_itself_takes_no_name() {
    let name = "diffusers/ddpm-cifar10-32";
    let folder = fixture("unet/small-attn");
    for model in [text(&folder), "bundled"] {
        let message = refused(&["info", model, "--architecture", name]);
        assert!(
            message.contains("that are not these; leave --architecture out"),
            "{message}"
        );
    }
    let folder = fixture("score_sde/subvp-ddpm");
    let message = refused(&[
        "info",
        text(&folder),
        "--architecture",
        "score-sde/vp-ddpm-cifar10",
    ]);
    assert!(
        message.contains("in config.json, that are not these"),
        "{message}"
    );
    let message = refused(&[
        "info",
        "bundled",
        "--architecture",
        "score-sde/vp-ddpm-cifar",
    ]);
    assert!(
        message.contains("improved-diffusion/imagenet-64"),
        "{message}"
    );
}

#[test]
fn openais_released_models_are_known_by_their_shapes_and_a_name_is_told_as_chosen() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.pt");
    let tensors = improved_cifar10();
    // "cifar10_uncond_50M".
    assert_eq!(num_parameters(&tensors) / 1_000_000, 52);
    write(&path, None, &tensors);
    let heads = |checkpoint: &checkpoints::Checkpoint| {
        let mut settings = checkpoint.settings.iter();
        let setting = settings.find(|it| it.name == "num_heads").unwrap();
        (setting.value.clone(), setting.origin.clone())
    };
    let found = load(&path).unwrap();
    let released = Origin::Released("improved-diffusion's cifar10_uncond_50M");
    assert_eq!(heads(&found), ("4".to_owned(), released));
    let name = "improved-diffusion/cifar10";
    let source = ModelSource::Path(path.clone());
    let chosen = SettingsFrom::Architecture(Architecture::named(name).unwrap());
    let chosen = checkpoints::load_with(&source, chosen).unwrap();
    assert_eq!(heads(&chosen), ("4".to_owned(), Origin::Chosen(name)));
    assert_eq!(chosen.identity, found.identity, "the same settings");
    let saved = chosen.save_chosen().unwrap().unwrap().to_owned();
    assert_eq!(saved, folder.path().join("model.json"));
    assert_eq!(load(&path).unwrap().identity, found.identity);
    assert_eq!(chosen.save_chosen().unwrap(), None, "it is there already");
}
