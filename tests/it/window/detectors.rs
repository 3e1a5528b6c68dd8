//! Detectors compared in the window: the dialog over the script, and the figures of the command line over the real workers.

use std::collections::HashMap;

use egui::accesskit::Role as AccessRole;
use egui::vec2;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use lmd_inspector::detectors::lmd::Lmd;
use lmd_inspector::engine::ranking::{Account, Candidate, Entry, NotRun, Ranked};
use lmd_inspector::images::ContentHash;
use lmd_inspector::ood::Role;
use lmd_inspector::state::ranking::{RankingForm, Standing};
use lmd_inspector::state::{Action, Phase, UiCommand};
use lmd_inspector::worker::protocol::{
    Event, LibraryCommand, LibraryEvent, RunsCommand, RunsEvent, SavingNews,
};
use serde_json::Value;

use super::layouts::faults_of_dialog;
use super::real::{add_folder, has_phase, no_wake, open, planned, settings, some_samples};
use super::script::{Script, progress};
use super::{Window, press, ready, until};
use crate::binary::{lmd, text};

/// Open the dialog with these detectors chosen.
fn choose(window: &mut Window, names: &[&str]) {
    let all = window.state().session().candidates().into_iter();
    let names_left = all.map(|candidate| candidate.name);
    let form = RankingForm {
        most_minutes: 1000,
        left_out: (names_left.filter(|name| !names.contains(&name.as_str()))).collect(),
    };
    window.state_mut().act(Action::SetRanking(form));
    window
        .state_mut()
        .act(Action::Do(UiCommand::ToggleDetectors));
    window.run_steps(4);
}

/// Made-up scores of all detectors: the further down the list, the better.
fn made_up() -> Ranked {
    let images = |role: Role, index: u8| (ContentHash([index; 32]), role);
    let entry = |(place, candidate): (usize, Candidate)| {
        let score = |role: Role, index: u8| {
            let shift = if role == Role::OutOfDomain { 20.0 } else { 0.0 };
            // A walk over all residues, another one for each detector.
            let noise = (usize::from(index) * (7 + 2 * place) + 31 * place) % 101;
            noise as f64 + shift * place as f64
        };
        let scores: HashMap<_, _> = [Role::InDomain, Role::OutOfDomain]
            .into_iter()
            .flat_map(|role| (0..100).map(move |index| (role, index)))
            .map(|(role, index)| (images(role, index), score(role, index)))
            .collect();
        Entry {
            label: format!("{}, log sum of MSE, 1 - SSIM and LPIPS", candidate.label),
            detector: candidate.name.clone(),
            calls: candidate.calls(1000),
            counts_seconds: false,
            seconds: 1e-3 * candidate.calls(1000),
            scores,
        }
    };
    let mut account = Account::new(0.05);
    let candidates = Candidate::all(&Lmd::default()).into_iter();
    account.entries = candidates.enumerate().map(entry).collect();
    account.not_run = vec![NotRun {
        label: "Likelihood".to_owned(),
        reason: "It would take 2 h, longer than the time that is left (5 min).".to_owned(),
    }];
    Ranked {
        ranking: account.ranking(),
        account,
    }
}

/// Answer what was asked last about runs of several detectors.
fn rank(window: &mut Window, script: &Script) {
    let shared = script.0.borrow();
    let mut commands = shared.library_commands.iter().rev();
    let asked = commands.find_map(|command| match command {
        LibraryCommand::Runs(RunsCommand::Rank { job, .. }) => Some(*job),
        _ => None,
    });
    let job = asked.expect("runs are to be ranked");
    drop(shared);
    let ranked = made_up().into();
    script.say_library(LibraryEvent::Runs(RunsEvent::Ranked { job, ranked }));
    window.run_steps(4);
}

/// A window in which the quick scan has finished and 10 x 1 attempts of LMD are under way.
fn halfway() -> (Window, Script) {
    let (mut window, script) = ready(60);
    window.state_mut().keep_runs_in(Some("/runs".into()));
    choose(&mut window, &["one-call-norm", "lmd-10x1"]);
    press(&mut window, "Compare");
    window.run_steps(6);
    let (job, request, _) = script.last_run();
    assert_eq!(
        request.settings.method.detector.about().name,
        "one-call-norm"
    );
    let news = SavingNews::Began("/runs/quick.lmdrun".into());
    script.say(Event::Saving { job, news });
    script.say(Event::Done {
        job,
        progress: progress(&request, 120),
    });
    window.run_steps(6);
    rank(&mut window, &script);
    (window, script)
}

#[test]
fn the_dialog_says_what_each_costs_where_it_stands_and_which_to_use() {
    let (mut window, script) = halfway();
    for words in ["done", "scores, 0 %"] {
        window.get_by_label(words);
    }
    let stop = window.get_by_role_and_label(AccessRole::Button, "Stop");
    assert!(!stop.accesskit_node().is_disabled());
    window.get_by_label_contains("Use ");
    window.get_by_label_contains(
        "100 in-domain and 100 out-of-domain images that every detector scored",
    );
    window.get_by_label_contains("Not run: Likelihood. It would take 2 h");
    window.get_by_label_contains("ROC curves of ");
    for combined in ["Fisher", "Simes", "Bonferroni"] {
        window.get_by_label_contains(combined);
    }
    let (job, request, _) = script.last_run();
    script.say(Event::Failed {
        job,
        message: "the device was lost".to_owned(),
    });
    assert_eq!(request.settings.method.detector.num_attempts(), 1);
    window.run_steps(6);
    window.get_by_label("not run");
    let session = window.state().session();
    let last = &session.ranking.contenders[1].standing;
    assert_eq!(*last, Standing::NotRun("The device was lost.".to_owned()));
    let compare = window.get_by_role_and_label(AccessRole::Button, "Compare");
    assert!(!compare.accesskit_node().is_disabled(), "another can begin");
    window.check_accessibility();
}

#[test]
fn the_dialog_is_not_cut_or_laid_over_itself_at_any_width() {
    let (mut window, _script) = halfway();
    let mut found = Vec::new();
    for size in [
        vec2(720.0, 560.0),
        vec2(1199.0, 800.0),
        vec2(1280.0, 800.0),
        vec2(1920.0, 1080.0),
        vec2(3840.0, 2160.0),
    ] {
        window.set_size(size);
        window.run_steps(6);
        let inside = window.ctx.content_rect().expand(0.5);
        for label in ["Which detector for these images?", "Close comparison"] {
            let rect = window.get_by_label(label).rect();
            assert!(inside.contains_rect(rect), "{size}: {label} {rect}");
        }
        found.extend(
            faults_of_dialog(&window, "Which detector for these images?")
                .into_iter()
                .map(|it| format!("{size}: {it}")),
        );
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn figures_of_the_window_are_those_of_the_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let clothes = some_samples(folder.path(), "fashion-mnist", 24);
    let digits = some_samples(folder.path(), "mnist", 20);
    let output = folder.path().join("comparison");
    let mut args = vec!["compare-detectors", "--model", "bundled", "--json"];
    args.extend(["--in-domain", text(&clothes), "--out-of-domain"]);
    args.extend([text(&digits), "--output", text(&output), "--device", "cpu"]);
    args.extend(["--method", "one-call-norm", "bound"]);
    let told = lmd(&args);
    let errors = String::from_utf8_lossy(&told.stderr);
    assert_eq!(told.status.code(), Some(0), "{errors}");
    let told: Value = serde_json::from_slice(&told.stdout).unwrap();

    let mut window = open(settings(1, 2), no_wake());
    let runs = folder.path().join("runs");
    window.state_mut().keep_runs_in(Some(runs));
    add_folder(&mut window, "in-domain", &clothes);
    add_folder(&mut window, "out-of-domain", &digits);
    until(&mut window, "both folders", planned(44));
    let before = window.state().session().settings.run.clone();
    choose(&mut window, &["one-call-norm", "bound"]);
    press(&mut window, "Compare");
    until(&mut window, "the comparison", |window| {
        let ranking = &window.state().session().ranking;
        let ranked = ranking.ranked.as_deref();
        let is_whole = ranked.is_some_and(|ranked| ranked.account.entries.len() == 2);
        is_whole && !ranking.is_active()
    });
    // What is looked at is of the run that is shown.
    let method = &window.state().session().settings.run.method;
    assert_eq!(*method, before.method);
    let ranked = window.state().session().ranking.ranked.clone().unwrap();
    let ranking = ranked.ranking.as_ref().unwrap();
    assert_eq!(told["advice"].as_str(), Some(&*ranking.advice()));
    let rows = told["rows"].as_array().unwrap();
    assert_eq!(rows.len(), ranking.rows.len());
    for (row, told) in ranking.rows.iter().zip(rows) {
        assert_eq!(Some(&*row.label), told["label"].as_str());
        assert_eq!(Some(row.figures.auroc), told["auroc"].as_f64());
        assert_eq!(Some(row.calls), told["calls"].as_f64());
    }

    press(&mut window, "Show the run of Quick scan");
    until(&mut window, "its run", |window| {
        let run = window.state().session().shown.run.as_ref();
        run.is_some_and(|run| run.kept.opened.is_some())
    });
    assert!(has_phase(Phase::Done)(&window));
    let shown = window.state().session().shown.run.as_ref().unwrap();
    let name = shown.settings.method.detector.about().name;
    assert_eq!(name, "one-call-norm");
}
