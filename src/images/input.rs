//! Opening the files that a user names: the one place, so that no command waits for a pipe or reads a device without end.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// Why a file is not read; the caller adds the path.
#[derive(Debug, thiserror::Error)]
pub enum InputError {
    /// The operating system refused.
    #[error("{0}")]
    System(io::Error),
    /// A folder, a pipe, a device or a socket.
    #[error("it is {0}, not a regular file")]
    NotAFile(&'static str),
    /// More than there is use for.
    #[error("it has {num_bytes} bytes, more than the limit of {limit}")]
    TooLarge {
        /// Size of the file.
        num_bytes: u64,
        /// Most bytes that are read.
        limit: u64,
    },
    /// More than the process can have.
    #[error("its {num_bytes} bytes do not fit into the memory that the program can have")]
    OutOfMemory {
        /// Size of the file.
        num_bytes: u64,
    },
}

impl InputError {
    /// Whether nothing is there.
    pub fn is_missing(&self) -> bool {
        matches!(
            self,
            Self::System(error) if [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory].contains(&error.kind())
        )
    }
}

/// Open a regular file; returns its size too.
pub fn open(path: &Path) -> Result<(File, u64), InputError> {
    // Before it is opened: opening a pipe waits for its writer.
    let metadata = path.metadata().map_err(InputError::System)?;
    if !metadata.is_file() {
        return Err(InputError::NotAFile(kind(&metadata)));
    }
    let file = File::open(path).map_err(InputError::System)?;
    Ok((file, metadata.len()))
}

/// Read a regular file of at most `limit` bytes.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, InputError> {
    let (file, num_bytes) = open(path)?;
    if num_bytes > limit {
        return Err(InputError::TooLarge { num_bytes, limit });
    }
    let mut bytes = room_for(num_bytes)?;
    // One byte more than allowed shows a file that has grown since.
    file.take(limit.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(InputError::System)?;
    match bytes.len() as u64 {
        num_bytes if num_bytes > limit => Err(InputError::TooLarge { num_bytes, limit }),
        _ => Ok(bytes),
    }
}

/// An empty buffer with room for so many bytes.
pub fn room_for(num_bytes: u64) -> Result<Vec<u8>, InputError> {
    let mut bytes = Vec::new();
    let reserved = usize::try_from(num_bytes).is_ok_and(|len| bytes.try_reserve_exact(len).is_ok());
    if reserved {
        Ok(bytes)
    } else {
        Err(InputError::OutOfMemory { num_bytes })
    }
}

/// A text file's bytes without the mark that some editors put in front.
pub fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes)
}

fn kind(metadata: &std::fs::Metadata) -> &'static str {
    #[cfg(unix)]
    {
        use std::os::unix::fs::FileTypeExt as _;
        let kind = metadata.file_type();
        if kind.is_fifo() {
            return "a pipe";
        } else if kind.is_char_device() || kind.is_block_device() {
            return "a device";
        } else if kind.is_socket() {
            return "a socket";
        }
    }
    if metadata.is_dir() {
        "a folder"
    } else {
        "something else"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_within_the_limit_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        std::fs::write(&path, b"\xEF\xBB\xBFtext").unwrap();
        assert_eq!(without_mark(&read(&path, 7).unwrap()), b"text");
        let says = |path: &Path, limit| read(path, limit).unwrap_err().to_string();
        assert!(says(&path, 6).contains("7 bytes, more than the limit of 6"));
        assert!(says(folder.path(), 9).contains("a folder"));
        assert!(read(&folder.path().join("no"), 9).unwrap_err().is_missing());
        // Sparse: no room on the disk, and more than any machine's memory.
        let file = File::create(&path).unwrap();
        if file.set_len(1 << 42).is_ok() {
            assert!(says(&path, 1 << 41).contains("more than the limit"));
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn pipes_and_devices_are_refused_unopened() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        let made = std::process::Command::new("mkfifo").arg(&pipe).status();
        assert!(made.unwrap().success());
        // Without the check this waits for a writer that never comes.
        assert!(read(&pipe, 9).unwrap_err().to_string().contains("a pipe"));
        let zero = read(Path::new("/dev/zero"), 9).unwrap_err();
        assert!(zero.to_string().contains("a device"), "{zero}");
    }
}
