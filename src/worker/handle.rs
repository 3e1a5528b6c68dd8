//! The inference thread: a loop over commands that survives a panic in any of them.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, TrySendError, bounded};

use super::job::{self, Sink, Worker};
use super::priority::give_way;
use super::protocol::{Command, Event, JobId, ResultLog, Wake};
use crate::engine::panic_message;

/// Commands waiting for the worker.
const COMMAND_QUEUE: usize = 16;
/// Events waiting for the window; progress is left out when they are full.
const EVENT_QUEUE: usize = 256;
/// How often an idle thread tries again to send what did not fit.
pub(super) const FLUSH_INTERVAL: Duration = Duration::from_millis(50);

/// Why a command was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The queue is full.
    #[error("the worker is busy; try again in a moment")]
    Busy,
    /// The thread is gone.
    #[error("the worker has stopped")]
    Gone,
}

/// One end of a background thread; dropping it ends the thread after its current command.
#[derive(Debug)]
pub struct Link<C, E> {
    commands: Sender<C>,
    events: Receiver<E>,
}

impl<C, E> Link<C, E> {
    /// Queue a command; never blocks.
    pub fn send(&self, command: C) -> Result<(), SendError> {
        self.commands.try_send(command).map_err(|err| match err {
            TrySendError::Full(_) => SendError::Busy,
            TrySendError::Disconnected(_) => SendError::Gone,
        })
    }

    /// Take one event, if any; never blocks.
    pub fn try_recv(&self) -> Result<Option<E>, SendError> {
        match self.events.try_recv() {
            Ok(event) => Ok(Some(event)),
            Err(TryRecvError::Empty) => Ok(None),
            Err(TryRecvError::Disconnected) => Err(SendError::Gone),
        }
    }

    /// Wait a while for an event (for drivers without a window).
    pub fn recv_timeout(&self, timeout: Duration) -> Result<Option<E>, SendError> {
        match self.events.recv_timeout(timeout) {
            Ok(event) => Ok(Some(event)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(SendError::Gone),
        }
    }
}

impl<C: Send + 'static, E: Send + 'static> Link<C, E> {
    /// Start a named thread that runs `serve` over the commands.
    pub(super) fn spawn(
        name: &str,
        command_queue: usize,
        event_queue: usize,
        wake: Wake,
        serve: impl FnOnce(Receiver<C>, Outbox<E>) + Send + 'static,
    ) -> io::Result<Self> {
        let (commands, command_rx) = bounded(command_queue);
        let (event_tx, events) = bounded(event_queue);
        let outbox = Outbox {
            events: event_tx,
            wake,
            pending: VecDeque::new(),
        };
        std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || serve(command_rx, outbox))?;
        Ok(Self { commands, events })
    }
}

/// The sending end of a thread: it never waits for the window.
///
/// What must arrive waits here while the window does not drain its queue; there are few such events.
pub(super) struct Outbox<E> {
    events: Sender<E>,
    wake: Wake,
    pending: VecDeque<E>,
}

impl<E> Outbox<E> {
    /// Send news that may be left out when the queue is more than half full.
    pub fn news(&mut self, event: E) {
        self.flush();
        let room = self
            .events
            .capacity()
            .is_none_or(|capacity| self.events.len() < capacity / 2);
        if self.pending.is_empty() && room {
            self.events.try_send(event).ok(); // Left out: the next one says more.
        }
        (self.wake)();
    }

    /// Send something that must arrive.
    pub fn post(&mut self, event: E) {
        self.pending.push_back(event);
        self.flush();
        (self.wake)();
    }

    /// The next command, `None` once the window has gone. What still waits to be sent goes out meanwhile.
    pub fn next_command<C>(&mut self, commands: &Receiver<C>) -> Option<C> {
        loop {
            self.flush();
            if self.pending.is_empty() {
                return commands.recv().ok(); // Disconnected: the window has gone.
            }
            match commands.recv_timeout(FLUSH_INTERVAL) {
                Ok(command) => return Some(command),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }

    /// Send what waits, as far as it fits.
    pub fn flush(&mut self) {
        while let Some(event) = self.pending.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(TrySendError::Full(event)) => {
                    self.pending.push_front(event);
                    return;
                }
                Err(TrySendError::Disconnected(_)) => self.pending.clear(),
            }
        }
    }
}

/// The inference thread.
pub type WorkerHandle = Link<Command, Event>;

impl WorkerHandle {
    /// Start the thread. `wake` is called after each event.
    pub fn start(wake: Wake) -> io::Result<Self> {
        Self::spawn("inference", COMMAND_QUEUE, EVENT_QUEUE, wake, serve)
    }
}

impl Sink for Outbox<Event> {
    fn emit(&mut self, event: Event) {
        if matches!(event, Event::Progress { .. }) {
            self.news(event);
        } else {
            self.post(event);
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the thread owns its ends")]
fn serve(commands: Receiver<Command>, mut outbox: Outbox<Event>) {
    give_way();
    let mut worker = Worker::default();
    while let Some(command) = outbox.next_command(&commands) {
        let job = job_of(&command);
        let saved = log_of(&command);
        let outcome = catch_unwind(AssertUnwindSafe(|| {
            job::run(&mut worker, command, &mut outbox);
        }));
        if let Err(panic) = outcome {
            // Whatever the panic left half done goes with the old worker; the model is opened again when it
            // is next needed.
            worker = worker.fresh();
            if let Some(log) = saved {
                // What was committed is safe whether or not the file can be closed in order.
                log.close_file().ok();
            }
            outbox.post(Event::Failed {
                job,
                message: format!(
                    "internal error: {}; results so far are kept, and the worker was restarted",
                    panic_message(panic.as_ref())
                ),
            });
        }
    }
}

fn job_of(command: &Command) -> JobId {
    match command {
        Command::OpenModel { job, .. }
        | Command::Run { job, .. }
        | Command::Trace { job, .. }
        | Command::Map { job, .. }
        | Command::Fit { job, .. } => *job,
    }
}

/// The log of a run that the worker keeps on disk.
fn log_of(command: &Command) -> Option<Arc<ResultLog>> {
    match command {
        Command::Run { request, .. } if request.saving.is_some() => {
            Some(Arc::clone(&request.results))
        }
        _ => None,
    }
}

/// A wake-up that does nothing, for drivers that wait on the channel.
pub fn no_wake() -> Wake {
    Arc::new(|| {})
}
