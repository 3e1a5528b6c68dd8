//! The product that weight gradients are made of: both operands read as they lie, without packing.

use super::super::vector::{PANEL, Vector};

/// `c[i][p * 16 + j] += sum over k of a[k][i] * b[k][p * 16 + j]` for `rows` rows and `panels` panels.
#[derive(Clone, Copy, Debug)]
pub struct TnArgs {
    /// Columns of `a`, rows of `c`.
    pub rows: usize,
    /// Rows of `a` and `b`.
    pub depth: usize,
    /// Panels of `b` and `c`.
    pub panels: usize,
    /// First row.
    pub a: *const f32,
    /// Distance between rows of `a`.
    pub a_stride: usize,
    /// First row; whole panels are read.
    pub b: *const f32,
    /// Distance between rows of `b`.
    pub b_stride: usize,
    /// First row; whole panels are added to.
    pub c: *mut f32,
    /// Distance between rows of `c`.
    pub c_stride: usize,
}

/// The product, by register tiles of up to `ROWS` rows and `P` registers, or twice as many where a panel is one
/// register: a broadcast then serves two multiply-adds.
///
/// Each value is one chain of multiply-adds over k in ascending order, added to `c` at its end: bits do not depend on
/// how rows are grouped.
///
/// # Safety
/// `a`, `b` and `c` must cover what [`TnArgs`] says, `P * V::LANES == PANEL`, and `V`'s features must be enabled in
/// the caller.
#[inline(always)]
pub unsafe fn gemm_tn<V: Vector, const ROWS: usize, const P: usize>(args: &TnArgs) {
    const { assert!(P * V::LANES == PANEL, "a panel is P registers") };
    let groups = args.rows.div_ceil(ROWS);
    let mut panel = 0;
    while panel < args.panels {
        let double = P == 1 && panel + 1 < args.panels;
        for group in 0..groups {
            let first = group * args.rows / groups;
            let count = (group + 1) * args.rows / groups - first;
            // SAFETY: `first + count <= rows`, and the one or two panels exist.
            unsafe {
                let a = args.a.add(first);
                let b = args.b.add(panel * PANEL);
                let c = args.c.add(first * args.c_stride + panel * PANEL);
                macro_rules! tile {
                    ($($rows:literal)*) => {
                        match count {
                            $($rows if $rows <= ROWS => if double {
                                tile::<V, $rows, 2>(args, a, b, c);
                            } else {
                                tile::<V, $rows, P>(args, a, b, c);
                            },)*
                            _ => unreachable!("at most {ROWS} rows a group"),
                        }
                    };
                }
                tile!(1 2 3 4 5 6 7 8 9 10 11 12);
            }
        }
        panel += 1 + usize::from(double);
    }
}

/// One register tile.
///
/// # Safety
/// As [`gemm_tn`]: `R` columns of `a`, `R` rows of `c`, `P` registers of `b`.
#[inline(always)]
unsafe fn tile<V: Vector, const R: usize, const P: usize>(
    args: &TnArgs,
    a: *const f32,
    b: *const f32,
    c: *mut f32,
) {
    // SAFETY: the caller's promise covers `depth` rows of `R` and of `P * LANES` values, and `R` rows of `c`.
    unsafe {
        let mut sums = [[V::splat(0.0); P]; R];
        for k in 0..args.depth {
            let (a, b) = (a.add(k * args.a_stride), b.add(k * args.b_stride));
            let mut right = [V::splat(0.0); P];
            for (j, right) in right.iter_mut().enumerate() {
                *right = V::load(b.add(j * V::LANES));
            }
            for (i, row) in sums.iter_mut().enumerate() {
                let left = V::splat(*a.add(i));
                for (sum, right) in row.iter_mut().zip(right) {
                    *sum = left.mul_add(right, *sum);
                }
            }
        }
        for (i, row) in sums.iter().enumerate() {
            for (j, sum) in row.iter().enumerate() {
                let to = c.add(i * args.c_stride + j * V::LANES);
                V::load(to).add(*sum).store(to);
            }
        }
    }
}
