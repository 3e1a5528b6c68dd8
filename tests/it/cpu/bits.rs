//! An image's output is the same bits at any batch size, position and number of threads.

use lmd_inspector::diffusion::{DenoiseError, Denoiser as _, Interrupt, Interrupted};
use lmd_inspector::networks::checkpoints::{self, ModelSource};
use lmd_inspector::networks::executors::cpu::Isa;

use super::{call, denoiser, isas};
use crate::networks::{SUPPORTED, load_fixture, values};

const IMAGES: usize = 33;

fn outputs(
    network: &lmd_inspector::networks::Network,
    isa: Isa,
    threads: usize,
    batch: usize,
) -> Vec<u32> {
    let mut denoiser = denoiser(network, isa, threads);
    let len = denoiser.geometry().len();
    let sample = values(IMAGES * len, 1);
    let timesteps: Vec<f32> = (0..IMAGES).map(|i| 29.0 * i as f32).collect();
    let calls = sample.chunks(batch * len).zip(timesteps.chunks(batch));
    calls
        .flat_map(|(sample, timesteps)| call(&mut denoiser, sample, timesteps))
        .map(f32::to_bits)
        .collect()
}

#[test]
fn batch_and_threads_do_not_change_bits() {
    let mut checkpoints = vec![checkpoints::load(&ModelSource::BUNDLED).unwrap()];
    checkpoints.extend(SUPPORTED.map(load_fixture));
    for checkpoint in checkpoints {
        let isa = isas().last().unwrap();
        let expected = outputs(&checkpoint.network, isa, 1, 1);
        for (threads, batch) in [(1, 33), (2, 1), (2, 33), (3, 2), (4, 7)] {
            let got = outputs(&checkpoint.network, isa, threads, batch);
            assert!(
                got == expected,
                "{}: batches of {batch} on {threads} threads",
                checkpoint.name
            );
        }
    }
}

#[test]
fn a_call_stops_between_layers() {
    /// Stops at the third question.
    struct Third(std::sync::atomic::AtomicUsize);
    impl Interrupt for Third {
        fn check(&self) -> Result<(), Interrupted> {
            match self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
                0 | 1 => Ok(()),
                2 => Err(Interrupted),
                asked => panic!("went on after the stop, question {asked}"),
            }
        }
    }
    let network = load_fixture("gray-attn-heads").network;
    let mut denoiser = denoiser(&network, Isa::detect(), 2);
    let sample = values(denoiser.geometry().len(), 4);
    let mut output = vec![0.0; sample.len()];
    let result = denoiser.denoise(&sample, &[10.0], &mut output, &Third(0.into()));
    assert!(
        matches!(result, Err(DenoiseError::Interrupted(_))),
        "{result:?}"
    );
    // The next call is not disturbed.
    let expected = call(
        &mut super::denoiser(&network, Isa::detect(), 2),
        &sample,
        &[10.0],
    );
    assert_eq!(call(&mut denoiser, &sample, &[10.0]), expected);
}

#[test]
fn memory_is_taken_once_and_within_bounds() {
    // Small layers are padded to whole panels, which counts in the tiny fixtures only. In tenths.
    let bundled = (checkpoints::load(&ModelSource::BUNDLED).unwrap(), 42);
    let tiny = SUPPORTED.map(|name| {
        // Layers of 8 channels take as much room as those of 16.
        let has_narrow = name.starts_with("small-attn") || name == "defaults-no-attention";
        (load_fixture(name), if has_narrow { 104 } else { 52 })
    });
    for (checkpoint, most_weights) in std::iter::once(bundled).chain(tiny) {
        let network = &checkpoint.network;
        let mut denoiser = denoiser(network, Isa::detect(), 1);
        let len = denoiser.geometry().len();
        let sample = values(8 * len, 2);
        let mut timesteps = vec![10.0; 8];
        call(&mut denoiser, &sample, &timesteps);
        let first = denoiser.memory();
        for timestep in [20.0, 30.0] {
            timesteps.fill(timestep);
            call(&mut denoiser, &sample, &timesteps);
        }
        call(&mut denoiser, &sample[..len], &timesteps[..1]);
        assert_eq!(denoiser.memory(), first, "{}", checkpoint.name);
        let model_bytes = network.num_parameters() * size_of::<f32>();
        assert!(
            first.weights * 10 <= model_bytes * most_weights,
            "{}: {first:?} for a model of {model_bytes} bytes",
            checkpoint.name
        );
        assert!(
            first.activations * 2 <= first.largest_live_set * 3,
            "{}: {first:?}",
            checkpoint.name
        );
    }
}
