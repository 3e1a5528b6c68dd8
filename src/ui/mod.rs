//! The window: egui panels over [`crate::state::Session`].
//!
//! Nothing here reads a file, decodes a picture or runs a network: that is asked of the background threads, which
//! answer with events and wake the window. Panels only push [`crate::state::Action`]s; [`app::App`] performs them.

pub mod app;
pub mod backend;
pub mod bench;
mod clipboard;
pub mod colormap;
pub mod focus;
pub mod keys;
pub mod layout;
pub mod panels;
mod quiet;
pub mod start;
pub mod textures;
pub mod theme;
pub mod thumbnails;
pub mod widgets;

pub use app::App;
pub use backend::{Backend, Lost};
pub use start::{Options, UiError, run};
