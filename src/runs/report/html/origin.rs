//! Where the numbers come from: model, settings, work, and how to repeat it.

use super::super::repeat::command_line;
use super::text::{add, escaped, fact};
use crate::detectors::measures;
use crate::images::Geometry;
use crate::networks::checkpoints::ModelSource;
use crate::runs::file::{Manifest, Segment};
use crate::runs::settings::RunSettings;

pub(super) fn section(html: &mut String, manifest: &Manifest, segments: &[(i64, Segment)]) {
    let model = &manifest.model;
    html.push_str("<h2>Model and settings</h2><table class=\"facts\"><tbody>");
    if let ModelSource::Blank(_) = model.source() {
        let Geometry { channels, side } = model.geometry;
        let colors = if channels == 1 { "gray" } else { "color" };
        let words = format!("none, images of {side} x {side} pixels in {colors}");
        fact(html, "Model", &words);
    } else {
        let words = format!("{} ({})", model.source, model.family);
        fact(html, "Model", &words);
        let digest = &model.identity.weights_sha256;
        fact(html, "SHA-256 of the weights", digest);
        fact(html, "Schedule", model.identity.schedule());
    }
    for folder in &manifest.folders {
        fact(html, folder.role.label(), &folder.path);
    }
    for (name, value) in settings(&manifest.settings(), model.num_train_timesteps) {
        fact(html, name, &value);
    }
    if let Some(shard) = manifest.shard {
        fact(
            html,
            "Shard",
            &format!("{} of {}", shard.index, shard.count),
        );
    }
    fact(
        html,
        "Begun",
        &format!("{}, version {}", manifest.created, manifest.app_version),
    );
    for (_, segment) in segments {
        fact(html, "Worked on", &work(segment));
    }
    add(
        html,
        format_args!(
            "</tbody></table><h2>How to repeat it</h2>\
             <p>In <code>{}</code>, with the same files, on any machine (to about the fourth digit):</p><pre>{}</pre>",
            escaped(&manifest.working_folder),
            escaped(&command_line(manifest))
        ),
    );
}

fn settings(settings: &RunSettings, num_train_timesteps: usize) -> Vec<(&'static str, String)> {
    let detector = &settings.method.detector;
    let mut rows = vec![("Detector", detector.about().label.to_owned())];
    rows.extend(detector.facts(num_train_timesteps));
    rows.extend([
        (
            "Measure",
            measures::label(&settings.view.measure).to_owned(),
        ),
        (
            "Score of an image",
            settings.view.aggregate.name().to_owned(),
        ),
        (
            "Fit to the square",
            settings.method.resize.name().to_owned(),
        ),
        ("Seed", settings.method.seed.to_string()),
    ]);
    if let Some(limit) = settings.selection.limit {
        rows.push(("Limit", format!("the first {limit} images of each folder")));
    }
    rows
}

fn work(segment: &Segment) -> String {
    let done = match (segment.network_calls, segment.seconds) {
        (0, 0.0) => "stopped before its end was noted".to_owned(),
        (0, seconds) => format!("{seconds:.1} s without network calls"),
        (calls, seconds) => format!("{calls} network calls in {seconds:.1} s"),
    };
    format!(
        "{}, version {} on {}: {done}",
        segment.started, segment.app_version, segment.device
    )
}
