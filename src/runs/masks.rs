//! The masks of a run, made again from its settings wherever they are needed.

use std::path::PathBuf;

use super::settings::RunSettings;
use crate::diffusion::noise::PhiloxStream;
use crate::images::decode::DecodeError;
use crate::images::prepare::load_mask_luma;
use crate::images::{ContentHash, Geometry};
use crate::ood::mask::MaskError;
use crate::ood::{KnownMask, MaskKind};

/// Why a run's masks can't be made.
#[derive(Debug, thiserror::Error)]
pub enum MasksError {
    /// The mask.
    #[error(transparent)]
    Mask(#[from] MaskError),
    /// The mask's file.
    #[error("the mask image can't be used: {source}: {}", path.display())]
    File {
        /// Why.
        source: DecodeError,
        /// Which.
        path: PathBuf,
    },
}

/// The masks of a run at the model's size.
#[derive(Clone, Debug)]
pub struct Masks {
    kind: MaskKind,
    grid: usize,
    side: usize,
    seed: u64,
    file_luma: Vec<u8>,
}

impl Masks {
    /// Read the mask file, if that is the kind, and check that each attempt's mask can be made.
    pub fn new(
        kind: &MaskKind,
        grid: usize,
        geometry: Geometry,
        seed: u64,
    ) -> Result<Self, MasksError> {
        let file_luma = match kind {
            MaskKind::File(path) => {
                load_mask_luma(path, geometry.side).map_err(|source| MasksError::File {
                    source,
                    path: path.clone(),
                })?
            }
            _ => Vec::new(),
        };
        let masks = Self {
            kind: kind.clone(),
            grid,
            side: geometry.side,
            seed,
            file_luma,
        };
        masks.check()?;
        Ok(masks)
    }

    /// The masks of a stored run: no file is opened, `file_luma` is what was read of it when the run began
    /// (`side * side` values; empty for the other kinds).
    pub fn stored(
        settings: &RunSettings,
        geometry: Geometry,
        file_luma: Vec<u8>,
    ) -> Result<Self, MaskError> {
        let masks = Self {
            kind: settings.mask.clone(),
            grid: settings.grid,
            side: geometry.side,
            seed: settings.seed,
            file_luma,
        };
        masks.check()?;
        Ok(masks)
    }

    fn check(&self) -> Result<(), MaskError> {
        (0..2).try_for_each(|attempt| self.known_mask(&ContentHash([0; 32]), attempt).map(|_| ()))
    }

    /// The mask file's pixels at the model's size, row by row; empty for the other kinds.
    pub fn file_luma(&self) -> &[u8] {
        &self.file_luma
    }

    /// The mask of one attempt on one image.
    pub fn known_mask(
        &self,
        content: &ContentHash,
        attempt: usize,
    ) -> Result<KnownMask, MaskError> {
        let draw = PhiloxStream::new(self.seed, content, attempt).mask_draws();
        KnownMask::new(
            &self.kind,
            self.grid,
            self.side,
            attempt,
            draw,
            &self.file_luma,
        )
    }
}
