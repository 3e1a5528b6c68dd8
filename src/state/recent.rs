//! Runs on disk as people read them: one line each.

use std::path::Path;

use crate::runs::file::{Manifest, RunSummary};
use crate::runs::run_library::given_name;

use super::text;

/// When a run was begun, in the local time, e.g. `26 Nov 2026 02:15`.
pub fn when(manifest: &Manifest) -> String {
    manifest.created.parse::<jiff::Timestamp>().map_or_else(
        |_| manifest.created.clone(), // A stranger's file may say anything.
        |time| {
            time.to_zoned_datetime(jiff::tz::TimeZone::system())
                .strftime("%-d %b %Y %H:%M")
                .to_string()
        },
    )
}

/// A day in the local time, e.g. `26 Nov 2026`.
pub fn day(time: jiff::Timestamp) -> String {
    let time = time.to_zoned_datetime(jiff::tz::TimeZone::system());
    time.strftime("%-d %b %Y").to_string()
}

/// The settings that decide a run, e.g. `alternating checkerboard 8, 10 attempts of 25 calls`.
pub fn settings(manifest: &Manifest) -> String {
    let settings = manifest.settings();
    let detector = &settings.method.detector;
    let num_calls = detector.expected_calls(manifest.model.num_train_timesteps);
    if detector.each().len() > 1 {
        let num_calls = detector.total_calls(manifest.model.num_train_timesteps);
        let calls = text::counted(num_calls, "call");
        return format!("{}, {calls} per image", detector.summary());
    }
    match (detector.num_attempts(), num_calls) {
        (1, 0 | 1) => detector.summary(),
        (num_attempts, num_calls) => format!(
            "{}, {} of {}",
            detector.summary(),
            text::counted(num_attempts, "attempt"),
            text::counted(num_calls, "call")
        ),
    }
}

/// How far a run got.
pub fn state(run: &RunSummary) -> String {
    if run.is_held {
        return "being written".to_owned();
    }
    if run.is_finished() {
        return "finished".to_owned();
    }
    if !run.is_closed {
        // What it had reported is in its log, which only opening it reads.
        return "cut off".to_owned();
    }
    let num_attempts =
        run.manifest.num_images * run.manifest.settings().method.detector.num_attempts();
    format!(
        "{} of {} attempts",
        text::count(run.num_done),
        text::count(num_attempts)
    )
}

/// What a run goes by: the name that a person gave its file, else when it was begun.
pub fn name(manifest: &Manifest, path: &Path) -> String {
    given_name(path).unwrap_or_else(|| when(manifest))
}

/// The name, the time and the model, each once.
pub fn title(manifest: &Manifest, path: &Path) -> String {
    let given = given_name(path).map_or_else(String::new, |name| format!("{name}, "));
    format!("{given}{}, {}", when(manifest), manifest.model.name)
}

/// All of it, for a sentence.
pub fn line(run: &RunSummary) -> String {
    format!(
        "{}, {}, {}, {}",
        title(&run.manifest, &run.path),
        text::counted(run.manifest.num_images, "image"),
        settings(&run.manifest),
        state(run)
    )
}

/// That a run was cut off, and which one it was.
pub fn cut_off(run: &RunSummary) -> String {
    // What a killed run had reported last is in its log, which only opening it reads.
    let how_far = if run.is_closed {
        format!("stopped at {}", state(run))
    } else {
        "was cut off".to_owned()
    };
    format!(
        "Your last run {how_far} ({}, {}, {})",
        when(&run.manifest),
        run.manifest.model.name,
        text::counted(run.manifest.num_images, "image")
    )
}

/// A size on disk, e.g. `3.4 MB`.
pub fn size(num_bytes: u64) -> String {
    match num_bytes as f64 {
        b if b >= 1e9 => format!("{:.1} GB", b / 1e9),
        b if b >= 10e6 => format!("{:.0} MB", b / 1e6),
        b if b >= 1e6 => format!("{:.1} MB", b / 1e6),
        b => format!("{:.0} kB", (b / 1e3).ceil()),
    }
}
