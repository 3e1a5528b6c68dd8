//! The beta distribution: quantiles by bracketing, and beta-binomial probabilities.

use statrs::function::beta::{beta_reg, ln_beta};
use statrs::function::gamma::ln_gamma;

/// The `probability`-quantile of Beta(a, b), for `a`, `b` above 0.
///
/// Bisects the distribution function: the ready-made inverse (AS 109) loses digits in the tails, where the ends of
/// intervals lie.
pub fn quantile(a: f64, b: f64, probability: f64) -> f64 {
    if probability <= 0.0 {
        return 0.0;
    }
    if probability >= 1.0 {
        return 1.0;
    }
    let (mut low, mut high) = (0.0_f64, 1.0_f64);
    // 60 halvings reach the spacing of floats around the middle; small values gain from more.
    for _ in 0..80 {
        let middle = low.midpoint(high);
        if middle <= low || middle >= high {
            break;
        }
        if beta_reg(a, b, middle) < probability {
            low = middle;
        } else {
            high = middle;
        }
    }
    low.midpoint(high)
}

/// The probability of `hits` in `trials` when the chance of a hit follows Beta(a, b).
pub fn binomial_mass(a: f64, b: f64, trials: usize, hits: usize) -> f64 {
    let (n, k) = (trials as f64, hits as f64);
    let ln_choose = ln_gamma(n + 1.0) - ln_gamma(k + 1.0) - ln_gamma(n - k + 1.0);
    (ln_choose + ln_beta(k + a, n - k + b) - ln_beta(a, b)).exp()
}
