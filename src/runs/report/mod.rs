//! What is written of a finished run: scores for other programs, figures and pictures for people.
//!
//! Works on plain data, so that a window, a script and a test write the same report.

mod attempts;
mod confounding;
mod contact_sheet;
mod corrections;
mod escape;
mod histogram;
mod html;
mod pairs;
mod repeat;
mod roc;
mod scores;
mod style;
mod summary;
mod verdicts;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use attempts::{AttemptsChart, AttemptsLine, draw_attempts};
pub use contact_sheet::{contact_sheet, masked};
pub use corrections::note_of_marks;
pub use escape::{path_cell, path_from_text, shell_word, text_cell, text_from_path};
pub use histogram::{HistogramChart, draw_histogram};
pub use html::html_report;
pub use pairs::{PairsChart, draw_pairs};
pub use repeat::command_line;
pub use roc::{RocChart, RocLine, draw_roc};
pub use scores::ImageScores;
pub use style::{render, render_svg};
pub use summary::{FolderFigures, ImageCounts, PerMeasure, Summary};
pub use verdicts::verdicts_of_unknown;

use self::confounding::Confounding;
use super::file::{Manifest, Segment};
use super::formats;
use super::results::{AttemptResult, RunImage};
use super::settings::RunSettings;
use crate::detectors::measures;
use crate::images::write::{encode_png, write_atomically};
use crate::networks::distances::{LPIPS, MSE, SSIM};
use crate::ood::MeasureId;

/// A run to report on.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// All images of the run; results name them by position.
    pub images: &'a [RunImage],
    /// Finished attempts in any order.
    pub results: &'a [Arc<AttemptResult>],
    /// The settings of the run.
    pub settings: &'a RunSettings,
    /// Network calls of this invocation, one an image and step, cancelled work included.
    pub network_calls: u64,
    /// Seconds from the first to the last network call.
    pub seconds: f64,
    /// Files that could not be read, when listed or when their turn came.
    pub num_skipped: usize,
    /// What else a reader should know, a sentence each.
    pub notes: &'a [String],
}

/// What a report folder holds beside the [`formats::texts`].
const FILES: [&str; 5] = [
    "summary.json",
    "histogram.png",
    "roc.png",
    "contact-sheet.png",
    "report.html",
];

/// The names of what [`Report::write`] and [`Report::write_page`] may write into a folder.
pub fn file_names() -> impl Iterator<Item = &'static str> {
    let texts = formats::texts().map(|(format, _)| format.file_name);
    texts.chain(FILES)
}

/// Why a report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// The folder can't be made.
    #[error("the report folder can't be made: {source}: {}", path.display())]
    Folder {
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file can't be written, e.g. because the disk is full.
    #[error("the report is not complete: a file can't be written: {source}: {}", path.display())]
    Write {
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// A file's content could not be made.
    #[error("the report is not complete: this file can't be made: {reason}: {}", path.display())]
    Content {
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
}

impl Report<'_> {
    /// What was measured, in the order in which it is shown; what any run measures where there are no results.
    pub fn measures(&self) -> Vec<MeasureId> {
        let ids = match self.results.first() {
            Some(result) => result.values.ids().to_vec(),
            None => {
                (self.settings.method.detector).measures(usize::MAX, self.settings.view.measure)
            }
        };
        measures::shown(&ids, self.settings.view.measure)
    }

    /// The run in numbers.
    pub fn summary(&self) -> Summary {
        Summary::new(self, &ImageScores::collect(self))
    }

    /// How the files of the roles differ and what simple properties have to do with the scores, a sentence for each that
    /// stands out. They are among the notes of the summary.
    pub fn confound_warnings(&self) -> Vec<String> {
        Confounding::new(self, &ImageScores::collect(self)).warnings()
    }

    /// Write `scores.csv`, `summary.json`, `histogram.png`, `roc.png` and `contact-sheet.png` into a folder, which is made
    /// if it is missing, and `verdicts.csv` where there are images of unknown role. A reader never finds half of a file.
    pub fn write(&self, folder: &Path) -> Result<Summary, ReportError> {
        fs::create_dir_all(folder).map_err(|source| ReportError::Folder {
            path: folder.to_owned(),
            source,
        })?;
        let scores = ImageScores::collect(self);
        let mut summary = Summary::new(self, &scores);

        if let Some((_, note)) = verdicts_of_unknown(self.images, &scores, self.settings) {
            summary.notes.push(note);
        }
        for (format, text) in formats::texts() {
            if let Ok(text) = text(self, &scores) {
                write(folder, format.file_name, Ok(text.into_bytes()))?;
            }
        }
        let json = serde_json::to_string_pretty(&summary)
            .map(|json| format!("{json}\n").into_bytes())
            .map_err(|error| error.to_string());
        write(folder, "summary.json", json)?;

        let histogram = HistogramChart::new(self.settings, &scores);
        let picture = render(1200, 760, |area| draw_histogram(area, &histogram));
        write(folder, "histogram.png", png(picture))?;
        let roc = RocChart::new(self.settings, &scores);
        let picture = render(1000, 1060, |area| draw_roc(area, &roc));
        write(folder, "roc.png", png(picture))?;
        write(
            folder,
            "contact-sheet.png",
            png(contact_sheet(self, &scores)),
        )?;
        Ok(summary)
    }
}

impl Report<'_> {
    /// Write `report.html` into the folder of [`Self::write`]: everything in one file, with where it comes from.
    pub fn write_page(
        &self,
        folder: &Path,
        manifest: &Manifest,
        segments: &[(i64, Segment)],
    ) -> Result<(), ReportError> {
        let page = html_report(self, manifest, segments).map(String::into_bytes);
        write(folder, "report.html", page)
    }
}

/// The measures of a table: the three that each table of distances has, whatever the size of the images, then whatever else was
/// measured.
pub fn tabulated_measures(results: &[Arc<AttemptResult>]) -> Vec<MeasureId> {
    let has_distances = |result: &Arc<AttemptResult>| result.values.get(MSE).is_some();
    let mut ids = if results.is_empty() || results.iter().any(has_distances) {
        vec![MSE, SSIM, LPIPS]
    } else {
        Vec::new()
    };
    for result in results {
        for &id in result.values.ids().iter() {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
    }
    ids
}

fn png(picture: Result<crate::images::Picture, String>) -> Result<Vec<u8>, String> {
    encode_png(&picture?).map_err(|error| error.to_string())
}

fn write(folder: &Path, name: &str, content: Result<Vec<u8>, String>) -> Result<(), ReportError> {
    let path = folder.join(name);
    match content {
        Err(reason) => Err(ReportError::Content { path, reason }),
        Ok(bytes) => {
            write_atomically(&path, &bytes).map_err(|source| ReportError::Write { path, source })
        }
    }
}
