//! All measures that the program knows, and the one place where attempts become a score.

use std::sync::Arc;

use crate::networks::distances::{DISTANCES, Distance, LPIPS, MSE, SSIM};
use crate::ood::{Aggregate, Measure, MeasureId, Values, measure};

/// The measures that are shown first, the preferred one first; the others follow in the order of files.
const PREFERENCE: [MeasureId; 3] = [LPIPS, SSIM, MSE];

/// A measure by its name; `None` for one that this program does not know.
pub fn find(id: MeasureId) -> Option<&'static Measure> {
    DISTANCES
        .iter()
        .map(|distance| distance.measure())
        .find(|measure| measure.id == id)
}

/// A measure's name for people; that in files where this program does not know it.
pub fn label(id: &MeasureId) -> &str {
    find(*id).map_or_else(|| id.name(), |measure| measure.label)
}

/// A measure's column in tables; its name where this program does not know it.
pub fn column(id: &MeasureId) -> &str {
    find(*id).map_or_else(|| id.name(), |measure| measure.column)
}

/// The distances that a run over images of this many pixels a side measures, in the order of files, where `asked` is the one
/// that scores are shown by.
pub fn of_run(side: usize, asked: MeasureId) -> Vec<&'static dyn Distance> {
    DISTANCES
        .iter()
        .copied()
        .filter(|distance| distance.smallest_side() <= side)
        .filter(|distance| distance.is_always_measured() || distance.measure().id == asked)
        .collect()
}

/// The names of [`of_run`].
pub fn ids_of_run(side: usize, asked: MeasureId) -> Arc<[MeasureId]> {
    of_run(side, asked)
        .iter()
        .map(|distance| distance.measure().id)
        .collect()
}

/// All measures that a user can choose for images of this many pixels a side, in the order in which they are shown.
pub fn choices(side: usize) -> Vec<MeasureId> {
    let fitting = DISTANCES
        .iter()
        .filter(|distance| distance.smallest_side() <= side);
    let ids: Vec<MeasureId> = fitting.map(|distance| distance.measure().id).collect();
    in_order_of_preference(&ids)
}

/// Measures in the order in which they are shown.
pub fn in_order_of_preference(ids: &[MeasureId]) -> Vec<MeasureId> {
    let preferred = PREFERENCE.iter().filter(|id| ids.contains(id));
    let others = ids.iter().filter(|id| !PREFERENCE.contains(id));
    preferred.chain(others).copied().collect()
}

/// The measure to show where the one that was asked for is not among a run's, with the sentence that says why.
pub fn instead_of(asked: MeasureId, side: usize) -> Option<(MeasureId, String)> {
    let distance = DISTANCES
        .iter()
        .find(|distance| distance.measure().id == asked)?;
    let smallest = distance.smallest_side();
    if side >= smallest {
        return None;
    }
    let usual = PREFERENCE.into_iter().find(|&id| {
        let fits = |distance: &&&dyn Distance| {
            distance.measure().id == id && distance.smallest_side() <= side
        };
        DISTANCES.iter().any(|distance| fits(&distance))
    })?;
    let reason = format!(
        "{} needs images of at least {smallest}x{smallest} pixels and the model's are {side}x{side}: scores are by {}",
        label(&asked),
        label(&usual)
    );
    Some((usual, reason))
}

/// The score of an image by a measure, from all its attempts so far; `None` where it has none, see
/// [`measure::aggregate`]. Higher is more out of domain.
pub fn score<'a>(
    attempts: impl IntoIterator<Item = &'a Values> + Clone,
    id: MeasureId,
    by: Aggregate,
) -> Option<f64> {
    match find(id).and_then(|measure| measure.combine) {
        None => measure::aggregate(attempts, id, by),
        Some(combine) => combine(&|part| measure::aggregate(attempts.clone(), part, by))
            .filter(|s| s.is_finite()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_measures_what_its_images_are_large_enough_for() {
        assert_eq!(*ids_of_run(32, LPIPS), [MSE, SSIM, LPIPS]);
        assert_eq!(*ids_of_run(31, LPIPS), [MSE, SSIM, LPIPS]);
        assert_eq!(*ids_of_run(30, LPIPS), [MSE, SSIM]);
        assert_eq!(*ids_of_run(6, MSE), [MSE]);
    }

    #[test]
    fn a_measure_that_images_are_too_small_for_is_replaced_with_a_reason() {
        assert_eq!(instead_of(LPIPS, 31), None);
        let (id, reason) = instead_of(LPIPS, 28).unwrap();
        assert_eq!(id, SSIM);
        assert!(
            reason.contains("31x31") && reason.contains("28x28"),
            "{reason}"
        );
        assert_eq!(instead_of(SSIM, 6).unwrap().0, MSE);
    }

    #[test]
    fn measures_have_names_of_their_own() {
        let ids: Vec<MeasureId> = DISTANCES.iter().map(|d| d.measure().id).collect();
        for (index, id) in ids.iter().enumerate() {
            assert!(!ids[..index].contains(id), "{id} twice");
        }
        assert_eq!(in_order_of_preference(&ids)[..3], PREFERENCE);
    }
}
