//! The comparison as files: for people, for a spreadsheet, for programs, and the ROC curves.

use std::fmt::Write as _;
use std::io;
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::candidates::Candidate;
use super::{Entry, LEVEL, Ranking, Row, rank};
use crate::engine::saving::patiently;
use crate::images::write::write_atomically;
use crate::ood::text::{measured, percent};
use crate::ood::{Interval, Proportion};
use crate::runs::file;
use crate::runs::report::{RocChart, RocLine, draw_roc, render_svg};

/// Of the file for programs.
pub const JSON: &str = "comparison.json";
const CSV: &str = "comparison.csv";
const MARKDOWN: &str = "comparison.md";
const ROC: &str = "roc.svg";

/// What is written into the folder, besides the runs.
pub const FILES: [&str; 4] = [JSON, CSV, MARKDOWN, ROC];

/// Curves in the chart, the best ones: more can't be told apart.
const MAX_CURVES: usize = 6;

/// A detector without figures.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NotRun {
    pub label: String,
    /// Why.
    pub reason: String,
}

impl NotRun {
    pub fn new(candidate: &Candidate, reason: String) -> Self {
        Self {
            label: candidate.label.clone(),
            reason,
        }
    }
}

/// What is known so far.
#[derive(Clone, Debug)]
pub struct Account {
    /// At which detectors are held against each other.
    pub false_alarm_rate: f64,
    pub entries: Vec<Entry>,
    pub not_run: Vec<NotRun>,
}

/// A comparison can't be written.
#[derive(Debug, thiserror::Error)]
pub enum AccountError {
    #[error("the comparison can't be written: {source}: {path}", path = path.display())]
    Write { source: io::Error, path: PathBuf },
    #[error("the ROC curves can't be drawn: {0}")]
    Draw(String),
    #[error("the comparison can't be put into JSON: {0}")]
    Json(#[from] serde_json::Error),
}

/// All in one object.
#[derive(Serialize)]
struct Whole<'a> {
    #[serde(flatten)]
    ranking: Option<&'a Ranking>,
    /// Why there is no ranking, where there is none.
    missing: Option<String>,
    advice: Option<String>,
    not_run: &'a [NotRun],
}

/// An account with what follows from it.
#[derive(Clone, Debug)]
pub struct Ranked {
    pub account: Account,
    /// Why there is none, where there is none.
    pub ranking: Result<Ranking, String>,
}

impl Ranked {
    /// By finished runs of these detectors; one that can't be read is told among those that were not run.
    pub fn of_runs(
        runs: &[(Candidate, PathBuf)],
        not_run: Vec<NotRun>,
        false_alarm_rate: f64,
    ) -> Self {
        let mut account = Account::new(false_alarm_rate);
        account.not_run = not_run;
        for (candidate, path) in runs {
            match patiently(|| file::read_scores(path)) {
                Ok(run) => account.entries.extend(candidate.entries(&run)),
                Err(error) => account.not_run.push(NotRun::new(
                    candidate,
                    format!("its run can't be read: {error}"),
                )),
            }
        }
        Self {
            ranking: account.ranking(),
            account,
        }
    }
}

impl Account {
    pub fn new(false_alarm_rate: f64) -> Self {
        Self {
            false_alarm_rate,
            entries: Vec::new(),
            not_run: Vec::new(),
        }
    }

    /// Why there is none, where there is none.
    pub fn ranking(&self) -> Result<Ranking, String> {
        if self.entries.is_empty() {
            return Err("no detector has finished yet".to_owned());
        }
        rank(&self.entries, self.false_alarm_rate).map_err(|missing| missing.to_string())
    }

    /// Write all files. A reader never finds half of one.
    pub fn write(&self, folder: &Path) -> Result<(), AccountError> {
        let write = |name: &str, text: String| {
            let path = folder.join(name);
            write_atomically(&path, text.as_bytes())
                .map_err(|source| AccountError::Write { source, path })
        };
        write(JSON, self.json()?)?;
        let Ok(ranking) = self.ranking() else {
            return Ok(());
        };
        write(CSV, csv(&ranking))?;
        write(MARKDOWN, self.markdown())?;
        let chart = roc(&ranking);
        let svg =
            render_svg(1000, 900, |area| draw_roc(area, &chart)).map_err(AccountError::Draw)?;
        write(ROC, svg)
    }

    /// For programs.
    pub fn json(&self) -> Result<String, AccountError> {
        let ranking = self.ranking();
        let whole = Whole {
            ranking: ranking.as_ref().ok(),
            missing: ranking.as_ref().err().cloned(),
            advice: ranking.as_ref().ok().map(Ranking::advice),
            not_run: &self.not_run,
        };
        Ok(serde_json::to_string_pretty(&whole)?)
    }

    /// For people.
    pub fn markdown(&self) -> String {
        let mut text = match self.ranking() {
            Ok(ranking) => tables(&ranking),
            Err(missing) => format!("There is no comparison: {missing}.\n"),
        };
        for NotRun { label, reason } in &self.not_run {
            // Writing to a string does not fail.
            _ = writeln!(text, "\nNOT RUN: {label}: {reason}");
        }
        text
    }
}

fn tables(ranking: &Ranking) -> String {
    let mut text = format!("{}\n\n", ranking.advice());
    let rate = percent(ranking.false_alarm_rate);
    let mut line = |cells: &[String]| {
        _ = writeln!(text, "| {} |", cells.join(" | "));
    };
    let heads =
        |heads: &[&str]| -> Vec<String> { heads.iter().map(|head| (*head).to_owned()).collect() };
    let found = format!("found at {rate} false alarms");
    let columns = heads(&[
        "detector",
        "AUROC",
        "behind the best",
        "FPR95",
        &found,
        "found / missed alone",
        "calls",
        "seconds",
    ]);
    line(&columns);
    line(&vec!["---".to_owned(); columns.len()]);
    for row in &ranking.rows {
        line(&[
            row.label.clone(),
            format!("{:.4}{}", row.figures.auroc, range(row.interval)),
            format!("{:.4}{}", row.behind, range(row.behind_interval)),
            format!("{:.3}", row.figures.fpr95),
            row.hits.map_or_else(|| "too few images".to_owned(), share),
            format!("{} / {}", row.found_alone, row.missed_alone),
            format!("{:.0}", row.calls),
            format!("{:.4}", row.seconds),
        ]);
    }
    if !ranking.combined.is_empty() {
        _ = writeln!(
            text,
            "\nAll detectors together, by p-values against every second in-domain image; false alarms are of the others:\n"
        );
        let mut line = |cells: &[String]| {
            _ = writeln!(text, "| {} |", cells.join(" | "));
        };
        line(&heads(&[
            "p-values combined by",
            "AUROC",
            "found",
            "false alarms",
        ]));
        line(&vec!["---".to_owned(); 4]);
        for row in &ranking.combined {
            line(&[
                row.label.to_owned(),
                format!("{:.4}{}", row.auroc, range(row.interval)),
                share(row.hits),
                format!(
                    "{} ({} to {})",
                    share(row.false_alarms),
                    measured(row.false_alarms.interval(LEVEL).low),
                    measured(row.false_alarms.interval(LEVEL).high),
                ),
            ]);
        }
    }
    _ = writeln!(
        text,
        "\n{} in-domain and {} out-of-domain images that every detector scored; intervals hold {}; calls and seconds are per \
         image; alone: against the first row.",
        ranking.num_in,
        ranking.num_out,
        percent(LEVEL),
    );
    text
}

fn range(interval: Option<Interval>) -> String {
    interval.map_or_else(String::new, |it| {
        format!(" ({:.4} to {:.4})", it.low, it.high)
    })
}

fn share(of: Proportion) -> String {
    let rate = of
        .rate()
        .map_or_else(String::new, |rate| format!(", {}", measured(rate)));
    format!("{} of {}{rate}", of.hits, of.trials)
}

fn csv(ranking: &Ranking) -> String {
    let mut text = "detector,auroc,auroc_low,auroc_high,behind,behind_low,behind_high,fpr95,aupr_out,num_in,num_out,hits,\
                    found_alone,missed_alone,calls_per_image,seconds_per_image\n"
        .to_owned();
    for row in &ranking.rows {
        let ends = |interval: Option<Interval>| {
            interval.map_or_else(|| ",".to_owned(), |it| format!("{},{}", it.low, it.high))
        };
        _ = writeln!(
            text,
            "\"{}\",{},{},{},{},{},{},{},{},{},{},{},{},{}",
            row.label,
            row.figures.auroc,
            ends(row.interval),
            row.behind,
            ends(row.behind_interval),
            row.figures.fpr95,
            row.figures.aupr_out,
            ranking.num_in,
            ranking.num_out,
            row.hits
                .map_or_else(String::new, |hits| hits.hits.to_string()),
            row.found_alone,
            row.missed_alone,
            row.calls,
            row.seconds,
        );
    }
    text
}

fn roc(ranking: &Ranking) -> RocChart {
    let line = |row: &Row| RocLine {
        label: row.label.clone(),
        points: row.curve.clone(),
        figures: row.figures,
    };
    RocChart {
        score_label: "Detectors on the same images".to_owned(),
        lines: ranking.rows.iter().take(MAX_CURVES).map(line).collect(),
        missing: None,
    }
}
