//! The background threads as the window sees them, so that tests can put a script in their place.

use std::io;

use crate::worker::dialogs::Dialogs;
use crate::worker::handle::{SendError, WorkerHandle};
use crate::worker::library::LibraryHandle;
use crate::worker::protocol::{
    Command, DialogKind, Event, JobId, LibraryCommand, LibraryEvent, TrainCommand, TrainEvent, Wake,
};
use crate::worker::training::TrainerHandle;

/// A background thread has ended; nothing more comes from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the background thread has ended")]
pub struct Lost;

/// The threads for inference, for reading files and for training. No call ever waits.
pub trait Backend {
    /// Send to the inference thread; [`SendError::Busy`] when its queue is full.
    fn send(&mut self, command: Command) -> Result<(), SendError>;
    /// Send to the file-reading thread; [`SendError::Busy`] when its queue is full.
    fn send_library(&mut self, command: LibraryCommand) -> Result<(), SendError>;
    /// Send to the training thread; [`SendError::Busy`] when its queue is full.
    fn send_trainer(&mut self, command: TrainCommand) -> Result<(), SendError>;
    /// Show a file dialog; the answer comes as an event of the file-reading thread.
    fn show_dialog(&mut self, job: JobId, kind: DialogKind);
    /// The next event of the inference thread.
    fn poll(&mut self) -> Result<Option<Event>, Lost>;
    /// The next event of the file-reading thread.
    fn poll_library(&mut self) -> Result<Option<LibraryEvent>, Lost>;
    /// The next event of the training thread.
    fn poll_trainer(&mut self) -> Result<Option<TrainEvent>, Lost>;
    /// Put a fresh inference thread in place of one that ended.
    fn restart(&mut self) -> io::Result<()>;
    /// Put a fresh file-reading thread in place of one that ended.
    fn restart_library(&mut self) -> io::Result<()>;
    /// Put a fresh training thread in place of one that ended.
    fn restart_trainer(&mut self) -> io::Result<()>;
}

/// The real threads.
pub struct Workers {
    wake: Wake,
    worker: WorkerHandle,
    library: LibraryHandle,
    trainer: TrainerHandle,
    dialogs: Dialogs,
}

impl Workers {
    /// Start the threads; `wake` is called after each event was queued.
    pub fn spawn(wake: Wake) -> io::Result<Self> {
        Ok(Self {
            worker: WorkerHandle::start(Wake::clone(&wake))?,
            library: LibraryHandle::start(Wake::clone(&wake))?,
            trainer: TrainerHandle::start(Wake::clone(&wake))?,
            dialogs: Dialogs::new(Wake::clone(&wake)),
            wake,
        })
    }
}

impl Backend for Workers {
    fn send(&mut self, command: Command) -> Result<(), SendError> {
        self.worker.send(command)
    }

    fn send_library(&mut self, command: LibraryCommand) -> Result<(), SendError> {
        self.library.send(command)
    }

    fn send_trainer(&mut self, command: TrainCommand) -> Result<(), SendError> {
        self.trainer.send(command)
    }

    fn show_dialog(&mut self, job: JobId, kind: DialogKind) {
        self.dialogs.show(job, kind);
    }

    fn poll(&mut self) -> Result<Option<Event>, Lost> {
        self.worker.try_recv().map_err(lost)
    }

    fn poll_library(&mut self) -> Result<Option<LibraryEvent>, Lost> {
        match self.dialogs.poll() {
            Some(chosen) => Ok(Some(chosen)),
            None => self.library.try_recv().map_err(lost),
        }
    }

    fn poll_trainer(&mut self) -> Result<Option<TrainEvent>, Lost> {
        self.trainer.try_recv().map_err(lost)
    }

    fn restart(&mut self) -> io::Result<()> {
        self.worker = WorkerHandle::start(Wake::clone(&self.wake))?;
        Ok(())
    }

    fn restart_library(&mut self) -> io::Result<()> {
        self.library = LibraryHandle::start(Wake::clone(&self.wake))?;
        Ok(())
    }

    fn restart_trainer(&mut self) -> io::Result<()> {
        self.trainer = TrainerHandle::start(Wake::clone(&self.wake))?;
        Ok(())
    }
}

/// Receiving fails only when the other end is gone.
fn lost(_: SendError) -> Lost {
    Lost
}
