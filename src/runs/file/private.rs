//! A private folder for copies: a log is folded in there, never into the file that is read.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::FileError;

/// Removed when dropped.
pub(super) struct PrivateFolder {
    folder: PathBuf,
    /// The file that is copied.
    of: PathBuf,
}

impl PrivateFolder {
    /// In the system's folder for temporary files, for copies of the file `of`.
    pub fn new(of: &Path) -> Result<Self, FileError> {
        static NUM_MADE: AtomicU64 = AtomicU64::new(0);
        let unique = format!(
            "lmd-run-{}-{}-{}",
            std::process::id(),
            NUM_MADE.fetch_add(1, Ordering::Relaxed),
            jiff::Timestamp::now().as_nanosecond()
        );
        let private = Self {
            folder: std::env::temp_dir().join(unique),
            of: of.to_owned(),
        };
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        {
            use std::os::unix::fs::DirBuilderExt as _;
            builder.mode(0o700); // Pictures may be private.
        }
        match builder.create(&private.folder) {
            Ok(()) => Ok(private),
            Err(source) => Err(private.failed(source)),
        }
    }

    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// A copy can't be made here.
    pub fn failed(&self, source: io::Error) -> FileError {
        FileError::Private {
            source,
            folder: std::env::temp_dir(),
            path: self.of.clone(),
        }
    }
}

impl Drop for PrivateFolder {
    fn drop(&mut self) {
        // The system clears its temporary folder in any case.
        fs::remove_dir_all(&self.folder).ok();
    }
}
