//! The choice of a device.

use std::sync::Arc;

use lmd_inspector::networks::executors::{self, DeviceChoice, ExecutorError};

use super::load_fixture;

#[test]
fn auto_and_cpu_always_open() {
    let network = Arc::new(load_fixture("gray-attn-heads").network);
    for choice in [
        DeviceChoice::Auto,
        DeviceChoice::Cpu,
        DeviceChoice::CandleCpu,
    ] {
        let executors = executors::open(Arc::clone(&network), choice).unwrap();
        assert!(!executors.device.is_empty(), "{choice}");
    }
}

#[test]
fn images_too_small_for_lpips_are_refused_but_open_alone() {
    let network = Arc::new(load_fixture("defaults-no-attention").network);
    let error = executors::open(Arc::clone(&network), DeviceChoice::CandleCpu)
        .err()
        .unwrap();
    assert!(error.to_string().contains("16x16"), "{error}");
    assert!(error.to_string().contains("31x31"), "{error}");
    executors::open_denoiser(network, DeviceChoice::CandleCpu).unwrap();
}

#[test]
#[cfg(not(any(feature = "cuda", feature = "metal")))]
fn a_build_without_gpus_says_how_to_get_them() {
    let network = Arc::new(load_fixture("gray-attn-heads").network);
    for (choice, feature) in [
        (DeviceChoice::Cuda(0), "--features cuda"),
        (DeviceChoice::Metal, "--features metal"),
    ] {
        match executors::open(Arc::clone(&network), choice).err().unwrap() {
            ExecutorError::NoDevice(message) => assert!(message.contains(feature), "{message}"),
            other => panic!("{other}"),
        }
    }
}
