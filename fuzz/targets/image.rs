//! An image file of any format, through decoding and preparing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use lmd_fuzz::checks::round;
use lmd_fuzz::images::Geometry;
use lmd_fuzz::images::decode::decode_bytes;
use lmd_fuzz::images::prepare::{ResizeMode, prepare};

fuzz_target!(|data: &[u8]| {
    round(|| {
        let Ok(decoded) = decode_bytes(data) else {
            return;
        };
        let geometry = Geometry {
            channels: 3,
            side: 8,
        };
        for fit in [ResizeMode::Crop, ResizeMode::Pad, ResizeMode::Stretch] {
            let pixels = prepare(&decoded, geometry, fit);
            assert!(
                pixels.unit.iter().all(|value| (0.0..=1.0).contains(value)),
                "{fit:?}: {:?}",
                pixels.unit
            );
        }
    });
});
