//! Resampling by the filter [1, 3, 3, 1] along both axes, an output row at a time.

use super::context::{Context, scratch_of};
use super::source::Source;
pub use crate::networks::executors::lowered::Fir;

impl Fir {
    /// Filter a batch; the sizes of `source` are those before it.
    ///
    /// # Shapes
    /// `out` is (B, H / 2, W / 2, C) or (B, 2 H, 2 W, C).
    ///
    /// # Panics
    /// If `out` or the source is smaller than that.
    pub fn run(
        self,
        context: &mut Context<'_, '_>,
        source: &Source<'_>,
        batch: usize,
        out: &mut [f32],
    ) {
        let channels = source.channels();
        let (height, width) = (self.resized(source.height), self.resized(source.width));
        let row_len = width * channels;
        let stored_len = source.width * channels;
        let (table, scratches) = (context.table, context.scratches);
        let out = &mut out[..batch * height * row_len];
        context
            .pool
            .for_each_chunk(out, row_len, &|thread, index, to| {
                let (image, y) = (index / height, index % height);
                let scratch = &mut *scratch_of(scratches, thread);
                scratch.rows.grow(stored_len);
                scratch.output.grow(stored_len);
                let row = &mut scratch.rows.as_mut_slice()[..stored_len];
                let mixed = &mut scratch.output.as_mut_slice()[..stored_len];
                mixed.fill(0.0);
                for (stored_y, weight) in self.taps(y, source.height) {
                    source.write_rows(table, (image, stored_y), row);
                    add(mixed, row, weight);
                }
                for (x, to) in to.chunks_exact_mut(channels).enumerate() {
                    to.fill(0.0);
                    for (stored_x, weight) in self.taps(x, source.width) {
                        add(to, &mixed[stored_x * channels..][..channels], weight);
                    }
                }
            });
    }

    /// The places, of `len`, that an output along one axis is made of, and their weights.
    fn taps(self, index: usize, len: usize) -> impl Iterator<Item = (usize, f32)> {
        // Counted from one before the axis, where nothing is negative.
        let (first, weights): (_, &[f32]) = match (self, index % 2) {
            (Self::Down, _) => (2 * index, &[0.125, 0.375, 0.375, 0.125]),
            (Self::Up, 0) => (index / 2, &[0.25, 0.75]),
            (Self::Up, _) => (index / 2 + 1, &[0.75, 0.25]),
        };
        let taps = (first..).zip(weights);
        taps.filter(move |&(at, _)| (1..=len).contains(&at))
            .map(|(at, &weight)| (at - 1, weight))
    }
}

fn add(sums: &mut [f32], values: &[f32], weight: f32) {
    for (sum, value) in sums.iter_mut().zip(values) {
        *sum += weight * value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `upfirdn` along one axis as its definition has it: zeros between the values, zeros around them, the filter at every
    /// place, and every so many of its outputs.
    fn upfirdn(
        values: &[f32],
        up: usize,
        down: usize,
        pads: (usize, usize),
        gain: f32,
    ) -> Vec<f32> {
        let spread = (values.iter()).flat_map(|&value| {
            let mut all = vec![0.0; up];
            all[0] = value;
            all
        });
        let padded: Vec<f32> = [vec![0.0; pads.0], spread.collect(), vec![0.0; pads.1]].concat();
        let filter = [1.0, 3.0, 3.0, 1.0].map(|tap| tap / 8.0 * gain);
        let sums = padded
            .windows(4)
            .map(|window| window.iter().zip(filter).map(|(a, b)| a * b).sum());
        sums.step_by(down).collect()
    }

    #[test]
    fn taps_are_those_of_the_authors_filter() {
        let values = [3.0, -1.0, 4.0, 1.5, -9.0, 2.0];
        for (direction, expected) in [
            (Fir::Down, upfirdn(&values, 1, 2, (1, 1), 1.0)),
            (Fir::Up, upfirdn(&values, 2, 1, (2, 1), 2.0)),
        ] {
            let got: Vec<f32> = (0..expected.len())
                .map(|index| {
                    let taps = direction.taps(index, values.len());
                    taps.map(|(at, weight)| values[at] * weight).sum()
                })
                .collect();
            let len = match direction {
                Fir::Down => 3,
                Fir::Up => 12,
            };
            assert_eq!((got.len(), &got), (len, &expected), "{direction:?}");
        }
    }
}
