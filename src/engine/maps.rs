//! Where pictures differ for a network: the spatial maps of LPIPS.

use std::sync::Arc;

use super::score::ScoreError;
use super::{Control, Engine};
use crate::detectors::lmd::Lmd;
use crate::detectors::measures;
use crate::diffusion::{DenoiseError, Interrupt as _};
use crate::images::Picture;
use crate::networks::distances::LPIPS;
use crate::networks::executors::DeviceChoice;
use crate::networks::lpips::map_between;

/// Which pictures to hold against each other.
#[derive(Clone, Debug)]
pub struct MapRequest {
    /// Where the network runs.
    pub device: DeviceChoice,
    /// Originals and reconstructions, square and of the same shape.
    pub pairs: Vec<(Picture, Picture)>,
}

/// For each pair the map, `side * side` values row by row, see [`map_between`].
///
/// # Errors
/// That the job was cancelled, that the pictures do not fit, or what the network says.
pub fn maps(
    engine: &mut Engine,
    request: &MapRequest,
    control: &Control,
) -> Result<Vec<Arc<[f32]>>, ScoreError> {
    let side = engine.info.geometry.side;
    let Some(perceptual) = &mut engine.executors.perceptual else {
        let reason = match measures::instead_of(&Lmd::default(), LPIPS, side) {
            Some((_, reason)) => reason,
            None => "this model was opened without LPIPS".to_owned(),
        };
        return Err(DenoiseError::Failed(reason).into());
    };
    let pairs = request.pairs.iter();
    pairs
        .map(|(original, other)| {
            control.check()?;
            Ok(map_between(&mut **perceptual, original, other)?.into())
        })
        .collect()
}
