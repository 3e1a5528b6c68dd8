//! The table of finished runs, and which of them the run that is shown is compared with.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::session::Session;
use crate::engine::comparing::{ComparedRow, ComparedRun};
use crate::ood::{Aggregate, MeasureId};
use crate::runs::file::RunSummary;
use crate::worker::protocol::{JobId, RunsCommand};

/// One way to score one stored run.
#[derive(Clone, Debug, PartialEq)]
pub struct RowKey {
    /// The run file.
    pub path: PathBuf,
    pub distance: MeasureId,
    /// How attempts become a score.
    pub aggregate: Aggregate,
}

/// What the table shows; the comparison itself is part of the run that is shown.
#[derive(Debug, Default)]
pub struct Comparing {
    /// Whether the table is open.
    pub is_open: bool,
    /// The finished runs, the newest first; `None` while they are read.
    pub runs: Option<Vec<Arc<ComparedRun>>>,
    /// Rows of one distance only.
    pub distance: Option<MeasureId>,
    /// Rows of one aggregation only.
    pub aggregate: Option<Aggregate>,
    /// What the shown run is compared with.
    pub chosen: Option<RowKey>,
    reading: Option<JobId>,
}

impl Session {
    pub(super) fn toggle_compare(&mut self) {
        self.comparing.is_open = !self.comparing.is_open;
        if self.comparing.is_open {
            self.keeping.is_list_open = false;
            self.read_compared();
        }
    }

    /// Read the finished runs among the recent ones, and the one that was opened.
    pub(super) fn read_compared(&mut self) {
        let recent = self
            .keeping
            .library
            .iter()
            .flat_map(|library| &library.runs);
        let mut paths: Vec<PathBuf> = recent
            .filter(|run| run.is_finished())
            .map(|run| run.path.clone())
            .collect();
        for path in self.kept_files().into_iter().chain(self.comparing.known()) {
            if !paths.contains(&path) {
                paths.push(path);
            }
        }
        let job = self.outbox.mint_job();
        self.comparing.reading = Some(job);
        self.send_runs(RunsCommand::Compare {
            job,
            paths,
            level: self.settings.decision.level,
        });
    }

    pub(super) fn compared(&mut self, job: JobId, runs: &[Arc<ComparedRun>]) {
        if self
            .comparing
            .reading
            .take_if(|known| *known == job)
            .is_some()
        {
            self.comparing.runs = Some(runs.to_vec());
            self.pair_up();
        }
    }

    pub(super) fn compare_with(&mut self, key: Option<RowKey>) {
        self.comparing.chosen = key;
        self.pair_up();
    }

    fn pair_up(&mut self) {
        let rate = self.settings.decision.false_alarm_rate;
        self.shown.pair_up(&self.comparing, rate);
    }
}

impl Comparing {
    /// The way to score and the run that were chosen, once that run is read.
    pub(super) fn chosen_run(&self) -> Option<(&RowKey, &Arc<ComparedRun>)> {
        let key = self.chosen.as_ref()?;
        let run = self
            .runs
            .iter()
            .flatten()
            .find(|run| run.scores.path == key.path)?;
        Some((key, run))
    }

    /// A file has another name: its scores are to be read again. Whether any were there.
    pub(super) fn forget(&mut self, path: &Path) -> bool {
        let Some(runs) = &mut self.runs else {
            return false;
        };
        let num_before = runs.len();
        runs.retain(|run| run.scores.path != path);
        runs.len() < num_before
    }

    fn known(&self) -> Vec<PathBuf> {
        let runs = self.runs.iter().flatten();
        runs.map(|run| run.scores.path.clone()).collect()
    }

    /// The area of a recent run by the way in which it was looked at last, once it is read.
    pub fn auroc(&self, run: &RunSummary) -> Option<f64> {
        let read = self.runs.iter().flatten();
        let read = read.clone().find(|read| read.scores.path == run.path)?;
        let view = run.manifest.settings().view;
        let mut rows = read.rows.iter();
        let row =
            rows.find(|row| (row.distance, row.aggregate) == (view.measure, view.aggregate))?;
        Some(row.auroc?.0)
    }

    /// The rows that are shown, the largest area first.
    pub fn rows(&self) -> Vec<(&Arc<ComparedRun>, ComparedRow)> {
        let mut rows: Vec<_> = self
            .runs
            .iter()
            .flatten()
            .flat_map(|run| run.rows.iter().map(move |row| (run, *row)))
            .filter(|(_, row)| self.distance.is_none_or(|d| d == row.distance))
            .filter(|(_, row)| self.aggregate.is_none_or(|a| a == row.aggregate))
            .collect();
        let area = |row: &ComparedRow| row.auroc.map_or(-1.0, |(auroc, _)| auroc);
        rows.sort_by(|a, b| area(&b.1).total_cmp(&area(&a.1)));
        rows
    }
}
