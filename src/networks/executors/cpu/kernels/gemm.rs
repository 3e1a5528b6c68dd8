//! Matrix product with weights packed in panels of [`PANEL`] output channels.
//!
//! Each output value is one chain of multiply-adds over k in ascending order, whatever rows it is
//! computed with: bits do not depend on how rows are grouped.

use super::vector::{PANEL, Vector};

/// `c[i][p * 16 + j] = sum over k of a[i][k] * b[p][k][j]` for `rows` rows and `panels` panels.
#[derive(Clone, Copy, Debug)]
pub struct GemmArgs {
    /// Rows of `a` and `c`.
    pub rows: usize,
    /// Inner size.
    pub depth: usize,
    /// Panels of `b`.
    pub panels: usize,
    /// First row.
    pub a: *const f32,
    /// Distance between rows of `a`.
    pub a_stride: usize,
    /// Panels of `depth * 16` values, one after another.
    pub b: *const f32,
    /// First row of the output; whole panels are written.
    pub c: *mut f32,
    /// Distance between rows of `c`.
    pub c_stride: usize,
}

/// The product, by register tiles of up to `ROWS` rows and one panel of `P` registers.
///
/// # Safety
/// `a`, `b` and `c` must cover what [`GemmArgs`] says, `P * V::LANES == PANEL`, and `V`'s features must be
/// enabled in the caller.
#[inline(always)]
pub unsafe fn gemm<V: Vector, const ROWS: usize, const P: usize>(args: &GemmArgs) {
    const { assert!(P * V::LANES == PANEL, "a panel is P registers") };
    let groups = args.rows.div_ceil(ROWS);
    for panel in 0..args.panels {
        for group in 0..groups {
            // Even groups: a short last one would wait on the latency of its few accumulators.
            let first = group * args.rows / groups;
            let count = (group + 1) * args.rows / groups - first;
            // SAFETY: `first + count <= rows` and `panel < panels`.
            unsafe {
                let a = args.a.add(first * args.a_stride);
                let b = args.b.add(panel * args.depth * PANEL);
                let c = args.c.add(first * args.c_stride + panel * PANEL);
                macro_rules! tile {
                    ($($rows:literal)*) => {
                        match count {
                            $($rows if $rows <= ROWS => tile::<V, $rows, P>(args, a, b, c),)*
                            _ => unreachable!("at most {ROWS} rows a group"),
                        }
                    };
                }
                tile!(1 2 3 4 5 6 7 8 9 10 11 12);
            }
        }
    }
}

/// One register tile.
///
/// # Safety
/// As [`gemm`]: `R` rows of `a` and `c`, one panel of `b`.
#[inline(always)]
unsafe fn tile<V: Vector, const R: usize, const P: usize>(
    args: &GemmArgs,
    a: *const f32,
    b: *const f32,
    c: *mut f32,
) {
    // SAFETY: the caller's promise covers `R` rows of `depth` values and `depth` rows of the panel.
    unsafe {
        let mut sums = [[V::splat(0.0); P]; R];
        let mut b = b;
        for k in 0..args.depth {
            let mut weights = [V::splat(0.0); P];
            for (j, weight) in weights.iter_mut().enumerate() {
                *weight = V::load(b.add(j * V::LANES));
            }
            b = b.add(PANEL);
            for (i, row) in sums.iter_mut().enumerate() {
                let value = V::splat(*a.add(i * args.a_stride + k));
                for (sum, weight) in row.iter_mut().zip(weights) {
                    *sum = value.mul_add(weight, *sum);
                }
            }
        }
        for (i, row) in sums.iter().enumerate() {
            for (j, sum) in row.iter().enumerate() {
                sum.store(c.add(i * args.c_stride + j * V::LANES));
            }
        }
    }
}
