use super::*;
use crate::detectors::DetectorSpec;
use crate::engine::ranking::{Account, Ranked};
use crate::runs::fit_file::fit_of;
use crate::state::outbox::Outgoing;
use crate::state::session::testing::{fitted, listing};
use crate::state::session::tests::ready_session;
use crate::state::{Action, UiCommand};
use crate::worker::protocol::{
    Command, Event, LibraryCommand, LibraryEvent, Progress, RunsEvent, SavingNews,
};

/// Over 30 images of each role, with a model that makes 100 calls per second.
fn session() -> Session {
    let mut session = ready_session();
    session.keep_runs_in(Some("/runs".into()));
    session
}

/// Let only these have a part in the comparison.
fn choose(session: &mut Session, names: &[&str]) {
    let all = session.candidates().into_iter().map(|it| it.name);
    let left_out = all.filter(|name| !names.contains(&name.as_str())).collect();
    session.perform(Action::SetRanking(RankingForm {
        left_out,
        ..RankingForm::default()
    }));
}

fn press(session: &mut Session, command: UiCommand) {
    session.perform(Action::Do(command));
}

/// Tick until nothing more is to be done at once; what the threads are asked for meanwhile.
fn asked(session: &mut Session) -> Vec<Outgoing> {
    for _ in 0..20 {
        session.tick(0.0);
    }
    session.outbox.drain().collect()
}

#[track_caller]
fn run_asked(asked: Vec<Outgoing>) -> (JobId, DetectorSpec, usize) {
    let mut runs = asked.into_iter().filter_map(|outgoing| match outgoing {
        Outgoing::Worker(Command::Run { job, request, .. }) => Some((
            job,
            request.settings.method.detector.clone(),
            request.images.len(),
        )),
        _ => None,
    });
    let run = runs.next().expect("a run is asked for");
    assert!(runs.next().is_none(), "one run at a time");
    run
}

fn rank_asked(asked: &[Outgoing]) -> Option<(JobId, Vec<String>, Vec<NotRun>)> {
    asked.iter().rev().find_map(|outgoing| match outgoing {
        Outgoing::Library(LibraryCommand::Runs(RunsCommand::Rank {
            job, runs, not_run, ..
        })) => {
            let runs = runs.iter();
            let runs =
                runs.map(|(candidate, path)| format!("{} {}", candidate.name, path.display()));
            Some((*job, runs.collect(), not_run.clone()))
        }
        _ => None,
    })
}

fn finish(session: &mut Session, job: JobId, path: &str) {
    let news = SavingNews::Began(path.into());
    session.apply(Event::Saving { job, news });
    let progress = Progress::default();
    session.apply(Event::Done { job, progress });
}

fn standings(session: &Session) -> Vec<Standing> {
    let contenders = session.ranking.contenders.iter();
    contenders.map(|it| it.standing.clone()).collect()
}

#[test]
fn detectors_have_their_turns_the_cheap_ones_first_and_the_settings_come_back() {
    let mut session = session();
    let mut before = session.settings.run.clone();
    before.method.detector.lmd_mut().unwrap().num_attempts = 7;
    session.perform(Action::SetRun(Box::new(before.clone())));
    session.tick(0.0);
    session.outbox.clear();
    let listed = session.candidates();
    choose(&mut session, &["lmd-10x1", "one-call-norm"]);
    press(&mut session, UiCommand::CompareDetectors);
    let (job, detector, _) = run_asked(asked(&mut session));
    assert_eq!(detector.about().name, "one-call-norm");
    assert_eq!(session.candidates(), listed, "the list stays");
    assert_eq!(
        session.missing_for_ranking().as_deref(),
        Some("A run is under way. Wait for its end, or cancel it.")
    );
    finish(&mut session, job, "/runs/a.lmdrun");
    let second = asked(&mut session);
    let (_, runs, _) = rank_asked(&second).expect("what is finished is ranked");
    assert_eq!(runs, ["one-call-norm /runs/a.lmdrun"]);
    let (job, detector, num_images) = run_asked(second);
    assert_eq!((detector.num_attempts(), num_images), (1, 60));
    assert_ne!(session.settings.run, before);
    assert_eq!(session.candidates(), listed, "the list stays");
    session.apply(Event::Failed {
        job,
        message: "the device was lost".to_owned(),
    });
    let last = asked(&mut session);
    let (job, runs, not_run) = rank_asked(&last).unwrap();
    assert_eq!(runs, ["one-call-norm /runs/a.lmdrun"], "its result stays");
    assert_eq!(not_run[0].label, "LMD 10 x 1");
    assert_eq!(not_run[0].reason, "The device was lost.");
    assert!(!session.ranking.is_active());
    assert_eq!(session.settings.run, before);
    assert!(session.kept_files().contains(&"/runs/a.lmdrun".into()));
    let account = Account::new(0.05);
    let ranked = Arc::new(Ranked {
        ranking: account.ranking(),
        account,
    });
    let answer = |job| {
        LibraryEvent::Runs(RunsEvent::Ranked {
            job,
            ranked: Arc::clone(&ranked),
        })
    };
    session.apply_library(answer(JobId(1_000_000)));
    assert!(session.ranking.ranked.is_none(), "of another comparison");
    session.apply_library(answer(job));
    assert!(session.ranking.ranked.is_some());
}

#[test]
fn what_needs_a_fit_is_fitted_first_and_does_not_score_these_images() {
    let mut session = session();
    choose(&mut session, &["reconstructions", "msma", "diffpath"]);
    let to_undo = session.history.undo_words();
    press(&mut session, UiCommand::CompareDetectors);
    let fits = asked(&mut session);
    let fit = fits.into_iter().find_map(|outgoing| match outgoing {
        Outgoing::Worker(Command::Fit { job, request, .. }) => Some((job, request)),
        _ => None,
    });
    let (job, request) = fit.expect("a fit is asked for");
    assert_eq!(
        session.ranking.current().unwrap().standing,
        Standing::Fitting
    );
    let detector = fitted(&request);
    session.apply(Event::Fitted { job, detector });
    let progress = Progress::default();
    session.apply(Event::Done { job, progress });
    let (job, detector, num_images) = run_asked(asked(&mut session));
    assert!(fit_of(&*detector).is_some());
    // Made-up images of both roles begin with the same bytes, by which a fit knows its images.
    assert_eq!(num_images, 60 - 2 * request.images.len());
    finish(&mut session, job, "/runs/a.lmdrun");
    asked(&mut session);
    // Too few images for the others: the comparison goes on without them.
    let told: Vec<String> = (standings(&session).into_iter())
        .filter_map(|standing| match standing {
            Standing::NotRun(reason) => Some(reason),
            _ => None,
        })
        .collect();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(
        told.iter().any(|reason| reason.contains("at least 50")),
        "{told:?}"
    );
    assert!(told.iter().any(|reason| reason == TAKES_ALL), "{told:?}");
    assert!(!session.ranking.is_active());
    assert_eq!(
        session.history.undo_words(),
        to_undo,
        "nothing of it is to be undone"
    );
}

#[test]
fn what_does_not_fit_the_time_is_left_out_with_both_times() {
    let mut session = session();
    choose(&mut session, &["lmd-10x1", "lmd-25x10"]);
    let form = RankingForm {
        most_minutes: 2,
        ..session.ranking.form.clone()
    };
    session.perform(Action::SetRanking(form));
    press(&mut session, UiCommand::CompareDetectors);
    let (job, ..) = run_asked(asked(&mut session));
    finish(&mut session, job, "/runs/a.lmdrun");
    asked(&mut session);
    // 60 images of 250 calls at 100 per second.
    let reason = "It would take 3 min, longer than the time that is left (2 min).";
    let expected = [
        Standing::Finished("/runs/a.lmdrun".into()),
        Standing::NotRun(reason.to_owned()),
    ];
    assert_eq!(standings(&session), expected);
}

#[test]
fn a_comparison_that_is_stopped_keeps_what_is_finished() {
    let mut session = session();
    let before = session.settings.run.clone();
    choose(&mut session, &["one-call-norm", "lmd-10x1", "lmd-10x5"]);
    press(&mut session, UiCommand::CompareDetectors);
    let (job, ..) = run_asked(asked(&mut session));
    finish(&mut session, job, "/runs/a.lmdrun");
    let (job, ..) = run_asked(asked(&mut session));
    press(&mut session, UiCommand::StopComparison);
    assert_eq!(session.settings.run, before);
    let progress = Progress::default();
    session.apply(Event::Cancelled { job, progress });
    let stopped = || Standing::NotRun("The comparison was stopped.".to_owned());
    let expected = [
        Standing::Finished("/runs/a.lmdrun".into()),
        stopped(),
        stopped(),
    ];
    assert_eq!(standings(&session), expected);
    let (_, runs, not_run) = rank_asked(&asked(&mut session)).unwrap();
    assert_eq!((runs.len(), not_run.len()), (1, 2));
    assert!(session.missing_for_ranking().is_none(), "another can begin");
}

#[test]
fn a_folder_that_is_added_meanwhile_is_waited_for() {
    let mut session = session();
    choose(&mut session, &["one-call-norm", "lmd-10x1"]);
    press(&mut session, UiCommand::CompareDetectors);
    let (job, ..) = run_asked(asked(&mut session));
    let add = Action::AddFolder("/more".into(), Role::OutOfDomain);
    session.perform(add);
    let scan = asked(&mut session).into_iter().find_map(|it| match it {
        Outgoing::Library(LibraryCommand::Scan { job, .. }) => Some(job),
        _ => None,
    });
    finish(&mut session, job, "/runs/a.lmdrun");
    let meanwhile = asked(&mut session);
    assert!(
        rank_asked(&meanwhile).is_some(),
        "what is finished is ranked"
    );
    let is_run = |outgoing: &Outgoing| matches!(outgoing, Outgoing::Worker(Command::Run { .. }));
    assert!(!meanwhile.iter().any(is_run));
    assert!(session.ranking.is_active());
    let expected = [
        Standing::Finished("/runs/a.lmdrun".into()),
        Standing::Waiting,
    ];
    assert_eq!(standings(&session), expected);

    let listing = Ok(Arc::new(listing("/more", Role::OutOfDomain, 5)));
    let job = scan.expect("the folder is listed");
    session.apply_library(LibraryEvent::Scanned { job, listing });
    let (job, detector, num_images) = run_asked(asked(&mut session));
    assert_eq!((detector.num_attempts(), num_images), (1, 65));
    finish(&mut session, job, "/runs/b.lmdrun");
    asked(&mut session);
    let paths = ["/runs/a.lmdrun", "/runs/b.lmdrun"];
    assert_eq!(
        standings(&session),
        paths.map(|path| Standing::Finished(path.into()))
    );
    assert!(!session.ranking.is_active());
}

#[test]
fn a_comparison_that_waits_for_a_folder_can_be_stopped() {
    let mut session = session();
    choose(&mut session, &["one-call-norm", "lmd-10x1"]);
    press(&mut session, UiCommand::CompareDetectors);
    // It is chosen, and the folder comes before its run is asked for.
    session.tick(0.0);
    session.perform(Action::AddFolder("/more".into(), Role::OutOfDomain));
    asked(&mut session);
    let before = session.ranking.contenders.len();
    assert!(session.ranking.is_active());
    press(&mut session, UiCommand::StopComparison);
    assert!(!session.ranking.is_active());
    let stopped = Standing::NotRun("The comparison was stopped.".to_owned());
    assert_eq!(standings(&session), vec![stopped; before]);
}

#[test]
fn what_a_comparison_lacks_is_said() {
    let mut session = session();
    choose(&mut session, &[]);
    let missing = |session: &Session| session.missing_for_ranking().unwrap();
    assert_eq!(missing(&session), "Choose at least one detector.");
    session.settings.saving.is_on = false;
    assert!(missing(&session).contains("Switch the keeping of runs on"));
    press(&mut session, UiCommand::CompareDetectors);
    assert!(!session.ranking.is_active());
    let out_of_domain = session.folders[1].folder_id;
    session.perform(Action::RemoveFolder(out_of_domain));
    session.tick(0.0);
    assert!(missing(&session).contains("both in-domain and out-of-domain"));
}
