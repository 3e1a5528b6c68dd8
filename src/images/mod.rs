//! Images: the sources they come from, decoding within limits, preparing their pixels.
//!
//! Knows nothing of networks, runs or windows.

mod bicubic;
pub mod decode;
pub mod duplicates;
pub mod file;
pub mod guard;
pub mod input;
pub mod layouts;
pub mod natural;
pub mod pixels;
pub mod places;
pub mod prepare;
mod resample;
pub mod samples;
pub mod sources;
pub mod statistics;
pub mod typed_path;
pub mod write;

pub use bicubic::resize_bicubic;
pub use decode::{DecodeError, Decoded};
pub use file::{ContentHash, ImageFile, NativeInfo};
pub use pixels::{Geometry, Picture, Pixels};
pub use prepare::ResizeMode;
pub use sources::{ListError, Listing};
pub use statistics::ImageStatistics;
