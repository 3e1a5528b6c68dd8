//! The real binary, started without a window.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The repository.
pub fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// `lmd` with these arguments, run to its end.
pub fn lmd(args: &[&str]) -> Output {
    command(args).output().unwrap()
}

/// `lmd` with these arguments, away from the repository: nothing may depend on the working directory.
pub fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lmd"));
    command.args(args).current_dir(std::env::temp_dir());
    command
}

/// Say what could not be tested here, past the harness, which shows the output of failed tests only.
pub fn not_run(reason: &str) {
    use std::io::Write as _;
    writeln!(std::io::stderr(), "NOT RUN: {reason}").unwrap();
}

/// Whether this process, and so what it starts, was told to outlive its terminal (`nohup`).
#[cfg(target_os = "linux")]
pub fn ignores_hangup() -> bool {
    signal_mask("/proc/self/status", "SigIgn:") & 1 != 0
}

/// The signals of a kind by the bits of a process's status: bit 0 is signal 1.
#[cfg(target_os = "linux")]
pub fn signal_mask(status: &str, kind: &str) -> u64 {
    let status = std::fs::read_to_string(status).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix(kind));
    u64::from_str_radix(mask.unwrap().trim(), 16).unwrap()
}

pub fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
