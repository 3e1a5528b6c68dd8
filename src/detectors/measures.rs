//! All measures that the program knows, and the one place where attempts become a score.

use super::combined::COMBINED;
use super::settings::DetectorSettings;
use super::spec::MEASURES;
use crate::networks::distances::from_file::{FROM_FILE, from_file};
use crate::networks::distances::{DISTANCES, Distance, DistanceWeights, LPIPS, MSE, SSIM};
use crate::ood::{Aggregate, Measure, MeasureId, Values, measure};

/// The measures that are shown first, the preferred one first; the others follow in the order of files.
const PREFERENCE: [MeasureId; 3] = [LPIPS, SSIM, MSE];

/// A measure by its name; `None` for one that this program does not know.
pub fn find(id: MeasureId) -> Option<&'static Measure> {
    known().find(|measure| measure.id == id)
}

fn known() -> impl Iterator<Item = &'static Measure> {
    let measured = DISTANCES.iter().map(|distance| distance.measure());
    let from_files = FROM_FILE.iter().map(|def| &def.measure);
    let own = MEASURES.iter().copied().flatten();
    (measured.chain(from_files)).chain(COMBINED.iter().chain(own).copied())
}

/// All measures that this program knows, in the order in which they are shown.
pub fn all() -> Vec<MeasureId> {
    let ids: Vec<MeasureId> = known().map(|measure| measure.id).collect();
    in_order_of_preference(&ids)
}

/// What has to be measured for a measure: itself, or the parts of a combined one.
fn parts(id: MeasureId) -> Vec<MeasureId> {
    match find(id).and_then(|measure| measure.combination.as_ref()) {
        Some(combination) => combination.parts.to_vec(),
        None => vec![id],
    }
}

/// Width and height in pixels of the smallest images that a measure is defined for; 0 for one that this program does not know.
fn smallest_side(id: MeasureId) -> usize {
    let of_parts = parts(id).into_iter().filter_map(|part| {
        let mut distances = DISTANCES.iter();
        let distance = distances.find(|distance| distance.measure().id == part);
        let plain = distance.map(|distance| distance.smallest_side());
        plain.or_else(|| from_file(part).map(|def| (def.smallest_side)()))
    });
    of_parts.max().unwrap_or(0)
}

/// A measure's name for people; that in files where this program does not know it.
pub fn label(id: &MeasureId) -> &str {
    find(*id).map_or_else(|| id.name(), |measure| measure.label)
}

/// A measure's column in tables; its name where this program does not know it.
pub fn column(id: &MeasureId) -> &str {
    find(*id).map_or_else(|| id.name(), |measure| measure.column)
}

/// The distances that need no file and that a run over images of this many pixels per side measures, in the order of files,
/// where `asked` is the one that scores are shown by.
pub fn distances_of_run(side: usize, asked: MeasureId) -> Vec<&'static dyn Distance> {
    DISTANCES
        .iter()
        .copied()
        .filter(|distance| distance.smallest_side() <= side)
        .filter(|distance| {
            distance.is_always_measured() || parts(asked).contains(&distance.measure().id)
        })
        .collect()
}

/// The weights whose distances are defined for images of this many pixels per side, in the order of files.
pub fn weights_of_run(side: usize, weights: &[DistanceWeights]) -> Vec<&DistanceWeights> {
    (FROM_FILE.iter())
        .filter(|def| (def.smallest_side)() <= side)
        .filter_map(|def| weights.iter().find(|it| it.distance == def.measure.id))
        .collect()
}

/// All distances between images of this many pixels per side that need no file or have these weights, and what is combined of
/// them, in the order in which they are shown.
pub fn of_distances(side: usize, weights: &[DistanceWeights]) -> Vec<MeasureId> {
    let distances = DISTANCES.iter().map(|distance| distance.measure());
    let with_weights = weights.iter().filter_map(DistanceWeights::measure);
    let ids: Vec<MeasureId> = distances
        .chain(with_weights)
        .chain(COMBINED.iter().copied())
        .map(|measure| measure.id)
        .filter(|id| smallest_side(*id) <= side)
        .collect();
    in_order_of_preference(&ids)
}

/// What a run can be looked at by: all that was measured, and what is combined of that, in the order in which they are shown.
pub fn available(measured: &[MeasureId]) -> Vec<MeasureId> {
    let combined = COMBINED.iter().map(|measure| measure.id);
    let combined = combined.filter(|id| parts(*id).iter().all(|part| measured.contains(part)));
    let ids: Vec<MeasureId> = measured.iter().copied().chain(combined).collect();
    in_order_of_preference(&ids)
}

/// The measures that figures are given for, in the order in which they are shown: all that was measured, and a combined one
/// that was asked for.
pub fn shown(measured: &[MeasureId], asked: MeasureId) -> Vec<MeasureId> {
    let mut ids = in_order_of_preference(measured);
    if !ids.contains(&asked) && available(measured).contains(&asked) {
        ids.push(asked);
    }
    ids
}

/// Measures in the order in which they are shown.
pub fn in_order_of_preference(ids: &[MeasureId]) -> Vec<MeasureId> {
    let preferred = PREFERENCE.iter().filter(|id| ids.contains(id));
    let others = ids.iter().filter(|id| !PREFERENCE.contains(id));
    preferred.chain(others).copied().collect()
}

/// The measure to show where the one that was asked for is not among a detector's for images of this many pixels per side,
/// with the sentence that says why.
pub fn instead_of(
    detector: &dyn DetectorSettings,
    asked: MeasureId,
    side: usize,
) -> Option<(MeasureId, String)> {
    let choices = detector.choices(side);
    if choices.contains(&asked) {
        return None;
    }
    let usual = *choices.first()?;
    let smallest = smallest_side(asked);
    let reason = if smallest > side {
        format!(
            "{} needs images of at least {smallest}x{smallest} pixels and the model's are {side}x{side}",
            label(&asked)
        )
    } else if from_file(asked).is_some() {
        format!(
            "the weights of {} come from a file, and none was given",
            label(&asked)
        )
    } else {
        let parts: Vec<&str> = detector.labels();
        match parts.as_slice() {
            [alone] => format!("{alone} does not measure {}", label(&asked)),
            several => format!("none of {} measures {}", several.join(", "), label(&asked)),
        }
    };
    Some((usual, format!("{reason}: scores are by {}", label(&usual))))
}

/// The value of an attempt by a measure; NaN where it is not defined or was not measured.
pub fn value(values: &Values, id: MeasureId) -> f64 {
    match find(id).and_then(|measure| measure.combination.as_ref()) {
        None => values.of(id),
        Some(combination) => {
            let parts: Vec<f64> = combination
                .parts
                .iter()
                .map(|part| values.of(*part))
                .collect();
            if parts.iter().all(|value| value.is_finite()) {
                (combination.combine)(&parts)
            } else {
                f64::NAN
            }
        }
    }
}

/// Whether an attempt measured it, whatever came of that.
pub fn is_measured(values: &Values, id: MeasureId) -> bool {
    parts(id).into_iter().all(|part| values.get(part).is_some())
}

/// How many of these attempts measured it.
pub fn num_measured<'a>(attempts: impl IntoIterator<Item = &'a Values>, id: MeasureId) -> usize {
    let attempts = attempts.into_iter();
    attempts.filter(|values| is_measured(values, id)).count()
}

/// The score of an image by a measure, from all its attempts so far; `None` where it has none, see
/// [`measure::aggregate`]. Higher is more out of domain.
///
/// A combined measure is made of scores, each aggregated first: not of the attempts' combined values.
pub fn score<'a>(
    attempts: impl IntoIterator<Item = &'a Values, IntoIter: Clone>,
    id: MeasureId,
    by: Aggregate,
) -> Option<f64> {
    let attempts = attempts.into_iter();
    score_of_parts(id, |part| measure::aggregate(attempts.clone(), part, by))
}

/// The scores of an image after 1, 2, … attempts, each as by [`score`]; up to the last one that measured it.
pub fn scores_by_attempts<'a>(
    attempts: impl IntoIterator<Item = &'a Values, IntoIter: Clone>,
    id: MeasureId,
    by: Aggregate,
) -> Vec<Option<f64>> {
    let attempts = attempts.into_iter();
    // Each attempt is looked up once and not once for each number of attempts: they lie all over the memory.
    let columns: Vec<(MeasureId, Vec<Option<f64>>)> = (parts(id).into_iter())
        .map(|part| {
            (
                part,
                attempts.clone().map(|values| values.get(part)).collect(),
            )
        })
        .collect();
    let column = |id| columns.iter().find(|(part, _)| *part == id);
    let has_value = |count: &usize| {
        let mut columns = columns.iter();
        columns.all(|(_, values)| values[count - 1].is_some())
    };
    let num_attempts = columns.first().map_or(0, |(_, values)| values.len());
    // Attempts that did not measure it add nothing.
    let num_attempts = (1..=num_attempts).rev().find(has_value).unwrap_or(0);
    (1..=num_attempts)
        .map(|count| {
            score_of_parts(id, |part| {
                let (_, values) = column(part)?;
                measure::aggregate_values(values[..count].iter().copied().flatten(), by)
            })
        })
        .collect()
}

/// A score by a measure, from the scores by what it is made of.
fn score_of_parts(id: MeasureId, of: impl Fn(MeasureId) -> Option<f64>) -> Option<f64> {
    match find(id).and_then(|measure| measure.combination.as_ref()) {
        None => of(id),
        Some(combination) => {
            let parts = combination.parts.iter().map(|part| of(*part));
            let parts = parts.collect::<Option<Vec<f64>>>()?;
            Some((combination.combine)(&parts)).filter(|score| score.is_finite())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::combined::LOG_SUM;
    use crate::detectors::lmd::Lmd;
    use crate::detectors::one_call_norm::{NOISE_NORM, OneCallNorm};
    use crate::networks::distances::MAE;

    #[test]
    fn what_is_asked_for_is_measured_too() {
        let of_run = |asked| Lmd::default().measures(32, asked);
        assert_eq!(of_run(MAE), [MSE, SSIM, LPIPS, MAE]);
        assert_eq!(of_run(LOG_SUM), [MSE, SSIM, LPIPS]);
        assert_eq!(available(&[MSE, SSIM, LPIPS]), [LPIPS, SSIM, MSE, LOG_SUM]);
        assert_eq!(available(&[MSE, SSIM]), [SSIM, MSE]);
        assert_eq!(shown(&[MSE, SSIM, LPIPS], MSE), [LPIPS, SSIM, MSE]);
        assert_eq!(
            shown(&[MSE, SSIM, LPIPS], LOG_SUM),
            [LPIPS, SSIM, MSE, LOG_SUM]
        );
    }

    #[test]
    fn a_combined_score_is_made_of_medians_and_not_of_attempts() {
        let attempt = |mse: f64, ssim: f64, lpips: f64| -> Values {
            [(MSE, mse), (SSIM, ssim), (LPIPS, lpips)]
                .into_iter()
                .collect()
        };
        // The middle attempt differs from measure to measure.
        let attempts = [
            attempt(0.1, 0.5, 0.02),
            attempt(0.2, 0.3, 0.04),
            attempt(0.4, 0.4, 0.0),
        ];
        let expected = 0.2_f64.ln() + 0.4_f64.ln() + 0.02_f64.ln();
        let score = score(&attempts, LOG_SUM, Aggregate::Median).unwrap();
        assert!((score - expected).abs() < 1e-12, "{score} {expected}");
        for id in [LOG_SUM, MSE] {
            for by in [Aggregate::Median, Aggregate::Max] {
                let one_by_one: Vec<Option<f64>> = (1..=attempts.len())
                    .map(|count| super::score(&attempts[..count], id, by))
                    .collect();
                assert_eq!(scores_by_attempts(&attempts, id, by), one_by_one);
            }
        }
        // Of an attempt, its own; an exact reconstruction has a floor.
        let expected = 0.4_f64.ln() + 0.4_f64.ln() + 1e-12_f64.ln();
        assert!((value(&attempts[2], LOG_SUM) - expected).abs() < 1e-12);
        assert!(value(&attempt(0.1, f64::NAN, 0.1), LOG_SUM).is_nan());
        assert_eq!(value(&attempts[0], MSE), 0.1);
    }

    #[test]
    fn a_run_measures_what_its_images_are_large_enough_for() {
        let of_run = |side, asked| Lmd::default().measures(side, asked);
        assert_eq!(of_run(32, LPIPS), [MSE, SSIM, LPIPS]);
        assert_eq!(of_run(31, LPIPS), [MSE, SSIM, LPIPS]);
        assert_eq!(of_run(30, LPIPS), [MSE, SSIM]);
        assert_eq!(of_run(6, MSE), [MSE]);
    }

    #[test]
    fn a_measure_that_images_are_too_small_for_is_replaced_with_a_reason() {
        let lmd = Lmd::default();
        let instead_of = |asked, side| super::instead_of(&lmd, asked, side);
        assert_eq!(instead_of(LPIPS, 31), None);
        let (id, reason) = instead_of(LPIPS, 28).unwrap();
        assert_eq!(id, SSIM);
        assert!(
            reason.contains("31x31") && reason.contains("28x28"),
            "{reason}"
        );
        assert_eq!(instead_of(SSIM, 6).unwrap().0, MSE);
        assert_eq!(instead_of(LOG_SUM, 28).unwrap().0, SSIM, "it takes LPIPS");
        let (id, reason) = instead_of(NOISE_NORM, 32).unwrap();
        assert_eq!(id, LPIPS);
        assert!(
            reason.starts_with("LMD does not measure Noise norm"),
            "{reason}"
        );
        let (id, _) = super::instead_of(&OneCallNorm::default(), LPIPS, 32).unwrap();
        assert_eq!(id, NOISE_NORM);
    }

    #[test]
    fn measures_have_names_of_their_own() {
        let ids: Vec<MeasureId> = known().map(|measure| measure.id).collect();
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id), "{id} twice");
        }
        assert_eq!(in_order_of_preference(&ids)[..3], PREFERENCE);
    }
}
