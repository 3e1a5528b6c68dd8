//! A scoring run from its request to its report and its run file.

use std::path::PathBuf;
use std::sync::Arc;

use super::collect::Collected;
use super::follow::{Finished, follow, follow_on};
use super::options::{ArchitectureOption, fit_measure};
use super::output::Target;
use super::paths::Paths;
use super::signals::Signals;
use super::watch::{Lines, Watch};
use super::{Failure, Outcome, output, terminal};
use crate::detectors::measures;
use crate::diffusion::Interrupt as _;
use crate::engine::plan::Plan;
use crate::engine::{Control, ModelInfo, RunRequest};
use crate::images::Geometry;
use crate::networks::checkpoints::{Checkpoint, ModelSource};
use crate::networks::executors::{self, DeviceInfo};
use crate::ood::Role;
use crate::runs::confounds::differences_of_files;
use crate::runs::file::{
    self, Continuation, KeepPictures, Manifest, ModelRecord, NewRun, Segment, Shard,
};
use crate::runs::fit_file::leave_out_fitted;
use crate::runs::report::{Report, Summary, note_of_marks};
use crate::runs::{ResultLog, RunImage, RunSettings};

/// Everything a new headless run needs.
#[derive(Clone, Debug)]
pub struct Request {
    /// The model.
    pub source: ModelSource,
    /// What it does not say of itself.
    pub architecture: ArchitectureOption,
    /// All settings.
    pub settings: RunSettings,
    /// The file that the detector's fit was read from.
    pub fit_files: Vec<PathBuf>,
    /// Whether the user has named the measure.
    pub is_measure_asked: bool,
    /// Folders with their roles.
    pub folders: Vec<(Role, PathBuf)>,
    /// Folders whose images are judged as they come.
    pub watch: Vec<PathBuf>,
    /// Whether a line per judged image is JSON.
    pub is_json: bool,
    /// Score only this part of the images.
    pub shard: Option<Shard>,
    /// Which pictures the run file keeps.
    pub keep_pictures: KeepPictures,
    /// Where it is written.
    pub target: Target,
}

/// A run, new or resumed, whose file is open and that can begin.
pub struct Prepared {
    /// The model; `None` where nothing is left to do.
    pub checkpoint: Option<Checkpoint>,
    /// All settings.
    pub settings: RunSettings,
    /// Where it is written.
    pub target: Target,
    /// The images.
    pub images: Arc<[RunImage]>,
    /// Results so far, and the run file.
    pub log: Arc<ResultLog>,
    /// Files that could not be read when listed.
    pub num_skipped: usize,
    /// What a reader of the report should know.
    pub notes: Vec<String>,
    /// What the run is made of.
    pub manifest: Manifest,
    /// The work done so far.
    pub segments: Vec<(i64, Segment)>,
    /// Whether kernels may continue that would be refused.
    pub may_mix_kernels: bool,
    /// What judges images as they come.
    pub watch: Option<Watch>,
    /// How each of these is told.
    pub is_json: bool,
}

/// Say how the roles differ besides what their images show, and which of these are nearly the same.
fn say_what_is_unfair(collected: &mut Collected, list: &[RunImage]) {
    collected.note_near_duplicates(list);
    for sentence in differences_of_files(list) {
        // The summary has it too, but that may be hours away.
        terminal::message(&format!("note: {sentence}"));
    }
}

/// What a run begins with.
pub struct Listed {
    collected: Collected,
    /// Each with its place in the list that all shards share.
    pub images: Vec<(RunImage, usize)>,
    watch: Option<Watch>,
}

/// List the folders, and take this shard's part; a run that watches waits for its first image.
pub fn list(request: &Request, signals: &Signals) -> Result<Listed, Failure> {
    let mut collected = Collected::until(signals);
    for (role, path) in &request.folders {
        collected.add(*role, path, request.settings.selection.limit)?;
    }
    let mut watch = Watch::new(&request.watch, &[])?;
    if let Some(watch) = &mut watch {
        collected
            .images
            .extend(watch.begin(&collected.images, signals)?);
    }
    collected.settle();
    collected.leave_out_fitted(&request.settings);
    let num_listed = collected.images.len();
    let listed = std::mem::take(&mut collected.images);
    let images: Vec<(RunImage, usize)> = (listed.into_iter().zip(0..))
        .filter(|&(_, position)| request.shard.is_none_or(|shard| shard.holds(position)))
        .collect();
    if let (Some(shard), true) = (request.shard, images.is_empty()) {
        return Err(Failure::bad_request(anyhow::anyhow!(
            "shard {}/{} holds no image: there are only {num_listed}",
            shard.index,
            shard.count
        )));
    }
    Ok(Listed {
        collected,
        images,
        watch,
    })
}

/// List the folders, refuse what can be refused before work, and begin the run file.
pub fn prepare(request: &Request, signals: &Signals) -> Result<Prepared, Failure> {
    check_paths(request)?;
    let Listed {
        mut collected,
        images,
        watch,
    } = list(request, signals)?;
    let list: Arc<[RunImage]> = images.iter().map(|(image, _)| image.clone()).collect();
    let checked = check(
        (&request.source, request.architecture),
        &request.settings,
        &list,
    )?;
    let mut settings = request.settings.clone();
    let side = checked.model.geometry.side;
    collected
        .notes
        .extend(fit_measure(&mut settings, request.is_measure_asked, side)?);
    say_what_is_unfair(&mut collected, &list);
    let target = request.target.made()?;
    let watched = request
        .watch
        .iter()
        .map(|path| (Role::Unknown, path.clone()));
    let folders: Vec<(Role, PathBuf)> = request.folders.iter().cloned().chain(watched).collect();
    let manifest = Manifest::new(
        NewRun {
            model: checked.model,
            measures: (settings.method.detector).measures(side, settings.view.measure),
            settings: &settings,
            folders: &folders,
            shard: request.shard,
            keep_pictures: request.keep_pictures,
            num_skipped: collected.num_skipped,
            has_report_beside: target.report.is_some(),
        },
        list.len(),
    );
    let mut writer = file::create(
        &target.run_file,
        &manifest,
        &images,
        &checked.mask_luma,
        target.may_overwrite,
    )
    .map_err(Failure::bad_request)?;
    for note in &collected.notes {
        writer.add_notice(note).map_err(Failure::failed)?;
    }
    let megabytes = request.keep_pictures.expected_bytes(
        manifest.model.geometry,
        list.len(),
        request.settings.method.detector.num_results(),
    ) as f64
        / 1e6;
    if megabytes >= 1.0 {
        terminal::message(&format!(
            "the run file will take about {megabytes:.0} MB (--keep-pictures median or none makes it smaller)"
        ));
    }
    Ok(Prepared {
        checkpoint: Some(checked.checkpoint),
        settings,
        target,
        images: list,
        log: Arc::new(ResultLog::with_file(writer, Vec::new())),
        num_skipped: collected.num_skipped,
        notes: collected.notes,
        manifest,
        segments: Vec::new(),
        may_mix_kernels: false,
        watch,
        is_json: request.is_json,
    })
}

/// Refuse outputs that the run reads.
fn check_paths(request: &Request) -> Result<(), Failure> {
    let paths = Paths::new(request.target.may_overwrite)
        .reads_model(&request.source)
        .reads_files_of(&request.settings);
    let paths = (request.fit_files.iter()).fold(paths, |paths, path| paths.reads(path));
    let folders = request.folders.iter().map(|(_, path)| path);
    let folders = folders.chain(&request.watch);
    let mut paths = folders.fold(paths, |paths, path| paths.reads_images(path));
    request.target.check(&mut paths)
}

/// What a check found out.
pub struct Checked {
    /// The model.
    pub checkpoint: Checkpoint,
    /// What a run file keeps of it.
    pub model: ModelRecord,
    /// The mask image at the model's size; empty where there is none.
    pub mask_luma: Vec<u8>,
}

/// Refuse what can be refused before work: the model, and settings that don't fit it.
pub fn check(
    (source, architecture): (&ModelSource, ArchitectureOption),
    settings: &RunSettings,
    images: &[RunImage],
) -> Result<Checked, Failure> {
    let checkpoint = architecture.load(source)?;
    let model = model_record(&checkpoint);
    let plan = Plan::new(
        settings,
        images,
        model.geometry,
        &checkpoint.schedule,
        &checkpoint.identity,
    )
    .map_err(Failure::bad_request)?;
    // Before any file is replaced.
    executors::check(settings.execution.device).map_err(Failure::bad_request)?;
    Ok(Checked {
        mask_luma: plan.detector.mask_luma().to_vec(),
        checkpoint,
        model,
    })
}

fn model_record(checkpoint: &Checkpoint) -> ModelRecord {
    ModelRecord {
        source: ModelRecord::source_text(&checkpoint.source),
        name: checkpoint.name.clone(),
        family: checkpoint.family.to_owned(),
        identity: checkpoint.identity.clone(),
        num_train_timesteps: checkpoint.schedule.num_train_timesteps(),
        geometry: Geometry {
            channels: checkpoint.network.in_channels,
            side: checkpoint.network.image_size,
        },
    }
}

/// Score what is left, close the run file and write the report; an interrupted run reports what it has.
pub fn carry_out(mut prepared: Prepared, signals: &Signals) -> Result<(Outcome, Summary), Failure> {
    let (mut finished, interrupted) = match score(&mut prepared, signals) {
        Ok(outcome) => outcome,
        Err(failure) => {
            // The failure is what to tell; what is committed is safe whether or not the log could be folded in.
            prepared.log.close_file().ok();
            if failure.outcome == Outcome::Failed {
                tell_how_to_resume(&prepared.target);
            }
            return Err(failure);
        }
    };
    prepared.notes.append(&mut finished.notes);
    if interrupted.is_some() {
        prepared.notes.push(
            "the run was stopped before its end; the figures are of what was done".to_owned(),
        );
    }
    let progress = &finished.progress;
    let results = prepared.log.since(0);
    let mut report = Report {
        images: &prepared.images,
        results: &results,
        settings: &prepared.settings,
        network_calls: progress.network_calls,
        seconds: progress.network_secs,
        num_skipped: prepared.num_skipped + progress.images_skipped,
        notes: &prepared.notes,
    };
    // A run that is resumed, or made again, may have been looked through before.
    let note = note_of_marks(&prepared.target.run_file, &report);
    let notes: Vec<String> = prepared.notes.iter().cloned().chain(note).collect();
    report.notes = &notes;
    let segments = prepared.log.with_writer(|writer| {
        writer.end_segment(progress.network_calls, progress.network_secs)?;
        Ok(writer.segments().to_vec())
    });
    segments
        .transpose()
        .map(|segments| prepared.segments.extend(segments.unwrap_or_default()))
        .and_then(|()| prepared.log.close_file())
        .map_err(Failure::failed)?;
    let summary = match &prepared.target.report {
        Some(folder) => {
            let summary = report.write(folder).map_err(Failure::failed)?;
            report
                .write_page(folder, &prepared.manifest, &prepared.segments)
                .map_err(Failure::failed)?;
            summary
        }
        None => report.summary(),
    };
    print_summary(&summary, &prepared.target);
    if interrupted.is_some() {
        tell_how_to_resume(&prepared.target);
    }
    let outcome = interrupted.map_or(Outcome::Done, Outcome::Interrupted);
    Ok((outcome, summary))
}

fn score(prepared: &mut Prepared, signals: &Signals) -> Result<(Finished, Option<u8>), Failure> {
    let Some(checkpoint) = prepared.checkpoint.take() else {
        let notes = vec!["every attempt was there already; nothing was scored".to_owned()];
        let finished = Finished {
            progress: Default::default(),
            notes,
        };
        return Ok((finished, None));
    };
    let request = RunRequest {
        settings: prepared.settings.clone(),
        images: Arc::clone(&prepared.images),
        results: Arc::clone(&prepared.log),
        saving: None,
    };
    let log = Arc::clone(&prepared.log);
    let earlier: Vec<Segment> = (prepared.segments.iter())
        .map(|(_, segment)| segment.clone())
        .collect();
    let may_mix = prepared.may_mix_kernels;
    let writing = Arc::clone(&prepared.log);
    let mut on_opened = |info: &ModelInfo| {
        let device = request.device(&info.device);
        let note = kernels_note(&earlier, &device, may_mix)?;
        log.with_writer(|writer| {
            writer.begin_segment(&device)?;
            note.as_ref().map_or(Ok(()), |note| writer.add_notice(note))
        })
        .transpose()
        .map_err(Failure::failed)?;
        Ok(note)
    };
    let Some(mut watch) = prepared.watch.take() else {
        return follow(checkpoint, &request, signals, &mut on_opened);
    };
    let mut lines = Lines::new(
        prepared.is_json,
        &prepared.log,
        prepared.settings.method.detector.num_attempts(),
    )?;
    let (images, manifest) = (&mut prepared.images, &mut prepared.manifest);
    let settings = &request.settings;
    let mut more = |control: &Control| {
        lines.tell(images, &writing, settings)?;
        let is_over = || control.check().is_err();
        let come = loop {
            let mut come = watch.wait(&is_over);
            // What a detector was fitted on is no evidence, as among the first images.
            leave_out_fitted(&mut come, &*settings.method.detector);
            if !come.is_empty() {
                break come;
            }
            if is_over() {
                return Ok(None);
            }
        };
        manifest.num_images += come.len();
        writing
            .with_writer(|writer| writer.add_images(manifest, &come))
            .transpose()
            .map_err(Failure::failed)?;
        *images = images.iter().cloned().chain(come).collect();
        Ok(Some(Arc::clone(images)))
    };
    let followed = follow_on(checkpoint, &request, signals, &mut on_opened, &mut more);
    prepared.num_skipped += watch.num_skipped;
    followed
}

/// What is to be noted about the kernels that continue with a run; a refusal where its scores would not be comparable.
fn kernels_note(
    earlier: &[Segment],
    device: &DeviceInfo,
    may_mix: bool,
) -> Result<Option<String>, Failure> {
    match Continuation::new(earlier, &Segment::now(device)).note() {
        Ok(note) => Ok(note),
        Err(reason) if may_mix => Ok(Some(format!(
            "the run continues with other kernels, as was asked for: {reason}"
        ))),
        Err(reason) => Err(Failure::bad_request(anyhow::anyhow!(
            "the run can't be continued: {reason}; continue with the same --device and version, or allow it by --mix-kernels"
        ))),
    }
}

fn tell_how_to_resume(target: &Target) {
    terminal::message(&format!(
        "what was done is kept; to continue: lmd score --resume {}",
        output::quoted(&target.run_file)
    ));
}

fn print_summary(summary: &Summary, target: &Target) {
    let images = &summary.images;
    terminal::message(&format!(
        "{} in-domain, {} out-of-domain, {} unknown images scored, {} files skipped",
        images.r#in, images.out, images.unknown, images.skipped
    ));
    if let Some(auroc) = &summary.auroc {
        let shown: Vec<String> = (measures::in_order_of_preference(&auroc.measures()).iter())
            .filter_map(|measure| {
                let value = auroc.of(*measure)?;
                Some(format!("{} {value:.4}", measures::label(measure)))
            })
            .collect();
        terminal::message(&format!("AUROC: {}", shown.join(", ")));
    }
    for note in &summary.notes {
        terminal::message(&format!("note: {note}"));
    }
    let calls = match summary.network_calls {
        0 => "no network calls".to_owned(),
        calls => format!(
            "{calls} network calls in {:.1} s ({:.1} a second)",
            summary.seconds, summary.calls_per_second
        ),
    };
    terminal::message(&format!("{calls}; {}", target.whereabouts()));
}
