//! Models of other families as diffusers folders.

use std::fs;
use std::path::Path;

use lmd_inspector::networks::checkpoints::{
    self, Checkpoint, ModelSource, Numbers, SettingsFrom, read_tensors,
};
use lmd_inspector::networks::convert::{Converted, convert};
use lmd_inspector::networks::executors::{self, DeviceChoice};
use lmd_inspector::networks::verify::verify;
use serde_json::{Value, json};

use super::{fixture, load};
use crate::binary::{lmd, text};

const WEIGHTS: &str = "unet/diffusion_pytorch_model.safetensors";

fn made(checkpoint: &Checkpoint, folder: &Path, numbers: Numbers) -> Converted {
    convert(checkpoint, &folder.join("made"), numbers).unwrap()
}

/// A fixture of `score_sde` whose settings are changed.
fn with_settings(name: &str, fields: Value) -> Checkpoint {
    let folder = tempfile::tempdir().unwrap();
    let path = fixture("score_sde").join(name).join("config.json");
    let mut config: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    let (Some(config), Value::Object(fields)) = (config.as_object_mut(), fields) else {
        panic!("settings are objects");
    };
    config.extend(fields);
    let path = folder.path().join("settings.json");
    fs::write(&path, serde_json::to_vec(&config).unwrap()).unwrap();
    let weights = fixture("score_sde").join(name).join("checkpoint.pth");
    checkpoints::load_with(&ModelSource::Path(weights), SettingsFrom::File(&path)).unwrap()
}

#[test]
fn models_of_every_family_give_the_same_outputs_from_the_folder_that_is_made_of_them() {
    let openai = load(&fixture("openai/guided-32-resblock-updown")).unwrap();
    let bundled = checkpoints::load(&ModelSource::BUNDLED).unwrap();
    let unet = |name: &str| load(&fixture("unet").join(name)).unwrap();
    let vp = with_settings("subvp-ddpm", json!({"sde": "vp"}));
    for (checkpoint, num_idle) in [
        (openai, 0),
        (bundled, 0),
        (unet("small-attn-old-keys-bin"), 0),
        (unet("defaults-no-attention"), 0),
        (unet("ncsnpp-skip-small"), 0),
        // Its up blocks have one attention after their resnets, diffusers' one after each.
        (vp, 2),
    ] {
        let name = &checkpoint.name;
        let folder = tempfile::tempdir().unwrap();
        let converted = made(&checkpoint, folder.path(), Numbers::F32);
        assert!(
            converted.max_relative_difference < 1e-5,
            "{name} {converted:?}"
        );
        assert_eq!(converted.num_idle, num_idle, "{name}");
        let again = load(&folder.path().join("made")).unwrap();
        assert_eq!(again.notes, Vec::<String>::new(), "{name}");
        if num_idle == 0 {
            assert_eq!(
                again.identity.fingerprint, checkpoint.identity.fingerprint,
                "{name}"
            );
        }
        let alpha = |checkpoint: &Checkpoint| checkpoint.schedule.alpha_cumprod(Some(0));
        assert!((alpha(&again) - alpha(&checkpoint)).abs() < 1e-12, "{name}");
    }
}

#[test]
fn what_the_authors_network_gives_comes_out_of_the_folder() {
    let name = "openai/guided-32-resblock-updown";
    let folder = tempfile::tempdir().unwrap();
    made(&load(&fixture(name)).unwrap(), folder.path(), Numbers::F32);
    let network = load(&folder.path().join("made")).unwrap().network;
    let (mut denoiser, _) = executors::open_denoiser(network.into(), DeviceChoice::CPU).unwrap();
    let found = verify(&mut *denoiser, &fixture(name).join("expected.safetensors")).unwrap();
    // The fixture's weights are of half precision.
    assert!(found.passes(3e-3), "{found:?}");
}

#[test]
fn halves_take_half_the_room_and_stay_near() {
    let checkpoint = load(&fixture("unet/gray-attn-heads")).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let size = |numbers: Numbers| {
        let inside = folder.path().join(format!("{numbers:?}"));
        fs::create_dir(&inside).unwrap();
        let converted = made(&checkpoint, &inside, numbers);
        let path = inside.join("made").join(WEIGHTS);
        (
            fs::metadata(path).unwrap().len(),
            converted.max_relative_difference,
        )
    };
    let (whole, exact) = size(Numbers::F32);
    assert_eq!(exact, 0.0);
    for (numbers, between) in [(Numbers::F16, 1e-6..3e-3), (Numbers::Bf16, 1e-4..3e-2)] {
        let (half, difference) = size(numbers);
        assert!(
            half * 2 < whole + 100_000 && half * 2 > whole / 2,
            "{half} {whole}"
        );
        assert!(between.contains(&difference), "{numbers:?} {difference}");
    }
}

#[test]
fn what_diffusers_has_no_words_for_is_named() {
    let refusal = |checkpoint: &Checkpoint| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("made");
        let message = convert(checkpoint, &path, Numbers::F32)
            .unwrap_err()
            .to_string();
        assert!(!path.exists(), "nothing is written");
        message
    };
    let score_sde = |name: &str| load(&fixture("score_sde").join(name)).unwrap();
    for (checkpoint, says) in [
        (
            score_sde("subvp-ddpm"),
            "sub-variance-preserving process (sub-VP)",
        ),
        (score_sde("vp-ddpmpp"), "sums that are scaled by 0.7071"),
        (score_sde("ve-residual"), "a residual pyramid of images"),
        // Its attentions have fewer groups than the 32 of diffusers' skip blocks.
        (score_sde("ve-skip"), "settings that it refuses"),
        (
            with_settings("ve-residual", json!({"centered": true})),
            "residual pyramid",
        ),
    ] {
        let message = refusal(&checkpoint);
        assert!(
            message.starts_with("diffusers has no words for"),
            "{message}"
        );
        assert!(message.contains(says), "{message}");
    }
}

#[test]
fn the_command_writes_a_folder_once() {
    let folder = tempfile::tempdir().unwrap();
    let made = folder.path().join("made");
    let args = ["convert", "bundled", text(&made), "--dtype", "bf16"];
    let output = lmd(&args);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert!(told.contains("its outputs are within"), "{told}");
    let index: Value =
        serde_json::from_slice(&fs::read(made.join("model_index.json")).unwrap()).unwrap();
    assert_eq!(index["_class_name"], "DDPMPipeline");
    let tensors = read_tensors(fs::read(made.join(WEIGHTS)).unwrap()).unwrap();
    assert_eq!(tensors["conv_in.weight"].len(), 32 * 9);
    let output = lmd(&args);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("there is something already"), "{told}");
    let subvp = fixture("score_sde/subvp-ddpm");
    let output = lmd(&["convert", text(&subvp), text(&folder.path().join("other"))]);
    assert_eq!(output.status.code(), Some(2));
    let left: Vec<_> = folder.path().read_dir().unwrap().collect();
    assert_eq!(left.len(), 1, "nothing is left behind");
}

#[test]
fn info_says_where_each_setting_comes_from() {
    let origin = |model: &Path, name: &str| -> (String, String) {
        let output = lmd(&["info", text(model), "--json"]);
        let info: Value = serde_json::from_slice(&output.stdout).unwrap();
        let settings = info["settings"].as_array().unwrap();
        let found = settings.iter().find(|setting| setting["name"] == name);
        let setting = found.unwrap_or_else(|| panic!("{name} is not in {info}"));
        let field = |name: &str| setting[name].as_str().unwrap().to_owned();
        (field("value"), field("origin"))
    };
    let is = |value: &str, origin: &str| (value.to_owned(), origin.to_owned());
    let gray = fixture("unet/gray-attn-heads");
    assert_eq!(origin(&gray, "in_channels"), is("1", "config.json"));
    assert_eq!(origin(&gray, "scheduler.beta_end"), is("0.02", "assumed"));
    let openai = fixture("openai/guided-32-resblock-updown");
    assert_eq!(origin(&openai, "num_head_channels"), is("16", "args.json"));
    assert_eq!(origin(&openai, "predict_xstart"), is("false", "default"));
    assert_eq!(origin(&openai, "learn_sigma"), is("true", "by the weights"));
    let skip = fixture("score_sde/ve-skip");
    assert_eq!(origin(&skip, "sde"), is("ve", "config.json"));
    assert_eq!(
        origin(&skip, "progressive"),
        is("output_skip", "by the weights")
    );
    let info = lmd(&["info", text(&fixture("score_sde/ve-residual"))]);
    let told = String::from_utf8_lossy(&info.stdout).into_owned();
    assert!(
        told.contains("warning     the weights are not averaged"),
        "{told}"
    );
    // Each tensor of the file but the noise levels.
    assert!(told.contains(" in 155 tensors"), "{told}");
}
