//! The commit of a checkout, read from git's own files: git need not be installed where the program is built.

use std::fs;
use std::path::{Path, PathBuf};

/// What is known of the sources in a folder.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// The commit in hexadecimal digits; `None` without git, or where its files are of an unknown kind.
    pub commit: Option<String>,
    /// Files that change with it. All of them are there: cargo takes a missing file for one that has changed.
    pub watched: Vec<PathBuf>,
}

/// The commit of the sources in `root`. Folders above it are not looked at: an unpacked crate may lie in a checkout of
/// something else.
pub fn find(root: &Path) -> Found {
    match git_folder(root) {
        Some(git) => of_checkout(&git),
        None => Found {
            commit: of_package(&root.join(".cargo_vcs_info.json")),
            watched: Vec::new(),
        },
    }
}

/// Git's folder: `.git`, or what the file of that name points to in a second worktree.
fn git_folder(root: &Path) -> Option<PathBuf> {
    let git = root.join(".git");
    if git.is_dir() {
        return Some(git);
    }
    let pointer = fs::read_to_string(git).ok()?;
    Some(root.join(pointer.strip_prefix("gitdir:")?.trim()))
}

fn of_checkout(git: &Path) -> Found {
    // A worktree has a head of its own and shares its branches.
    let shared = fs::read_to_string(git.join("commondir"));
    let shared = shared.map_or_else(|_| git.to_owned(), |path| git.join(path.trim()));
    let head = git.join("HEAD");
    // Every commit is written down in the log, wherever the branch is kept.
    let mut watched = vec![head.clone(), git.join("logs/HEAD")];
    let text = fs::read_to_string(head).unwrap_or_default();
    let commit = match text.trim().strip_prefix("ref:") {
        None => digits(&text),
        Some(branch) => {
            let branch = branch.trim();
            let (own, packed) = (shared.join(branch), shared.join("packed-refs"));
            let commit = fs::read_to_string(&own).map_or_else(
                |_| of_packed(&fs::read_to_string(&packed).unwrap_or_default(), branch),
                |text| digits(&text),
            );
            watched.extend([own, packed]);
            commit
        }
    };
    watched.retain(|file| file.is_file());
    Found { commit, watched }
}

/// A branch in the file of many: a line each, `digits name`.
fn of_packed(packed: &str, branch: &str) -> Option<String> {
    let mut lines = packed.lines().filter_map(|line| line.split_once(' '));
    let (commit, _) = lines.find(|(_, name)| *name == branch)?;
    digits(commit)
}

/// What `cargo package` writes beside the sources.
fn of_package(info: &Path) -> Option<String> {
    let text = fs::read_to_string(info).ok()?;
    let (_, after) = text.split_once("\"sha1\"")?;
    digits(after.split('"').nth(1)?)
}

/// A whole name of a commit, by SHA-1 or SHA-256.
fn digits(text: &str) -> Option<String> {
    let text = text.trim();
    let is_name = matches!(text.len(), 40 | 64) && text.bytes().all(|b| b.is_ascii_hexdigit());
    is_name.then(|| text.to_owned())
}
