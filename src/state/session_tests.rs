use std::path::Path;

use super::super::shown::run::Phase;
use super::testing::{listing, model_info, result};
use super::*;
use crate::detectors::DetectorSpec;
use crate::detectors::fitted::numbers::Contents;
use crate::detectors::fitted::{Density, Fit};
use crate::images::ResizeMode;
use crate::images::samples::SampleFolders;
use crate::networks::distances::MSE;
use crate::ood::Role;
use crate::runs::ResultLog;
use crate::state::Analysis;
use crate::state::{Action, GalleryOrder, UiCommand};
use crate::worker::protocol::{Event, LibraryEvent, Progress};

pub(super) fn empty_settings() -> Settings {
    Settings {
        folders: Vec::new(),
        ..Settings::default()
    }
}

pub(in crate::state) fn worker_commands(session: &mut Session) -> Vec<Command> {
    session
        .outbox
        .drain()
        .filter_map(|outgoing| match outgoing {
            Outgoing::Worker(command) => Some(command),
            Outgoing::Library(_) | Outgoing::Trainer(_) | Outgoing::Dialog(..) => None,
        })
        .collect()
}

pub(super) fn library_commands(session: &mut Session) -> Vec<LibraryCommand> {
    session
        .outbox
        .drain()
        .filter_map(|outgoing| match outgoing {
            Outgoing::Library(command) => Some(command),
            Outgoing::Worker(_) | Outgoing::Trainer(_) | Outgoing::Dialog(..) => None,
        })
        .collect()
}

/// A session with an open model and 30 images of each role.
pub(in crate::state) fn ready_session() -> Session {
    let mut session = Session::new(empty_settings());
    let job = session.model.job().unwrap();
    session.apply(Event::ModelOpened {
        job,
        info: Arc::new(model_info()),
    });
    session.perform(Action::AddFolder("/in".into(), Role::InDomain));
    session.perform(Action::AddFolder("/out".into(), Role::OutOfDomain));
    for command in library_commands(&mut session) {
        if let LibraryCommand::Scan {
            job, path, role, ..
        } = command
        {
            let listing = Ok(Arc::new(listing(&path.to_string_lossy(), role, 30)));
            session.apply_library(LibraryEvent::Scanned { job, listing });
        }
    }
    session.tick(0.0);
    session.outbox.clear();
    session
}

pub(super) fn start(session: &mut Session) -> (JobId, Arc<ResultLog>, Control) {
    session.perform(Action::Do(UiCommand::Run));
    let commands = worker_commands(session);
    let [
        Command::Run {
            job,
            request,
            control,
        },
    ] = commands.as_slice()
    else {
        panic!("expected one run, got {commands:?}");
    };
    (*job, Arc::clone(&request.results), control.clone())
}

fn analysis(session: &Session) -> &Analysis {
    session.shown.analysis.as_deref().unwrap()
}

#[test]
fn the_default_session_opens_the_bundled_model_and_unpacks_the_samples_once() {
    let mut session = Session::new(Settings::default());
    let outbox: Vec<Outgoing> = session.outbox.drain().collect();
    assert!(matches!(
        outbox.as_slice(),
        [
            Outgoing::Worker(Command::OpenModel {
                source: ModelSource::BUNDLED,
                ..
            }),
            Outgoing::Library(LibraryCommand::Samples { .. }),
        ]
    ));
    let Outgoing::Library(LibraryCommand::Samples { job }) = outbox[1] else {
        panic!("checked above");
    };
    session.apply_library(LibraryEvent::Samples {
        job,
        folders: Ok(SampleFolders {
            folder: "/s".into(),
        }),
    });
    let scans: Vec<(PathBuf, Role)> = library_commands(&mut session)
        .into_iter()
        .filter_map(|command| match command {
            LibraryCommand::Scan { path, role, .. } => Some((path, role)),
            _ => None,
        })
        .collect();
    assert_eq!(
        scans,
        [
            ("/s/fashion-mnist".into(), Role::InDomain),
            ("/s/mnist".into(), Role::OutOfDomain)
        ]
    );
    let sources: Vec<&FolderSource> = session.settings.folders.iter().map(|f| &f.source).collect();
    assert_eq!(
        sources,
        [&FolderSource::Samples, &FolderSource::Samples],
        "the place they were unpacked to is not kept"
    );
}

#[test]
fn samples_follow_the_bundled_model() {
    let mut session = Session::new(Settings::default());
    let outbox: Vec<Outgoing> = session.outbox.drain().collect();
    let Outgoing::Library(LibraryCommand::Samples { job }) = outbox[1] else {
        panic!("asked for at the start");
    };
    let folders = Ok(SampleFolders {
        folder: "/s".into(),
    });
    session.apply_library(LibraryEvent::Samples { job, folders });
    let mnist = ModelSource::Bundled(Bundled::Mnist);
    let other = ModelSource::Path("/models/cats".into());
    for (source, in_domain, out_of_domain) in [
        (mnist, "MNIST (samples)", "Fashion-MNIST (samples)"),
        // Of another model nobody knows what it was trained on.
        (other, "MNIST (samples)", "Fashion-MNIST (samples)"),
        (
            ModelSource::BUNDLED,
            "Fashion-MNIST (samples)",
            "MNIST (samples)",
        ),
    ] {
        session.perform(Action::OpenModel(source.clone()));
        let names: Vec<String> = session.folders.iter().map(Folder::name).collect();
        assert_eq!(names, [in_domain, out_of_domain], "{source:?}");
    }
    let scans: Vec<PathBuf> = library_commands(&mut session)
        .into_iter()
        .filter_map(|command| match command {
            LibraryCommand::Scan { path, control, .. } if !control.is_cancelled() => Some(path),
            _ => None,
        })
        .collect();
    let [clothing, digits] = ["/s/fashion-mnist", "/s/mnist"].map(PathBuf::from);
    assert_eq!(scans, [clothing, digits], "the others were cancelled");
}

#[test]
fn run_says_what_is_missing() {
    let mut session = Session::new(empty_settings());
    let mut said = || {
        session.perform(Action::Do(UiCommand::Run));
        let message = session
            .notices
            .newest_first()
            .next()
            .unwrap()
            .1
            .message
            .clone();
        let job = session.model.job();
        if let Some(job) = job {
            session.apply(Event::ModelOpened {
                job,
                info: Arc::new(model_info()),
            });
        }
        message
    };
    assert!(said().contains("still being opened"));
    assert!(said().contains("no images to score"));
    assert!(session.shown.run.is_none());
}

#[test]
fn results_become_figures_and_a_late_event_of_an_old_run_is_dropped() {
    let mut session = ready_session();
    assert_eq!(session.estimated_secs(), Some(60.0 * 10.0 * 25.0 / 100.0));
    let (job, log, _) = start(&mut session);
    log.extend((0..60).map(|image| result(image, 0, image as f64 / 60.0)));
    let progress = Progress {
        attempts_done: 60,
        num_attempts: 600,
        network_calls: 1500,
        network_secs: 15.0,
        ..Progress::default()
    };
    session.apply(Event::Progress {
        job,
        progress: progress.clone(),
    });
    session.tick(1.0);
    assert_eq!(analysis(&session).figures.unwrap().auroc, 1.0);
    assert_eq!(
        session.shown.image(),
        Some(59),
        "the newest result is followed"
    );
    let run = session.shown.run.as_ref().unwrap();
    assert!((run.secs_left().unwrap() - 135.0).abs() < 1e-9);

    session.apply(Event::Done { job, progress });
    assert_eq!(session.shown.run.as_ref().unwrap().phase, Phase::Done);
    let (new_job, _, _) = start(&mut session);
    session.apply(Event::Failed {
        job,
        message: "late".to_owned(),
    });
    let run = session.shown.run.as_ref().unwrap();
    assert_eq!((run.job, &run.phase), (new_job, &Phase::Running));
    assert!(session.notices.is_empty(), "{:?}", session.notices);
}

#[test]
fn figures_are_computed_at_most_ten_times_a_second_but_the_last_ones_at_once() {
    let mut session = ready_session();
    let (job, log, _) = start(&mut session);
    // The gallery of the new run, a frame after its first analysis.
    session.tick(0.0);
    session.tick(0.01);
    let send = |session: &mut Session, image: usize| {
        log.extend([result(image, 0, 0.5)]);
        session.apply(Event::Progress {
            job,
            progress: Progress::default(),
        });
    };
    send(&mut session, 0);
    assert_eq!(session.tick(1.0), None);
    assert_eq!(analysis(&session).num_scored.values(), [1, 0, 0]);
    send(&mut session, 1);
    let wait = session.tick(1.04).unwrap();
    assert!((wait - 0.06).abs() < 1e-9, "{wait}");
    assert_eq!(analysis(&session).num_scored.values(), [1, 0, 0]);
    assert_eq!(session.tick(1.101), None);
    assert_eq!(analysis(&session).num_scored.values(), [2, 0, 0]);
    log.extend([result(2, 0, 0.5)]);
    session.apply(Event::Cancelled {
        job,
        progress: Progress::default(),
    });
    session.tick(1.102);
    assert_eq!(analysis(&session).num_scored.values(), [3, 0, 0]);
}

#[test]
fn while_results_come_in_a_frame_does_one_thing_that_takes_long() {
    let mut session = ready_session();
    session.settings.gallery.order = GalleryOrder::HighestFirst;
    let (job, log, _) = start(&mut session);
    let run_job = job;
    let send = |session: &mut Session, image: usize, score: f64| {
        log.extend([result(image, 0, score)]);
        session.apply(Event::Progress {
            job,
            progress: Progress::default(),
        });
    };
    send(&mut session, 0, 0.1);
    session.tick(1.0);
    session.tick(1.0);
    send(&mut session, 1, 0.9);
    // The analysis, and a frame later the order that follows from it.
    assert_eq!(session.tick(2.0), Some(0.0));
    assert_eq!(analysis(&session).num_scored[Role::InDomain], 2);
    assert_eq!(session.shown.gallery.order()[..2], [0, 1]);
    assert_eq!(session.tick(2.0), None);
    assert_eq!(session.shown.gallery.order()[..2], [1, 0]);
    // Figures that take long have come in and are laid out: the analysis waits for the next frame.
    send(&mut session, 2, 0.5);
    let assess = library_commands(&mut session)
        .into_iter()
        .find_map(|command| match command {
            LibraryCommand::Assess { job, request } => Some((job, request)),
            _ => None,
        });
    let (job, request) = assess.expect("asked for with the first score");
    let assessment = Arc::new(crate::engine::assess::assess(&request));
    session.apply_library(LibraryEvent::Assessed { job, assessment });
    assert_eq!(session.tick(3.0), Some(0.0));
    assert_eq!(analysis(&session).num_scored[Role::InDomain], 2);
    session.tick(3.0);
    assert_eq!(analysis(&session).num_scored[Role::InDomain], 3);
    // So it is with the last result, at which rows appear; the gallery keeps its images meanwhile.
    session.tick(3.0);
    log.extend([result(2, 1, 1.5)]);
    session.apply(Event::Done {
        job: run_job,
        progress: Progress::default(),
    });
    assert_eq!(session.tick(3.05), Some(0.0));
    assert_eq!(session.shown.gallery.order()[..3], [1, 2, 0]);
    session.tick(3.05);
    assert_eq!(session.shown.gallery.order()[..3], [2, 1, 0]);
}

#[test]
fn another_distance_is_shown_without_a_new_run() {
    let mut session = ready_session();
    let (job, log, _) = start(&mut session);
    log.extend([result(0, 0, 0.5)]);
    session.apply(Event::Progress {
        job,
        progress: Progress::default(),
    });
    session.tick(1.0);
    assert_eq!(analysis(&session).folders[0].median_score, Some(0.5));
    let mut settings = session.settings.run.clone();
    settings.view.measure = MSE;
    session.perform(Action::SetRun(Box::new(settings)));
    session.tick(1.001);
    assert_eq!(analysis(&session).folders[0].median_score, Some(0.05));
    assert!(!session.is_run_outdated());
    assert!(worker_commands(&mut session).is_empty());
}

#[test]
fn pause_and_cancel_go_round_the_queue() {
    let mut session = ready_session();
    let (job, _, control) = start(&mut session);
    session.perform(Action::Do(UiCommand::Pause));
    assert!(control.is_paused());
    assert_eq!(session.shown.run.as_ref().unwrap().phase, Phase::Paused);
    session.perform(Action::Do(UiCommand::Resume));
    assert!(!control.is_paused());
    session.perform(Action::Do(UiCommand::Cancel));
    assert!(control.is_cancelled());
    assert_eq!(session.shown.run.as_ref().unwrap().phase, Phase::Cancelling);
    session.perform(Action::Do(UiCommand::Pause));
    assert_eq!(
        session.shown.run.as_ref().unwrap().phase,
        Phase::Cancelling,
        "too late to pause"
    );
    session.apply(Event::Cancelled {
        job,
        progress: Progress::default(),
    });
    assert!(!session.is_running());
}

#[test]
fn a_folder_that_was_removed_while_listed_does_not_come_back() {
    let mut session = Session::new(empty_settings());
    session.perform(Action::AddFolder("/in".into(), Role::InDomain));
    session.perform(Action::AddFolder("/in".into(), Role::InDomain));
    assert_eq!(session.folders.len(), 1, "a folder is added once a role");
    let commands = library_commands(&mut session);
    let [LibraryCommand::Scan { job, control, .. }] = commands.as_slice() else {
        panic!("expected one listing, got {commands:?}");
    };
    session.perform(Action::RemoveFolder(session.folders[0].folder_id));
    assert!(control.is_cancelled());
    session.apply_library(LibraryEvent::Scanned {
        job: *job,
        listing: Ok(Arc::new(listing("/in", Role::InDomain, 3))),
    });
    session.tick(0.0);
    assert!(session.folders.is_empty());
    assert!(session.planned().is_empty());
}

#[test]
fn a_dead_worker_is_an_error_notice_and_the_model_is_opened_anew() {
    let mut session = ready_session();
    start(&mut session);
    session.worker_restarted("The worker stopped unexpectedly.");
    assert!(!session.is_running());
    assert_eq!(session.notices.len(), 1);
    assert!(matches!(
        worker_commands(&mut session).as_slice(),
        [Command::OpenModel { .. }]
    ));
}

#[test]
fn chosen_paths_go_where_the_dialog_was_for() {
    let mut session = ready_session();
    session.perform(Action::Do(UiCommand::BrowseMask));
    session.perform(Action::Do(UiCommand::BrowseModel));
    let requests: Vec<Outgoing> = session.outbox.drain().collect();
    let [Outgoing::Dialog(job, kind)] = requests.as_slice() else {
        panic!("one dialog at a time, got {requests:?}");
    };
    let chosen = |paths: Vec<PathBuf>, was_shown| LibraryEvent::Chosen {
        job: *job,
        kind: *kind,
        paths,
        was_shown,
    };
    session.apply_library(chosen(vec!["/mask.png".into()], true));
    assert_eq!(
        session.settings.run.method.detector.files(),
        [Path::new("/mask.png")]
    );
    assert!(!session.is_dialog_open());
    session.apply_library(chosen(vec!["/late.png".into()], true));
    assert_eq!(
        session.settings.run.method.detector.files(),
        [Path::new("/mask.png")],
        "an answer counts once"
    );
}

#[test]
fn dropped_folders_wait_for_a_role() {
    let mut session = ready_session();
    session.perform(Action::Dropped(vec!["/new".into(), "/newer".into()]));
    assert_eq!(session.folders.len(), 2);
    session.perform(Action::UseDropped(Some(Role::Unknown)));
    let roles: Vec<Role> = session.folders[2..].iter().map(|f| f.role).collect();
    assert_eq!(roles, [Role::Unknown; 2]);
    session.perform(Action::Dropped(vec!["/model".into()]));
    session.perform(Action::UseDropped(None));
    assert_eq!(session.settings.model, ModelSource::Path("/model".into()));
}

#[test]
fn time_left_is_told_where_no_network_call_is_made() {
    let mut session = ready_session();
    let (job, _, _) = start(&mut session);
    let progress = Progress {
        attempts_done: 15,
        num_attempts: 60,
        network_secs: 5.0,
        ..Progress::default()
    };
    session.apply(Event::Progress { job, progress });
    let run = session.shown.run.as_ref().unwrap();
    assert_eq!(run.secs_left(), Some(15.0));
}

#[test]
fn a_detector_that_is_not_fitted_cannot_run_and_a_fit_leaves_its_images_out() {
    let mut session = ready_session();
    let mut detector = DetectorSpec::named("msma").unwrap();
    let mut run = session.settings.run.clone();
    run.method.detector = detector.clone();
    session.change_settings(run);
    let missing = session.missing_for_run().unwrap();
    assert!(missing.contains("Fit it on in-domain images"), "{missing}");

    let seen = session.planned().iter().take(5);
    let fit = Fit {
        learned: Density::gaussian(&[vec![0.0; 10], vec![1.0; 10]], 2)
            .unwrap()
            .into(),
        seed: 0,
        model: None,
        geometry: model_info().geometry,
        resize: ResizeMode::Pad,
        images: Contents::new(seen.map(|image| &image.file.hash)),
    };
    let settings = detector.fitting_mut().unwrap();
    settings.set_fitted(Some(fit.into()));
    session.apply_library(LibraryEvent::FitOpened {
        detector: Ok(detector),
    });
    session.tick(1.0);
    assert_eq!(session.missing_for_run(), None);
    assert_eq!(session.settings.run.method.resize, ResizeMode::Pad);
    // The made-up contents of both folders begin alike.
    assert_eq!(session.planned().len(), 60 - 2 * 5);
    assert!(
        session.left_out[0].contains("since MSMA was fitted"),
        "{:?}",
        session.left_out
    );
}
