//! Writing files so that a reader finds the old one or the new one, never half of one.

use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use image::codecs::png::PngEncoder;
use image::{ExtendedColorType, ImageEncoder as _};

use super::pixels::Picture;

/// Write beside `path`, sync and rename; nothing is left behind on failure. A file that is there is replaced, but for a
/// database: of this program's files only runs are, and a run is replaced by a run alone.
pub fn write_atomically(path: &Path, contents: &[u8]) -> io::Result<()> {
    if is_database(path) {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "a run file or another database lies there, and is not replaced by a file of another kind",
        ));
    }
    if fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            "a device or a pipe lies there, and is not replaced by a file",
        ));
    }
    let neighbor = Neighbor::write(path, contents)?;
    fs::rename(&neighbor.0, path)
}

/// As [`write_atomically`], where nothing may be there: a file that appears meanwhile stays.
pub fn write_new(path: &Path, contents: &[u8]) -> io::Result<()> {
    let neighbor = Neighbor::write(path, contents)?;
    match fs::hard_link(&neighbor.0, path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            // Not every file system has links; there the name is taken first.
            File::create_new(path)?;
            fs::rename(&neighbor.0, path)
        }
        linked => linked,
    }
}

/// A file beside another one; removed when dropped, unless it was renamed.
struct Neighbor(PathBuf);

impl Neighbor {
    fn write(path: &Path, contents: &[u8]) -> io::Result<Self> {
        static NUM_WRITTEN: AtomicU64 = AtomicU64::new(0);
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(
            ".{}-{}.tmp",
            std::process::id(),
            NUM_WRITTEN.fetch_add(1, Ordering::Relaxed)
        ));
        let neighbor = Self(path.with_file_name(name));
        let mut file = File::create(&neighbor.0)?;
        file.write_all(contents)?;
        file.sync_all()?;
        Ok(neighbor)
    }
}

impl Drop for Neighbor {
    fn drop(&mut self) {
        // Some other error is the one to tell; after a rename there is nothing.
        fs::remove_file(&self.0).ok();
    }
}

/// Whether two paths lead to one file, by links too; of files that don't exist, whether they would.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    #[cfg(unix)]
    if let (Ok(a), Ok(b)) = (fs::metadata(a), fs::metadata(b)) {
        use std::os::unix::fs::MetadataExt as _;
        return (a.dev(), a.ino()) == (b.dev(), b.ino());
    }
    real_path(a) == real_path(b)
}

/// The path without links and `..`, as far as it exists.
pub fn real_path(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let Ok(real) = absolute.canonicalize() else {
        return match (absolute.parent(), absolute.file_name()) {
            (Some(folder), Some(name)) => real_path(folder).join(name),
            _ => absolute,
        };
    };
    real
}

/// The ending of run files.
pub const RUN_EXTENSION: &str = "lmdrun";

/// Whether a path is named as a run file is. This process may be writing it, and then must not open it a second time: POSIX
/// gives back a process's locks when any descriptor of the file is closed.
pub fn is_named_like_a_run(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case(RUN_EXTENSION))
}

/// Whether a file is named as a run, or begins as an SQLite database does.
pub fn is_database(path: &Path) -> bool {
    const MAGIC: &[u8; 16] = b"SQLite format 3\0";
    // A pipe would be waited for.
    if !fs::metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return false;
    }
    if is_named_like_a_run(path) {
        return true;
    }
    let mut start = [0; MAGIC.len()];
    let read = File::open(path).and_then(|mut file| file.read_exact(&mut start));
    read.is_ok() && &start == MAGIC
}

/// The bytes of a picture's PNG file.
pub fn encode_png(picture: &Picture) -> io::Result<Vec<u8>> {
    let color = if picture.channels == 3 {
        ExtendedColorType::Rgb8
    } else {
        ExtendedColorType::L8
    };
    let mut bytes = Vec::new();
    PngEncoder::new(&mut bytes)
        .write_image(
            &picture.bytes,
            picture.width as u32,
            picture.height as u32,
            color,
        )
        .map_err(io::Error::other)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        let mut names: Vec<_> = entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    #[test]
    fn a_file_that_appears_meanwhile_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.txt");
        write_new(&path, b"first").unwrap();
        let error = write_new(&path, b"second").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).unwrap(), b"first");
        write_atomically(&path, b"third").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"third");
        assert_eq!(names(folder.path()), ["a.txt"], "nothing is left beside it");
    }

    #[test]
    fn a_database_is_not_replaced_and_failures_leave_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("a.lmdrun");
        fs::write(&run, b"SQLite format 3\0 and more").unwrap();
        let before = fs::read(&run).unwrap();
        assert!(write_atomically(&run, b"path,role").is_err());
        assert_eq!(fs::read(&run).unwrap(), before);
        let taken = folder.path().join("folder");
        fs::create_dir(&taken).unwrap();
        assert!(write_atomically(&taken, b"x").is_err());
        assert!(write_new(&taken, b"x").is_err());
        assert_eq!(names(folder.path()), ["a.lmdrun", "folder"]);
    }

    #[test]
    fn paths_of_one_file_are_told() {
        let folder = tempfile::tempdir().unwrap();
        let (a, b) = (folder.path().join("a"), folder.path().join("b"));
        assert!(is_same_file(&a, &folder.path().join("./a")));
        assert!(!is_same_file(&a, &b));
        fs::write(&a, "").unwrap();
        fs::write(&b, "").unwrap();
        assert!(!is_same_file(&a, &b));
        #[cfg(unix)]
        {
            let link = folder.path().join("link");
            std::os::unix::fs::symlink(folder.path(), &link).unwrap();
            assert!(is_same_file(&a, &link.join("a")));
            assert!(is_same_file(&link.join("new"), &folder.path().join("new")));
        }
    }
}
