//! What can go wrong on a device: a stop, no memory, a loss.

use std::sync::atomic::{AtomicUsize, Ordering};

use lmd_inspector::diffusion::{DenoiseError, Denoiser, Interrupt, Interrupted, NeverInterrupt};
use lmd_inspector::networks::executors::Executor as _;
use lmd_inspector::networks::executors::wgpu::Limits;

use super::{device, within};
use crate::cpu::call;
use crate::networks::{load_fixture, values};

fn outcome(
    denoiser: &mut dyn Denoiser,
    batch: usize,
    interrupt: &dyn Interrupt,
) -> Result<(), DenoiseError> {
    let sample = values(batch * denoiser.geometry().len(), 4);
    let mut output = vec![0.0; sample.len()];
    denoiser.denoise(&sample, &vec![10.0; batch], &mut output, interrupt)
}

#[test]
fn a_call_stops_between_pieces_and_the_next_is_right() {
    /// Stops at the fourth question, and not sooner.
    struct Fourth(AtomicUsize);
    impl Interrupt for Fourth {
        fn check(&self) -> Result<(), Interrupted> {
            match self.0.fetch_add(1, Ordering::Relaxed) {
                0..3 => Ok(()),
                3 => Err(Interrupted),
                asked => panic!("went on after the stop, question {asked}"),
            }
        }
    }
    let Some(device) = device() else { return };
    let mut denoiser = device
        .denoiser(&load_fixture("gray-attn-heads").network)
        .unwrap();
    let sample = values(denoiser.geometry().len(), 4);
    let before = call(&mut *denoiser, &sample, &[10.0]);
    // A fast device does a small batch in one piece.
    let stopped = [1, 64, 1024]
        .into_iter()
        .find_map(|batch| outcome(&mut *denoiser, batch, &Fourth(0.into())).err());
    assert!(
        matches!(stopped, Some(DenoiseError::Interrupted(_))),
        "{stopped:?}"
    );
    assert_eq!(call(&mut *denoiser, &sample, &[10.0]), before);
}

#[test]
fn a_batch_without_room_is_out_of_memory_and_a_smaller_one_runs() {
    let Some(device) = within(Limits {
        memory: Some(2 << 20),
    }) else {
        return;
    };
    let mut denoiser = device
        .denoiser(&load_fixture("gray-attn-heads").network)
        .unwrap();
    let refused = outcome(&mut *denoiser, 64, &NeverInterrupt);
    assert!(
        matches!(refused, Err(DenoiseError::OutOfMemory { batch: 64, .. })),
        "{refused:?}"
    );
    outcome(&mut *denoiser, 1, &NeverInterrupt).unwrap();
}

#[test]
fn a_lost_device_is_an_error_and_no_panic() {
    let Some(device) = device() else { return };
    let network = load_fixture("gray-attn-heads").network;
    let mut denoiser = device.denoiser(&network).unwrap();
    outcome(&mut *denoiser, 1, &NeverInterrupt).unwrap();
    device.lose();
    for _ in 0..2 {
        let lost = outcome(&mut *denoiser, 1, &NeverInterrupt);
        assert!(matches!(lost, Err(DenoiseError::DeviceLost(_))), "{lost:?}");
    }
    assert!(device.denoiser(&network).is_err());
}
