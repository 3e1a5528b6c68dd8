//! A stand-in for the background threads: made-up images and results at once, figures by the real thread.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::io;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;

use crate::images::file::NativeInfo;
use crate::images::{ContentHash, Geometry, ImageFile, ImageStatistics, Picture};
use crate::networks::ModelIdentity;
use crate::networks::distances::{LPIPS, MSE, SSIM};
use crate::networks::executors::{DeviceInfo, Numerics};
use crate::ood::{KnownMask, MaskKind, Role};
use crate::ui::{Backend, Lost};
use crate::worker::handle::SendError;
use crate::worker::library::LibraryHandle;
use crate::worker::protocol::{
    AttemptResult, Command, DialogKind, Event, FolderListing, JobId, LibraryCommand, LibraryEvent,
    ModelInfo, ModelSource, Progress, RunRequest, TrainCommand, TrainEvent,
};

/// The model's shape.
const GEOMETRY: Geometry = Geometry {
    channels: 1,
    side: 32,
};

/// What was asked of the threads and what they have said.
#[derive(Default)]
struct Shared {
    run: Option<(JobId, RunRequest)>,
    events: VecDeque<Event>,
    library_events: VecDeque<LibraryEvent>,
    num_done: usize,
}

/// The stand-in; clones are the same.
#[derive(Clone)]
pub struct StandIn {
    shared: Rc<RefCell<Shared>>,
    figures: Rc<LibraryHandle>,
    picture: Picture,
    known_mask: Option<Arc<KnownMask>>,
    num_images: usize,
}

impl StandIn {
    /// With folders of `num_images` images each.
    pub fn new(num_images: usize) -> io::Result<Self> {
        let kind = MaskKind::AlternatingCheckerboard;
        let known_mask = KnownMask::new(&kind, 8, GEOMETRY.side, 0, |_| 0, &[]).ok();
        let ramp: Vec<f32> = (0..GEOMETRY.side * GEOMETRY.side)
            .map(|pixel| (pixel % GEOMETRY.side) as f32 / GEOMETRY.side as f32)
            .collect();
        Ok(Self {
            shared: Rc::default(),
            figures: Rc::new(LibraryHandle::start(Arc::new(|| {}))?),
            picture: Picture::from_unit(GEOMETRY, &ramp),
            known_mask: known_mask.map(Arc::new),
            num_images,
        })
    }

    /// Append the next `count` results of the run, attempt by attempt, and say so; `false` once all are there.
    pub fn make_results(&self, count: usize) -> bool {
        let mut shared = self.shared.borrow_mut();
        let Some((job, request)) = shared.run.clone() else {
            return false;
        };
        let num_attempts = request.images.len() * request.settings.method.detector.num_attempts();
        let first = shared.num_done;
        let last = (first + count).min(num_attempts);
        request.results.extend(
            (first..last)
                .map(|index| self.result(index % request.images.len(), index, &request.images)),
        );
        shared.num_done = last;
        let progress = Progress {
            attempts_done: last,
            num_attempts,
            num_images: request.images.len(),
            network_calls: last as u64 * 25,
            network_secs: last as f64 * 0.04,
            ..Progress::default()
        };
        let is_done = last == num_attempts;
        shared.events.push_back(if is_done {
            Event::Done { job, progress }
        } else {
            Event::Progress { job, progress }
        });
        !is_done
    }

    fn result(
        &self,
        image: usize,
        index: usize,
        images: &[crate::runs::RunImage],
    ) -> AttemptResult {
        // Overlapping classes: there is a curve to draw and a threshold to look for.
        let center = match images[image].role {
            Role::InDomain => 0.12,
            Role::OutOfDomain | Role::Unknown => 0.17,
        };
        let lpips = center + 0.12 * (noise(index, image) - 0.5);
        AttemptResult {
            image,
            attempt: index / images.len(),
            values: [(MSE, lpips / 5.0), (SSIM, lpips * 1.5), (LPIPS, lpips)]
                .into_iter()
                .collect(),
            known_mask: self.known_mask.clone(),
            original: self.picture.clone(),
            inpainted: Some(self.picture.clone()),
            statistics: Some(ImageStatistics::with_png(&self.picture, 300 + image % 97)),
        }
    }

    fn listing(&self, path: PathBuf, role: Role) -> FolderListing {
        FolderListing {
            files: (0..self.num_images)
                .map(|index| image_file(&path, role, index))
                .collect(),
            path,
            role,
            unreadable: Vec::new(),
            notes: Vec::new(),
        }
    }
}

/// A number in [0, 1) that depends on both.
fn noise(a: usize, b: usize) -> f64 {
    let mixed = (a as u64 * 7919 + b as u64 * 104_729).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    (mixed >> 40) as f64 / (1_u64 << 24) as f64
}

fn image_file(folder: &Path, role: Role, index: usize) -> Arc<ImageFile> {
    let mut hash = [0; 32];
    hash[..8].copy_from_slice(&(index as u64).to_le_bytes());
    hash[8] = u8::from(role == Role::InDomain);
    Arc::new(ImageFile {
        path: folder.join(format!("{index:05}.png")),
        hash: ContentHash(hash),
        native: NativeInfo {
            width: 28,
            height: 28,
            format: "png".to_owned(),
            color: "L8".to_owned(),
            num_bytes: 400 + (index % 97) as u64,
            jpeg_quality: None,
        },
    })
}

fn model_info() -> ModelInfo {
    ModelInfo {
        source: ModelSource::BUNDLED,
        name: "fashion-mnist-32".to_owned(),
        family: "diffusers UNet2DModel".to_owned(),
        geometry: GEOMETRY,
        num_parameters: 1_112_801,
        flops_per_call: 0.5e9,
        identity: ModelIdentity::of_weights("00".repeat(32)),
        num_train_timesteps: 1000,
        device: DeviceInfo {
            label: "CPU".to_owned(),
            numerics: Numerics::new("CPU"),
        },
        call_secs: vec![(1, 0.0016), (8, 0.01)],
        notes: Vec::new(),
        settings: Vec::new(),
        num_tensors: 0,
    }
}

impl Backend for StandIn {
    fn send(&mut self, command: Command) -> Result<(), SendError> {
        let mut shared = self.shared.borrow_mut();
        match command {
            Command::OpenModel { job, .. } => shared.events.push_back(Event::ModelOpened {
                job,
                info: Arc::new(model_info()),
            }),
            Command::Run { job, request, .. } => shared.run = Some((job, request)),
            // Nobody asks for one here.
            Command::Trace { .. } | Command::Map { .. } | Command::Fit { .. } => {}
        }
        Ok(())
    }

    fn send_library(&mut self, command: LibraryCommand) -> Result<(), SendError> {
        let event = match command {
            LibraryCommand::Scan {
                job, path, role, ..
            } => LibraryEvent::Scanned {
                job,
                listing: Ok(Arc::new(self.listing(path, role))),
            },
            LibraryCommand::Thumbnail { path, .. } => LibraryEvent::Thumbnail {
                path,
                picture: Ok(self.picture.clone()),
            },
            // Figures take long and are the real thread's, as in the window.
            other => return self.figures.send(other),
        };
        self.shared.borrow_mut().library_events.push_back(event);
        Ok(())
    }

    /// Nobody trains here.
    fn send_trainer(&mut self, _command: TrainCommand) -> Result<(), SendError> {
        Ok(())
    }

    fn show_dialog(&mut self, _job: JobId, _kind: DialogKind) {}

    fn poll(&mut self) -> Result<Option<Event>, Lost> {
        Ok(self.shared.borrow_mut().events.pop_front())
    }

    fn poll_library(&mut self) -> Result<Option<LibraryEvent>, Lost> {
        let event = self.shared.borrow_mut().library_events.pop_front();
        match event {
            Some(event) => Ok(Some(event)),
            None => self.figures.try_recv().map_err(|_gone| Lost),
        }
    }

    fn poll_trainer(&mut self) -> Result<Option<TrainEvent>, Lost> {
        Ok(None)
    }

    fn restart(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn restart_library(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn restart_trainer(&mut self) -> io::Result<()> {
        Ok(())
    }
}
