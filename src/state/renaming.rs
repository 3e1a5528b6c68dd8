//! The name of the run that is shown: typed in the bar, and given to its file once nobody writes that.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::recent;
use super::session::Session;
use super::shown::run::RunState;
use crate::runs::file::checked_name;
use crate::runs::run_library::given_name;
use crate::worker::protocol::{JobId, RunsCommand, Severity};

/// A name that is being typed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Renaming {
    /// What the field holds when it opens.
    pub typed: String,
    /// Why the run can't be called what was typed last.
    pub problem: Option<String>,
}

/// A name that the run's file is being given.
#[derive(Debug)]
pub(super) struct AskedName {
    job: JobId,
    name: String,
    /// Whether undo does not know of it yet.
    is_new: bool,
}

impl Session {
    /// Let the user type a name.
    pub(super) fn start_renaming(&mut self) {
        let Some(run) = &self.shown.run else {
            self.notices
                .say(Severity::Info, "There is no run yet that could get a name");
            return;
        };
        self.shown.renaming = Some(Renaming {
            typed: run.given_name().unwrap_or_default(),
            problem: None,
        });
    }

    /// Call the run what was typed. Until that is done, and where it can't be, what was typed stays.
    pub(super) fn rename_run(&mut self, typed: String) {
        let name = match checked_name(&typed) {
            Ok(name) => name.to_owned(),
            Err(error) => {
                let problem = Some(super::text::capitalized(&error.to_string()));
                self.shown.renaming = Some(Renaming { typed, problem });
                return;
            }
        };
        self.shown.renaming = Some(Renaming {
            typed,
            problem: None,
        });
        self.name_run(Some(name), true);
    }

    /// What the run goes by, also where nobody gave it a name, as [`Self::name_run`] takes it.
    pub(super) fn run_name(&self) -> Option<String> {
        let kept = &self.shown.run.as_ref()?.kept;
        let stem = || kept.file.as_deref().map(stem);
        kept.name.clone().or_else(stem)
    }

    /// Call the run this; `is_new` for undo, unless it changes at once, which undo sees by itself.
    pub(super) fn name_run(&mut self, name: Option<String>, is_new: bool) {
        let Some(run) = &mut self.shown.run else {
            return;
        };
        let is_written = run.phase.is_active();
        match (run.kept.file.clone(), name) {
            (Some(file), Some(name)) if !is_written && stem(&file) != name => {
                self.ask_for_name(file, name, is_new);
                return;
            }
            (Some(file), name) => {
                run.kept.name = name.filter(|name| is_written && *name != stem(&file));
                if let Some(name) = &run.kept.name {
                    let message = format!(
                        "The run is called {name}. It is being written, so its file gets that name when it has ended."
                    );
                    self.notices.say(Severity::Info, message);
                }
            }
            (None, name) => run.kept.name = name,
        }
        self.shown.renaming = None;
    }

    fn ask_for_name(&mut self, path: PathBuf, name: String, is_new: bool) {
        let job = self.outbox.mint_job();
        self.shown.asked_name = Some(AskedName {
            job,
            name: name.clone(),
            is_new,
        });
        self.send_runs(RunsCommand::Rename { job, path, name });
    }

    /// The run has ended: its file may have the name that was given meanwhile.
    pub(super) fn name_ended_run(&mut self) {
        let Some(run) = &mut self.shown.run else {
            return;
        };
        if let (Some(file), Some(name)) = (run.kept.file.clone(), run.kept.name.take()) {
            self.ask_for_name(file, name, false);
        }
    }

    /// A run file has another name, or why not.
    pub(super) fn run_renamed(
        &mut self,
        job: JobId,
        before: &Path,
        outcome: Result<PathBuf, String>,
    ) {
        let asked = self.shown.asked_name.take_if(|asked| asked.job == job);
        match outcome {
            Ok(now) => {
                if asked.is_some() {
                    self.shown.renaming = None;
                }
                if asked.is_some_and(|asked| asked.is_new) {
                    self.history.remember_name(stem(before));
                }
                self.follow_file(before, &now);
                self.list_runs();
            }
            Err(message) => {
                let problem = super::text::capitalized(&message);
                match asked {
                    // What was typed meanwhile stays.
                    Some(asked) => {
                        let renaming = self.shown.renaming.get_or_insert_default();
                        if renaming.typed.is_empty() {
                            renaming.typed = asked.name;
                        }
                        renaming.problem = Some(problem);
                    }
                    None => self.notices.say(
                        Severity::Error,
                        format!("The run could not get another name: {message}"),
                    ),
                }
            }
        }
    }

    /// Whoever knows the file knows it by its new name.
    fn follow_file(&mut self, before: &Path, now: &Path) {
        let follow = |path: &mut PathBuf| {
            if path == before {
                now.clone_into(path);
            }
        };
        if let Some(run) = &mut self.shown.run {
            run.kept.file.iter_mut().for_each(follow);
            if let Some(opened) = &mut run.kept.opened
                && opened.path == before
            {
                follow(&mut Arc::make_mut(opened).path);
            }
        }
        self.shown.marks.follow(follow);
        self.keeping.interrupted.iter_mut().for_each(follow);
        self.ranking.follow(follow);
        let compared = self.comparing.chosen.iter_mut();
        compared.map(|key| &mut key.path).for_each(follow);
        if self.comparing.forget(before) {
            self.read_compared();
        }
    }
}

impl RunState {
    /// The name that a person gave it.
    pub fn given_name(&self) -> Option<String> {
        let of_file = || self.kept.file.as_deref().and_then(given_name);
        self.kept.name.clone().or_else(of_file)
    }

    /// What it goes by: its given name, else when its file says that it was begun, else its model.
    pub fn called(&self) -> String {
        let begun = || {
            let manifest = &self.kept.opened.as_ref()?.manifest;
            Some(recent::when(manifest))
        };
        let model = || {
            let model = self.model.as_ref();
            model.map_or_else(|| "Run".to_owned(), |model| model.name.clone())
        };
        self.given_name().or_else(begun).unwrap_or_else(model)
    }
}

/// The name of a run file without its ending.
fn stem(file: &Path) -> String {
    let stem = file.file_stem().unwrap_or_default();
    stem.to_string_lossy().into_owned()
}
