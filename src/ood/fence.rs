//! Values far above the others of their set, by Tukey's fence (Tukey 1977, "Exploratory Data Analysis").

use super::auroc::interpolated;

/// Quartiles of fewer values say nothing.
pub const FEWEST: usize = 8;

/// The share of values above the upper quartile by more than 1.5 times the distance of the quartiles; `None` for fewer than
/// [`FEWEST`] values, or where one is not a number.
pub fn far_share(values: &[f64]) -> Option<f64> {
    if values.len() < FEWEST || values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let (lower, upper) = (interpolated(&sorted, 0.25), interpolated(&sorted, 0.75));
    let fence = upper + 1.5 * (upper - lower);
    let num_far = values.iter().filter(|value| **value > fence).count();
    Some(num_far as f64 / values.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_beyond_the_fence_are_counted() {
        // Quartiles 2.75 and 6.25: the fence stands at 11.5.
        let mut values: Vec<f64> = (1..=8).map(f64::from).collect();
        assert_eq!(far_share(&values), Some(0.0));
        values[7] = 11.4;
        assert_eq!(far_share(&values), Some(0.0));
        values[7] = 11.6;
        assert_eq!(far_share(&values), Some(0.125));
    }

    #[test]
    fn too_few_values_and_those_that_are_none_say_nothing() {
        assert_eq!(far_share(&[1.0; 7]), None);
        assert_eq!(far_share(&[f64::NAN; 9]), None);
        assert_eq!(far_share(&[1.0; 8]), Some(0.0));
    }
}
