//! Gaussian mixtures with full covariances by expectation maximization, in f64 and in a fixed order of sums: the same images
//! and the same seed give the same bits.
//!
//! As scikit-learn's `GaussianMixture` has it: k-means first, 1e-6 on each variance, and an end where the mean log likelihood
//! moves by less than 1e-3.

use serde::{Deserialize, Serialize};

use super::normal::Normal;
use crate::ood::random::SplitMix64;

/// Added to each variance of a component: keeps one of few rows, or of a constant feature, from collapsing.
const FLOOR: f64 = 1e-6;
const TOLERANCE: f64 = 1e-3;
const MOST_ITERATIONS: usize = 100;
/// Begun from as many seeds of k-means, of which the likeliest end is taken.
const NUM_STARTS: usize = 3;
const NUM_FOLDS: usize = 10;

/// A component of a mixture.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weighted {
    /// All sum up to 1.
    pub weight: f64,
    pub normal: Normal,
}

/// What expectation maximization ended with.
struct Ended {
    components: Vec<Weighted>,
    /// Before the last step, of all rows.
    mean_log_likelihood: f64,
}

/// 1 to `most` components, as many as ten-fold cross-validation finds likeliest; `None` where not even one can be computed.
pub fn fit(rows: &[Vec<f64>], most: usize, seed: u64) -> Option<Vec<Weighted>> {
    let num_components = match most {
        1 => 1,
        most => {
            let likelihood = |count: usize| held_out_likelihood(rows, count, seed);
            let all = (1..=most).map(|count| (count, likelihood(count)));
            // The first of equals: the fewest components.
            let best = all.reduce(|best, it| if it.1 > best.1 { it } else { best });
            best.map_or(1, |(count, _)| count)
        }
    };
    likeliest(rows, num_components, seed)
}

/// Mean over the folds of the mean log likelihood of rows that a fit has not seen.
fn held_out_likelihood(rows: &[Vec<f64>], num_components: usize, seed: u64) -> f64 {
    let order = shuffled(rows.len(), seed);
    let folds = (0..NUM_FOLDS).map(|fold| {
        let (mut held_out, mut others) = (Vec::new(), Vec::new());
        for (position, row) in order.iter().enumerate() {
            let is_held_out = position % NUM_FOLDS == fold;
            let side = if is_held_out {
                &mut held_out
            } else {
                &mut others
            };
            side.push(rows[*row].clone());
        }
        if held_out.is_empty() {
            return 0.0; // Fewer rows than folds.
        }
        let fitted = likeliest(&others, num_components, seed);
        fitted.map_or(f64::NEG_INFINITY, |it| mean_log_likelihood(&it, &held_out))
    });
    folds.sum::<f64>() / NUM_FOLDS as f64
}

/// The likeliest of several starts.
fn likeliest(rows: &[Vec<f64>], num_components: usize, seed: u64) -> Option<Vec<Weighted>> {
    let num_starts = if num_components == 1 { 1 } else { NUM_STARTS };
    let mut random = SplitMix64::new(seed);
    let starts = (0..num_starts).map(|_| {
        let clusters = clusters(rows, num_components, &mut random);
        let shares: Vec<Vec<f64>> = (clusters.iter())
            .map(|mine| {
                (0..num_components)
                    .map(|it| f64::from(it == *mine))
                    .collect()
            })
            .collect();
        expectation_maximization(rows, maximized(rows, &shares)?)
    });
    let best = starts.flatten().reduce(|best, it| {
        if it.mean_log_likelihood > best.mean_log_likelihood {
            it
        } else {
            best
        }
    });
    best.map(|ended| ended.components)
}

fn expectation_maximization(rows: &[Vec<f64>], start: Vec<Weighted>) -> Option<Ended> {
    let mut ended = Ended {
        components: start,
        mean_log_likelihood: f64::NEG_INFINITY,
    };
    for _ in 0..MOST_ITERATIONS {
        let (shares, logs): (Vec<Vec<f64>>, Vec<f64>) = rows
            .iter()
            .map(|row| shares(&ended.components, row))
            .unzip();
        let before = ended.mean_log_likelihood;
        ended = Ended {
            components: maximized(rows, &shares)?,
            mean_log_likelihood: logs.iter().sum::<f64>() / rows.len() as f64,
        };
        if (ended.mean_log_likelihood - before).abs() < TOLERANCE {
            break;
        }
    }
    Some(ended)
}

/// How much of a row is each component's, and the logarithm of the density there.
fn shares(components: &[Weighted], row: &[f64]) -> (Vec<f64>, f64) {
    let logs: Vec<f64> = (components.iter())
        .map(|it| it.weight.ln() + it.normal.log_density(row))
        .collect();
    let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logs.iter().map(|log| (log - highest).exp()).sum();
    let total = highest + sum.ln();
    (logs.iter().map(|log| (log - total).exp()).collect(), total)
}

/// Natural logarithm of a mixture's density at a vector.
pub fn log_density(components: &[Weighted], vector: &[f64]) -> f64 {
    shares(components, vector).1
}

fn mean_log_likelihood(components: &[Weighted], rows: &[Vec<f64>]) -> f64 {
    let logs = rows.iter().map(|row| log_density(components, row));
    logs.sum::<f64>() / rows.len() as f64
}

/// The components that are likeliest where each row belongs to them by these shares.
fn maximized(rows: &[Vec<f64>], shares: &[Vec<f64>]) -> Option<Vec<Weighted>> {
    let len = rows.first()?.len();
    let components = (0..shares.first()?.len()).map(|component| {
        let shares = || shares.iter().map(|shares| shares[component]);
        let count = shares().sum::<f64>() + 10.0 * f64::EPSILON;
        let mut mean = vec![0.0; len];
        for (row, share) in rows.iter().zip(shares()) {
            for (mean, value) in mean.iter_mut().zip(row) {
                *mean += share * value / count;
            }
        }
        let mut covariance = vec![0.0; len * len];
        for (row, share) in rows.iter().zip(shares()) {
            let offsets: Vec<f64> = row.iter().zip(&mean).map(|(x, mean)| x - mean).collect();
            add_products(&mut covariance, &offsets, share / count);
        }
        for variance in covariance.iter_mut().step_by(len + 1) {
            *variance += FLOOR;
        }
        Some(Weighted {
            weight: count / rows.len() as f64,
            normal: Normal::new(mean, &covariance)?,
        })
    });
    components.collect()
}

/// Add the products of a vector's values, times a factor, to the lower triangle of a square matrix.
pub fn add_products(matrix: &mut [f64], vector: &[f64], factor: f64) {
    for (index, row) in matrix.chunks_exact_mut(vector.len()).enumerate() {
        let scaled = factor * vector[index];
        for (slot, other) in row[..=index].iter_mut().zip(vector) {
            *slot += scaled * other;
        }
    }
}

/// The cluster of each row by k-means from centers that are drawn far apart (k-means++).
fn clusters(rows: &[Vec<f64>], num_clusters: usize, random: &mut SplitMix64) -> Vec<usize> {
    let mut centers: Vec<Vec<f64>> = vec![rows[random.below(rows.len())].clone()];
    while centers.len() < num_clusters {
        let squares: Vec<f64> = rows.iter().map(|row| nearest(&centers, row).1).collect();
        let drawn = uniform(random) * squares.iter().sum::<f64>();
        let mut sum = 0.0;
        let next = squares.iter().position(|square| {
            sum += square;
            sum > drawn
        });
        centers.push(rows[next.unwrap_or(rows.len() - 1)].clone());
    }
    let mut found: Vec<usize> = Vec::new();
    for _ in 0..MOST_ITERATIONS {
        let now: Vec<usize> = rows.iter().map(|row| nearest(&centers, row).0).collect();
        if now == found {
            break;
        }
        for (cluster, center) in centers.iter_mut().enumerate() {
            let members = || rows.iter().zip(&now).filter(|(_, of)| **of == cluster);
            let count = members().count() as f64;
            if count > 0.0 {
                center.fill(0.0);
                for (row, _) in members() {
                    for (center, value) in center.iter_mut().zip(row) {
                        *center += value / count;
                    }
                }
            }
        }
        found = now;
    }
    found
}

/// The nearest of some centers, and the square of the distance to it.
fn nearest(centers: &[Vec<f64>], row: &[f64]) -> (usize, f64) {
    let squares = centers.iter().map(|center| {
        let offsets = center.iter().zip(row).map(|(a, b)| a - b);
        offsets.map(|offset| offset * offset).sum::<f64>()
    });
    let best = squares.enumerate().min_by(|(_, a), (_, b)| a.total_cmp(b));
    best.unwrap_or((0, 0.0))
}

/// From 0 up to, but without, 1.
fn uniform(random: &mut SplitMix64) -> f64 {
    (random.next_bits() >> 11) as f64 / (1_u64 << 53) as f64
}

/// The numbers below `len` in an order by the seed (Fisher and Yates).
fn shuffled(len: usize, seed: u64) -> Vec<usize> {
    let mut random = SplitMix64::new(seed);
    let mut order: Vec<usize> = (0..len).collect();
    for last in (1..len).rev() {
        order.swap(last, random.below(last + 1));
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::fitted::density::{center_and_scale, standardize};
    use crate::detectors::fitted::testing::{assert_near, assert_rows_near, inverse};
    use crate::detectors::reference::Reference;

    /// scikit-learn's mixtures of the calibration features of MSMA and of `DiffPath`, from the same starts.
    #[test]
    fn expectation_maximization_goes_from_the_references_start_to_its_end() {
        let reference = Reference::read("density.safetensors");
        for (name, len) in [("msma", 10), ("diffpath", 6)] {
            let values = |part: &str| reference.values(&format!("{name}_{part}"));
            let rows = |part: &str| reference.rows(&format!("{name}_{part}"));
            let calibration: Vec<Vec<f64>> = (rows("calibration").iter())
                .map(|row| row[..len].to_vec())
                .collect();
            let (center, scale) = center_and_scale(&calibration);
            assert_rows_near(
                &[center.clone(), scale.clone()],
                &[values("gmm.center"), values("gmm.scale")],
                1e-4,
            );
            let standardized: Vec<Vec<f64>> = (calibration.iter())
                .map(|row| standardize(row, &center, &scale))
                .collect();
            let start: Vec<Weighted> = (values("gmm.weights_init").into_iter())
                .zip(rows("gmm.means_init"))
                .zip(rows("gmm.precisions_init"))
                .map(|((weight, mean), precision)| Weighted {
                    weight,
                    normal: Normal::new(mean, &inverse(&precision, len)).unwrap(),
                })
                .collect();
            let ended = expectation_maximization(&standardized, start).unwrap();
            let weights: Vec<f64> = ended.components.iter().map(|it| it.weight).collect();
            let means: Vec<Vec<f64>> = (ended.components.iter())
                .map(|it| it.normal.mean().to_vec())
                .collect();
            assert_rows_near(&[weights], &[values("gmm.weights")], 1e-4);
            assert_rows_near(&means, &rows("gmm.means"), 1e-4);
            for (component, covariance) in ended.components.iter().zip(rows("gmm.covariances")) {
                let expected = Normal::new(component.normal.mean().to_vec(), &covariance).unwrap();
                let x = vec![1.0; len];
                let (found, expected) =
                    (component.normal.log_density(&x), expected.log_density(&x));
                assert_near(found, expected, 1e-4);
            }
            let found = mean_log_likelihood(&ended.components, &standardized);
            assert_near(found, values("mean_log_likelihood")[0], 1e-4);
            for (features, expected) in rows("features").iter().zip(values("scores")) {
                let features = standardize(&features[..len], &center, &scale);
                assert_near(-log_density(&ended.components, &features), expected, 1e-4);
            }
        }
    }

    /// Rows around `centers`, in turn.
    fn around(centers: &[f64], num_rows: usize) -> Vec<Vec<f64>> {
        let mut random = SplitMix64::new(5);
        // Twelve uniform numbers less 6 are about normal.
        let mut normal = || (0..12).map(|_| uniform(&mut random)).sum::<f64>() - 6.0;
        (0..num_rows)
            .map(|row| {
                let center = centers[row % centers.len()];
                vec![center + normal(), normal()]
            })
            .collect()
    }

    #[test]
    fn there_are_as_many_components_as_clusters_whatever_the_seed() {
        for seed in 0..3 {
            for centers in [&[0.0][..], &[-20.0, 20.0], &[-40.0, 0.0, 40.0]] {
                let found = fit(&around(centers, 150), 3, seed).unwrap();
                let mut means: Vec<f64> = found.iter().map(|it| it.normal.mean()[0]).collect();
                means.sort_by(f64::total_cmp);
                assert_eq!(means.len(), centers.len(), "{means:?}");
                for (mean, center) in means.iter().zip(centers) {
                    assert!((mean - center).abs() < 1.0, "{means:?} {centers:?}");
                }
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_bits() {
        let rows = around(&[-1.0, 1.0], 60);
        assert_eq!(fit(&rows, 3, 7), fit(&rows, 3, 7));
        assert_ne!(shuffled(60, 7), shuffled(60, 8));
        let mut sorted = shuffled(60, 7);
        sorted.sort_unstable();
        assert!(sorted.into_iter().eq(0..60), "each once");
    }
}
