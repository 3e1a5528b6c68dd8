//! A training under way: where it is, and what was seen of it.

use std::path::PathBuf;
use std::sync::Arc;

use crate::engine::training::{Look, News, Validation, Watched};
use crate::worker::protocol::{Control, JobId, TrainFacts};

/// Points of the curve of losses at most: twice what the plot has room for.
const MOST_POINTS: usize = 2000;

/// Where a training is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrainingPhase {
    /// Images are read.
    Reading,
    /// Steps are taken.
    Training,
    /// It is held.
    Paused,
    /// A stop was asked for, or all steps were taken: the model is written.
    Ending,
    /// The model is in this folder.
    Made(PathBuf),
    /// It gave up, and why.
    Failed(String),
}

impl TrainingPhase {
    /// Whether the thread works on it.
    pub fn is_active(&self) -> bool {
        !matches!(self, Self::Made(_) | Self::Failed(_))
    }
}

/// A training under way, or the last one.
#[derive(Debug)]
pub struct TrainingRun {
    /// Answers carry this job.
    pub job: JobId,
    /// Where it is.
    pub phase: TrainingPhase,
    /// What is trained, once the images are read.
    pub facts: Option<Arc<TrainFacts>>,
    /// The model folder to be made.
    pub output: PathBuf,
    /// Images read.
    pub num_read: usize,
    /// Steps taken.
    pub step: usize,
    /// Steps of the whole training, once they are known.
    pub num_steps: Option<usize>,
    /// Time that training took, in seconds.
    pub secs: f64,
    /// (step, running mean of the loss).
    pub losses: Vec<[f64; 2]>,
    /// Of held-out images.
    pub validations: Vec<Validation>,
    /// Of held-out images.
    pub watched: Vec<Watched>,
    /// What the model makes of images by now.
    pub look: Option<Arc<Look>>,
    /// Stopping now would lose little.
    pub is_stop_offered: bool,
    /// What can't be written, a sentence.
    pub stuck: Option<String>,
    /// Steps that were left out, their gradient being no number.
    pub num_skipped: usize,
    control: Control,
}

impl TrainingRun {
    pub(super) fn new(job: JobId, control: Control, output: PathBuf) -> Self {
        Self {
            job,
            phase: TrainingPhase::Reading,
            facts: None,
            output,
            num_read: 0,
            step: 0,
            num_steps: None,
            secs: 0.0,
            losses: Vec::new(),
            validations: Vec::new(),
            watched: Vec::new(),
            look: None,
            is_stop_offered: false,
            stuck: None,
            num_skipped: 0,
            control,
        }
    }

    /// Share of the steps that were taken; `None` until it is known how many there are.
    pub fn share(&self) -> Option<f32> {
        let num_steps = self.num_steps?;
        Some(self.step as f32 / num_steps.max(1) as f32)
    }

    /// Seconds to go, by the steps so far.
    pub fn secs_left(&self) -> Option<f64> {
        let left = self.num_steps?.saturating_sub(self.step);
        (self.step > 0).then(|| self.secs / self.step as f64 * left as f64)
    }

    pub(super) fn set_paused(&mut self, is_paused: bool) {
        match self.phase {
            TrainingPhase::Training if is_paused => self.phase = TrainingPhase::Paused,
            TrainingPhase::Paused if !is_paused => self.phase = TrainingPhase::Training,
            _ => return,
        }
        self.control.set_paused(is_paused);
    }

    /// Ask for an end; what was learnt becomes a model.
    pub(super) fn stop(&mut self) {
        if self.phase.is_active() {
            self.phase = TrainingPhase::Ending;
            self.control.cancel();
        }
    }

    pub(super) fn take(&mut self, news: News) {
        match news {
            News::Step {
                step,
                num_steps,
                loss,
                secs,
            } => {
                (self.step, self.num_steps, self.secs) = (step, num_steps, secs);
                self.losses.push([step as f64, loss]);
                if self.losses.len() > MOST_POINTS {
                    let mut is_kept = false;
                    self.losses.retain(|_| {
                        is_kept = !is_kept;
                        is_kept
                    });
                }
                if num_steps == Some(step) && self.phase.is_active() {
                    self.phase = TrainingPhase::Ending;
                }
            }
            News::Skipped { step } => {
                self.step = step;
                self.num_skipped += 1;
            }
            News::Validated(validation) => self.validations.push(validation),
            News::Looked(look) => {
                self.watched.extend(look.watched.clone());
                self.look = Some(look);
            }
            News::StopOffered { .. } => self.is_stop_offered = true,
            News::Stuck(sentence) => self.stuck = Some(sentence),
            News::Unstuck => self.stuck = None,
        }
    }
}

impl Drop for TrainingRun {
    /// With the window goes what it has asked for; the last checkpoint stays.
    fn drop(&mut self) {
        self.control.cancel();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_keeps_its_ends_and_few_points() {
        let mut run = TrainingRun::new(JobId(1), Control::default(), "/model".into());
        for step in 1..=10_001 {
            run.take(News::Step {
                step,
                num_steps: Some(20_002),
                loss: 0.5,
                secs: step as f64,
            });
        }
        assert!(run.losses.len() <= MOST_POINTS, "{}", run.losses.len());
        assert_eq!(run.losses[0][0], 1.0);
        assert_eq!(run.losses.last().unwrap()[0], 10_001.0);
        assert_eq!(run.secs_left(), Some(10_001.0));
        assert_eq!(run.share(), Some(0.5));
    }

    #[test]
    fn a_training_is_paused_continued_and_stopped_once() {
        let control = Control::default();
        let mut run = TrainingRun::new(JobId(1), control.clone(), "/model".into());
        run.set_paused(true);
        assert!(!control.is_paused(), "images are read first");
        run.phase = TrainingPhase::Training;
        run.set_paused(true);
        assert!(control.is_paused() && run.phase == TrainingPhase::Paused);
        run.set_paused(false);
        assert!(!control.is_paused());
        run.stop();
        assert!(control.is_cancelled() && run.phase == TrainingPhase::Ending);
        run.set_paused(true);
        assert!(!control.is_paused(), "an end is not held");
    }
}
