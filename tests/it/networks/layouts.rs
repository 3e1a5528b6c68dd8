//! Folder layouts, links, old names and half precision.

use std::collections::HashMap;
use std::fs;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use lmd_inspector::networks::checkpoints::CheckpointError;
use serde_json::{Value, json};

use super::{call, denoiser, fixture, load, load_fixture, values};

const NAME: &str = "gray-attn-heads";
const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";
const SCHEDULER: &str = r#"{"_class_name": "DDIMScheduler", "num_train_timesteps": 50}"#;

fn copy_fixture(to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in ["config.json", WEIGHTS] {
        fs::copy(fixture("unet").join(NAME).join(file), to.join(file)).unwrap();
    }
}

/// A pipeline folder with `unet/` and `scheduler/`.
fn pipeline(root: &Path) {
    copy_fixture(&root.join("unet"));
    fs::create_dir(root.join("scheduler")).unwrap();
    fs::write(root.join("scheduler/scheduler_config.json"), SCHEDULER).unwrap();
    let index = r#"{"_class_name": "DDIMPipeline", "unet": ["diffusers", "UNet2DModel"]}"#;
    fs::write(root.join("model_index.json"), index).unwrap();
}

#[test]
fn a_pipeline_is_found_from_any_of_its_parts() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("my-model");
    pipeline(&root);
    for inside in ["", "unet", "unet/config.json", "model_index.json"] {
        let checkpoint = load(&root.join(inside)).unwrap();
        assert_eq!(checkpoint.name, "my-model", "{inside}");
        assert_eq!(checkpoint.schedule.num_train_timesteps(), 50, "{inside}");
        assert!(
            checkpoint.notes.is_empty(),
            "{inside}: {:?}",
            checkpoint.notes
        );
    }
    let checkpoint = load(&root.join("unet").join(WEIGHTS)).unwrap();
    assert_eq!(checkpoint.schedule.num_train_timesteps(), 50);
}

#[test]
fn a_flat_folder_and_a_lone_unet_load() {
    let folder = tempfile::tempdir().unwrap();
    copy_fixture(folder.path());
    let checkpoint = load(folder.path()).unwrap();
    assert!(
        checkpoint.notes[0].contains("assumed"),
        "{:?}",
        checkpoint.notes
    );
    assert_eq!(checkpoint.schedule.num_train_timesteps(), 1000);
    fs::write(folder.path().join("scheduler_config.json"), SCHEDULER).unwrap();
    let checkpoint = load(folder.path()).unwrap();
    assert_eq!(checkpoint.schedule.num_train_timesteps(), 50);
}

#[test]
fn old_field_names_and_duplicate_keys_are_read() {
    let folder = tempfile::tempdir().unwrap();
    copy_fixture(folder.path());
    let config = folder.path().join("config.json");
    let text = fs::read_to_string(&config).unwrap();
    let Value::Object(mut fields) = serde_json::from_str(&text).unwrap() else {
        panic!("config.json is an object");
    };
    for (new, old) in [
        ("sample_size", "image_size"),
        ("layers_per_block", "num_res_blocks"),
        ("block_out_channels", "block_channels"),
        ("down_block_types", "down_blocks"),
        ("up_block_types", "up_blocks"),
        ("freq_shift", "downscale_freq_shift"),
        ("norm_num_groups", "resnet_num_groups"),
        ("act_fn", "resnet_act_fn"),
        ("norm_eps", "resnet_eps"),
        ("attention_head_dim", "num_head_channels"),
    ] {
        let value = fields.remove(new).unwrap();
        fields.insert(old.to_owned(), value);
    }
    fields.insert("_class_name".to_owned(), json!("UNetUnconditionalModel"));
    fields.insert(
        "down_blocks".to_owned(),
        json!([
            "UNetResDownBlock2D",
            "UNetResDownBlock2D",
            "UNetResAttnDownBlock2D"
        ]),
    );
    fs::write(&config, Value::Object(fields).to_string()).unwrap();
    let weights = folder.path().join(WEIGHTS);
    let mut tensors = candle_core::safetensors::load(&weights, &Device::Cpu).unwrap();
    for kind in ["weight", "bias"] {
        let conv = tensors[&format!("down_blocks.0.downsamplers.0.conv.{kind}")].clone();
        tensors.insert(format!("down_blocks.0.downsamplers.0.op.{kind}"), conv);
    }
    candle_core::safetensors::save(&tensors, &weights).unwrap();

    let sample = values(32 * 32, 5);
    let old = call(
        &mut denoiser(&load(folder.path()).unwrap()),
        &sample,
        &[500.0],
    );
    let new = call(&mut denoiser(&load_fixture(NAME)), &sample, &[500.0]);
    assert_eq!(old, new);
}

#[test]
fn weights_in_several_files_are_the_model_of_one() {
    let folder = tempfile::tempdir().unwrap();
    copy_fixture(folder.path());
    let whole = load(folder.path()).unwrap();
    let weights = folder.path().join("diffusion_pytorch_model.safetensors");
    let tensors = candle_core::safetensors::load(&weights, &Device::Cpu).unwrap();
    fs::remove_file(weights).unwrap();
    let mut parts = [HashMap::new(), HashMap::new(), HashMap::new()];
    let mut map = serde_json::Map::new();
    for (index, (name, tensor)) in tensors.into_iter().enumerate() {
        let file = format!(
            "diffusion_pytorch_model-{:05}-of-00003.safetensors",
            index % 3 + 1
        );
        map.insert(name.clone(), json!(file));
        parts[index % 3].insert(name, tensor);
    }
    for (number, part) in (1..).zip(&parts) {
        let name = format!("diffusion_pytorch_model-{number:05}-of-00003.safetensors");
        candle_core::safetensors::save(part, folder.path().join(name)).unwrap();
    }
    let index = folder
        .path()
        .join("diffusion_pytorch_model.safetensors.index.json");
    fs::write(
        &index,
        json!({"metadata": {}, "weight_map": map}).to_string(),
    )
    .unwrap();
    let sharded = load(folder.path()).unwrap();
    assert_eq!(sharded.identity.fingerprint, whole.identity.fingerprint);
    // One of them alone is not the model.
    let name = "diffusion_pytorch_model-00002-of-00003.safetensors";
    fs::remove_file(folder.path().join(name)).unwrap();
    let message = load(folder.path()).unwrap_err().to_string();
    assert!(
        message.contains("no such file") && message.contains(name),
        "{message}"
    );
}

#[test]
fn averaged_weights_come_before_those_of_the_last_step() {
    let folder = tempfile::tempdir().unwrap();
    for part in ["unet", "unet_ema"] {
        let part = folder.path().join(part);
        fs::create_dir(&part).unwrap();
        copy_fixture(&part);
    }
    let path = folder.path().join("unet").join(WEIGHTS);
    let tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    let halves: HashMap<String, Tensor> = tensors
        .into_iter()
        .map(|(name, tensor)| (name, tensor.affine(0.5, 0.0).unwrap()))
        .collect();
    candle_core::safetensors::save(&halves, &path).unwrap();
    let loaded = load(folder.path()).unwrap();
    let averaged = load_fixture(NAME).identity.weights_sha256;
    assert_eq!(loaded.identity.weights_sha256, averaged);
    let told = |note: &String| note.contains("unet_ema");
    assert!(loaded.notes.iter().any(told), "{:?}", loaded.notes);
    // Whoever names the other ones gets them.
    let last = load(&folder.path().join("unet")).unwrap();
    assert_ne!(last.identity.weights_sha256, averaged);
}

#[test]
fn half_precision_weights_become_single() {
    let weights = fixture("unet").join(NAME).join(WEIGHTS);
    let tensors = candle_core::safetensors::load(&weights, &Device::Cpu).unwrap();
    for (dtype, tolerance) in [(DType::F64, 0.0), (DType::F16, 0.05), (DType::BF16, 0.3)] {
        let folder = tempfile::tempdir().unwrap();
        copy_fixture(folder.path());
        let converted: HashMap<String, Tensor> = tensors
            .iter()
            .map(|(name, tensor)| (name.clone(), tensor.to_dtype(dtype).unwrap()))
            .collect();
        candle_core::safetensors::save(&converted, folder.path().join(WEIGHTS)).unwrap();
        let sample = values(32 * 32, 6);
        let got = call(
            &mut denoiser(&load(folder.path()).unwrap()),
            &sample,
            &[10.0],
        );
        let want = call(&mut denoiser(&load_fixture(NAME)), &sample, &[10.0]);
        let largest = |values: &mut dyn Iterator<Item = f32>| values.fold(0.0, f32::max);
        let difference = largest(&mut got.iter().zip(&want).map(|(a, b)| (a - b).abs()));
        let magnitude = largest(&mut want.iter().map(|value| value.abs()));
        assert!(
            difference <= tolerance * magnitude,
            "{dtype:?}: {difference} of {magnitude}"
        );
    }
}

#[test]
#[cfg(unix)]
fn links_may_not_leave_the_folder() {
    use std::os::unix::fs::symlink;
    let folder = tempfile::tempdir().unwrap();
    let original = folder.path().join("original");
    copy_fixture(&original);
    // The folder itself may be a link…
    let link = folder.path().join("link");
    symlink(&original, &link).unwrap();
    load(&link).unwrap();
    // …its files may not leave it…
    let leaving = folder.path().join("leaving");
    fs::create_dir(&leaving).unwrap();
    fs::copy(original.join("config.json"), leaving.join("config.json")).unwrap();
    symlink(original.join(WEIGHTS), leaving.join(WEIGHTS)).unwrap();
    let error = load(&leaving).unwrap_err();
    assert!(
        matches!(error, CheckpointError::OutsideFolder { .. }),
        "{error}"
    );
    // …but in the cache of the Hugging Face tools they lead to the blobs beside the snapshots.
    let cache = folder.path().join("models--someone--something");
    let snapshot = cache.join("snapshots/0123abcd");
    fs::create_dir_all(&snapshot).unwrap();
    copy_fixture(&cache.join("blobs"));
    for file in ["config.json", WEIGHTS] {
        symlink(Path::new("../../blobs").join(file), snapshot.join(file)).unwrap();
    }
    load(&snapshot).unwrap();
}
