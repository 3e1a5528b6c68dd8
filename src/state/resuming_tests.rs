//! Continuing runs whose files have moved.

use super::keeping_tests::{open, said, write};
use super::testing::model_info;
use super::tests::{ready_session, worker_commands};
use super::*;
use crate::detectors::lmd::Lmd;
use crate::networks::distances::{DistanceWeights, LPIPS_VGG};
use crate::runs::RunSettings;
use crate::state::{Action, UiCommand};
use crate::worker::protocol::{Event, LibraryEvent, RunsCommand, RunsEvent};

/// Ask to continue the run that is shown, whose images are what they were.
fn go_on(session: &mut Session) {
    session.perform(Action::Do(UiCommand::GoOn));
    session.perform(Action::Do(UiCommand::Confirm));
    let commands = super::tests::library_commands(session);
    let job = commands.into_iter().find_map(|command| match command {
        LibraryCommand::Runs(RunsCommand::Check { job, .. }) => Some(job),
        _ => None,
    });
    session.apply_library(LibraryEvent::Runs(RunsEvent::Checked {
        job: job.expect("images are compared"),
        changed: Arc::from([]),
    }));
}

fn opened() -> (tempfile::TempDir, Session) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.lmdrun");
    write(&path, 5);
    let mut session = ready_session();
    session.keep_runs_in(Some(folder.path().to_owned()));
    open(&mut session, &path);
    (folder, session)
}

#[test]
fn a_run_whose_model_has_moved_says_what_to_do_and_continues_with_the_same_one_from_elsewhere() {
    let (_folder, mut session) = opened();
    let mut other = model_info();
    other.identity.weights_sha256 = "11".repeat(32);
    session.model = ModelState::Ready(Arc::new(other));
    go_on(&mut session);
    let job = session.model.job().expect("the run's model is opened");
    session.apply(Event::Failed {
        job,
        message: "there is no such file or folder: /models/a".to_owned(),
    });
    let told = said(&session);
    assert!(
        told.contains("no such file or folder: /models/a. Where it has moved, open it under Model"),
        "{told}"
    );
    assert!(!session.is_running() && !session.is_resuming());

    let mut moved = model_info();
    moved.source = ModelSource::Path("/elsewhere/a".into());
    session.model = ModelState::Ready(Arc::new(moved.clone()));
    session.outbox.clear();
    go_on(&mut session);
    let run = session.shown.run.as_ref().unwrap();
    assert!(session.is_running());
    assert_eq!(run.model.as_ref().unwrap().source, moved.source);
}

#[test]
fn weights_of_a_distance_are_taken_from_where_the_setup_has_them() {
    let (_folder, mut session) = opened();
    let weights = |digest: &str, file: &str| DistanceWeights {
        distance: LPIPS_VGG,
        sha256: digest.repeat(32),
        file: file.into(),
        linear: None,
    };
    let by = |weights: DistanceWeights| {
        RunSettings::by_lmd(Lmd {
            distance_weights: vec![weights],
            ..Lmd::default()
        })
    };
    for (setup, expected) in [("ab", "/new/vgg.pth"), ("cd", "/old/vgg.pth")] {
        let run = session.shown.run.as_mut().unwrap();
        run.settings = by(weights("ab", "/old/vgg.pth"));
        run.phase = crate::state::shown::run::Phase::Cancelled;
        session.settings.run = by(weights(setup, "/new/vgg.pth"));
        session.outbox.clear();
        go_on(&mut session);
        let commands = worker_commands(&mut session);
        let [Command::Run { request, .. }] = commands.as_slice() else {
            panic!("expected one run, got {commands:?}");
        };
        let used = request.settings.method.detector.weights();
        assert_eq!(used[0].file, std::path::Path::new(expected));
        assert_eq!(used[0].sha256, "ab".repeat(32));
    }
}
