//! The formats that a stored run is written in: one list, from which command line and report folder take theirs.
//!
//! A new format is a file beside this one and its entry in [`FORMATS`].

mod maps;
mod page;
mod pictures;
mod scores_csv;
mod scores_json_lines;
mod scores_parquet;
mod verdicts_csv;

use std::sync::Arc;

pub use scores_csv::scores_csv;
pub use verdicts_csv::verdicts_csv;

use super::file::{Manifest, Segment, StoredImage, StoredRun, num_left_out};
use super::report::{ImageScores, Report, note_of_marks};
use super::results::{AttemptResult, RunImage};
use super::settings::RunSettings;

/// All formats, in the order in which they are offered.
pub static FORMATS: &[&Format] = &[
    &scores_csv::FORMAT,
    &scores_parquet::FORMAT,
    &scores_json_lines::FORMAT,
    &verdicts_csv::FORMAT,
    &pictures::FORMAT,
    &maps::FORMAT,
    &page::FORMAT,
];

/// One way to write a run.
#[derive(Debug)]
pub struct Format {
    /// Its word on the command line: `--name FILE`.
    pub name: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// The name that its file has in a report folder, or that the table in its folder always has.
    pub file_name: &'static str,
    /// What is in it, in one line without a period.
    pub help: &'static str,
    /// How it is made.
    pub content: Content,
}

/// How a format is made, by what it needs.
#[derive(Clone, Copy, Debug)]
pub enum Content {
    /// A text made of what any report is made of: report folders hold it too.
    Text(TextOf),
    /// One file, of a stored run.
    File(fn(&RunView) -> Result<Vec<u8>, String>),
    /// Files of one folder, of a stored run.
    Folder(for<'a> fn(&'a RunView) -> Files<'a>),
}

/// The text of a run, given also as the scores of its images.
pub type TextOf = fn(&Report<'_>, &[ImageScores]) -> Result<String, Nothing>;

/// Why a run has nothing for a format, after "there is nothing to write".
pub type Nothing = &'static str;

/// Names and contents of the files of a folder, each made when its turn comes.
pub type Files<'a> = Box<dyn Iterator<Item = (String, Result<Vec<u8>, String>)> + 'a>;

/// The formats that a report folder holds.
pub fn texts() -> impl Iterator<Item = (&'static Format, TextOf)> {
    FORMATS.iter().filter_map(|format| match format.content {
        Content::Text(text) => Some((*format, text)),
        Content::File(_) | Content::Folder(_) => None,
    })
}

/// A stored run as formats see it.
#[derive(Debug)]
pub struct RunView {
    /// Without its results.
    run: StoredRun,
    results: Vec<Arc<AttemptResult>>,
    settings: RunSettings,
    notes: Vec<String>,
    num_missing: usize,
}

/// One attempt of a stored run.
#[derive(Clone, Copy, Debug)]
struct Row<'a> {
    image: &'a RunImage,
    result: &'a AttemptResult,
    /// Its share of its batch's time.
    seconds: f64,
}

impl RunView {
    /// Of a run that was read.
    pub fn new(mut run: StoredRun) -> Self {
        // The count is of results, which are taken out next.
        let num_missing = run.num_missing();
        let results = std::mem::take(&mut run.results);
        let mut view = Self {
            results: results.into_iter().map(Arc::new).collect(),
            settings: run.manifest.settings(),
            notes: [run.notices.clone(), run.damage.clone()].concat(),
            num_missing,
            run,
        };
        let note = note_of_marks(&view.run.path, &view.report());
        view.notes.extend(note);
        view
    }

    /// What a report is made of.
    pub fn report(&self) -> Report<'_> {
        let segments = self.run.segments.iter().map(|(_, segment)| segment);
        Report {
            images: &self.run.images,
            results: &self.results,
            settings: &self.settings,
            network_calls: segments.clone().map(|segment| segment.network_calls).sum(),
            seconds: segments.map(|segment| segment.seconds).sum(),
            num_skipped: self.run.manifest.num_skipped + num_left_out(&self.run.notices),
            notes: &self.notes,
        }
    }

    fn manifest(&self) -> &Manifest {
        &self.run.manifest
    }

    fn segments(&self) -> &[(i64, Segment)] {
        &self.run.segments
    }

    fn stored_images(&self) -> &[StoredImage] {
        &self.run.stored_images
    }

    /// Every attempt, by image and attempt.
    fn rows(&self) -> Vec<Row<'_>> {
        let mut rows: Vec<Row<'_>> = (self.results.iter().zip(&self.run.efforts))
            .filter_map(|(result, effort)| {
                Some(Row {
                    image: self.run.images.get(result.image)?,
                    result,
                    seconds: effort.seconds,
                })
            })
            .collect();
        rows.sort_by_key(|row| (row.result.image, row.result.attempt));
        rows
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_of_formats_are_told_apart_and_their_help_is_one_line() {
        let names: BTreeSet<&str> = FORMATS.iter().map(|format| format.name).collect();
        let files: BTreeSet<&str> = FORMATS.iter().map(|format| format.file_name).collect();
        assert_eq!((names.len(), files.len()), (FORMATS.len(), FORMATS.len()));
        for format in FORMATS {
            let help = format.help;
            assert!(!help.ends_with('.') && !help.contains('\n'), "{help}");
        }
    }
}
