//! The platform's file dialogs: begun on the window's thread, awaited on a thread of their own.
//!
//! macOS wants them begun on the main thread, and a portal on Linux may hang for good, so nobody waits for one.

use std::io;
use std::path::PathBuf;
use std::pin::Pin;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};
use rfd::{AsyncFileDialog, FileHandle};

use super::protocol::{DialogKind, JobId, LibraryEvent, Wake};
use crate::runs::file::EXTENSION;
use crate::runs::fit_file;

/// Answers waiting for the window; it shows one dialog at a time.
const ANSWER_QUEUE: usize = 8;

/// Nobody closes a dialog this fast: it was never shown.
const FASTEST_ANSWER: Duration = Duration::from_millis(150);

type Choice = Pin<Box<dyn Future<Output = Vec<PathBuf>> + Send>>;

/// The dialogs that are open, and their answers.
pub struct Dialogs {
    wake: Wake,
    sender: Sender<LibraryEvent>,
    answers: Receiver<LibraryEvent>,
}

impl Dialogs {
    /// None open; `wake` is called after each answer.
    pub fn new(wake: Wake) -> Self {
        let (sender, answers) = bounded(ANSWER_QUEUE);
        Self {
            wake,
            sender,
            answers,
        }
    }

    /// Show one. Call on the main thread.
    pub fn show(&self, job: JobId, kind: DialogKind) {
        if let Err(error) = self.try_show(job, kind) {
            log::warn!("no thread for the file dialog: {error}");
            let not_shown = LibraryEvent::Chosen {
                job,
                kind,
                paths: Vec::new(),
                was_shown: false,
            };
            self.sender.try_send(not_shown).ok(); // One dialog at a time fits.
        }
    }

    fn try_show(&self, job: JobId, kind: DialogKind) -> io::Result<()> {
        let began = Instant::now();
        let choice = begin(kind);
        let (sender, wake) = (self.sender.clone(), Wake::clone(&self.wake));
        std::thread::Builder::new()
            .name("dialog".to_owned())
            .spawn(move || {
                let paths = pollster::block_on(choice);
                let was_shown = !paths.is_empty() || began.elapsed() > FASTEST_ANSWER;
                // The receiver goes only with the window.
                sender
                    .send(LibraryEvent::Chosen {
                        job,
                        kind,
                        paths,
                        was_shown,
                    })
                    .ok();
                wake();
            })
            .map(|_| ())
    }

    /// An answer, if there is one; never waits.
    pub fn poll(&self) -> Option<LibraryEvent> {
        self.answers.try_recv().ok() // Empty: the sender lives as long as this.
    }
}

fn begin(kind: DialogKind) -> Choice {
    let dialog = AsyncFileDialog::new();
    match kind {
        DialogKind::Model => one(dialog.set_title("Choose a model folder").pick_folder()),
        DialogKind::TrainFolder => one(dialog
            .set_title("Choose a folder of images to learn from")
            .pick_folder()),
        DialogKind::MaskFile => one(dialog.set_title("Choose a mask image").pick_file()),
        DialogKind::Weights => one(dialog
            .set_title("Choose a file with weights of a distance")
            .pick_file()),
        DialogKind::Network => one(dialog
            .set_title("Choose a file with a network for features")
            .pick_file()),
        DialogKind::PlotFolder => one(dialog
            .set_title("Choose a folder for the plots")
            .pick_folder()),
        DialogKind::ExportFolder => one(dialog
            .set_title("Choose a folder for the images")
            .pick_folder()),
        DialogKind::OpenDetector => one(dialog
            .set_title("Choose a detector file")
            .add_filter("Detector", &["json", fit_file::EXTENSION])
            .pick_file()),
        DialogKind::SaveDetector => one(dialog
            .set_title("Save the detector")
            .set_file_name("detector.json")
            .save_file()),
        DialogKind::SaveFit => one(dialog
            .set_title("Save the fit")
            .add_filter("Fit", &[fit_file::EXTENSION])
            .set_file_name(format!("detector.{}", fit_file::EXTENSION))
            .save_file()),
        DialogKind::Convert => one(dialog
            .set_title("Save the model as a folder")
            .set_file_name("model")
            .save_file()),
        DialogKind::OpenRun => one(dialog
            .set_title("Choose a run file")
            .add_filter("Run", &[EXTENSION])
            .pick_file()),
        DialogKind::SaveRun => one(dialog
            .set_title("Save the run")
            .set_file_name(format!("run.{EXTENSION}"))
            .save_file()),
        DialogKind::Folders(role) => {
            let title = format!("Choose {} folders", role.label().to_lowercase());
            let chosen = dialog.set_title(title).pick_folders();
            Box::pin(async move { paths(chosen.await.unwrap_or_default()) })
        }
    }
}

fn one(chosen: impl Future<Output = Option<FileHandle>> + Send + 'static) -> Choice {
    Box::pin(async move { paths(chosen.await) })
}

fn paths(handles: impl IntoIterator<Item = FileHandle>) -> Vec<PathBuf> {
    let handles = handles.into_iter();
    handles.map(|handle| handle.path().to_owned()).collect()
}
