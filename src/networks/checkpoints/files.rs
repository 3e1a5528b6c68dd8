//! The files of one model, on disk or inside the binary.

use std::borrow::Cow;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::{Bundled, CheckpointError};
use crate::images::input::{self, InputError};

/// A model's folder.
pub(super) enum Files {
    /// A folder on disk.
    Disk {
        /// As the user wrote it, for messages.
        shown: PathBuf,
        /// Without links; files are read from here.
        real: PathBuf,
        /// Links may lead anywhere below this folder.
        boundary: PathBuf,
    },
    /// Those of a model inside the binary.
    Embedded(Bundled),
}

impl Files {
    /// Open a folder on disk; the folder itself may be a link.
    pub(super) fn open(shown: &Path) -> Result<Self, CheckpointError> {
        let real = fs::canonicalize(shown).map_err(|source| unreadable(source, shown))?;
        Ok(Self::Disk {
            shown: shown.to_path_buf(),
            boundary: boundary(&real),
            real,
        })
    }

    /// Where a file is, for messages.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        match self {
            // Joining nothing would add a separator.
            Self::Disk { shown, .. } if name.is_empty() => shown.clone(),
            Self::Disk { shown, .. } => shown.join(name),
            Self::Embedded(_) => Path::new("(bundled model)").join(name),
        }
    }

    /// The folder's own name.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Disk { real, .. } => real.file_name().map_or_else(
                || real.display().to_string(),
                |name| name.to_string_lossy().into_owned(),
            ),
            Self::Embedded(bundled) => bundled.folder().to_owned(),
        }
    }

    /// Whether there is something of this name.
    pub(super) fn has(&self, name: &str) -> bool {
        match self {
            Self::Disk { real, .. } => real.join(name).exists(),
            Self::Embedded(bundled) => bundled.dir().get_file(name).is_some(),
        }
    }

    /// All bytes of a file of at most `limit`, in memory: a file that is cut short while mapped would end the process.
    pub(super) fn read(
        &self,
        name: &str,
        limit: u64,
    ) -> Result<Cow<'static, [u8]>, CheckpointError> {
        match self {
            Self::Disk { .. } => {
                let path = self.real_file(name)?;
                input::read(&path, limit)
                    .map(Cow::Owned)
                    .map_err(|error| match error {
                        InputError::System(source) => unreadable(source, &self.path(name)),
                        source => CheckpointError::Unusable {
                            source,
                            path: self.path(name),
                        },
                    })
            }
            Self::Embedded(bundled) => bundled
                .dir()
                .get_file(name)
                .map(|file| Cow::Borrowed(file.contents()))
                .ok_or_else(|| CheckpointError::NotFound {
                    path: self.path(name),
                }),
        }
    }

    /// The plain file behind a name on disk, checked not to leave the folder.
    fn real_file(&self, name: &str) -> Result<PathBuf, CheckpointError> {
        let path = self.path(name);
        let Self::Disk { real, boundary, .. } = self else {
            return Err(CheckpointError::NotFound { path });
        };
        let target = fs::canonicalize(real.join(name)).map_err(|e| unreadable(e, &path))?;
        if !target.starts_with(boundary) {
            return Err(CheckpointError::OutsideFolder { path });
        }
        if !target.is_file() {
            return Err(CheckpointError::NotAFile { path });
        }
        Ok(target)
    }

    /// The first file with one of these extensions, by name.
    pub(super) fn first_with_extension(&self, extensions: &[&str]) -> Option<String> {
        let Self::Disk { real, .. } = self else {
            return None;
        };
        let mut names: Vec<String> = fs::read_dir(real)
            .ok()? // an unreadable folder is reported by the caller as one without config.json
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .filter(|name| {
                Path::new(name)
                    .extension()
                    .is_some_and(|extension| extensions.iter().any(|e| extension == *e))
            })
            .collect();
        names.sort();
        names.into_iter().next()
    }
}

/// The folder that links may not leave: the model's own. In a Hugging Face cache,
/// `models--NAME/snapshots/REVISION` holds links into `models--NAME/blobs`.
fn boundary(real: &Path) -> PathBuf {
    let cached = real.ancestors().find_map(|folder| {
        let above = folder.parent()?;
        let model = above.parent()?;
        let is_cache = above.file_name()? == "snapshots"
            && model.file_name()?.to_string_lossy().starts_with("models--");
        is_cache.then(|| model.to_path_buf())
    });
    cached.unwrap_or_else(|| real.to_path_buf())
}

/// The error for a path that could not be opened.
pub(super) fn unreadable(source: io::Error, path: &Path) -> CheckpointError {
    let path = path.to_path_buf();
    if source.kind() == io::ErrorKind::NotFound {
        CheckpointError::NotFound { path }
    } else {
        CheckpointError::Unreadable { source, path }
    }
}
