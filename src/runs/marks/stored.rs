//! The file of a run's marks, `NAME.lmdrun.marks`, as JSON.
//!
//! It may hold what a person has done in days: one that can't be read, or that a later program wrote, is never written.
//! Changes are put into the file as it is by then, so that a window and a command can both work on it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::json;

use super::{ImageMarks, Marks};
use crate::images::ContentHash;
use crate::images::input::{self, InputError};
use crate::images::write::write_atomically;
use crate::ood::Role;
use crate::runs::settings::unknown_field;

/// The version of the file's form that this program writes.
pub const SCHEMA: u32 = 1;

/// What comes after the name of the run file.
pub const EXTENSION: &str = "marks";

/// Most bytes of a file: notes about a few million images.
const MAX_BYTES: u64 = 1 << 30;

const VERSION: &str = "lmd_marks";

/// Why marks can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum MarksError {
    #[error("the marks can't be read: {source}: {}", path.display())]
    Read {
        path: PathBuf,
        /// What the system said.
        source: InputError,
    },
    #[error("the marks can't be written: {source}: {}", path.display())]
    Write {
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Cut off, changed by hand, or another kind of file.
    #[error(
        "the file of marks is damaged and stays as it is ({reason}); mend it, or move it away to begin anew: {}",
        path.display()
    )]
    Damaged { path: PathBuf, reason: String },
    /// A later form, or one with something in it that this program does not know.
    #[error("the file of marks has {what}, which this program does not know, and stays as it is; use a newer program: {}", path.display())]
    Newer {
        path: PathBuf,
        /// A form or a field.
        what: String,
    },
    /// Marks without their run, where those of another one are to go.
    #[error("marks of a run that is not there any more lie under that name; move them away, or choose another name: {}", path.display())]
    Taken { path: PathBuf },
}

impl MarksError {
    /// Whether the file holds something that this program must not replace.
    pub fn is_of_content(&self) -> bool {
        !matches!(self, Self::Write { .. })
    }
}

/// What every form has.
#[derive(Deserialize)]
struct Head {
    lmd_marks: u32,
}

/// What this form has.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Content {
    #[serde(rename = "lmd_marks")]
    _version: u32,
    #[serde(rename = "created_by")]
    _created_by: String,
    images: BTreeMap<String, ImageMarks>,
}

/// The file of the marks of a run file.
pub fn file_of(run: &Path) -> PathBuf {
    let mut name = OsString::from(run.as_os_str());
    name.push(".");
    name.push(EXTENSION);
    name.into()
}

/// Read the marks of a run file; none where there is no file of them.
pub fn load(run: &Path) -> Result<Marks, MarksError> {
    let path = file_of(run);
    if let Err(error) = fs::symlink_metadata(&path)
        && error.kind() == io::ErrorKind::NotFound
    {
        return Ok(Marks::default());
    }
    let bytes = input::read(&path, MAX_BYTES).map_err(|source| MarksError::Read {
        path: path.clone(),
        source,
    })?;
    parse(input::without_mark(&bytes), &path)
}

fn parse(bytes: &[u8], path: &Path) -> Result<Marks, MarksError> {
    let newer = |what: String| MarksError::Newer {
        path: path.to_owned(),
        what,
    };
    let damaged = |reason: String| MarksError::Damaged {
        path: path.to_owned(),
        reason,
    };
    let wrong = |error: serde_json::Error| match unknown_field(&error) {
        Some(field) => newer(format!("the field `{field}`")),
        None => damaged(error.to_string()),
    };
    let head: Head = serde_json::from_slice(bytes).map_err(wrong)?;
    if head.lmd_marks != SCHEMA {
        return Err(newer(format!("form {}", head.lmd_marks)));
    }
    let content: Content = serde_json::from_slice(bytes).map_err(wrong)?;
    let images = content.images.into_iter().map(|(name, marks)| {
        let hash = ContentHash::from_hex(&name)
            .ok_or_else(|| damaged(format!("`{name}` is no SHA-256 of an image")))?;
        if marks.corrected == Some(Role::Unknown) {
            return Err(damaged(format!(
                "the corrected role of {name} is `unknown`"
            )));
        }
        Ok((hash, marks))
    });
    images.collect()
}

/// Put the marks of some images into the file of a run's marks, in place of those that it has of them; what it has of others
/// stays. Nothing is written where it says the same already.
pub fn update<'a>(
    run: &Path,
    changed: impl IntoIterator<Item = &'a ContentHash>,
    marks: &Marks,
) -> Result<(), MarksError> {
    let path = file_of(run);
    let failed = |source| MarksError::Write {
        path: path.clone(),
        source,
    };
    // Two who write at once would each lose what the other one changed.
    let _turn = Turn::wait(&path);
    let before = load(run)?;
    let mut after = before.clone();
    for content in changed {
        after.set(*content, marks.of(content).cloned().unwrap_or_default());
    }
    if after == before {
        return Ok(());
    }
    let images: BTreeMap<String, &ImageMarks> = after
        .iter()
        .map(|(content, marks)| (content.to_string(), marks))
        .collect();
    let file = json!({
        VERSION: SCHEMA,
        "created_by": format!("LMD Inspector {}", env!("CARGO_PKG_VERSION")),
        "images": images,
    });
    write_atomically(&path, format!("{file:#}\n").as_bytes()).map_err(failed)
}

/// Holds the folder of a file of marks while it is read and replaced. The file itself can't be held: it is replaced.
struct Turn(#[expect(dead_code, reason = "held until it is dropped")] Option<File>);

impl Turn {
    fn wait(path: &Path) -> Self {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        // Some systems can't open or lock folders: two who write in the same moment are rare.
        let locked = File::open(folder).and_then(|folder| folder.lock().map(|()| folder));
        Self(locked.ok())
    }
}

/// Let the marks of a run that gets another name follow it; returns whether there were any. Call before the run goes, and
/// again the other way round where it stays.
pub fn rename_beside(from: &Path, to: &Path) -> Result<bool, MarksError> {
    let (from, to) = (file_of(from), file_of(to));
    let is_there = |path: &Path| fs::symlink_metadata(path).is_ok();
    if is_there(&to) {
        return Err(MarksError::Taken { path: to });
    }
    if !is_there(&from) {
        return Ok(false);
    }
    match fs::rename(&from, &to) {
        Ok(()) => Ok(true),
        Err(source) => Err(MarksError::Write { path: to, source }),
    }
}

/// Remove the marks of a run that was removed.
pub fn remove_beside(run: &Path) -> io::Result<()> {
    match fs::remove_file(file_of(run)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::MarkChange;
    use super::super::tests::content;
    use super::*;

    fn some() -> Marks {
        let mut marks = Marks::default();
        for change in [
            MarkChange::Tag("blur".into()),
            MarkChange::Tag("Übergang".into()),
            MarkChange::Note("first \"line\"\nsecond".into()),
            MarkChange::Correct(Some(Role::OutOfDomain)),
        ] {
            marks.change(content(0xab), &change);
        }
        marks.change(content(7), &MarkChange::Review(true));
        marks
    }

    fn all(marks: &Marks) -> Vec<ContentHash> {
        marks.iter().map(|(content, _)| *content).collect()
    }

    #[test]
    fn what_was_noted_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("a.lmdrun");
        assert!(load(&run).unwrap().is_empty(), "no file, no marks");
        update(&run, &all(&some()), &some()).unwrap();
        assert_eq!(load(&run).unwrap(), some());
        let text = fs::read_to_string(folder.path().join("a.lmdrun.marks")).unwrap();
        assert!(text.contains(&"ab".repeat(32)), "{text}");
        assert!(
            !text.contains("\"note\": \"\""),
            "what is empty is not written"
        );
        let others: Vec<_> = fs::read_dir(folder.path()).unwrap().collect();
        assert_eq!(others.len(), 1, "nothing is left beside it");
    }

    #[test]
    fn nothing_to_say_makes_no_file() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("a.lmdrun");
        update(&run, &[content(1)], &Marks::default()).unwrap();
        assert!(!file_of(&run).exists());
    }

    #[test]
    fn what_another_one_wrote_meanwhile_stays() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("a.lmdrun");
        update(&run, &all(&some()), &some()).unwrap();
        // Who knows of no mark writes one, of another image.
        let mut other = Marks::default();
        other.change(content(9), &MarkChange::Review(true));
        update(&run, &[content(9), content(7)], &other).unwrap();
        let found = load(&run).unwrap();
        assert_eq!(found.of(&content(0xab)), some().of(&content(0xab)));
        assert!(found.of(&content(9)).is_some());
        assert_eq!(found.of(&content(7)), None, "it was one of those to write");
    }

    #[test]
    fn many_at_once_lose_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("a.lmdrun");
        std::thread::scope(|scope| {
            for byte in 0..16 {
                let run = &run;
                scope.spawn(move || {
                    let mut marks = Marks::default();
                    marks.change(content(byte), &MarkChange::Review(true));
                    update(run, &[content(byte)], &marks).unwrap();
                });
            }
        });
        assert_eq!(load(&run).unwrap().len(), 16);
    }

    #[test]
    fn a_file_that_is_not_understood_is_refused_and_stays_as_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let run = folder.path().join("a.lmdrun");
        update(&run, &all(&some()), &some()).unwrap();
        let whole = fs::read_to_string(file_of(&run)).unwrap();
        let hash = "07".repeat(32);
        for (text, said) in [
            (whole[..whole.len() / 2].to_owned(), "is damaged"),
            (String::new(), "is damaged"),
            (whole.replace(&hash, "07"), "no SHA-256"),
            (whole.replace(&hash, &"0x".repeat(32)), "no SHA-256"),
            (whole.replace("out-of-domain", "unknown"), "corrected role"),
            (whole.replace("out-of-domain", "sideways"), "is damaged"),
            (
                whole.replace("\"lmd_marks\": 1", "\"lmd_marks\": 2"),
                "form 2",
            ),
            (
                whole.replace("\"reviewed\"", "\"rating\""),
                "the field `rating`",
            ),
            (
                whole.replace("\"images\"", "\"pictures\""),
                "the field `pictures`",
            ),
        ] {
            assert_ne!(text, whole);
            fs::write(file_of(&run), &text).unwrap();
            for error in [
                load(&run).unwrap_err(),
                update(&run, &all(&some()), &some()).unwrap_err(),
            ] {
                let told = error.to_string();
                assert!(told.contains(said), "{told}");
                assert!(told.ends_with("a.lmdrun.marks"), "{told}");
                assert!(error.is_of_content());
            }
            assert_eq!(fs::read_to_string(file_of(&run)).unwrap(), text);
        }
    }

    #[test]
    fn marks_follow_a_name_unless_others_lie_there() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let (a, b, c) = (at("a.lmdrun"), at("b.lmdrun"), at("c.lmdrun"));
        update(&a, &all(&some()), &some()).unwrap();
        assert!(rename_beside(&a, &b).unwrap());
        assert!(!rename_beside(&a, &c).unwrap(), "they are gone");
        assert_eq!(load(&b).unwrap(), some());
        update(&c, &[content(7)], &some()).unwrap();
        let told = rename_beside(&b, &c).unwrap_err().to_string();
        assert!(told.contains("under that name"), "{told}");
        assert_eq!(load(&b).unwrap(), some());
        remove_beside(&b).unwrap();
        remove_beside(&b).unwrap();
        assert!(load(&b).unwrap().is_empty());
    }
}
