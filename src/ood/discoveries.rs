//! Which of many images to follow up when each has a p-value.

/// What the procedure of Benjamini and Hochberg (J. R. Stat. Soc. B 57, 1995) says of a list of p-values.
///
/// Conformal p-values of different images share their calibration set; the procedure keeps its promise all the same
/// (Bates et al. 2023, <https://arxiv.org/abs/2104.08279>, Theorem 2).
#[derive(Clone, Debug, PartialEq)]
pub struct Discoveries {
    /// For each p-value the smallest false-discovery rate at which it is on the list ("q-value" or adjusted p-value).
    pub q_values: Vec<f64>,
    /// The false-discovery rate that was asked for.
    pub rate: f64,
}

impl Discoveries {
    /// Find the list for a false-discovery rate: the expected share of wrong ones among those on it is at most `rate`.
    pub fn new(p_values: &[f64], rate: f64) -> Self {
        let count = p_values.len();
        let mut order: Vec<usize> = (0..count).collect();
        order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
        let mut q_values = vec![1.0; count];
        let mut smallest = 1.0_f64;
        for (position, &index) in order.iter().enumerate().rev() {
            smallest = smallest.min(p_values[index] * count as f64 / (position + 1) as f64);
            q_values[index] = smallest;
        }
        Self { q_values, rate }
    }

    /// Whether an image is on the list.
    pub fn contains(&self, index: usize) -> bool {
        // 0.05 * 20 / 20 is not 0.05 in floating point; a tie belongs to the list.
        self.q_values[index] <= self.rate * (1.0 + 1e-12)
    }

    /// Length of the list.
    pub fn count(&self) -> usize {
        (0..self.q_values.len())
            .filter(|&index| self.contains(index))
            .count()
    }
}

/// How many of `num_images` must look stranger than every one of `num_calibration` images before any of them can be on
/// the list; `None` where even all of them would not be enough.
///
/// No conformal p-value is below 1 / (n + 1), and the k smallest of m are on the list if they are at most k q / m.
pub fn fewest_discoveries(num_images: usize, num_calibration: usize, rate: f64) -> Option<usize> {
    let smallest_p = 1.0 / (num_calibration + 1) as f64;
    let fewest = (num_images as f64 * smallest_p / rate * (1.0 - 1e-12)).ceil();
    (rate > 0.0 && num_images > 0 && fewest <= num_images as f64).then(|| (fewest as usize).max(1))
}

/// The calibration images that a single strange image among `num_images` needs to be on the list.
pub fn calibration_for_one(num_images: usize, rate: f64) -> usize {
    (num_images as f64 / rate * (1.0 - 1e-12)).ceil() as usize - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn too_few_calibration_images_are_told() {
        // 9 calibration images: no p-value is below 0.1.
        assert_eq!(fewest_discoveries(50, 9, 0.05), None);
        let all_strange = Discoveries::new(&[0.1; 50], 0.05);
        assert_eq!(all_strange.count(), 0);
        // 100 images, 199 calibration images: p is at least 0.005, so 10 at 5 % must be that strange.
        assert_eq!(fewest_discoveries(100, 199, 0.05), Some(10));
        for strange in [9, 10] {
            let mut p_values = vec![0.005; strange];
            p_values.resize(100, 0.9);
            let count = Discoveries::new(&p_values, 0.05).count();
            assert_eq!(count, if strange == 10 { 10 } else { 0 });
        }
        assert_eq!(calibration_for_one(100, 0.05), 1999);
        assert_eq!(fewest_discoveries(100, 1999, 0.05), Some(1));
        assert_eq!(fewest_discoveries(100, 1998, 0.05), Some(2));
    }
}
