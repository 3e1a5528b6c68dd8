//! LPIPS against the `lpips` package, and its bits.

use lmd_inspector::images::Geometry;
use lmd_inspector::networks::distances::FeatureDistance as _;
use lmd_inspector::networks::executors::cpu::{CpuOptions, CpuPerceptual, Isa, Machine};
use lmd_inspector::networks::lpips::Lpips;

use super::isas;
use crate::networks::distances::{check_maps, expected, pairs};
use crate::networks::values;

fn perceptual(isa: Isa, threads: usize) -> CpuPerceptual {
    let options = CpuOptions {
        threads: Some(threads),
        isa: Some(isa),
    };
    CpuPerceptual::new(&Lpips::bundled().unwrap(), Machine::new(&options).unwrap()).unwrap()
}

#[test]
fn lpips_agrees_with_the_lpips_package() {
    for isa in isas() {
        let mut lpips = perceptual(isa, 2);
        for (case, geometry, originals, reconstructions) in pairs() {
            let features = lpips.features(geometry, &originals).unwrap();
            let distances = lpips
                .distances(geometry, &features, &reconstructions)
                .unwrap();
            let expected = &expected()[case]["lpips_alex"];
            assert_eq!(distances.len(), expected.len(), "{case}");
            for (got, want) in distances.iter().zip(expected) {
                assert!(
                    (got - want).abs() < 1e-4 * want,
                    "{case} with {isa}: {got} {want}"
                );
            }
            let same = lpips.distances(geometry, &features, &originals).unwrap();
            assert!(
                same.iter().all(|&distance| distance == 0.0),
                "{case} with {isa}: {same:?}"
            );
        }
    }
}

#[test]
fn spatial_maps_agree_with_the_lpips_package() {
    for isa in isas() {
        check_maps(&mut perceptual(isa, 2), &isa.to_string());
    }
}

#[test]
fn lpips_gives_the_same_bits_in_any_batch() {
    for channels in [1, 3] {
        let geometry = Geometry { channels, side: 33 };
        let unit = |seed| -> Vec<f32> {
            let signed = values(9 * geometry.len(), seed);
            signed.iter().map(|value| (value + 1.0) / 2.0).collect()
        };
        let (originals, reconstructions) = (unit(2), unit(3));
        let distances = [(1, 1), (9, 1), (2, 3), (9, 2)].map(|(batch, threads)| -> Vec<u64> {
            let mut lpips = perceptual(Isa::detect(), threads);
            let size = batch * geometry.len();
            let pairs = originals.chunks(size).zip(reconstructions.chunks(size));
            pairs
                .flat_map(|(original, reconstruction)| {
                    let features = lpips.features(geometry, original).unwrap();
                    lpips
                        .distances(geometry, &features, reconstruction)
                        .unwrap()
                })
                .map(f64::to_bits)
                .collect()
        });
        for other in &distances[1..] {
            assert_eq!(&distances[0], other, "{channels} channels");
        }
    }
}

#[test]
fn images_that_do_not_fit_are_refused() {
    let mut lpips = perceptual(Isa::detect(), 1);
    let geometry = Geometry {
        channels: 1,
        side: 20,
    };
    let message = lpips
        .features(geometry, &[0.0; 400])
        .unwrap_err()
        .to_string();
    assert!(message.contains("20x20"), "{message}");
    let geometry = Geometry {
        channels: 1,
        side: 32,
    };
    let message = lpips
        .distances(geometry, &[], &[0.0; 1024])
        .unwrap_err()
        .to_string();
    assert!(message.contains("expects 0 images, got 1"), "{message}");
}
