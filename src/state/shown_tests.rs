//! Nothing of a run outlives it.

use super::super::comparing::RowKey;
use super::keeping_tests::{keep, open, said, write, write_scores};
use super::testing::{listing, result};
use super::tests::{library_commands, ready_session, start, worker_commands};
use super::*;
use crate::engine::trace::Trace;
use crate::images::Picture;
use crate::networks::distances::MSE;
use crate::ood::{Aggregate, KnownMask};
use crate::runs::{AttemptResult, BatchChoice, DeviceChoice};
use crate::state::shown::scrub::ScrubPhase;
use crate::state::{
    Action, DecisionSettings, KeepAction, LookAction, Phase, ScoreRange, UiCommand, Way,
};
use crate::worker::protocol::{Event, LibraryEvent, Progress, RunsEvent};

fn command(session: &mut Session, command: UiCommand) {
    session.perform(Action::Do(command));
}

fn look(session: &mut Session, action: LookAction) {
    session.perform(Action::Look(action));
}

fn picture(value: f32) -> Picture {
    let geometry = crate::images::Geometry {
        channels: 1,
        side: 2,
    };
    Picture::from_unit(geometry, &[value; 4])
}

/// A result with pictures.
fn pictured(image: usize, attempt: usize, score: f64) -> AttemptResult {
    AttemptResult {
        known_mask: Some(Arc::new(
            KnownMask::from_known(2, vec![true, true, false, true]).unwrap(),
        )),
        inpainted: Some(picture(0.5)),
        ..result(image, attempt, score)
    }
}

/// A session with a finished run of one attempt per image: scores 0.01, 0.02, …
fn finished() -> Session {
    let mut session = ready_session();
    finish(&mut session, 0.0);
    session
}

/// Make a run, with scores that begin above `offset`.
fn finish(session: &mut Session, offset: f64) {
    let (job, log, _) = start(session);
    log.extend((0..60).map(|image| pictured(image, 0, offset + (image + 1) as f64 / 100.0)));
    let progress = Progress::default();
    session.apply(Event::Done { job, progress });
    session.tick(0.0);
    session.tick(1.0);
    session.outbox.clear();
}

/// Watch the attempt that is looked at; returns what the worker would answer to.
fn watch(session: &mut Session) -> (JobId, Control) {
    command(session, UiCommand::StartScrub);
    let commands = worker_commands(session);
    let [Command::Trace { job, control, .. }] = commands.as_slice() else {
        panic!("expected a trace, got {commands:?}");
    };
    (*job, control.clone())
}

fn traced(job: JobId) -> Event {
    let steps = vec![picture(0.1), picture(0.5)];
    let trace = Arc::new(Trace { steps });
    Event::Traced { job, trace }
}

#[test]
fn the_watched_attempt_of_a_run_is_not_shown_over_another_run() {
    let mut session = finished();
    session.perform(Action::SelectImage(0));
    let (job, control) = watch(&mut session);
    session.apply(traced(job));
    let scrub = session.shown.scrub().unwrap();
    assert!(matches!(
        scrub.phase,
        ScrubPhase::Ready { is_exact: true, .. }
    ));
    // The same image and attempt of a run that makes other pictures.
    session.settings.run.method.seed += 1;
    finish(&mut session, 0.0);
    session.perform(Action::SelectImage(0));
    assert!(session.shown.attempt().is_some(), "there is a result");
    assert!(session.shown.scrub().is_none(), "of the run before");
    assert!(control.is_cancelled(), "nobody waits for it");
}

#[test]
fn answers_to_a_run_that_is_gone_are_dropped() {
    let mut session = finished();
    session.perform(Action::SelectImage(0));
    let (job, _) = watch(&mut session);
    look(&mut session, LookAction::TryPainted(Box::new(picture(1.0))));
    let commands = library_commands(&mut session);
    let Some(LibraryCommand::Painted { job: painted, .. }) = commands.last() else {
        panic!("expected a painted picture, got {commands:?}");
    };
    start(&mut session);
    session.apply(traced(job));
    session.apply_library(LibraryEvent::Scanned {
        job: *painted,
        listing: Ok(Arc::new(listing("/tmp", Role::Unknown, 1))),
    });
    assert!(session.shown.scrub().is_none());
    assert!(session.shown.trial.is_none());
    assert_eq!(
        worker_commands(&mut session).len(),
        0,
        "a picture that is tried must not wait behind the new run"
    );
}

#[test]
fn a_tried_picture_is_not_held_against_another_run() {
    let mut session = finished();
    try_one(&mut session);
    assert!(session.shown.trial.is_some());
    start(&mut session);
    assert!(session.shown.trial.is_none());
}

/// Try a picture, which gets the score 0.3 by LPIPS and 0.03 by MSE.
fn try_one(session: &mut Session) {
    look(session, LookAction::TryPainted(Box::new(picture(1.0))));
    let commands = library_commands(session);
    let Some(LibraryCommand::Painted { job, .. }) = commands.last() else {
        panic!("expected a painted picture, got {commands:?}");
    };
    let listing = Ok(Arc::new(listing("/tmp", Role::Unknown, 1)));
    session.apply_library(LibraryEvent::Scanned { job: *job, listing });
    let commands = worker_commands(session);
    let [Command::Run { job, request, .. }] = commands.as_slice() else {
        panic!("expected a run of one picture, got {commands:?}");
    };
    request.results.extend([pictured(0, 0, 0.3)]);
    let progress = Progress::default();
    session.apply(Event::Done {
        job: *job,
        progress,
    });
}

#[test]
fn the_score_of_a_tried_picture_is_by_the_same_distance_as_those_of_the_run() {
    let mut session = finished();
    try_one(&mut session);
    let score = |session: &Session| session.shown.trial.as_ref().unwrap().score().unwrap();
    assert_eq!(score(&session), 0.3);
    session.settings.run.view.measure = MSE;
    session.tick(2.0);
    assert_eq!(score(&session), 0.03);
}

#[test]
fn a_range_of_scores_hides_no_image_of_the_next_run_that_is_opened_or_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let paths = ["a.lmdrun", "b.lmdrun"].map(|name| folder.path().join(name));
    write(&paths[0], 8);
    write(&paths[1], 8);
    let mut session = ready_session();
    let range = Some(ScoreRange::between(0.0, 1e-6));
    for path in &paths {
        open(&mut session, path);
        assert_eq!(session.shown.gallery.order().len(), 4, "{}", path.display());
        look(&mut session, LookAction::Brush(range));
        session.tick(1.0);
        assert_eq!(session.shown.gallery.order().len(), 0);
    }
    command(&mut session, UiCommand::CloseRun);
    session.tick(2.0);
    assert_eq!(session.shown.gallery.order().len(), 60);
}

#[test]
fn marks_and_the_chosen_attempt_go_with_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.lmdrun");
    write(&path, 8);
    let mut session = ready_session();
    open(&mut session, &path);
    session.perform(Action::SelectImage(0));
    session.perform(Action::SelectAttempt(Some(1)));
    command(&mut session, UiCommand::MarkAll);
    command(&mut session, UiCommand::CloseRun);
    session.tick(1.0);
    assert_eq!(session.shown.selected_attempt, None);
    assert_eq!(session.shown.gallery.selected(), None);
    assert_eq!(session.shown.gallery.marked().len(), 0);

    finish(&mut session, 0.0);
    command(&mut session, UiCommand::MarkAll);
    assert_eq!(session.shown.gallery.marked().len(), 60);
    start(&mut session);
    session.tick(2.0);
    assert_eq!(session.shown.gallery.marked().len(), 0);
}

#[test]
fn a_threshold_by_hand_is_no_threshold_of_the_next_run_not_even_by_undo() {
    let mut session = finished();
    let by_hand = |by_hand| Action::SetDecision {
        settings: Box::new(DecisionSettings {
            way: Way::ByHand,
            by_hand,
            ..DecisionSettings::default()
        }),
        is_continued: false,
    };
    session.perform(by_hand(0.25));
    session.perform(by_hand(0.75));
    session.tick(2.0);
    assert_eq!(session.shown.threshold(), Some(0.75));
    finish(&mut session, 10.0);
    assert_eq!(session.settings.decision.way, Way::FalseAlarms);
    assert!(session.shown.threshold().unwrap() > 10.0);
    command(&mut session, UiCommand::Undo);
    assert_eq!(session.settings.decision.way, Way::FalseAlarms);
}

#[test]
fn the_rule_of_the_threshold_and_the_filters_outlive_the_run() {
    let mut session = finished();
    let decision = DecisionSettings {
        way: Way::FalseAlarms,
        false_alarm_rate: 0.1,
        ..DecisionSettings::default()
    };
    session.perform(Action::SetDecision {
        settings: Box::new(decision),
        is_continued: false,
    });
    look(&mut session, LookAction::Find("out/".to_owned()));
    finish(&mut session, 0.0);
    assert_eq!(session.settings.decision, decision);
    assert_eq!(session.shown.gallery.order().len(), 30);
}

#[test]
fn a_comparison_is_of_the_run_that_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let [far, near] = ["far.lmdrun", "near.lmdrun"].map(|name| folder.path().join(name));
    write_scores(&far, 20, 1.95);
    write_scores(&near, 20, 0.15);
    let mut session = ready_session();
    open(&mut session, &far);
    command(&mut session, UiCommand::ToggleCompare);
    let commands = library_commands(&mut session);
    let job = commands.iter().rev().find_map(|command| match command {
        LibraryCommand::Runs(crate::worker::protocol::RunsCommand::Compare { job, .. }) => {
            Some(*job)
        }
        _ => None,
    });
    let runs = crate::engine::comparing::compare(&[far, near.clone()], 0.95);
    session.apply_library(LibraryEvent::Runs(RunsEvent::Compared {
        job: job.unwrap(),
        runs,
    }));
    let key = RowKey {
        path: near,
        distance: crate::networks::distances::LPIPS,
        aggregate: Aggregate::Median,
    };
    keep(&mut session, KeepAction::CompareWith(Some(key)));
    assert!(session.shown.pairing.pair.is_some());
    command(&mut session, UiCommand::ToggleCompare);
    start(&mut session);
    assert_eq!(session.shown.pairing.pair, None);
}

#[test]
fn what_was_asked_or_offered_about_a_run_does_not_touch_the_next_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.lmdrun");
    write(&path, 5);
    let mut session = ready_session();
    let (job, log, _) = start(&mut session);
    log.extend([result(0, 0, 0.5)]);
    session.apply(Event::Failed {
        job,
        message: "internal error".to_owned(),
    });
    let offered = |session: &Session| {
        let notices = session.notices.newest_first();
        let offers = notices.flat_map(|(id, _)| session.notices.offers(id));
        offers.cloned().collect::<Vec<Action>>()
    };
    assert_eq!(offered(&session), [Action::Do(UiCommand::GoOn)]);
    open(&mut session, &path);
    assert_eq!(offered(&session), [], "it would resume the opened run");

    assert!(session.shown.question.is_some(), "resume it?");
    command(&mut session, UiCommand::CloseRun);
    assert_eq!(session.shown.question, None);
}

#[test]
fn each_export_says_how_it_ended_whatever_is_shown_by_then() {
    let mut session = finished();
    let export = |session: &mut Session, folder: &str| {
        look(session, LookAction::Export(folder.into()));
        let commands = library_commands(session);
        let Some(LibraryCommand::Export { job, request }) = commands.last() else {
            panic!("expected an export, got {commands:?}");
        };
        (*job, Arc::clone(request))
    };
    let first = export(&mut session, "/a");
    let second = export(&mut session, "/b");
    start(&mut session);
    for ((job, request), reason) in [(first, "the disk is full"), (second, "no such folder")] {
        session.apply_library(LibraryEvent::Exported {
            job,
            request,
            outcome: Err(reason.to_owned()),
        });
        assert!(said(&session).contains(reason), "{}", said(&session));
    }
}

#[test]
fn a_folder_chosen_for_the_pictures_of_a_run_gets_none_of_the_next_one() {
    let mut session = finished();
    command(&mut session, UiCommand::BrowseExport);
    let asked: Vec<Outgoing> = session.outbox.drain().collect();
    let [Outgoing::Dialog(job, kind)] = asked.as_slice() else {
        panic!("expected a dialog, got {asked:?}");
    };
    finish(&mut session, 0.0);
    session.apply_library(LibraryEvent::Chosen {
        job: *job,
        kind: *kind,
        paths: vec!["/a".into()],
        was_shown: true,
    });
    let commands = library_commands(&mut session);
    let is_export = |c: &LibraryCommand| matches!(c, LibraryCommand::Export { .. });
    assert!(!commands.iter().any(is_export), "{commands:?}");
    assert!(said(&session).contains("Another run"), "{}", said(&session));
    assert!(!session.is_dialog_open());
}

#[test]
fn another_device_or_batch_does_not_make_a_run_out_of_date() {
    let mut session = finished();
    assert!(!session.is_run_outdated());
    session.settings.run.execution.device = DeviceChoice::CPU;
    session.settings.run.execution.batch = BatchChoice::Fixed(3);
    assert!(!session.is_run_outdated(), "the same numbers");
    session.settings.run.method.seed += 1;
    assert!(session.is_run_outdated());
}

#[test]
fn a_resumed_run_is_the_same_one() {
    let mut session = ready_session();
    let (job, log, _) = start(&mut session);
    log.extend([result(0, 0, 0.5)]);
    let progress = Progress::default();
    session.apply(Event::Cancelled { job, progress });
    session.tick(1.0);
    command(&mut session, UiCommand::MarkAll);
    let first_job = session.shown.first_job();
    command(&mut session, UiCommand::GoOn);
    let run = session.shown.run.as_ref().unwrap();
    assert_eq!(run.phase, Phase::Running);
    assert_ne!(run.job, job);
    assert_eq!(session.shown.first_job(), first_job);
    assert_eq!(session.shown.gallery.marked().len(), 60);
}
