use super::*;
use crate::images::ResizeMode;
use crate::runs::fit_file::{self, fits_of};
use crate::state::model::ModelState;
use crate::state::session::testing::{fitted, listing, model_info};
use crate::state::session::tests::{ready_session, worker_commands};
use crate::state::{Action, FolderId, FolderSource, UiCommand};
use crate::worker::protocol::{DialogKind, LibraryCommand, LibraryEvent, ModelSource};

/// MSMA of two levels, which is fitted on at least ten images, over 30 images of each role.
fn session() -> Session {
    let mut session = ready_session();
    choose(&mut session, "msma", 2.0);
    session
}

fn choose(session: &mut Session, name: &str, levels: f64) {
    let mut run = session.settings.run.clone();
    run.method.detector = DetectorSpec::named(name).unwrap();
    run.method.detector.set_parameter("levels", levels);
    session.perform(Action::SetRun(Box::new(run)));
    session.tick(1.0);
}

fn press(session: &mut Session, command: UiCommand) -> Vec<Command> {
    session.perform(Action::Do(command));
    worker_commands(session)
}

/// Press the button; returns what the worker is asked for.
fn start(session: &mut Session) -> (JobId, FitRequest, Control) {
    asked(&press(session, UiCommand::FitDetector))
}

/// The one fit that the worker is asked for.
fn asked(commands: &[Command]) -> (JobId, FitRequest, Control) {
    let [
        Command::Fit {
            job,
            request,
            control,
            ..
        },
    ] = commands
    else {
        panic!("expected one fit, got {commands:?}");
    };
    (*job, request.clone(), control.clone())
}

fn finish(session: &mut Session, job: JobId, request: &FitRequest) {
    let detector = fitted(request);
    session.apply(Event::Fitted { job, detector });
    let progress = Progress::default();
    session.apply(Event::Done { job, progress });
    session.tick(2.0);
}

fn fail(session: &mut Session, job: JobId, message: &str) {
    session.apply(Event::Failed {
        job,
        message: message.to_owned(),
    });
}

fn names(images: &[RunImage]) -> Vec<String> {
    let names = images
        .iter()
        .map(|image| image.file.path.display().to_string());
    names.collect()
}

fn in_domain_planned(session: &Session) -> usize {
    let planned = session.planned().iter();
    planned.filter(|image| image.role == Role::InDomain).count()
}

#[test]
fn a_third_is_fitted_on_and_the_rest_stays_unless_the_detector_takes_more_or_the_user_says_so() {
    let mut session = session();
    assert_eq!(
        session.fit_choice_words(),
        "Takes 10 in-domain images, 20 stay for scoring"
    );
    choose(&mut session, "msma", 5.0);
    assert_eq!(session.fitting.choice.images.len(), 25, "five for each");
    session.perform(Action::SetFit(FitForm {
        limit: Some(29),
        seed: 3,
    }));
    session.tick(1.0);
    assert_eq!(
        session.fit_choice_words(),
        "Takes 29 in-domain images, 1 stays for scoring"
    );
    session.perform(Action::SetFit(FitForm {
        limit: Some(100),
        seed: 3,
    }));
    session.tick(1.0);
    assert_eq!(
        session.fit_choice_words(),
        "Takes 30 in-domain images, none stays for scoring"
    );
    choose(&mut session, "lmd", 0.0);
    assert!(session.missing_for_fit().unwrap().contains("without a fit"));
}

#[test]
fn the_first_images_of_each_folder_are_fitted_on_as_by_the_command() {
    let folder = |name: &str, role, count| Folder {
        folder_id: FolderId(0),
        source: FolderSource::Path(name.into()),
        path: Some(name.into()),
        role,
        sample: None,
        may_ask: false,
        scan: ScanState::Ready(Arc::new(listing(name, role, count))),
    };
    let folders = [
        folder("/a", Role::InDomain, 2),
        folder("/out", Role::OutOfDomain, 40),
        folder("/bb", Role::InDomain, 30),
        folder("/a", Role::InDomain, 2),
    ];
    let all = in_domain(&folders, None);
    assert_eq!(all.len(), 32, "a folder that is there twice counts once");
    let choice = FitChoice::new(&folders, 3, &all);
    let expected = [
        "/a/0.png",
        "/a/1.png",
        "/bb/0.png",
        "/bb/1.png",
        "/bb/2.png",
    ];
    assert_eq!(names(&choice.images), expected);
    assert_eq!((choice.num_left, choice.most), (27, 30));
    // Small folders and copies make room for more of the others.
    let choice = FitChoice::usual(&folders, 20, &all);
    assert_eq!((choice.images.len(), choice.limit), (20, 18));
    assert_eq!(FitChoice::usual(&folders, 100, &all).images.len(), 32);
}

#[test]
fn a_fit_made_here_is_what_the_command_line_would_be_given_and_can_be_taken_back() {
    let mut session = session();
    let mut run = session.settings.run.clone();
    run.method.resize = ResizeMode::Pad;
    session.perform(Action::SetRun(Box::new(run)));
    session.perform(Action::SetFit(FitForm {
        limit: Some(12),
        seed: 7,
    }));
    let (job, request, _) = start(&mut session);
    assert_eq!(names(&request.images)[11], "/in/11.png");
    assert_eq!(request.images.len(), 12);
    assert_eq!((request.seed, request.resize), (7, ResizeMode::Pad));
    let before = session.settings.run.clone();
    finish(&mut session, job, &request);
    assert!(!session.is_fitting());

    // By way of a file, as `--fitted FILE`.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.lmdfit");
    fit_file::save(&fitted(&request), &path, false).unwrap();
    let mut by_file = self::session();
    by_file.apply_library(LibraryEvent::FitOpened {
        detector: Ok(fit_file::load(&path).unwrap()),
    });
    by_file.tick(2.0);
    assert_eq!(session.settings.run.method, by_file.settings.run.method);
    assert_eq!(names(session.planned()), names(by_file.planned()));

    assert_eq!(in_domain_planned(&session), 30 - 12);
    assert!(names(session.planned()).contains(&"/in/12.png".to_owned()));
    let told = &session.left_out[0];
    assert!(told.contains("since MSMA was fitted on"), "{told}");
    assert_eq!(session.missing_for_run(), None);
    // Those that it was fitted on are there to be fitted on again.
    assert_eq!(names(&session.fitting.choice.images)[0], "/in/0.png");

    let words = session.history.undo_words();
    assert_eq!(words, Some("the fit of the detector"));
    session.perform(Action::Do(UiCommand::Undo));
    session.tick(3.0);
    assert_eq!(session.settings.run, before);
    assert_eq!(in_domain_planned(&session), 30);
    session.perform(Action::Do(UiCommand::Redo));
    assert!(session.is_fitted());
}

#[test]
fn while_a_fit_goes_it_tells_how_far_it_is_and_nothing_else_takes_the_worker() {
    let mut session = session();
    let (job, request, _) = start(&mut session);
    let words = |session: &Session| session.fitting.run.as_ref().unwrap().words();
    assert_eq!(words(&session), "Starting…");
    let mut progress = Progress {
        num_images: 10,
        network_calls: 5,
        network_secs: 15.0,
        ..Progress::default()
    };
    session.apply(Event::Progress {
        job,
        progress: progress.clone(),
    });
    assert_eq!(
        words(&session),
        "Looking at 10 images, 25 % done, 50 s left",
        "5 of 20 calls"
    );
    progress.images_done = 10;
    "Fitting the density".clone_into(&mut progress.activity);
    session.apply(Event::Progress { job, progress });
    assert_eq!(words(&session), "Fitting the density…");
    assert_eq!(session.fitting.run.as_ref().unwrap().share(), 1.0);

    assert_eq!(press(&mut session, UiCommand::FitAgain).len(), 0);
    assert_eq!(press(&mut session, UiCommand::Run).len(), 0);
    let missing = session.missing_for_run().unwrap();
    assert!(missing.contains("being fitted"), "{missing}");
    session.perform(Action::OpenModel(ModelSource::Path("/other".into())));
    session.perform(Action::OpenDetector("/a.lmdfit".into()));
    assert_eq!(session.outbox.drain().count(), 0);
    assert!(session.missing_for_trial().unwrap().contains("the fit"));

    finish(&mut session, job, &request);
    assert_eq!(press(&mut session, UiCommand::Run).len(), 1);
    let missing = session.missing_for_fit().unwrap();
    assert!(missing.contains("A run is under way"), "{missing}");
    assert_eq!(press(&mut session, UiCommand::FitAgain).len(), 0);
}

#[test]
fn a_cancelled_fit_leaves_the_one_before_even_where_it_was_just_done() {
    let mut session = session();
    let (job, request, _) = start(&mut session);
    finish(&mut session, job, &request);
    let before = session.settings.run.clone();
    session.perform(Action::SetFit(FitForm {
        limit: Some(20),
        seed: 1,
    }));
    let (job, request, control) = start(&mut session);
    assert_eq!(press(&mut session, UiCommand::CancelFit).len(), 0);
    assert!(control.is_cancelled() && session.is_fitting());
    let detector = fitted(&request);
    session.apply(Event::Fitted { job, detector });
    let progress = Progress::default();
    session.apply(Event::Cancelled { job, progress });
    assert!(!session.is_fitting());
    assert_eq!(session.settings.run, before);
    assert_eq!(session.fit_problem(), None);
    // What comes late is of no job.
    let detector = fitted(&request);
    session.apply(Event::Fitted { job, detector });
    assert_eq!(session.settings.run, before);
}

#[test]
fn a_failed_fit_is_told_as_sentences_until_the_next_one_and_of_its_detector_only() {
    let mut session = session();
    let (job, request, _) = start(&mut session);
    finish(&mut session, job, &request);
    let before = session.settings.run.clone();
    let (job, ..) = start(&mut session);
    session.apply(Event::Notice {
        job,
        notice: Notice {
            severity: Severity::Warning,
            message: "left out: the file is cut short".to_owned(),
            path: Some("/in/3.png".into()),
        },
    });
    let shown = session.notices.len();
    fail(
        &mut session,
        job,
        "a fit takes at least 10 images of different content, got 9; give more in-domain images",
    );
    assert_eq!(
        session.fit_problem(),
        Some(
            "A fit takes at least 10 images of different content, got 9. Give more in-domain images."
        )
    );
    assert_eq!(session.fit_warnings().len(), 1);
    assert_eq!(session.notices.len(), shown, "they stand beside the button");
    assert_eq!(session.settings.run, before, "the fit before stays");

    choose(&mut session, "diffpath", 0.0);
    assert_eq!(session.fit_problem(), None);
    choose(&mut session, "msma", 2.0);
    assert!(session.fit_problem().is_some());
    start(&mut session);
    assert_eq!(session.fit_problem(), None);
    assert_eq!(session.fit_warnings(), []);
}

#[test]
fn what_keeps_a_fit_from_starting_is_said() {
    let mut session = session();
    let said = |session: &Session| session.missing_for_fit().unwrap().into_owned();
    session.perform(Action::SetFit(FitForm {
        limit: Some(9),
        seed: 0,
    }));
    assert_eq!(press(&mut session, UiCommand::FitDetector).len(), 0);
    assert_eq!(
        said(&session),
        "MSMA is fitted on at least 10 images of different content, and 9 in-domain images are taken. Raise the number."
    );
    choose(&mut session, "mahalanobis", 0.0);
    session.perform(Action::SetFit(FitForm::default()));
    session.tick(2.0);
    let missing = said(&session);
    assert!(missing.contains("at least 100 images"), "{missing}");
    assert!(missing.ends_with("Add more."), "{missing}");

    let folder_id = session.folders[0].folder_id;
    session.perform(Action::RemoveFolder(folder_id));
    session.tick(3.0);
    assert!(said(&session).contains("no in-domain images"));
    session.model = ModelState::None;
    assert!(said(&session).contains("no model yet"));
}

#[test]
fn a_fit_of_a_detector_that_is_another_by_now_is_not_used() {
    let mut session = session();
    let (job, request, _) = start(&mut session);
    choose(&mut session, "msma", 3.0);
    let now = session.settings.run.clone();
    finish(&mut session, job, &request);
    assert_eq!(session.settings.run, now);
    let problem = session.fit_problem().unwrap();
    assert!(problem.contains("changed before the fit"), "{problem}");
}

#[test]
fn a_fit_ends_with_its_model_and_with_its_worker() {
    let mut session = session();
    let (.., control) = start(&mut session);
    // A device that is chosen by taking a change of settings back.
    session.open_model(ModelSource::BUNDLED);
    assert!(control.is_cancelled() && !session.is_fitting());
    let problem = session.fit_problem().unwrap();
    assert!(problem.starts_with("The model was closed"), "{problem}");

    let job = session.model.job().unwrap();
    let info = Arc::new(model_info());
    session.apply(Event::ModelOpened { job, info });
    session.outbox.clear();
    start(&mut session);
    session.worker_restarted("the worker stopped; try again");
    let problem = session.fit_problem();
    assert_eq!(problem, Some("The worker stopped. Try again."));
    assert!(!session.is_fitting());
}

#[test]
fn a_fit_is_saved_under_its_own_kind_of_name_and_over_no_file_that_nobody_was_asked_about() {
    let mut session = session();
    session.perform(Action::SaveFit("/fits/early".into()));
    assert_eq!(session.outbox.drain().count(), 0);
    let (job, request, _) = start(&mut session);
    finish(&mut session, job, &request);
    let saved = |session: &mut Session| {
        let command = session.outbox.drain().next();
        let Some(Outgoing::Library(LibraryCommand::SaveFit {
            path,
            detector,
            may_overwrite,
        })) = command
        else {
            panic!("expected a fit to be saved, got {command:?}");
        };
        assert_eq!(detector, fitted(&request));
        (path.display().to_string(), may_overwrite)
    };
    session.outbox.clear();
    for (typed, path) in [
        ("/fits/a", "/fits/a.lmdfit"),
        ("/fits/a.json", "/fits/a.json.lmdfit"),
        ("/fits/b.lmdfit", "/fits/b.lmdfit"),
    ] {
        session.perform(Action::SaveFit(typed.into()));
        assert_eq!(saved(&mut session), (path.to_owned(), false));
    }
    for (chosen, may_overwrite) in [("/fits/b.lmdfit", true), ("/fits/b", false)] {
        session.perform(Action::Do(UiCommand::BrowseSaveFit));
        let Some(Outgoing::Dialog(job, kind)) = session.outbox.drain().next() else {
            panic!("a dialog is asked for");
        };
        assert_eq!(kind, DialogKind::SaveFit);
        session.apply_library(LibraryEvent::Chosen {
            job,
            kind,
            paths: vec![chosen.into()],
            was_shown: true,
        });
        let expected = ("/fits/b.lmdfit".to_owned(), may_overwrite);
        assert_eq!(saved(&mut session), expected);
    }
}

fn named(name: &str) -> DetectorSpec {
    DetectorSpec::named(name).unwrap()
}

/// LMD, MSMA of two levels and `DiffPath` together.
fn several() -> Session {
    let mut session = session();
    let mut run = session.settings.run.clone();
    let parts = vec![named("lmd"), run.method.detector.clone(), named("diffpath")];
    run.method.detector = DetectorSpec::together(parts).unwrap();
    session.perform(Action::SetRun(Box::new(run)));
    session.tick(1.0);
    session
}

#[test]
fn several_detectors_are_fitted_one_after_the_other_on_the_same_images() {
    let mut session = several();
    assert_eq!(
        session.fitting.choice.images.len(),
        30,
        "as many as the second one takes"
    );
    let missing = session.missing_for_run().unwrap();
    assert!(missing.starts_with("MSMA is not fitted yet"), "{missing}");
    let (job, request, _) = start(&mut session);
    assert_eq!(request.detector.about().name, "msma");
    finish(&mut session, job, &request);
    let (job, next, control) = asked(&worker_commands(&mut session));
    assert_eq!(next.detector.about().name, "diffpath");
    assert_eq!(names(&next.images), names(&request.images));
    assert!(!session.is_fitted());
    // What is cancelled does not go on, and the first fit stays.
    session.perform(Action::Do(UiCommand::CancelFit));
    assert!(control.is_cancelled());
    let progress = Progress::default();
    session.apply(Event::Cancelled { job, progress });
    assert_eq!(worker_commands(&mut session).len(), 0);
    let (job, request, _) = start(&mut session);
    assert_eq!(request.detector.about().name, "diffpath");
    finish(&mut session, job, &request);
    assert!(session.is_fitted() && !session.is_fitting());
    assert_eq!(worker_commands(&mut session).len(), 0);
    let num_fits = fits_of(&*session.settings.run.method.detector).len();
    assert_eq!(num_fits, 2);
}

#[test]
fn fits_of_several_are_made_again_and_saved_together() {
    let mut session = several();
    let (job, request, _) = start(&mut session);
    finish(&mut session, job, &request);
    let (job, request, _) = asked(&worker_commands(&mut session));
    finish(&mut session, job, &request);
    assert!(session.is_fitted());
    // Fitted again are both, from the first one on; each has a file of its own.
    session.perform(Action::Do(UiCommand::FitAgain));
    let mut told = Vec::new();
    for name in ["msma", "diffpath"] {
        let (job, request, _) = asked(&worker_commands(&mut session));
        assert_eq!(request.detector.about().name, name);
        let notice = Notice {
            severity: Severity::Warning,
            message: format!("left out of {name}"),
            path: None,
        };
        session.apply(Event::Notice { job, notice });
        told.push(format!("left out of {name}"));
        finish(&mut session, job, &request);
    }
    let warnings = session
        .fit_warnings()
        .iter()
        .map(|notice| notice.message.clone());
    assert_eq!(
        warnings.collect::<Vec<_>>(),
        told,
        "of all that were fitted"
    );
    session.save_fit("/fits/mine.lmdfit".into(), true);
    let saved = session
        .outbox
        .drain()
        .filter_map(|outgoing| match outgoing {
            Outgoing::Library(LibraryCommand::SaveFit {
                path,
                may_overwrite,
                ..
            }) => {
                assert!(!may_overwrite, "nobody was asked about these names");
                Some(path.display().to_string())
            }
            _ => None,
        });
    let expected = ["/fits/mine-msma.lmdfit", "/fits/mine-diffpath.lmdfit"];
    assert_eq!(saved.collect::<Vec<_>>(), expected);
    // A file's fit takes the place of that one alone.
    let mut other = named("msma");
    other.set_parameter("levels", 3.0);
    other = fitted(&FitRequest {
        detector: other,
        ..request
    });
    session.fit_opened(Ok(other.clone()));
    assert_eq!(session.settings.run.method.detector.each()[1], other);
    assert_eq!(session.settings.run.method.detector.each().len(), 3);
}
