//! An image's output is the same bits in any batch.

use candle_core::Device;
use lmd_inspector::diffusion::{DenoiseError, Denoiser as _, Interrupt, Interrupted};
use lmd_inspector::images::Geometry;
use lmd_inspector::networks::checkpoints::{self, ModelSource};
use lmd_inspector::networks::distances::FeatureDistance as _;
use lmd_inspector::networks::executors::candle::CandlePerceptual;
use lmd_inspector::networks::lpips::Lpips;

use super::{SUPPORTED, call, denoiser, load_fixture, values};

const BATCHES: [usize; 3] = [1, 7, 32];

#[test]
fn networks_give_the_same_bits_at_any_batch_size() {
    // The one left out is another of them in a different file.
    let names = SUPPORTED.into_iter().filter(|name| !name.ends_with("-bin"));
    let mut checkpoints: Vec<_> = names.map(load_fixture).collect();
    checkpoints.push(checkpoints::load(&ModelSource::BUNDLED).unwrap());
    for checkpoint in checkpoints {
        let mut denoiser = denoiser(&checkpoint);
        let len = denoiser.geometry().len();
        let sample = values(32 * len, 1);
        let timesteps: Vec<f32> = (0..32_u8).map(|i| 31.0 * f32::from(i)).collect();
        let outputs = BATCHES.map(|batch| -> Vec<u32> {
            let samples = sample.chunks(batch * len);
            samples
                .zip(timesteps.chunks(batch))
                .flat_map(|(sample, timesteps)| call(&mut denoiser, sample, timesteps))
                .map(f32::to_bits)
                .collect()
        });
        assert!(outputs[0] == outputs[1], "{}: 1 and 7", checkpoint.name);
        assert!(outputs[0] == outputs[2], "{}: 1 and 32", checkpoint.name);
    }
}

#[test]
fn lpips_gives_the_same_bits_at_any_batch_size() {
    let mut lpips = CandlePerceptual::new(&Lpips::bundled().unwrap(), &Device::Cpu).unwrap();
    for channels in [1, 3] {
        let geometry = Geometry { channels, side: 32 };
        let unit = |seed| -> Vec<f32> {
            let signed = values(32 * geometry.len(), seed);
            signed.iter().map(|value| (value + 1.0) / 2.0).collect()
        };
        let (originals, reconstructions) = (unit(2), unit(3));
        let distances = BATCHES.map(|batch| -> Vec<u64> {
            let size = batch * geometry.len();
            originals
                .chunks(size)
                .zip(reconstructions.chunks(size))
                .flat_map(|(original, reconstruction)| {
                    let features = lpips.features(geometry, original).unwrap();
                    lpips
                        .distances(geometry, &features, reconstruction)
                        .unwrap()
                })
                .map(f64::to_bits)
                .collect()
        });
        assert_eq!(distances[0], distances[1], "{channels} channels: 1 and 7");
        assert_eq!(distances[0], distances[2], "{channels} channels: 1 and 32");
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
    let mut denoiser = denoiser(&load_fixture("gray-attn-heads"));
    let sample = values(denoiser.geometry().len(), 4);
    let mut output = vec![0.0; sample.len()];
    let result = denoiser.denoise(&sample, &[10.0], &mut output, &Third(0.into()));
    assert!(
        matches!(result, Err(DenoiseError::Interrupted(_))),
        "{result:?}"
    );
}
