//! Where pictures differ for a network: the spatial maps of LPIPS.

use std::sync::Arc;

use super::score::ScoreError;
use super::{Control, Engine};
use crate::detectors::lmd::Lmd;
use crate::detectors::measures;
use crate::diffusion::{DenoiseError, Interrupt as _};
use crate::images::{Geometry, Picture};
use crate::networks::distances::LPIPS;
use crate::networks::executors::DeviceChoice;
use crate::networks::lpips::spatial_map;

/// Which pictures to hold against each other.
#[derive(Clone, Debug)]
pub struct MapRequest {
    /// Where the network runs.
    pub device: DeviceChoice,
    /// Originals and reconstructions, square and of the same shape.
    pub pairs: Vec<(Picture, Picture)>,
}

/// For each pair the map, `side * side` values row by row, see [`spatial_map`].
///
/// Pictures hold 8 bits a value, so that a map's mean differs from the distance of the run by what rounding adds, and by
/// what [`spatial_map`] says.
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
            let geometry = geometry(original, other)?;
            let features = perceptual.features(geometry, &original.to_unit())?;
            let planes = perceptual.planes(geometry, &features, &other.to_unit())?;
            let planes = planes.first().map_or(&[][..], Vec::as_slice);
            Ok(spatial_map(planes, geometry.side).into())
        })
        .collect()
}

fn geometry(a: &Picture, b: &Picture) -> Result<Geometry, ScoreError> {
    let shape = |picture: &Picture| (picture.width, picture.height, picture.channels);
    if shape(a) == shape(b) && a.width == a.height {
        return Ok(Geometry {
            channels: a.channels,
            side: a.width,
        });
    }
    let message = format!(
        "LPIPS expects two square pictures of the same shape, got {:?} and {:?}",
        shape(a),
        shape(b)
    );
    Err(DenoiseError::Failed(message).into())
}
