//! Where a run and its report go.

use std::path::{Path, PathBuf};

use super::Failure;
use super::paths::{Kind, Paths};
use crate::runs::file::EXTENSION;
use crate::runs::report;

/// Names tried before a default one is given up on.
const MOST_NAMES: usize = 1000;

/// Where a run is written.
#[derive(Clone, Debug)]
pub struct Target {
    /// The report folder, if there is to be one.
    pub report: Option<PathBuf>,
    /// The run file.
    pub run_file: PathBuf,
    /// Whether a run file that is there may be replaced.
    pub may_overwrite: bool,
    /// Whether nobody named it, so that another name does as well.
    pub is_default: bool,
}

impl Target {
    fn in_folder(folder: PathBuf, may_overwrite: bool) -> Self {
        Self {
            run_file: folder.join("run").with_extension(EXTENSION),
            report: Some(folder),
            may_overwrite,
            is_default: false,
        }
    }

    /// In a folder that nobody named.
    fn by_default(folder: PathBuf) -> Self {
        Self {
            is_default: true,
            ..Self::in_folder(folder, false)
        }
    }

    /// See that none of its files is read by the same command.
    pub fn check(&self, paths: &mut Paths) -> Result<(), Failure> {
        paths.claim(&self.run_file, Kind::Run)?;
        let Some(folder) = self.report.as_ref().filter(|_| !self.is_default) else {
            return Ok(());
        };
        for name in report::file_names() {
            paths.claim(&folder.join(name), Kind::File)?;
        }
        Ok(())
    }

    /// Make its folder and see that it takes files; a default one that is there already, e.g. of a run that was started
    /// in the same second, makes way for a name with a number.
    pub fn made(&self) -> Result<Self, Failure> {
        let Some(folder) = &self.report else {
            return Ok(self.clone());
        };
        let mut made = self.clone();
        if self.is_default {
            let numbered = |number: usize| {
                let mut name = folder.clone().into_os_string();
                name.push(format!("-{number}"));
                PathBuf::from(name)
            };
            let mut names = std::iter::once(folder.clone()).chain((2..MOST_NAMES).map(numbered));
            let free = names.find(|name| match std::fs::create_dir(name) {
                Err(error) => error.kind() != std::io::ErrorKind::AlreadyExists,
                Ok(()) => true,
            });
            made = Self::by_default(free.unwrap_or_else(|| folder.clone()));
        }
        made.report.as_deref().map_or(Ok(()), check_writable)?;
        Ok(made)
    }

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
                is_default: false,
            })
        }
        Some(path) => {
            let folder = report_folder(path, may_overwrite)?;
            Ok(Target::in_folder(folder, may_overwrite))
        }
        None => Ok(Target::by_default(default_folder())),
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
    if text.starts_with('-') {
        quoted(&Path::new(".").join(path))
    } else {
        report::shell_word(&text)
    }
}

/// The folder to write into. One that exists and is not empty is refused unless it may be overwritten.
pub fn report_folder(asked: &Path, overwrite: bool) -> Result<PathBuf, Failure> {
    let folder = asked.to_owned();
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
    let probe = folder.join(format!(".lmd-write-test-{}", std::process::id()));
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

/// See that a file, which is `what`, can be written where it is asked for: an hour of work must not end at a folder that takes
/// no file.
pub fn check_file(output: &Path, may_overwrite: bool, what: &str) -> Result<(), Failure> {
    let refuse = |why: &str| {
        let error = anyhow::anyhow!("{why}: {}", output.display());
        Err(Failure::bad_request(error))
    };
    if output.is_dir() {
        return refuse(&format!(
            "the {what} is a file, but this is a folder; choose another --output"
        ));
    }
    let existed = output.exists();
    if existed && !may_overwrite {
        return refuse("this file exists; choose another --output or allow --overwrite");
    }
    let folder = output.parent().filter(|path| !path.as_os_str().is_empty());
    if folder.is_some_and(|folder| !folder.is_dir()) {
        return refuse(&format!("the folder of the {what} file does not exist"));
    }
    let opened = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(output);
    let tried = match opened {
        Ok(_) if !existed => std::fs::remove_file(output),
        opened => opened.map(drop),
    };
    tried.or_else(|error| {
        refuse(&format!(
            "the {what} can't be written here: {error}; choose another --output"
        ))
    })
}

/// `./lmd-report-YYYYMMDD-HHMMSS`.
fn default_folder() -> PathBuf {
    let now = jiff::ZonedDateTime::now()
        .strftime("%Y%m%d-%H%M%S")
        .to_string();
    PathBuf::from(format!("lmd-report-{now}"))
}
