//! A mask on an image before any run: what a run would see.

use std::path::PathBuf;
use std::sync::Arc;

use super::error_chain;
use crate::detectors::lmd::masks::Masks;
use crate::images::decode::decode_file;
use crate::images::prepare::prepare;
use crate::images::{ContentHash, Geometry, Picture, ResizeMode};
use crate::ood::{KnownMask, MaskKind};

/// A mask preview on one image.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewRequest {
    /// The sample image; `None` shows the mask alone.
    pub path: Option<PathBuf>,
    /// The model's shape.
    pub geometry: Geometry,
    /// How the picture is brought to the model's square.
    pub resize: ResizeMode,
    pub mask: MaskKind,
    /// Cells per side.
    pub grid: usize,
    /// Which attempt's mask.
    pub attempt: usize,
    /// The run seed (random patches depend on it).
    pub seed: u64,
}

/// The pictures of a mask preview.
#[derive(Clone, Debug)]
pub struct Preview {
    /// The prepared original.
    pub original: Option<Picture>,
    pub known_mask: KnownMask,
}

/// Read the image and make the mask.
///
/// # Errors
/// That either can't be read or made, a sentence.
pub fn preview(request: &PreviewRequest) -> Result<Preview, String> {
    let decoded = request
        .path
        .as_deref()
        .map(decode_file)
        .transpose()
        .map_err(|err| error_chain(&err))?;
    let masks = Masks::new(&request.mask, request.grid, request.geometry, request.seed)
        .map_err(|err| error_chain(&err))?;
    let content = decoded
        .as_ref()
        .map_or(ContentHash([0; 32]), |decoded| decoded.hash);
    Ok(Preview {
        original: decoded.map(|decoded| {
            let pixels = prepare(&decoded, request.geometry, request.resize);
            Picture::from_unit(request.geometry, &pixels.unit)
        }),
        known_mask: masks
            .known_mask(&content, request.attempt)
            .map(Arc::unwrap_or_clone)
            .map_err(|err| error_chain(&err))?,
    })
}
