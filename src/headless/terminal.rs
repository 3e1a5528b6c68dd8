//! What is said on standard output (only what was asked for) and standard error (everything else).

use std::borrow::Cow;
use std::io::{IsTerminal as _, Write as _};

use super::Failure;

/// Say something on standard error.
pub fn message(text: &str) {
    // Nobody is left to tell when standard error is closed.
    writeln!(std::io::stderr().lock(), "{}", harmless(text)).ok();
}

/// Say what went wrong: the error and its causes, each once.
pub fn error(error: &anyhow::Error) {
    message(&format!("error: {}", chain(error)));
}

/// Write what was asked for to standard output: as it is for other programs, harmless for a terminal.
pub fn answer(text: &str) -> Result<(), Failure> {
    let mut stdout = std::io::stdout().lock();
    let text = if stdout.is_terminal() {
        harmless(text)
    } else {
        Cow::Borrowed(text)
    };
    match writeln!(stdout, "{text}").and_then(|()| stdout.flush()) {
        // A reader such as `head` has had enough.
        Err(err) if err.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        outcome => outcome.map_err(Failure::failed),
    }
}

/// A length of time in the unit that fits it.
pub fn duration(secs: f64) -> String {
    let minutes = (secs / 60.0).round();
    match secs {
        ..90.0 => format!("{secs:.0} s"),
        ..5400.0 => format!("{minutes:.0} min"),
        ..172_800.0 => format!("{:.1} h", secs / 3600.0),
        _ => format!("{:.1} days", secs / 86_400.0),
    }
}

/// A text that changes nothing of a terminal but what it shows: file names may hold control characters, which set titles
/// and colors, move the cursor or turn the direction of writing. Line breaks stay.
pub fn harmless(text: &str) -> Cow<'_, str> {
    let is_harmful = |c: char| {
        (c.is_control() && c != '\n')
            || matches!(c, '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
    };
    if !text.contains(is_harmful) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if is_harmful(c) {
            shown.extend(c.escape_default());
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// An error and its causes; a cause that the sentences before it hold is not said again.
fn chain(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for cause in error.chain() {
        let cause = cause.to_string();
        if text.is_empty() {
            text = cause;
        } else if !text.contains(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_told_in_units_that_fit() {
        assert_eq!(duration(42.4), "42 s");
        assert_eq!(duration(600.0), "10 min");
        assert_eq!(duration(9000.0), "2.5 h");
        assert_eq!(duration(864_000.0), "10.0 days");
    }

    #[test]
    fn a_file_name_can_not_steer_the_terminal() {
        let name = "a\u{1b}]0;title\u{7}\u{1b}[31m\r\u{9b}2J\u{202e}gnp.png";
        let shown = harmless(name);
        assert_eq!(
            shown,
            r"a\u{1b}]0;title\u{7}\u{1b}[31m\r\u{9b}2J\u{202e}gnp.png"
        );
        let plain = "schön שלום 画像 \"1\" – two\nlines";
        assert_eq!(harmless(plain), plain);
    }

    #[test]
    fn a_cause_is_said_once() {
        #[derive(Debug, thiserror::Error)]
        #[error("it can't be read: {source}: /a")]
        struct Outer {
            source: std::io::Error,
        }
        let twice = anyhow::Error::new(Outer {
            source: std::io::Error::other("no such thing"),
        });
        assert_eq!(chain(&twice), "it can't be read: no such thing: /a");
        let more = twice.context("the run can't be continued");
        assert_eq!(
            chain(&more),
            "the run can't be continued: it can't be read: no such thing: /a"
        );
    }
}
