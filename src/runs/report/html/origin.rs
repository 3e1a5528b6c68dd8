//! Where the numbers come from: model, settings, work, and how to repeat it.

use super::super::repeat::command_line;
use super::text::{add, escaped, fact};
use crate::detectors::measures;
use crate::runs::file::{Manifest, Segment};
use crate::runs::settings::{Lift, RunSettings};

pub(super) fn section(html: &mut String, manifest: &Manifest, segments: &[(i64, Segment)]) {
    let model = &manifest.model;
    html.push_str("<h2>Model and settings</h2><table class=\"facts\"><tbody>");
    fact(
        html,
        "Model",
        &format!("{} ({})", model.source, model.family),
    );
    fact(
        html,
        "SHA-256 of the weights",
        &model.identity.weights_sha256,
    );
    fact(html, "Schedule", model.identity.schedule());
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
    let sampler = &settings.sampler;
    let num_steps = sampler.num_steps(num_train_timesteps);
    let lift = match settings.lift {
        Lift::Inpaint => "inpaint".to_owned(),
        Lift::Denoise { start_timestep } => {
            format!("add noise up to timestep {start_timestep}, then denoise; no mask")
        }
    };
    let mut rows = vec![("Lift", lift)];
    if settings.lift == Lift::Inpaint {
        rows.push(("Mask", settings.mask.to_string()));
        rows.push(("Grid", settings.grid.to_string()));
    }
    rows.extend([
        ("Attempts", settings.num_attempts.to_string()),
        (
            "Sampler",
            match sampler.kind.def() {
                def if def.uses_eta => {
                    format!("{}, {num_steps} steps, eta {}", def.label, sampler.eta)
                }
                def => format!("{}, {num_steps} steps", def.label),
            },
        ),
        ("Distance", measures::label(&settings.distance).to_owned()),
        ("Score of an image", settings.aggregate.name().to_owned()),
        ("Fit to the square", settings.resize.name().to_owned()),
        ("Seed", settings.seed.to_string()),
    ]);
    if let Some(limit) = settings.limit {
        rows.push(("Limit", format!("the first {limit} images of each folder")));
    }
    rows
}

fn work(segment: &Segment) -> String {
    let done = if segment.network_calls == 0 {
        "stopped before its end was noted".to_owned()
    } else {
        format!(
            "{} network calls in {:.1} s",
            segment.network_calls, segment.seconds
        )
    };
    format!(
        "{}, version {} on {}: {done}",
        segment.started, segment.app_version, segment.device
    )
}
