//! What a person notes about the images of the run that is shown, and how it comes into the file beside the run.
//!
//! It is written soon after each change, and what could not be written stays in memory and is tried again. A run that is kept
//! in memory has no place for it until it is saved; then the saved copy is that place.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use super::actions::Overlay;
use super::notices::Cause;
use super::outbox::Outgoing;
use super::panels::Center;
use super::session::Session;
use super::shown::Shown;
use crate::images::ContentHash;
use crate::ood::Role;
use crate::runs::{ImageMarks, MarkChange, Marks, marks};
use crate::worker::protocol::{JobId, LibraryCommand, MarksNotWritten, Severity};

/// Seconds from a change to its writing: several in a row are one.
const WRITE_DELAY_SECS: f64 = 0.4;
/// Seconds until what could not be written is tried again.
const RETRY_SECS: f64 = 10.0;

/// The marks of one run.
#[derive(Debug, Default)]
pub struct RunMarks {
    now: Marks,
    /// All tags of `now` with the number of images of each: drawn in every frame, and long in the making.
    tags: Vec<(String, usize)>,
    /// Images of `now` that were reviewed.
    num_reviewed: usize,
    /// What the file beside `place` says, as far as is known.
    written: Marks,
    /// The run file that they were written beside last.
    place: Option<PathBuf>,
    /// The copy of a run that has no file of its own.
    copy: Option<PathBuf>,
    /// What is being written.
    writing: Option<(JobId, Marks)>,
    /// The run file beside which lies what must not be replaced.
    refused: Option<PathBuf>,
    /// When the next writing is due, in seconds of the session's clock.
    due_at_secs: Option<f64>,
    /// The tag that was added last.
    last_tag: Option<String>,
    /// The copy of the run that is being made.
    saving: Option<(JobId, PathBuf)>,
    /// Whether the last try to write failed, and another one will follow.
    is_stuck: bool,
    /// Whether the user knows that there is no file to write to.
    is_told: bool,
}

impl RunMarks {
    /// Those of a run that was read from this file; `problem` where the file of its marks can't be read.
    pub(super) fn read(run: &Path, marks: Marks, problem: Option<&String>) -> Self {
        let mut read = Self {
            written: marks.clone(),
            place: Some(run.to_owned()),
            refused: problem.map(|_| run.to_owned()),
            ..Self::default()
        };
        read.set_all(marks);
        read
    }

    fn set_all(&mut self, marks: Marks) {
        let tags = marks.tags().into_iter();
        self.tags = tags.map(|(tag, count)| (tag.to_owned(), count)).collect();
        self.num_reviewed = marks.iter().filter(|(_, marks)| marks.is_reviewed).count();
        self.now = marks;
    }

    /// All tags in use, by name, with the number of images that have each.
    pub fn tags(&self) -> &[(String, usize)] {
        &self.tags
    }

    /// Images that were reviewed, one content counted once.
    pub fn num_reviewed(&self) -> usize {
        self.num_reviewed
    }

    /// What was noted.
    pub fn all(&self) -> &Marks {
        &self.now
    }

    /// The tag that was added last.
    pub fn last_tag(&self) -> Option<&str> {
        self.last_tag.as_deref()
    }

    /// Whether what could not be written is tried again.
    pub(super) fn is_stuck(&self) -> bool {
        self.is_stuck
    }

    /// A run file is called otherwise by now, and so is the file beside it.
    pub(super) fn follow(&mut self, mut follow: impl FnMut(&mut PathBuf)) {
        let paths = [&mut self.place, &mut self.copy, &mut self.refused];
        paths.into_iter().flatten().for_each(&mut follow);
    }
}

impl Shown {
    /// The content of an image of the gallery that can be marked: one of the run.
    pub fn markable(&self, image: usize) -> Option<ContentHash> {
        self.gallery.run_id(image)?;
        self.run.as_ref()?;
        Some(self.gallery.images().get(image)?.file.hash)
    }

    /// What was noted about an image of the gallery.
    pub fn marks_of(&self, image: usize) -> Option<&ImageMarks> {
        self.marks.all().of(&self.markable(image)?)
    }

    /// What a change of the marks is for: all the images that are chosen, where the one that is looked at is among them, else
    /// that one alone.
    pub fn contents_to_mark(&self) -> Vec<ContentHash> {
        let Some(image) = self.image() else {
            return Vec::new();
        };
        let chosen = self.gallery.marked();
        let all = if chosen.contains(&image) {
            chosen.iter().copied().collect()
        } else {
            vec![image]
        };
        let contents = all.into_iter().filter_map(|image| self.markable(image));
        contents.collect()
    }
}

impl Session {
    /// Change what was noted about some images of the run; while the newest result is followed, the first of them stays in view.
    pub(super) fn mark_images(&mut self, contents: &[ContentHash], change: &MarkChange) {
        let Some(run) = &self.shown.run else {
            return;
        };
        // Of all images of a large run at once, neither is looked through for the other.
        let contents: HashSet<ContentHash> = contents.iter().copied().collect();
        let mut marks = self.shown.marks.now.clone();
        for image in run.images.iter() {
            if contents.contains(&image.file.hash) {
                marks.change(image.file.hash, change);
            }
        }
        if let MarkChange::Tag(tag) = change {
            self.shown.marks.last_tag = marks::tag_of(tag);
        }
        self.set_marks(marks);
        if self.shown.gallery.selected().is_none() {
            let mut images = self.shown.gallery.images().iter();
            let first = images.position(|image| contents.contains(&image.file.hash));
            self.shown.select(first);
        }
    }

    /// Have these marks in place of those before.
    pub(super) fn set_marks(&mut self, marks: Marks) {
        if marks == self.shown.marks.now {
            return;
        }
        self.shown.marks.set_all(marks);
        self.shown.marks.due_at_secs = Some(self.now_secs + WRITE_DELAY_SECS);
        self.shown.is_order_stale |= self.looking.mark_filter.is_some();
        // The figures as corrected.
        self.shown.analyze_at_once();
    }

    /// Change the marks of the image that is looked at, and of those chosen with it.
    pub(super) fn mark_shown(&mut self, change: impl FnOnce(&ImageMarks) -> MarkChange) {
        if self.is_covered() {
            return;
        }
        let contents = self.shown.contents_to_mark();
        let Some(image) = self.shown.image().filter(|_| !contents.is_empty()) else {
            self.notices.say(
                Severity::Info,
                "Tags, notes and corrected roles belong to a run. Score these images first, or open a run",
            );
            return;
        };
        let before = self.shown.marks_of(image).cloned().unwrap_or_default();
        self.mark_images(&contents, &change(&before));
    }

    /// Whether something lies over the images, so that a key must not change what is noted about one.
    fn is_covered(&self) -> bool {
        let is_overlay = |overlay| overlay != Overlay::Palette;
        self.looking.overlay.is_some_and(is_overlay)
            || self.keeping.is_list_open
            || self.comparing.is_open
            || self.shown.question.is_some()
    }

    /// Show the field for a tag or a note, where it is not in view.
    pub(super) fn show_fields(&mut self) {
        let has_fields = matches!(
            self.settings.panels.center,
            Center::Overview | Center::Inspect
        );
        if !has_fields {
            self.show_in_center(Center::Overview);
        }
    }

    /// Correct the role of what is looked at, or take that back where it was corrected so.
    pub(super) fn correct_shown(&mut self, role: Role) {
        self.mark_shown(|marks| {
            MarkChange::Correct(Some(role).filter(|role| marks.corrected != Some(*role)))
        });
    }

    /// Add the tag that was added last.
    pub(super) fn tag_again(&mut self) {
        match self.shown.marks.last_tag.clone() {
            Some(tag) => self.mark_shown(|_| MarkChange::Tag(tag)),
            None => self.notices.say(
                Severity::Info,
                "No tag was added yet that could be added again",
            ),
        }
    }

    /// The image is done: say so and look at the next one.
    pub(super) fn review_and_go_on(&mut self) {
        let before = self.shown.image().filter(|_| !self.is_covered());
        let next = self.shown.gallery.neighbor(before, 1);
        self.mark_shown(|_| MarkChange::Review(true));
        // Found before: the image may leave the gallery by its filter.
        if let Some(next) = next.filter(|_| before.is_some()) {
            self.shown.select(Some(next));
        }
    }

    /// The run file beside which the marks belong.
    fn place_for_marks(&self) -> Option<PathBuf> {
        let run = self.shown.run.as_ref()?;
        run.kept
            .file
            .clone()
            .or_else(|| self.shown.marks.copy.clone())
    }

    /// Have changes written once they are due. Returns after how many seconds another call is needed.
    pub(super) fn keep_marks(&mut self) -> Option<f64> {
        let Some(place) = self.place_for_marks() else {
            self.say_in_memory();
            return None;
        };
        if self.shown.marks.place.as_ref() != Some(&place) {
            // Another file: it says nothing yet.
            self.shown.marks.place = Some(place.clone());
            self.shown.marks.written = Marks::default();
            self.shown.marks.due_at_secs.get_or_insert(self.now_secs);
        }
        let due_in = self.shown.marks.due_at_secs? - self.now_secs;
        let is_waiting = self.shown.marks.writing.is_some() || self.shown.asked_name.is_some();
        if is_waiting || due_in > 0.0 {
            return Some(due_in).filter(|_| !is_waiting);
        }
        self.write_marks(place);
        None
    }

    fn say_in_memory(&mut self) {
        let is_news = self.are_marks_in_memory() && !self.shown.is_running();
        if is_news && !std::mem::replace(&mut self.shown.marks.is_told, true) {
            self.notices.warn_while(
                Cause::MarksInMemory,
                "This run has no file, so what is noted about its images is in memory only. Save the run to keep both.",
            );
        }
    }

    fn write_marks(&mut self, place: PathBuf) {
        let state = &mut self.shown.marks;
        state.due_at_secs = None;
        let changed = state.now.differences(&state.written);
        if changed.is_empty() || state.refused.as_ref() == Some(&place) {
            return;
        }
        let job = self.outbox.mint_job();
        let marks = state.now.clone();
        state.writing = Some((job, marks.clone()));
        self.outbox
            .push_back(Outgoing::Library(LibraryCommand::WriteMarks {
                job,
                run: place,
                changed,
                marks,
            }));
    }

    /// Another run takes the place of this one: nothing may be lost.
    pub(super) fn let_marks_go(&mut self) {
        if let Some(place) = self.place_for_marks() {
            self.write_marks(place);
        }
    }

    /// Marks were written, or why not.
    pub(super) fn marks_written(&mut self, job: JobId, outcome: Result<(), MarksNotWritten>) {
        let state = &mut self.shown.marks;
        let asked = state.writing.take_if(|(known, _)| *known == job);
        match (outcome, asked) {
            (Ok(()), Some((_, marks))) => {
                state.written = marks;
                state.is_stuck = false;
            }
            (Ok(()), None) => {}
            (Err(problem), asked) => {
                let is_shown = asked.is_some();
                if is_shown && problem.is_for_good {
                    state.refused.clone_from(&state.place);
                } else if is_shown {
                    state.due_at_secs = Some(self.now_secs + RETRY_SECS);
                }
                self.say_not_written(&problem, is_shown);
            }
        }
    }

    fn say_not_written(&mut self, problem: &MarksNotWritten, is_shown: bool) {
        let reason = super::text::capitalized(&problem.reason);
        let what_now = if !is_shown {
            "What was noted last about the run before is lost."
        } else if problem.is_for_good {
            "What is noted meanwhile stays in memory: save the run under another name to keep it."
        } else {
            "Nothing is lost: it stays in memory and is tried again every few seconds. Make room or let the folder be written \
             to, or save the run elsewhere."
        };
        if is_shown && !problem.is_for_good {
            self.shown.marks.is_stuck = true;
            self.notices
                .warn_while(Cause::MarksStuck, format!("{reason}. {what_now}"));
        } else {
            self.notices
                .say(Severity::Error, format!("{reason}. {what_now}"));
        }
    }

    /// The file-reading thread has lost what it was asked to write.
    pub(super) fn marks_restarted(&mut self) {
        if self.shown.marks.writing.take().is_some() {
            self.shown.marks.due_at_secs = Some(self.now_secs);
        }
    }

    /// Whether marks wait for a run that has no file.
    pub(super) fn are_marks_in_memory(&self) -> bool {
        !self.shown.marks.now.is_empty() && self.place_for_marks().is_none()
    }

    /// A copy of the run is asked for.
    pub(super) fn copy_begins(&mut self, job: JobId, path: PathBuf) {
        self.shown.marks.saving = Some((job, path));
    }

    /// The copy was made, or not: of a run without a file it is the place for its marks.
    pub(super) fn copy_ended(&mut self, job: JobId, is_made: bool) {
        let state = &mut self.shown.marks;
        let asked = state.saving.take_if(|(known, _)| *known == job);
        state.copy = asked
            .map(|(_, path)| path)
            .filter(|_| is_made)
            .or_else(|| state.copy.take());
    }

    /// The program ends: write at once what is not written yet.
    pub fn write_marks_now(&mut self) -> Result<(), marks::MarksError> {
        let waiting: Vec<Outgoing> = self.outbox.drain().collect();
        for outgoing in waiting {
            if let Outgoing::Library(LibraryCommand::WriteMarks {
                run,
                changed,
                marks,
                ..
            }) = outgoing
            {
                marks::update(&run, &changed, &marks)?;
            }
        }
        let state = &self.shown.marks;
        let changed = state.now.differences(&state.written);
        match self.place_for_marks() {
            Some(place) if !changed.is_empty() => marks::update(&place, &changed, &state.now),
            _ => Ok(()),
        }
    }
}
