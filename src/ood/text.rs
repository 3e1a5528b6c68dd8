//! Rates as people write them.

/// A rate in percent without needless digits, e.g. `5 %`, `0.1 %`.
pub fn percent(rate: f64) -> String {
    format!("{} %", (rate * 1e8).round() / 1e6)
}

/// A measured rate in percent with one decimal, two below 1 %, e.g. `97.5 %`, `0.12 %`.
pub fn measured(rate: f64) -> String {
    let percent = 100.0 * rate;
    if percent > 0.0 && percent < 1.0 {
        format!("{percent:.2} %")
    } else {
        format!("{percent:.1} %")
    }
}
