//! Which pixels the network may see (LMD, Section 3.2). 1 (`true`) = known, 0 = to inpaint.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// A kind of mask.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MaskKind {
    /// Checkerboard that keeps cell (0, 0) at attempt 0 and inverts at each further attempt.
    AlternatingCheckerboard,
    /// The same checkerboard at every attempt.
    Checkerboard,
    /// A square hole over the middle half of both axes.
    Center,
    /// Half of the cells, drawn again for each attempt.
    RandomPatch,
    /// A user's own mask image; white is known.
    File(PathBuf),
}

impl MaskKind {
    /// Whether the grid size matters to this kind.
    pub fn uses_grid(&self) -> bool {
        matches!(
            self,
            Self::AlternatingCheckerboard | Self::Checkerboard | Self::RandomPatch
        )
    }

    /// The picture of one's own, where it is one.
    pub fn file(&self) -> Option<&PathBuf> {
        match self {
            Self::File(path) => Some(path),
            _ => None,
        }
    }

    /// The same, to be changed.
    pub fn file_mut(&mut self) -> Option<&mut PathBuf> {
        match self {
            Self::File(path) => Some(path),
            _ => None,
        }
    }
}

impl fmt::Display for MaskKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AlternatingCheckerboard => f.write_str("alternating-checkerboard"),
            Self::Checkerboard => f.write_str("checkerboard"),
            Self::Center => f.write_str("center"),
            Self::RandomPatch => f.write_str("random-patch"),
            Self::File(path) => write!(f, "{}", path.display()),
        }
    }
}

/// Why a mask is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// A grid of no cells.
    #[error("the grid must have at least 1 cell a side, got 0")]
    EmptyGrid,
    /// Cells smaller than a pixel.
    #[error(
        "the grid of {grid} cells per side is finer than the model's {side} pixels; use at most {side}"
    )]
    TooFine {
        /// Cells per side.
        grid: usize,
        /// Pixels per side.
        side: usize,
    },
    /// Nothing to inpaint.
    #[error("the mask has no hole: with every pixel known there is nothing to inpaint")]
    NoHole,
    /// Nothing to go by.
    #[error(
        "the mask has no known pixel: with everything hidden nothing ties the result to the image"
    )]
    NothingKnown,
}

/// One mask at the model's size.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KnownMask {
    side: usize,
    known: Vec<bool>,
}

impl KnownMask {
    /// The mask of one attempt.
    ///
    /// `draw(n)` gives a uniform integer in [0, n); only [`MaskKind::RandomPatch`] calls it.
    /// `file_luma` is the mask image resized to `side`, row by row, values in 0..=255; only
    /// [`MaskKind::File`] reads it, and 128 and up are known.
    pub fn new(
        kind: &MaskKind,
        grid: usize,
        side: usize,
        attempt: usize,
        draw: impl FnMut(u32) -> u32,
        file_luma: &[u8],
    ) -> Result<Self, MaskError> {
        if grid == 0 && kind.uses_grid() {
            return Err(MaskError::EmptyGrid);
        }
        let known = match kind {
            MaskKind::AlternatingCheckerboard => checkerboard(grid, side, attempt % 2 == 1),
            MaskKind::Checkerboard => checkerboard(grid, side, false),
            MaskKind::Center => center(side),
            MaskKind::RandomPatch => random_patch(grid, side, draw),
            MaskKind::File(_) => file_luma.iter().map(|&luma| luma >= 128).collect(),
        };
        Self::from_known(side, known)
    }

    /// A mask from its pixels, row by row; `known` has `side * side` values.
    pub fn from_known(side: usize, known: Vec<bool>) -> Result<Self, MaskError> {
        assert_eq!(known.len(), side * side, "a mask has one value a pixel");
        if known.iter().all(|&is_known| is_known) {
            return Err(MaskError::NoHole);
        }
        if known.iter().all(|&is_known| !is_known) {
            return Err(MaskError::NothingKnown);
        }
        Ok(Self { side, known })
    }

    /// Width and height in pixels.
    pub fn side(&self) -> usize {
        self.side
    }

    /// Row by row, `true` = known.
    pub fn known(&self) -> &[bool] {
        &self.known
    }
}

/// The cell that pixel `index` of `side` falls into, of `grid` cells: `floor(index * grid / side)`.
fn cell(index: usize, grid: usize, side: usize) -> usize {
    index * grid / side
}

fn from_cells(grid: usize, side: usize, known: impl Fn(usize, usize) -> bool) -> Vec<bool> {
    (0..side * side)
        .map(|pixel| {
            known(
                cell(pixel / side, grid, side),
                cell(pixel % side, grid, side),
            )
        })
        .collect()
}

fn checkerboard(grid: usize, side: usize, inverted: bool) -> Vec<bool> {
    from_cells(grid, side, |row, column| {
        ((row + column) % 2 == 0) != inverted
    })
}

fn center(side: usize) -> Vec<bool> {
    let hole = side / 4..3 * side / 4;
    (0..side * side)
        .map(|pixel| !(hole.contains(&(pixel / side)) && hole.contains(&(pixel % side))))
        .collect()
}

/// `floor(grid^2 / 2)` holes by a partial Fisher-Yates shuffle of the cells.
fn random_patch(grid: usize, side: usize, mut draw: impl FnMut(u32) -> u32) -> Vec<bool> {
    let num_cells = grid * grid;
    let mut cells: Vec<usize> = (0..num_cells).collect();
    let num_holes = num_cells / 2;
    for position in 0..num_holes {
        let other = position + draw((num_cells - position) as u32) as usize;
        cells.swap(position, other);
    }
    let mut is_known = vec![true; num_cells];
    for &hole in &cells[..num_holes] {
        is_known[hole] = false;
    }
    from_cells(grid, side, |row, column| is_known[row * grid + column])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_patch_hides_half_of_the_cells_rounded_down() {
        let mut state = 1_u32;
        let mut draw = |bound: u32| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) % bound
        };
        for grid in [2, 3, 5, 8] {
            let side = grid * 4;
            let mask =
                KnownMask::new(&MaskKind::RandomPatch, grid, side, 0, &mut draw, &[]).unwrap();
            let holes = mask.known().iter().filter(|&&known| !known).count();
            assert_eq!(holes, grid * grid / 2 * 16, "grid {grid}");
        }
    }

    #[test]
    fn masks_that_hide_nothing_or_everything_are_refused() {
        let checkerboard = |grid, attempt| {
            KnownMask::new(
                &MaskKind::AlternatingCheckerboard,
                grid,
                8,
                attempt,
                |_| 0,
                &[],
            )
        };
        assert_eq!(checkerboard(0, 0), Err(MaskError::EmptyGrid));
        assert_eq!(checkerboard(1, 0), Err(MaskError::NoHole));
        assert_eq!(checkerboard(1, 1), Err(MaskError::NothingKnown));
        let black = KnownMask::new(&MaskKind::File(PathBuf::new()), 0, 2, 0, |_| 0, &[127; 4]);
        assert_eq!(black, Err(MaskError::NothingKnown));
    }
}
