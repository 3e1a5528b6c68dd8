//! The folder that the window keeps its runs in: what is there, and making room.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::file::{self, EXTENSION, RunSummary};
use super::marks;

/// Names tried before a new run is given up on.
const MOST_NAMES: usize = 1000;

/// The runs of a folder.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RunLibrary {
    /// The newest first.
    pub runs: Vec<RunSummary>,
    /// Run files that can't be read, with the reason.
    pub broken: Vec<(PathBuf, String)>,
    /// What all of them take, in bytes.
    pub num_bytes: u64,
}

/// Look at all run files of a folder; one that is not there is empty. Files that this process writes are left out.
pub fn list(folder: &Path) -> RunLibrary {
    let mut library = RunLibrary::default();
    for path in run_files(folder) {
        match file::summarize(&path) {
            Ok(summary) => {
                library.num_bytes += summary.num_bytes;
                library.runs.push(summary);
            }
            Err(file::FileError::Busy { .. }) => {}
            Err(error) => {
                library.num_bytes += fs::metadata(&path).map_or(0, |metadata| metadata.len());
                library.broken.push((path, error.to_string()));
            }
        }
    }
    library.runs.sort_by(|a, b| {
        b.modified
            .cmp(&a.modified)
            .then_with(|| b.path.cmp(&a.path))
    });
    library
}

fn run_files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else {
        return Vec::new(); // Made with the first run.
    };
    let mut paths: Vec<PathBuf> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| {
            path.extension()
                .is_some_and(|extension| extension == EXTENSION)
        })
        .collect();
    paths.sort();
    paths
}

/// Remove runs until the folder takes at most `most_bytes`: the oldest finished ones first, then the oldest unfinished
/// ones; never one of `kept`, nor one that is being written, nor one with marks beside it: these are a person's work, which
/// nothing makes again. Returns how many were removed.
pub fn make_room(folder: &Path, most_bytes: u64, kept: &[PathBuf]) -> io::Result<usize> {
    let RunLibrary {
        runs,
        mut num_bytes,
        ..
    } = list(folder);
    let mut num_removed = 0;
    for is_finished in [true, false] {
        let oldest_first = runs.iter().rev();
        for run in oldest_first.filter(|run| run.is_finished() == is_finished) {
            if num_bytes <= most_bytes {
                return Ok(num_removed);
            }
            let has_marks = marks::file_of(&run.path).exists();
            if run.is_held || has_marks || kept.contains(&run.path) {
                continue;
            }
            remove(&run.path)?;
            num_bytes = num_bytes.saturating_sub(run.num_bytes);
            num_removed += 1;
        }
    }
    Ok(num_removed)
}

/// Remove all runs but those of `kept` and those that are being written. Returns how many were removed.
pub fn clear(folder: &Path, kept: &[PathBuf]) -> io::Result<usize> {
    let RunLibrary { runs, broken, .. } = list(folder);
    let readable = runs.iter().filter(|run| !run.is_held).map(|run| &run.path);
    let paths: Vec<&PathBuf> = readable
        .chain(broken.iter().map(|(path, _)| path))
        .filter(|path| !kept.contains(path))
        .collect();
    for path in &paths {
        remove(path)?;
    }
    Ok(paths.len())
}

/// Remove one run of the folder, unless it is being written.
pub fn remove_one(folder: &Path, path: &Path) -> io::Result<()> {
    let is_there = path.parent() == Some(folder);
    let is_held = file::summarize(path).is_ok_and(|summary| summary.is_held);
    if !is_there || is_held {
        return Err(io::Error::other("another program is at work on it"));
    }
    remove(path)
}

fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    marks::remove_beside(path)?;
    match fs::remove_file(file::log_path(path)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Make the folder, which only its owner can look into: pictures may be private.
pub fn prepare(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.create(folder)
}

/// How the name of a run begins.
const BEGINNING: &str = "%Y-%m-%d-%H%M%S";

/// The name that a person gave a run file; `None` where it is one of [`free_path`], which says nothing but time and model.
pub fn given_name(path: &Path) -> Option<String> {
    let name = path.file_stem()?.to_string_lossy();
    let rest = jiff::fmt::strtime::BrokenDownTime::parse_prefix(BEGINNING, &*name);
    let is_made = rest.is_ok_and(|(_, length)| name.as_bytes().get(length) == Some(&b'-'));
    (!is_made).then(|| name.into_owned())
}

/// A free path for a run that begins now.
pub fn free_path(folder: &Path, model_name: &str) -> PathBuf {
    let now = jiff::ZonedDateTime::now().strftime(BEGINNING).to_string();
    let model: String = model_name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' })
        .take(40)
        .collect();
    let named = |suffix: &str| folder.join(format!("{now}-{model}{suffix}.{EXTENSION}"));
    let numbered = (2..MOST_NAMES).map(|number| named(&format!("-{number}")));
    std::iter::once(named(""))
        .chain(numbered)
        .find(|path| fs::symlink_metadata(path).is_err())
        .unwrap_or_else(|| named("")) // Refused where it is created.
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_given_unless_it_is_one_that_runs_get() {
        let folder = Path::new("/runs");
        assert_eq!(given_name(&free_path(folder, "my model/2")), None);
        for name in [
            "demo",
            "2026-11-28",
            "2026-11-28-night",
            "night-2026-11-28-000000",
        ] {
            let path = folder.join(name).with_extension(EXTENSION);
            assert_eq!(given_name(&path).as_deref(), Some(name));
        }
    }
}
