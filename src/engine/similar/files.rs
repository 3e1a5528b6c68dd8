//! The same of image files, before a run has made pictures of them.

use super::{Looker, Similar, SimilarError, SimilarRequest};
use crate::diffusion::Interrupt as _;
use crate::engine::Control;
use crate::images::decode::decode_described;
use crate::images::prepare::prepare;
use crate::images::{Geometry, Picture, ResizeMode};
use crate::runs::RunImage;

/// What files are brought to: one shape for those of all sizes, in color or not.
const GEOMETRY: Geometry = Geometry {
    channels: 3,
    side: 64,
};

/// With more images it would take longer than a user waits for a run to begin; the run's own comparison finds them later.
pub const MOST_IMAGES: usize = 2000;

/// Whether to compare images before a run: they have two roles, and are not too many.
pub fn is_worth_it(images: &[RunImage]) -> bool {
    let first = images.first().map(|image| image.role);
    images.len() <= MOST_IMAGES && images.iter().any(|image| Some(image.role) != first)
}

/// That images of different roles are nearly the same picture, if any are; files that can't be read, or have changed, have no
/// part in it.
pub fn near_duplicates(
    images: &[RunImage],
    looker: &mut Looker,
    control: &Control,
) -> Result<Option<String>, SimilarError> {
    let mut pictures = Vec::with_capacity(images.len());
    for image in images {
        control.check()?;
        pictures.push(picture(image));
    }
    let request = SimilarRequest {
        pictures,
        known: None,
    };
    let similar = Similar::of(&request, looker, control, &mut |_| ())?;
    Ok(similar.two_roles(images).map(|found| found.to_string()))
}

fn picture(image: &RunImage) -> Option<Picture> {
    let decoded = decode_described(&image.file.path, &image.file.hash)
        .ok()
        .flatten()?;
    let pixels = prepare(&decoded, GEOMETRY, ResizeMode::Crop);
    Some(Picture::from_unit(GEOMETRY, &pixels.unit))
}
