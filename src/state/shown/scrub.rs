//! Watching one attempt as it denoises: made again from its seed, with every step kept.

use std::sync::Arc;

use super::Shown;
use crate::engine::trace::{Trace, TraceRequest};
use crate::images::{ContentHash, Picture};
use crate::runs::RunSettings;
use crate::runs::settings::Execution;
use crate::state::outbox::{Outbox, Outgoing};
use crate::worker::protocol::{Command, Control, Event, JobId};

/// One attempt that is watched.
#[derive(Debug)]
pub struct Scrub {
    /// The image's content.
    pub content: ContentHash,
    /// The attempt, from 0.
    pub attempt: usize,
    /// What has come of it.
    pub phase: ScrubPhase,
    /// The step that is shown, an index into the trace's steps.
    pub position: usize,
    /// Whether the steps are played.
    pub is_playing: bool,
    /// Whether it begins with the original as the run file keeps it, rounded to 8 bits.
    pub is_from_file: bool,
    job: JobId,
    control: Control,
    result: Option<Picture>,
}

/// How far a [`Scrub`] is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScrubPhase {
    /// The worker makes it.
    Waiting,
    /// All steps are there.
    Ready {
        /// The steps.
        trace: Arc<Trace>,
        /// Whether the last step is the run's result, bit for bit; it is unless the model was changed since.
        is_exact: bool,
    },
    /// Why there is none.
    Failed(String),
}

impl Scrub {
    /// The picture of the step that is shown.
    pub fn picture(&self) -> Option<&Picture> {
        match &self.phase {
            ScrubPhase::Ready { trace, .. } => trace.steps.get(self.position),
            ScrubPhase::Waiting | ScrubPhase::Failed(_) => None,
        }
    }

    /// Steps in all; 0 before they are there.
    pub fn num_steps(&self) -> usize {
        match &self.phase {
            ScrubPhase::Ready { trace, .. } => trace.steps.len(),
            ScrubPhase::Waiting | ScrubPhase::Failed(_) => 0,
        }
    }
}

impl Drop for Scrub {
    fn drop(&mut self) {
        // Nobody waits for it any more.
        self.control.cancel();
    }
}

impl Shown {
    /// The attempt that is watched, where it is the one that is looked at.
    pub fn scrub(&self) -> Option<&Scrub> {
        let scrub = self.scrub.as_ref()?;
        let image = self.gallery.images().get(self.image()?)?;
        let attempt = self.attempts().get(self.attempt()?)?.attempt;
        (scrub.content == image.file.hash && scrub.attempt == attempt).then_some(scrub)
    }

    /// Why this run lets no attempt be watched; `None` where it does.
    pub(in crate::state) fn missing_for_scrub(&self) -> Option<&'static str> {
        let run = self.run.as_ref();
        if run.is_some_and(|run| run.settings.method.detector.result().is_none()) {
            Some("This detector makes no picture that could be watched")
        } else if self.attempt().is_none() {
            Some("There is no result of this image yet")
        } else if self.is_sealed()
            && run.is_some_and(|run| run.settings.method.detector.mask_file().is_some())
        {
            Some(
                "Its mask is a picture file, which an opened run does not read: use the run again or resume it first",
            )
        } else {
            None
        }
    }

    /// Make the attempt that is looked at again, with every step kept; from the original in the run file, where the image
    /// file may not be read.
    pub(in crate::state) fn start_scrub(&mut self, execution: Execution, outbox: &mut Outbox) {
        let (Some(image), Some(position), Some(run)) = (self.image(), self.attempt(), &self.run)
        else {
            return;
        };
        let result = Arc::clone(&self.attempts()[position]);
        let request = TraceRequest {
            settings: RunSettings {
                execution,
                ..run.settings.clone()
            },
            image: self.gallery.images()[image].clone(),
            original: run.is_sealed().then(|| result.original.clone()),
            attempt: result.attempt,
        };
        let (job, control) = (outbox.mint_job(), Control::default());
        self.scrub = Some(Scrub {
            content: request.image.file.hash,
            attempt: request.attempt,
            phase: ScrubPhase::Waiting,
            position: 0,
            is_playing: true,
            is_from_file: request.original.is_some(),
            job,
            control: control.clone(),
            result: result.inpainted.clone(),
        });
        outbox.push_back(Outgoing::Worker(Command::Trace {
            job,
            request,
            control,
        }));
        // A held run still brings its last results into view, and each moves the median: neither may take away what is
        // watched.
        self.select(Some(image));
        self.selected_attempt = Some(result.attempt);
    }

    /// Show the result again in place of the steps.
    pub(in crate::state) fn leave_scrub(&mut self) {
        if let Some(scrub) = self.scrub.take() {
            scrub.control.cancel();
        }
    }

    /// Take an event of the job that makes the trace; `false` where it is not for it.
    pub(in crate::state) fn apply_scrub(&mut self, event: &Event) -> bool {
        let job = event.job();
        let Some(scrub) = self.scrub.as_mut().filter(|s| s.job == job) else {
            return false;
        };
        match event {
            Event::Traced { trace, .. } => {
                scrub.phase = ScrubPhase::Ready {
                    is_exact: trace.steps.last() == scrub.result.as_ref(),
                    trace: Arc::clone(trace),
                };
            }
            Event::Failed { message, .. } => scrub.phase = ScrubPhase::Failed(message.clone()),
            Event::Cancelled { .. } => {
                scrub.phase = ScrubPhase::Failed("it was cancelled".to_owned());
            }
            _ => {}
        }
        true
    }

    /// Show a step, from 0.
    pub(in crate::state) fn scrub_to(&mut self, position: usize) {
        if let Some(scrub) = &mut self.scrub {
            let last = scrub.num_steps().saturating_sub(1);
            scrub.position = position.min(last);
            scrub.is_playing &= position < last;
        }
    }

    /// Play the steps, or hold.
    pub(in crate::state) fn play_scrub(&mut self, is_playing: bool) {
        if let Some(scrub) = &mut self.scrub {
            let is_at_end = scrub.position + 1 >= scrub.num_steps();
            if is_playing && is_at_end {
                scrub.position = 0;
            }
            scrub.is_playing = is_playing;
        }
    }
}
