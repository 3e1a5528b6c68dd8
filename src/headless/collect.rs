//! From folders on the command line to the images of a run.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use super::signals::Signals;
use super::{Failure, Outcome, terminal};
use crate::engine::Control;
use crate::engine::similar::Looker;
use crate::engine::similar::files::{is_worth_it, near_duplicates};
use crate::images::sources::{self, Wanted};
use crate::images::{ListError, duplicates, layouts};
use crate::ood::Role;
use crate::runs::fit_file::leave_out_fitted;
use crate::runs::{RunImage, RunSettings};

/// The images of a run and what was left out.
#[derive(Debug, Default)]
pub struct Collected {
    /// All readable images, folder by folder.
    pub images: Vec<RunImage>,
    /// Files that could not be read.
    pub num_skipped: usize,
    /// What a reader of the report should know.
    pub notes: Vec<String>,
    /// What stops a listing.
    signals: Option<Signals>,
    /// Whether a folder may hold images of several roles.
    takes_mixed: bool,
}

impl Collected {
    /// Nothing yet; a listing ends when a signal comes.
    pub fn until(signals: &Signals) -> Self {
        Self {
            signals: Some(signals.clone()),
            ..Self::default()
        }
    }

    /// As [`Self::until`], for images that were listed before: what was taken then is taken again.
    pub fn again_until(signals: &Signals) -> Self {
        Self {
            takes_mixed: true,
            ..Self::until(signals)
        }
    }

    /// Add the first `limit` images of a folder, or those of a role in a table of labels.
    pub fn add(&mut self, role: Role, path: &Path, limit: Option<usize>) -> Result<(), Failure> {
        if !self.takes_mixed {
            let note = layouts::check_plain(path, role).map_err(Failure::bad_request)?;
            self.note_all(note.into_iter().collect());
        }
        let bar = spinner();
        let mut progress = |num_images: usize| {
            if self.exit_code().is_some() {
                return ControlFlow::Break(());
            }
            bar.set_message(format!("listing: {num_images} images"));
            bar.tick();
            ControlFlow::Continue(())
        };
        let listing =
            sources::list(path, Wanted::of_role(role, limit), &mut progress).map_err(|error| {
                Failure {
                    outcome: match (&error, self.exit_code()) {
                        (ListError::Stopped, Some(code)) => Outcome::Interrupted(code),
                        _ => Outcome::BadRequest,
                    },
                    error: error.into(),
                }
            })?;
        bar.finish_and_clear();
        for (file, reason) in &listing.unreadable {
            terminal::message(&format!("skipped: {reason}: {}", file.display()));
        }
        self.num_skipped += listing.unreadable.len();
        let folder = Arc::new(path.to_owned());
        let files = listing.files.into_iter();
        self.images.extend(files.map(|file| RunImage {
            file,
            role,
            folder: Arc::clone(&folder),
        }));
        self.note_all(listing.notes);
        Ok(())
    }

    fn note_all(&mut self, notes: Vec<String>) {
        for note in &notes {
            terminal::message(&format!("note: {note}"));
        }
        self.notes.extend(notes);
    }

    fn exit_code(&self) -> Option<u8> {
        self.signals.as_ref().and_then(Signals::exit_code)
    }

    /// Once all are added: use each image once per role, and notice those that play two.
    pub fn settle(&mut self) {
        let notes = duplicates::leave_out(
            &mut self.images,
            |image| (image.role, &image.file),
            duplicates::canonical,
        );
        self.note_all(notes);
        self.note_shared_content();
    }

    /// Leave out the images that a detector was fitted on.
    pub fn leave_out_fitted(&mut self, settings: &RunSettings) {
        let note = leave_out_fitted(&mut self.images, &*settings.method.detector);
        self.note_all(note.into_iter().collect());
    }

    /// Notice images that are nearly the same picture in two roles. Where they can't be compared the run begins all the same.
    pub fn note_near_duplicates(&mut self, images: &[RunImage]) {
        if !is_worth_it(images) {
            return;
        }
        let found = Looker::open(None)
            .and_then(|mut looker| near_duplicates(images, &mut looker, &Control::default()));
        match found {
            Ok(note) => self.note_all(note.into_iter().collect()),
            Err(error) => log::warn!("images were not compared before the run: {error}"),
        }
    }

    /// Notice files that play two roles: they make every figure worse than it is.
    fn note_shared_content(&mut self) {
        let images = self.images.iter().map(|image| (image.role, &*image.file));
        let note = duplicates::TwoRoles::find(images).map(|shared| shared.to_string());
        self.note_all(note.into_iter().collect());
    }
}

fn spinner() -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
    // As for the progress bar of a run: a malformed template shows at once.
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        bar.set_style(style);
    }
    bar
}
