//! Files of fits: one is read, and those of the chosen detector are written.

use std::path::{Path, PathBuf};

use super::outbox::Outgoing;
use super::session::Session;
use crate::detectors::DetectorSpec;
use crate::runs::fit_file::{self, fit_of};
use crate::worker::protocol::{LibraryCommand, Notice, Severity};

impl Session {
    /// Take a detector that was read from the file of its fit.
    pub(super) fn fit_opened(&mut self, detector: Result<DetectorSpec, String>) {
        match detector {
            Ok(detector) => self.use_fit(detector),
            Err(message) => self.notices.say(Severity::Error, message),
        }
    }

    /// Write the fit of the chosen detector. `is_asked`: whoever chose the path was asked about a file that is there.
    pub(super) fn save_fit(&mut self, path: PathBuf, is_asked: bool) {
        if self.num_fits() == 0 {
            self.notices.say(
                Severity::Warning,
                "There is no fit to save yet. Fit the detector first.",
            );
            return;
        }
        let is_named = fit_file::is_fit(&path);
        let path = if is_named {
            path
        } else {
            path.with_added_extension(fit_file::EXTENSION)
        };
        let each = self.settings.run.method.detector.each().iter();
        let fitted: Vec<DetectorSpec> = each
            .filter(|it| fit_of(&***it).is_some())
            .cloned()
            .collect();
        let is_alone = fitted.len() == 1;
        for detector in fitted {
            let name = detector.about().name;
            self.outbox
                .push_back(Outgoing::Library(LibraryCommand::SaveFit {
                    path: if is_alone {
                        path.clone()
                    } else {
                        beside(&path, name)
                    },
                    detector,
                    may_overwrite: is_asked && is_named && is_alone,
                }));
        }
    }

    pub(super) fn fit_saved(&mut self, path: PathBuf, outcome: Result<(), String>) {
        match outcome {
            Err(message) => self.notices.say(Severity::Error, message),
            Ok(()) => self.notices.push(Notice {
                severity: Severity::Info,
                message: "The fit was saved. `lmd score --fitted` and this window open it."
                    .to_owned(),
                path: Some(path),
            }),
        }
    }
}

/// A file's place with a detector's name in it: each has a file of its own.
fn beside(path: &Path, name: &str) -> PathBuf {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    path.with_file_name(format!("{stem}-{name}.{}", fit_file::EXTENSION))
}
