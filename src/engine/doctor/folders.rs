//! The folders that the program writes unasked: whether it can, and how much room there is.

use std::io;
use std::path::{Path, PathBuf};

use super::{Finding, size};
use crate::images::places;

/// Less room than this, in bytes, and a run with its pictures may not fit.
const LITTLE_ROOM: u64 = 256 << 20;

/// A folder and what is lost without it.
struct Place {
    subject: &'static str,
    path: Option<PathBuf>,
    /// What does not work where it can't be written, to begin a sentence.
    loss: &'static str,
    /// How to choose another one.
    variable: &'static str,
    is_needed: bool,
}

pub(super) fn look(note: &mut dyn FnMut(Finding)) {
    let places = [
        Place {
            subject: "settings folder",
            path: places::settings(),
            loss: "the window forgets its settings",
            variable: "XDG_CONFIG_HOME",
            is_needed: false,
        },
        Place {
            subject: "data folder",
            path: places::data(),
            loss: "the window keeps no runs",
            variable: "XDG_DATA_HOME",
            is_needed: false,
        },
        Place {
            subject: "cache folder",
            path: places::cache(),
            loss: "the samples are written to the folder for temporary files",
            variable: "XDG_CACHE_HOME",
            is_needed: false,
        },
        Place {
            subject: "temporary folder",
            path: Some(places::temporary()),
            loss: "pasted pictures and unfinished run files can't be opened",
            variable: "TMPDIR",
            is_needed: true,
        },
    ];
    let home = std::env::home_dir();
    for place in &places {
        note(judge(place, home.as_deref()));
    }
}

fn judge(place: &Place, home: Option<&Path>) -> Finding {
    let Place { subject, loss, .. } = *place;
    let Some(path) = &place.path else {
        let advice = format!("{loss}; set HOME to a folder of yours");
        return Finding::warning(subject, "this system names none", advice);
    };
    let shown = shortened(path, home);
    let nearest = nearest(path);
    let remedy = format!(
        "let this user write there, or set {} to another folder",
        place.variable
    );
    let state = try_writing(nearest).map(|()| room(nearest));
    let room = match state {
        Ok(room) => room,
        Err(error) => {
            let found = format!("{shown} can't be written: {error}");
            let advice = format!("{loss}; {remedy}");
            return if place.is_needed {
                Finding::failed(subject, found, advice)
            } else {
                Finding::warning(subject, found, advice)
            };
        }
    };
    let state = if nearest == path {
        ""
    } else {
        ", not there yet"
    };
    let free = room.map_or_else(String::new, |room| format!(", {} free", size(room)));
    let found = format!("{shown}{state}{free}");
    if room.is_some_and(|room| room < LITTLE_ROOM) {
        let advice = format!(
            "make room there, or set {} to another folder",
            place.variable
        );
        return Finding::warning(subject, found, advice);
    }
    Finding::ok(subject, found)
}

/// Who pastes this somewhere need not tell a name: the home is `~`.
fn shortened(path: &Path, home: Option<&Path>) -> String {
    let home = home.filter(|home| home.parent().is_some());
    match home.and_then(|home| path.strip_prefix(home).ok()) {
        Some(rest) if rest.as_os_str().is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{}", rest.display()),
        None => path.display().to_string(),
    }
}

/// The folder itself, or the one above it that it would be made in.
fn nearest(path: &Path) -> &Path {
    let there = path.ancestors().find(|it| it.symlink_metadata().is_ok());
    there.unwrap_or(path)
}

/// Write a byte that has no name in the folder, or loses it at once where the system knows nothing else.
fn try_writing(folder: &Path) -> io::Result<()> {
    use std::io::Write as _;
    if !folder.is_dir() {
        return Err(io::Error::other("it is no folder"));
    }
    tempfile::tempfile_in(folder)
        .and_then(|mut file| file.write_all(b"."))
        .map_err(|error| without_path(&error))
}

/// What the system said: the path is told already, and its last part is a made-up name.
fn without_path(error: &io::Error) -> io::Error {
    match error.raw_os_error() {
        Some(code) => io::Error::from_raw_os_error(code),
        None => io::Error::from(error.kind()),
    }
}

/// Bytes that this user may still write; `None` where the system does not say.
#[cfg(unix)]
fn room(folder: &Path) -> Option<u64> {
    let found = rustix::fs::statvfs(folder).ok()?;
    found.f_bavail.checked_mul(found.f_frsize)
}

/// Bytes that this user may still write; `None` where the system does not say.
#[cfg(not(unix))]
fn room(_: &Path) -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::super::Status;
    use super::*;

    fn place(path: &Path, is_needed: bool) -> Place {
        Place {
            subject: "data folder",
            path: Some(path.to_owned()),
            loss: "nothing is kept",
            variable: "SOME_HOME",
            is_needed,
        }
    }

    #[test]
    fn a_folder_that_is_not_there_yet_is_as_good_as_the_one_above_it() {
        let base = tempfile::tempdir().unwrap();
        let missing = base.path().join("a/b");
        let found = judge(&place(&missing, false), Some(base.path()));
        assert_eq!((found.status, found.advice), (Status::Ok, None));
        assert!(
            found.found.starts_with("~/a/b, not there yet"),
            "{}",
            found.found
        );
        #[cfg(unix)]
        assert!(found.found.ends_with(" free"), "{}", found.found);
        let left = fs::read_dir(base.path()).unwrap().count();
        assert_eq!(left, 0, "nothing is made");
    }

    #[test]
    fn a_file_in_the_way_is_found_and_what_is_lost_is_said() {
        let base = tempfile::tempdir().unwrap();
        let file = base.path().join("in-the-way");
        fs::write(&file, b"").unwrap();
        let below = file.join("lmd-inspector");
        for (is_needed, status) in [(false, Status::Warning), (true, Status::Failed)] {
            let found = judge(&place(&below, is_needed), None);
            assert_eq!(found.status, status);
            assert!(found.found.contains("can't be written"), "{}", found.found);
            let advice = found.advice.unwrap();
            assert!(advice.starts_with("nothing is kept; let"), "{advice}");
            assert!(advice.contains("SOME_HOME"), "{advice}");
        }
    }

    #[test]
    fn the_home_is_not_told_by_name() {
        let home = Path::new("/home/someone");
        let told = |path: &str, home: &Path| shortened(Path::new(path), Some(home));
        assert_eq!(told("/home/someone/.config/x", home), "~/.config/x");
        assert_eq!(told("/home/someone", home), "~");
        assert_eq!(told("/home/someone-else/x", home), "/home/someone-else/x");
        // Services have the root for a home.
        assert_eq!(told("/tmp", Path::new("/")), "/tmp");
    }
}
