//! One run as the window follows it: what was asked for, the results so far and each image's score.

use std::collections::HashSet;
use std::sync::Arc;

use super::difference::DifferenceScale;
use crate::detectors::measures;
use crate::images::ContentHash;
use crate::ood::{Aggregate, MeasureId, Role};
use crate::runs::{AttemptResult, AttemptsByImage, ResultLog, RunImage, RunSettings, attempts};
use crate::state::parking::Held;
use crate::state::saving::Kept;
use crate::worker::protocol::{Control, JobId, ModelInfo, Progress};

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The worker works on it.
    Running,
    /// Held by the user.
    Paused,
    /// The user asked for an end; the worker has not answered yet.
    Cancelling,
    /// Every attempt was made.
    Done,
    /// Ended by the user; results so far are kept.
    Cancelled,
    /// Gave up, with the error chain; results so far are kept.
    Failed(String),
}

impl Phase {
    /// Whether the worker still holds the job.
    pub fn is_active(&self) -> bool {
        matches!(self, Self::Running | Self::Paused | Self::Cancelling)
    }
}

/// A run and what came of it.
#[derive(Debug)]
pub struct RunState {
    /// Answers carry this job.
    pub job: JobId,
    /// Pauses and cancels it.
    pub control: Control,
    /// As asked for; later changes of the settings do not touch it.
    pub settings: RunSettings,
    /// The images; their positions are the image ids of the results.
    pub images: Arc<[RunImage]>,
    /// The model that makes the scores.
    pub model: Option<Arc<ModelInfo>>,
    /// The latest news.
    pub progress: Progress,
    /// Where it stands.
    pub phase: Phase,
    /// The one scale of its difference maps.
    pub differences: DifferenceScale,
    /// How it is kept on disk.
    pub kept: Kept,
    /// Where it waits while it is held.
    pub held: Held,
    /// Attempts that were there when it was continued last.
    pub num_before: usize,
    /// No tick has come since it ended.
    pub(in crate::state) has_just_ended: bool,
    log: Arc<ResultLog>,
    num_seen: usize,
    attempts: AttemptsByImage,
    scores: Vec<Option<f64>>,
    choice: (MeasureId, Aggregate),
    latest: Option<(usize, usize)>,
    in_domain: HashSet<ContentHash>,
}

impl RunState {
    /// A run that was just sent to the worker, which appends to `log`.
    pub fn new(
        job: JobId,
        settings: RunSettings,
        images: Arc<[RunImage]>,
        log: Arc<ResultLog>,
    ) -> Self {
        let count = images.len();
        Self {
            job,
            control: Control::default(),
            choice: (settings.view.measure, settings.view.aggregate),
            progress: Progress {
                num_attempts: count * settings.method.detector.num_attempts(),
                num_images: count,
                activity: "Starting".to_owned(),
                ..Progress::default()
            },
            settings,
            in_domain: contents(&images),
            images,
            model: None,
            phase: Phase::Running,
            differences: DifferenceScale::default(),
            kept: Kept::default(),
            held: Held::default(),
            has_just_ended: false,
            num_before: 0,
            log,
            num_seen: 0,
            attempts: AttemptsByImage::new(count),
            scores: vec![None; count],
            latest: None,
        }
    }

    /// Take the results that are new in the log; `true` when there were any.
    pub fn absorb(&mut self) -> bool {
        let fresh = self.log.since(self.num_seen);
        self.num_seen += fresh.len();
        let mut touched = Vec::with_capacity(fresh.len());
        for result in &fresh {
            if !self.attempts.add(result) {
                continue;
            }
            self.differences.add(result, self.images[result.image].role);
            touched.push(result.image);
            self.latest = Some((result.image, result.attempt));
        }
        touched.sort_unstable();
        touched.dedup();
        for image in touched {
            self.scores[image] = self.compute_score(image);
        }
        !fresh.is_empty()
    }

    /// Show another distance or aggregation; `true` when that changes the scores. Nothing is computed again by the
    /// worker.
    pub fn choose(&mut self, distance: MeasureId, aggregate: Aggregate) -> bool {
        if self.choice == (distance, aggregate) {
            return false;
        }
        self.choice = (distance, aggregate);
        self.scores = (0..self.images.len())
            .map(|image| self.compute_score(image))
            .collect();
        true
    }

    /// The distance and aggregation of the scores.
    pub fn choice(&self) -> (MeasureId, Aggregate) {
        self.choice
    }

    /// Positions of the attempts in the middle of the distances of all of these.
    pub fn median_attempts(&self, attempts: &[Arc<AttemptResult>]) -> Vec<usize> {
        let distances: Vec<f64> = attempts
            .iter()
            .map(|r| measures::value(&r.values, self.choice.0))
            .collect();
        crate::ood::aggregate::median_attempts(&distances)
    }

    fn compute_score(&self, image: usize) -> Option<f64> {
        let (measure, aggregate) = self.choice;
        attempts::score(self.attempts.of(image), measure, aggregate)
    }

    /// What was measured of each attempt; `None` before the first one.
    pub fn measured(&self) -> Option<&Arc<[MeasureId]>> {
        let (image, _) = self.latest?;
        Some(self.attempts.of(image).first()?.values.ids())
    }

    /// The attempts of an image so far, in the order of their numbers.
    pub fn attempts(&self, image: usize) -> &[Arc<AttemptResult>] {
        self.attempts.of(image)
    }

    /// The score of an image under the chosen distance and aggregation; `None` before its first attempt.
    pub fn score(&self, image: usize) -> Option<f64> {
        self.scores.get(image).copied().flatten()
    }

    /// Largest minus smallest distance of an image's attempts; `None` before the second one.
    pub fn spread(&self, image: usize) -> Option<f64> {
        let distances = self
            .attempts(image)
            .iter()
            .map(|result| measures::value(&result.values, self.choice.0))
            .filter(|value| value.is_finite());
        let (min, max, count) = distances.fold(
            (f64::INFINITY, f64::NEG_INFINITY, 0),
            |(min, max, count), value| (min.min(value), max.max(value), count + 1),
        );
        (count > 1).then_some(max - min)
    }

    /// The scores so far of all images of a role.
    pub fn scores_of(&self, role: Role) -> impl Iterator<Item = (usize, f64)> {
        self.images
            .iter()
            .zip(&self.scores)
            .enumerate()
            .filter(move |(_, (image, _))| image.role == role)
            .filter_map(|(index, (_, score))| Some((index, (*score)?)))
    }

    /// Whether an in-domain image has this content.
    pub fn is_in_domain(&self, content: &ContentHash) -> bool {
        self.in_domain.contains(content)
    }

    /// Image and attempt of the result that came last.
    pub fn latest(&self) -> Option<(usize, usize)> {
        self.latest
    }

    /// Where the worker appends the results.
    pub fn log(&self) -> &Arc<ResultLog> {
        &self.log
    }

    /// Results so far.
    pub fn num_results(&self) -> usize {
        self.num_seen
    }

    /// How many of these attempts are behind a score under the chosen distance.
    pub fn num_measured(&self, attempts: &[Arc<AttemptResult>]) -> usize {
        let values = attempts.iter().map(|result| &result.values);
        measures::num_measured(values, self.choice.0)
    }

    /// Fewest and most attempts behind the scores of the images that have one.
    pub fn attempts_range(&self) -> Option<(usize, usize)> {
        let counts = self
            .attempts
            .iter()
            .map(|attempts| self.num_measured(attempts));
        let counts = counts.filter(|&count| count > 0);
        counts.clone().min().zip(counts.max())
    }

    /// Seconds until the end at the rate so far; `None` before there is a rate.
    pub fn secs_left(&self) -> Option<f64> {
        let progress = &self.progress;
        // The calls of this go only: those before were counted by another one.
        let done = progress.attempts_done.saturating_sub(self.num_before);
        if done == 0 || progress.network_secs <= 0.0 {
            return None;
        }
        let [before, now, all] = [
            self.num_before,
            progress.attempts_done,
            progress.num_attempts,
        ]
        .map(|count| self.work(count));
        let done = now - before;
        (done > 0.0).then(|| (all - now).max(0.0) * progress.network_secs / done)
    }

    /// Network calls of the first so many attempts of all images, which are made in passes over the images; the attempts
    /// themselves where they take no calls, or the model is not known yet.
    fn work(&self, num_attempts: usize) -> f64 {
        let detector = &self.settings.method.detector;
        let num_passes = detector.num_attempts();
        let num_images = self.progress.num_attempts / num_passes.max(1);
        let timesteps = self.model.as_ref().map(|model| model.num_train_timesteps);
        if detector.each().len() < 2 || num_images == 0 {
            return num_attempts as f64;
        }
        let Some(timesteps) = timesteps else {
            return num_attempts as f64;
        };
        let in_pass = |pass: usize| {
            let images = num_attempts
                .saturating_sub(pass * num_images)
                .min(num_images);
            // Not 0: a pass without calls takes time too.
            (images * detector.calls_of_attempt(pass, timesteps).max(1)) as f64
        };
        (0..num_passes).map(in_pass).sum()
    }
}

/// The contents of the in-domain images.
fn contents(images: &[RunImage]) -> HashSet<ContentHash> {
    let in_domain = images.iter().filter(|image| image.role == Role::InDomain);
    in_domain.map(|image| image.file.hash).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::distances::{LPIPS, MSE};
    use crate::state::session::testing::{result, run_images};

    fn run(num_images: usize) -> (RunState, Arc<ResultLog>) {
        let log = Arc::new(ResultLog::default());
        let images = run_images(num_images, num_images).into();
        let run = RunState::new(JobId(1), RunSettings::default(), images, Arc::clone(&log));
        (run, log)
    }

    #[test]
    fn results_are_absorbed_once_and_in_the_order_of_attempts() {
        let (mut run, log) = run(1);
        assert!(!run.absorb());
        log.extend([result(0, 1, 0.4), result(0, 0, 0.2), result(99, 0, 1.0)]);
        assert!(run.absorb());
        assert!(!run.absorb());
        let order: Vec<usize> = run.attempts(0).iter().map(|r| r.attempt).collect();
        assert_eq!(order, [0, 1]);
        assert_eq!(run.score(0), Some(0.2_f64.midpoint(0.4)));
        assert_eq!(run.score(1), None);
    }

    #[test]
    fn another_choice_changes_scores_without_new_results() {
        let (mut run, log) = run(1);
        log.extend([result(0, 0, 0.2), result(0, 1, 0.4)]);
        run.absorb();
        assert!(run.choose(LPIPS, Aggregate::Max));
        assert_eq!(run.score(0), Some(0.4));
        assert!(!run.choose(LPIPS, Aggregate::Max));
        assert!(run.choose(MSE, Aggregate::Max));
        assert_eq!(run.score(0), Some(0.04));
    }
}
