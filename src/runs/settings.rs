//! Every setting of a run: what decides its numbers, how they are looked at, what is scored, and how the work is done.

use std::fmt;
use std::str::FromStr;

use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::report::text_from_path;
use crate::detectors::DetectorSpec;
use crate::detectors::lmd::Lmd;
use crate::images::ResizeMode;
use crate::networks::distances::LPIPS;
pub use crate::networks::executors::DeviceChoice;
use crate::ood::{Aggregate, MeasureId};

/// The settings of one run. In JSON they are one object with the fields of all parts.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct RunSettings {
    /// What decides the numbers.
    #[serde(flatten)]
    pub method: Method,
    /// How they are looked at.
    #[serde(flatten)]
    pub view: View,
    /// Which images are scored.
    #[serde(flatten)]
    pub selection: Selection,
    /// How the work is done.
    #[serde(flatten)]
    pub execution: Execution,
}

/// What decides the numbers of a run: runs of the same images and model whose methods are equal have the same attempts with
/// the same values. There is no other list of what decides them.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Method {
    /// The detector with its settings.
    #[serde(flatten)]
    pub detector: DetectorSpec,
    /// Keys the noise together with each file's content.
    pub seed: u64,
    /// How a picture is brought to the model's square.
    #[serde(rename = "fit")]
    pub resize: ResizeMode,
}

/// How the numbers of a run are looked at.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct View {
    /// The measure that figures are shown for; the detector's others are computed as well.
    #[serde(rename = "distance")]
    pub measure: MeasureId,
    /// How attempts become one score.
    pub aggregate: Aggregate,
}

/// Which images are scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Selection {
    /// Use only the first images of each folder, in natural order.
    pub limit: Option<usize>,
}

/// How the work is done.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Execution {
    /// Images in one network call.
    pub batch: BatchChoice,
    /// Where the network runs.
    pub device: DeviceChoice,
}

impl Default for Method {
    fn default() -> Self {
        Self {
            detector: DetectorSpec::default(),
            seed: 0,
            resize: ResizeMode::Crop,
        }
    }
}

impl Default for Execution {
    fn default() -> Self {
        Self {
            batch: BatchChoice::Auto,
            device: DeviceChoice::Auto,
        }
    }
}

impl Default for View {
    fn default() -> Self {
        Self {
            measure: LPIPS,
            aggregate: Aggregate::Median,
        }
    }
}

/// The names are those of the first version's settings; what no part here names belongs to the detector. A missing field is at
/// its default, and one that is not known is refused: it may decide numbers.
impl<'de> Deserialize<'de> for RunSettings {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Map::deserialize(deserializer)?;
        Self::from_fields(fields).map_err(D::Error::custom)
    }
}

/// The field that JSON names and this program does not know, where that is what is wrong.
pub fn unknown_field(error: &serde_json::Error) -> Option<String> {
    let text = error.to_string();
    let (name, _) = text.strip_prefix("unknown field `")?.split_once('`')?;
    Some(name.to_owned())
}

impl RunSettings {
    /// A run by this detector, the rest at its defaults and looked at by the detector's usual measure.
    pub fn by(detector: DetectorSpec) -> Self {
        let choices = detector.choices(usize::MAX);
        let mut settings = Self::default();
        settings.view.measure = (choices.first()).copied().unwrap_or(settings.view.measure);
        settings.method.detector = detector;
        settings
    }

    /// A run by LMD, the rest at its defaults.
    pub fn by_lmd(settings: Lmd) -> Self {
        Self::by(DetectorSpec::Lmd(settings))
    }

    fn from_fields(mut fields: Map<String, Value>) -> serde_json::Result<Self> {
        let usual = Self::default();
        let fields = &mut fields;
        Ok(Self {
            view: View {
                measure: take(fields, "distance", usual.view.measure)?,
                aggregate: take(fields, "aggregate", usual.view.aggregate)?,
            },
            selection: Selection {
                limit: take(fields, "limit", usual.selection.limit)?,
            },
            execution: Execution {
                batch: take(fields, "batch", usual.execution.batch)?,
                device: take(fields, "device", usual.execution.device)?,
            },
            method: Method {
                seed: take(fields, "seed", usual.method.seed)?,
                resize: take(fields, "fit", usual.method.resize)?,
                detector: DetectorSpec::from_fields(std::mem::take(fields))?,
            },
        })
    }

    /// What gives the same values of a measure: of several detectors the one that it comes from.
    #[must_use]
    pub fn of_measure(mut self, measure: MeasureId) -> Self {
        self.method.detector = self.method.detector.that_measures(measure).clone();
        self
    }

    /// The names in files of what differs between the methods, for messages; none where they are equal.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        self.method.differences(&other.method)
    }

    /// Whether runs by these and by `other` settings give images the same scores, which takes the same view besides the same
    /// method.
    pub fn gives_scores_of(&self, other: &Self) -> bool {
        self.method == other.method && self.view == other.view
    }
}

impl Method {
    fn differences(&self, other: &Self) -> Vec<String> {
        if self == other {
            return Vec::new();
        }
        let names = |method: &Self| -> Vec<&str> {
            let each = method.detector.each().iter();
            each.map(|part| part.about().name).collect()
        };
        let (a, b) = (names(self), names(other));
        if a != b {
            let (a, b) = (a.join(" with "), b.join(" with "));
            return vec![format!("detector ({a} and {b})")];
        }
        let differing = |a: &Self, b: &Self| -> Vec<String> {
            let (ours, theirs) = (a.fields(), b.fields());
            let names = ours
                .keys()
                .filter(|name| ours.get(*name) != theirs.get(*name));
            names.cloned().collect()
        };
        let each = self.detector.each();
        if each.len() < 2 {
            return differing(self, other);
        }
        // Of several each by itself; what they share is told once.
        let by = |method: &Self, detector: &DetectorSpec| Self {
            detector: detector.clone(),
            ..method.clone()
        };
        let of_all = differing(&by(self, &each[0]), &by(other, &each[0]));
        let mut found = Vec::new();
        for part in each {
            let alone = |method: &Self| {
                let mut parts = method.detector.each().iter();
                let same = parts.find(|other| other.about().name == part.about().name);
                by(method, same.unwrap_or(part))
            };
            for name in differing(&alone(self), &alone(other)) {
                let told = if of_all.contains(&name) {
                    name
                } else {
                    format!("{name} of {}", part.about().name)
                };
                if !found.contains(&told) {
                    found.push(told);
                }
            }
        }
        found
    }

    /// As files hold it.
    fn fields(&self) -> Map<String, Value> {
        let mut method = self.clone();
        for path in method.detector.files_mut() {
            // JSON has no place for other bytes.
            *path = text_from_path(path).into();
        }
        match serde_json::to_value(method) {
            Ok(Value::Object(fields)) => fields,
            _ => Map::new(),
        }
    }

    /// Without the places of the files that it names: their content counts, wherever they lie.
    pub fn without_places(&self) -> Self {
        let mut method = self.clone();
        for path in method.detector.files_mut() {
            *path = Default::default();
        }
        method
    }
}

/// The value of a field, which is taken out; `usual` where there is none.
fn take<T: DeserializeOwned>(
    fields: &mut Map<String, Value>,
    name: &str,
    usual: T,
) -> serde_json::Result<T> {
    fields
        .remove(name)
        .map_or(Ok(usual), serde_json::from_value)
}

/// Images in one network call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum BatchChoice {
    /// As many as keep one call under 100 ms.
    Auto,
    /// Exactly this many (the last batch may be smaller).
    Fixed(usize),
}

impl fmt::Display for BatchChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Fixed(count) => write!(f, "{count}"),
        }
    }
}

impl FromStr for BatchChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.parse()) {
            ("auto", _) => Ok(Self::Auto),
            (_, Ok(count)) if count > 0 => Ok(Self::Fixed(count)),
            _ => Err(format!(
                "expected `auto` or a number from 1 up, got `{text}`"
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::lmd::Lift;
    use crate::networks::distances::MSE;
    use crate::ood::MaskKind;

    fn changed(change: fn(&mut RunSettings)) -> RunSettings {
        let mut settings = RunSettings::default();
        change(&mut settings);
        settings
    }

    fn changed_lmd(change: fn(&mut Lmd)) -> RunSettings {
        let mut settings = Lmd::default();
        change(&mut settings);
        RunSettings::by_lmd(settings)
    }

    #[test]
    fn each_setting_decides_what_it_says() {
        let usual = RunSettings::default();
        for (name, settings) in [
            ("mask", changed_lmd(|s| s.mask = MaskKind::Center)),
            ("grid", changed_lmd(|s| s.grid = 4)),
            ("num_attempts", changed_lmd(|s| s.num_attempts = 3)),
            (
                "lift",
                changed_lmd(|s| {
                    s.lift = Lift::Denoise {
                        start_timestep: 500,
                    }
                }),
            ),
            ("sampler", changed_lmd(|s| s.sampler.num_steps = Some(10))),
            ("sampler", changed_lmd(|s| s.sampler.eta = 0.5)),
            ("seed", changed(|s| s.method.seed = 1)),
            ("fit", changed(|s| s.method.resize = ResizeMode::Pad)),
        ] {
            assert_eq!(settings.differences(&usual), [name], "{settings:?}");
            assert!(!settings.gives_scores_of(&usual));
        }
        for settings in [
            changed(|s| s.execution.device = DeviceChoice::CANDLE_CPU),
            changed(|s| s.execution.batch = BatchChoice::Fixed(3)),
            changed(|s| s.selection.limit = Some(7)),
        ] {
            assert!(settings.gives_scores_of(&usual), "{settings:?}");
        }
        for settings in [
            changed(|s| s.view.measure = MSE),
            changed(|s| s.view.aggregate = Aggregate::Mean),
        ] {
            assert_eq!(settings.method, usual.method);
            assert!(settings.differences(&usual).is_empty());
            assert!(!settings.gives_scores_of(&usual), "{settings:?}");
        }
        let quick = RunSettings::by(DetectorSpec::named("one-call-norm").unwrap());
        let told = quick.differences(&usual);
        assert_eq!(told, ["detector (one-call-norm and lmd)"]);
    }

    /// Written by version 0.1 and read by it: neither a name nor a form may change.
    const FIRST: &str = r#"{"mask":"alternating-checkerboard","grid":4,"num_attempts":3,"lift":{"denoise":{"start_timestep":9}},
        "sampler":{"kind":"ddpm","num_steps":7,"eta":0.5},"distance":"mse","aggregate":"max","limit":5,
        "seed":18446744073709551615,"batch":{"fixed":2},"device":"cpu","fit":"pad"}"#;

    #[test]
    fn settings_of_the_first_version_are_read_and_written_as_they_were() {
        let settings: RunSettings = serde_json::from_str(FIRST).unwrap();
        let lmd = settings.method.detector.lmd().unwrap();
        assert_eq!((lmd.grid, lmd.num_attempts), (4, 3));
        assert_eq!(lmd.lift, Lift::Denoise { start_timestep: 9 });
        assert_eq!(settings.method.seed, u64::MAX);
        assert_eq!(settings.method.resize, ResizeMode::Pad);
        assert_eq!(settings.view.measure, MSE);
        assert_eq!(settings.selection.limit, Some(5));
        assert_eq!(settings.execution.batch, BatchChoice::Fixed(2));
        let expected: Value = serde_json::from_str(FIRST).unwrap();
        assert_eq!(serde_json::to_value(&settings).unwrap(), expected);
    }

    #[test]
    fn another_detector_is_named_and_what_is_not_known_is_refused() {
        for detector in DetectorSpec::all() {
            let name = detector.about().name;
            let mut settings = RunSettings::by(detector);
            settings.method.seed = 5;
            let json = serde_json::to_value(&settings).unwrap();
            assert_eq!(json["seed"], 5, "no field of a detector has its name");
            assert_eq!(json.get("grid").is_some(), name == "lmd", "{json}");
            assert_eq!(json.get("detector").is_none(), name == "lmd", "{json}");
            assert_eq!(
                serde_json::from_value::<RunSettings>(json).unwrap(),
                settings
            );
        }
        for (json, field) in [
            (r#"{"twist": 1}"#, "twist"),
            (r#"{"detector": "one-call-norm", "grid": 8}"#, "grid"),
            (r#"{"sigma": 2}"#, "sigma"),
            (r#"{"detector": "oracle"}"#, "detector"),
        ] {
            let error = serde_json::from_str::<RunSettings>(json).unwrap_err();
            assert_eq!(unknown_field(&error).as_deref(), Some(field), "{error}");
        }
    }
}
