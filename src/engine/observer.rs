//! How a run is watched: where it stands, and what the user should know.

use std::path::PathBuf;

/// Is told of a run, on the thread that works on it: what it does takes the run's time.
pub trait Observer {
    /// How far the run is; the latest counts. New results are in the log.
    fn progress(&mut self, progress: &Progress);

    /// Something the user should know; the run continues.
    fn notice(&mut self, notice: Notice);

    /// How the keeping of the run goes; told only where the request asks for a file.
    fn saving(&mut self, _news: SavingNews) {}
}

/// Collects what the user should know.
impl Observer for Vec<Notice> {
    fn progress(&mut self, _progress: &Progress) {}

    fn notice(&mut self, notice: Notice) {
        self.push(notice);
    }
}

/// Where a run stands.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Progress {
    /// Attempts finished.
    pub attempts_done: usize,
    /// Attempts in all.
    pub num_attempts: usize,
    /// Images with every attempt finished (or given up).
    pub images_done: usize,
    /// Images in all.
    pub num_images: usize,
    /// Images that could not be read when their turn came.
    pub images_skipped: usize,
    /// Network calls done, one an image and step.
    pub network_calls: u64,
    /// Seconds from the first to the last network call, pauses excluded.
    pub network_secs: f64,
    /// What is being done now, e.g. `Inpainting attempt 3, step 12 of 25, batch of 16`.
    pub activity: String,
}

impl Progress {
    /// While a model is opened.
    pub fn reading_the_model() -> Self {
        Self {
            activity: "Reading the model".to_owned(),
            ..Self::default()
        }
    }

    /// What was done by the end of a part of the work, after what was done `before` it.
    #[must_use]
    pub fn after(self, before: &Self) -> Self {
        Self {
            images_skipped: before.images_skipped + self.images_skipped,
            network_calls: before.network_calls + self.network_calls,
            network_secs: before.network_secs + self.network_secs,
            ..self
        }
    }

    /// Network calls a second so far; 0 before the first.
    pub fn calls_per_second(&self) -> f64 {
        if self.network_secs > 0.0 {
            self.network_calls as f64 / self.network_secs
        } else {
            0.0
        }
    }
}

/// Something the user should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// How bad it is.
    pub severity: Severity,
    /// One or two sentences: what is wrong and what to do.
    pub message: String,
    /// The file it is about.
    pub path: Option<PathBuf>,
}

/// How bad a notice is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Nothing lost.
    Info,
    /// Something was left out.
    Warning,
    /// What was asked for did not happen.
    Error,
}

/// How the keeping of a run goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SavingNews {
    /// From now on all that is reported is in this file.
    Began(PathBuf),
    /// A write failed: the run waits for an [`Answer`](super::Answer).
    Stuck(String),
    /// The run continues without a file.
    GivenUp,
}
