//! What the window shows, as data: settings that are kept, the session that is not, and the actions that change it.
//!
//! Knows the messages of the worker, but no window: nothing here may name egui. Every change comes in as an
//! [`Action`], an event of the worker or a tick of the clock, so that all of it can be tested without a window.
//! All that belongs to the run on the screen is one value, [`Shown`], which goes when another run takes its place.

pub mod about;
pub mod actions;
pub mod arrangement;
pub mod comparing;
pub mod converting;
pub mod deciding;
pub mod decision;
pub mod detector;
pub mod events;
pub mod exporting;
mod fit_files;
pub mod fitting;
pub mod folders;
pub mod glossary;
pub mod guide;
pub mod layouts;
pub mod look;
pub mod looking;
pub mod marks;
pub mod model;
pub mod notices;
pub mod opening;
pub mod outbox;
pub mod panels;
pub mod parking;
mod partial;
pub mod perform;
pub mod plotting;
pub mod presenting;
pub mod preview;
pub mod ranking;
pub mod recent;
pub mod refresh;
pub mod renaming;
pub mod resuming;
pub mod saving;
pub mod session;
pub mod settings;
pub mod shown;
pub mod text;
pub mod training;
mod twins;
pub mod undo;
pub mod weights;

pub use actions::{Action, KeepAction, LookAction, Overlay, Part, Shortcut, UiCommand};
pub use arrangement::{
    Alike, GalleryOrder, GalleryView, MarkFilter, ScoreRange, VerdictColumn, VerdictFilter,
    VerdictOrder,
};
pub use decision::{Decision, DecisionSettings, Way};
pub use fitting::FitForm;
pub use folders::{Folder, FolderId, ScanState};
pub use layouts::{LayoutAction, Proposal};
pub use look::{ColorMap, Compare, DifferenceKind, LookSettings, View};
pub use model::{ModelProblem, ModelState};
pub use notices::{NoticeId, Notices};
pub use outbox::{Outbox, Outgoing};
pub use panels::{Center, PanelSettings, ResultsPage};
pub use session::Session;
pub use settings::{FolderChoice, FolderSource, RecentModel, Settings, ThemeChoice};
pub use shown::Shown;
pub use shown::analysis::Analysis;
pub use shown::deciding::Deciding;
pub use shown::gallery::Gallery;
pub use shown::marking::Mark;
pub use shown::run::{Phase, RunState};
pub use training::{TrainAction, TrainingForm, TrainingPhase, TrainingRun, TrainingState};
