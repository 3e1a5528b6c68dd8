//! An attempt made again step by step, and where its pictures differ, against the run that it comes from.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use lmd_inspector::engine::trace::{Trace, TraceRequest};
use lmd_inspector::images::sources::{self, Wanted};
use lmd_inspector::networks::distances::LPIPS;
use lmd_inspector::ood::Role;
use lmd_inspector::runs::{
    AttemptResult, BatchChoice, DeviceChoice, ResultLog, RunImage, RunSettings,
};
use lmd_inspector::worker::job::{self, Worker};
use lmd_inspector::worker::protocol::{
    Command, Control, Event, JobId, MapRequest, ModelSource, RunRequest,
};

use crate::settings::by_lmd;

fn images() -> Arc<[RunImage]> {
    let samples = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("assets/samples/fashion-mnist");
    let listing =
        sources::list(&samples, Wanted::all(), &mut |_| ControlFlow::Continue(())).unwrap();
    let folder = Arc::new(samples);
    let files = listing.files.into_iter().take(3);
    files
        .map(|file| RunImage {
            file,
            role: Role::InDomain,
            folder: Arc::clone(&folder),
        })
        .collect()
}

fn trace(worker: &mut Worker, request: TraceRequest) -> Arc<Trace> {
    let mut events = Vec::new();
    let command = Command::Trace {
        job: JobId(7),
        request,
        control: Control::default(),
    };
    job::run(worker, command, &mut events);
    assert!(
        matches!(events.last(), Some(Event::Done { job: JobId(7), .. })),
        "{events:?}"
    );
    let found = events.into_iter().find_map(|event| match event {
        Event::Traced { trace, .. } => Some(trace),
        _ => None,
    });
    found.expect("a trace")
}

#[test]
fn the_last_step_is_the_result_of_the_run_bit_for_bit() {
    let mut settings = by_lmd(2, 4);
    settings.execution.batch = BatchChoice::Fixed(3);
    settings.execution.device = DeviceChoice::CPU;
    let (mut worker, mut events) = (Worker::default(), Vec::new());
    let open = Command::OpenModel {
        job: JobId(0),
        source: ModelSource::BUNDLED,
        settings: None,
        device: settings.execution.device,
        control: Control::default(),
    };
    job::run(&mut worker, open, &mut events);
    let (images, results) = (images(), Arc::new(ResultLog::default()));
    let run = Command::Run {
        job: JobId(1),
        request: RunRequest {
            settings: settings.clone(),
            images: Arc::clone(&images),
            results: Arc::clone(&results),
            saving: None,
        },
        control: Control::default(),
    };
    job::run(&mut worker, run, &mut events);

    let results = results.since(0);
    assert_eq!(results.len(), 6);
    let mut firsts = Vec::new();
    for result in results {
        let request = TraceRequest {
            original: None,
            settings: settings.clone(),
            image: images[result.image].clone(),
            attempt: result.attempt,
        };
        let trace = trace(&mut worker, request);
        assert_eq!(trace.steps.len(), 4);
        assert_eq!(trace.steps.last(), result.inpainted.as_ref());
        assert_ne!(trace.steps[0], trace.steps[3], "it begins with noise");
        firsts.push(trace.steps[0].clone());
        assert_near_from_kept(&mut worker, &settings, &images, &result);
    }
    assert_ne!(firsts[0], firsts[3], "attempts differ");
}

/// From the original as a run file keeps it no file is read, and the end is all but the result.
fn assert_near_from_kept(
    worker: &mut Worker,
    settings: &RunSettings,
    images: &[RunImage],
    result: &AttemptResult,
) {
    let mut image = images[result.image].clone();
    let mut file = (*image.file).clone();
    file.path = "/nowhere/at/all.png".into();
    image.file = Arc::new(file);
    let request = TraceRequest {
        original: Some(result.original.clone()),
        settings: settings.clone(),
        image,
        attempt: result.attempt,
    };
    let steps = &trace(worker, request).steps;
    let (last, made) = (steps.last().unwrap(), result.inpainted.as_ref().unwrap());
    let off = last.bytes.iter().zip(made.bytes.iter());
    let sum: usize = off.map(|(a, b)| usize::from(a.abs_diff(*b))).sum();
    let mean = sum as f64 / last.bytes.len() as f64;
    assert!(mean < 1.5, "{mean} of 255 off");
}

#[test]
fn the_map_of_an_attempt_has_its_distance_as_its_mean() {
    let mut settings = by_lmd(1, 4);
    settings.execution.device = DeviceChoice::CPU;
    let (mut worker, mut events) = (Worker::default(), Vec::new());
    let open = Command::OpenModel {
        job: JobId(0),
        source: ModelSource::BUNDLED,
        settings: None,
        device: settings.execution.device,
        control: Control::default(),
    };
    job::run(&mut worker, open, &mut events);
    let (images, results) = (images(), Arc::new(ResultLog::default()));
    let run = Command::Run {
        job: JobId(1),
        request: RunRequest {
            settings,
            images,
            results: Arc::clone(&results),
            saving: None,
        },
        control: Control::default(),
    };
    job::run(&mut worker, run, &mut events);
    let results = results.since(0);
    let pairs = results
        .iter()
        .map(|result| (result.original.clone(), result.inpainted.clone().unwrap()));
    let request = MapRequest {
        device: DeviceChoice::CPU,
        pairs: pairs.collect(),
    };
    let map = |worker: &mut Worker, request, control| {
        let mut events = Vec::new();
        let command = Command::Map {
            job: JobId(2),
            request,
            control,
        };
        job::run(worker, command, &mut events);
        events
    };
    let events = map(&mut worker, request.clone(), Control::default());
    let [Event::Mapped { maps, .. }, Event::Done { .. }] = events.as_slice() else {
        panic!("{events:?}");
    };
    assert_eq!(maps.len(), 3);
    for (map, result) in maps.iter().zip(&results) {
        assert_eq!(map.len(), 32 * 32);
        let mean = map.iter().map(|value| f64::from(*value)).sum::<f64>() / 1024.0;
        // Pictures are rounded to 8 bits.
        let off = (mean / result.values.of(LPIPS) - 1.0).abs();
        assert!(off < 0.02, "{mean} {}", result.values.of(LPIPS));
    }

    let control = Control::default();
    control.cancel();
    let events = map(&mut worker, request.clone(), control);
    assert!(
        matches!(events[..], [Event::Cancelled { .. }]),
        "{events:?}"
    );
    let mut other = request;
    other.pairs[0].1.width = 16;
    let events = map(&mut worker, other, Control::default());
    let Some(Event::Failed { message, .. }) = events.last() else {
        panic!("{events:?}");
    };
    assert!(message.contains("same shape"), "{message}");
}
