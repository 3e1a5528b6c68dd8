//! Bicubic resizing as PyTorch's `interpolate(mode="bicubic")`: half-pixel centers, cubic convolution with a = -0.75, the
//! border repeated, nothing averaged when shrinking.
//!
//! Pillow's and torchvision's `BICUBIC` have a = -0.5 and average when they shrink: their results differ.

/// Sharpness of the kernel.
const A: f64 = -0.75;

/// The four values of a line that one of the result is made of.
struct Taps {
    places: [usize; 4],
    weights: [f32; 4],
}

/// A square plane of `from` times `from` values as one of `to` times `to`; values may leave the range of the given ones.
pub fn resize_bicubic(plane: &[f32], from: usize, to: usize) -> Vec<f32> {
    let taps: Vec<Taps> = (0..to).map(|at| Taps::new(at, from, to)).collect();
    let rows: Vec<f32> = (plane.chunks_exact(from))
        .flat_map(|row| taps.iter().map(|taps| taps.sum(|place| row[place])))
        .collect();
    let mut resized = Vec::with_capacity(to * to);
    for taps in &taps {
        resized.extend((0..to).map(|x| taps.sum(|place| rows[place * to + x])));
    }
    resized
}

impl Taps {
    fn new(at: usize, from: usize, to: usize) -> Self {
        let place = (at as f64 + 0.5) * from as f64 / to as f64 - 0.5;
        let (before, t) = (place.floor(), place - place.floor());
        let near = |x: f64| ((A + 2.0) * x - (A + 3.0)) * x * x + 1.0;
        let far = |x: f64| ((A * x - 5.0 * A) * x + 8.0 * A) * x - 4.0 * A;
        let weights = [far(t + 1.0), near(t), near(1.0 - t), far(2.0 - t)];
        let last = (from - 1) as f64;
        Self {
            places: [-1.0, 0.0, 1.0, 2.0].map(|tap| (before + tap).clamp(0.0, last) as usize),
            weights: weights.map(|weight| weight as f32),
        }
    }

    fn sum(&self, value: impl Fn(usize) -> f32) -> f32 {
        let pairs = self.places.iter().zip(&self.weights);
        pairs.map(|(&place, weight)| weight * value(place)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_pytorch() {
        // torch.nn.functional.interpolate(torch.tensor([[[[0., 1., 0.5], [0.25, 0.75, 1.], [0.1, 0.9, 0.3]]]]), N,
        // mode="bicubic") for N = 5 (its middle row) and 2.
        let plane = [0.0, 1.0, 0.5, 0.25, 0.75, 1.0, 0.1, 0.9, 0.3];
        let larger = resize_bicubic(&plane, 3, 5);
        let close = |got: &[f32], wanted: &[f32]| {
            for (got, wanted) in got.iter().zip(wanted) {
                assert!((got - wanted).abs() < 1e-6, "{got} {wanted}");
            }
        };
        close(&larger[10..15], &MIDDLE_ROW);
        close(&resize_bicubic(&plane, 3, 2), &SMALLER);
        close(&resize_bicubic(&plane, 3, 3), &plane);
    }

    const MIDDLE_ROW: [f32; 5] = [0.202, 0.426, 0.75, 0.939, 1.024];
    const SMALLER: [f32; 4] = [0.270_975_5, 0.736_706_6, 0.318_038_17, 0.587_622_05];
}
