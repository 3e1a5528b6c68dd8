//! What is told of a training while it goes.

use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::engine::training::cost::USUAL_STEPS;
use crate::engine::training::request::colors;
use crate::engine::training::{Budget, News, Training, Validation, Watched};
use crate::headless::terminal::{self, duration};

/// A bar on a terminal.
pub(super) fn bar(template: &str, len: u64) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(Some(len), ProgressDrawTarget::stderr());
    // A malformed template shows at once.
    if let Ok(style) = ProgressStyle::with_template(template) {
        bar.set_style(style);
    }
    bar
}

/// What is trained, and how.
pub(super) fn tell_beginning(training: &Training) {
    let index = training.index();
    let settings = &index.settings;
    let (num_seen, num_watched) = training.counts();
    let side = settings.geometry.side;
    let num_images = index.images.len();
    terminal::message(&format!(
        "training on {num_seen} of {num_images} images at {side}x{side} pixels, {}; {num_watched} are watched, {} kept for \
         thresholds; {} parameters, learning rate {}, batches of {}, seed {}",
        colors(settings.geometry),
        num_images - num_seen - num_watched,
        training.state().weights.len(),
        settings.learning_rate,
        settings.batch,
        settings.seed
    ));
    if training.state().step > 0 {
        terminal::message(&format!("continuing after step {}", training.state().step));
    }
}

/// How long it will take, by the time of a step.
pub(super) fn tell_cost(training: &Training, step_secs: f64) {
    let secs = |num_steps: usize| duration(num_steps as f64 * step_secs);
    let settings = &training.index().settings;
    let (plan, num_steps) = match settings.budget {
        Budget::Steps(steps) => (format!("{steps} steps take {}", secs(steps)), steps),
        Budget::Minutes(minutes) => {
            let steps = (minutes * 60.0 / step_secs) as usize;
            (format!("{minutes} minutes are {steps} steps"), steps)
        }
    };
    let more = if num_steps < USUAL_STEPS {
        format!(
            "; a useful model takes {USUAL_STEPS} and more: {}",
            secs(USUAL_STEPS)
        )
    } else {
        String::new()
    };
    terminal::message(&format!("about {step_secs:.2} s a step: {plan}{more}"));
}

/// Tells what happens: a bar on a terminal, a line now and then elsewhere.
pub(super) struct Teller {
    pub(super) bar: ProgressBar,
    last_line: Option<Instant>,
}

impl Teller {
    /// Between two lines.
    const PAUSE: Duration = Duration::from_secs(10);

    pub(super) fn new() -> Self {
        Self {
            bar: bar("step {pos} of {len} {bar:30} {msg}", 0),
            last_line: None,
        }
    }

    pub(super) fn tell(&mut self, news: News) {
        match news {
            News::Step {
                step,
                num_steps,
                loss,
                secs,
            } => {
                let each = secs / step as f64;
                let left =
                    num_steps.map(|num_steps| (num_steps.saturating_sub(step)) as f64 * each);
                let left =
                    left.map_or_else(String::new, |left| format!(", {} left", duration(left)));
                self.bar.set_length(num_steps.unwrap_or(step) as u64);
                self.bar.set_position(step as u64);
                self.bar
                    .set_message(format!("loss {loss:.4}, {each:.2} s a step{left}"));
                let is_due = self
                    .last_line
                    .is_none_or(|last| last.elapsed() >= Self::PAUSE);
                if self.bar.is_hidden() && (is_due || num_steps == Some(step)) {
                    self.last_line = Some(Instant::now());
                    let of =
                        num_steps.map_or_else(String::new, |num_steps| format!(" of {num_steps}"));
                    terminal::message(&format!(
                        "step {step}{of}: loss {loss:.4}, {each:.2} s a step{left}"
                    ));
                }
            }
            News::Skipped { step } => self.line(&format!(
                "step {step} was left out: its gradient is not finite"
            )),
            News::Validated(validation) => self.line(&validated(&validation)),
            News::Looked(look) => {
                if let Some(seen) = &look.watched {
                    self.line(&watched(seen));
                }
            }
            News::StopOffered { step } => self.line(&format!(
                "step {step}: neither the held-out loss nor the held-out images' distance got better over the last fifth of \
                 the run; Ctrl+C stops it, and the same command with --resume --keep writes the model of that moment"
            )),
            News::Stuck(sentence) => self.line(&format!(
                "waiting: {sentence}; the training goes on by itself once it can be written"
            )),
            News::Unstuck => self.line("written; the training goes on"),
        }
    }

    fn line(&self, text: &str) {
        self.bar.suspend(|| terminal::message(text));
    }
}

fn validated(validation: &Validation) -> String {
    let bands = validation.bands.map(|loss| format!("{loss:.4}")).join(", ");
    format!(
        "step {}: held-out loss {:.4} (by quarter of the timesteps: {bands})",
        validation.step,
        validation.mean()
    )
}

fn watched(seen: &Watched) -> String {
    let far = seen.far_share.map_or_else(String::new, |share| {
        format!(", {:.0} % of them far above the others", 100.0 * share)
    });
    format!(
        "step {}: median distance ({}) of {} held-out images from their inpainting {:.4}{far}",
        seen.step,
        seen.measure.name(),
        seen.num_images,
        seen.median
    )
}
