//! The values of an attempt as a run file keeps them: one little-endian `f64` per measure, so that a later measure needs
//! no new column.

use crate::ood::Distances;

/// The measures in the order of their values; a manifest carries this list.
pub(super) const MEASURES: [&str; 3] = ["mse", "ssim", "lpips"];

/// As a run file keeps them. A value that is not defined is NaN, with one bit pattern, and there is a single zero: equal
/// values have equal bytes.
pub(super) fn from_distances(distances: &Distances) -> Vec<u8> {
    let Distances { mse, ssim, lpips } = *distances;
    [mse, ssim, lpips]
        .into_iter()
        .flat_map(|value| {
            let value = if value.is_nan() {
                f64::NAN
            } else {
                value + 0.0
            };
            value.to_le_bytes()
        })
        .collect()
}

/// `None` where there is not one value per measure.
pub(super) fn to_distances(bytes: &[u8]) -> Option<Distances> {
    let (values, rest) = bytes.as_chunks::<8>();
    let &[mse, ssim, lpips] = values else {
        return None;
    };
    rest.is_empty().then(|| Distances {
        mse: f64::from_le_bytes(mse),
        ssim: f64::from_le_bytes(ssim),
        lpips: f64::from_le_bytes(lpips),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_have_one_form_each() {
        let bytes = |mse, ssim, lpips| from_distances(&Distances { mse, ssim, lpips });
        let whole = bytes(0.25, -0.0, -f64::NAN);
        assert_eq!(whole.len(), 8 * MEASURES.len());
        assert_eq!(whole[..8], [0, 0, 0, 0, 0, 0, 0xD0, 0x3F]);
        assert_eq!(whole[8..16], [0; 8]);
        assert_eq!(whole[16..], [0, 0, 0, 0, 0, 0, 0xF8, 0x7F]);
        let distances = to_distances(&whole).unwrap();
        assert_eq!((distances.mse, distances.ssim), (0.25, 0.0));
        assert!(distances.lpips.is_nan());
        for length in [0, 8, 16, 23, 25, 32] {
            assert!(to_distances(&vec![0; length]).is_none(), "{length} bytes");
        }
    }
}
