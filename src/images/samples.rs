//! The sample images that come with the program, written to disk when they are first asked for.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use include_dir::{Dir, File, include_dir};
use sha2::{Digest as _, Sha256};

use super::file::ContentHash;
use super::places;
use crate::images::write::write_atomically;

static SAMPLES: Dir<'static> = include_dir!("$CARGO_MANIFEST_DIR/assets/samples");

/// Sample images: 200 test images of a data set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sample {
    FashionMnist,
    Mnist,
}

impl Sample {
    pub const ALL: [Self; 2] = [Self::FashionMnist, Self::Mnist];

    /// The data set's name.
    pub fn label(self) -> &'static str {
        match self {
            Self::FashionMnist => "Fashion-MNIST",
            Self::Mnist => "MNIST",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::FashionMnist => "fashion-mnist",
            Self::Mnist => "mnist",
        }
    }
}

/// Where the sample images lie.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SampleFolders {
    /// Holds a folder for each data set.
    pub folder: PathBuf,
}

impl SampleFolders {
    /// Where those of one data set lie.
    pub fn of(&self, sample: Sample) -> PathBuf {
        self.folder.join(sample.folder())
    }
}

/// Why the sample images could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SamplesError {
    /// Neither the cache folder nor the folder for temporary files takes them.
    #[error("the sample images can't be written: {source}: {}", path.display())]
    Write {
        /// The folder that was tried last.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
}

/// Write the sample images to the user's cache folder, or else to the folder for temporary files, and say where.
///
/// Files that are already there in the right size are left alone.
pub fn extract() -> Result<SampleFolders, SamplesError> {
    let temporary = places::temporary().join("lmd-inspector");
    if let Some(cache) = places::cache() {
        match extract_into(&cache) {
            Ok(folders) => return Ok(folders),
            Err(error) => log::warn!("{error}; trying {}", temporary.display()),
        }
    }
    extract_into(&temporary)
}

/// Write the sample images below `base`, in a folder named after their content.
pub fn extract_into(base: &Path) -> Result<SampleFolders, SamplesError> {
    let mut files = Vec::new();
    collect(&SAMPLES, &mut files);
    let folder = base.join(format!("samples-{}", key(&files)));
    for file in files {
        let path = folder.join(file.path());
        let is_there = fs::metadata(&path)
            .is_ok_and(|metadata| metadata.len() == file.contents().len() as u64);
        if !is_there {
            write_file(&path, file.contents()).map_err(|source| SamplesError::Write {
                path: folder.clone(),
                source,
            })?;
        }
    }
    Ok(SampleFolders { folder })
}

fn write_file(path: &Path, contents: &[u8]) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    write_atomically(path, contents)
}

fn collect(dir: &'static Dir<'static>, files: &mut Vec<&'static File<'static>>) {
    files.extend(dir.files());
    for subdir in dir.dirs() {
        collect(subdir, files);
    }
}

/// Changes with any name or byte, so that versions of the program do not overwrite each other's samples.
fn key(files: &[&File<'_>]) -> String {
    let mut sha = Sha256::new();
    for file in files {
        sha.update(file.path().as_os_str().as_encoded_bytes());
        sha.update((file.contents().len() as u64).to_le_bytes());
        sha.update(file.contents());
    }
    let mut text = ContentHash(sha.finalize().into()).to_string();
    text.truncate(12);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_are_written_once_and_repaired() {
        let base = tempfile::tempdir().unwrap();
        let folders = extract_into(base.path()).unwrap();
        let count = |folder: &Path| fs::read_dir(folder).unwrap().count();
        for sample in Sample::ALL {
            assert_eq!(count(&folders.of(sample)), 200);
        }

        let clothing = folders.of(Sample::FashionMnist);
        let kept = clothing.join("00000.png");
        let damaged = clothing.join("00001.png");
        let original = fs::read(&damaged).unwrap();
        let modified = |path: &Path| fs::metadata(path).unwrap().modified().unwrap();
        let before = modified(&kept);
        fs::write(&damaged, b"short").unwrap();
        assert_eq!(extract_into(base.path()).unwrap(), folders);
        assert_eq!(fs::read(&damaged).unwrap(), original);
        assert_eq!(modified(&kept), before);
        assert_eq!(count(&clothing), 200, "no temporary file stays");
    }

    #[test]
    fn a_folder_that_takes_nothing_is_an_error_that_names_it() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("a-file");
        fs::write(&file, b"").unwrap();
        let message = extract_into(&file).unwrap_err().to_string();
        assert!(message.contains("a-file"), "{message}");
    }
}
