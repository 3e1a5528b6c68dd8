//! One p-value from several detectors' p-values of the same image.
//!
//! Detectors look at the same image, so their p-values vary together. Fisher's way assumes that they do not, and flags too
//! many in-domain images where they do; the other two hold: Simes' under the dependence that such scores have, Bonferroni's
//! under any.

/// How p-values are combined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Combining {
    /// By their product (Fisher 1932, Statistical Methods for Research Workers, section 21.1).
    Fisher,
    /// By the smallest of `k p_(i) / i` (Simes 1986, Biometrika 73).
    Simes,
    /// By the smallest, times their number.
    Bonferroni,
}

impl Combining {
    pub const ALL: [Self; 3] = [Self::Fisher, Self::Simes, Self::Bonferroni];

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Fisher => "Fisher",
            Self::Simes => "Simes",
            Self::Bonferroni => "Bonferroni",
        }
    }

    /// Combine p-values in (0, 1]; 1 for none.
    pub fn p_value(self, p_values: &[f64]) -> f64 {
        let count = p_values.len() as f64;
        match self {
            Self::Fisher => {
                // Twice this has a chi-squared distribution with 2k degrees of freedom, whose tail is a finite sum.
                let half: f64 = p_values.iter().map(|p| -p.ln()).sum();
                let mut term = 1.0;
                let mut sum = 0.0;
                for index in 0..p_values.len() {
                    sum += term;
                    term *= half / (index + 1) as f64;
                }
                if p_values.is_empty() {
                    1.0
                } else {
                    ((-half).exp() * sum).min(1.0)
                }
            }
            Self::Simes => {
                let mut sorted = p_values.to_vec();
                sorted.sort_by(f64::total_cmp);
                let ranked = sorted.iter().zip(1..);
                ranked
                    .map(|(p, rank)| p * count / f64::from(rank))
                    .fold(1.0, f64::min)
            }
            Self::Bonferroni => p_values.iter().map(|p| p * count).fold(1.0, f64::min),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn combined_values_are_those_of_scipy() {
        // scipy.stats.combine_pvalues(method="fisher"), min(false_discovery_control(p)), min(1, k min(p)).
        let few = [1.0 / 201.0; 4];
        for (p_values, expected) in [
            (&[0.04, 0.2, 0.5][..], [0.087_058_905_006, 0.12, 0.12]),
            (&[0.012, 0.01, 0.011], [1.401_509_476_1e-4, 0.012, 0.03]),
            (&[1.0, 1.0, 0.3], [0.878_624_418_331, 0.9, 0.9]),
            (
                &few,
                [1.126_186_445_04e-6, 4.975_124_378_1e-3, 1.990_049_751_2e-2],
            ),
            (&[], [1.0; 3]),
        ] {
            for (combining, expected) in Combining::ALL.into_iter().zip(expected) {
                let found = combining.p_value(p_values);
                let error = (found - expected).abs();
                assert!(
                    error < 1e-9 * expected,
                    "{combining:?} {p_values:?}: {found}"
                );
            }
        }
    }
}
