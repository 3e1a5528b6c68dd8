//! The values of an attempt as a run file keeps them: one little-endian `f64` per measure, so that a later measure needs
//! no new column.

use std::sync::Arc;

use crate::networks::distances::{LPIPS, MSE, SSIM};
use crate::ood::{MeasureId, NOT_MEASURED, Values};

/// The measures of the first format, in the order of its columns.
pub(super) const FIRST: [MeasureId; 3] = [MSE, SSIM, LPIPS];

/// Most measures of a file that is believed.
const MOST: usize = 64;

/// As a run file keeps them, in the order of its measures. A value that is not defined is NaN, with one bit pattern, one that was
/// not measured [`NOT_MEASURED`], and there is a single zero: equal values have equal bytes.
pub(super) fn to_bytes(measures: &[MeasureId], values: &Values) -> Vec<u8> {
    let one_form = |value: Option<f64>| match value {
        None => NOT_MEASURED,
        Some(value) if value.is_nan() => f64::NAN,
        Some(value) => value + 0.0,
    };
    let values = measures
        .iter()
        .map(|&measure| one_form(values.get(measure)));
    values.flat_map(f64::to_le_bytes).collect()
}

/// `None` where there is not one value per measure.
pub(super) fn from_bytes(measures: &Arc<[MeasureId]>, bytes: &[u8]) -> Option<Values> {
    let (values, rest) = bytes.as_chunks::<8>();
    if values.len() != measures.len() || !rest.is_empty() {
        return None;
    }
    let values = values.iter().map(|&value| f64::from_le_bytes(value));
    Some(Values::new(measures, values.collect::<Vec<f64>>()))
}

/// Whether a list of measures may be one: a few, each once.
pub(super) fn is_plausible(measures: &[MeasureId]) -> bool {
    let is_new = |(index, id): (usize, &MeasureId)| !measures[..index].contains(id);
    (1..=MOST).contains(&measures.len()) && measures.iter().enumerate().all(is_new)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_one_form_each() {
        let ids: Arc<[MeasureId]> = Arc::from(FIRST);
        // In another order than the file's.
        let values: Values = [(LPIPS, -f64::NAN), (MSE, 0.25), (SSIM, -0.0)]
            .into_iter()
            .collect();
        let whole = to_bytes(&ids, &values);
        assert_eq!(whole.len(), 8 * ids.len());
        assert_eq!(whole[..8], [0, 0, 0, 0, 0, 0, 0xD0, 0x3F]);
        assert_eq!(whole[8..16], [0; 8]);
        assert_eq!(whole[16..], [0, 0, 0, 0, 0, 0, 0xF8, 0x7F]);
        let values = from_bytes(&ids, &whole).unwrap();
        assert_eq!((values.of(MSE), values.of(SSIM)), (0.25, 0.0));
        assert!(values.of(LPIPS).is_nan());
        for length in [0, 8, 16, 23, 25, 32] {
            assert!(
                from_bytes(&ids, &vec![0; length]).is_none(),
                "{length} bytes"
            );
        }
    }

    #[test]
    fn a_list_of_measures_has_each_once() {
        assert!(is_plausible(&FIRST));
        assert!(!is_plausible(&[]));
        assert!(!is_plausible(&[MSE, SSIM, MSE]));
    }
}
