//! Another name for a run file, in the folder where it lies.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::database::{self, Claim};
use super::draft::{remove_companions, sync_folder_of, take_name};
use super::error::FileError;
use super::ownership;
use super::{EXTENSION, resume};

/// Bytes of a name at most: file systems take 255, of which the ending and what SQLite lays beside it need some.
const MOST_BYTES: usize = 200;
/// What some system does not take in a name: a run file is to open on another machine.
const REFUSED: &[char] = &['/', '\\', ':', '*', '?', '"', '<', '>', '|'];

/// Why a run file keeps its name.
#[derive(Debug, thiserror::Error)]
pub enum RenameError {
    #[error("type a name")]
    Empty,
    #[error("a name can't contain {found}, leave it out")]
    Character { found: String },
    #[error("a name can't begin with a dot, which hides the file; leave it out")]
    Hidden,
    #[error("the name is too long, shorten it to {MOST_BYTES} letters at most")]
    TooLong,
    #[error("another run in this folder is called {name}, type another name")]
    Taken { name: String },
    #[error(transparent)]
    File(#[from] FileError),
}

/// The name that was typed, without spaces around it and the ending of run files.
pub fn checked_name(typed: &str) -> Result<&str, RenameError> {
    let typed = typed.trim();
    let stem = typed.strip_suffix(EXTENSION);
    let name = stem.and_then(|stem| stem.strip_suffix('.'));
    // Windows drops dots and spaces at the end.
    let name = name.unwrap_or(typed).trim_end_matches(['.', ' ']);
    let refused = |c: &char| c.is_control() || REFUSED.contains(c);
    if let Some(found) = name.chars().find(refused) {
        let found = if found.is_control() {
            "a line break or another control character".to_owned()
        } else {
            found.to_string()
        };
        return Err(RenameError::Character { found });
    }
    match name {
        "" => Err(RenameError::Empty),
        name if name.starts_with('.') => Err(RenameError::Hidden),
        name if name.len() > MOST_BYTES => Err(RenameError::TooLong),
        name => Ok(name),
    }
}

/// The path that a run file has once it is called `typed`.
pub fn renamed(path: &Path, typed: &str) -> Result<PathBuf, RenameError> {
    let name = checked_name(typed)?;
    Ok(path.with_file_name(format!("{name}.{EXTENSION}")))
}

/// Call a run file that nobody writes `typed`; returns its new path. One that is there under that name stays.
pub fn rename(path: &Path, typed: &str) -> Result<PathBuf, RenameError> {
    let name = checked_name(typed)?;
    let target = renamed(path, typed)?;
    if target == path {
        return Ok(target);
    }
    database::check_header(path)?;
    if ownership::has_companion(path) {
        // Its writer was killed: a file alone goes in one step, a file and its log do not.
        let (writer, _) = resume(path)?;
        writer.finish()?;
    }
    let _claims = (Claim::new(path)?, Claim::new(&target)?);
    take_name(path, &target).map_err(|error| match error {
        FileError::Exists { .. } => RenameError::Taken {
            name: name.to_owned(),
        },
        error => error.into(),
    })?;
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            // One file under two names: the new one goes again.
            fs::remove_file(&target).ok();
            return Err(FileError::ReadOnly {
                reason: format!("its old name can't be removed, {error}"),
                path: path.to_owned(),
            }
            .into());
        }
        _ => {}
    }
    remove_companions(path);
    sync_folder_of(&target);
    Ok(target)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_what_was_typed_without_spaces_and_ending() {
        for (typed, name) in [
            ("  night  ", "night"),
            ("night.lmdrun", "night"),
            ("v1.2 on gray", "v1.2 on gray"),
            ("Über 10 %", "Über 10 %"),
            ("end. .", "end"),
            ("lmdrun", "lmdrun"),
        ] {
            assert_eq!(checked_name(typed).unwrap(), name);
        }
    }

    #[test]
    fn what_a_file_can_not_be_called_is_refused_by_a_sentence() {
        let long = "x".repeat(MOST_BYTES + 1);
        for (typed, said) in [
            ("", "type a name"),
            (" . ", "type a name"),
            (".lmdrun", "type a name"),
            (".night", "begin with a dot"),
            ("../night", "can't contain /"),
            ("a:b", "can't contain :"),
            ("a\nb", "line break"),
            (&long, "shorten it to 200"),
        ] {
            let error = checked_name(typed).unwrap_err().to_string();
            assert!(error.contains(said), "{typed}: {error}");
        }
    }
}
