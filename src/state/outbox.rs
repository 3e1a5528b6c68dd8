//! Commands that wait to be sent, and the names that their answers carry.

use std::collections::VecDeque;
use std::collections::vec_deque::Drain;

use crate::worker::protocol::{Command, DialogKind, JobId, LibraryCommand, TrainCommand};

/// A command that waits to be sent.
#[derive(Clone, Debug)]
pub enum Outgoing {
    /// To the inference thread.
    Worker(Command),
    /// To the file-reading thread.
    Library(LibraryCommand),
    /// To the training thread.
    Trainer(TrainCommand),
    /// To the platform: show a file dialog and answer with
    /// [`LibraryEvent::Chosen`](crate::worker::protocol::LibraryEvent::Chosen).
    Dialog(JobId, DialogKind),
}

/// Commands to send, first come first served. Whoever asks for something names it here too: an answer that carries a
/// name which nobody keeps any more is dropped.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: VecDeque<Outgoing>,
    last_id: u64,
}

impl Outbox {
    /// A number that was not given before.
    pub(super) fn mint(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// The name of a new job.
    pub(super) fn mint_job(&mut self) -> JobId {
        JobId(self.mint())
    }

    /// Add a command.
    pub(super) fn push_back(&mut self, outgoing: Outgoing) {
        self.waiting.push_back(outgoing);
    }

    /// The command to send next.
    pub fn front(&self) -> Option<&Outgoing> {
        self.waiting.front()
    }

    /// The command at the front was sent.
    pub fn pop_front(&mut self) -> Option<Outgoing> {
        self.waiting.pop_front()
    }

    /// Take all commands.
    pub fn drain(&mut self) -> Drain<'_, Outgoing> {
        self.waiting.drain(..)
    }

    /// Forget all commands.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// Keep only some commands.
    pub(super) fn retain(&mut self, keep: impl FnMut(&Outgoing) -> bool) {
        self.waiting.retain(keep);
    }
}
