//! What a command reads and what it writes: no output may be an input, another output, or somebody's run.

use std::fs;
use std::path::{Path, PathBuf};

use super::Failure;
use crate::images::decode::describe_file;
use crate::images::sources::{self, held_out, labels, rows, table};
use crate::images::write::{is_database, is_same_file, real_path, write_atomically, write_new};
use crate::networks::checkpoints::ModelSource;
use crate::runs::RunSettings;
use crate::runs::file::EXTENSION;
use crate::runs::marks;

/// What SQLite keeps beside a run file.
const COMPANIONS: [&str; 3] = ["-wal", "-shm", "-journal"];

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A run file, which has a check of its own against being written by two.
    Run,
    /// Any other file.
    File,
}

/// The paths of one command.
#[derive(Debug, Default)]
pub struct Paths {
    may_overwrite: bool,
    files: Vec<PathBuf>,
    /// Folders of which every file is read.
    folders: Vec<PathBuf>,
    /// Folders of which the images are read.
    image_folders: Vec<PathBuf>,
    claimed: Vec<PathBuf>,
}

impl Paths {
    /// Of a command that may replace files or not.
    pub fn new(may_overwrite: bool) -> Self {
        Self {
            may_overwrite,
            ..Self::default()
        }
    }

    /// The command reads this file.
    #[must_use]
    pub fn reads(mut self, path: &Path) -> Self {
        self.files.push(path.to_owned());
        self
    }

    /// The command reads this run, with the log beside it.
    #[must_use]
    pub fn reads_run(mut self, path: &Path) -> Self {
        for ending in COMPANIONS {
            let mut name = path.as_os_str().to_owned();
            name.push(ending);
            self.files.push(name.into());
        }
        self.reads(path)
    }

    /// The command reads this model.
    #[must_use]
    pub fn reads_model(mut self, source: &ModelSource) -> Self {
        if let ModelSource::Path(path) = source {
            self.folders.push(path.clone());
        }
        self
    }

    /// The command reads the files that these settings name, e.g. a mask image.
    #[must_use]
    pub fn reads_files_of(self, settings: &RunSettings) -> Self {
        let files = settings.method.detector.files().into_iter();
        files.fold(self, |paths, path| paths.reads(path))
    }

    /// The command reads the images of this folder, this image, or the images that this table or this model names.
    #[must_use]
    pub fn reads_images(mut self, path: &Path) -> Self {
        if let Some(model) = held_out::model_of(path) {
            let sources = held_out::sources_of(path);
            let with_model = self.reads_model(&ModelSource::Path(model));
            return sources
                .iter()
                .fold(with_model, |paths, source| paths.reads_images(source));
        }
        if path.is_dir() {
            self.image_folders.push(path.to_owned());
            return self;
        }
        if let Some((of, _)) = rows::part_of(path) {
            return self.reads_images(of);
        }
        if labels::is_table(path) {
            // What is wrong with the table is said where it is read.
            let rows = table::read(path).unwrap_or_default().rows;
            self.files.extend(rows.into_iter().map(|row| row.image));
        }
        self.reads(sources::file_of(path))
    }

    /// The command will write this file: refuse what must not be replaced.
    pub fn claim(&mut self, path: &Path, kind: Kind) -> Result<(), Failure> {
        self.refusal(path, kind).map_or(Ok(()), |why| {
            Err(Failure::bad_request(anyhow::anyhow!(
                "{why}: {}",
                path.display()
            )))
        })?;
        if self.claimed.iter().any(|other| is_same_file(other, path)) {
            return Err(Failure::bad_request(anyhow::anyhow!(
                "two outputs would be the same file; choose another for one of them: {}",
                path.display()
            )));
        }
        self.claimed.push(path.to_owned());
        Ok(())
    }

    fn refusal(&self, path: &Path, kind: Kind) -> Option<&'static str> {
        let is_input = || self.files.iter().any(|input| is_same_file(input, path));
        if path.exists() && (is_input() || self.is_read(path)) {
            return Some("this file is read by the same command; choose another output");
        }
        if fs::metadata(path).is_ok_and(|found| !found.is_file() && !found.is_dir()) {
            return Some("this is a device or a pipe, not a file; choose another output");
        }
        if kind == Kind::File && is_database(path) {
            return Some(
                "a run file (or another database) lies here, and only a run may replace it; choose another output",
            );
        }
        if is_companion_of_a_run(path) {
            return Some("this file belongs to a run file beside it; choose another output");
        }
        None
    }

    /// Whether a file that exists lies in a folder of the command and is one that it reads.
    fn is_read(&self, path: &Path) -> bool {
        if !path.is_file() {
            return false;
        }
        let real = real_path(path);
        let is_in = |folders: &[PathBuf]| {
            let mut folders = folders.iter();
            folders.any(|folder| real.starts_with(real_path(folder)))
        };
        // A run, and an earlier report with its charts around it, are no part of a model and no images.
        let report = path.with_file_name("run").with_extension(EXTENSION);
        if is_database(path) || is_database(&report) {
            return false;
        }
        is_in(&self.folders) || (is_in(&self.image_folders) && describe_file(path).is_ok())
    }

    /// Write a file, with all that [`Self::claim`] refuses. One that exists is replaced where that is allowed.
    pub fn write(&self, path: &Path, content: &[u8]) -> Result<(), Failure> {
        if let Some(why) = self.refusal(path, Kind::File) {
            return Err(Failure::failed(anyhow::anyhow!(
                "{why}: {}",
                path.display()
            )));
        }
        let parent = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty());
        parent
            .map_or(Ok(()), std::fs::create_dir_all)
            .and_then(|()| {
                if self.may_overwrite {
                    write_atomically(path, content)
                } else {
                    write_new(path, content)
                }
            })
            .map_err(|error| {
                Failure::failed(anyhow::anyhow!(
                    "this file can't be written: {error}: {}",
                    path.display()
                ))
            })
    }
}

fn is_companion_of_a_run(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    let marks = name.strip_suffix(marks::EXTENSION);
    COMPANIONS
        .iter()
        .filter_map(|ending| name.strip_suffix(ending))
        .chain(marks.and_then(|name| name.strip_suffix('.')))
        .any(|run| is_database(&path.with_file_name(run)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::lmd::Lmd;
    use crate::ood::MaskKind;

    fn refused(paths: &mut Paths, path: &Path, kind: Kind) -> String {
        format!("{:#}", paths.claim(path, kind).unwrap_err().error)
    }

    #[test]
    fn no_output_is_an_input_or_a_run_or_two() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let png = include_bytes!("../../assets/samples/mnist/00000.png");
        std::fs::create_dir(at("images")).unwrap();
        std::fs::create_dir(at("model")).unwrap();
        for name in ["images/a.png", "mask.png", "named.png"] {
            std::fs::write(at(name), png).unwrap();
        }
        std::fs::write(at("run.lmdrun-wal"), "log").unwrap();
        std::fs::write(at("images/detector.json"), "{}").unwrap();
        std::fs::write(at("model/config.json"), "{}").unwrap();
        std::fs::write(at("labels.csv"), "path,label\nnamed.png,in-domain\n").unwrap();
        for name in ["run.lmdrun", "other.lmdrun"] {
            std::fs::write(at(name), b"SQLite format 3\0").unwrap();
        }
        let settings = RunSettings::by_lmd(Lmd {
            mask: MaskKind::File(at("mask.png")),
            ..Lmd::default()
        });
        let mut paths = Paths::new(true)
            .reads_run(&at("run.lmdrun"))
            .reads_model(&ModelSource::Path(at("model")))
            .reads_files_of(&settings)
            .reads_images(&at("images"))
            .reads_images(&at("labels.csv"));
        for name in [
            "run.lmdrun",
            "./run.lmdrun",
            "model/config.json",
            "mask.png",
            "images/a.png",
            "images/../images/a.png",
            "labels.csv",
            "named.png",
        ] {
            for kind in [Kind::File, Kind::Run] {
                let told = refused(&mut paths, &at(name), kind);
                assert!(told.contains("read by the same command"), "{name}: {told}");
                assert!(told.ends_with(&at(name).display().to_string()), "{told}");
            }
        }
        let told = refused(&mut paths, &at("other.lmdrun"), Kind::File);
        assert!(told.contains("only a run may replace it"), "{told}");
        let told = refused(&mut paths, &at("run.lmdrun-wal"), Kind::File);
        assert!(told.contains("read by the same command"), "{told}");
        for name in ["other.lmdrun-wal", "other.lmdrun.marks"] {
            let told = refused(&mut paths, &at(name), Kind::File);
            assert!(told.contains("belongs to a run file"), "{told}");
        }
        paths.claim(&at("other.lmdrun"), Kind::Run).unwrap();
        paths
            .claim(&at("images/detector.json"), Kind::File)
            .unwrap();
        paths.claim(&at("new.csv"), Kind::File).unwrap();
        let told = refused(&mut paths, &at("images/../new.csv"), Kind::File);
        assert!(told.contains("two outputs"), "{told}");
    }
}
