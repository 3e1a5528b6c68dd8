//! The choice of a device.

use std::sync::Arc;

use lmd_inspector::networks::executors::{self, DeviceChoice};

use super::load_fixture;

#[test]
fn auto_and_cpu_always_open() {
    let network = Arc::new(load_fixture("gray-attn-heads").network);
    for choice in [
        DeviceChoice::Auto,
        DeviceChoice::CPU,
        DeviceChoice::CANDLE_CPU,
    ] {
        let executors = executors::open(Arc::clone(&network), choice).unwrap();
        assert!(!executors.device.label.is_empty(), "{choice}");
    }
}

#[test]
fn images_too_small_for_lpips_open_without_it() {
    let small = Arc::new(load_fixture("defaults-no-attention").network);
    let large = Arc::new(load_fixture("gray-attn-heads").network);
    for choice in [DeviceChoice::CPU, DeviceChoice::CANDLE_CPU] {
        let executors = executors::open(Arc::clone(&small), choice).unwrap();
        assert!(executors.perceptual.is_none(), "16 pixels on {choice}");
        let executors = executors::open(Arc::clone(&large), choice).unwrap();
        assert!(executors.perceptual.is_some(), "32 pixels on {choice}");
    }
}

#[test]
#[cfg(not(any(feature = "cuda", feature = "metal")))]
fn a_build_without_gpus_says_how_to_get_them() {
    use lmd_inspector::networks::executors::ExecutorError;

    let network = Arc::new(load_fixture("gray-attn-heads").network);
    for (choice, feature) in [("cuda:0", "--features cuda"), ("metal", "--features metal")] {
        let choice: DeviceChoice = choice.parse().unwrap();
        match executors::open(Arc::clone(&network), choice).err().unwrap() {
            ExecutorError::NoDevice(message) => assert!(message.contains(feature), "{message}"),
            other @ ExecutorError::Prepare { .. } => panic!("{other}"),
        }
    }
}
