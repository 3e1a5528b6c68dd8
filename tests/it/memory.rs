//! A device without room for a whole batch: the batch is halved with a notice, and the scores are the same.

use std::fs;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use lmd_inspector::diffusion::{DenoiseError, Denoiser, Interrupt, NeverInterrupt};
use lmd_inspector::engine::score::{self, ScoreError};
use lmd_inspector::engine::{Control, Engine, Notice, RunRequest, SaveRequest};
use lmd_inspector::images::Geometry;
use lmd_inspector::images::sources::{self, Wanted};
use lmd_inspector::networks::checkpoints::ModelSource;
use lmd_inspector::networks::distances::{LPIPS, MSE, SSIM};
use lmd_inspector::ood::Role;
use lmd_inspector::runs::{BatchChoice, DeviceChoice, ResultLog, RunImage};

use crate::binary::{root, text};
use crate::settings::by_lmd;

/// A device with room for a few images.
struct Small {
    inner: Box<dyn Denoiser>,
    room: usize,
}

impl Denoiser for Small {
    fn geometry(&self) -> Geometry {
        self.inner.geometry()
    }

    fn denoise(
        &mut self,
        sample: &[f32],
        timesteps: &[f32],
        output: &mut [f32],
        interrupt: &dyn Interrupt,
    ) -> Result<(), DenoiseError> {
        if timesteps.len() > self.room {
            return Err(DenoiseError::OutOfMemory {
                batch: timesteps.len(),
                message: "CUDA_ERROR_OUT_OF_MEMORY".to_owned(),
            });
        }
        self.inner.denoise(sample, timesteps, output, interrupt)
    }
}

pub(crate) struct Outcome {
    pub end: Result<(), ScoreError>,
    pub notices: Vec<String>,
    /// Image, attempt, and the bits of the distances.
    pub scores: Vec<(usize, usize, [u64; 3])>,
}

/// Nine images, two attempts, eight images at once, on the bundled model with room for `room` images.
fn run(room: usize) -> Outcome {
    run_on(|inner| Box::new(Small { inner, room }), None)
}

/// The same on the CPU's denoiser in some wrapping.
pub(crate) fn run_on(
    wrap: impl FnOnce(Box<dyn Denoiser>) -> Box<dyn Denoiser>,
    saving: Option<SaveRequest>,
) -> Outcome {
    let mut engine =
        Engine::open(&ModelSource::BUNDLED, DeviceChoice::CPU, &NeverInterrupt).unwrap();
    engine.executors.denoiser = wrap(engine.executors.denoiser);
    let samples = root().join("assets/samples/fashion-mnist");
    let listing =
        sources::list(&samples, Wanted::all(), &mut |_| ControlFlow::Continue(())).unwrap();
    let folder = Arc::new(samples);
    let images: Vec<RunImage> = (listing.files.into_iter().take(9))
        .map(|file| RunImage {
            file,
            role: Role::InDomain,
            folder: Arc::clone(&folder),
        })
        .collect();
    let mut settings = by_lmd(2, 2);
    settings.execution.batch = BatchChoice::Fixed(8);
    let request = RunRequest {
        settings,
        images: images.into(),
        results: Arc::new(ResultLog::default()),
        saving,
    };
    let mut notices: Vec<Notice> = Vec::new();
    let control = Control::default();
    let (progress, end) = score::run(&mut engine, &request, &control, &mut notices);
    let results = request.results.since(0);
    assert_eq!(progress.attempts_done, results.len());
    let mut scores: Vec<_> = results
        .iter()
        .map(|result| {
            let bits = [MSE, SSIM, LPIPS].map(|id| result.values.of(id).to_bits());
            (result.image, result.attempt, bits)
        })
        .collect();
    scores.sort_unstable();
    let notices = notices.into_iter().map(|notice| notice.message);
    Outcome {
        end,
        notices: notices.collect(),
        scores,
    }
}

#[test]
fn a_batch_without_room_is_halved_and_the_scores_stay_the_same() {
    let roomy = run(8);
    roomy.end.unwrap();
    assert_eq!(roomy.notices, Vec::<String>::new());
    assert_eq!(roomy.scores.len(), 18);

    let tight = run(3);
    tight.end.unwrap();
    assert_eq!(
        tight.notices,
        [
            "the device has no room for 8 images at once; the run continues with 4",
            "the device has no room for 4 images at once; the run continues with 2",
        ]
    );
    assert_eq!(tight.scores, roomy.scores);
}

#[test]
fn a_device_without_room_for_one_image_ends_the_run_with_a_sentence() {
    let outcome = run(0);
    assert_eq!(outcome.scores, []);
    let sentence = outcome.end.unwrap_err().to_string();
    assert!(sentence.contains("not enough device memory"), "{sentence}");
    assert_eq!(outcome.notices.len(), 3, "8, 4, 2: {:?}", outcome.notices);
}

/// A model of large images, so that one more in a batch shows among what a program takes anyway.
#[cfg(target_os = "linux")]
fn large_model(folder: &Path) {
    let good = root().join("tests/fixtures/unet/gray-attn-heads");
    let weights = "diffusion_pytorch_model.safetensors";
    fs::copy(good.join(weights), folder.join(weights)).unwrap();
    let config = fs::read_to_string(good.join("config.json")).unwrap();
    let large = config.replace("\"sample_size\": 32", "\"sample_size\": 192");
    assert_ne!(large, config);
    fs::write(folder.join("config.json"), large).unwrap();
}

/// Real allocations that really fail: somewhere between "enough for all" and "not enough to begin" lies a limit of the
/// address space at which the program halves its batch.
#[cfg(target_os = "linux")]
#[test]
fn when_the_system_gives_no_more_memory_the_batch_is_halved_too() {
    let folder = tempfile::tempdir().unwrap();
    large_model(folder.path());
    let samples = root().join("assets/samples/fashion-mnist");
    let run_within = |kibibytes: Option<u64>| {
        let limit = kibibytes.map_or_else(|| "unlimited".to_owned(), |limit| limit.to_string());
        let report = folder.path().join("report");
        let output = std::process::Command::new("bash")
            .args(["-c", "ulimit -v \"$1\"; shift; exec \"$@\"", "bash", &limit])
            .args([env!("CARGO_BIN_EXE_lmd"), "score", "--overwrite", "--model"])
            .args([text(folder.path()), "--in-domain", text(&samples)])
            .args(["--limit", "8", "--attempts", "1", "--steps", "1"])
            .args(["--batch", "8", "--device", "cpu", "--output", text(&report)])
            .output()
            .unwrap();
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        let scores = fs::read_to_string(report.join("scores.csv"));
        (output.status.success(), told, scores)
    };
    let (is_done, told, expected) = run_within(None);
    assert!(is_done, "{told}");
    assert!(!told.contains("no room"), "{told}");
    let (mut too_little, mut enough) = (64 << 10, 16 << 20_u64);
    for _ in 0..12 {
        let limit = u64::midpoint(too_little, enough);
        let (is_done, told, scores) = run_within(Some(limit));
        if is_done && told.contains("no room for 8 images") {
            assert_eq!(scores.unwrap(), expected.unwrap());
            return;
        }
        if is_done {
            enough = limit;
        } else {
            too_little = limit;
        }
    }
    panic!("the batch was halved at no limit from {too_little} to {enough} KiB");
}
