//! `lmd score --watch`: images that come to a folder while a run is at work.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, SystemTime};

use serde_json::json;
use walkdir::WalkDir;

use super::signals::Signals;
use super::{Failure, Outcome, terminal};
use crate::detectors::measures;
use crate::images::sources::{self, Wanted};
use crate::images::{ContentHash, ImageFile, decode, natural};
use crate::ood::Role;
use crate::ood::conformal::CalibrationScores;
use crate::runs::report::{ImageScores, Report, path_cell, text_from_path};
use crate::runs::{ResultLog, RunImage, RunSettings};

/// How often the folders are looked through.
const INTERVAL: Duration = Duration::from_secs(1);

/// How often the end is looked for meanwhile.
const POLL_INTERVAL: Duration = Duration::from_millis(20);

/// A file that nobody has written to for so long is taken for whole.
const SETTLED: Duration = Duration::from_secs(2);

/// Looks after which a file that can't be read is told of: a writer that pauses gets some time to go on.
const MOST_LOOKS: usize = 10;

/// What tells a file from another one of its name.
type Stamp = (u64, Option<SystemTime>);

/// Folders whose images are judged as they come.
#[derive(Debug)]
pub struct Watch {
    folders: Vec<Arc<PathBuf>>,
    /// Files that are in the run, or will not be.
    settled: HashMap<PathBuf, Stamp>,
    /// Files that may still be written, and the looks at them since they changed last.
    waiting: HashMap<PathBuf, (Stamp, usize)>,
    /// What the run has of them: a copy is not scored again.
    contents: HashSet<ContentHash>,
    /// Files that can't be read and that were told of.
    pub num_skipped: usize,
}

impl Watch {
    /// Watch these folders, whose images `there` are in the run already; `None` for none.
    pub fn new(folders: &[PathBuf], there: &[RunImage]) -> Result<Option<Self>, Failure> {
        if folders.is_empty() {
            return Ok(None);
        }
        if let Some(wrong) = folders.iter().find(|folder| !folder.is_dir()) {
            return Err(Failure::bad_request(anyhow::anyhow!(
                "--watch takes folders that are there: {}",
                wrong.display()
            )));
        }
        let unknown = there.iter().filter(|image| image.role == Role::Unknown);
        Ok(Some(Self {
            folders: folders.iter().cloned().map(Arc::new).collect(),
            settled: HashMap::new(),
            waiting: HashMap::new(),
            contents: unknown.map(|image| image.file.hash).collect(),
            num_skipped: 0,
        }))
    }

    /// Wait until the run has images, of which these are `there` already; returns the ones that have come.
    pub fn begin(
        &mut self,
        there: &[RunImage],
        signals: &Signals,
    ) -> Result<Vec<RunImage>, Failure> {
        let first = self.look();
        if !first.is_empty() || !there.is_empty() {
            return Ok(first);
        }
        let names: Vec<String> = (self.folders.iter())
            .map(|folder| folder.display().to_string())
            .collect();
        terminal::message(&format!(
            "waiting for the first image in {}",
            names.join(", ")
        ));
        let come = self.wait(&|| signals.exit_code().is_some());
        match signals.exit_code() {
            Some(code) if come.is_empty() => Err(Failure {
                outcome: Outcome::Interrupted(code),
                error: anyhow::anyhow!("stopped before an image came; nothing was written"),
            }),
            _ => Ok(come),
        }
    }

    /// Wait for images; none where `is_over` says so first.
    pub fn wait(&mut self, is_over: &dyn Fn() -> bool) -> Vec<RunImage> {
        loop {
            let found = self.look();
            if !found.is_empty() || is_over() {
                return found;
            }
            let mut waited = Duration::ZERO;
            while waited < INTERVAL && !is_over() {
                thread::sleep(POLL_INTERVAL);
                waited += POLL_INTERVAL;
            }
        }
    }

    /// The images that have come and are whole, in natural order of their paths.
    fn look(&mut self) -> Vec<RunImage> {
        let mut found = Vec::new();
        for folder in self.folders.clone() {
            let mut paths: Vec<(PathBuf, Stamp)> = files(&folder).collect();
            paths.sort_by(|(a, _), (b, _)| natural::compare(a, b));
            for (path, stamp) in paths {
                if self.settled.get(&path) != Some(&stamp) {
                    found.extend(self.take(&folder, path, stamp));
                }
            }
        }
        found
    }

    /// The image of a file, if it is whole and new.
    fn take(&mut self, folder: &Arc<PathBuf>, path: PathBuf, stamp: Stamp) -> Option<RunImage> {
        let looks = match self.waiting.get(&path) {
            Some((before, looks)) if *before == stamp => looks + 1,
            _ => 0,
        };
        self.waiting.insert(path.clone(), (stamp, looks));
        let age = stamp.1.and_then(|modified| modified.elapsed().ok());
        if looks == 0 && age.is_none_or(|age| age < SETTLED) {
            return None;
        }
        match described(&path) {
            Err(_) if looks < MOST_LOOKS => None,
            Err(reason) => {
                terminal::message(&format!("skipped: {reason}"));
                self.num_skipped += 1;
                self.settle(path, stamp);
                None
            }
            Ok(file) => {
                self.settle(path, stamp);
                self.contents.insert(file.hash).then(|| RunImage {
                    file,
                    role: Role::Unknown,
                    folder: Arc::clone(folder),
                })
            }
        }
    }

    fn settle(&mut self, path: PathBuf, stamp: Stamp) {
        self.waiting.remove(&path);
        self.settled.insert(path, stamp);
    }
}

/// A file's header, once all of its pixels could be decoded: one that is still being written can't.
fn described(path: &Path) -> Result<Arc<ImageFile>, String> {
    let listing = sources::list(path, Wanted::all(), &mut |_| ControlFlow::Continue(()));
    let file = listing
        .map_err(|error| error.to_string())?
        .files
        .into_iter()
        .next()
        .ok_or_else(|| format!("it holds no image: {}", path.display()))?;
    decode::decode_file(path).map_err(|error| format!("{error}: {}", path.display()))?;
    Ok(file)
}

/// Files that are named like images, in a folder and below it; hidden ones are left out, as writers name what is not whole.
fn files(folder: &Path) -> impl Iterator<Item = (PathBuf, Stamp)> {
    let walk = WalkDir::new(folder).follow_links(true).into_iter();
    let visible = walk.filter_entry(|entry| {
        entry.depth() == 0 || !entry.file_name().as_encoded_bytes().starts_with(b".")
    });
    // What goes away meanwhile is not there any more.
    visible.filter_map(Result::ok).filter_map(|entry| {
        let metadata = entry.metadata().ok()?;
        let is_image = metadata.is_file() && sources::has_image_extension(entry.path());
        is_image.then(|| {
            (
                entry.into_path(),
                (metadata.len(), metadata.modified().ok()),
            )
        })
    })
}

/// Says of each judged image how it scored, a line per image.
#[derive(Debug)]
pub struct Lines {
    is_json: bool,
    /// Images that were told, now or by an earlier process.
    told: HashSet<usize>,
}

impl Lines {
    /// None of what the log has all `num_attempts` of: it was told when it was scored.
    pub fn new(is_json: bool, log: &ResultLog, num_attempts: usize) -> Result<Self, Failure> {
        if !is_json {
            terminal::answer("path,score,p_value")?;
        }
        let mut counts: HashMap<usize, usize> = HashMap::new();
        for result in log.since(0) {
            *counts.entry(result.image).or_default() += 1;
        }
        let done = counts
            .into_iter()
            .filter(|(_, count)| *count == num_attempts);
        Ok(Self {
            is_json,
            told: done.map(|(image, _)| image).collect(),
        })
    }

    /// Tell of the images since the last time. A p-value is among the in-domain images of the run, where it has some.
    pub fn tell(
        &mut self,
        images: &[RunImage],
        log: &ResultLog,
        settings: &RunSettings,
    ) -> Result<(), Failure> {
        let results = log.since(0);
        let report = Report {
            images,
            results: &results,
            settings,
            network_calls: 0,
            seconds: 0.0,
            num_skipped: 0,
            notes: &[],
        };
        let measure = settings.view.measure;
        let scores = ImageScores::collect(&report);
        let of_in_domain = scores.iter().filter(|of| of.role == Role::InDomain);
        let calibration = CalibrationScores::new(of_in_domain.filter_map(|of| of.score(measure)));
        for of in &scores {
            let (Role::Unknown, Some(score)) = (of.role, of.score(measure)) else {
                continue;
            };
            if !self.told.insert(of.image) {
                continue;
            }
            let path = &images[of.image].file.path;
            let p_value = (calibration.count() > 0).then(|| calibration.p_value(score));
            terminal::answer(&if self.is_json {
                json!({
                    "path": text_from_path(path),
                    "measure": measures::column(&measure),
                    "score": score,
                    "p_value": p_value,
                })
                .to_string()
            } else {
                let p_value = p_value.map_or_else(String::new, |p| p.to_string());
                format!("{},{score},{p_value}", path_cell(path))
            })?;
        }
        Ok(())
    }
}
