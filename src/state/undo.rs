//! One history of what the user has changed: threshold, folders, choice of images, marks, what was
//! noted about images, settings and the name of the run, back and forth.

use std::collections::BTreeSet;

use super::actions::{Action, KeepAction, LookAction, UiCommand};
use super::arrangement::{Alike, GalleryView, MarkFilter, ScoreRange};
use super::decision::DecisionSettings;
use super::folders::ScanState;
use super::layouts::LayoutAction;
use super::session::Session;
use super::settings::FolderChoice;
use crate::runs::{MarkChange, Marks, RunSettings};

/// Steps that undo can go back.
const MOST_STEPS: usize = 100;
/// Seconds within which movements of one control are one step.
const ONE_MOVEMENT_SECS: f64 = 1.0;
/// What another name for the run is called.
const NAMING: &str = "the name of the run";
/// What a fit of the detector is called.
const FIT: &str = "the fit of the detector";
/// What a change of reviewed images is called.
const REVIEW: &str = "the review";
/// What a change of a role is called.
const CORRECTION: &str = "the corrected role";
/// What a change of tags is called.
const TAGS: &str = "the change of tags";

/// What a step is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Threshold,
    Folders,
    Images,
    Marks,
    /// What was noted about images of the run.
    Notes,
    Settings,
    Name,
}

/// A part as it was.
#[derive(Clone, Debug, PartialEq)]
enum Former {
    Threshold(DecisionSettings),
    Folders(Vec<FolderChoice>),
    Images(
        GalleryView,
        String,
        Option<MarkFilter>,
        Option<ScoreRange>,
        Option<Alike>,
    ),
    Marks(BTreeSet<usize>),
    Notes(Marks),
    Settings(Box<RunSettings>),
    Name(Option<String>),
}

impl Former {
    fn part(&self) -> Part {
        match self {
            Self::Threshold(_) => Part::Threshold,
            Self::Folders(_) => Part::Folders,
            Self::Images(..) => Part::Images,
            Self::Marks(_) => Part::Marks,
            Self::Notes(_) => Part::Notes,
            Self::Settings(_) => Part::Settings,
            Self::Name(_) => Part::Name,
        }
    }
}

#[derive(Clone, Debug)]
struct Step {
    /// What was done, to follow "Undo".
    words: &'static str,
    former: Former,
}

/// The steps that can be taken back, and those that were.
#[derive(Debug, Default)]
pub struct History {
    past: Vec<Step>,
    future: Vec<Step>,
    /// The part that was moved last, and when.
    moved: Option<(Part, f64)>,
}

impl History {
    /// What undo would take back, to follow "Undo".
    pub fn undo_words(&self) -> Option<&'static str> {
        self.past.last().map(|step| step.words)
    }

    /// What redo would do again, to follow "Redo".
    pub fn redo_words(&self) -> Option<&'static str> {
        self.future.last().map(|step| step.words)
    }

    fn remember(&mut self, step: Step) {
        self.future.clear();
        self.past.push(step);
        if self.past.len() > MOST_STEPS {
            self.past.remove(0);
        }
    }

    fn retain(&mut self, is_kept: impl Fn(Part) -> bool) {
        for steps in [&mut self.past, &mut self.future] {
            steps.retain(|step| is_kept(step.former.part()));
        }
    }

    /// Scores are in other units now, or of another run: thresholds by hand and ranges of scores mean nothing any more.
    pub(super) fn forget_scores(&mut self) {
        self.retain(|part| part != Part::Threshold);
        for step in self.past.iter_mut().chain(&mut self.future) {
            if let Former::Images(_, _, _, range, _) = &mut step.former {
                *range = None;
            }
        }
    }

    /// Another run is shown.
    pub(super) fn forget_run(&mut self) {
        self.forget_marks();
        self.retain(|part| !matches!(part, Part::Name | Part::Notes));
        for step in self.past.iter_mut().chain(&mut self.future) {
            if let Former::Images(.., alike) = &mut step.former {
                *alike = None;
            }
        }
    }

    /// The file of the run was called this until now.
    pub(super) fn remember_name(&mut self, former: String) {
        self.remember(Step {
            words: NAMING,
            former: Former::Name(Some(former)),
        });
    }

    /// The settings were these before a fit was put in.
    pub(super) fn remember_fit(&mut self, former: RunSettings) {
        // What is changed next is another movement.
        self.moved = None;
        self.remember(Step {
            words: FIT,
            former: Former::Settings(Box::new(former)),
        });
    }

    /// The images have other places now.
    pub(super) fn forget_marks(&mut self) {
        self.retain(|part| part != Part::Marks);
    }
}

/// How an action is taken back.
struct Undoable {
    /// What it may change.
    parts: &'static [Part],
    words: &'static str,
    /// Whether quick repetitions are one movement.
    is_movement: bool,
}

impl Undoable {
    fn of(action: &Action) -> Option<Self> {
        let of = |parts, words| Self {
            parts,
            words,
            is_movement: false,
        };
        let moving = |parts, words| Self {
            is_movement: true,
            ..of(parts, words)
        };
        Some(match action {
            // Its movements say themselves where they begin.
            Action::SetDecision {
                is_continued: false,
                ..
            } => of(&[Part::Threshold], "the change of the threshold"),
            Action::Do(UiCommand::ResetThreshold) => {
                of(&[Part::Threshold], "the reset of the threshold")
            }
            Action::Layout(LayoutAction::Add | LayoutAction::AddWhole) => {
                of(&[Part::Folders], "adding a data set")
            }
            Action::AddFolder(..) | Action::AddSamples(_) => {
                of(&[Part::Folders], "adding a folder")
            }
            Action::RemoveFolder(_) => of(&[Part::Folders], "removing a folder"),
            Action::Do(UiCommand::OnlyUnknown) => of(&[Part::Folders], "removing the folders"),
            Action::SetGallery(_)
            | Action::Look(LookAction::FilterMarks(_) | LookAction::Alike(_))
            | Action::Do(
                UiCommand::ShowAll | UiCommand::MoreLikeThis | UiCommand::ShowDuplicates,
            ) => of(&[Part::Images], "the choice of images"),
            Action::Look(LookAction::Find(_) | LookAction::Brush(_)) => {
                moving(&[Part::Images], "the choice of images")
            }
            Action::Look(LookAction::Mark(..))
            | Action::Do(UiCommand::MarkAll | UiCommand::MarkNone) => {
                of(&[Part::Marks], "the change of marks")
            }
            Action::Annotate(_, change) => match change {
                MarkChange::Tag(_) | MarkChange::Untag(_) => of(&[Part::Notes], TAGS),
                MarkChange::Note(_) => moving(&[Part::Notes], "the note"),
                MarkChange::Correct(_) => of(&[Part::Notes], CORRECTION),
                MarkChange::Review(_) => of(&[Part::Notes], REVIEW),
            },
            Action::Do(UiCommand::ToggleReviewed | UiCommand::ReviewedAndNext) => {
                of(&[Part::Notes], REVIEW)
            }
            Action::Do(UiCommand::CorrectToIn | UiCommand::CorrectToOut) => {
                of(&[Part::Notes], CORRECTION)
            }
            Action::Do(UiCommand::TagAgain) => of(&[Part::Notes], TAGS),
            Action::Do(UiCommand::Close) => of(&[Part::Images, Part::Marks], "Esc"),
            // A file gets its name later: that is remembered then.
            Action::Keep(KeepAction::Rename(_)) => of(&[Part::Name], NAMING),
            Action::SetRun(_) => moving(&[Part::Settings], "the change of settings"),
            _ => return None,
        })
    }
}

impl Session {
    /// Do what the user asked for, so that it can be taken back where that makes sense.
    pub fn perform(&mut self, action: Action) {
        let Some(undoable) = Undoable::of(&action) else {
            self.perform_for_good(action);
            return;
        };
        let parts = undoable.parts.iter();
        let former: Vec<Former> = parts.map(|part| self.former(*part)).collect();
        self.perform_for_good(action);
        for former in former {
            let part = former.part();
            if former == self.former(part) {
                continue;
            }
            let now_secs = self.now_secs;
            let moved = self.history.moved.take().filter(|(moved, at_secs)| {
                undoable.is_movement && *moved == part && now_secs - at_secs < ONE_MOVEMENT_SECS
            });
            if moved.is_none() {
                let words = undoable.words;
                self.history.remember(Step { words, former });
            }
            self.history.moved = undoable.is_movement.then_some((part, now_secs));
        }
    }

    /// What was added last is there no more: there is nothing to take back.
    pub(super) fn forget_adding(&mut self) {
        let now = self.former(Part::Folders);
        if self
            .history
            .past
            .last()
            .is_some_and(|step| step.former == now)
        {
            self.history.past.pop();
        }
    }

    fn former(&self, part: Part) -> Former {
        match part {
            Part::Threshold => Former::Threshold(self.settings.decision),
            Part::Folders => Former::Folders(self.settings.folders.clone()),
            Part::Images => Former::Images(
                self.settings.gallery,
                self.looking.needle.clone(),
                self.looking.mark_filter.clone(),
                self.shown.gallery.brush(),
                self.shown.gallery.alike().cloned(),
            ),
            Part::Marks => Former::Marks(self.shown.gallery.marked().clone()),
            Part::Notes => Former::Notes(self.shown.marks.all().clone()),
            Part::Settings => Former::Settings(Box::new(self.settings.run.clone())),
            Part::Name => Former::Name(self.run_name()),
        }
    }

    pub(super) fn undo(&mut self) {
        if let Some(step) = self.history.past.pop() {
            let step = self.swap(step);
            self.history.future.push(step);
        }
    }

    pub(super) fn redo(&mut self) {
        if let Some(step) = self.history.future.pop() {
            let step = self.swap(step);
            self.history.past.push(step);
        }
    }

    /// Make a part what it was; returns the step back from there.
    fn swap(&mut self, step: Step) -> Step {
        self.history.moved = None;
        let words = step.words;
        let former = self.former(step.former.part());
        match step.former {
            Former::Threshold(decision) => self.change_decision(decision),
            Former::Folders(choices) => self.set_folders(choices),
            Former::Images(view, needle, marks, range, alike) => {
                self.settings.gallery = view;
                self.looking.needle = needle;
                self.looking.mark_filter = marks;
                self.shown.brush(range);
                self.shown.show_alike(alike);
                self.shown.is_order_stale = true;
            }
            Former::Marks(marked) => self.shown.gallery.set_marked(marked),
            Former::Notes(marks) => self.set_marks(marks),
            Former::Settings(settings) => self.change_settings(*settings),
            Former::Name(name) => self.name_run(name, false),
        }
        Step { words, former }
    }

    /// Have these folders; what is known of those that stay is kept.
    fn set_folders(&mut self, choices: Vec<FolderChoice>) {
        let mut old = std::mem::take(&mut self.folders);
        for choice in choices {
            let same = old
                .iter()
                .position(|f| f.role == choice.role && f.source == choice.source);
            match same {
                Some(index) => self.folders.push(old.remove(index)),
                None => self.add_folder(choice),
            }
        }
        for folder in old {
            if let ScanState::Scanning { control, .. } = &folder.scan {
                control.cancel();
            }
        }
        self.remember_folders();
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::ood::Role;
    use crate::state::settings::FolderSource;
    use crate::state::{Mark, Settings, Way};

    fn undo(session: &mut Session) {
        session.perform(Action::Do(UiCommand::Undo));
    }

    fn redo(session: &mut Session) {
        session.perform(Action::Do(UiCommand::Redo));
    }

    fn paths(session: &Session) -> Vec<PathBuf> {
        let sources = session.settings.folders.iter().map(|f| &f.source);
        sources
            .filter_map(|source| match source {
                FolderSource::Path(path) => Some(path.clone()),
                FolderSource::Samples => None,
            })
            .collect()
    }

    #[test]
    fn folders_come_back_to_their_places_and_go_again() {
        let mut session = Session::new(Settings {
            folders: Vec::new(),
            ..Settings::default()
        });
        for path in ["/a", "/b", "/c"] {
            session.perform(Action::AddFolder(path.into(), Role::InDomain));
        }
        let middle = session.folders[1].folder_id;
        session.perform(Action::RemoveFolder(middle));
        assert_eq!(paths(&session), ["/a", "/c"].map(PathBuf::from));
        assert_eq!(session.history.undo_words(), Some("removing a folder"));
        undo(&mut session);
        assert_eq!(paths(&session), ["/a", "/b", "/c"].map(PathBuf::from));
        redo(&mut session);
        assert_eq!(paths(&session), ["/a", "/c"].map(PathBuf::from));
        for _ in 0..4 {
            undo(&mut session);
        }
        assert!(paths(&session).is_empty());
        assert_eq!(session.history.undo_words(), None);
        assert_eq!(session.history.redo_words(), Some("adding a folder"));
    }

    #[test]
    fn the_history_goes_back_through_all_kinds_of_changes_in_their_order() {
        let mut session = crate::state::session::tests::ready_session();
        let before = (session.settings.clone(), session.looking.needle.clone());
        let decision = DecisionSettings {
            way: Way::Youden,
            ..session.settings.decision
        };
        session.perform(Action::SetDecision {
            settings: Box::new(decision),
            is_continued: false,
        });
        session.perform(Action::Look(LookAction::Find("a".to_owned())));
        session.perform(Action::Look(LookAction::Mark(1, Mark::Toggle)));
        let mut run = session.settings.run.clone();
        run.method.seed = 7;
        session.perform(Action::SetRun(Box::new(run)));
        let said: Vec<&str> = std::iter::from_fn(|| {
            let words = session.history.undo_words()?;
            undo(&mut session);
            Some(words)
        })
        .take(4)
        .collect();
        assert_eq!(
            said,
            [
                "the change of settings",
                "the change of marks",
                "the choice of images",
                "the change of the threshold"
            ]
        );
        assert_eq!(
            before,
            (session.settings.clone(), session.looking.needle.clone())
        );
        assert!(session.shown.gallery.marked().is_empty());
        for _ in 0..4 {
            redo(&mut session);
        }
        assert_eq!(session.settings.decision.way, Way::Youden);
        assert_eq!(session.settings.run.method.seed, 7);
        assert_eq!(session.shown.gallery.marked().len(), 1);
    }

    #[test]
    fn one_movement_is_one_step_and_the_next_one_another() {
        let mut session = crate::state::session::tests::ready_session();
        let find = |session: &mut Session, text: &str, now_secs| {
            session.tick(now_secs);
            session.perform(Action::Look(LookAction::Find(text.to_owned())));
        };
        find(&mut session, "h", 10.0);
        find(&mut session, "ho", 10.4);
        find(&mut session, "holiday", 15.0);
        undo(&mut session);
        assert_eq!(session.looking.needle, "ho");
        undo(&mut session);
        assert_eq!(session.looking.needle, "");
    }
}
