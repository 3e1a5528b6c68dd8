//! The name of the run that is shown, with what the library thread does to its file.

use std::fs;
use std::path::Path;

use super::keeping_tests::{keep, open, said, write};
use super::tests::{ready_session, start, worker_commands};
use super::*;
use crate::state::{Action, KeepAction, UiCommand};
use crate::worker::protocol::{Event, LibraryEvent, Progress, RunsEvent, SavingNews};

/// Let the library thread do what it was asked to do with run files.
fn answer_all(session: &mut Session) {
    while session.outbox.front().is_some() {
        for outgoing in session.outbox.drain().collect::<Vec<_>>() {
            if let Outgoing::Library(LibraryCommand::Runs(command)) = outgoing {
                let answer: RunsEvent = crate::worker::keeping::answer(command);
                session.apply_library(LibraryEvent::Runs(answer));
            }
        }
    }
}

fn rename(session: &mut Session, name: &str) {
    session.perform(Action::Do(UiCommand::Rename));
    keep(session, KeepAction::Rename(name.to_owned()));
    answer_all(session);
}

fn called(session: &Session) -> String {
    session.shown.run.as_ref().unwrap().called()
}

fn problem(session: &Session) -> Option<String> {
    session.shown.renaming.as_ref()?.problem.clone()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn recent(session: &Session) -> Vec<String> {
    let library = session.keeping.library.as_ref().unwrap();
    let paths = library.runs.iter().map(|run| name_of(&run.path));
    paths.collect()
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap().to_string_lossy().into_owned()
}

/// A session that shows a run of a folder that it keeps its runs in.
fn opened(folder: &Path, name: &str) -> Session {
    let path = folder.join(name);
    write(&path, 8);
    let mut session = ready_session();
    session.keep_runs_in(Some(folder.to_owned()));
    answer_all(&mut session);
    open(&mut session, &path);
    session
}

#[test]
fn a_run_and_its_file_get_a_name_and_undo_gives_the_old_one_back() {
    let folder = tempfile::tempdir().unwrap();
    let made = "2026-11-28-021500-fashion-mnist.lmdrun";
    let mut session = opened(folder.path(), made);
    let begun = called(&session);
    rename(&mut session, " night shift.lmdrun ");
    assert_eq!(called(&session), "night shift");
    assert_eq!(session.shown.renaming, None, "the field is closed");
    assert_eq!(names(folder.path()), ["night shift.lmdrun"]);
    assert_eq!(recent(&session), ["night shift.lmdrun"]);
    let path = folder.path().join("night shift.lmdrun");
    assert_eq!(session.shown.opened().unwrap().path, path);
    assert_eq!(session.run_to_write().as_ref(), Ok(&path));
    assert_eq!(session.history.undo_words(), Some("the name of the run"));
    session.perform(Action::Do(UiCommand::Undo));
    answer_all(&mut session);
    assert_eq!(names(folder.path()), [made]);
    assert_eq!(
        (called(&session), recent(&session)),
        (begun, vec![made.to_owned()])
    );
    assert_ne!(session.history.undo_words(), Some("the name of the run"));
    session.perform(Action::Do(UiCommand::Redo));
    answer_all(&mut session);
    assert_eq!(names(folder.path()), ["night shift.lmdrun"]);
    // A name is one of its run, not of the next one.
    assert_eq!(session.history.undo_words(), Some("the name of the run"));
    session.perform(Action::Do(UiCommand::CloseRun));
    assert_ne!(session.history.undo_words(), Some("the name of the run"));
}

#[test]
fn a_name_that_can_not_be_is_refused_and_what_was_typed_stays() {
    let folder = tempfile::tempdir().unwrap();
    write(&folder.path().join("day.lmdrun"), 3);
    let day = fs::read(folder.path().join("day.lmdrun")).unwrap();
    let mut session = opened(folder.path(), "night.lmdrun");
    rename(&mut session, "day");
    let renaming = session.shown.renaming.clone().unwrap();
    assert_eq!(renaming.typed, "day");
    let said = renaming.problem.unwrap();
    assert_eq!(
        said,
        "Another run in this folder is called day, type another name"
    );
    assert_eq!(names(folder.path()), ["day.lmdrun", "night.lmdrun"]);
    assert!(fs::read(folder.path().join("day.lmdrun")).unwrap() == day);
    assert_ne!(session.history.undo_words(), Some("the name of the run"));
    keep(&mut session, KeepAction::Rename("a/b".to_owned()));
    assert!(session.outbox.front().is_none());
    assert_eq!(
        problem(&session).unwrap(),
        "A name can't contain /, leave it out"
    );
    keep(&mut session, KeepAction::LeaveName);
    assert_eq!(
        (session.shown.renaming.clone(), called(&session)),
        (None, "night".to_owned())
    );
}

#[test]
fn a_run_that_is_written_keeps_its_file_until_its_end() {
    let folder = tempfile::tempdir().unwrap();
    let mut session = ready_session();
    session.keep_runs_in(Some(folder.path().to_owned()));
    answer_all(&mut session);
    let (job, ..) = start(&mut session);
    let path = folder.path().join("2026-11-28-021500-test.lmdrun");
    write(&path, 8);
    let news = SavingNews::Began(path.clone());
    session.apply(Event::Saving { job, news });
    rename(&mut session, "night");
    assert_eq!(
        (called(&session), names(folder.path()).len()),
        ("night".to_owned(), 1)
    );
    assert!(path.exists());
    assert!(said(&session).contains("its file gets that name when it has ended"));
    session.perform(Action::Do(UiCommand::Undo));
    assert_ne!(called(&session), "night");
    session.perform(Action::Do(UiCommand::Redo));
    assert_eq!(called(&session), "night");
    // Somebody takes the name meanwhile.
    let taken = folder.path().join("night.lmdrun");
    write(&taken, 3);
    let progress = Progress::default();
    session.apply(Event::Done { job, progress });
    answer_all(&mut session);
    assert!(path.exists());
    assert_eq!(session.shown.renaming.as_ref().unwrap().typed, "night");
    assert!(
        problem(&session)
            .unwrap()
            .starts_with("Another run in this folder")
    );
    fs::remove_file(&taken).unwrap();
    keep(&mut session, KeepAction::Rename("night".to_owned()));
    answer_all(&mut session);
    assert_eq!(names(folder.path()), ["night.lmdrun"]);
    assert_eq!(
        (called(&session), problem(&session)),
        ("night".to_owned(), None)
    );
}

#[test]
fn a_run_without_a_file_has_its_name_in_the_window() {
    let mut session = ready_session();
    session.perform(Action::Do(UiCommand::Rename));
    assert_eq!(session.shown.renaming, None);
    assert_eq!(said(&session), "There is no run yet that could get a name");
    start(&mut session);
    let before = called(&session);
    rename(&mut session, "night");
    assert_eq!(called(&session), "night");
    assert!(worker_commands(&mut session).is_empty());
    session.perform(Action::Do(UiCommand::Undo));
    assert_eq!(called(&session), before);
}
