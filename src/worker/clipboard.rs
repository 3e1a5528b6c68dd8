//! The system's clipboard: read and written away from the window, since another program answers for what is in it.
//!
//! On X11 what was copied is served while any clipboard of the program is open, and the window's own is.

use std::borrow::Cow;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arboard::{Clipboard, Error, ImageData};

use super::library::listed_picture;
use super::protocol::FolderListing;
use crate::engine::error_chain;
use crate::images::Picture;
use crate::images::sources::{self, Wanted};
use crate::images::typed_path::typed_path;
use crate::ood::Role;

const NOTHING: &str = "The clipboard holds neither a picture nor the path of one. \
                       Copy a picture, or a picture file, and paste again.";

/// List the picture in the clipboard: a copied file, a picture, or the path of one, whichever is there.
///
/// # Errors
/// A sentence that says what is there instead, or that there is no clipboard.
pub fn paste() -> Result<Arc<FolderListing>, String> {
    let mut clipboard = Clipboard::new().map_err(|error| unreachable(&error))?;
    let is_there = |error: &Error| !matches!(error, Error::ContentNotAvailable);
    match clipboard.get().file_list() {
        Ok(paths) => {
            if let Some(path) = paths.first() {
                return listed(path);
            }
        }
        Err(error) if is_there(&error) => log::debug!("no file list in the clipboard: {error}"),
        Err(_) => {}
    }
    match clipboard.get_image() {
        Ok(image) => return listed_picture(&over_white(&image), "pasted"),
        Err(Error::ConversionFailure) => {
            return Err("The picture in the clipboard could not be understood. \
                        Save it as a file and drop that on the window."
                .to_owned());
        }
        Err(error) if is_there(&error) => log::debug!("no picture in the clipboard: {error}"),
        Err(_) => {}
    }
    let text = clipboard.get_text().map_err(|error| {
        if is_there(&error) {
            unreachable(&error)
        } else {
            NOTHING.to_owned()
        }
    })?;
    let path = text.lines().next().and_then(typed_path);
    match path.filter(|path| path.exists()) {
        Some(path) => listed(&path),
        None => Err(NOTHING.to_owned()),
    }
}

/// Put a picture into the clipboard.
///
/// # Errors
/// A sentence.
pub fn copy(picture: &Picture) -> Result<(), String> {
    let rgba: Vec<u8> = picture
        .to_rgb()
        .chunks_exact(3)
        .flat_map(|rgb| [rgb[0], rgb[1], rgb[2], u8::MAX])
        .collect();
    let image = ImageData {
        width: picture.width,
        height: picture.height,
        bytes: Cow::Owned(rgba),
    };
    Clipboard::new()
        .and_then(|mut clipboard| clipboard.set_image(image))
        .map_err(|error| unreachable(&error))
}

fn unreachable(error: &Error) -> String {
    format!(
        "The clipboard of this desktop can't be reached ({}). \
         Drop picture files on the window, and export pictures to a folder.",
        error.to_string().trim_end_matches('.')
    )
}

fn listed(path: &Path) -> Result<Arc<FolderListing>, String> {
    let listing = sources::list(path, Wanted::all(), &mut |_| ControlFlow::Continue(()))
        .map_err(|err| error_chain(&err))?;
    Ok(Arc::new(FolderListing {
        path: PathBuf::from(path),
        role: Role::Unknown,
        files: listing.files,
        unreadable: listing.unreadable,
        notes: listing.notes,
    }))
}

/// The picture without transparency, as files are decoded.
fn over_white(image: &ImageData<'_>) -> Picture {
    let bytes = image
        .bytes
        .chunks_exact(4)
        .flat_map(|rgba| {
            let alpha = f32::from(rgba[3]) / 255.0;
            let over = |value: u8| f32::from(value) * alpha + 255.0 * (1.0 - alpha);
            [over(rgba[0]), over(rgba[1]), over(rgba[2])].map(|value| value.round() as u8)
        })
        .collect();
    Picture {
        width: image.width,
        height: image.height,
        channels: 3,
        bytes,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_transparent_becomes_white() {
        let image = ImageData {
            width: 3,
            height: 1,
            bytes: Cow::Borrowed(&[10, 20, 30, 255, 10, 20, 30, 0, 0, 0, 0, 51]),
        };
        let picture = over_white(&image);
        assert_eq!(
            &picture.bytes[..],
            [10, 20, 30, 255, 255, 255, 204, 204, 204]
        );
    }

    #[test]
    fn a_copied_path_is_listed_and_no_picture_is_said_with_its_path() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no picture.png");
        std::fs::write(&path, "text").unwrap();
        let reason = listed(&path).unwrap_err();
        assert!(reason.contains("not an image"), "{reason}");
        assert!(reason.contains("no picture.png"), "{reason}");
    }
}
