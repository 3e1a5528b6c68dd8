//! What the fuzz targets share, around the parts of the program that read strangers' files.
//!
//! The program's own modules are built here, not the whole program: most of what it depends on is for its window, which
//! reads these files through the same modules.

// As the program's crate is laid out, so that `crate::` means the same.
#[path = "../../src/detectors/mod.rs"]
pub mod detectors;
#[path = "../../src/diffusion/mod.rs"]
pub mod diffusion;
#[path = "../../src/images/mod.rs"]
pub mod images;
#[path = "../../src/networks/mod.rs"]
pub mod networks;
#[path = "../../src/ood/mod.rs"]
pub mod ood;
#[path = "../../src/runs/mod.rs"]
pub mod runs;

pub mod checks;
pub mod model;
pub mod rows;
pub mod small;
