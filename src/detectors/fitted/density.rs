//! Densities of feature vectors, and how they are fitted.

use serde::{Deserialize, Serialize};

use super::mixture::{self, Weighted};
use super::normal::Normal;
use super::numbers::Numbers;
use crate::diffusion::Interrupted;

/// Added to each variance of a single Gaussian, as a share of their mean: keeps it definite with fewer images than features.
const RIDGE: f64 = 1e-3;

/// A mixture of normal densities over standardized features.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Density {
    /// Taken off each feature.
    center: Numbers,
    /// Divides each feature after that; above 0.
    scale: Numbers,
    /// At least one.
    components: Vec<Weighted>,
}

/// Why a density can't be fitted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DensityError {
    /// The user stopped it.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    #[error(
        "a fit takes at least {fewest} images of different content, got {got}; give more in-domain images"
    )]
    TooFew {
        /// The detector's smallest number.
        fewest: usize,
        got: usize,
    },
    /// A density of one point says nothing of others.
    #[error(
        "all {0} images have the same features, so that nothing tells how in-domain images differ; give in-domain images that \
         are not alike"
    )]
    AllAlike(usize),
    /// The floors keep covariances definite but where numbers differ by more than an f64 can hold.
    #[error(
        "the features of the {0} images have no density that can be computed: their sizes differ by too much"
    )]
    Singular(usize),
    #[error(
        "the autoencoder's training diverged in epoch {0}: its loss is not a finite number any more; fit with another --seed, or \
         on other in-domain images"
    )]
    Diverged(usize),
    #[error(
        "nothing that can be used was learned: {0}; fit with another --seed, or on other in-domain images"
    )]
    Failed(String),
}

impl Density {
    /// A Gaussian mixture of 1 to `most_components` components with full covariances on features that are standardized first;
    /// as many as ten-fold cross-validation finds likeliest, of those that leave `fewest` images to each.
    pub fn mixture(
        rows: &[Vec<f64>],
        (most_components, fewest): (usize, usize),
        seed: u64,
    ) -> Result<Self, DensityError> {
        check(rows, fewest)?;
        let (center, scale) = center_and_scale(rows);
        let standardized: Vec<Vec<f64>> = (rows.iter())
            .map(|row| standardize(row, &center, &scale))
            .collect();
        let most = (rows.len() / fewest.max(1)).clamp(1, most_components);
        let components =
            mixture::fit(&standardized, most, seed).ok_or(DensityError::Singular(rows.len()))?;
        Ok(Self {
            center: Numbers(center),
            scale: Numbers(scale),
            components,
        })
    }

    /// One Gaussian by mean and population covariance, with a thousandth of the mean variance added to the diagonal.
    pub fn gaussian(rows: &[Vec<f64>], fewest: usize) -> Result<Self, DensityError> {
        check(rows, fewest)?;
        let (mean, _) = center_and_scale(rows);
        let len = mean.len();
        let mut covariance = vec![0.0; len * len];
        for row in rows {
            let offsets: Vec<f64> = row.iter().zip(&mean).map(|(x, mean)| x - mean).collect();
            mixture::add_products(&mut covariance, &offsets, 1.0 / rows.len() as f64);
        }
        let trace: f64 = covariance.iter().step_by(len + 1).sum();
        for variance in covariance.iter_mut().step_by(len + 1) {
            *variance += RIDGE * trace / len as f64;
        }
        let normal = Normal::new(mean, &covariance).ok_or(DensityError::Singular(rows.len()))?;
        Ok(Self {
            center: Numbers(vec![0.0; len]),
            scale: Numbers(vec![1.0; len]),
            components: vec![Weighted {
                weight: 1.0,
                normal,
            }],
        })
    }

    /// Features that have nothing to do with each other, each by its mean and its standard deviation, with one image less
    /// than there are.
    pub fn independent(rows: &[Vec<f64>], fewest: usize) -> Result<Self, DensityError> {
        check(rows, fewest.max(2))?;
        let count = rows.len() as f64;
        let (center, scale) = center_and_scale(rows);
        let len = center.len();
        let mut identity = vec![0.0; len * len];
        identity
            .iter_mut()
            .step_by(len + 1)
            .for_each(|it| *it = 1.0);
        let normal =
            Normal::new(vec![0.0; len], &identity).ok_or(DensityError::Singular(rows.len()))?;
        let unbiased = (count / (count - 1.0)).sqrt();
        Ok(Self {
            center: Numbers(center),
            scale: Numbers(scale.into_iter().map(|scale| scale * unbiased).collect()),
            components: vec![Weighted {
                weight: 1.0,
                normal,
            }],
        })
    }

    /// How far features are from their means, in standard deviations.
    pub fn standardized(&self, features: &[f64]) -> Vec<f64> {
        standardize(features, &self.center.0, &self.scale.0)
    }

    /// Natural logarithm of the density at features, in units of the standardized ones.
    pub fn log_density(&self, features: &[f64]) -> f64 {
        let standardized = self.standardized(features);
        mixture::log_density(&self.components, &standardized)
    }

    /// The square of the Mahalanobis distance of features from the first component.
    pub fn distance_squared(&self, features: &[f64]) -> f64 {
        let standardized = self.standardized(features);
        let first = self.components.first();
        first.map_or(f64::NAN, |it| it.normal.distance_squared(&standardized))
    }

    pub fn num_features(&self) -> usize {
        self.center.0.len()
    }

    pub fn num_components(&self) -> usize {
        self.components.len()
    }

    /// What can't be meant, in the words of a sentence's end.
    pub fn problem(&self) -> Option<&'static str> {
        let len = self.num_features();
        let sizes = self.components.iter().map(|it| it.normal.num_dimensions());
        if len == 0 || self.components.is_empty() {
            return Some("there is no density");
        }
        if self.scale.0.len() != len || sizes.into_iter().any(|size| size != len) {
            return Some("its parts have different numbers of features");
        }
        let is_sound = |weight: f64| weight.is_finite() && weight > 0.0;
        let mut weights = self.components.iter().map(|it| it.weight);
        if !(weights.all(is_sound) && self.scale.0.iter().copied().all(is_sound)) {
            return Some("a weight or a scale is not above 0");
        }
        if !self.center.0.iter().all(|value| value.is_finite()) {
            return Some("a number is not finite");
        }
        self.components.iter().find_map(|it| it.normal.problem())
    }
}

pub(super) fn check(rows: &[Vec<f64>], fewest: usize) -> Result<(), DensityError> {
    if rows.len() < fewest.max(1) {
        return Err(DensityError::TooFew {
            fewest,
            got: rows.len(),
        });
    }
    if rows.iter().all(|row| *row == rows[0]) {
        return Err(DensityError::AllAlike(rows.len()));
    }
    Ok(())
}

/// Mean and population standard deviation of each feature; 1 for one that is constant.
pub(super) fn center_and_scale(rows: &[Vec<f64>]) -> (Vec<f64>, Vec<f64>) {
    let count = rows.len() as f64;
    let columns = 0..rows.first().map_or(0, Vec::len);
    columns
        .map(|column| {
            let values = || rows.iter().map(|row| row[column]);
            let mean = values().sum::<f64>() / count;
            let variance = values().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
            let is_constant = values().all(|value| value == rows[0][column]);
            (mean, if is_constant { 1.0 } else { variance.sqrt() })
        })
        .unzip()
}

pub(super) fn standardize(row: &[f64], center: &[f64], scale: &[f64]) -> Vec<f64> {
    let values = row.iter().zip(center.iter().zip(scale));
    values
        .map(|(value, (center, scale))| (value - center) / scale)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::fitted::testing::assert_near;

    #[test]
    fn a_gaussian_has_the_population_covariance_and_a_thousandth_of_its_trace() {
        let rows = [[0.0, 0.0], [2.0, 0.0], [0.0, 4.0], [2.0, 4.0]].map(|row| row.to_vec());
        let density = Density::gaussian(&rows, 4).unwrap();
        // Variances 1 and 4, of which the mean is 2.5; no correlation.
        let expected = 1.0 / 1.0025 + 9.0 / 4.0025;
        assert_near(density.distance_squared(&[2.0, 5.0]), expected, 1e-12);
        assert_eq!(density.distance_squared(&[1.0, 2.0]), 0.0);
        assert_eq!(density.problem(), None);
    }

    #[test]
    fn too_few_images_and_images_that_are_all_alike_are_refused() {
        let rows = vec![vec![1.0, 2.0]; 9];
        let refused = |fewest| {
            let single = Density::gaussian(&rows, fewest).unwrap_err();
            assert_eq!(Density::mixture(&rows, (3, fewest), 0).unwrap_err(), single);
            single.to_string()
        };
        assert!(
            refused(10).starts_with("a fit takes at least 10 images of different content, got 9")
        );
        assert!(refused(9).starts_with("all 9 images have the same features"));
    }

    /// The floor makes it defined: a feature that no in-domain image shows is a strong sign where it appears.
    #[test]
    fn a_constant_feature_leaves_the_density_defined() {
        let rows: Vec<Vec<f64>> = (0..40).map(|i| vec![f64::from(i % 7), 3.0]).collect();
        for density in [
            Density::gaussian(&rows, 2).unwrap(),
            Density::mixture(&rows, (3, 10), 0).unwrap(),
        ] {
            let usual = density.log_density(&[3.0, 3.0]);
            let strange = density.log_density(&[3.0, 4.0]);
            assert!(usual.is_finite() && strange.is_finite());
            assert!(strange < usual - 10.0, "{strange} {usual}");
        }
    }

    #[test]
    fn sizes_that_no_f64_holds_are_refused() {
        let rows = [vec![1e300, 0.0], vec![-1e300, 1.0], vec![1.0, 2.0]];
        let error = Density::gaussian(&rows, 2).unwrap_err();
        assert_eq!(error, DensityError::Singular(3));
    }

    #[test]
    fn damage_is_told() {
        let sound = Density::gaussian(&[vec![0.0, 1.0], vec![1.0, 0.0]], 2).unwrap();
        let damaged = |change: fn(&mut Density)| {
            let mut density = sound.clone();
            change(&mut density);
            density.problem().unwrap()
        };
        assert!(damaged(|it| it.components.clear()).contains("no density"));
        assert!(damaged(|it| it.scale.0.push(1.0)).contains("numbers of features"));
        assert!(damaged(|it| it.scale.0[0] = 0.0).contains("not above 0"));
        assert!(damaged(|it| it.components[0].weight = f64::NAN).contains("not above 0"));
        assert!(damaged(|it| it.center.0[0] = f64::INFINITY).contains("not finite"));
    }
}
