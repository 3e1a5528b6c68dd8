//! Data sets as other programs lay them out, before they are taken: what each part is to be is asked first.

use std::path::{Path, PathBuf};

use super::actions::Info;
use super::folders::ScanState;
use super::outbox::Outgoing;
use super::session::Session;
use super::settings::{FolderChoice, FolderSource};
use crate::images::layouts::Layout;
use crate::ood::Role;
use crate::worker::protocol::{JobId, LibraryCommand};

/// What is asked of a data set.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// With the roles as the user has changed them.
    pub layout: Layout,
    /// The role that all of it would have; `None` where it was dropped on the window.
    pub role: Option<Role>,
    /// Whether roles are others than those proposed.
    pub is_changed: bool,
}

/// What the user answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutAction {
    /// Give a part, an index into the layout's, another role, or leave it out.
    Assign(usize, Option<Role>),
    /// Add the parts by their roles.
    Add,
    /// Add the folder as one of images of one role.
    AddWhole,
}

impl LayoutAction {
    /// Its words.
    pub fn info(self) -> Info {
        match self {
            Self::Assign(..) => Info::new("Change", "Change what these images are"),
            Self::Add => Info::new(
                "Add as proposed",
                "Add each part by its role and leave the others out",
            ),
            Self::AddWhole => Info::new(
                "Add as one folder",
                "Take all images in it for images of one role, masks and defects too",
            ),
        }
    }
}

impl Session {
    /// What is asked first, if anything is.
    pub fn proposal(&self) -> Option<&Proposal> {
        self.proposals.front()
    }

    /// Add a folder, a table or an image of a role; what holds more than that is asked about first.
    pub(super) fn add_path(&mut self, path: PathBuf, role: Role) {
        let may_ask = !self.taken_whole.contains(&path);
        let source = FolderSource::Path(path);
        self.add_folder_asking(FolderChoice { source, role }, may_ask);
    }

    /// A folder that was to be listed holds parts of several roles.
    pub(super) fn propose(&mut self, job: JobId, layout: Layout) {
        let is_listed = |scan: &ScanState| matches!(scan, ScanState::Scanning { job: known, .. } if *known == job);
        let Some(index) = self
            .folders
            .iter()
            .position(|folder| is_listed(&folder.scan))
        else {
            return;
        };
        let role = self.folders.remove(index).role;
        self.remember_folders();
        self.forget_adding();
        self.ask(layout, Some(role));
    }

    /// What was dropped is such a data set, which can't be used as all of one role.
    pub(super) fn recognized(&mut self, path: &Path, layout: Option<Layout>) {
        let is_meant = self.dropped == [path];
        if let Some(layout) = layout.filter(|layout| is_meant && layout.must_ask(Role::InDomain)) {
            self.dropped.clear();
            self.ask(layout, None);
        }
    }

    /// Ask the library thread how what was dropped is laid out.
    pub(super) fn look_at_dropped(&mut self) {
        if let [path] = self.dropped.as_slice()
            && !self.taken_whole.contains(path)
        {
            let path = path.clone();
            self.outbox
                .push_back(Outgoing::Library(LibraryCommand::Recognize { path }));
        }
    }

    fn ask(&mut self, layout: Layout, role: Option<Role>) {
        self.proposals
            .retain(|known| known.layout.root != layout.root);
        self.proposals.push_back(Proposal {
            layout,
            role,
            is_changed: false,
        });
    }

    pub(super) fn perform_layout(&mut self, action: LayoutAction) {
        match action {
            LayoutAction::Assign(part, role) => {
                if let Some(proposal) = self.proposals.front_mut()
                    && let Some(part) = proposal.layout.parts.get_mut(part)
                {
                    part.role = role;
                    proposal.is_changed = true;
                }
            }
            LayoutAction::Add => {
                let Some(proposal) = self.proposals.pop_front() else {
                    return;
                };
                for (role, path) in proposal.layout.sources() {
                    let source = FolderSource::Path(path);
                    self.add_folder(FolderChoice { source, role });
                }
            }
            LayoutAction::AddWhole => {
                let Some(proposal) = self.proposals.pop_front() else {
                    return;
                };
                let path = proposal.layout.root;
                self.taken_whole.push(path.clone());
                match proposal.role {
                    Some(role) => self.add_path(path, role),
                    // Now the question is which role all of it has.
                    None => self.dropped = vec![path],
                }
            }
        }
    }
}
