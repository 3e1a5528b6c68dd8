//! Showing a run from its file, without touching any path in it.

use std::path::PathBuf;
use std::sync::Arc;

use super::actions::{Action, KeepAction, UiCommand};
use super::folders::short_name;
use super::marks::RunMarks;
use super::notices::Cause;
use super::recent;
use super::saving::{Kept, Question};
use super::session::Session;
use super::settings::{FolderChoice, FolderSource};
use super::shown::Shown;
use super::shown::run::{Phase, RunState};
use super::text;
use crate::detectors::measures;
use crate::runs::file::Segment;
use crate::runs::run_library::RunLibrary;
use crate::runs::{Marks, RunSettings};
use crate::worker::protocol::{
    DialogKind, ModelInfo, Notice, OpenedRun, Progress, RunsCommand, RunsEvent, SaveSource,
    Severity,
};

/// Damaged rows named in a notice; the rest is counted.
const MOST_DAMAGE: usize = 3;

impl Session {
    pub(super) fn perform_keep(&mut self, action: KeepAction) {
        match action {
            KeepAction::Set(saving) => {
                let old = std::mem::replace(&mut self.settings.saving, saving);
                if saving.most_megabytes < old.most_megabytes {
                    self.list_runs();
                }
            }
            KeepAction::Open(path) => self.open_run(path, false),
            KeepAction::Resume(path) => self.open_run(path, true),
            KeepAction::Remove(path) => self.shown.question = Some(Question::Remove(path)),
            KeepAction::ScoreBy(measure, aggregate) => {
                let mut run = self.settings.run.clone();
                run.view.measure = measure;
                run.view.aggregate = aggregate;
                self.perform(Action::SetRun(Box::new(run)));
            }
            KeepAction::Rename(name) => self.rename_run(name),
            KeepAction::LeaveName => self.shown.renaming = None,
            KeepAction::SaveAs(path) => self.save_run_as(path),
            KeepAction::Write(name, folder) => self.write_run(name, folder),
            KeepAction::CompareWith(key) => self.compare_with(key),
            KeepAction::FilterCompared(distance, aggregate) => {
                self.comparing.distance = distance;
                self.comparing.aggregate = aggregate;
            }
        }
    }

    pub(super) fn toggle_recent(&mut self) {
        self.keeping.is_list_open = !self.keeping.is_list_open;
        if self.keeping.is_list_open {
            self.list_runs();
        }
    }

    pub(super) fn browse_save_as(&mut self) {
        if let Err(reason) = self.shown.can_be_saved() {
            self.notices.say(Severity::Info, reason);
        } else {
            self.open_dialog(DialogKind::SaveRun);
        }
    }

    /// Do nothing of what was asked about.
    pub(super) fn decline(&mut self) {
        self.shown.question = None;
        self.shown.resuming = None;
    }

    /// Close a question or the list; `false` where neither was open.
    pub(super) fn close_keeping(&mut self) -> bool {
        if self.shown.question.is_some() {
            self.decline();
        } else if self.keeping.is_list_open {
            self.keeping.is_list_open = false;
        } else if self.comparing.is_open {
            self.comparing.is_open = false;
        } else {
            return false;
        }
        true
    }

    pub(super) fn confirm(&mut self) {
        match self.shown.question.take() {
            None => {}
            Some(Question::Clear) => {
                if let Some(folder) = self.keeping.folder.clone() {
                    let kept = self.kept_files();
                    self.send_runs(RunsCommand::Clear { folder, kept });
                }
            }
            Some(Question::Remove(path)) => {
                if let Some(folder) = self.keeping.folder.clone() {
                    self.send_runs(RunsCommand::Remove { folder, path });
                }
            }
            Some(Question::GoOn(_)) => self.check_before_going_on(),
            Some(Question::UseAgain(_)) => self.use_again(),
            Some(Question::GoOnWithout(_)) => self.go_on_without(),
        }
    }

    /// Read a run and show it. `resumes`: the user has asked to continue it, and so to read what it names.
    fn open_run(&mut self, path: PathBuf, resumes: bool) {
        if self.is_running() {
            self.notices.warn_while(
                Cause::RunUnderWay,
                "A run is under way. Cancel it before you open another one.",
            );
            return;
        }
        let job = self.outbox.mint_job();
        self.keeping.is_list_open = false;
        self.keeping.opening = Some((job, path.clone()));
        self.keeping.resumed = resumes.then(|| path.clone());
        self.send_runs(RunsCommand::Open { job, path });
    }

    /// Take an answer about run files.
    pub(super) fn apply_runs(&mut self, event: RunsEvent) {
        match event {
            RunsEvent::Listed { library, problem } => {
                if let Some(problem) = problem {
                    self.notices.say(Severity::Warning, problem);
                }
                self.offer_interrupted(&library);
                self.keeping.library = Some(library);
                if self.keeping.is_list_open {
                    // Their areas are shown in the list.
                    self.read_compared();
                }
            }
            RunsEvent::Opened { job, path, run } => {
                let is_awaited = self.keeping.opening.as_ref().is_some_and(|o| o.0 == job);
                if !is_awaited || self.is_running() {
                    return;
                }
                self.keeping.opening = None;
                match run {
                    Ok(run) => self.show_opened(&run),
                    Err(message) => self.notices.push(Notice {
                        severity: Severity::Error,
                        message: format!("The run could not be opened: {message}"),
                        path: Some(path),
                    }),
                }
            }
            RunsEvent::Checked { job, changed } => self.files_checked(job, changed),
            RunsEvent::Compared { job, runs } => self.compared(job, &runs),
            RunsEvent::Ranked { job, ranked } => self.detectors_ranked(job, ranked),
            RunsEvent::Written { outcome } => self.run_written(outcome),
            RunsEvent::Renamed { job, path, outcome } => self.run_renamed(job, &path, outcome),
            // Whichever run is shown by now, the file is there or is missing.
            RunsEvent::SavedAs { job, path, outcome } => {
                self.copy_ended(job, outcome.is_ok());
                self.run_saved(path, outcome);
            }
        }
    }

    /// After a crash, say once which run was cut off.
    fn offer_interrupted(&mut self, library: &RunLibrary) {
        if std::mem::replace(&mut self.keeping.is_first_listing_done, true) {
            return;
        }
        let last = self.keeping.interrupted.take();
        let cut_off = library.runs.iter().find(|run| {
            !run.is_held
                && !run.is_finished()
                && (!run.is_closed || Some(&run.path) == last.as_ref())
        });
        let Some(run) = cut_off else { return };
        self.notices.offer(
            Notice {
                severity: Severity::Info,
                message: recent::cut_off(run),
                path: None,
            },
            vec![
                Action::Keep(KeepAction::Resume(run.path.clone())),
                Action::Keep(KeepAction::Open(run.path.clone())),
                Action::Keep(KeepAction::Remove(run.path.clone())),
            ],
        );
    }

    fn show_opened(&mut self, opened: &Arc<OpenedRun>) {
        let settings = opened.settings();
        let job = self.outbox.mint_job();
        let mut run = RunState::new(
            job,
            settings.clone(),
            Arc::clone(&opened.images),
            Arc::clone(&opened.log),
        );
        run.model = Some(Arc::new(model_info(opened)));
        run.progress = progress(opened);
        run.phase = if opened.is_finished() {
            Phase::Done
        } else {
            Phase::Cancelled
        };
        run.kept = Kept {
            file: Some(opened.path.clone()),
            opened: Some(Arc::clone(opened)),
            is_sealed: true,
            ..Kept::default()
        };
        run.absorb();
        // Shown as it was looked at when it was made.
        self.settings.run.view.measure = settings.view.measure;
        self.settings.run.view.aggregate = settings.view.aggregate;
        if let Some(measured) = run.measured()
            && !measures::available(measured).contains(&settings.view.measure)
            && let Some(&usual) = measures::in_order_of_preference(measured).first()
        {
            self.settings.run.view.measure = usual;
        }
        self.show(Shown::new(run));
        let problem = opened.marks_problem.as_ref();
        self.shown.marks = RunMarks::read(&opened.path, opened.marks.clone(), problem);
        self.say_damage(opened);
        if opened.is_finished() {
            return;
        }
        if self.keeping.resumed.take().as_ref() == Some(&opened.path) {
            self.check_before_going_on();
        } else {
            self.shown.question = Some(Question::GoOn(opened.paths()));
        }
    }

    fn say_damage(&mut self, opened: &OpenedRun) {
        if let Some(problem) = &opened.marks_problem {
            self.notices.say(
                Severity::Warning,
                format!(
                    "The run is shown without its tags and notes: {problem}. What is noted now stays in memory: save the run \
                     under another name to keep it"
                ),
            );
        }
        if opened.damage.is_empty() {
            return;
        }
        let shown: Vec<&str> = (opened.damage.iter().take(MOST_DAMAGE))
            .map(String::as_str)
            .collect();
        let more = opened.damage.len().saturating_sub(MOST_DAMAGE);
        let more = if more > 0 {
            format!("; and {more} more")
        } else {
            String::new()
        };
        self.notices.push(Notice {
            severity: Severity::Warning,
            message: format!(
                "The run file is damaged, what does not match its checksum is left out: {}{more}",
                shown.join("; ")
            ),
            path: Some(opened.path.clone()),
        });
    }

    pub(super) fn close_run(&mut self) {
        if self.is_running()
            || self
                .shown
                .run
                .as_ref()
                .is_none_or(|run| run.kept.opened.is_none())
        {
            return;
        }
        self.show(Shown::default());
    }

    pub(super) fn ask_to_use_again(&mut self) {
        if let Some(opened) = self.shown.opened() {
            self.shown.question = Some(Question::UseAgain(opened.paths()));
        }
    }

    /// Take over model, folders and settings of the opened run.
    fn use_again(&mut self) {
        let Some(opened) = self.shown.opened() else {
            return;
        };
        self.settings.run = RunSettings {
            execution: self.settings.run.execution,
            ..opened.settings()
        };
        let source = opened.model_source();
        if self.settings.model != source || self.model_info().is_none() {
            self.open_model(source);
        }
        self.folders.clear();
        for (role, path) in opened.folders() {
            let sample = self.sample_for(role);
            let samples = self.samples.as_ref().zip(sample);
            self.add_folder(FolderChoice {
                source: if samples.is_some_and(|(folders, sample)| folders.of(sample) == path) {
                    FolderSource::Samples
                } else {
                    FolderSource::Path(path)
                },
                role,
            });
        }
        self.remember_folders();
        self.unseal();
    }

    /// The user has allowed to read the paths of the opened run.
    pub(super) fn unseal(&mut self) {
        if let Some(run) = &mut self.shown.run {
            self.keeping.pictures_changed |= run.kept.is_sealed;
            run.kept.is_sealed = false;
        }
    }

    fn save_run_as(&mut self, path: PathBuf) {
        if let Err(reason) = self.shown.can_be_saved() {
            self.notices.say(Severity::Info, reason);
            return;
        }
        let Some(run) = &self.shown.run else { return };
        let path = match path.extension() {
            Some(_) => path,
            None => path.with_extension(crate::runs::file::EXTENSION),
        };
        let marks = self.shown.marks.all().clone();
        let Some(source) = save_source(run, marks) else {
            return;
        };
        let job = self.outbox.mint_job();
        self.copy_begins(job, path.clone());
        self.send_runs(RunsCommand::SaveAs {
            job,
            source: Arc::new(source),
            path,
        });
    }

    fn run_saved(&mut self, path: PathBuf, outcome: Result<(), String>) {
        let notice = match outcome {
            Ok(()) => Notice {
                severity: Severity::Info,
                message: format!("The run was saved as {}", short_name(&path)),
                path: Some(path),
            },
            Err(message) => Notice {
                severity: Severity::Error,
                message: format!("The run could not be saved: {message}"),
                path: None,
            },
        };
        self.notices.push(notice);
    }

    /// The library thread has lost what it was asked for.
    pub(super) fn runs_restarted(&mut self) {
        self.keeping.opening = None;
        self.shown.resuming = None;
        self.list_runs();
    }

    /// A dropped run file can only be meant to be opened.
    pub(super) fn take_dropped(&mut self, paths: Vec<PathBuf>) {
        let run = paths.iter().find(|path| {
            let extension = path.extension();
            extension.is_some_and(|e| e.eq_ignore_ascii_case(crate::runs::file::EXTENSION))
        });
        if let Some(path) = run.cloned() {
            self.open_run(path, false);
        } else {
            self.dropped = paths;
            self.look_at_dropped();
        }
    }

    /// A run has stopped that can continue.
    pub(super) fn offer_to_go_on(&mut self, message: String) {
        let notice = Notice {
            severity: Severity::Error,
            message,
            path: None,
        };
        let can_go_on = self.shown.run.as_ref().is_some_and(RunState::is_unfinished);
        let offers = can_go_on.then_some(Action::Do(UiCommand::GoOn));
        self.notices.offer(notice, offers.into_iter().collect());
    }
}

fn save_source(run: &RunState, marks: Marks) -> Option<SaveSource> {
    let manifest = if let Some(opened) = &run.kept.opened {
        opened.manifest.clone()
    } else {
        let (new, info) = (run.kept.new_file.as_ref()?, run.model.as_ref()?);
        crate::engine::saving::manifest(&run.settings, run.images.len(), new, info)
    };
    Some(SaveSource {
        file: run.kept.file.clone(),
        log: Arc::clone(run.log()),
        manifest,
        images: Arc::clone(&run.images),
        marks,
    })
}

/// What a run file says of its model, as far as the window needs it.
fn model_info(opened: &OpenedRun) -> ModelInfo {
    let model = &opened.manifest.model;
    let segment = opened.segments.last();
    ModelInfo {
        source: opened.model_source(),
        name: model.name.clone(),
        family: model.family.clone(),
        geometry: model.geometry,
        num_parameters: 0,
        flops_per_call: 0.0,
        identity: model.identity.clone(),
        num_train_timesteps: model.num_train_timesteps,
        device: segment.map(Segment::device_info).unwrap_or_default(),
        call_secs: Vec::new(),
        notes: Vec::new(),
        settings: Vec::new(),
        num_tensors: 0,
    }
}

fn progress(opened: &OpenedRun) -> Progress {
    let num_attempts = opened.manifest.settings().method.detector.num_attempts();
    Progress {
        attempts_done: opened.num_results,
        num_attempts: opened.images.len() * num_attempts,
        images_done: 0,
        num_images: opened.images.len(),
        images_skipped: opened.num_left_out,
        network_calls: opened.segments.iter().map(|s| s.network_calls).sum(),
        network_secs: opened.segments.iter().map(|s| s.seconds).sum(),
        activity: text::capitalized("read from its file"),
    }
}
