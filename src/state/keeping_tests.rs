//! Runs on disk, as the session sees them.

use std::path::Path;

use super::super::saving::Question;
use super::super::shown::run::Phase;
use super::testing::{model_info, result, run_images};
use super::tests::{library_commands, ready_session, start, worker_commands};
use super::*;
use crate::detectors::lmd::Lmd;
use crate::engine::resuming::{Change, ChangedFile};
use crate::engine::saving::manifest;
use crate::networks::distances::{LPIPS, MSE, SSIM};
use crate::runs::RunSettings;
use crate::runs::file::{self, KeepPictures, Manifest};
use crate::state::{Action, KeepAction, UiCommand};
use crate::worker::protocol::{
    Event, LibraryEvent, NewFile, OpenedRun, Progress, RunsCommand, RunsEvent, SaveRequest,
    SavingNews,
};

pub(super) fn keep(session: &mut Session, action: KeepAction) {
    session.perform(Action::Keep(action));
}

fn runs_commands(session: &mut Session) -> Vec<RunsCommand> {
    let commands = library_commands(session).into_iter();
    commands
        .filter_map(|command| match command {
            LibraryCommand::Runs(command) => Some(command),
            _ => None,
        })
        .collect()
}

fn settings() -> RunSettings {
    RunSettings::by_lmd(Lmd {
        num_attempts: 2,
        grid: 2,
        ..Lmd::default()
    })
}

/// A run file of four images of which the first `num_done` attempts are there.
pub(super) fn write(path: &Path, num_done: usize) {
    let new = NewFile {
        folder: "/".into(),
        folders: vec![(Role::InDomain, "/in".into())],
        keep_pictures: KeepPictures::All,
        num_skipped: 0,
    };
    let images: Vec<_> = run_images(2, 2).into_iter().zip(0..).collect();
    let mut info = model_info();
    info.geometry.side = 2;
    let mut manifest: Manifest = manifest(&settings(), images.len(), &new, &info);
    // As of larger images: what is measured here is made up.
    manifest.measures = vec![MSE, SSIM, LPIPS];
    let mut writer = file::create(path, &manifest, &images, &[], false).unwrap();
    writer.begin_segment(&info.device).unwrap();
    let all = (0..8).map(|index| result(index % 4, index / 4, 0.1 + index as f64));
    let done: Vec<_> = all.take(num_done).collect();
    writer.append(&done, 0.5).unwrap();
    writer.end_segment(100, 4.0).unwrap();
    writer.finish().unwrap();
}

/// Open a file as the library thread would.
pub(super) fn open(session: &mut Session, path: &Path) {
    keep(session, KeepAction::Open(path.to_owned()));
    let commands = runs_commands(session);
    let Some(RunsCommand::Open { job, path }) = commands.last() else {
        panic!("expected an opening, got {commands:?}");
    };
    let run = OpenedRun::read(path).map(Arc::new);
    session.apply_library(LibraryEvent::Runs(RunsEvent::Opened {
        job: *job,
        path: path.clone(),
        run: run.map_err(|error| error.to_string()),
    }));
    session.tick(0.0);
}

pub(super) fn said(session: &Session) -> String {
    let mut notices = session.notices.newest_first();
    notices
        .next()
        .map_or_else(String::new, |(_, n)| n.message.clone())
}

#[test]
fn a_run_asks_to_be_kept_only_where_there_is_a_folder_and_it_is_wanted() {
    let saving = |session: &mut Session| {
        session.perform(Action::Do(UiCommand::Run));
        match worker_commands(session).pop() {
            Some(Command::Run {
                request,
                control,
                job,
            }) => {
                control.cancel();
                let progress = Progress::default();
                session.apply(Event::Cancelled { job, progress });
                request.saving
            }
            other => panic!("expected a run, got {other:?}"),
        }
    };
    let mut session = ready_session();
    assert_eq!(saving(&mut session), None, "no folder, no file");
    assert_eq!(session.expected_bytes(), None);
    session.keep_runs_in(Some("/runs".into()));
    let Some(SaveRequest::Begin(new)) = saving(&mut session) else {
        panic!("it is kept");
    };
    assert_eq!(new.folder, Path::new("/runs"));
    assert_eq!(
        new.folders,
        [
            (Role::InDomain, "/in".into()),
            (Role::OutOfDomain, "/out".into())
        ]
    );
    // An image of 8 x 8 gray pixels takes 432 bytes with its row; an original and ten attempts for each of 60.
    assert_eq!(session.expected_bytes(), Some(912 * 11 * 60));
    let mut wanted = session.settings.saving;
    wanted.is_on = false;
    keep(&mut session, KeepAction::Set(wanted));
    assert_eq!(saving(&mut session), None);
    assert_eq!(session.expected_bytes(), None);
}

#[test]
fn a_write_that_fails_holds_the_run_until_the_user_says_what_to_do() {
    let mut session = ready_session();
    session.keep_runs_in(Some("/runs".into()));
    let (job, _, _) = start(&mut session);
    let news = |session: &mut Session, news| session.apply(Event::Saving { job, news });
    news(&mut session, SavingNews::Began("/runs/a.lmdrun".into()));
    assert_eq!(session.settings.running, Some("/runs/a.lmdrun".into()));
    news(
        &mut session,
        SavingNews::Stuck("the disk is full".to_owned()),
    );
    let run = session.shown.run.as_ref().unwrap();
    assert_eq!(run.phase, Phase::Paused);
    let (id, notice) = session.notices.newest_first().next().unwrap();
    assert_eq!(notice.message, "The run waits: the disk is full");
    assert_eq!(
        session.notices.offers(id),
        [
            Action::Do(UiCommand::TryAgain),
            Action::Do(UiCommand::GoOnUnsaved)
        ]
    );
    // The button of a held run means the same.
    session.perform(Action::Do(UiCommand::Resume));
    assert_eq!(session.shown.run.as_ref().unwrap().phase, Phase::Running);
    assert!(session.notices.is_empty(), "it was answered");

    news(
        &mut session,
        SavingNews::Stuck("the disk is full".to_owned()),
    );
    session.perform(Action::Do(UiCommand::GoOnUnsaved));
    news(&mut session, SavingNews::GivenUp);
    let run = session.shown.run.as_ref().unwrap();
    assert_eq!((&run.phase, &run.kept.file), (&Phase::Running, &None));
    assert_eq!(session.settings.running, None);
    assert!(said(&session).contains("without its file"));
}

#[test]
fn an_opened_run_is_shown_from_its_file_and_reads_no_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.lmdrun");
    write(&path, 8);
    let mut session = ready_session();
    open(&mut session, &path);
    let run = session.shown.run.as_ref().unwrap();
    assert_eq!((&run.phase, run.is_unfinished()), (&Phase::Done, false));
    assert_eq!(run.num_results(), 8);
    assert_eq!(session.shown.gallery.images().len(), 4);
    assert!(session.shown.analysis.is_some());
    assert!(!session.is_run_outdated());
    assert!(session.shown.question.is_none());
    assert_eq!(
        session.planned().len(),
        60,
        "the next run is another matter"
    );
    session.perform(Action::SelectImage(1));
    session.tick(1.0);
    for command in library_commands(&mut session) {
        let LibraryCommand::Preview(request) = command else {
            assert!(
                matches!(command, LibraryCommand::Assess { .. }),
                "{command:?}"
            );
            continue;
        };
        // Of the user's own folders, not of the file's images.
        assert_eq!(request.path.as_deref(), Some(Path::new("/in/0.png")));
    }
    // An attempt is made again from the original in the file.
    assert_eq!(session.missing_for_scrub(), None);
    session.perform(Action::Do(UiCommand::StartScrub));
    let commands = worker_commands(&mut session);
    let [Command::Trace { request, .. }] = commands.as_slice() else {
        panic!("expected a trace, got {commands:?}");
    };
    assert!(request.original.is_some());
    let picture = session
        .shown
        .sealed_picture(Path::new("/out/1.png"))
        .unwrap();
    assert_eq!(picture.unwrap().width, 2);

    session.perform(Action::Do(UiCommand::CloseRun));
    session.tick(2.0);
    assert!(session.shown.run.is_none() && session.shown.analysis.is_none());
    assert_eq!(session.shown.gallery.images().len(), 60);
}

#[test]
fn an_unfinished_run_asks_before_it_reads_and_goes_on_where_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.lmdrun");
    write(&path, 5);
    let mut session = ready_session();
    session.keep_runs_in(Some(folder.path().to_owned()));
    open(&mut session, &path);
    let paths = ["/in", "/out"].map(PathBuf::from).to_vec();
    assert_eq!(session.shown.question, Some(Question::GoOn(paths)));
    session.perform(Action::Do(UiCommand::Decline));
    assert!(
        session.shown.run.as_ref().unwrap().is_sealed(),
        "only inspected"
    );

    session.perform(Action::Do(UiCommand::GoOn));
    session.perform(Action::Do(UiCommand::Confirm));
    let commands = runs_commands(&mut session);
    let [RunsCommand::Check { job, images }] = commands.as_slice() else {
        panic!("expected a comparison, got {commands:?}");
    };
    assert_eq!(images.len(), 4);
    assert!(!session.is_running());
    let missing = ChangedFile {
        path: "/in/0.png".into(),
        change: Change::Missing,
    };
    session.apply_library(LibraryEvent::Runs(RunsEvent::Checked {
        job: *job,
        changed: Arc::from([missing.clone()]),
    }));
    let asked = Question::GoOnWithout(Arc::from([missing]));
    assert_eq!(session.shown.question, Some(asked));
    session.perform(Action::Do(UiCommand::Confirm));
    let commands = worker_commands(&mut session);
    let [Command::Run { request, .. }] = commands.as_slice() else {
        panic!("expected one run, got {commands:?}");
    };
    assert_eq!(request.results.since(0).len(), 5, "what is there stays");
    assert_eq!(request.saving, Some(SaveRequest::GoOn(path)));
    assert!(session.is_running());
}

#[test]
fn a_run_from_elsewhere_goes_on_in_a_copy_and_one_of_another_model_not_at_all() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.lmdrun");
    write(&path, 5);
    let mut session = ready_session();
    session.keep_runs_in(Some("/runs".into()));
    open(&mut session, &path);
    let confirm = |session: &mut Session| {
        session.perform(Action::Do(UiCommand::GoOn));
        session.perform(Action::Do(UiCommand::Confirm));
        let commands = runs_commands(session);
        let Some(RunsCommand::Check { job, .. }) = commands.last() else {
            panic!("expected a comparison, got {commands:?}");
        };
        session.apply_library(LibraryEvent::Runs(RunsEvent::Checked {
            job: *job,
            changed: Arc::from([]),
        }));
    };
    let mut other = model_info();
    other.identity.weights_sha256 = "11".repeat(32);
    session.model = ModelState::Ready(Arc::new(other.clone()));
    confirm(&mut session);
    // Its own model is opened first, which turns out to be another one.
    let job = session.model.job().unwrap();
    session.apply(Event::ModelOpened {
        job,
        info: Arc::new(other),
    });
    assert!(
        said(&session).contains("the model's weights differ"),
        "{}",
        said(&session)
    );
    assert!(!session.is_running());

    session.model = ModelState::Ready(Arc::new(model_info()));
    session.outbox.clear();
    session.perform(Action::Do(UiCommand::GoOn));
    // The question was answered once.
    let commands = runs_commands(&mut session);
    let [RunsCommand::Check { job, .. }] = commands.as_slice() else {
        panic!("expected a comparison, got {commands:?}");
    };
    session.apply_library(LibraryEvent::Runs(RunsEvent::Checked {
        job: *job,
        changed: Arc::from([]),
    }));
    let commands = worker_commands(&mut session);
    let [Command::Run { request, .. }] = commands.as_slice() else {
        panic!("expected one run, got {commands:?}");
    };
    let expected = SaveRequest::GoOnInCopy {
        from: path,
        folder: "/runs".into(),
    };
    assert_eq!(request.saving, Some(expected));
}

#[test]
fn a_run_that_stopped_goes_on_with_what_it_has() {
    let mut session = ready_session();
    session.keep_runs_in(Some("/runs".into()));
    let (job, log, _) = start(&mut session);
    let file = PathBuf::from("/runs/a.lmdrun");
    let news = SavingNews::Began(file.clone());
    session.apply(Event::Saving { job, news });
    log.extend([result(0, 0, 0.5)]);
    session.apply(Event::Failed {
        job,
        message: "internal error".to_owned(),
    });
    let (id, _) = session.notices.newest_first().next().unwrap();
    let offers = session.notices.offers(id).to_vec();
    assert_eq!(offers, [Action::Do(UiCommand::GoOn)]);
    session.outbox.clear();
    session.perform(offers[0].clone());
    let commands = worker_commands(&mut session);
    let [
        Command::Run {
            job: again,
            request,
            ..
        },
    ] = commands.as_slice()
    else {
        panic!("expected one run, got {commands:?}");
    };
    assert_ne!(*again, job);
    assert!(Arc::ptr_eq(&request.results, &log));
    assert_eq!(request.saving, Some(SaveRequest::GoOn(file)));
}

#[test]
fn the_folders_settings_and_model_of_a_run_are_used_again_after_a_question() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.lmdrun");
    write(&path, 8);
    let mut session = ready_session();
    open(&mut session, &path);
    session.perform(Action::Do(UiCommand::UseAgain));
    assert_eq!(
        session.settings.run.method.detector.num_attempts(),
        10,
        "asked first"
    );
    session.perform(Action::Do(UiCommand::Confirm));
    assert_eq!(session.settings.run.method.detector.num_attempts(), 2);
    let folders: Vec<_> = session.folders.iter().map(|f| f.path.clone()).collect();
    assert_eq!(folders, [Some("/in".into())]);
    assert!(!session.shown.run.as_ref().unwrap().is_sealed());
}

#[test]
fn a_run_that_was_cut_off_is_offered_at_the_next_start() {
    let folder = tempfile::tempdir().unwrap();
    let names = ["a.lmdrun", "b.lmdrun"].map(|name| folder.path().join(name));
    write(&names[0], 5);
    write(&names[1], 8);
    let settings = Settings {
        running: Some(names[0].clone()),
        ..Settings::default()
    };
    let mut session = Session::new(settings);
    session.keep_runs_in(Some(folder.path().to_owned()));
    let listed = |session: &mut Session| {
        let library = Arc::new(crate::runs::run_library::list(folder.path()));
        session.apply_library(LibraryEvent::Runs(RunsEvent::Listed {
            library,
            problem: None,
        }));
    };
    listed(&mut session);
    let (id, notice) = session.notices.newest_first().next().unwrap();
    assert!(
        notice.message.starts_with("Your last run"),
        "{}",
        notice.message
    );
    assert!(
        notice.message.contains("5 of 8 attempts"),
        "{}",
        notice.message
    );
    let path = &names[0];
    let offers = [
        KeepAction::Resume(path.clone()),
        KeepAction::Open(path.clone()),
        KeepAction::Remove(path.clone()),
    ];
    assert_eq!(session.notices.offers(id), offers.map(Action::Keep));
    session.notices.dismiss_all();
    listed(&mut session);
    assert!(session.notices.is_empty(), "said once");
}

#[test]
fn a_dropped_run_file_is_opened() {
    let mut session = ready_session();
    session.perform(Action::Dropped(vec!["/mine/a.LMDRUN".into()]));
    assert!(session.dropped.is_empty());
    let commands = runs_commands(&mut session);
    assert!(matches!(commands.as_slice(), [RunsCommand::Open { .. }]));
}

/// A run file of `count` in-domain images 0.1, 0.2, … and as many out-of-domain ones, with an offset of the latter.
pub(super) fn write_scores(path: &Path, count: usize, offset: f64) {
    let new = NewFile {
        folder: "/".into(),
        folders: Vec::new(),
        keep_pictures: KeepPictures::None,
        num_skipped: 0,
    };
    let settings = RunSettings::by_lmd(Lmd {
        num_attempts: 1,
        grid: 2,
        ..Lmd::default()
    });
    let images: Vec<_> = run_images(count, count).into_iter().zip(0..).collect();
    let mut info = model_info();
    info.geometry.side = 2;
    let mut manifest = manifest(&settings, images.len(), &new, &info);
    manifest.measures = vec![MSE, SSIM, LPIPS];
    let mut writer = file::create(path, &manifest, &images, &[], false).unwrap();
    let value = |image: usize| {
        let position = (image % count + 1) as f64;
        let offset = if image < count { 0.0 } else { offset };
        0.1 * position + offset
    };
    let all: Vec<_> = (0..2 * count).map(|i| result(i, 0, value(i))).collect();
    writer.append(&all, 0.5).unwrap();
    writer.finish().unwrap();
}

#[test]
fn two_runs_are_paired_by_content_and_say_whose_verdict_changed() {
    let folder = tempfile::tempdir().unwrap();
    let (far, near) = (
        folder.path().join("far.lmdrun"),
        folder.path().join("near.lmdrun"),
    );
    write_scores(&far, 20, 1.95);
    write_scores(&near, 20, 0.15);
    let mut session = ready_session();
    open(&mut session, &far);
    session.perform(Action::Do(UiCommand::ToggleCompare));
    let commands = runs_commands(&mut session);
    let Some(RunsCommand::Compare { job, paths, level }) = commands.last() else {
        panic!("expected a comparison, got {commands:?}");
    };
    assert_eq!(
        paths,
        std::slice::from_ref(&far),
        "what is open is in the table"
    );
    let runs = crate::engine::comparing::compare(&[far, near.clone()], *level);
    assert_eq!(runs.len(), 2);
    session.apply_library(LibraryEvent::Runs(RunsEvent::Compared { job: *job, runs }));
    let areas = |session: &Session| -> Vec<f64> {
        let rows = session.comparing.rows();
        rows.iter()
            .filter_map(|(_, row)| Some(row.auroc?.0))
            .collect()
    };
    // SSIM is not a number here, and all aggregations of one attempt are the same, which leaves two distances of both runs.
    assert_eq!(areas(&session).len(), 4);
    assert_eq!(areas(&session)[0], 1.0, "the largest area comes first");
    keep(
        &mut session,
        KeepAction::FilterCompared(
            Some(crate::networks::distances::LPIPS),
            Some(crate::ood::Aggregate::Median),
        ),
    );
    // The k-th near image lies above k + 2 of the 20 in-domain ones: 18 + 17 + … + 0 of 400 pairs are out of order.
    let near_area = 1.0 - f64::from((0..=18).sum::<i32>()) / 400.0;
    let got = areas(&session);
    assert_eq!(got.len(), 2);
    assert!(
        (got[1] - near_area).abs() < 1e-12,
        "{got:?}, expected {near_area}"
    );

    let key = super::super::comparing::RowKey {
        path: near,
        distance: crate::networks::distances::LPIPS,
        aggregate: crate::ood::Aggregate::Median,
    };
    keep(&mut session, KeepAction::CompareWith(Some(key)));
    let pair = session.shown.pairing.pair.clone().unwrap();
    assert_eq!(pair.points.len(), 40);
    assert_eq!((pair.num_only_first, pair.num_only_second), (0, 0));
    assert_eq!(pair.difference, None, "same model and settings");
    let areas = pair.areas.unwrap();
    assert!((areas.first - 1.0).abs() < 1e-12 && (areas.second - near_area).abs() < 1e-12);
    // At 5 % of 20 images the threshold is the highest in-domain score, 2.0: all of the far images are above it, of the
    // near ones only 1.9 + 0.15 and 2.0 + 0.15.
    assert_eq!(pair.changed.len(), 18);
    assert!(pair.changed.iter().all(|&index| {
        let point = &pair.points[index];
        point.role == Role::OutOfDomain && point.first > 2.0 && point.second < 2.0
    }));
}
