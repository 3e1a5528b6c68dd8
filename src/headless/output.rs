//! Where a run and its report go.

use std::path::{Path, PathBuf};

use super::Failure;
use crate::runs::file::EXTENSION;

/// Where a run is written.
#[derive(Clone, Debug)]
pub struct Target {
    /// The report folder, if there is to be one.
    pub report: Option<PathBuf>,
    /// The run file.
    pub run_file: PathBuf,
    /// Whether a run file that is there may be replaced.
    pub may_overwrite: bool,
}

impl Target {
    /// The one path to print.
    pub fn shown(&self) -> &Path {
        self.report.as_deref().unwrap_or(&self.run_file)
    }

    /// In words.
    pub fn whereabouts(&self) -> String {
        match &self.report {
            Some(folder) => format!("report in {}", folder.display()),
            None => format!("run in {}", self.run_file.display()),
        }
    }
}

/// `X.lmdrun` is a run file alone; any other path is a report folder, with `run.lmdrun` in it.
pub fn target(asked: Option<&Path>, may_overwrite: bool) -> Result<Target, Failure> {
    match asked {
        Some(path) if is_run_file(path) => {
            if path.is_dir() {
                return Err(Failure::bad_request(anyhow::anyhow!(
                    "a run file is asked for, but this is a folder; choose another --output: {}",
                    path.display()
                )));
            }
            Ok(Target {
                report: None,
                run_file: path.to_owned(),
                may_overwrite,
            })
        }
        _ => {
            let folder = report_folder(asked, may_overwrite)?;
            Ok(Target {
                run_file: folder.join("run").with_extension(EXTENSION),
                report: Some(folder),
                may_overwrite,
            })
        }
    }
}

/// Whether a path ends like a run file's.
pub fn is_run_file(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension.eq_ignore_ascii_case(EXTENSION))
}

/// A path as a shell takes it.
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:@%".contains(c);
    if text.starts_with('-') {
        quoted(&Path::new(".").join(path))
    } else if text.chars().all(is_plain) {
        text
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

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
