//! The fingerprint of a model: the same for the same numbers, another for others, and the same in every version.

use std::fs;

use lmd_inspector::networks::ModelMatch;
use lmd_inspector::networks::checkpoints::{self, Checkpoint, ModelSource};
use serde_json::{Value, json};

use super::{SUPPORTED, fixture, load, load_fixture};

/// As files hold them: a change here makes every saved run and detector a stranger's.
const PINNED: [(&str, &str); 7] = [
    (
        "bundled",
        "bc7dc588e47f1f560b64b51285f8efb0d175d0892505361e4b9c5a5ed2ddab7c",
    ),
    (
        "defaults-no-attention",
        "9ebb5869035873c37a0233dbeb24bfcc48f7ad4c0b919ab8e4e6de49031b7af6",
    ),
    (
        "google-cifar-like",
        "aa62a1732bf8465a41fc100279079cfaff0480cb25652d75ffced1b0b1b7d21f",
    ),
    (
        "gray-attn-heads",
        "bc2e04b815a5fad267e1e6fc6642addd89600012321f4f471545a2a3d961f643",
    ),
    (
        "resnet-resample-scale-shift",
        "8338c3413d5191753c9acb3835165f3600a5559eacf1a82ee5591dd6d4323c0f",
    ),
    (
        "small-attn",
        "1ddf529077032ed013976f1baa54b3c273f5ded408d40846c5650932da69dedc",
    ),
    (
        "small-attn-old-keys-bin",
        "1ddf529077032ed013976f1baa54b3c273f5ded408d40846c5650932da69dedc",
    ),
];

fn fingerprint(checkpoint: &Checkpoint) -> String {
    checkpoint.identity.fingerprint.unwrap().to_string()
}

#[test]
fn fingerprints_stay_what_they_are() {
    assert_eq!(
        PINNED.len(),
        SUPPORTED.len() + 1,
        "each fixture has its own"
    );
    let found = PINNED.map(|(name, _)| {
        let checkpoint = match name {
            "bundled" => checkpoints::load(&ModelSource::BUNDLED).unwrap(),
            name => load_fixture(name),
        };
        (name, fingerprint(&checkpoint))
    });
    let pinned = PINNED.map(|(name, expected)| (name, expected.to_owned()));
    assert_eq!(found, pinned);
}

/// The fixture with other fields in its `config.json` and a scheduler file of these fields.
fn changed(config: Value, scheduler: Value) -> Checkpoint {
    let folder = tempfile::tempdir().unwrap();
    let from = fixture("unet/gray-attn-heads");
    let weights = "diffusion_pytorch_model.safetensors";
    fs::copy(from.join(weights), folder.path().join(weights)).unwrap();
    let write = |name: &str, mut object: Value, fields: Value| {
        if let (Some(object), Value::Object(fields)) = (object.as_object_mut(), fields) {
            object.extend(fields);
        }
        fs::write(folder.path().join(name), object.to_string()).unwrap();
    };
    let original = fs::read(from.join("config.json")).unwrap();
    write(
        "config.json",
        serde_json::from_slice(&original).unwrap(),
        config,
    );
    let plain = json!({"_class_name": "DDPMScheduler", "num_train_timesteps": 1000});
    write("scheduler_config.json", plain, scheduler);
    load(folder.path()).unwrap()
}

#[test]
fn whatever_changes_a_number_changes_the_fingerprint() {
    let usual = changed(json!({}), json!({}));
    let differs = |config: Value, scheduler: Value, says: &str| {
        let other = changed(config.clone(), scheduler.clone());
        match usual.identity.compare(&other.identity) {
            ModelMatch::Different(reason) => assert!(reason.contains(says), "{reason}"),
            same => panic!("{config} {scheduler} is not told from the usual: {same:?}"),
        }
    };
    let configuration = "configuration differs";
    differs(json!({"norm_eps": 0.5}), json!({}), configuration);
    differs(json!({"freq_shift": 1}), json!({}), configuration);
    differs(json!({"flip_sin_to_cos": false}), json!({}), configuration);
    differs(
        json!({"center_input_sample": true}),
        json!({}),
        configuration,
    );
    differs(
        json!({"mid_block_scale_factor": 2}),
        json!({}),
        configuration,
    );
    differs(
        json!({}),
        json!({"variance_type": "fixed_large"}),
        configuration,
    );
    let schedule = "schedule differs";
    differs(
        json!({}),
        json!({"prediction_type": "v_prediction"}),
        schedule,
    );
    differs(json!({}), json!({"beta_end": 0.03}), schedule);
    differs(json!({}), json!({"clip_sample": false}), schedule);
    differs(json!({}), json!({"num_train_timesteps": 500}), schedule);
}

#[test]
fn what_says_the_usual_changes_no_fingerprint() {
    let usual = changed(json!({}), json!({}));
    let spelled_out = changed(
        json!({"norm_eps": 1e-5, "mid_block_scale_factor": 1}),
        json!({"variance_type": "fixed_small", "prediction_type": "epsilon", "clip_sample_range": 1.0}),
    );
    assert_eq!(
        usual.identity.compare(&spelled_out.identity),
        ModelMatch::Same
    );
}

#[test]
fn a_bin_and_its_safetensors_are_one_model() {
    let names = ["small-attn", "small-attn-old-keys-bin"];
    let [safetensors, bin] = names.map(load_fixture);
    let hashes = [&safetensors, &bin].map(|model| model.identity.weights_sha256.clone());
    assert_ne!(hashes[0], hashes[1], "the files differ");
    assert_eq!(
        safetensors.identity.compare(&bin.identity),
        ModelMatch::Same
    );
}

#[test]
fn an_older_file_is_compared_by_what_it_has() {
    let now = load_fixture("gray-attn-heads").identity;
    let mut then = now.clone();
    then.fingerprint = None;
    assert!(matches!(then.compare(&now), ModelMatch::Unproven(_)));
    then.schedule = None;
    assert!(matches!(then.compare(&now), ModelMatch::Unproven(_)));
    then.schedule = Some("linear".to_owned());
    assert!(matches!(then.compare(&now), ModelMatch::Different(_)));
    then.schedule = None;
    then.weights_sha256 = "00".repeat(32);
    assert!(matches!(then.compare(&now), ModelMatch::Different(_)));
}
