//! Readers of strangers' files may stop on an internal error where one is malformed: that is a fault of the file, to be told
//! of it, and not one of the program.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};

thread_local! {
    static IS_READING: Cell<bool> = const { Cell::new(false) };
}

/// What a reader makes of a file; `None` where it panics. Nothing may be shared with it that it changes.
pub(super) fn guarded<T>(read: impl FnOnce() -> T) -> Option<T> {
    let is_inside_of_another = IS_READING.replace(true);
    let outcome = catch_unwind(AssertUnwindSafe(read));
    IS_READING.set(is_inside_of_another);
    outcome.ok()
}

/// Whether a panic on this thread would be a malformed file's.
pub fn is_reading() -> bool {
    IS_READING.get()
}
