//! The masks of a run, made again from its settings wherever they are needed.

use std::path::PathBuf;
use std::sync::Arc;

use crate::diffusion::noise::PhiloxStream;
use crate::images::decode::DecodeError;
use crate::images::prepare::load_mask_luma;
use crate::images::{ContentHash, Geometry};
use crate::ood::mask::MaskError;
use crate::ood::{KnownMask, MaskKind};

/// Why a run's masks can't be made.
#[derive(Debug, thiserror::Error)]
pub enum MasksError {
    #[error(transparent)]
    Mask(#[from] MaskError),
    /// The mask's file.
    #[error("the mask image can't be used: {source}: {}", path.display())]
    File {
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
    /// Those of even and odd attempts, where no draw decides: a long run has too many attempts for a mask each.
    shared: Option<[Arc<KnownMask>; 2]>,
}

impl Masks {
    /// Read the mask file, if that is the kind, and check that each attempt's mask can be made.
    pub fn new(
        kind: &MaskKind,
        grid: usize,
        geometry: Geometry,
        seed: u64,
    ) -> Result<Self, MasksError> {
        // A stored run keeps the grid that it was made with.
        let side = geometry.side;
        if kind.uses_grid() && grid > side {
            return Err(MaskError::TooFine { grid, side }.into());
        }
        let file_luma = match kind {
            MaskKind::File(path) => {
                load_mask_luma(path, geometry.side).map_err(|source| MasksError::File {
                    source,
                    path: path.clone(),
                })?
            }
            _ => Vec::new(),
        };
        Ok(Self::checked(kind, grid, geometry, seed, file_luma)?)
    }

    /// The masks of a stored run: no file is opened, `file_luma` is what was read of it when the run began
    /// (`side * side` values; empty for the other kinds).
    pub fn stored(
        kind: &MaskKind,
        grid: usize,
        geometry: Geometry,
        seed: u64,
        file_luma: Vec<u8>,
    ) -> Result<Self, MaskError> {
        Self::checked(kind, grid, geometry, seed, file_luma)
    }

    fn checked(
        kind: &MaskKind,
        grid: usize,
        geometry: Geometry,
        seed: u64,
        file_luma: Vec<u8>,
    ) -> Result<Self, MaskError> {
        let mut masks = Self {
            kind: kind.clone(),
            grid,
            side: geometry.side,
            seed,
            file_luma,
            shared: None,
        };
        let any = ContentHash([0; 32]);
        let pair = [masks.known_mask(&any, 0)?, masks.known_mask(&any, 1)?];
        if !masks.are_drawn() {
            masks.shared = Some(pair);
        }
        Ok(masks)
    }

    /// Whether each image and attempt has a mask of its own.
    pub fn are_drawn(&self) -> bool {
        self.kind == MaskKind::RandomPatch
    }

    /// Values that drawing one takes.
    pub fn work(&self) -> usize {
        (self.side * self.side).max(self.grid * self.grid)
    }

    /// The mask file's pixels at the model's size, row by row; empty for the other kinds.
    pub fn file_luma(&self) -> &[u8] {
        &self.file_luma
    }

    /// The mask of one attempt on one image; one allocation for all attempts that look alike.
    pub fn known_mask(
        &self,
        content: &ContentHash,
        attempt: usize,
    ) -> Result<Arc<KnownMask>, MaskError> {
        if let Some(shared) = &self.shared {
            return Ok(Arc::clone(&shared[attempt % 2]));
        }
        let draw = PhiloxStream::new(self.seed, content, attempt).mask_draws();
        KnownMask::new(
            &self.kind,
            self.grid,
            self.side,
            attempt,
            draw,
            &self.file_luma,
        )
        .map(Arc::new)
    }
}
