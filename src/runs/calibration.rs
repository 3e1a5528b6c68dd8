//! The detector file: a decision that can be applied to new images, as JSON.

use std::borrow::Cow;
use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::digest;
use super::fit_file::fits_of;
use super::settings::{RunSettings, unknown_field};
use super::verdicts::CalibrationSet;
use crate::detectors::DetectorSettings;
use crate::images::ContentHash;
use crate::images::input::{self, InputError};
use crate::images::write::{write_atomically, write_new};
use crate::networks::ModelIdentity;
use crate::networks::checkpoints::{self, Blank, Bundled, ModelSource};
use crate::ood::ThresholdRule;
use crate::ood::conformal::CalibrationScores;

/// The version of the file's form that this program writes; it reads all earlier ones.
///
/// 1: without a digest and without the model's fingerprint.
pub const SCHEMA: u32 = 2;

/// Most bytes of a file: more than a million calibration images.
const MAX_BYTES: u64 = 256 << 20;

/// A threshold with everything that it depends on. A field that this program does not know may change what it says, so there
/// must be none.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Version of the file's form; also tells the file from other JSON.
    pub lmd_detector: u32,
    /// The program that wrote it.
    pub created_by: String,
    /// The model that made the scores.
    pub model: CalibratedModel,
    /// How images are scored, distance and aggregation included.
    pub settings: RunSettings,
    /// Images with a higher score are called out-of-domain.
    pub threshold: f64,
    /// How the threshold was set.
    pub how: ThresholdRule,
    /// Out-of-domain images that had a part in setting it; 0 for a threshold from in-domain images alone.
    pub num_out_of_domain: usize,
    /// Images that are among the in-domain ones, or are not, since somebody corrected their roles after they were scored; 0
    /// where roles are as they were given.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub num_corrected: usize,
    /// The in-domain images that new ones are compared with, each content once.
    pub calibration: Vec<CalibrationImage>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// Which model a detector needs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CalibratedModel {
    /// Where it was.
    pub source: ModelSource,
    /// Its name for people.
    pub name: String,
    /// What tells its numbers from another model's.
    #[serde(flatten)]
    pub identity: ModelIdentity,
}

impl CalibratedModel {
    /// What a detector needs: no model where it uses none, but the size of images that it was fitted on.
    fn needed(self, detector: &dyn DetectorSettings) -> Self {
        if detector.uses_model() {
            return self;
        }
        let fitted = fits_of(detector);
        let blank = fitted
            .first()
            .and_then(|fitted| Blank::new(fitted.geometry()));
        let checkpoint = blank.and_then(|blank| checkpoints::load(&ModelSource::Blank(blank)).ok());
        checkpoint.map_or(self, |checkpoint| Self {
            source: checkpoint.source,
            name: checkpoint.name,
            identity: checkpoint.identity,
        })
    }
}

/// One in-domain image with its score.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CalibrationImage {
    /// SHA-256 of the image file, in hex.
    pub sha256: String,
    pub score: f64,
}

/// Why a detector can't be read or written.
#[derive(Debug, thiserror::Error)]
pub enum CalibrationError {
    /// The system.
    #[error("the detector file can't be read: {source}: {}", path.display())]
    Read {
        path: PathBuf,
        /// What the system said.
        source: InputError,
    },
    /// The system, when writing.
    #[error("the detector file can't be written: {source}: {}", path.display())]
    Write {
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another kind of file.
    #[error("this is not a detector file as `lmd calibrate` writes it ({source}): {}", path.display())]
    Parse {
        path: PathBuf,
        /// Where it fails.
        source: serde_json::Error,
    },
    /// A later form.
    #[error(
        "this detector file has form {found}, and this program knows {SCHEMA}; use a newer program: {}",
        path.display()
    )]
    Schema {
        path: PathBuf,
        /// Its version.
        found: u32,
    },
    /// Something that this program does not know.
    #[error(
        "this detector file says something that this program does not know and that may change its verdicts, `{field}`; use \
         a newer program: {}",
        path.display()
    )]
    Unknown {
        path: PathBuf,
        /// What.
        field: String,
    },
    /// Its parts don't fit together.
    #[error("this detector file was damaged or changed by hand: {reason}; calibrate again: {}", path.display())]
    Inconsistent {
        path: PathBuf,
        /// What does not fit.
        reason: String,
    },
    /// JSON can't hold it.
    #[error("this detector can't be put into JSON: {0}; paths in it must be Unicode")]
    Encode(serde_json::Error),
}

/// Only the version, to tell later forms from damage.
#[derive(Deserialize)]
struct Version {
    lmd_detector: u32,
}

impl Calibration {
    /// A detector in the form that this program writes; `threshold` comes with the way it was set, and is of the one among
    /// the run's detectors that its measure comes from: a verdict needs no other.
    pub fn new(
        model: CalibratedModel,
        settings: RunSettings,
        (threshold, how): (f64, ThresholdRule),
        num_out_of_domain: usize,
        calibration: Vec<CalibrationImage>,
    ) -> Self {
        let measure = settings.view.measure;
        let settings = settings.of_measure(measure);
        let model = CalibratedModel::needed(model, &*settings.method.detector);
        Self {
            lmd_detector: SCHEMA,
            created_by: format!("LMD Inspector {}", env!("CARGO_PKG_VERSION")),
            model,
            settings,
            threshold,
            how,
            num_out_of_domain,
            num_corrected: 0,
            calibration,
        }
    }

    /// What a user of a file should know of how it came about, in a sentence.
    pub fn caveat(&self) -> Option<String> {
        if self.lmd_detector < 2 {
            let caveat = "an earlier version wrote the detector file: it has no digest, so that nothing shows whether it was \
                          edited; calibrate again for one that has";
            return Some(caveat.to_owned());
        }
        (self.num_corrected > 0).then(|| {
            format!(
                "the threshold goes by roles that were corrected by hand after the images were scored ({}): where high scores \
                 led to corrections, more in-domain images than told will be flagged",
                match self.num_corrected {
                    1 => "1 image".to_owned(),
                    count => format!("{count} images"),
                }
            )
        })
    }

    /// Read and check a file, or the detector that comes with a bundled model, by the model's name.
    pub fn load(path: &Path) -> Result<Self, CalibrationError> {
        let bytes = match Bundled::named(path).and_then(Bundled::detector) {
            Some(inside) => Cow::Borrowed(inside),
            None => Cow::Owned(input::read(path, MAX_BYTES).map_err(|source| {
                CalibrationError::Read {
                    path: path.to_owned(),
                    source,
                }
            })?),
        };
        let bytes = input::without_mark(&bytes);
        let parse = |source| match unknown_field(&source) {
            Some(field) => CalibrationError::Unknown {
                path: path.to_owned(),
                field,
            },
            None => CalibrationError::Parse {
                path: path.to_owned(),
                source,
            },
        };
        let version: Version = serde_json::from_slice(bytes).map_err(parse)?;
        if !(1..=SCHEMA).contains(&version.lmd_detector) {
            return Err(CalibrationError::Schema {
                path: path.to_owned(),
                found: version.lmd_detector,
            });
        }
        let inconsistent = |reason: String| CalibrationError::Inconsistent {
            path: path.to_owned(),
            reason,
        };
        let mut value: Value = serde_json::from_slice(bytes).map_err(parse)?;
        let digest = value
            .as_object_mut()
            .and_then(|file| file.remove(digest::FIELD));
        if version.lmd_detector < 2 && digest.is_some() {
            return Err(inconsistent(
                "it has a digest, which its form did not have".to_owned(),
            ));
        }
        if version.lmd_detector >= 2 && digest != Some(digest::of(&value, &APART).into()) {
            return Err(inconsistent(
                "its content does not match its digest".to_owned(),
            ));
        }
        let detector: Self = serde_json::from_value(value).map_err(parse)?;
        detector
            .problem()
            .map_or(Ok(detector), |reason| Err(inconsistent(reason)))
    }

    /// Write a file; a reader finds all of it or none.
    pub fn save(&self, path: &Path) -> Result<(), CalibrationError> {
        self.write(path, write_atomically)
    }

    /// Write a file where none may be.
    pub fn save_new(&self, path: &Path) -> Result<(), CalibrationError> {
        self.write(path, write_new)
    }

    fn write(
        &self,
        path: &Path,
        write: impl FnOnce(&Path, &[u8]) -> io::Result<()>,
    ) -> Result<(), CalibrationError> {
        let mut value = serde_json::to_value(self).map_err(CalibrationError::Encode)?;
        let digest = digest::of(&value, &APART);
        if let Some(file) = value.as_object_mut() {
            file.insert("lmd_detector".to_owned(), SCHEMA.into());
            file.insert(digest::FIELD.to_owned(), digest.into());
        }
        let mut json = serde_json::to_vec_pretty(&value).map_err(CalibrationError::Encode)?;
        json.push(b'\n');
        write(path, &json).map_err(|source| CalibrationError::Write {
            path: path.to_owned(),
            source,
        })
    }

    /// What does not fit together.
    fn problem(&self) -> Option<String> {
        if !self.threshold.is_finite() {
            return Some("the threshold is not a finite number".to_owned());
        }
        if let Some(image) = self.calibration.iter().find(|c| !c.score.is_finite()) {
            return Some(format!(
                "the score of {} is not a finite number",
                image.sha256
            ));
        }
        if let Some(image) = self.calibration.iter().find(|c| c.content().is_none()) {
            return Some(format!(
                "expected 64 hexadecimal digits as an image's SHA-256, got `{}`",
                image.sha256
            ));
        }
        let mut contents: Vec<&str> = self.calibration.iter().map(|c| &*c.sha256).collect();
        contents.sort_unstable();
        let mut pairs = contents.iter().zip(contents.iter().skip(1));
        if let Some((twice, _)) = pairs.find(|(first, second)| first == second) {
            return Some(format!(
                "the image {twice} is in the calibration set more than once"
            ));
        }
        if let ThresholdRule::FalseAlarmRate { .. } = self.how {
            let scores: Vec<f64> = self.calibration.iter().map(|c| c.score).collect();
            match self.how.threshold(&scores, &[]) {
                Err(err) => return Some(err.to_string()),
                Ok(expected) if expected != self.threshold => {
                    return Some(format!(
                        "by the calibration scores the threshold is {expected}, not {}",
                        self.threshold
                    ));
                }
                Ok(_) => {}
            }
        }
        None
    }

    /// What new images are compared with.
    pub fn calibration_set(&self) -> CalibrationSet {
        CalibrationSet {
            calibration: CalibrationScores::new(self.calibration.iter().map(|image| image.score)),
            contents: self
                .calibration
                .iter()
                .filter_map(CalibrationImage::content)
                .collect::<HashSet<ContentHash>>(),
            threshold: Some(self.threshold),
        }
    }
}

impl CalibrationImage {
    /// An image's content with its score.
    pub fn new(content: &ContentHash, score: f64) -> Self {
        Self {
            sha256: content.to_string(),
            score,
        }
    }

    /// The content hash; `None` if it is not 64 hexadecimal digits.
    fn content(&self) -> Option<ContentHash> {
        ContentHash::from_hex(&self.sha256)
    }
}

/// What has no part in the digest: where the model was, who wrote the file, and its version.
const APART: [&str; 3] = ["created_by", "lmd_detector", "model.source"];

/// A model's path as it is found from any working folder.
pub fn absolute_source(source: &ModelSource) -> ModelSource {
    match source {
        ModelSource::Path(path) => {
            ModelSource::Path(std::path::absolute(path).unwrap_or_else(|_| path.clone()))
        }
        placeless => placeless.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn detector() -> Calibration {
        let calibration: Vec<CalibrationImage> = (0..19_u8)
            .map(|index| {
                CalibrationImage::new(&ContentHash([index; 32]), f64::from(index) / 7.0 + 0.1)
            })
            .collect();
        Calibration {
            lmd_detector: SCHEMA,
            created_by: "test".to_owned(),
            model: CalibratedModel {
                source: ModelSource::BUNDLED,
                name: "m".to_owned(),
                identity: ModelIdentity::of_weights("0".repeat(64)),
            },
            settings: RunSettings::default(),
            threshold: calibration[18].score,
            how: ThresholdRule::FalseAlarmRate { rate: 0.05 },
            num_out_of_domain: 0,
            num_corrected: 0,
            calibration,
        }
    }

    fn first_form() -> Calibration {
        Calibration {
            lmd_detector: 1,
            ..detector()
        }
    }

    #[test]
    fn a_detector_survives_a_round_trip_to_the_last_bit() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("detector.json");
        let detector = detector();
        detector.save_new(&path).unwrap();
        assert!(detector.save_new(&path).is_err(), "one that is there stays");
        detector.save(&path).unwrap();
        assert_eq!(Calibration::load(&path).unwrap(), detector);
        // Some editors put a mark in front of a text.
        let marked = [&b"\xEF\xBB\xBF"[..], &fs::read(&path).unwrap()].concat();
        fs::write(&path, marked).unwrap();
        assert_eq!(Calibration::load(&path).unwrap(), detector);
        let calibration_set = detector.calibration_set();
        assert!(calibration_set.contents.contains(&ContentHash([7; 32])));
        assert_eq!(calibration_set.calibration.count(), 19);
    }

    #[test]
    fn files_that_are_no_detector_are_refused_with_a_sentence() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("detector.json");
        let refused = |text: &str, says: &str| {
            fs::write(&path, text).unwrap();
            let message = Calibration::load(&path).unwrap_err().to_string();
            assert!(message.contains(says), "{message}");
            assert!(message.contains("detector.json"), "{message}");
        };
        refused("{}", "not a detector file");
        refused("no JSON", "not a detector file");
        refused(r#"{"lmd_detector": 9}"#, "form 9");
        // A field that a later version may have added is named, whatever the digest says.
        let json = serde_json::to_string(&first_form()).unwrap();
        for (before, name) in [
            ("\"threshold\"", "later"),
            ("\"weights_sha256\"", "twist"),
            ("\"grid\"", "twist"),
        ] {
            let more = json.replacen(before, &format!("\"{name}\":1,{before}"), 1);
            refused(
                &more,
                &format!("does not know and that may change its verdicts, `{name}`"),
            );
        }
        detector().save(&path).unwrap();
        let json = fs::read_to_string(&path).unwrap();
        refused(&json[..json.len() / 2], "not a detector file");
        for edit in [
            ("\"seed\": 0", "\"seed\": 1"),
            ("\"lpips\"", "\"mse\""),
            ("\"num_attempts\": 10", "\"num_attempts\": 1"),
            ("\"median\"", "\"min\""),
            (&*"03".repeat(32), &*"+3".repeat(32)),
        ] {
            assert!(json.contains(edit.0), "{edit:?}");
            refused(&json.replace(edit.0, edit.1), "does not match its digest");
        }
        // The same model elsewhere is the same detector.
        fs::write(
            &path,
            json.replace("\"bundled\"", "{\"path\": \"/elsewhere\"}"),
        )
        .unwrap();
        assert_eq!(
            Calibration::load(&path).unwrap().threshold,
            detector().threshold
        );

        // The first form has no digest; what does not fit together is still seen.
        let first = |edit: &dyn Fn(&mut Calibration)| {
            let mut detector = first_form();
            edit(&mut detector);
            serde_json::to_string(&detector).unwrap()
        };
        refused(&first(&|d| d.threshold = 0.5), "the threshold is");
        let digits = |text: &str| first(&|d| d.calibration[3].sha256 = text.to_owned());
        refused(&digits("03"), "64 hexadecimal digits");
        refused(&digits(&"+3".repeat(32)), "64 hexadecimal digits");
        let twice = first(&|d| d.calibration[3] = d.calibration[4].clone());
        refused(&twice, "more than once");
        fs::write(&path, first(&|_| {})).unwrap();
        assert!(Calibration::load(&path).unwrap().caveat().is_some());
        fs::remove_file(&path).unwrap();
        let message = Calibration::load(&path).unwrap_err().to_string();
        assert!(message.contains("can't be read"), "{message}");
    }
}
