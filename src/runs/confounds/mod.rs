//! What could tell the folders apart besides what is in the pictures: a score that follows it says little.
//!
//! Before a run the files are compared ([`differences_of_files`]); after it the score is compared with simple properties
//! of the images ([`confounds`]).

mod files;
mod scores;

pub use files::differences_of_files;
pub use scores::{Confound, Sample, Simple, confounds};
