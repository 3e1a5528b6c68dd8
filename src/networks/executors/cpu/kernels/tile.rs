//! The tiles that Winograd's transforms cut images into, and what these make of a kernel.

use super::transform::{LARGE, SMALL};

/// Pixels a tile's side puts out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tile {
    /// F(2x2, 3x3).
    Two,
    /// F(4x4, 3x3) by the points ±1 and ±2.
    Four,
    /// F(4x4, 3x3) by the points ±5/8 and ±3/2: nearer to the exact sums, and other bits.
    FineFour,
}

impl Tile {
    /// Pixels out, a side.
    pub const fn size(self) -> usize {
        match self {
            Self::Two => 2,
            Self::Four | Self::FineFour => 4,
        }
    }

    /// Pixels in, a side.
    pub const fn input_size(self) -> usize {
        self.size() + 2
    }

    /// Products a tile.
    pub const fn num_matrices(self) -> usize {
        self.input_size() * self.input_size()
    }

    /// `G`: kernel taps to matrix coefficients.
    pub(super) const fn kernel_transform(self) -> &'static [[f64; 3]] {
        match self {
            Self::Two => &[
                [1.0, 0.0, 0.0],
                [0.5, 0.5, 0.5],
                [0.5, -0.5, 0.5],
                [0.0, 0.0, 1.0],
            ],
            Self::Four => &[
                [1.0 / 4.0, 0.0, 0.0],
                [-1.0 / 6.0, -1.0 / 6.0, -1.0 / 6.0],
                [-1.0 / 6.0, 1.0 / 6.0, -1.0 / 6.0],
                [1.0 / 24.0, 1.0 / 12.0, 1.0 / 6.0],
                [1.0 / 24.0, -1.0 / 12.0, 1.0 / 6.0],
                [0.0, 0.0, 1.0],
            ],
            Self::FineFour => const { &fine_kernel_transform() },
        }
    }
}

/// `G` of [`Tile::FineFour`]: a point's powers over the product of its distances to the other points.
const fn fine_kernel_transform() -> [[f64; 3]; 6] {
    let (a, b) = (SMALL as f64, LARGE as f64);
    let (a_2, b_2) = (a * a, b * b);
    let (at_a, at_b) = (2.0 * a_2 * (a_2 - b_2), 2.0 * b_2 * (b_2 - a_2));
    [
        [1.0 / (a_2 * b_2), 0.0, 0.0],
        [1.0 / at_a, a / at_a, a_2 / at_a],
        [1.0 / at_a, -a / at_a, a_2 / at_a],
        [1.0 / at_b, b / at_b, b_2 / at_b],
        [1.0 / at_b, -b / at_b, b_2 / at_b],
        [0.0, 0.0, 1.0],
    ]
}
