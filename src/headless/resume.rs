//! `lmd score --resume`: continue with a run, if it is still the same run.

use std::path::Path;
use std::sync::Arc;

use super::execute::{self, Checked, Prepared};
use super::output::Target;
use super::paths::{Kind, Paths};
use super::score::Args;
use super::signals::Signals;
use super::watch::Watch;
use super::{Failure, Outcome, output, terminal};
use crate::detectors::measures;
use crate::engine::resuming::{self, ChangedFile};
use crate::images::sources;
use crate::networks::ModelMatch;
use crate::networks::checkpoints::ModelSource;
use crate::runs::file::{self, StoredRun};
use crate::runs::{ResultLog, RunImage, RunSettings, report};

/// Open the run and refuse it where its scores would not be those of an uninterrupted run.
pub fn prepare(path: &Path, args: &Args, signals: &Signals) -> Result<Prepared, Failure> {
    // Only read until all of it is known to fit: a refused run stays as it is, to the byte.
    let found = file::read(path).map_err(Failure::bad_request)?;
    let mut settings = found.manifest.settings();
    settings.execution.batch = args.scoring.batch.unwrap_or(settings.execution.batch);
    settings.execution.device = args.scoring.device.unwrap_or(settings.execution.device);
    place_weights(&mut settings, args).map_err(|failure| refuse_at(path, failure))?;
    let target = target(&found, args)?;
    let checked = check_model(&found, &settings, args)?;
    let refuse = |reason: String| {
        Failure::bad_request(anyhow::anyhow!(
            "the run can't be continued: {reason}: {}",
            path.display()
        ))
    };
    if found.manifest.model.geometry != checked.model.geometry {
        return Err(refuse(
            "the model makes images of another size now".to_owned(),
        ));
    }
    let caveat = match (found.manifest.model.identity).compare(&checked.model.identity) {
        ModelMatch::Same => None,
        ModelMatch::Unproven(caveat) => Some(caveat),
        ModelMatch::Different(reason) => return Err(refuse(reason)),
    };
    if checked.mask_luma != found.mask_luma {
        return Err(refuse("the mask image has changed".to_owned()));
    }
    if !found.has_every_attempt() {
        let changed = changed_files(&found.images, signals)?;
        check_files(&found, &changed, args.skip_changed).map_err(refuse)?;
    }
    let manifest = found.manifest.clone();
    drop(found); // Its pictures make room for those that come now.
    let (mut writer, mut stored) = file::resume(path).map_err(Failure::bad_request)?;
    if stored.manifest != manifest {
        return Err(refuse(
            "another run took its place while it was checked; try again".to_owned(),
        ));
    }
    let has_every_attempt = stored.has_every_attempt();
    let mut notes = stored.notices.clone();
    // Kept in the file, so that it is said once however often the run is resumed.
    if let Some(caveat) = caveat.filter(|caveat| !notes.contains(caveat)) {
        terminal::message(&format!("note: {caveat}"));
        writer.add_notice(&caveat).map_err(Failure::failed)?;
        notes.push(caveat);
    }
    for sentence in &stored.damage {
        let note = format!("damaged, attempts that are missing are made again: {sentence}");
        terminal::message(&note);
        writer.add_notice(&note).map_err(Failure::failed)?;
        notes.push(note);
    }
    let watch = Watch::new(&args.watch, &stored.images)?;
    if watch.is_some() && manifest.shard.is_some() {
        return Err(refuse(
            "it is a shard, whose images are dealt out; watch a folder by a run of its own"
                .to_owned(),
        ));
    }
    let earlier = std::mem::take(&mut stored.results);
    terminal::message(&format!(
        "{} of {} attempts are there already",
        earlier.len(),
        stored.images.len() * settings.method.detector.num_attempts()
    ));
    Ok(Prepared {
        checkpoint: (!has_every_attempt || watch.is_some()).then_some(checked.checkpoint),
        settings,
        target,
        images: Arc::clone(&stored.images),
        log: Arc::new(ResultLog::with_file(writer, earlier)),
        num_skipped: manifest.num_skipped,
        notes,
        manifest,
        segments: stored.segments,
        may_mix_kernels: args.mix_kernels,
        watch,
        is_json: args.json,
    })
}

/// The model, where it is by now, and the settings that must fit it.
fn check_model(found: &StoredRun, settings: &RunSettings, args: &Args) -> Result<Checked, Failure> {
    let source = args
        .model
        .as_deref()
        .map_or_else(|| found.manifest.model.source(), ModelSource::named);
    execute::check((&source, args.architecture), settings, &found.images).map_err(
        |failure| Failure {
            error: failure
                .error
                .context(
                "the run can't be continued (what has moved is given by --model, --distance-weights and --feature-weights)",
            ),
            ..failure
        },
    )
}

/// Read weights of distances and of networks where they are by now.
fn place_weights(settings: &mut RunSettings, args: &Args) -> Result<(), Failure> {
    for moved in args.scoring.distance_weights()? {
        let lmd = settings.method.detector.lmd_mut();
        let mut measured = lmd.into_iter().flat_map(|lmd| &mut lmd.distance_weights);
        let Some(place) = measured.find(|it| **it == moved) else {
            return Err(Failure::bad_request(anyhow::anyhow!(
                "its images are not measured by these weights of {} (SHA-256 {}); give those that it began with, or leave \
                 out --distance-weights: {}",
                measures::label(&moved.distance),
                moved.short_digests(),
                moved.file.display()
            )));
        };
        *place = moved;
    }
    args.scoring.features.place(&mut settings.method.detector)
}

/// What is refused is the run's continuation.
fn refuse_at(path: &Path, failure: Failure) -> Failure {
    let what = format!("the run can't be continued: {}", path.display());
    Failure {
        error: failure.error.context(what),
        ..failure
    }
}

/// The run continues in its file; the report is renewed where it lay around it, or written where it is asked for.
fn target(stored: &StoredRun, args: &Args) -> Result<Target, Failure> {
    let beside = stored
        .path
        .parent()
        .filter(|_| stored.manifest.has_report_beside);
    let report = match &args.output {
        None => beside.map(|folder| {
            if folder.as_os_str().is_empty() {
                Path::new(".").to_owned()
            } else {
                folder.to_owned()
            }
        }),
        Some(asked) if output::is_run_file(asked) => {
            return Err(Failure::bad_request(anyhow::anyhow!(
                "a resumed run continues in its own file; copy that first to keep it as it is, and leave out --output: {}",
                asked.display()
            )));
        }
        Some(asked) => Some(output::report_folder(asked, args.overwrite)?),
    };
    if let Some(folder) = &report {
        let settings = stored.manifest.settings();
        let paths = Paths::new(true)
            .reads_run(&stored.path)
            .reads_files_of(&settings);
        let mut paths = (stored.images.iter()).fold(paths, |paths, image| {
            paths.reads(sources::file_of(&image.file.path))
        });
        for name in report::file_names() {
            paths.claim(&folder.join(name), Kind::File)?;
        }
        output::check_writable(folder)?;
    }
    Ok(Target {
        report,
        run_file: stored.path.clone(),
        may_overwrite: false,
        is_default: false,
    })
}

/// Compare the images' files with what they were when the run began; a signal ends it.
fn changed_files(images: &[RunImage], signals: &Signals) -> Result<Vec<ChangedFile>, Failure> {
    /// Files between two looks at the signals.
    const AT_ONCE: usize = 64;
    let mut changed = Vec::new();
    for some in images.chunks(AT_ONCE) {
        changed.extend(resuming::changed_files(some));
        if let Some(code) = signals.exit_code() {
            return Err(Failure {
                outcome: Outcome::Interrupted(code),
                error: anyhow::anyhow!(
                    "stopped while the image files were compared; the run is as it was"
                ),
            });
        }
    }
    Ok(changed)
}

/// Refuse to continue without files that are not what they were, unless that was asked for.
fn check_files(
    stored: &StoredRun,
    changed: &[ChangedFile],
    skip_changed: bool,
) -> Result<(), String> {
    if changed.is_empty() {
        return Ok(());
    }
    let lines = resuming::list_of(changed).join("\n  ");
    let list = format!("\n  {lines}");
    if skip_changed {
        terminal::message(&format!(
            "{} image files are left out from here on:{list}",
            changed.len()
        ));
        return Ok(());
    }
    Err(format!(
        "{} image files are not what they were when it began (relative paths start in {}):{list}\n\
         put them back, or continue with the others by --skip-changed",
        changed.len(),
        stored.manifest.working_folder
    ))
}
