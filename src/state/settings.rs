//! What is kept from one start to the next.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::arrangement::GalleryView;
use super::decision::DecisionSettings;
use super::look::LookSettings;
use super::panels::PanelSettings;
use super::partial;
use super::saving::SavingSettings;
use crate::detectors::{DetectorSpec, spec};
use crate::images::places;
use crate::images::write::write_atomically;
use crate::ood::Role;
use crate::runs::RunSettings;
use crate::worker::protocol::{Bundled, ModelSource, Notice, Severity};

/// Sizes of the window's content, in percent: projectors need large ones.
pub const ZOOM_RANGE: std::ops::RangeInclusive<u32> = 100..=300;

/// Everything that is kept; each field has a default, so that an older file still loads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The model to open at start.
    pub model: ModelSource,
    /// The bundled model that was opened last: which samples are in-domain goes by it.
    pub samples_of: Bundled,
    /// Models that were opened, the last one first.
    pub recent_models: Vec<RecentModel>,
    /// The folders to list at start.
    pub folders: Vec<FolderChoice>,
    /// How images are scored.
    pub run: RunSettings,
    /// How the threshold is set.
    pub decision: DecisionSettings,
    /// Order and filter of the gallery.
    pub gallery: GalleryView,
    /// How pictures are compared.
    pub look: LookSettings,
    /// Size of everything in the window, in percent, in [`ZOOM_RANGE`].
    pub zoom_percent: u32,
    /// Whether and how runs are kept.
    pub saving: SavingSettings,
    /// The file of the run that is at work: at the next start it was cut off.
    pub running: Option<PathBuf>,
    /// Which parts of the window are open and how large.
    pub panels: PanelSettings,
    /// Whether to show what a first start says, until it is dismissed.
    pub shows_hints: bool,
    /// Light or dark.
    pub theme: ThemeChoice,
    /// Inner width and height of the window in points.
    pub window_size: [f32; 2],
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            model: ModelSource::BUNDLED,
            samples_of: Bundled::default(),
            recent_models: Vec::new(),
            folders: [Role::InDomain, Role::OutOfDomain]
                .map(|role| FolderChoice {
                    source: FolderSource::Samples,
                    role,
                })
                .to_vec(),
            run: RunSettings::default(),
            decision: DecisionSettings::default(),
            gallery: GalleryView::default(),
            look: LookSettings::default(),
            zoom_percent: 100,
            saving: SavingSettings::default(),
            running: None,
            panels: PanelSettings::default(),
            shows_hints: false,
            theme: ThemeChoice::System,
            window_size: [1280.0, 800.0],
        }
    }
}

/// A model that was opened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecentModel {
    pub path: PathBuf,
    /// What it was, in a few words.
    pub about: String,
}

/// A folder of images and what it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FolderChoice {
    /// Where the images are.
    pub source: FolderSource,
    /// What they are for.
    pub role: Role,
}

/// Where a folder's images come from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FolderSource {
    /// The bundled sample images of the folder's role; where they lie is known only once they are unpacked.
    Samples,
    /// A folder on disk.
    Path(PathBuf),
}

/// Light or dark.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ThemeChoice {
    /// As the system says.
    System,
    /// Dark text on light ground.
    Light,
    /// Light text on dark ground.
    Dark,
}

impl ThemeChoice {
    /// All choices, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::System, Self::Light, Self::Dark];

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::System => "System",
            Self::Light => "Light",
            Self::Dark => "Dark",
        }
    }
}

/// Why settings could not be written.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// The values have no JSON form.
    #[error("could not put the settings into JSON: {0}")]
    Encode(#[from] serde_json::Error),
    /// The file could not be written.
    #[error("could not write the settings ({source}): {}", path.display())]
    Write {
        /// What the system said.
        source: io::Error,
        /// The settings file.
        path: PathBuf,
    },
}

impl Settings {
    /// The settings file of this user; `None` where the platform names no place for it.
    pub fn default_path() -> Option<PathBuf> {
        places::settings().map(|folder| folder.join("settings.json"))
    }

    /// Read the file. A missing file gives the defaults; a damaged one too, with a warning. A field that can't be
    /// understood loses only itself, and one that this program does not know is passed over.
    pub fn load(path: &Path) -> (Self, Option<Notice>) {
        let warning = |message: String| Notice {
            severity: Severity::Warning,
            message,
            path: Some(path.to_owned()),
        };
        let defaults = |problem: String| {
            let message = format!("{problem} The window starts with its defaults.");
            (Self::default(), Some(warning(message)))
        };
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return (Self::default(), None);
            }
            Err(error) => {
                return defaults(format!("The settings file could not be read ({error})."));
            }
        };
        match partial::read(&bytes, Self::usual) {
            Ok((settings, lost)) => {
                let settings: Self = settings;
                let notice = (!lost.is_empty()).then(|| {
                    warning(format!(
                        "These settings could not be understood and are at their defaults: {}.",
                        lost.join(", ")
                    ))
                });
                (settings.repaired(), notice)
            }
            Err(error) => defaults(format!(
                "The settings file could not be understood ({error})."
            )),
        }
    }

    /// Write the file, whole or not at all; what another version of the program keeps in it stays.
    pub fn save(&self, path: &Path) -> Result<(), SettingsError> {
        let mut json = serde_json::to_value(self.without_unnamable_paths())?;
        if let Ok(earlier) = fs::read(path) {
            partial::keep_unknown(&earlier, &Self::known()?, &mut json);
        }
        let json = serde_json::to_vec_pretty(&json)?;
        let write = || -> io::Result<()> {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder)?;
            }
            write_atomically(path, &json)
        };
        write().map_err(|source| SettingsError::Write {
            source,
            path: path.to_owned(),
        })
    }

    /// The defaults for a file: those of the detector that it names.
    fn usual(file: &Map<String, Value>) -> Self {
        let name = file.get("run").and_then(|run| run[spec::FIELD].as_str());
        let detector = name.and_then(DetectorSpec::named).unwrap_or_default();
        Self {
            run: RunSettings::by(detector),
            ..Self::default()
        }
    }

    /// The fields that this program knows, whichever the detector.
    fn known() -> serde_json::Result<Value> {
        let mut known = serde_json::to_value(Self::default())?;
        for detector in DetectorSpec::all() {
            let run = serde_json::to_value(RunSettings::by(detector))?;
            if let (Some(known), Value::Object(run)) = (known["run"].as_object_mut(), run) {
                known.extend(run);
            }
        }
        Ok(known)
    }

    /// Values that a hand-edited file may hold but no control can show.
    fn repaired(mut self) -> Self {
        let defaults = Self::default();
        self.decision = self.decision.repaired();
        if !self
            .window_size
            .iter()
            .all(|side| (200.0..=16_384.0).contains(side))
        {
            self.window_size = defaults.window_size;
        }
        self.look.opacity = if self.look.opacity.is_finite() {
            self.look.opacity.clamp(0.0, 1.0)
        } else {
            defaults.look.opacity
        };
        self.zoom_percent = self
            .zoom_percent
            .clamp(*ZOOM_RANGE.start(), *ZOOM_RANGE.end());
        self.panels = self.panels.repaired();
        self.run.method.detector.repair();
        self
    }

    /// JSON has no form for paths that are not Unicode; one such folder must not lose all the rest.
    fn without_unnamable_paths(&self) -> Self {
        let mut settings = self.clone();
        settings.folders.retain(|folder| match &folder.source {
            FolderSource::Samples => true,
            FolderSource::Path(path) => path.to_str().is_some(),
        });
        let recent = &mut settings.recent_models;
        recent.retain(|model| model.path.to_str().is_some());
        settings.running = settings.running.filter(|path| path.to_str().is_some());
        if matches!(&settings.model, ModelSource::Path(path) if path.to_str().is_none()) {
            settings.model = ModelSource::BUNDLED;
        }
        let detector = &mut settings.run.method.detector;
        for path in detector.files_mut() {
            if path.to_str().is_none() {
                *path = PathBuf::new();
            }
        }
        settings
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lmd(settings: &mut Settings) -> &mut crate::detectors::lmd::Lmd {
        settings.run.method.detector.lmd_mut().unwrap()
    }

    #[test]
    fn going_back_to_lmd_does_not_leave_the_other_detectors_name_in_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        let mut settings = Settings {
            run: RunSettings::by(DetectorSpec::named("one-call-norm").unwrap()),
            ..Settings::default()
        };
        settings.save(&path).unwrap();
        assert_eq!(Settings::load(&path), (settings.clone(), None));
        settings.run = RunSettings::default();
        settings.save(&path).unwrap();
        assert_eq!(Settings::load(&path), (settings, None));

        // One field that is not understood loses only itself with this detector too.
        let json = r#"{"run": {"detector": "one-call-norm", "sigma": 2.5, "seed": "x", "distance": "noise-norm"}}"#;
        fs::write(&path, json).unwrap();
        let (settings, notice) = Settings::load(&path);
        let numbers = settings.run.method.detector.options();
        assert_eq!(numbers, [("sigma", "2.5".to_owned())]);
        assert!(notice.unwrap().message.ends_with("run.seed."));
    }

    #[test]
    fn settings_survive_a_round_trip() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep").join("settings.json");
        let mut settings = Settings::default();
        settings.folders.push(FolderChoice {
            source: FolderSource::Path(PathBuf::from("/images/a b")),
            role: Role::Unknown,
        });
        lmd(&mut settings).num_attempts = 3;
        settings.theme = ThemeChoice::Dark;
        settings.save(&path).unwrap();
        assert_eq!(Settings::load(&path), (settings, None));
    }

    #[test]
    fn a_missing_file_is_no_news_and_a_damaged_one_is_a_warning() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        assert_eq!(Settings::load(&path), (Settings::default(), None));

        fs::write(&path, "{\"run\": 7").unwrap();
        let (settings, notice) = Settings::load(&path);
        assert_eq!(settings, Settings::default());
        let notice = notice.unwrap();
        assert_eq!(notice.severity, Severity::Warning);
        assert_eq!(notice.path.as_deref(), Some(path.as_path()));
    }

    #[test]
    fn an_older_file_without_some_fields_keeps_the_rest() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        fs::write(
            &path,
            r#"{"theme": "light", "run": {"grid": 0}, "decision": {"false_alarm_rate": 3, "prior": 0.2}}"#,
        )
        .unwrap();
        let (mut settings, notice) = Settings::load(&path);
        assert_eq!(notice, None);
        assert_eq!(settings.theme, ThemeChoice::Light);
        assert_eq!(lmd(&mut settings).grid, 1, "a grid of 0 can't be drawn");
        assert_eq!(settings.decision.false_alarm_rate, 0.05);
        assert_eq!(settings.decision.prior, 0.2);
    }

    #[test]
    fn fields_of_another_version_are_passed_over_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.json");
        fs::write(
            &path,
            r#"{"theme": "sepia", "zoom_percent": 150, "later": [1], "look": {"opacity": 0.5, "glow": {"radius": 2}},
                "run": {"grid": 4, "twist": 3, "sampler": {"kind": "ddpm", "order": 2, "eta": "x"}}}"#,
        )
        .unwrap();
        let (mut settings, notice) = Settings::load(&path);
        assert_eq!(settings.zoom_percent, 150);
        assert_eq!(settings.look.opacity, 0.5);
        assert_eq!(lmd(&mut settings).grid, 4);
        assert_eq!(settings.theme, ThemeChoice::System);
        let kind = lmd(&mut settings).sampler.kind;
        assert_eq!(kind, crate::diffusion::SamplerKind::DDPM);
        let told = notice.unwrap().message;
        assert!(
            told.ends_with("defaults: run.sampler.eta, theme."),
            "{told}"
        );

        lmd(&mut settings).grid = 5;
        settings.save(&path).unwrap();
        let kept: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        assert_eq!(kept["later"], serde_json::json!([1]));
        assert_eq!(kept["look"]["glow"]["radius"], 2);
        assert_eq!(kept["run"]["twist"], 3);
        assert_eq!(kept["run"]["sampler"]["order"], 2);
        assert_eq!(kept["run"]["grid"], 5);
        assert_eq!(Settings::load(&path), (settings, None));
    }
}
