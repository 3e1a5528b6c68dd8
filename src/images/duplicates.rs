//! What is listed twice: one image counts once in a role, or figures and thresholds look better founded than they are.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::path::{Path, PathBuf};

use super::file::{ContentHash, ImageFile};
use super::sources;
use crate::ood::Role;

/// What was found in a list of images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Duplicates {
    /// Positions of the images that are left out, in order.
    pub left_out: Vec<usize>,
    /// What to tell, a sentence each.
    pub notes: Vec<String>,
}

/// How often something was met, and the first file with the one that it repeats.
#[derive(Default)]
struct Met<'a> {
    count: usize,
    example: Option<(&'a Path, &'a Path)>,
}

impl<'a> Met<'a> {
    fn add(&mut self, example: (&'a Path, &'a Path)) {
        self.count += 1;
        self.example.get_or_insert(example);
    }

    fn note(&self, what: &str) -> Option<String> {
        let (path, first) = self.example?;
        let files = if self.count == 1 {
            "1 image file is".to_owned()
        } else {
            format!("{} image files are", self.count)
        };
        let like = if path == first {
            String::new()
        } else {
            format!(" (like {})", first.display())
        };
        Some(format!("{files} {what}, e.g. {}{like}", path.display()))
    }
}

/// Find what is listed twice. `place` is the same for every way to write the path of a file.
///
/// A file is used once per role, however its path is written. Of in-domain and of out-of-domain images, by which figures
/// and thresholds are made, each content is used once too; an unknown image is judged under each of its names.
pub fn find<'a>(
    images: impl IntoIterator<Item = (Role, &'a ImageFile)>,
    place: impl Fn(&Path) -> PathBuf,
) -> Duplicates {
    let mut left_out = Vec::new();
    let mut firsts: HashMap<(Role, ContentHash), &Path> = HashMap::new();
    let mut places: HashSet<(Role, PathBuf)> = HashSet::new();
    let (mut same_file, mut copies, mut unknown_copies) =
        (Met::default(), Met::default(), Met::default());
    for (position, (role, file)) in images.into_iter().enumerate() {
        let path = file.path.as_path();
        let Some(&first) = firsts.get(&(role, file.hash)) else {
            firsts.insert((role, file.hash), path);
            continue;
        };
        // Only where contents are equal: the file system may be asked.
        places.insert((role, place(first)));
        if !places.insert((role, place(path))) {
            same_file.add((path, first));
            left_out.push(position);
        } else if role == Role::Unknown {
            unknown_copies.add((path, first));
        } else {
            copies.add((path, first));
            left_out.push(position);
        }
    }
    let notes = [
        same_file.note("named more than once and used once"),
        copies
            .note("left out, since an image counts once per role and another has the same content"),
        unknown_copies
            .note("a copy of another image of unknown role, so that their verdicts are one"),
    ];
    Duplicates {
        left_out,
        notes: notes.into_iter().flatten().collect(),
    }
}

/// Leave out of a list what [`find`] finds; returns what to tell.
pub fn leave_out<T>(
    images: &mut Vec<T>,
    describe: impl Fn(&T) -> (Role, &ImageFile),
    place: impl Fn(&Path) -> PathBuf,
) -> Vec<String> {
    let Duplicates { left_out, notes } = find(images.iter().map(describe), place);
    if left_out.is_empty() {
        return notes;
    }
    let mut left_out = left_out.into_iter().peekable();
    let mut position = 0;
    images.retain(|_| {
        let is_left_out = left_out.next_if_eq(&position).is_some();
        position += 1;
        !is_left_out
    });
    notes
}

/// Images that play more than one role, as they are or nearly so: they make every figure worse than it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TwoRoles<'a> {
    /// How many have another role than the first image with their content; or how many pairs are nearly the same.
    pub count: usize,
    /// Whether it is the same content, and not only nearly the same picture.
    pub is_exact: bool,
    /// The first of these.
    pub example: (Role, &'a Path),
    /// The image that has its content and another role.
    pub first: (Role, &'a Path),
}

impl<'a> TwoRoles<'a> {
    /// `None` where each content has one role.
    pub fn find(images: impl IntoIterator<Item = (Role, &'a ImageFile)>) -> Option<Self> {
        let mut firsts: HashMap<ContentHash, (Role, &Path)> = HashMap::new();
        let mut found = images.into_iter().filter_map(|(role, file)| {
            let path = file.path.as_path();
            let first = *firsts.entry(file.hash).or_insert((role, path));
            (first.0 != role).then_some(((role, path), first))
        });
        let (example, first) = found.next()?;
        Some(Self {
            count: 1 + found.count(),
            is_exact: true,
            example,
            first,
        })
    }

    /// Of pairs that are nearly the same, those with two roles; those with the same content are told by [`Self::find`].
    pub fn near(pairs: impl IntoIterator<Item = [(Role, &'a ImageFile); 2]>) -> Option<Self> {
        let mut found = pairs
            .into_iter()
            .filter(|[(role, file), (other, twin)]| role != other && file.hash != twin.hash)
            .map(|pair| pair.map(|(role, file)| (role, file.path.as_path())));
        let [first, example] = found.next()?;
        Some(Self {
            count: 1 + found.count(),
            is_exact: false,
            example,
            first,
        })
    }
}

impl fmt::Display for TwoRoles<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            count,
            is_exact,
            example: (role, path),
            first: (first_role, first_path),
        } = self;
        let what = match (is_exact, count) {
            (true, 1) => "1 image file has the same content in two roles".to_owned(),
            (true, _) => format!("{count} image files have the same content in two roles"),
            (false, 1) => "2 images of different roles are nearly the same picture".to_owned(),
            (false, _) => {
                format!("{count} pairs of images of different roles are nearly the same picture")
            }
        };
        write!(
            f,
            "{what}, e.g. {} ({}) and {} ({}); the figures suffer from that: remove one of \
             each pair",
            first_path.display(),
            first_role.name(),
            path.display(),
            role.name()
        )
    }
}

/// A path as the file system knows it, without links and detours.
pub fn canonical(path: &Path) -> PathBuf {
    let file = sources::file_of(path);
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
    match path.strip_prefix(file) {
        Ok(inside) if file != path => real(file).join(inside),
        _ => real(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::images::NativeInfo;

    fn file(path: PathBuf, content: u8) -> ImageFile {
        ImageFile {
            path,
            hash: ContentHash([content; 32]),
            native: NativeInfo {
                width: 1,
                height: 1,
                format: "png".to_owned(),
                color: "L8".to_owned(),
                num_bytes: 1,
                jpeg_quality: None,
            },
        }
    }

    #[test]
    fn a_content_is_used_once_per_role_and_what_is_left_out_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["a", "b", "c"] {
            std::fs::write(at(name), name).unwrap();
        }
        let mut images = vec![
            (Role::InDomain, file(at("a"), 1)),
            (Role::InDomain, file(at("b"), 2)),
            (Role::InDomain, file(at("./a"), 1)),
            (Role::InDomain, file(at("c"), 1)),
            (Role::OutOfDomain, file(at("a"), 1)),
            (Role::Unknown, file(at("a"), 1)),
            (Role::Unknown, file(at("c"), 1)),
            (Role::Unknown, file(at("./c"), 1)),
        ];
        let notes = leave_out(&mut images, |(role, file)| (*role, file), canonical);
        let left: Vec<(Role, PathBuf)> = images
            .into_iter()
            .map(|(role, file)| (role, file.path))
            .collect();
        assert_eq!(
            left,
            [
                (Role::InDomain, at("a")),
                (Role::InDomain, at("b")),
                (Role::OutOfDomain, at("a")),
                (Role::Unknown, at("a")),
                (Role::Unknown, at("c")),
            ]
        );
        for (note, says) in notes.iter().zip([
            "2 image files are named more than once",
            "1 image file is left out",
            "1 image file is a copy of another image of unknown role",
        ]) {
            assert!(note.contains(says), "{note}");
        }
        assert_eq!(notes.len(), 3, "{notes:?}");
    }

    #[test]
    fn contents_in_two_roles_are_counted_and_the_first_pair_is_named() {
        let images = [
            (Role::InDomain, file("in/a".into(), 1)),
            (Role::InDomain, file("in/b".into(), 2)),
            (Role::OutOfDomain, file("out/c".into(), 3)),
            (Role::OutOfDomain, file("out/b".into(), 2)),
            (Role::Unknown, file("new/a".into(), 1)),
        ];
        let images = || images.iter().map(|(role, file)| (*role, file));
        assert_eq!(TwoRoles::find(images().take(3)), None);
        let said = |count| TwoRoles::find(images().take(count)).unwrap().to_string();
        let pair = "the same content in two roles, e.g. in/b (in-domain) and out/b (out-of-domain)";
        assert!(said(4).starts_with(&format!("1 image file has {pair}")));
        assert!(said(5).starts_with(&format!("2 image files have {pair}")));
    }

    #[test]
    fn nothing_is_said_of_images_that_differ() {
        let images = [
            (Role::InDomain, file("a".into(), 1)),
            (Role::InDomain, file("b".into(), 2)),
        ];
        assert_eq!(
            find(images.iter().map(|(role, file)| (*role, file)), canonical),
            Duplicates::default()
        );
    }
}
