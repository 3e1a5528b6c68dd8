//! What the program tells of its work: problems on standard error and, where it has a window, all of it in a file that stays
//! small.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use ::log::Record;
use flexi_logger::{
    Cleanup, Criterion, DeferredNow, Duplicate, FileSpec, FlexiLoggerError, Logger, LoggerHandle,
    Naming, WriteMode,
};

/// Where there is no `RUST_LOG`. Why there is no window is said in a sentence of its own, and drivers tell each of their steps.
const IN_FILE: &str = "info,eframe::native::run=off,wgpu_core=warn,wgpu_hal=warn,naga=warn";
const ON_STDERR: &str = "error,eframe::native::run=off";

/// Bytes of a file until the next one begins, and files that are kept besides the newest.
const MOST_BYTES: u64 = 1 << 20;
const MOST_FILES: usize = 2;

/// The folder of the log below that of the program's data.
const FOLDER: &str = "log";
/// How the newest file is called.
const NAME: &str = "lmd-inspector_rCURRENT.log";

/// Writes what is told until it is dropped.
#[must_use]
pub struct Log(#[expect(dead_code, reason = "held until it is dropped")] Option<LoggerHandle>);

/// Where the log of a program with this data folder is.
pub fn place(data: &Path) -> PathBuf {
    data.join(FOLDER).join(NAME)
}

impl Log {
    /// On standard error.
    pub fn on_stderr() -> Self {
        let started =
            Logger::try_with_env_or_str(ON_STDERR).and_then(|logger| logger.format(line).start());
        // Nothing else can say it, and the work goes on.
        Self(started.ok())
    }

    /// In files below the folder of the program's data; problems on standard error as well. Where there is no such folder, or
    /// none that can be written, on standard error alone.
    pub fn in_files(data: Option<&Path>) -> Self {
        let Some(data) = data else {
            return Self::on_stderr();
        };
        match files(&data.join(FOLDER)) {
            Ok(handle) => Self(Some(handle)),
            Err(error) => {
                let log = Self::on_stderr();
                log::warn!("there is no log in {}: {error}", data.display());
                log
            }
        }
    }
}

/// Time, level and module: places in the sources are of no use without these.
fn line(to: &mut dyn Write, now: &mut DeferredNow, record: &Record<'_>) -> io::Result<()> {
    write!(
        to,
        "{} {} [{}] {}",
        now.format("%Y-%m-%d %H:%M:%S%.3f"),
        record.level(),
        record.module_path().unwrap_or("-"),
        record.args()
    )
}

fn files(folder: &Path) -> Result<LoggerHandle, FlexiLoggerError> {
    let is_asked = std::env::var_os("RUST_LOG").is_some();
    Logger::try_with_env_or_str(IN_FILE)?
        .log_to_file(
            FileSpec::default()
                .directory(folder)
                .basename("lmd-inspector"),
        )
        .rotate(
            Criterion::Size(MOST_BYTES),
            Naming::Numbers,
            Cleanup::KeepLogFiles(MOST_FILES),
        )
        .append()
        // A line that is held back is lost in a crash.
        .write_mode(WriteMode::Direct)
        .format(line)
        .duplicate_to_stderr(if is_asked {
            Duplicate::All
        } else {
            Duplicate::Error
        })
        .start()
}
