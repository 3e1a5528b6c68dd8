//! What the network made of an image, as it is compared and shown.

/// A reconstruction.
pub(super) struct Reconstruction {
    /// (C, H, W) in [0, 1].
    pub(super) unit: Vec<f32>,
    /// Whether the network gave a finite number for each value. Clamping, and the maxima inside LPIPS, turn some of the
    /// others into plain numbers.
    pub(super) is_finite: bool,
}

impl Reconstruction {
    pub(super) fn new(state_signed: &[f32]) -> Self {
        Self {
            unit: (state_signed.iter())
                .map(|&signed| f32::midpoint(signed, 1.0).clamp(0.0, 1.0))
                .collect(),
            is_finite: state_signed.iter().all(|value| value.is_finite()),
        }
    }
}
