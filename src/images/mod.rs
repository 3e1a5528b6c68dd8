//! Image files: finding them in folders, decoding them within limits, preparing their pixels.
//!
//! Knows nothing of networks, runs or windows.

pub mod decode;
pub mod file;
pub mod folder;
pub mod pixels;
pub mod prepare;

pub use file::{ContentHash, ImageFile};
pub use pixels::{Geometry, Picture, Pixels};
pub use prepare::Fit;
