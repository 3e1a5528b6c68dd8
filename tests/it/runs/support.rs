//! A small stored run, and the real binary at work on one.

use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use lmd_inspector::detectors::lmd::Lmd;
use lmd_inspector::images::{
    ContentHash, Geometry, ImageFile, ImageStatistics, NativeInfo, Picture,
};
use lmd_inspector::networks::ModelIdentity;
use lmd_inspector::networks::checkpoints::ModelSource;
use lmd_inspector::networks::distances::{LPIPS, MSE, SSIM};
use lmd_inspector::networks::executors::{DeviceInfo, Numerics};
use lmd_inspector::ood::Role;
use lmd_inspector::runs::file::{self, KeepPictures, Manifest, ModelRecord, NewRun, RunWriter};
use lmd_inspector::runs::{AttemptResult, RunImage, RunSettings};
use sha2::{Digest as _, Sha256};

pub use crate::binary::{command, lmd, root, text};

pub const GEOMETRY: Geometry = Geometry {
    channels: 1,
    side: 16,
};
pub const NUM_IMAGES: usize = 6;
pub const NUM_ATTEMPTS: usize = 3;

pub fn images() -> Vec<(RunImage, usize)> {
    (0..NUM_IMAGES)
        .map(|id| {
            let role = Role::ALL[id % 3];
            let image = RunImage {
                file: Arc::new(ImageFile {
                    path: PathBuf::from(format!("{}/=odd\n{id}.png", role.name())),
                    hash: ContentHash([id as u8; 32]),
                    native: NativeInfo {
                        width: 28,
                        height: 27,
                        format: "png".to_owned(),
                        color: "L8".to_owned(),
                        num_bytes: 300 + id as u64,
                        jpeg_quality: None,
                    },
                }),
                role,
                folder: Arc::new(role.name().into()),
            };
            (image, id)
        })
        .collect()
}

pub fn settings() -> RunSettings {
    RunSettings::by_lmd(Lmd {
        num_attempts: NUM_ATTEMPTS,
        ..Lmd::default()
    })
}

/// A model of which everything is known.
pub fn identity(fingerprint_byte: &str) -> ModelIdentity {
    serde_json::from_value(serde_json::json!({
        "weights_sha256": "00".repeat(32),
        "schedule": "linear",
        "fingerprint": fingerprint_byte.repeat(32),
    }))
    .unwrap()
}

pub fn manifest(keep_pictures: KeepPictures) -> Manifest {
    let run = NewRun {
        model: ModelRecord {
            source: ModelRecord::source_text(&ModelSource::BUNDLED),
            name: "small".to_owned(),
            family: "diffusers UNet2DModel".to_owned(),
            identity: identity("ab"),
            num_train_timesteps: 1000,
            geometry: GEOMETRY,
        },
        measures: [MSE, SSIM, LPIPS].into(),
        settings: &settings(),
        folders: &[(Role::InDomain, "in-domain".into())],
        shard: None,
        keep_pictures,
        num_skipped: 0,
        has_report_beside: false,
    };
    Manifest::new(run, NUM_IMAGES)
}

fn picture(seed: usize) -> Picture {
    let unit: Vec<f32> = (0..GEOMETRY.len())
        .map(|pixel| ((pixel * 7 + seed * 31) % 256) as f32 / 255.0)
        .collect();
    Picture::from_unit(GEOMETRY, &unit)
}

/// All images of one attempt; the distances are of no round kind, and one is not a number.
pub fn batch(attempt: usize) -> Vec<AttemptResult> {
    (0..NUM_IMAGES)
        .map(|image| {
            let value = 1.0 / (3.0 + image as f64 + 10.0 * attempt as f64);
            AttemptResult {
                image,
                attempt,
                values: [
                    (MSE, value * value),
                    (SSIM, if image == 5 { f64::NAN } else { value.sqrt() }),
                    (LPIPS, value),
                ]
                .into_iter()
                .collect(),
                known_mask: None,
                original: picture(image),
                statistics: Some(ImageStatistics::of(&picture(image))),
                inpainted: Some(picture(100 + image * 10 + attempt)),
            }
        })
        .collect()
}

pub fn begin(path: &Path, keep_pictures: KeepPictures) -> RunWriter {
    file::create(path, &manifest(keep_pictures), &images(), &[], false).unwrap()
}

/// A finished run.
pub fn write(path: &Path, keep_pictures: KeepPictures) {
    let mut writer = begin(path, keep_pictures);
    let device = DeviceInfo {
        label: "CPU (AVX2, 2 threads)".to_owned(),
        numerics: Numerics::new("CPU (AVX2)"),
    };
    writer.begin_segment(&device).unwrap();
    for attempt in 0..NUM_ATTEMPTS {
        writer.append(&batch(attempt), 0.25).unwrap();
    }
    writer.add_notice("one of the notices").unwrap();
    writer.end_segment(90, 1.5).unwrap();
    writer.finish().unwrap();
}

/// Bits of all distances, by image and attempt.
pub fn bits(results: &[AttemptResult]) -> Vec<(usize, usize, [u64; 3])> {
    let mut bits: Vec<_> = results
        .iter()
        .map(|result| {
            let bits = [MSE, SSIM, LPIPS].map(|id| {
                let value = result.values.of(id);
                if value.is_nan() {
                    u64::MAX
                } else {
                    value.to_bits()
                }
            });
            (result.image, result.attempt, bits)
        })
        .collect();
    bits.sort_unstable();
    bits
}

pub fn expected() -> Vec<(usize, usize, [u64; 3])> {
    bits(&(0..NUM_ATTEMPTS).flat_map(batch).collect::<Vec<_>>())
}

pub fn errors(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// The arguments of a run of 8 samples and 4 attempts, in batches of one so that it can be caught in the middle.
pub fn score_args(output: &Path) -> Vec<String> {
    let samples = root().join("assets/samples");
    let (fashion, digits) = (samples.join("fashion-mnist"), samples.join("mnist"));
    let args = [
        "score",
        "--model",
        "bundled",
        "--in-domain",
        text(&fashion),
        "--out-of-domain",
        text(&digits),
        "--limit",
        "4",
        "--attempts",
        "4",
        "--steps",
        "8",
        "--batch",
        "1",
        "--output",
        text(output),
    ];
    args.map(str::to_owned).to_vec()
}

pub fn strs(args: &[String]) -> Vec<&str> {
    args.iter().map(String::as_str).collect()
}

/// `scores.csv` of a run that nothing interrupts.
pub fn uninterrupted(folder: &Path) -> String {
    let report = folder.join("uninterrupted");
    let output = lmd(&strs(&score_args(&report)));
    assert!(output.status.success(), "{}", errors(&output));
    std::fs::read_to_string(report.join("scores.csv")).unwrap()
}

/// A value of a row, as its checksum sees it.
pub enum Value<'a> {
    Int(i64),
    Bytes(&'a [u8]),
}

/// The checksum of a row, which a stranger can compute as well.
pub fn checksum(table: &str, values: &[Value<'_>]) -> Vec<u8> {
    let mut hash = Sha256::new();
    let mut add = |value: &Value<'_>| match value {
        Value::Int(number) => {
            hash.update(b"i");
            hash.update(number.to_le_bytes());
        }
        Value::Bytes(bytes) => {
            hash.update(b"b");
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
    };
    add(&Value::Bytes(table.as_bytes()));
    values.iter().for_each(&mut add);
    hash.finalize()[..16].to_vec()
}

/// Change one row of a file.
pub fn execute(path: &Path, sql: &str, values: impl rusqlite::Params) {
    let connection = rusqlite::Connection::open(path).unwrap();
    assert_eq!(connection.execute(sql, values).unwrap(), 1);
    connection.close().unwrap();
}
