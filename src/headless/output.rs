//! Where a report goes.

use std::path::{Path, PathBuf};

use super::Failure;

/// The folder to write into: as asked for, or `./lmd-report-YYYYMMDD-HHMMSS`.
///
/// A target that exists and is not empty is refused unless it may be overwritten.
pub fn report_folder(asked: Option<&Path>, overwrite: bool) -> Result<PathBuf, Failure> {
    let folder = asked.map_or_else(default_folder, Path::to_owned);
    let refuse = |why: &str| {
        Err(Failure::bad_request(anyhow::anyhow!(
            "{why}: {}",
            folder.display()
        )))
    };
    if folder.is_file() {
        return refuse("the report needs a folder, but this is a file; choose another --output");
    }
    let is_empty = std::fs::read_dir(&folder).map_or(true, |mut entries| entries.next().is_none());
    if !is_empty && !overwrite {
        return refuse(
            "the report folder is not empty; choose another --output or allow --overwrite",
        );
    }
    Ok(folder)
}

/// Make the folder and see that it takes files: hours of work must not end in a folder that can't be written to.
pub fn check_writable(folder: &Path) -> Result<(), Failure> {
    let probe = folder.join(".lmd-write-test");
    std::fs::create_dir_all(folder)
        .and_then(|()| std::fs::write(&probe, []))
        .and_then(|()| std::fs::remove_file(&probe))
        .map_err(|error| {
            Failure::bad_request(anyhow::anyhow!(
                "the report can't be written here: {error}; choose another --output: {}",
                folder.display()
            ))
        })
}

fn default_folder() -> PathBuf {
    let now = jiff::ZonedDateTime::now()
        .strftime("%Y%m%d-%H%M%S")
        .to_string();
    PathBuf::from(format!("lmd-report-{now}"))
}
