//! Rank correlation, and how far it or an area under a curve is from what chance gives.

/// Spearman's rank correlation in [-1, 1], ties sharing their mean rank; `None` for lists of different lengths, fewer
/// than two pairs, or where one side is the same everywhere.
pub fn spearman(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() {
        return None;
    }
    let mean = 0.5 * (a.len() as f64 - 1.0);
    let (a, b) = (ranks(a), ranks(b));
    let product = |x: &[f64], y: &[f64]| -> f64 {
        let pairs = x.iter().zip(y);
        pairs.map(|(x, y)| (x - mean) * (y - mean)).sum()
    };
    let scale = (product(&a, &a) * product(&b, &b)).sqrt();
    (scale > 0.0).then(|| product(&a, &b) / scale)
}

/// A rank correlation of `num_pairs` in units of its standard deviation where the two have nothing to do with each other:
/// 1 / sqrt(n - 1), with ties or without (Kendall, "Rank Correlation Methods", 1948).
pub fn spearman_z(rho: f64, num_pairs: usize) -> f64 {
    rho * (num_pairs as f64 - 1.0).max(0.0).sqrt()
}

/// The distance of an area under the ROC curve from a half in units of its standard deviation where the classes do not
/// differ (Mann and Whitney, 1947). Ties make the true deviation smaller, so that this is on the safe side.
pub fn auroc_z(auroc: f64, num_in: usize, num_out: usize) -> f64 {
    let (num_in, num_out) = (num_in as f64, num_out as f64);
    (auroc - 0.5) / ((num_in + num_out + 1.0) / (12.0 * num_in * num_out)).sqrt()
}

/// The place of each value from 0 in ascending order, ties sharing the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = start as f64 + 0.5 * (tied.len() as f64 - 1.0);
        for &index in tied {
            ranks[index] = rank;
        }
        start += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_correlates_with_what_does_not_vary() {
        assert_eq!(spearman(&[1.0, 2.0, 3.0], &[5.0; 3]), None);
        assert_eq!(spearman(&[1.0], &[2.0]), None);
        assert_eq!(spearman(&[1.0, 2.0], &[2.0]), None);
        assert_eq!(spearman(&[], &[]), None);
        assert_eq!(spearman(&[1.0, 2.0], &[-3.0, -7.0]), Some(-1.0));
    }
}
