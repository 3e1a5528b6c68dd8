//! The file-reading thread: listings, thumbnails and mask previews, beside the inference thread so that
//! folders can be added during a run.

use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crossbeam_channel::{Receiver, Sender, bounded};

use super::clipboard;
use super::handle::{Link, Outbox};
use super::keeping;
use super::protocol::{
    AssessRequest, Control, ConvertRequest, FolderListing, JobId, LibraryCommand, LibraryEvent,
    MarksNotWritten, SettingsFrom, Wake,
};
use super::similar;
use crate::detectors::DetectorSpec;
use crate::engine::assess::assess;
use crate::engine::doctor::{Finding, diagnose};
use crate::engine::error_chain;
use crate::engine::export::{ExportRequest, export};
use crate::engine::plots::{PlotsRequest, save_plots};
use crate::engine::preview::preview;
use crate::images::decode::decode_file;
use crate::images::layouts::{self, Layout};
use crate::images::prepare::thumbnail;
use crate::images::sources::{self, Wanted};
use crate::images::write::{encode_png, write_atomically};
use crate::images::{ContentHash, Picture, samples};
use crate::networks::distances::{DistanceWeights, Half, from_file};
use crate::ood::Role;
use crate::runs::{Calibration, Marks, fit_file, marks};

/// Requests waiting for the thread; a window asks again for what did not fit.
const COMMAND_QUEUE: usize = 64;
/// Replies waiting for the window.
const EVENT_QUEUE: usize = 256;
/// Files between two reports of a listing.
const SCAN_REPORT: usize = 64;

/// The file-reading thread.
pub type LibraryHandle = Link<LibraryCommand, LibraryEvent>;

impl LibraryHandle {
    /// Start the thread. `wake` is called after each event.
    pub fn start(wake: Wake) -> io::Result<Self> {
        // Listings take long, so each has a thread of its own that answers through this one.
        let (side_tx, side_rx) = bounded(EVENT_QUEUE);
        let side_wake = Wake::clone(&wake);
        let link = Self::spawn(
            "files",
            COMMAND_QUEUE,
            EVENT_QUEUE,
            wake,
            move |commands, outbox| serve(&commands, outbox, &side_tx, &side_rx, &side_wake),
        )?;
        Ok(link)
    }
}

fn serve(
    commands: &Receiver<LibraryCommand>,
    mut outbox: Outbox<LibraryEvent>,
    side_tx: &Sender<LibraryEvent>,
    side_rx: &Receiver<LibraryEvent>,
    wake: &Wake,
) {
    loop {
        crossbeam_channel::select! {
            recv(side_rx) -> event => {
                if let Ok(event) = event {
                    outbox.post(event);
                }
            }
            recv(commands) -> command => match command {
                Ok(command) => answer(command, &mut outbox, side_tx, wake),
                Err(_) => return, // The window has gone.
            },
            default(super::handle::FLUSH_INTERVAL) => outbox.flush(),
        }
    }
}

/// What is in a detector file, or in the file of a fit.
fn opened_detector(path: PathBuf) -> LibraryEvent {
    if fit_file::is_fit(&path) {
        let detector = fit_file::load(&path).map_err(|err| err.to_string());
        return LibraryEvent::FitOpened { detector };
    }
    let detector = Calibration::load(&path)
        .map(Arc::new)
        .map_err(|err| err.to_string());
    let written = std::fs::metadata(&path).and_then(|metadata| metadata.modified());
    LibraryEvent::DetectorOpened {
        path,
        detector,
        // A date is nice to have.
        written: written.ok(),
    }
}

fn saved_detector(path: PathBuf, detector: &Calibration) -> LibraryEvent {
    let outcome = detector.save(&path).map_err(|err| err.to_string());
    LibraryEvent::DetectorSaved { path, outcome }
}

fn saved_fit(path: PathBuf, detector: &DetectorSpec, may_overwrite: bool) -> LibraryEvent {
    let outcome = fit_file::save(detector, &path, may_overwrite).map_err(|err| err.to_string());
    LibraryEvent::FitSaved { path, outcome }
}

fn read_weights(path: PathBuf, half: Option<&Half>) -> LibraryEvent {
    let weights = from_file::identify(&path, half).map_err(|err| err.to_string());
    LibraryEvent::WeightsRead { path, weights }
}

fn read_network(path: PathBuf) -> LibraryEvent {
    let weights = from_file::identify_network(&path).map_err(|err| err.to_string());
    LibraryEvent::NetworkRead { path, weights }
}

fn checked_weights(weights: DistanceWeights) -> LibraryEvent {
    let outcome = weights.check().map_err(|err| err.to_string());
    LibraryEvent::WeightsChecked { weights, outcome }
}

fn unpacked_samples(job: JobId) -> LibraryEvent {
    let folders = samples::extract().map_err(|err| error_chain(&err));
    LibraryEvent::Samples { job, folders }
}

fn answer(
    command: LibraryCommand,
    outbox: &mut Outbox<LibraryEvent>,
    side: &Sender<LibraryEvent>,
    wake: &Wake,
) {
    match command {
        LibraryCommand::Scan {
            job,
            path,
            role,
            may_ask,
            control,
        } => {
            let reply = side.clone();
            let task = move || match may_ask.then(|| to_propose(&path, role)).flatten() {
                Some(layout) => {
                    // The receiver goes only with the whole library thread.
                    reply.send(LibraryEvent::Proposed { job, layout }).ok();
                }
                None => scan(job, &path, role, &control, &reply),
            };
            if let Err(err) = aside("scan", task) {
                let listing = Err(format!("no thread for the listing: {err}"));
                outbox.post(LibraryEvent::Scanned { job, listing });
            }
        }
        LibraryCommand::Recognize { path } => recognize_aside(path, outbox, side),
        LibraryCommand::Thumbnail { path, max_side } => {
            let picture = small_picture(&path, max_side);
            outbox.post(LibraryEvent::Thumbnail { path, picture });
        }
        LibraryCommand::Preview(request) => {
            let preview = preview(&request);
            outbox.post(LibraryEvent::Preview { request, preview });
        }
        LibraryCommand::Painted { job, picture } => {
            let listing = listed_picture(&picture, "painted");
            outbox.post(LibraryEvent::Scanned { job, listing });
        }
        LibraryCommand::Paste { job } => paste_aside(job, outbox, side),
        LibraryCommand::Copy { picture, name } => copy_aside(picture, name, outbox, side),
        LibraryCommand::Export { job, request } => export_aside(job, request, outbox, side),
        LibraryCommand::Samples { job } => outbox.post(unpacked_samples(job)),
        LibraryCommand::Assess { job, request } => assess_aside(job, request, outbox, side),
        LibraryCommand::SaveDetector { path, detector } => {
            outbox.post(saved_detector(path, &detector));
        }
        LibraryCommand::Convert(request) => convert_aside(request, outbox, side),
        LibraryCommand::SaveFit {
            path,
            detector,
            may_overwrite,
        } => outbox.post(saved_fit(path, &detector, may_overwrite)),
        LibraryCommand::SavePlots { request } => plots_aside(&request, outbox, side),
        LibraryCommand::OpenDetector { path } => outbox.post(opened_detector(path)),
        LibraryCommand::ReadWeights { path, half } => {
            outbox.post(read_weights(path, half.as_ref()));
        }
        LibraryCommand::ReadNetwork { path } => outbox.post(read_network(path)),
        LibraryCommand::CheckWeights { weights } => outbox.post(checked_weights(weights)),
        LibraryCommand::Diagnose => diagnose_aside(outbox, side),
        LibraryCommand::WriteMarks {
            job,
            run,
            changed,
            marks,
        } => outbox.post(written_marks(job, &run, &changed, &marks)),
        LibraryCommand::Compare {
            job,
            request,
            control,
        } => similar::compare_aside(job, request, control, outbox, side),
        LibraryCommand::CompareFiles {
            job,
            images,
            control,
        } => similar::compare_files_aside(job, images, control, side),
        LibraryCommand::Runs(command) => runs_aside(command, outbox, side),
    }
    wake();
}

fn assess_aside(
    job: JobId,
    request: AssessRequest,
    outbox: &mut Outbox<LibraryEvent>,
    side: &Sender<LibraryEvent>,
) {
    let reply = side.clone();
    let task = move || {
        let assessment = Arc::new(assess(&request));
        // The receiver goes only with the whole library thread.
        reply.send(LibraryEvent::Assessed { job, assessment }).ok();
    };
    if aside("figures", task).is_err() {
        let assessment = Arc::default();
        outbox.post(LibraryEvent::Assessed { job, assessment });
    }
}

fn written_marks(
    job: JobId,
    run: &Path,
    changed: &BTreeSet<ContentHash>,
    marks: &Marks,
) -> LibraryEvent {
    let outcome = marks::update(run, changed, marks).map_err(|error| MarksNotWritten {
        reason: error.to_string(),
        is_for_good: error.is_of_content(),
    });
    LibraryEvent::MarksWritten { job, outcome }
}

fn convert_aside(
    request: ConvertRequest,
    outbox: &mut Outbox<LibraryEvent>,
    side: &Sender<LibraryEvent>,
) {
    let (reply, place) = (side.clone(), request.output.clone());
    let task = move || {
        let outcome = (request.carry_out(SettingsFrom::Beside))
            .map(|made| made.summary())
            .map_err(|error| error_chain(&error));
        let output = request.output;
        // The receiver goes only with the whole library thread.
        reply.send(LibraryEvent::Converted { output, outcome }).ok();
    };
    if let Err(error) = aside("convert", task) {
        outbox.post(LibraryEvent::Converted {
            output: place,
            outcome: Err(format!("no thread for the conversion: {error}")),
        });
    }
}

/// Look at the machine on a thread of its own: drivers take their time.
fn diagnose_aside(outbox: &mut Outbox<LibraryEvent>, side: &Sender<LibraryEvent>) {
    let reply = side.clone();
    let task = move || {
        // The receiver goes only with the whole library thread.
        let mut tell = |finding: &Finding| {
            reply.send(LibraryEvent::Found(finding.clone())).ok();
        };
        let report = Arc::new(diagnose(&mut tell));
        reply.send(LibraryEvent::Diagnosed(report)).ok();
    };
    if aside("doctor", task).is_err() {
        outbox.post(LibraryEvent::Diagnosed(Arc::new(diagnose(&mut |_| ()))));
    }
}

pub(super) fn aside(name: &str, task: impl FnOnce() + Send + 'static) -> io::Result<()> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(task)
        .map(|_| ())
}

/// What to ask about before a path is listed for a role. What is wrong with a table is said where it is listed.
fn to_propose(path: &Path, role: Role) -> Option<Box<Layout>> {
    let layout = layouts::recognize(path).ok().flatten();
    layout.filter(|layout| layout.must_ask(role)).map(Box::new)
}

fn recognize_aside(path: PathBuf, outbox: &mut Outbox<LibraryEvent>, side: &Sender<LibraryEvent>) {
    let (reply, asked) = (side.clone(), path.clone());
    let task = move || {
        let layout = layouts::recognize(&asked).ok().flatten().map(Box::new);
        let path = asked;
        // The receiver goes only with the whole library thread.
        reply.send(LibraryEvent::Recognized { path, layout }).ok();
    };
    if aside("recognize", task).is_err() {
        // Without an answer it is asked again when the folder is added.
        outbox.post(LibraryEvent::Recognized { path, layout: None });
    }
}

fn scan(job: JobId, path: &Path, role: Role, control: &Control, reply: &Sender<LibraryEvent>) {
    let mut progress = |num_images: usize| {
        if control.is_cancelled() {
            return ControlFlow::Break(());
        }
        if num_images.is_multiple_of(SCAN_REPORT) {
            reply
                .try_send(LibraryEvent::Scanning { job, num_images })
                .ok(); // Only news.
        }
        ControlFlow::Continue(())
    };
    let listing = sources::list(path, Wanted::of_role(role, None), &mut progress)
        .map(|mut listing| {
            listing.notes.extend(layouts::warning(path, role));
            Arc::new(FolderListing {
                path: path.to_owned(),
                role,
                files: listing.files,
                unreadable: listing.unreadable,
                notes: listing.notes,
            })
        })
        .map_err(|err| error_chain(&err));
    // The receiver goes only with the whole library thread.
    reply.send(LibraryEvent::Scanned { job, listing }).ok();
}

/// Write images on a thread of their own, since there may be many.
fn export_aside(
    job: JobId,
    request: Arc<ExportRequest>,
    outbox: &mut Outbox<LibraryEvent>,
    side: &Sender<LibraryEvent>,
) {
    let (reply, asked) = (side.clone(), Arc::clone(&request));
    let task = move || {
        let outcome = export(&asked).map_err(|err| err.to_string());
        // The receiver goes only with the whole library thread.
        reply
            .send(LibraryEvent::Exported {
                job,
                request: asked,
                outcome,
            })
            .ok();
    };
    if let Err(err) = aside("export", task) {
        let outcome = Err(format!("no thread for it: {err}"));
        outbox.post(LibraryEvent::Exported {
            job,
            request,
            outcome,
        });
    }
}

/// Write plots from a thread of its own: their figures take long.
fn plots_aside(
    request: &Arc<PlotsRequest>,
    outbox: &mut Outbox<LibraryEvent>,
    side: &Sender<LibraryEvent>,
) {
    let (reply, asked) = (side.clone(), Arc::clone(request));
    let task = move || {
        let folder = asked.folder.clone();
        let outcome = save_plots(&asked).map_err(|err| err.to_string());
        // The receiver goes only with the whole library thread.
        reply
            .send(LibraryEvent::PlotsSaved { folder, outcome })
            .ok();
    };
    if let Err(err) = aside("plots", task) {
        outbox.post(LibraryEvent::PlotsSaved {
            folder: request.folder.clone(),
            outcome: Err(format!("no thread to draw the plots: {err}")),
        });
    }
}

/// Put a picture into the clipboard from a thread of its own.
fn copy_aside(
    picture: Picture,
    name: String,
    outbox: &mut Outbox<LibraryEvent>,
    side: &Sender<LibraryEvent>,
) {
    let (reply, asked) = (side.clone(), name.clone());
    let task = move || {
        let (name, outcome) = (asked, clipboard::copy(&picture));
        // The receiver goes only with the whole library thread.
        reply.send(LibraryEvent::Copied { name, outcome }).ok();
    };
    if let Err(err) = aside("clipboard", task) {
        let outcome = Err(format!("no thread to reach the clipboard: {err}"));
        outbox.post(LibraryEvent::Copied { name, outcome });
    }
}

/// Read the clipboard from a thread of its own.
fn paste_aside(job: JobId, outbox: &mut Outbox<LibraryEvent>, side: &Sender<LibraryEvent>) {
    let reply = side.clone();
    let task = move || {
        let listing = clipboard::paste();
        // The receiver goes only with the whole library thread.
        reply.send(LibraryEvent::Scanned { job, listing }).ok();
    };
    if let Err(err) = aside("clipboard", task) {
        let listing = Err(format!("no thread to read the clipboard: {err}"));
        outbox.post(LibraryEvent::Scanned { job, listing });
    }
}

/// Work on run files on a thread of its own, since they may be large.
fn runs_aside(
    command: keeping::RunsCommand,
    outbox: &mut Outbox<LibraryEvent>,
    side: &Sender<LibraryEvent>,
) {
    let (reply, asked) = (side.clone(), command.clone());
    let task = move || {
        // The receiver goes only with the whole library thread.
        reply.send(LibraryEvent::Runs(keeping::answer(asked))).ok();
    };
    if aside("runs", task).is_err() {
        outbox.post(LibraryEvent::Runs(keeping::answer(command)));
    }
}

/// Write a picture that has no file to the folder for temporary files and list it there; `how` it came.
pub(super) fn listed_picture(picture: &Picture, how: &str) -> Result<Arc<FolderListing>, String> {
    // One name a process: a new picture takes the place of the last one.
    let name = format!("lmd-inspector-{how}-{}.png", std::process::id());
    let path = std::env::temp_dir().join(name);
    encode_png(picture)
        .and_then(|bytes| write_atomically(&path, &bytes))
        .map_err(|err| {
            format!(
                "the {how} picture could not be kept ({err}): {}",
                path.display()
            )
        })?;
    let listing = sources::list(&path, Wanted::all(), &mut |_| ControlFlow::Continue(()))
        .map_err(|err| error_chain(&err))?;
    Ok(Arc::new(FolderListing {
        path,
        role: Role::Unknown,
        files: listing.files,
        unreadable: listing.unreadable,
        notes: listing.notes,
    }))
}

fn small_picture(path: &std::path::Path, max_side: usize) -> Result<Picture, String> {
    decode_file(path)
        .map(|decoded| thumbnail(&decoded, max_side))
        .map_err(|err| error_chain(&err))
}
