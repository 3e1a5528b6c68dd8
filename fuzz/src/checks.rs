//! Panics that count, and a place for files.

use std::panic::{self, AssertUnwindSafe};
use std::path::Path;
use std::sync::{LazyLock, Mutex, Once, PoisonError};

/// The last panic, kept to be told if nothing catches it.
static LAST_PANIC: Mutex<String> = Mutex::new(String::new());

/// A folder of this process.
pub static FOLDER: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    tempfile::Builder::new()
        .prefix("lmd-fuzz")
        .tempdir()
        .expect("a temporary folder can be made")
});

/// Do one round. libFuzzer's own hook takes every panic for a finding, also one that the program catches.
pub fn round(work: impl FnOnce()) {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        panic::set_hook(Box::new(|info| {
            let mut last = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner);
            *last = info.to_string();
        }));
    });
    if panic::catch_unwind(AssertUnwindSafe(work)).is_err() {
        let last = LAST_PANIC.lock().unwrap_or_else(PoisonError::into_inner);
        eprintln!("{last}");
        std::process::abort();
    }
}

/// A refusal has to name the file and say something.
pub fn check_sentence(error: &dyn std::error::Error, path: &Path) {
    let sentence = error.to_string();
    assert!(
        sentence.contains(path.to_str().unwrap_or_default()),
        "the file is not named: {sentence}"
    );
    assert!(sentence.len() < 20_000, "{} bytes", sentence.len());
}
