//! Which image of a run is meant by a path.

use std::collections::BTreeSet;
use std::path::Path;

use crate::images::ContentHash;
use crate::images::decode::hash_file;
use crate::runs::RunImage;

/// The content of the one image that is meant: by its path as the run has it or the end of that, or by a file of its content,
/// wherever that is now.
pub fn content_of(path: &Path, images: &[RunImage]) -> Result<ContentHash, &'static str> {
    let of = |is_meant: &dyn Fn(&RunImage) -> bool| -> BTreeSet<ContentHash> {
        let meant = images.iter().filter(|image| is_meant(image));
        meant.map(|image| image.file.hash).collect()
    };
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let mut found = of(&|image| image.file.path == path || image.file.path == absolute);
    // A file that has moved is told by its content; a name that is there counts for what is in it by now.
    if found.is_empty()
        && let Ok(content) = hash_file(path)
    {
        found = of(&|image| image.file.hash == content);
    }
    if found.is_empty() {
        found = of(&|image| image.file.path.ends_with(path));
    }
    match (found.first(), found.len()) {
        (Some(content), 1) => Ok(*content),
        (None, _) => Err("no image of the run has this path or content"),
        _ => Err("several images of the run have a path that ends so; give more of it"),
    }
}
