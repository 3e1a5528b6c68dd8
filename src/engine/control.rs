//! Stop and pause from another thread, seen at once.

use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::diffusion::{Interrupt, Interrupted};

/// What to do about a write that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The user has made room.
    TryAgain,
    /// Scores matter more than the file.
    GoOnUnsaved,
}

/// Shared switch of one job: run, pause or stop.
///
/// The work calls [`Interrupt::check`] between network calls and between layers.
#[derive(Clone, Debug, Default)]
pub struct Control(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    paused: bool,
    cancelled: bool,
    answer: Option<Answer>,
    paused_for: Duration,
}

impl Control {
    /// Ask the work to stop; a paused job stops too.
    pub fn cancel(&self) {
        self.update(|state| state.cancelled = true);
    }

    /// Hold or continue the job.
    pub fn set_paused(&self, paused: bool) {
        self.update(|state| state.paused = paused);
    }

    /// Say what to do about a write that failed.
    pub fn answer(&self, answer: Answer) {
        self.update(|state| state.answer = Some(answer));
    }

    /// Answers so far were to other questions.
    pub(super) fn forget_answer(&self) {
        self.lock().answer = None;
    }

    /// Wait for what the user says; the time counts as a pause.
    pub(super) fn wait_for_answer(&self) -> Result<Answer, Interrupted> {
        let start = Instant::now();
        let mut state = self.lock();
        loop {
            if state.cancelled {
                return Err(Interrupted);
            }
            if let Some(answer) = state.answer.take() {
                state.paused_for += start.elapsed();
                return Ok(answer);
            }
            state = self
                .0
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Whether the job should stop.
    pub fn is_cancelled(&self) -> bool {
        self.lock().cancelled
    }

    /// Whether the job is held.
    pub fn is_paused(&self) -> bool {
        self.lock().paused
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.lock());
        self.0.changed.notify_all();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Interrupt for Control {
    fn check(&self) -> Result<(), Interrupted> {
        let mut state = self.lock();
        if state.paused && !state.cancelled {
            let start = Instant::now();
            while state.paused && !state.cancelled {
                state = self
                    .0
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner);
            }
            state.paused_for += start.elapsed();
        }
        if state.cancelled {
            Err(Interrupted)
        } else {
            Ok(())
        }
    }

    fn paused_for(&self) -> Duration {
        self.lock().paused_for
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancelled_job_stops_even_while_paused() {
        let control = Control::default();
        assert_eq!(control.check(), Ok(()));
        control.set_paused(true);
        control.cancel();
        assert_eq!(control.check(), Err(Interrupted));
    }

    #[test]
    fn a_paused_check_waits_until_it_is_continued() {
        let control = Control::default();
        control.set_paused(true);
        let waiter = {
            let control = control.clone();
            std::thread::Builder::new()
                .name("waiter".to_owned())
                .spawn(move || control.check())
                .unwrap()
        };
        while !waiter.is_finished() && !control.is_paused() {
            std::thread::yield_now();
        }
        assert!(!waiter.is_finished(), "the check should wait in a pause");
        control.set_paused(false);
        assert_eq!(waiter.join().unwrap(), Ok(()));
    }
}
