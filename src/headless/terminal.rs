//! What is said on standard output (only what was asked for) and standard error (everything else).

use std::io::Write as _;

use super::Failure;

/// Say something on standard error.
pub fn message(text: &str) {
    // Nobody is left to tell when standard error is closed.
    writeln!(std::io::stderr().lock(), "{text}").ok();
}

/// Write what was asked for to standard output.
pub fn answer(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        // A reader such as `head` has had enough.
        Err(err) if err.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.map_err(Failure::failed),
    }
}
