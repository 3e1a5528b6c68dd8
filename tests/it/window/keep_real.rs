//! Runs on disk, with the real background threads: kept, cut off, opened and gone on with.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use egui::accesskit::Role as AccessRole;
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::networks::ModelIdentity;
use lmd_inspector::runs::file::{self, StoredRun};
use lmd_inspector::state::{Action, KeepAction, ModelState, Phase, Settings};
use lmd_inspector::worker::protocol::ModelInfo;

use super::real::{has_phase, no_wake, open as open_window, settings, some_samples};
use super::{Window, press, until};
use crate::runs::support::bits;

pub(super) type Bits = Vec<(usize, usize, [u64; 3])>;

/// A window that keeps its runs in a folder.
pub(super) fn open(settings: Settings, runs: &Path) -> Window {
    let mut window = open_window(settings, no_wake());
    window.state_mut().keep_runs_in(Some(runs.to_owned()));
    window
}

/// Settings over three clothes and three digits.
/// Runs that something is to happen in take a second or more, so that it does not come too late.
pub(super) fn session_settings(folder: &Path, num_attempts: usize, num_steps: usize) -> Settings {
    use lmd_inspector::ood::Role;
    use lmd_inspector::runs::BatchChoice;
    use lmd_inspector::state::{FolderChoice, FolderSource};
    let mut settings = settings(num_attempts, num_steps);
    settings.run.execution.batch = BatchChoice::Fixed(2);
    for (name, role) in [
        ("fashion-mnist", Role::InDomain),
        ("mnist", Role::OutOfDomain),
    ] {
        let path = folder.join(name);
        let source = FolderSource::Path(if path.exists() {
            path
        } else {
            some_samples(folder, name, 3)
        });
        settings.folders.push(FolderChoice { source, role });
    }
    settings
}

pub(super) fn run_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.retain(|path| path.extension().is_some_and(|e| e == "lmdrun"));
    paths.sort();
    paths
}

/// Read a file that the window may be listing at this moment.
pub(super) fn read(path: &Path) -> StoredRun {
    let deadline = Instant::now() + Duration::from_mins(1);
    loop {
        match file::read(path) {
            Err(file::FileError::Busy { .. }) if Instant::now() < deadline => {
                std::thread::sleep(Duration::from_millis(10));
            }
            outcome => return outcome.unwrap(),
        }
    }
}

pub(super) fn results(window: &Window) -> Bits {
    let run = window.state().session().shown.run.as_ref().unwrap();
    let results: Vec<_> = run.log().since(0).iter().map(|r| (**r).clone()).collect();
    bits(&results)
}

/// Whether the shown run has so many results.
pub(super) fn has_results(count: usize) -> impl Fn(&Window) -> bool {
    move |window| {
        let run = window.state().session().shown.run.as_ref();
        run.is_some_and(|run| run.num_results() >= count)
    }
}

pub(super) fn has_planned(window: &mut Window) {
    until(window, "both folders", |window| {
        window.state().session().planned().len() == 6
    });
}

/// The scores of a run that nothing stops.
pub(super) fn uninterrupted(
    folder: &Path,
    runs: &Path,
    num_attempts: usize,
    num_steps: usize,
) -> Bits {
    let mut window = open(session_settings(folder, num_attempts, num_steps), runs);
    has_planned(&mut window);
    press(&mut window, "Run");
    until(&mut window, "the end of the run", has_phase(Phase::Done));
    results(&window)
}

/// Open a run file by its path, as typed.
fn open_file(window: &mut Window, path: &Path) {
    let action = Action::Keep(KeepAction::Open(path.to_owned()));
    window.state_mut().session_mut().perform(action);
    until(window, "the opened run", |window| {
        let run = window.state().session().shown.run.as_ref();
        let opened = run.and_then(|run| run.kept.opened.as_ref());
        opened.is_some_and(|opened| opened.path == path)
    });
    window.run_steps(3);
}

#[test]
fn a_run_is_kept_while_it_goes_on_and_opens_without_its_images() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("deep/runs");
    let mut window = open(session_settings(folder.path(), 2, 3), &runs);
    has_planned(&mut window);
    window.get_by_label_contains("on disk");
    press(&mut window, "Run");
    until(&mut window, "the end of the run", has_phase(Phase::Done));
    let expected = results(&window);
    assert_eq!(expected.len(), 12);
    let files = run_files(&runs);
    assert_eq!(files.len(), 1);
    let stored = read(&files[0]);
    assert_eq!(
        bits(&stored.results),
        expected,
        "the file holds what was shown"
    );
    assert!(stored.is_finished());
    assert_eq!(stored.manifest.folders.len(), 2);
    assert!(
        stored
            .results
            .iter()
            .all(|result| result.inpainted.is_some())
    );

    // Nothing of it is needed to look at the run.
    fs::remove_dir_all(folder.path().join("mnist")).unwrap();
    fs::remove_dir_all(folder.path().join("fashion-mnist")).unwrap();
    press(&mut window, "Recent runs…");
    until(&mut window, "the list", |window| {
        window.query_by_label_contains("Open run of").is_some()
    });
    window.get_by_label_contains(
        "6 images, alternating checkerboard 8, 2 attempts of 3 calls, finished",
    );
    window.get_by_label_contains("Open run of").click();
    until(&mut window, "the opened run", |window| {
        window
            .query_by_label_contains("From the run file, 12 of 12")
            .is_some()
    });
    assert_eq!(results(&window), expected);
    window
        .get_by_label_contains("00001.png, out-of-domain, score")
        .click();
    window.run_steps(3);
    window.get_by_label("Original of 00001.png");
    assert!(window.state().session().notices.is_empty());
}

#[test]
fn a_cancelled_run_goes_on_to_the_same_scores() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let expected = uninterrupted(folder.path(), &runs, 6, 30);
    let mut window = open(session_settings(folder.path(), 6, 30), &runs);
    has_planned(&mut window);
    press(&mut window, "Run");
    until(&mut window, "some results", has_results(4));
    press(&mut window, "Cancel");
    until(&mut window, "the run to end", has_phase(Phase::Cancelled));
    let kept = results(&window).len();
    assert!((4..36).contains(&kept), "{kept}");
    let file = run_files(&runs).pop().unwrap();
    assert_eq!(read(&file).results.len(), kept);
    press(&mut window, "Resume");
    until(&mut window, "the end of the run", has_phase(Phase::Done));
    assert_eq!(results(&window), expected);
    let stored = read(&file);
    assert_eq!(bits(&stored.results), expected);
    assert_eq!(stored.segments.len(), 2);
    assert_eq!(run_files(&runs).len(), 2, "it went on in its own file");
}

#[test]
fn what_a_crash_left_is_offered_and_resumed_and_a_stranger_stays_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let expected = uninterrupted(folder.path(), &runs, 4, 40);
    let left = folder.path().join("left");
    fs::create_dir(&left).unwrap();
    {
        let mut window = open(session_settings(folder.path(), 4, 40), &runs);
        has_planned(&mut window);
        press(&mut window, "Run");
        until(&mut window, "some results", has_results(6));
        press(&mut window, "Pause");
        // What a killed process leaves: the file and its log, as they are at this moment.
        let path = window
            .state()
            .session()
            .shown
            .run
            .as_ref()
            .unwrap()
            .kept
            .file
            .clone();
        let path = path.unwrap();
        for ending in ["", "-wal"] {
            let name = format!("{}{ending}", path.file_name().unwrap().to_str().unwrap());
            fs::copy(path.with_file_name(&name), left.join(&name)).unwrap();
        }
        press(&mut window, "Cancel");
        until(&mut window, "the run to end", has_phase(Phase::Cancelled));
    }
    let mut window = open(settings(1, 1), &left);
    until(&mut window, "the offer", |window| {
        window.query_by_label_contains("Your last run").is_some()
    });
    let offer = window.query_all_by_role_and_label(AccessRole::Button, "Open");
    let buttons: Vec<_> = offer.collect();
    assert_eq!(buttons.len(), 1);
    buttons[0].click();
    until(&mut window, "the question", |window| {
        window
            .query_by_label_contains("This run is not finished")
            .is_some()
    });
    assert!(
        window
            .query_all_by_label_contains(folder.path().join("mnist").to_str().unwrap())
            .count()
            > 0,
        "the paths that it reads are named"
    );
    press(&mut window, "Resume the run");
    until(&mut window, "the end of the run", has_phase(Phase::Done));
    assert_eq!(results(&window), expected);

    // A run from elsewhere continues in a copy.
    let stranger = folder.path().join("stranger.lmdrun");
    let unfinished = run_files(&runs)
        .into_iter()
        .find(|path| !read(path).is_finished())
        .unwrap();
    fs::copy(&unfinished, &stranger).unwrap();
    let before = fs::read(&stranger).unwrap();
    open_file(&mut window, &stranger);
    window.get_by_label_contains("stranger, ");
    press(&mut window, "Resume the run");
    until(&mut window, "the end of the run", has_phase(Phase::Done));
    assert_eq!(results(&window), expected);
    assert_eq!(fs::read(&stranger).unwrap(), before, "untouched");
    let file = window
        .state()
        .session()
        .shown
        .run
        .as_ref()
        .unwrap()
        .kept
        .file
        .clone();
    assert_eq!(file.unwrap().parent(), Some(&*left));
}

#[test]
fn files_that_changed_are_listed_and_left_out_if_the_user_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let mut window = open(session_settings(folder.path(), 3, 50), &runs);
    has_planned(&mut window);
    press(&mut window, "Run");
    until(&mut window, "some results", has_results(6));
    press(&mut window, "Cancel");
    until(&mut window, "the run to end", has_phase(Phase::Cancelled));
    let file = run_files(&runs).pop().unwrap();
    let digits = folder.path().join("mnist");
    fs::remove_file(digits.join("00000.png")).unwrap();
    fs::copy(digits.join("00001.png"), digits.join("00002.png")).unwrap();
    open_file(&mut window, &file);
    press(&mut window, "Resume the run");
    until(&mut window, "the list", |window| {
        let words = "2 image files are not what they were";
        window.query_by_label_contains(words).is_some()
    });
    window.get_by_label_contains("missing: ");
    window.get_by_label_contains("changed: ");
    press(&mut window, "Continue with what is there");
    until(&mut window, "the end of the run", has_phase(Phase::Done));
    let run = window.state().session().shown.run.as_ref().unwrap();
    for image in 0..6 {
        let name = run.images[image].file.path.display().to_string();
        let is_whole = !name.ends_with("mnist/00000.png") && !name.ends_with("mnist/00002.png")
            || name.contains("fashion");
        if is_whole {
            assert_eq!(run.attempts(image).len(), 3, "{name}");
        } else {
            assert!(run.attempts(image).len() < 3, "{name}");
        }
    }
}

#[test]
fn a_full_disk_holds_the_run_until_there_is_room_and_nothing_is_lost() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let expected = uninterrupted(folder.path(), &runs, 4, 30);
    let mut window = open(session_settings(folder.path(), 4, 30), &runs);
    has_planned(&mut window);
    press(&mut window, "Run");
    until(&mut window, "the file", |window| {
        let run = window.state().session().shown.run.as_ref().unwrap();
        let log = std::sync::Arc::clone(run.log());
        // As little as it has now: SQLite refuses to grow it.
        log.with_writer(|writer| writer.set_most_pages(1)).is_some()
    });
    until(&mut window, "the notice", |window| {
        window.query_by_label_contains("can't grow").is_some()
    });
    let held = results(&window).len();
    let session = window.state().session();
    assert_eq!(session.shown.run.as_ref().unwrap().phase, Phase::Paused);
    let file = session
        .shown
        .run
        .as_ref()
        .unwrap()
        .kept
        .file
        .clone()
        .unwrap();
    // Still no room: it waits again, and shows nothing that is not in the file.
    press(&mut window, "Try again");
    until(&mut window, "the notice again", |window| {
        window.query_by_label_contains("can't grow").is_some()
    });
    assert_eq!(results(&window).len(), held);
    let log = std::sync::Arc::clone(window.state().session().shown.run.as_ref().unwrap().log());
    log.with_writer(|writer| writer.set_most_pages(1_000_000))
        .unwrap()
        .unwrap();
    press(&mut window, "Try again");
    until(&mut window, "the end of the run", has_phase(Phase::Done));
    assert_eq!(results(&window), expected);
    let stored = read(&file);
    assert_eq!(stored.damage, Vec::<String>::new());
    assert_eq!(bits(&stored.results), expected);
}

#[test]
fn without_its_file_a_run_goes_on_and_is_saved_at_the_end() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let expected = uninterrupted(folder.path(), &runs, 4, 30);
    let mut window = open(session_settings(folder.path(), 4, 30), &runs);
    has_planned(&mut window);
    press(&mut window, "Run");
    until(&mut window, "the file", |window| {
        let run = window.state().session().shown.run.as_ref().unwrap();
        let log = std::sync::Arc::clone(run.log());
        log.with_writer(|writer| writer.set_most_pages(1)).is_some()
    });
    until(&mut window, "the notice", |window| {
        window.query_by_label_contains("can't grow").is_some()
    });
    press(&mut window, "Continue without saving");
    until(&mut window, "the end of the run", has_phase(Phase::Done));
    assert_eq!(results(&window), expected);
    let copy = folder.path().join("copy.lmdrun");
    let action = Action::Keep(KeepAction::SaveAs(copy.clone()));
    window.state_mut().session_mut().perform(action);
    until(&mut window, "the copy", |window| {
        window
            .query_by_label_contains("The run was saved as")
            .is_some()
    });
    let stored = read(&copy);
    assert_eq!(bits(&stored.results), expected);
    assert!(stored.is_finished());
}

#[test]
fn an_opened_run_is_watched_from_its_file_where_its_model_is_open() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    uninterrupted(folder.path(), &runs, 2, 6);
    let file = run_files(&runs).pop().unwrap();
    fs::remove_dir_all(folder.path().join("mnist")).unwrap();
    fs::remove_dir_all(folder.path().join("fashion-mnist")).unwrap();
    let mut window = open(settings(1, 1), &folder.path().join("other"));
    until(&mut window, "the model", |window| {
        window.state().session().model_info().is_some()
    });
    open_file(&mut window, &file);
    press(&mut window, "Watch it denoise");
    until(&mut window, "the steps", |window| {
        let says = ["bit for bit", "near the run's result"];
        says.iter()
            .any(|says| window.query_by_label_contains(says).is_some())
    });
    press(&mut window, "Back to the result");
    // With another model it can't be made again: the one that it takes is named.
    let session = window.state_mut().session_mut();
    let mut other = ModelInfo::clone(session.model_info().unwrap().as_ref());
    other.identity = ModelIdentity::of_weights("11".repeat(32));
    session.model = ModelState::Ready(Arc::new(other));
    let missing = session.missing_for_scrub().unwrap();
    let says = "It takes the model of this run, fashion-mnist-32, and another one is open";
    assert_eq!(missing, says);
}

#[test]
fn a_run_under_way_is_copied_whole() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    let mut window = open(session_settings(folder.path(), 500, 20), &runs);
    has_planned(&mut window);
    press(&mut window, "Run");
    until(&mut window, "some results", has_results(8));
    let copy = folder.path().join("copy");
    let action = Action::Keep(KeepAction::SaveAs(copy.clone()));
    window.state_mut().session_mut().perform(action);
    until(&mut window, "the copy", |window| {
        window
            .query_by_label_contains("The run was saved as")
            .is_some()
    });
    press(&mut window, "Cancel");
    until(&mut window, "the run to end", has_phase(Phase::Cancelled));
    let stored = read(&copy.with_extension("lmdrun"));
    assert_eq!(stored.damage, Vec::<String>::new());
    let copied = bits(&stored.results);
    assert!(copied.len() >= 8);
    let all = results(&window);
    assert!(copied.iter().all(|attempt| all.contains(attempt)));
}

#[test]
fn a_run_that_another_program_writes_is_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("held.lmdrun");
    let writer = crate::runs::support::begin(&path, file::KeepPictures::All);
    let mut window = open(settings(1, 1), &folder.path().join("runs"));
    let action = Action::Keep(KeepAction::Open(path));
    window.state_mut().session_mut().perform(action);
    until(&mut window, "the sentence", |window| {
        window
            .query_by_label_contains("The run is in use")
            .is_some()
            || window
                .query_by_label_contains("the run is in use")
                .is_some()
    });
    drop(writer);
}

#[test]
fn two_runs_are_held_against_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let runs = folder.path().join("runs");
    uninterrupted(folder.path(), &runs, 1, 2);
    let mut window = open(session_settings(folder.path(), 2, 6), &runs);
    has_planned(&mut window);
    press(&mut window, "Run");
    until(&mut window, "the end of the run", has_phase(Phase::Done));
    until(&mut window, "the list of both", |window| {
        let library = window.state().session().keeping.library.as_ref();
        library.is_some_and(|library| library.runs.len() == 2)
    });
    press(&mut window, "Compare…");
    until(&mut window, "the table", |window| {
        window
            .query_all_by_label_contains("Compare with LPIPS, median of")
            .count()
            == 2
    });
    let rows = window.query_all_by_label_contains("Compare with LPIPS, median of");
    let rows: Vec<_> = rows.collect();
    rows[1].click();
    until(&mut window, "the comparison", |window| {
        window
            .query_by_label_contains("Paired scores of 6 images")
            .is_some()
    });
    window.get_by_label_contains("Two ROC curves, AUROC");
    window.get_by_label_contains("6 images in both, paired by content");
    // Three in-domain images allow no threshold at 5 %.
    window.get_by_label_contains("too few in-domain images for a threshold");
    window.check_accessibility();
    let session = window.state_mut().session_mut();
    let mut decision = session.settings.decision;
    decision.false_alarm_rate = 0.3;
    session.perform(Action::SetDecision {
        settings: Box::new(decision),
        is_continued: false,
    });
    until(&mut window, "the list of changed verdicts", |window| {
        let words = "changed verdict";
        window.query_all_by_label_contains(words).count() == 2
    });
    let changed = &window
        .state()
        .session()
        .shown
        .pairing
        .pair
        .as_ref()
        .unwrap()
        .changed;
    let pictures = window
        .query_all_by_label_contains("Picture of 0000")
        .count();
    assert_eq!(pictures, changed.len(), "each with its picture");
}
