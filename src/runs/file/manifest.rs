//! What a run was made of: enough to trace its numbers and to continue it.

use std::path::PathBuf;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::machine::this_machine;
use super::values;
use crate::images::Geometry;
use crate::networks::ModelIdentity;
use crate::networks::checkpoints::ModelSource;
use crate::networks::executors::{DeviceInfo, Numerics};
use crate::ood::{MeasureId, Role};
use crate::runs::report::{path_from_text, text_from_path};
use crate::runs::settings::RunSettings;

/// All that decides a run's numbers besides its image files. A field that this program does not know may decide them too,
/// so there must be none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// The program's version that began the run.
    pub app_version: String,
    /// When it began, RFC 3339.
    pub created: String,
    /// The folder it was started in: relative paths begin there.
    pub working_folder: String,
    pub model: ModelRecord,
    /// Every setting; see [`Manifest::settings`].
    settings: RunSettings,
    /// The measures of each attempt, in the order of its values; files of the first format had these three.
    #[serde(default = "first_measures")]
    pub measures: Vec<MeasureId>,
    /// The folders as given, with their roles.
    pub folders: Vec<FolderRecord>,
    /// Images of the run.
    pub num_images: usize,
    /// Which part of a list of images this is.
    pub shard: Option<Shard>,
    /// Which reconstructions are kept.
    pub keep_pictures: KeepPictures,
    /// Files that could not be read when the folders were listed.
    pub num_skipped: usize,
    /// Whether a report folder lies around the file.
    pub has_report_beside: bool,
}

/// What is known before a run begins.
#[derive(Clone, Debug)]
pub struct NewRun<'a> {
    pub model: ModelRecord,
    /// Every setting.
    pub settings: &'a RunSettings,
    /// What is measured of each attempt.
    pub measures: Vec<MeasureId>,
    /// The folders as given, with their roles.
    pub folders: &'a [(Role, PathBuf)],
    /// Which part of a list of images this is.
    pub shard: Option<Shard>,
    /// Which reconstructions are kept.
    pub keep_pictures: KeepPictures,
    /// Files that could not be read when the folders were listed.
    pub num_skipped: usize,
    /// Whether a report folder lies around the file.
    pub has_report_beside: bool,
}

impl Manifest {
    /// The manifest of a run that begins now, of this many images.
    pub fn new(run: NewRun<'_>, num_images: usize) -> Self {
        let mut settings = run.settings.clone();
        for path in settings.method.detector.files_mut() {
            // JSON has no place for other bytes.
            *path = text_from_path(path).into();
        }
        Self {
            app_version: env!("CARGO_PKG_VERSION").to_owned(),
            created: jiff::Timestamp::now().to_string(),
            working_folder: std::env::current_dir()
                .map(|folder| text_from_path(&folder))
                .unwrap_or_default(),
            model: run.model,
            settings,
            measures: run.measures,
            folders: run
                .folders
                .iter()
                .map(|(role, path)| FolderRecord {
                    role: *role,
                    path: text_from_path(path),
                })
                .collect(),
            num_images,
            shard: run.shard,
            keep_pictures: run.keep_pictures,
            num_skipped: run.num_skipped,
            has_report_beside: run.has_report_beside,
        }
    }

    /// The run's settings.
    pub fn settings(&self) -> RunSettings {
        let mut settings = self.settings.clone();
        for path in settings.method.detector.files_mut() {
            *path = path_from_text(&path.to_string_lossy());
        }
        settings
    }

    /// Why two runs can't be joined, if so: scores of different models or settings are not comparable.
    pub fn difference(&self, other: &Self) -> Option<String> {
        if let Some(reason) = self
            .model
            .identity
            .compare(&other.model.identity)
            .difference()
        {
            return Some(reason);
        }
        if self.measures != other.measures {
            return Some("other distances were measured".to_owned());
        }
        let names = self.settings.differences(&other.settings);
        (!names.is_empty()).then(|| format!("the settings differ: {}", names.join(", ")))
    }
}

fn first_measures() -> Vec<MeasureId> {
    values::FIRST.to_vec()
}

/// What is kept of the model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelRecord {
    /// `bundled`, or its path, written as in `scores.csv`.
    pub source: String,
    /// Its name for people.
    pub name: String,
    /// Checkpoint family.
    pub family: String,
    /// What tells its numbers from another model's.
    #[serde(flatten)]
    pub identity: ModelIdentity,
    /// Training timesteps T.
    pub num_train_timesteps: usize,
    /// The images it works on.
    pub geometry: Geometry,
}

impl ModelRecord {
    /// The source as it is written here.
    pub fn source_text(source: &ModelSource) -> String {
        match source {
            ModelSource::Bundled(bundled) => bundled.name().to_owned(),
            ModelSource::Path(path) => text_from_path(path),
            ModelSource::Blank(blank) => blank.to_string(),
        }
    }

    /// Where the model was.
    pub fn source(&self) -> ModelSource {
        ModelSource::stored(&path_from_text(&self.source))
    }
}

/// A folder of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderRecord {
    /// What it is for.
    pub role: Role,
    /// Its path, written as in `scores.csv`.
    pub path: String,
}

/// Which reconstructions a run file keeps. The prepared originals are always kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum KeepPictures {
    /// Each attempt's.
    #[default]
    All,
    /// Once all attempts of an image are done, only its median attempt's (by the distance that the run shows).
    Median,
    None,
}

impl KeepPictures {
    /// About how many bytes a run will take: PNG halves natural pictures, and their rows take some 400 bytes each.
    pub fn expected_bytes(self, geometry: Geometry, num_images: usize, num_results: usize) -> u64 {
        let an_image = match self {
            Self::All => 1 + num_results,
            Self::Median => 1 + num_results.min(1),
            Self::None => 1,
        };
        (geometry.len() as u64 / 2 + 400) * an_image as u64 * num_images as u64
    }
}

/// Part `index` of `count` of a list of images: every `count`-th, beginning with the `index`-th (both from 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shard {
    /// From 1 to `count`.
    pub index: usize,
    /// At least 1.
    pub count: usize,
}

impl Shard {
    /// Whether the image at this position (from 0) of the list is in the part.
    pub fn holds(self, position: usize) -> bool {
        position % self.count == self.index - 1
    }
}

impl FromStr for Shard {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let numbers = text
            .split_once('/')
            .and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
        match numbers {
            Some((index, count)) if (1..=count).contains(&index) => Ok(Self { index, count }),
            _ => Err(format!(
                "expected I/N with I from 1 to N, e.g. 2/8, or `auto`, got `{text}`"
            )),
        }
    }
}

/// One segment of work on a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// When it began, RFC 3339.
    pub started: String,
    /// The program's version.
    pub app_version: String,
    /// The device, e.g. `CPU (AVX2, 2 threads)`.
    pub device: String,
    /// What decides the last bits of the scores; files of earlier versions hold the device alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub numerics: Option<Numerics>,
    /// A name of the machine that says nothing of its owner; `None` where the system has none.
    #[serde(default)]
    pub machine: Option<String>,
    /// Network calls, one an image and step; 0 until it ends in order.
    pub network_calls: u64,
    /// Seconds from the first to the last network call; 0 until it ends in order.
    pub seconds: f64,
}

impl Segment {
    /// Beginning now.
    pub fn now(device: &DeviceInfo) -> Self {
        Self {
            started: jiff::Timestamp::now().to_string(),
            app_version: env!("CARGO_PKG_VERSION").to_owned(),
            device: device.label.clone(),
            numerics: Some(device.numerics.clone()),
            machine: this_machine().map(str::to_owned),
            network_calls: 0,
            seconds: 0.0,
        }
    }

    /// What decides the last bits of a score: the program's version and the executor's numerics.
    pub fn kernels(&self) -> String {
        format!("version {} on {}", self.app_version, self.numerics())
    }

    fn numerics(&self) -> Numerics {
        self.numerics
            .clone()
            .unwrap_or_else(|| numerics_of_label(&self.device))
    }

    /// What is told of its device.
    pub fn device_info(&self) -> DeviceInfo {
        DeviceInfo {
            label: self.device.clone(),
            numerics: self.numerics(),
        }
    }
}

/// What the label that earlier versions gave a device says of its numerics: all of it but the number of threads.
fn numerics_of_label(label: &str) -> Numerics {
    match label.rsplit_once(", ") {
        Some((device, threads))
            if threads.ends_with("thread)") || threads.ends_with("threads)") =>
        {
            Numerics::new(format!("{device})"))
        }
        _ => Numerics::new(label),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::executors::{DeviceChoice, open_device};

    #[test]
    fn shards_are_numbered_from_one_and_cover_a_list_once() {
        for text in ["0/3", "4/3", "1", "1/0", "a/b", "-1/2", "1/2/3"] {
            assert!(text.parse::<Shard>().is_err(), "{text}");
        }
        let shards = ["1/3", "2/3", "3/3"].map(|text| text.parse::<Shard>().unwrap());
        for position in 0..10 {
            let holders = shards.iter().filter(|shard| shard.holds(position));
            assert_eq!(holders.count(), 1, "position {position}");
        }
        assert!(shards[0].holds(0));
    }

    /// A segment as JSON of version 0.1.0, which had the device's label alone.
    fn labeled(device: &str) -> Segment {
        let json = serde_json::json!({
            "started": "2026-01-01T00:00:00Z",
            "app_version": env!("CARGO_PKG_VERSION"),
            "device": device,
            "network_calls": 90,
            "seconds": 1.5,
        });
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn the_number_of_threads_is_no_part_of_the_kernels() {
        let kernels = |device: &str| labeled(device).kernels();
        assert_eq!(
            kernels("CPU (AVX2, 2 threads)"),
            kernels("CPU (AVX2, 64 threads)")
        );
        assert_eq!(
            kernels("CPU (portable, 1 thread)"),
            kernels("CPU (portable, 2 threads)")
        );
        assert_ne!(
            kernels("CPU (AVX2, 2 threads)"),
            kernels("CPU (AVX-512, 2 threads)")
        );
        assert_ne!(kernels("CPU (AVX2, 2 threads)"), kernels("CUDA GPU 0"));
    }

    #[test]
    fn a_device_is_the_same_in_files_with_its_label_alone() {
        for choice in [DeviceChoice::CPU, DeviceChoice::CANDLE_CPU] {
            let device = DeviceInfo::of(&*open_device(choice).unwrap());
            let now = Segment::now(&device);
            assert_eq!(labeled(&device.label).kernels(), now.kernels());
            let read: Segment =
                serde_json::from_str(&serde_json::to_string(&now).unwrap()).unwrap();
            assert_eq!((&read, read.device_info()), (&now, device));
        }
    }

    #[test]
    fn a_label_decides_nothing_where_the_numerics_are_known() {
        let device = |label: &str, numerics: &str| DeviceInfo {
            label: label.to_owned(),
            numerics: Numerics::new(numerics),
        };
        let segment = Segment::now(&device("a label, of any form", "bits"));
        assert_eq!(
            segment.kernels(),
            Segment::now(&device("another", "bits")).kernels()
        );
        assert_ne!(
            segment.kernels(),
            Segment::now(&device("a label, of any form", "other bits")).kernels()
        );
    }
}
