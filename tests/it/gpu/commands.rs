//! Graphics devices on the command line.

use super::{FIRST, device};
use crate::binary::{lmd, root, text};

#[test]
fn a_device_that_is_not_there_is_refused_with_those_that_are() {
    let output = lmd(&["verify", "bundled", "none.safetensors", "--device", "gpu:9"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    let is_told = told.contains("there is no graphics card 9 on this machine: gpu:0 is")
        || told.contains("this machine has no graphics card");
    assert!(is_told, "{told}");
    assert!(told.contains("cpu"), "{told}");
}

#[test]
fn every_executor_is_listed_with_its_devices() {
    let output = lmd(&["devices", "--json"]);
    assert!(output.status.success());
    let rows: Vec<serde_json::Value> = serde_json::from_slice(&output.stdout).unwrap();
    let row = |name: &str| rows.iter().find(|row| row["device"] == name).unwrap();
    assert!(row("cpu")["obstacle"].is_null());
    assert!(row("cpu")["name"].as_str().unwrap().starts_with("CPU ("));
    if cfg!(not(feature = "cuda")) {
        let obstacle = row("cuda:0")["obstacle"].as_str().unwrap();
        assert!(obstacle.contains("--features cuda"), "{obstacle}");
    }
    if device().is_some() {
        let first = row(FIRST);
        assert!(first["obstacle"].is_null(), "{first}");
        assert!(first["memory_bytes"].as_u64() >= Some(128 << 20), "{first}");
        assert_eq!(first["precisions"], serde_json::json!(["f32"]));
    }
}

#[test]
fn the_network_is_timed_on_a_graphics_device() {
    if device().is_none() {
        return;
    }
    let args = [
        "bench",
        "--device",
        FIRST,
        "--precision",
        "f32",
        "--batch",
        "1",
    ];
    // A processor that acts a card takes seconds for the bundled model.
    let model = root().join("tests/fixtures/unet/gray-attn-heads");
    let model = ["--model", text(&model)];
    let rest = ["--seconds", "0.01", "--network-only", "--json"];
    let output = lmd(&[&args[..], &model, &rest].concat());
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    let results: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let device = results["device"].as_str().unwrap();
    assert!(device.ends_with("f32)"), "{device}");
    assert_eq!(results["network"].as_array().unwrap().len(), 1);
}

#[test]
fn options_of_the_cpu_kernels_need_the_cpu() {
    let output = lmd(&["bench", "--device", "gpu", "--threads", "1"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("--threads and --isa"), "{told}");
    let output = lmd(&["bench", "--precision", "f16"]);
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{told}");
    assert!(told.contains("expected f32, got `f16`"), "{told}");
}
