//! Round numbers along the axes of plots.

use std::ops::RangeInclusive;

use egui_plot::{GridInput, GridMark};

/// Marks at round numbers, at most about `most` of them, and at whole numbers alone where `is_whole`.
pub fn round_marks(most: usize, is_whole: bool) -> impl Fn(GridInput) -> Vec<GridMark> {
    move |input| marks(input.bounds, most, is_whole)
}

/// A mark's number with as many decimals as tell it from its neighbors.
pub fn label(mark: GridMark, _shown: &RangeInclusive<f64>) -> String {
    let num_decimals = (-mark.step_size.log10().floor()).max(0.0) as usize;
    format!("{:.num_decimals$}", mark.value)
}

fn marks((min, max): (f64, f64), most: usize, is_whole: bool) -> Vec<GridMark> {
    let rough = (max - min) / most.max(1) as f64;
    if !rough.is_finite() || rough <= 0.0 {
        return Vec::new();
    }
    let power = 10_f64.powf(rough.log10().floor());
    let factor = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|factor| factor * power >= rough * (1.0 - 1e-9))
        .unwrap_or(10.0);
    let step_size = if is_whole {
        (factor * power).max(1.0)
    } else {
        factor * power
    };
    let (first, last) = ((min / step_size).ceil(), (max / step_size).floor());
    (0..=(last - first).max(0.0) as usize)
        .map(|index| GridMark {
            value: (first + index as f64) * step_size,
            step_size,
        })
        .filter(|mark| mark.value <= max)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(bounds: (f64, f64), most: usize, is_whole: bool) -> Vec<f64> {
        let marks = marks(bounds, most, is_whole);
        marks.iter().map(|mark| mark.value).collect()
    }

    #[test]
    fn marks_are_round_and_few() {
        assert_eq!(values((0.0, 9.7), 4, true), [0.0, 5.0]);
        assert_eq!(values((0.0, 1.08), 4, true), [0.0, 1.0]);
        assert_eq!(
            values((0.0, 200.0), 4, true),
            [0.0, 50.0, 100.0, 150.0, 200.0]
        );
        let scores = values((-0.003, 0.212), 5, false);
        assert_eq!(scores.len(), 5, "{scores:?}");
        assert!((scores[4] - 0.2).abs() < 1e-12, "{scores:?}");
        let fine = marks((0.0, 0.21), 5, false);
        let labels: Vec<String> = fine.iter().map(|&m| label(m, &(0.0..=1.0))).collect();
        assert_eq!(labels, ["0.00", "0.05", "0.10", "0.15", "0.20"]);
        assert_eq!(label(marks((0.0, 9.0), 4, true)[1], &(0.0..=9.0)), "5");
        assert!(values((0.1, 0.1), 4, false).is_empty());
        assert!(values((0.0, f64::NAN), 4, false).is_empty());
        assert_eq!(values((0.21, 0.24), 1, true), [] as [f64; 0]);
    }
}
