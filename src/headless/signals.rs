//! SIGINT, SIGTERM and, where it is not to be ignored, SIGHUP stop a run cleanly; what was done is kept.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use signal_hook::consts::{SIGINT, SIGTERM};

/// Remembers which signal came.
#[derive(Clone, Debug)]
pub struct Signals {
    /// Exit code of each signal, and whether it came.
    came: Arc<[(u8, Arc<AtomicBool>)]>,
}

impl Signals {
    /// Catch the signals; a second one of the same kind ends the process at once.
    pub fn catch() -> io::Result<Self> {
        let came = stopping()
            .into_iter()
            .map(|signal| {
                let came = Arc::new(AtomicBool::new(false));
                let code = 128 + signal;
                signal_hook::flag::register_conditional_shutdown(signal, code, Arc::clone(&came))?;
                signal_hook::flag::register(signal, Arc::clone(&came))?;
                Ok((code as u8, came))
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { came })
    }

    /// The exit code of the signal that came.
    pub fn exit_code(&self) -> Option<u8> {
        self.came
            .iter()
            .find(|(_, came)| came.load(Ordering::Acquire))
            .map(|(code, _)| *code)
    }
}

/// Let the first signal end the process at once, with its exit code: for commands that have nothing to keep.
pub fn end_at_once() -> io::Result<()> {
    for signal in stopping() {
        let now = Arc::new(AtomicBool::new(true));
        signal_hook::flag::register_conditional_shutdown(signal, 128 + signal, now)?;
    }
    Ok(())
}

/// Let a write past the process's limit of file sizes fail, to be told by a sentence, rather than end the process.
pub fn survive_file_limit() -> io::Result<()> {
    #[cfg(unix)]
    signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::default())?;
    Ok(())
}

/// The signals that ask the process to stop.
fn stopping() -> Vec<i32> {
    let mut signals = vec![SIGINT, SIGTERM];
    #[cfg(unix)]
    if !ignores_hangup() {
        signals.push(signal_hook::consts::SIGHUP);
    }
    signals
}

/// Whether the process was started to outlive its terminal, as by `nohup`: then that signal must stay ignored.
///
/// Only Linux tells without unsafe code; elsewhere the signal keeps its default, and ends the process where it is not
/// ignored.
#[cfg(unix)]
fn ignores_hangup() -> bool {
    std::fs::read_to_string("/proc/self/status").map_or(true, |status| is_ignored(&status, 1))
}

#[cfg(unix)]
fn is_ignored(status: &str, signal: u32) -> bool {
    status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_none_or(|mask| mask & (1 << (signal - 1)) != 0)
}

#[cfg(all(test, unix))]
mod tests {
    use super::is_ignored;

    #[test]
    fn an_ignored_signal_is_read_from_the_mask() {
        let status =
            |mask: &str| format!("Name:\tlmd\nSigIgn:\t{mask}\nSigCgt:\t0000000000000003\n");
        assert!(is_ignored(&status("0000000000001001"), 1));
        assert!(!is_ignored(&status("0000000000001000"), 1));
        assert!(is_ignored(&status("0000000000000002"), 2));
        assert!(is_ignored("Name:\tlmd\n", 1), "not told: left as it is");
    }
}
