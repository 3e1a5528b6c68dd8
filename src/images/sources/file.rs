//! A single image file, or an image inside a source that is itself a file.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use super::listing::{self, ListError, Listing, Traits};
use super::{Source, Wanted};

pub(super) static SOURCE: Source = Source {
    name: "image file",
    has_roles: false,
    // What is neither of the others: that it is no image is said when it is read.
    is_one: |_| true,
    list,
    read_inside: None,
};

fn list(
    path: &Path,
    _wanted: Wanted,
    traits: &mut Traits,
    _progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    let file = listing::describe(path, traits).map_err(|reason| ListError::UnreadableFile {
        path: path.to_owned(),
        reason,
    })?;
    Ok(Listing {
        files: vec![Arc::new(file)],
        ..Listing::default()
    })
}
