//! Small files of this program, whole: what fuzzing begins with.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::detectors::lmd::Lmd;
use crate::images::{ContentHash, Geometry, ImageFile, ImageStatistics, NativeInfo, Picture};
use crate::networks::ModelIdentity;
use crate::networks::checkpoints::ModelSource;
use crate::networks::distances::{LPIPS, MSE, SSIM};
use crate::networks::executors::{DeviceInfo, Numerics};
use crate::ood::{Role, ThresholdRule};
use crate::runs::calibration::{CalibrationImage, CalibratedModel};
use crate::runs::file::{self, KeepPictures, Manifest, ModelRecord, NewRun};
use crate::runs::{AttemptResult, Calibration, RunImage, RunSettings};

const GEOMETRY: Geometry = Geometry {
    channels: 1,
    side: 16,
};
const NUM_IMAGES: usize = 3;

fn images() -> Vec<(RunImage, usize)> {
    (0..NUM_IMAGES)
        .map(|id| {
            let role = Role::ALL[id];
            let file = ImageFile {
                path: PathBuf::from(format!("a/{id}.png")),
                hash: ContentHash([id as u8; 32]),
                native: NativeInfo {
                    width: 16,
                    height: 16,
                    format: "png".to_owned(),
                    color: "L8".to_owned(),
                    num_bytes: 80,
                    jpeg_quality: None,
                },
            };
            let image = RunImage {
                file: Arc::new(file),
                role,
                folder: Arc::new(PathBuf::from("a")),
            };
            (image, id)
        })
        .collect()
}

fn manifest() -> Manifest {
    let settings = RunSettings::by_lmd(Lmd {
        num_attempts: 2,
        ..Lmd::default()
    });
    let run = NewRun {
        model: ModelRecord {
            source: ModelRecord::source_text(&ModelSource::BUNDLED),
            name: "small".to_owned(),
            family: "diffusers UNet2DModel".to_owned(),
            identity: ModelIdentity::of_weights("00".repeat(32)),
            num_train_timesteps: 1000,
            geometry: GEOMETRY,
        },
        measures: [MSE, SSIM, LPIPS].into(),
        settings: &settings,
        folders: &[(Role::InDomain, "a".into())],
        shard: None,
        keep_pictures: KeepPictures::All,
        num_skipped: 0,
        has_report_beside: false,
    };
    Manifest::new(run, NUM_IMAGES)
}

/// The bytes of a finished run of three images, made in a folder.
pub fn run_file(folder: &Path) -> Vec<u8> {
    let path = folder.join("small.lmdrun");
    let picture = |value: usize| Picture::from_unit(GEOMETRY, &[value as f32 / 9.0; 256]);
    let attempt = |attempt: usize| -> Vec<AttemptResult> {
        (0..NUM_IMAGES)
            .map(|image| AttemptResult {
                image,
                attempt,
                values: [(MSE, 0.1), (SSIM, 0.2 * image as f64), (LPIPS, 0.3 + attempt as f64)]
                    .into_iter()
                    .collect(),
                known_mask: None,
                original: picture(image),
                statistics: Some(ImageStatistics::of(&picture(image))),
                inpainted: Some(picture(image + attempt)),
            })
            .collect()
    };
    let mut writer = file::create(&path, &manifest(), &images(), &[], true)
        .expect("the folder can be written to");
    let device = DeviceInfo {
        label: "CPU (AVX2, 2 threads)".to_owned(),
        numerics: Numerics::new("CPU (AVX2)"),
    };
    writer.begin_segment(&device).expect("there is room");
    for index in 0..2 {
        writer.append(&attempt(index), 0.25).expect("there is room");
    }
    writer.add_notice("a notice").expect("there is room");
    writer.end_segment(90, 1.5).expect("there is room");
    writer.finish().expect("there is room");
    let run = file::read(&path).expect("what was written can be read");
    assert!(run.is_finished() && run.damage.is_empty(), "{run:?}");
    fs::read(&path).expect("what was written can be read")
}

/// The JSON of the run's manifest.
pub fn manifest_json() -> Vec<u8> {
    serde_json::to_vec(&manifest()).unwrap_or_default()
}

/// The bytes of a detector of 19 images, made in a folder.
pub fn detector(folder: &Path) -> Vec<u8> {
    let path = folder.join("small.json");
    let calibration: Vec<CalibrationImage> = (0..19_u8)
        .map(|index| CalibrationImage::new(&ContentHash([index; 32]), f64::from(index)))
        .collect();
    let model = CalibratedModel {
        source: ModelSource::BUNDLED,
        name: "m".to_owned(),
        identity: ModelIdentity::of_weights("0".repeat(64)),
    };
    let how = (18.0, ThresholdRule::FalseAlarmRate { rate: 0.05 });
    Calibration::new(model, RunSettings::default(), how, 0, calibration)
        .save(&path)
        .expect("the folder can be written to");
    fs::read(&path).expect("what was written can be read")
}

/// A pickle of PyTorch's for a state dictionary of these tensors, all at the start of storage 0.
pub fn pickle(shapes: &[(String, Vec<usize>)]) -> Vec<u8> {
    let text = |text: &str| {
        let length = (text.len() as u32).to_le_bytes();
        [b"X", length.as_slice(), text.as_bytes()].concat()
    };
    let numbers = |numbers: &[usize]| {
        let bytes = numbers
            .iter()
            .flat_map(|&n| [b"J".as_slice(), &(n as u32).to_le_bytes()].concat());
        [b"(".to_vec(), bytes.collect(), b"t".to_vec()].concat()
    };
    let mut pickle = b"\x80\x02ccollections\nOrderedDict\n)R(".to_vec();
    for (name, shape) in shapes {
        let strides: Vec<usize> = (1..=shape.len())
            .map(|axis| shape[axis..].iter().product())
            .collect();
        let parts = [
            text(name),
            b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
            text("storage"),
            b"ctorch\nFloatStorage\n".to_vec(),
            text("0"),
            text("cpu"),
            b"M\x00\x04tQK\x00".to_vec(),
            numbers(shape),
            numbers(&strides),
            b"\x89NtR".to_vec(),
        ];
        pickle.extend(parts.concat());
    }
    pickle.extend(b"u.");
    pickle
}
