//! The folders of this user that the program writes to unasked, as the platform names them.

use std::path::PathBuf;

use directories::ProjectDirs;

/// What keeps settings; `None` where the platform names no such folder, as without a home.
pub fn settings() -> Option<PathBuf> {
    project().map(|project| project.config_dir().to_owned())
}

/// What keeps recent runs.
pub fn data() -> Option<PathBuf> {
    project().map(|project| project.data_dir().to_owned())
}

/// What can be made again: the bundled samples.
pub fn cache() -> Option<PathBuf> {
    project().map(|project| project.cache_dir().to_owned())
}

/// What the system clears away.
pub fn temporary() -> PathBuf {
    std::env::temp_dir()
}

fn project() -> Option<ProjectDirs> {
    ProjectDirs::from("", "", "lmd-inspector")
}
