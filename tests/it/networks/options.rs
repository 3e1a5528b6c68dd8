//! Options of `config.json` that no reference fixture has.

use std::fs;
use std::path::Path;

use candle_core::{DType, Device, Tensor};
use lmd_inspector::networks::checkpoints::Checkpoint;
use lmd_inspector::networks::description::Stage;
use serde_json::{Value, json};

use super::{call, denoiser, fixture, load, load_fixture, values};

const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";

/// Copy a fixture with other fields in its `config.json`.
fn with(name: &str, folder: &Path, fields: Value) {
    let from = fixture("unet").join(name);
    fs::copy(from.join(WEIGHTS), folder.join(WEIGHTS)).unwrap();
    let mut config: Value =
        serde_json::from_slice(&fs::read(from.join("config.json")).unwrap()).unwrap();
    let Value::Object(fields) = fields else {
        panic!("fields are an object");
    };
    for (field, value) in fields {
        config[field] = value;
    }
    fs::write(folder.join("config.json"), config.to_string()).unwrap();
}

fn num_attentions(checkpoint: &Checkpoint) -> usize {
    let stages = checkpoint.network.stages.iter();
    stages
        .filter(|stage| matches!(stage, Stage::Attention(_)))
        .count()
}

#[test]
fn center_input_sample_maps_the_input_first() {
    let folder = tempfile::tempdir().unwrap();
    with(
        "gray-attn-heads",
        folder.path(),
        json!({"center_input_sample": true}),
    );
    let sample = values(32 * 32, 7);
    let mapped: Vec<f32> = sample.iter().map(|value| 2.0 * value - 1.0).collect();
    let centered = call(
        &mut denoiser(&load(folder.path()).unwrap()),
        &sample,
        &[3.0],
    );
    let plain = call(
        &mut denoiser(&load_fixture("gray-attn-heads")),
        &mapped,
        &[3.0],
    );
    assert_eq!(centered, plain);
}

#[test]
fn a_model_without_a_middle_block_runs() {
    let folder = tempfile::tempdir().unwrap();
    with(
        "gray-attn-heads",
        folder.path(),
        json!({"mid_block_type": null}),
    );
    let path = folder.path().join(WEIGHTS);
    let mut tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    tensors.retain(|name, _| !name.starts_with("mid_block"));
    candle_core::safetensors::save(&tensors, &path).unwrap();
    let checkpoint = load(folder.path()).unwrap();
    let full = load_fixture("gray-attn-heads");
    assert_eq!(num_attentions(&checkpoint) + 1, num_attentions(&full));
    let output = call(&mut denoiser(&checkpoint), &values(32 * 32, 8), &[3.0]);
    assert!(output.iter().all(|value| value.is_finite()));
}

#[test]
fn the_middle_scale_factor_divides_the_sums() {
    let folder = tempfile::tempdir().unwrap();
    with(
        "gray-attn-heads",
        folder.path(),
        json!({"mid_block_scale_factor": 4.0}),
    );
    let checkpoint = load(folder.path()).unwrap();
    let scales: Vec<f64> = checkpoint
        .network
        .stages
        .iter()
        .filter_map(|stage| match stage {
            Stage::Resnet(resnet) => Some(resnet.output_scale),
            Stage::Attention(attention) => Some(attention.output_scale),
            _ => None,
        })
        .filter(|&scale| scale != 1.0)
        .collect();
    assert_eq!(scales, [0.25; 3]);
}

#[test]
fn the_middle_attention_can_have_groups_of_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let name = "resnet-resample-scale-shift";
    with(name, folder.path(), json!({"attn_norm_num_groups": 2}));
    let message = load(folder.path()).unwrap_err().to_string();
    assert!(
        message.contains("2 missing (mid_block.attentions.0.group_norm.weight"),
        "{message}"
    );
    let path = folder.path().join(WEIGHTS);
    let mut tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
    for kind in ["weight", "bias"] {
        let ones = Tensor::ones(32, DType::F32, &Device::Cpu).unwrap();
        tensors.insert(format!("mid_block.attentions.0.group_norm.{kind}"), ones);
    }
    candle_core::safetensors::save(&tensors, &path).unwrap();
    let checkpoint = load(folder.path()).unwrap();
    let groups = checkpoint
        .network
        .stages
        .iter()
        .find_map(|stage| match stage {
            Stage::Attention(attention) if attention.group_norm.as_ref()?.num_groups == 2 => {
                Some(2)
            }
            _ => None,
        });
    assert_eq!(groups, Some(2));
}
