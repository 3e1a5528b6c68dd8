//! Reports of faults of the program itself: a panic leaves one, and the next start tells of it.

use std::any::Any;
use std::backtrace::Backtrace;
use std::fs;
use std::panic::{self, PanicHookInfo};
use std::path::{Path, PathBuf};

use super::Finding;
use super::build::BUILD;
use super::log;
use crate::images::{guard, places};

/// The folder of the reports below that of the program's data.
const FOLDER: &str = "faults";
/// How reports begin that nobody was told of yet, and those that somebody was.
const NEW: &str = "fault-";
const TOLD: &str = "told-";
/// Reports that are kept.
const MOST: usize = 10;
/// Lines of the log in a report.
const LOG_LINES: usize = 200;

/// From now on write a report of each panic, below this folder of the program's data; what told of panics before does so still.
/// Nothing is said of those that a malformed file is to blame for: the file is refused.
pub fn watch(data: PathBuf) {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        if guard::is_reading() {
            return;
        }
        // A report that can't be written is none: the panic is told all the same.
        write(&data, &words(info, &data)).ok();
        before(info);
    }));
}

/// The newest report that nobody was told of, which counts as told from now on: where it is by then. Old ones go.
pub fn take_untold(data: &Path) -> Option<PathBuf> {
    let folder = data.join(FOLDER);
    let mut found = None;
    for name in names(&folder) {
        if let Some(rest) = name.strip_prefix(NEW) {
            let told = folder.join(format!("{TOLD}{rest}"));
            if fs::rename(folder.join(&name), &told).is_ok() {
                found = Some(told);
            }
        }
    }
    for name in names(&folder).iter().rev().skip(MOST) {
        // One that stays is in nobody's way.
        fs::remove_file(folder.join(name)).ok();
    }
    found
}

pub(super) fn look(note: &mut dyn FnMut(Finding)) {
    let Some(data) = places::data() else { return };
    let place = log::place(&data);
    if place.is_file() {
        note(Finding::ok("log", place.display().to_string()));
    }
    let folder = data.join(FOLDER);
    if let Some(newest) = names(&folder).last() {
        note(Finding::warning(
            "fault of the program",
            folder.join(newest).display().to_string(),
            "add this file to a bug report, it says what went on before; delete it where the fault is known",
        ));
    }
}

/// The reports, oldest first.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let mut names: Vec<String> = names
        .filter(|name| name.starts_with(NEW) || name.starts_with(TOLD))
        .collect();
    names.sort_by(|a, b| time_of(a).cmp(time_of(b)));
    names
}

/// The part of a name that says when it was.
fn time_of(name: &str) -> &str {
    name.split_once('-').map_or(name, |(_, time)| time)
}

fn words(info: &PanicHookInfo<'_>, data: &Path) -> String {
    let place = info
        .location()
        .map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
    let thread = std::thread::current();
    let facts = BUILD
        .facts()
        .map(|(name, value)| format!("{name}: {value}\n"));
    format!(
        "LMD Inspector {} came upon a fault of its own\n{}System: {} {}\nTime: {}\nThread: {}\nPlace: {place}\n\n{}\n\n{}\n\
         The last lines of the log:\n{}\n",
        BUILD.version,
        facts.concat(),
        std::env::consts::OS,
        std::env::consts::ARCH,
        jiff::ZonedDateTime::now(),
        thread.name().unwrap_or("without a name"),
        message(info.payload()),
        Backtrace::force_capture(),
        last_lines(&log::place(data)),
    )
}

fn message(payload: &dyn Any) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a fault without words")
}

fn last_lines(path: &Path) -> String {
    // It is kept small.
    let text = fs::read_to_string(path).unwrap_or_default();
    let mut lines: Vec<&str> = text.lines().rev().take(LOG_LINES).collect();
    lines.reverse();
    lines.join("\n")
}

fn write(data: &Path, text: &str) -> std::io::Result<()> {
    let folder = data.join(FOLDER);
    fs::create_dir_all(&folder)?;
    let time = jiff::ZonedDateTime::now()
        .strftime("%Y%m%d-%H%M%S%.6f")
        .to_string();
    fs::write(folder.join(format!("{NEW}{time}.txt")), text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_of_once_and_old_reports_go() {
        let data = tempfile::tempdir().unwrap();
        assert_eq!(take_untold(data.path()), None);
        for index in 0..12 {
            write(data.path(), &format!("fault {index}")).unwrap();
        }
        let told = take_untold(data.path()).unwrap();
        assert_eq!(fs::read_to_string(&told).unwrap(), "fault 11", "the newest");
        assert_eq!(take_untold(data.path()), None);
        let folder = data.path().join(FOLDER);
        assert_eq!(names(&folder).len(), MOST);
        write(data.path(), "another").unwrap();
        let told = take_untold(data.path()).unwrap();
        assert_eq!(fs::read_to_string(&told).unwrap(), "another");
        assert_eq!(names(&folder).len(), MOST);
    }

    #[test]
    fn a_report_says_what_was_wrong_and_ends_with_the_log() {
        let data = tempfile::tempdir().unwrap();
        let log = log::place(data.path());
        fs::create_dir_all(log.parent().unwrap()).unwrap();
        let lines: Vec<String> = (0..300).map(|line| format!("line {line}")).collect();
        fs::write(&log, lines.join("\n")).unwrap();
        assert_eq!(message(&"words"), "words");
        assert_eq!(message(&"words".to_owned()), "words");
        assert_eq!(message(&7_u8), "a fault without words");
        let last = last_lines(&log);
        assert!(
            last.starts_with("line 100\n") && last.ends_with("\nline 299"),
            "{last}"
        );
    }
}
