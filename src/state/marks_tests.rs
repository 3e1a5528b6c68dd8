//! What is noted about images, and how it comes into its file.

use std::path::Path;

use super::keeping_tests::{keep, open, said, write};
use super::testing::result;
use super::tests::{ready_session, start};
use super::*;
use crate::images::ContentHash;
use crate::runs::{ImageMarks, MarkChange, Marks, marks};
use crate::state::{Action, KeepAction, LookAction, Mark, MarkFilter, UiCommand};
use crate::worker::protocol::{
    Event, LibraryEvent, MarksNotWritten, Progress, RunsCommand, RunsEvent, SavingNews,
};

/// Let the library thread do what it was asked to do with runs and marks.
fn answer_all(session: &mut Session) {
    for outgoing in session.outbox.drain().collect::<Vec<_>>() {
        match outgoing {
            Outgoing::Library(LibraryCommand::WriteMarks {
                job,
                run,
                changed,
                marks,
            }) => {
                let outcome =
                    marks::update(&run, &changed, &marks).map_err(|error| MarksNotWritten {
                        reason: error.to_string(),
                        is_for_good: error.is_of_content(),
                    });
                session.apply_library(LibraryEvent::MarksWritten { job, outcome });
            }
            Outgoing::Library(LibraryCommand::Runs(command)) => {
                let answer: RunsEvent = crate::worker::keeping::answer(command);
                session.apply_library(LibraryEvent::Runs(answer));
            }
            _ => {}
        }
    }
}

/// Let time pass until all is written that can be.
fn settle(session: &mut Session) {
    let now = session.now_secs;
    for second in 1..5 {
        session.tick(now + f64::from(second));
        answer_all(session);
    }
}

fn command(session: &mut Session, command: UiCommand) {
    session.perform(Action::Do(command));
}

/// Look at an image and change what is noted about it.
fn annotate(session: &mut Session, image: usize, change: MarkChange) {
    session.perform(Action::SelectImage(image));
    let content = session.shown.markable(image).unwrap();
    session.perform(Action::Annotate(vec![content], change));
}

fn of(session: &Session, image: usize) -> ImageMarks {
    session.shown.marks_of(image).cloned().unwrap_or_default()
}

/// A session that shows a finished run of two images of each role.
fn opened(path: &Path) -> Session {
    write(path, 8);
    let mut session = ready_session();
    open(&mut session, path);
    session.outbox.clear();
    session
}

fn content(session: &Session, image: usize) -> ContentHash {
    session.shown.markable(image).unwrap()
}

#[test]
fn what_is_noted_is_written_beside_the_run_and_there_the_next_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.lmdrun");
    let mut session = opened(&path);
    let before = std::fs::read(&path).unwrap();
    annotate(&mut session, 2, MarkChange::Tag(" scratch ".into()));
    command(&mut session, UiCommand::ToggleReviewed);
    session.tick(0.1);
    assert!(session.outbox.front().is_none(), "several changes are one");
    settle(&mut session);
    annotate(&mut session, 1, MarkChange::Note("why\nso".into()));
    settle(&mut session);
    assert_eq!(
        std::fs::read(&path).unwrap(),
        before,
        "the run is not written"
    );
    let again = {
        let mut session = ready_session();
        open(&mut session, &path);
        session
    };
    assert_eq!(again.shown.marks.all(), session.shown.marks.all());
    assert_eq!(of(&again, 2).tags.iter().collect::<Vec<_>>(), ["scratch"]);
    assert!(of(&again, 2).is_reviewed);
    assert_eq!(of(&again, 1).note, "why\nso");
    // Only what was changed is written: another program's marks of other images stay.
    let other = content(&session, 3);
    let mut elsewhere = Marks::default();
    elsewhere.change(other, &MarkChange::Review(true));
    marks::update(&path, &[other], &elsewhere).unwrap();
    annotate(&mut session, 1, MarkChange::Note(String::new()));
    settle(&mut session);
    let stored = marks::load(&path).unwrap();
    assert!(stored.of(&other).is_some() && stored.of(&content(&session, 1)).is_none());
}

#[test]
fn undo_takes_each_kind_of_change_back_and_redo_makes_it_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.lmdrun");
    let mut session = opened(&path);
    session.perform(Action::SelectImage(0));
    command(&mut session, UiCommand::CorrectToOut);
    command(&mut session, UiCommand::ToggleReviewed);
    annotate(&mut session, 0, MarkChange::Tag("blur".into()));
    session.perform(Action::SelectImage(1));
    command(&mut session, UiCommand::TagAgain);
    session.tick(20.0);
    annotate(&mut session, 1, MarkChange::Note("o".into()));
    annotate(&mut session, 1, MarkChange::Note("odd".into()));
    let all = session.shown.marks.all().clone();
    settle(&mut session);
    let mut said = Vec::new();
    for _ in 0..5 {
        said.extend(session.history.undo_words());
        command(&mut session, UiCommand::Undo);
    }
    assert_eq!(
        said,
        [
            "the note",
            "the change of tags",
            "the change of tags",
            "the review",
            "the corrected role"
        ]
    );
    assert!(session.shown.marks.all().is_empty());
    settle(&mut session);
    assert!(marks::load(&path).unwrap().is_empty(), "the file follows");
    for _ in 0..5 {
        command(&mut session, UiCommand::Redo);
    }
    assert_eq!(*session.shown.marks.all(), all);
    settle(&mut session);
    assert_eq!(marks::load(&path).unwrap(), all);
    // What was noted about this run is no step of another one.
    command(&mut session, UiCommand::CloseRun);
    assert_eq!(session.history.undo_words(), Some("adding a folder"));
}

#[test]
fn figures_are_shown_both_ways_and_the_threshold_stays() {
    let mut session = ready_session();
    let (job, log, _) = start(&mut session);
    // In-domain images score 0 to 29, out-of-domain ones 100 to 129.
    let score = |image: usize| image as f64 + if image < 30 { 0.0 } else { 70.0 };
    log.extend((0..60).map(|image| result(image, 0, score(image))));
    let progress = Progress::default();
    session.apply(Event::Done { job, progress });
    session.tick(1.0);
    let analysis = |session: &Session| session.shown.analysis.clone().unwrap();
    let before = analysis(&session);
    assert_eq!(before.corrected, None);
    let threshold = session.shown.threshold().unwrap();
    let decision = session.shown.deciding.decision.clone();

    // The highest in-domain image was an outlier after all, and decides the threshold as given.
    annotate(
        &mut session,
        29,
        MarkChange::Correct(Some(Role::OutOfDomain)),
    );
    // One of low score among the out-of-domain images belonged.
    annotate(&mut session, 30, MarkChange::Correct(Some(Role::InDomain)));
    // As it is given: no correction.
    annotate(
        &mut session,
        31,
        MarkChange::Correct(Some(Role::OutOfDomain)),
    );
    session.tick(2.0);
    let after = analysis(&session);
    let corrected = after.corrected.unwrap();
    assert_eq!(corrected.num_images, 2);
    let figures = corrected.figures.unwrap();
    assert_eq!((figures.num_in, figures.num_out), (30, 30));
    // Of 900 pairs one is the wrong way round: 100 in domain, 29 not.
    assert!(
        (figures.auroc - 899.0 / 900.0).abs() < 1e-12,
        "{}",
        figures.auroc
    );
    // All else goes by the roles that the images were scored under.
    let mut as_given = (*after).clone();
    as_given.corrected = None;
    assert_eq!(as_given, *before);
    assert_eq!(session.shown.threshold(), Some(threshold));
    assert_eq!(session.shown.deciding.decision, decision);
    assert_eq!(
        session.shown.gallery.images()[29].role,
        Role::InDomain,
        "the run says what it said"
    );
}

#[test]
fn marks_filter_the_gallery_beside_the_other_filters() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = opened(&folder.path().join("a.lmdrun"));
    annotate(&mut session, 0, MarkChange::Tag("blur".into()));
    annotate(&mut session, 2, MarkChange::Tag("blur".into()));
    annotate(&mut session, 2, MarkChange::Review(true));
    annotate(&mut session, 3, MarkChange::Correct(Some(Role::InDomain)));
    annotate(&mut session, 1, MarkChange::Note("n".into()));
    // Its role as it is.
    annotate(&mut session, 1, MarkChange::Correct(Some(Role::InDomain)));
    let shown = |session: &mut Session, filter: MarkFilter| {
        session.perform(Action::Look(LookAction::FilterMarks(Some(filter))));
        session.tick(1.0);
        session.shown.gallery.order().to_vec()
    };
    for (filter, images) in [
        (MarkFilter::Tagged("blur".into()), vec![0, 2]),
        (MarkFilter::Reviewed, vec![2]),
        (MarkFilter::NotReviewed, vec![0, 1, 3]),
        (MarkFilter::Corrected, vec![3]),
        (MarkFilter::WithNote, vec![1]),
    ] {
        assert_eq!(shown(&mut session, filter.clone()), images, "{filter:?}");
    }
    assert_eq!(shown(&mut session, MarkFilter::NotReviewed), [0, 1, 3]);
    // An image that is done leaves, and the next one is looked at.
    session.perform(Action::SelectImage(1));
    command(&mut session, UiCommand::ReviewedAndNext);
    session.tick(2.0);
    assert_eq!(session.shown.gallery.order(), [0, 3]);
    assert_eq!(session.shown.image(), Some(3));
    command(&mut session, UiCommand::ShowAll);
    session.tick(3.0);
    assert_eq!(session.shown.gallery.order().len(), 4);
    command(&mut session, UiCommand::Undo);
    assert_eq!(session.looking.mark_filter, Some(MarkFilter::NotReviewed));
}

#[test]
fn several_chosen_images_are_marked_at_once_and_one_beside_them_alone() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = opened(&folder.path().join("a.lmdrun"));
    for image in [1, 2] {
        session.perform(Action::Look(LookAction::Mark(image, Mark::Toggle)));
    }
    session.perform(Action::SelectImage(2));
    command(&mut session, UiCommand::ToggleReviewed);
    session.perform(Action::SelectImage(0));
    command(&mut session, UiCommand::CorrectToOut);
    let reviewed: Vec<bool> = (0..4)
        .map(|image| of(&session, image).is_reviewed)
        .collect();
    assert_eq!(reviewed, [false, true, true, false]);
    let corrected = (0..4).filter(|&image| of(&session, image).corrected.is_some());
    assert_eq!(corrected.collect::<Vec<_>>(), [0]);
}

#[test]
fn a_run_under_way_is_marked_and_the_image_stays_in_view() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.lmdrun");
    let mut session = ready_session();
    command(&mut session, UiCommand::ToggleReviewed);
    assert!(
        said(&session).contains("belong to a run"),
        "{}",
        said(&session)
    );
    let (job, log, _) = start(&mut session);
    log.extend([result(4, 0, 0.5)]);
    session.apply(Event::Saving {
        job,
        news: SavingNews::Began(path.clone()),
    });
    session.apply(Event::Progress {
        job,
        progress: Progress::default(),
    });
    session.tick(1.0);
    assert_eq!(session.shown.image(), Some(4), "the newest result");
    command(&mut session, UiCommand::ToggleReviewed);
    log.extend([result(5, 0, 0.5)]);
    session.tick(9.0);
    assert_eq!(session.shown.image(), Some(4));
    settle(&mut session);
    assert_eq!(marks::load(&path).unwrap(), *session.shown.marks.all());
    assert!(of(&session, 4).is_reviewed);
}

#[test]
fn a_run_that_continues_in_a_copy_takes_its_marks_along() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (
        folder.path().join("a.lmdrun"),
        folder.path().join("b.lmdrun"),
    );
    let mut session = opened(&path);
    annotate(&mut session, 0, MarkChange::Review(true));
    settle(&mut session);
    // As the worker says it.
    session.apply_saving(SavingNews::Began(copy.clone()));
    settle(&mut session);
    for file in [path, copy] {
        assert_eq!(marks::load(&file).unwrap(), *session.shown.marks.all());
    }
}

#[test]
fn keys_mark_nothing_that_something_lies_over() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = opened(&folder.path().join("a.lmdrun"));
    session.perform(Action::SelectImage(0));
    for cover in [UiCommand::TogglePresentation, UiCommand::ToggleRecent] {
        command(&mut session, cover);
        command(&mut session, UiCommand::ToggleReviewed);
        command(&mut session, UiCommand::ReviewedAndNext);
        command(&mut session, UiCommand::CorrectToOut);
        assert!(session.shown.marks.all().is_empty(), "{cover:?}");
        assert_eq!(session.shown.image(), Some(0));
        command(&mut session, cover);
    }
    command(&mut session, UiCommand::TogglePalette);
    command(&mut session, UiCommand::ToggleReviewed);
    assert_eq!(session.shown.marks.num_reviewed(), 1, "chosen from it");
}

#[test]
fn a_run_in_memory_is_saved_with_its_marks_and_later_ones_follow() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("copy.lmdrun");
    let mut session = ready_session();
    let (job, log, _) = start(&mut session);
    log.extend([result(4, 0, 0.5)]);
    let progress = Progress::default();
    session.apply(Event::Done { job, progress });
    session.outbox.clear();
    annotate(&mut session, 4, MarkChange::Review(true));
    settle(&mut session);
    assert!(
        said(&session).contains("in memory only"),
        "{}",
        said(&session)
    );
    keep(&mut session, KeepAction::SaveAs(path.clone()));
    answer_all(&mut session);
    assert!(said(&session).contains("was saved"), "{}", said(&session));
    assert_eq!(marks::load(&path).unwrap(), *session.shown.marks.all());
    annotate(&mut session, 4, MarkChange::Tag("late".into()));
    settle(&mut session);
    assert_eq!(marks::load(&path).unwrap(), *session.shown.marks.all());
    assert!(!marks::load(&path).unwrap().is_empty());
}

#[test]
fn marks_follow_the_name_and_go_with_a_copy() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut session = opened(&at("a.lmdrun"));
    annotate(&mut session, 0, MarkChange::Review(true));
    settle(&mut session);
    keep(&mut session, KeepAction::Rename("night".into()));
    annotate(&mut session, 1, MarkChange::Review(true));
    settle(&mut session);
    let all = session.shown.marks.all().clone();
    assert_eq!(all.len(), 2);
    assert_eq!(marks::load(&at("night.lmdrun")).unwrap(), all);
    assert!(!at("a.lmdrun.marks").exists());
    keep(&mut session, KeepAction::SaveAs(at("copy.lmdrun")));
    answer_all(&mut session);
    assert_eq!(marks::load(&at("copy.lmdrun")).unwrap(), all);
    // The next change is the run's own.
    annotate(&mut session, 1, MarkChange::Review(false));
    settle(&mut session);
    assert_eq!(marks::load(&at("copy.lmdrun")).unwrap(), all);
    assert_eq!(marks::load(&at("night.lmdrun")).unwrap().len(), 1);
}

#[test]
fn a_file_that_is_not_understood_is_said_and_never_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.lmdrun");
    for (text, what) in [("{\"lmd_marks\": 9}", "form 9"), ("{\"lmd_ma", "damaged")] {
        std::fs::remove_file(&path).ok();
        std::fs::write(marks::file_of(&path), text).unwrap();
        let mut session = opened(&path);
        assert!(session.shown.run.is_some(), "the run opens all the same");
        assert!(said(&session).contains(what), "{}", said(&session));
        annotate(&mut session, 0, MarkChange::Review(true));
        settle(&mut session);
        assert!(of(&session, 0).is_reviewed, "in memory");
        command(&mut session, UiCommand::CloseRun);
        session.write_marks_now().unwrap();
        answer_all(&mut session);
        let now = std::fs::read_to_string(marks::file_of(&path)).unwrap();
        assert_eq!(now, text);
    }
}

#[test]
fn a_write_that_fails_is_said_and_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.lmdrun");
    let mut session = opened(&path);
    annotate(&mut session, 0, MarkChange::Review(true));
    session.tick(5.0);
    let Some(Outgoing::Library(LibraryCommand::WriteMarks { job, .. })) =
        session.outbox.pop_front()
    else {
        panic!("the marks should be written");
    };
    let full = MarksNotWritten {
        reason: "the marks can't be written: no space left: /a.lmdrun.marks".to_owned(),
        is_for_good: false,
    };
    let outcome = Err(full);
    session.apply_library(LibraryEvent::MarksWritten { job, outcome });
    assert!(said(&session).contains("tried again"), "{}", said(&session));
    session.tick(6.0);
    assert!(session.outbox.front().is_none(), "not at once");
    session.tick(30.0);
    answer_all(&mut session);
    session.tick(31.0);
    assert_eq!(marks::load(&path).unwrap().len(), 1);
    assert!(session.notices.is_empty(), "{}", said(&session));
}

#[test]
fn nothing_is_lost_where_another_run_is_shown_or_the_window_closes() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut session = opened(&at("a.lmdrun"));
    write(&at("b.lmdrun"), 8);
    annotate(&mut session, 0, MarkChange::Review(true));
    open(&mut session, &at("b.lmdrun"));
    answer_all(&mut session);
    assert_eq!(marks::load(&at("a.lmdrun")).unwrap().len(), 1);
    assert!(
        session.shown.marks.all().is_empty(),
        "another run, other marks"
    );
    annotate(&mut session, 1, MarkChange::Review(true));
    session.write_marks_now().unwrap();
    assert_eq!(marks::load(&at("b.lmdrun")).unwrap().len(), 1);
    let commands = session.outbox.drain().collect::<Vec<_>>();
    assert!(
        !commands.iter().any(|command| matches!(
            command,
            Outgoing::Library(LibraryCommand::Runs(RunsCommand::SaveAs { .. }))
        )),
        "{commands:?}"
    );
}
