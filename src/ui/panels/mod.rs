//! The parts of the window. Each draws from the session and pushes actions; none changes the session itself.

pub mod advanced;
pub mod attempts;
pub mod decision;
pub mod drop;
pub mod figures;
pub mod folders;
pub mod gallery;
pub mod histogram;
pub mod inspector;
pub mod mask;
pub mod method;
pub mod model;
pub mod notices;
pub mod progress;
pub mod roc;
pub mod threshold;
pub mod verdicts;

use super::textures::Textures;
use crate::runs::RunSettings;
use crate::state::{Action, Session};

/// What the panels share for one frame.
pub struct Scene<'a> {
    /// What to show.
    pub session: &'a Session,
    /// Pictures.
    pub textures: &'a mut Textures,
    /// Text that is being typed.
    pub drafts: &'a mut Drafts,
    /// What the user asked for in this frame.
    pub actions: &'a mut Vec<Action>,
}

/// Text that is being typed and not yet used, and other marks of the moment.
#[derive(Debug, Default)]
pub struct Drafts {
    /// The path of a model.
    pub model: String,
    /// Paths of folders, by role in the order of [`crate::ood::Role::ALL`].
    pub folders: [String; 3],
    /// The path of a mask image.
    pub mask: String,
    /// Paths of detector files, to open and to save.
    pub detectors: [String; 2],
    /// The point on the ROC curve while it is dragged and has moved.
    pub roc_drag: Option<egui::Id>,
    /// The gallery should bring the shown image into view.
    pub reveal_shown: bool,
}

impl Scene<'_> {
    /// Let `edit` change a copy of the run's settings, and ask for the change if there was one.
    pub fn edit_run(&mut self, edit: impl FnOnce(&mut RunSettings, &mut Self)) {
        let mut settings = self.session.settings.run.clone();
        edit(&mut settings, self);
        if settings != self.session.settings.run {
            self.actions.push(Action::SetRun(Box::new(settings)));
        }
    }
}
