//! Detectors: what is measured of an image, and how that becomes its score.

pub mod combined;
pub mod measures;
