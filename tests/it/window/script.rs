//! A script in place of the background threads: it keeps what was asked and says what the test tells it to.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use lmd_inspector::engine::assess::assess;
use lmd_inspector::engine::similar::{Looker, Similar};
use lmd_inspector::images::file::NativeInfo;
use lmd_inspector::images::samples::SampleFolders;
use lmd_inspector::images::{ContentHash, Geometry, ImageFile, ImageStatistics, Picture};
use lmd_inspector::networks::ModelIdentity;
use lmd_inspector::networks::distances::{LPIPS, MSE, SSIM};
use lmd_inspector::networks::executors::{DeviceInfo, Numerics};
use lmd_inspector::ood::{KnownMask, Role};
use lmd_inspector::ui::{Backend, Lost};
use lmd_inspector::worker::handle::SendError;
use lmd_inspector::worker::protocol::{
    AttemptResult, Command, Control, DialogKind, Event, FitRequest, FolderListing, JobId,
    LibraryCommand, LibraryEvent, ModelInfo, ModelSource, Preview, PreviewRequest, Progress,
    RunRequest, TrainCommand, TrainEvent,
};

/// Side of the made-up images.
const SIDE: usize = 32;

/// What both ends of the script share.
#[derive(Default)]
pub struct Shared {
    /// Commands to the inference thread, in order.
    pub commands: Vec<Command>,
    /// Commands to the file-reading thread, in order; thumbnails, previews, figures and comparisons are answered at once and
    /// not kept.
    pub library_commands: Vec<LibraryCommand>,
    /// Commands to the training thread, in order.
    pub train_commands: Vec<TrainCommand>,
    /// Events of the training thread that the window has not taken yet.
    pub train_events: VecDeque<TrainEvent>,
    /// File dialogs that were asked for, in order.
    pub dialogs: Vec<(JobId, DialogKind)>,
    /// Events of the inference thread that the window has not taken yet.
    pub events: VecDeque<Event>,
    /// Events of the file-reading thread that the window has not taken yet.
    pub library_events: VecDeque<LibraryEvent>,
    /// The inference thread has died.
    pub is_lost: bool,
    /// Commands are refused.
    pub is_busy: bool,
    /// How far out-of-domain scores come down to the in-domain ones, which they do not meet by themselves.
    pub overlap: f64,
    /// What is said of files that are nearly the same in two roles.
    pub near_duplicates: Option<String>,
    /// Comparisons of images are kept and not answered.
    pub holds_comparisons: bool,
    /// What the files of out-of-domain folders are, where they differ from the rest.
    pub out_of_domain_native: Option<NativeInfo>,
}

/// The script's end in the test.
#[derive(Clone, Default)]
pub struct Script(pub Rc<RefCell<Shared>>);

impl Backend for Script {
    fn send(&mut self, command: Command) -> Result<(), SendError> {
        let mut shared = self.0.borrow_mut();
        if shared.is_busy {
            return Err(SendError::Busy);
        }
        shared.commands.push(command);
        Ok(())
    }

    fn send_library(&mut self, command: LibraryCommand) -> Result<(), SendError> {
        let mut shared = self.0.borrow_mut();
        if shared.is_busy {
            return Err(SendError::Busy);
        }
        match command {
            LibraryCommand::Thumbnail { path, .. } => {
                let picture = Ok(drawn(&path, 0.0));
                shared
                    .library_events
                    .push_back(LibraryEvent::Thumbnail { path, picture });
            }
            LibraryCommand::Preview(request) => {
                let preview = preview(&request);
                shared
                    .library_events
                    .push_back(LibraryEvent::Preview { request, preview });
            }
            LibraryCommand::Assess { job, request } => {
                let assessment = Arc::new(assess(&request));
                shared
                    .library_events
                    .push_back(LibraryEvent::Assessed { job, assessment });
            }
            LibraryCommand::Compare {
                job,
                request,
                control,
            } if !shared.holds_comparisons => {
                let mut looker = Looker::open(Some(1)).unwrap();
                let similar = Similar::of(&request, &mut looker, &control, &mut |_| ());
                let similar = similar.map(Arc::new).map_err(|error| error.to_string());
                shared
                    .library_events
                    .push_back(LibraryEvent::Compared { job, similar });
            }
            // Made-up images have no files.
            LibraryCommand::CompareFiles { job, .. } => {
                let warning = shared.near_duplicates.clone();
                shared
                    .library_events
                    .push_back(LibraryEvent::FilesCompared { job, warning });
            }
            command => shared.library_commands.push(command),
        }
        Ok(())
    }

    fn send_trainer(&mut self, command: TrainCommand) -> Result<(), SendError> {
        self.0.borrow_mut().train_commands.push(command);
        Ok(())
    }

    fn show_dialog(&mut self, job: JobId, kind: DialogKind) {
        self.0.borrow_mut().dialogs.push((job, kind));
    }

    fn poll(&mut self) -> Result<Option<Event>, Lost> {
        let mut shared = self.0.borrow_mut();
        if shared.is_lost {
            return Err(Lost);
        }
        Ok(shared.events.pop_front())
    }

    fn poll_library(&mut self) -> Result<Option<LibraryEvent>, Lost> {
        Ok(self.0.borrow_mut().library_events.pop_front())
    }

    fn poll_trainer(&mut self) -> Result<Option<TrainEvent>, Lost> {
        Ok(self.0.borrow_mut().train_events.pop_front())
    }

    fn restart(&mut self) -> io::Result<()> {
        self.0.borrow_mut().is_lost = false;
        Ok(())
    }

    fn restart_library(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn restart_trainer(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Script {
    /// Say something as the inference thread.
    pub fn say(&self, event: Event) {
        self.0.borrow_mut().events.push_back(event);
    }

    /// Say something as the file-reading thread.
    pub fn say_library(&self, event: LibraryEvent) {
        self.0.borrow_mut().library_events.push_back(event);
    }

    /// Answer the last request for a model.
    pub fn open_model(&self) {
        let job = self.last_open();
        self.say(Event::ModelOpened {
            job,
            info: Arc::new(model_info()),
        });
    }

    /// The job of the last request for a model.
    pub fn last_open(&self) -> JobId {
        let shared = self.0.borrow();
        let mut opens = shared.commands.iter().rev();
        opens
            .find_map(|command| match command {
                Command::OpenModel { job, .. } => Some(*job),
                Command::Run { .. }
                | Command::Trace { .. }
                | Command::Map { .. }
                | Command::Fit { .. } => None,
            })
            .expect("a model should have been asked for")
    }

    /// The last run that was asked for.
    pub fn last_run(&self) -> (JobId, RunRequest, Control) {
        let shared = self.0.borrow();
        let mut runs = shared.commands.iter().rev();
        runs.find_map(|command| match command {
            Command::Run {
                job,
                request,
                control,
            } => Some((*job, request.clone(), control.clone())),
            Command::OpenModel { .. }
            | Command::Trace { .. }
            | Command::Map { .. }
            | Command::Fit { .. } => None,
        })
        .expect("a run should have been asked for")
    }

    /// The last fit that was asked for.
    pub fn last_fit(&self) -> (JobId, FitRequest, Control) {
        let shared = self.0.borrow();
        let mut fits = shared.commands.iter().rev();
        fits.find_map(|command| match command {
            Command::Fit {
                job,
                request,
                control,
                ..
            } => Some((*job, request.clone(), control.clone())),
            Command::OpenModel { .. }
            | Command::Run { .. }
            | Command::Trace { .. }
            | Command::Map { .. } => None,
        })
        .expect("a fit should have been asked for")
    }

    /// Whether a run was asked for.
    pub fn has_run(&self) -> bool {
        let shared = self.0.borrow();
        shared
            .commands
            .iter()
            .any(|command| matches!(command, Command::Run { .. }))
    }

    /// Answer the request for samples and then all listings, `num_images` a folder.
    pub fn list_folders(&self, num_images: usize) {
        let commands = std::mem::take(&mut self.0.borrow_mut().library_commands);
        for command in commands {
            match command {
                LibraryCommand::Samples { job } => self.say_library(LibraryEvent::Samples {
                    job,
                    folders: Ok(SampleFolders {
                        folder: "/samples".into(),
                    }),
                }),
                LibraryCommand::Scan {
                    job, path, role, ..
                } => {
                    let mut listing = listing(path, role, num_images);
                    let native = self.0.borrow().out_of_domain_native.clone();
                    if let Some(native) = native.filter(|_| role == Role::OutOfDomain) {
                        for file in &mut listing.files {
                            Arc::make_mut(file).native = native.clone();
                        }
                    }
                    let listing = Ok(Arc::new(listing));
                    self.say_library(LibraryEvent::Scanned { job, listing });
                }
                other => self.0.borrow_mut().library_commands.push(other),
            }
        }
    }

    /// Answer a request to list one picture.
    pub fn list_one(&self, job: JobId, path: &str) {
        let path = PathBuf::from(path);
        let mut listing = listing(path.clone(), Role::Unknown, 1);
        Arc::make_mut(&mut listing.files[0]).path = path;
        self.say_library(LibraryEvent::Scanned {
            job,
            listing: Ok(Arc::new(listing)),
        });
    }

    /// Append made-up results of all images for some attempts to the last run, and say so.
    pub fn make_attempts(&self, attempts: std::ops::Range<usize>) {
        let num_images = self.last_run().1.images.len();
        for attempt in attempts {
            self.make_results(attempt, 0..num_images);
        }
    }

    /// The same for one attempt of some images.
    pub fn make_results(&self, attempt: usize, images: std::ops::Range<usize>) {
        let (job, request, _) = self.last_run();
        let overlap = self.0.borrow().overlap;
        let mask = known_mask(attempt % 2);
        let done = attempt * request.images.len() + images.end;
        request.results.extend(images.map(|image| AttemptResult {
            known_mask: Some(Arc::clone(&mask)),
            ..made_up(&request, image, attempt, overlap)
        }));
        self.say(Event::Progress {
            job,
            progress: progress(&request, done),
        });
    }
}

/// How a run stands after some attempts at 1,000 calls a second.
pub fn progress(request: &RunRequest, attempts_done: usize) -> Progress {
    let calls = attempts_done as u64 * 25;
    Progress {
        attempts_done,
        num_attempts: request.images.len() * request.settings.method.detector.num_attempts(),
        images_done: 0,
        num_images: request.images.len(),
        images_skipped: 0,
        network_calls: calls,
        network_secs: calls as f64 / 1000.0,
        activity: "Inpainting attempt 3, step 12 of 25, batch of 16".to_owned(),
    }
}

fn made_up(request: &RunRequest, image: usize, attempt: usize, overlap: f64) -> AttemptResult {
    let entry = &request.images[image];
    let noise = |salt: usize| {
        let mixed = (image * 7919 + attempt * 104_729 + salt * 1_299_709) as u64;
        let mixed = mixed.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        mixed as f64 / (1_u64 << 24) as f64
    };
    let center = if entry.role == Role::InDomain {
        0.12
    } else {
        0.21 - overlap
    };
    let lpips = center + 0.09 * (noise(1) + noise(2) + noise(3) - 1.5);
    let original = drawn(&entry.file.path, 0.0);
    AttemptResult {
        image,
        attempt,
        values: [(MSE, lpips / 5.0), (SSIM, lpips * 1.5), (LPIPS, lpips)]
            .into_iter()
            .collect(),
        known_mask: None,
        statistics: Some(ImageStatistics::of(&original)),
        original,
        inpainted: Some(drawn(&entry.file.path, 0.1 + 0.1 * attempt as f64)),
    }
}

fn known_mask(attempt: usize) -> Arc<KnownMask> {
    let kind = lmd_inspector::ood::MaskKind::AlternatingCheckerboard;
    Arc::new(KnownMask::new(&kind, 8, SIDE, attempt, |_| 0, &[]).unwrap())
}

fn preview(request: &PreviewRequest) -> Result<Preview, String> {
    KnownMask::new(
        &request.mask,
        request.grid,
        SIDE,
        request.attempt,
        |_| 0,
        &[255; SIDE * SIDE],
    )
    .map(|known_mask| Preview {
        original: request.path.as_deref().map(|path| drawn(path, 0.0)),
        known_mask,
    })
    .map_err(|error| error.to_string())
}

/// A ring whose shape depends on the name, so that images can be told apart.
fn drawn(path: &Path, shift: f64) -> Picture {
    let seed: usize = path.to_string_lossy().bytes().map(usize::from).sum();
    let radius = 6.0 + (seed % 7) as f64;
    let squash = 1.0 + (seed % 3) as f64 * 0.4 + shift;
    let is_out =
        path.to_string_lossy().contains("mnist/") && !path.to_string_lossy().contains("fashion");
    let values: Vec<f32> = (0..SIDE * SIDE)
        .map(|i| {
            let (x, y) = ((i % SIDE) as f64 - 15.5, (i / SIDE) as f64 - 15.5);
            let distance = (x * x * squash + y * y).sqrt();
            let edge = if is_out {
                (distance - radius).abs() - 1.5
            } else {
                distance - radius
            };
            (1.0 - edge).clamp(0.0, 0.9) as f32
        })
        .collect();
    let geometry = Geometry {
        channels: 1,
        side: SIDE,
    };
    Picture::from_unit(geometry, &values)
}

fn listing(path: PathBuf, role: Role, num_images: usize) -> FolderListing {
    let files = (0..num_images)
        .map(|index| {
            let mut hash = [0; 32];
            hash[..8].copy_from_slice(&(index as u64).to_le_bytes());
            hash[8] = role as u8;
            // Of another folder it is another image.
            hash[9] = path
                .as_os_str()
                .as_encoded_bytes()
                .iter()
                .fold(0, |sum: u8, &byte| sum.wrapping_mul(31).wrapping_add(byte));
            Arc::new(ImageFile {
                path: path.join(format!("{index:05}.png")),
                hash: ContentHash(hash),
                native: NativeInfo {
                    width: 28,
                    height: 28,
                    format: "png".to_owned(),
                    color: "L8".to_owned(),
                    num_bytes: 400,
                    jpeg_quality: None,
                },
            })
        })
        .collect();
    let unreadable = vec![(
        path.join("notes.png"),
        "not an image in a supported format".to_owned(),
    )];
    FolderListing {
        path,
        role,
        files,
        unreadable: if role == Role::OutOfDomain {
            unreadable
        } else {
            Vec::new()
        },
        notes: Vec::new(),
    }
}

fn model_info() -> ModelInfo {
    ModelInfo {
        source: ModelSource::BUNDLED,
        name: "fashion-mnist-32".to_owned(),
        family: "diffusers UNet2DModel".to_owned(),
        geometry: Geometry {
            channels: 1,
            side: SIDE,
        },
        num_parameters: 1_107_041,
        flops_per_call: 0.38e9,
        identity: ModelIdentity::of_weights("00".repeat(32)),
        num_train_timesteps: 1000,
        device: DeviceInfo {
            label: "CPU (AVX2, 2 threads)".to_owned(),
            numerics: Numerics::new("CPU (AVX2)"),
        },
        call_secs: vec![(1, 0.005), (16, 0.05)],
        notes: Vec::new(),
        settings: Vec::new(),
        num_tensors: 0,
    }
}
