//! Images: the sources they come from, decoding within limits, preparing their pixels.
//!
//! Knows nothing of networks, runs or windows.

pub mod decode;
pub mod file;
pub mod input;
pub mod measures;
mod natural;
pub mod pixels;
pub mod prepare;
pub mod repeats;
mod resample;
pub mod samples;
pub mod sources;
pub mod typed_path;
pub mod write;

pub use decode::{DecodeError, Decoded};
pub use file::{ContentHash, ImageFile, NativeInfo};
pub use measures::Measures;
pub use pixels::{Geometry, Picture, Pixels};
pub use prepare::Fit;
pub use sources::{ListError, Listing};
