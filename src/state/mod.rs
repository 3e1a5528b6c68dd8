//! What the window shows, as data: settings that are kept, the session that is not, and the actions that change it.
//!
//! Knows the messages of the worker, but no window: nothing here may name egui. Every change comes in as an
//! [`Action`], an event of the worker or a tick of the clock, so that all of it can be tested without a window.

pub mod action;
pub mod analysis;
pub mod arrangement;
pub mod commands;
pub mod comparing;
pub mod confounds;
pub mod deciding;
pub mod decision;
pub mod difference;
pub mod events;
pub mod folders;
pub mod gallery;
pub mod keep_action;
pub mod look;
pub mod look_action;
pub mod looking;
pub mod lpips_maps;
pub mod marking;
pub mod model;
pub mod notices;
pub mod opening;
mod partial;
pub mod perform;
pub mod plotting;
pub mod preview;
pub mod recent;
pub mod refresh;
pub mod resuming;
pub mod run;
pub mod saving;
pub mod scrubbing;
pub mod session;
pub mod settings;
pub mod text;
pub mod trial;

pub use action::{Action, Shortcut};
pub use analysis::Analysis;
pub use arrangement::{GalleryOrder, GalleryView, ScoreRange, VerdictFilter};
pub use deciding::Deciding;
pub use decision::{Decision, DecisionSettings, Way};
pub use folders::{Folder, FolderId, ScanState};
pub use gallery::Gallery;
pub use keep_action::KeepAction;
pub use look::{ColorMap, Compare, DifferenceKind, LookSettings, View};
pub use look_action::{LookAction, Move, Overlay, Part};
pub use marking::Mark;
pub use model::ModelState;
pub use notices::{NoticeId, Notices};
pub use run::{Phase, RunState};
pub use session::{Outgoing, Session};
pub use settings::{FolderChoice, FolderSource, Settings, ThemeChoice};
