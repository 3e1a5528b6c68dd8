//! An image's output is the same bits in any batch.

use lmd_inspector::networks::executors::Executor as _;

use super::device;
use crate::cpu::call;
use crate::networks::{load_fixture, values};

#[test]
fn outputs_are_the_same_bits_at_any_batch_size() {
    let Some(device) = device() else { return };
    for name in ["gray-attn-heads", "resnet-resample-scale-shift"] {
        let mut denoiser = device.denoiser(&load_fixture(name).network).unwrap();
        let len = denoiser.geometry().len();
        let sample = values(8 * len, 1);
        // Some images share a row of the time table.
        let timesteps: Vec<f32> = (0..8_u8).map(|i| 31.0 * f32::from(i / 2)).collect();
        let outputs = [1, 3, 8].map(|batch| -> Vec<u32> {
            let samples = sample.chunks(batch * len).zip(timesteps.chunks(batch));
            samples
                .flat_map(|(sample, timesteps)| call(&mut *denoiser, sample, timesteps))
                .map(f32::to_bits)
                .collect()
        });
        assert!(outputs[0] == outputs[1], "{name}: 1 and 3");
        assert!(outputs[0] == outputs[2], "{name}: 1 and 8");
    }
}
