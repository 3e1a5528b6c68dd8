//! What archives of files have in common: which names in them are images' names, and the paths that they get.

use std::io;
use std::path::{Path, PathBuf};

use crate::images::input::InputError;

/// Most entries of an archive.
pub(super) const MOST_ENTRIES: usize = 1 << 20;

/// Whether a file or folder of the name is hidden; `.` and `..` are only names.
pub(super) fn is_hidden(name: &str) -> bool {
    name.split('/')
        .any(|part| part.starts_with('.') && part != "." && part != "..")
}

/// The path of an entry, `archive.zip/inner/name.png`, and whether its name can be told from it again, as reading the
/// image takes.
pub(super) fn path_in(archive: &Path, name: &str) -> (PathBuf, bool) {
    // Not joined: a name that begins with a slash would take the archive's place.
    let mut shown = archive.as_os_str().to_owned();
    shown.push("/");
    shown.push(name);
    let shown = PathBuf::from(shown);
    let told = shown.strip_prefix(archive);
    let is_told = told.is_ok_and(|told| told.as_os_str() == name);
    (shown, is_told)
}

/// Why an entry is no image whose name can't be told from its path.
pub(super) const NO_NAME: &str = "its name in the archive is not that of a file";

/// Why an entry can't be read that was there when the archive was listed.
pub(super) fn no_such_file() -> InputError {
    let says = "the archive holds no such file";
    InputError::System(io::Error::new(io::ErrorKind::NotFound, says))
}
