//! The list of detectors, and their settings as files hold them.

use std::ops::{Deref, DerefMut};

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use super::bound::Bound;
use super::fitted::diffpath::DiffPath;
use super::fitted::mahalanobis::Mahalanobis;
use super::fitted::msma::Msma;
use super::fitted::reconstructions::Reconstructions;
use super::fitted::regret::LikelihoodRegret;
use super::likelihood::Likelihood;
use super::lmd::Lmd;
use super::one_call_norm::OneCallNorm;
use super::settings::DetectorSettings;
use super::several::Several;
use crate::ood::Measure;

/// Makes of each line `Arm(Settings)` an arm of [`DetectorSpec`], and all that goes by arm.
macro_rules! detectors {
    ($($(#[$doc:meta])* $arm:ident($settings:ty),)*) => {
        /// A detector with its settings.
        #[derive(Clone, Debug, PartialEq)]
        pub enum DetectorSpec {
            $($(#[$doc])* $arm($settings),)*
            /// Some of these in one run.
            Several(Several),
        }

        /// The measures of all detectors that are not [distances](crate::networks::distances::DISTANCES).
        pub(super) static MEASURES: &[&[&Measure]] = &[$(<$settings>::MEASURES),*];

        impl DetectorSpec {
            /// All detectors with their default settings, in the order in which they are shown; each alone.
            pub fn all() -> Vec<Self> {
                vec![$(Self::$arm(<$settings>::default())),*]
            }

            fn read(self, fields: Value) -> serde_json::Result<Self> {
                match self {
                    $(Self::$arm(_) => serde_json::from_value(fields).map(Self::$arm),)*
                    // It has no default that it could be read into.
                    Self::Several(_) => serde_json::from_value(fields).map(Self::Several),
                }
            }
        }

        impl Deref for DetectorSpec {
            type Target = dyn DetectorSettings;

            fn deref(&self) -> &Self::Target {
                match self {
                    $(Self::$arm(settings) => settings,)*
                    Self::Several(settings) => settings,
                }
            }
        }

        impl DerefMut for DetectorSpec {
            fn deref_mut(&mut self) -> &mut Self::Target {
                match self {
                    $(Self::$arm(settings) => settings,)*
                    Self::Several(settings) => settings,
                }
            }
        }

        impl Serialize for DetectorSpec {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Self::$arm(settings) => Named::new(settings).serialize(serializer),)*
                    Self::Several(settings) => Named::new(settings).serialize(serializer),
                }
            }
        }
    };
}

detectors! {
    /// Lift, Map, Detect.
    Lmd(Lmd),
    /// The norm of the noise that one network call finds.
    OneCallNorm(OneCallNorm),
    /// The same at several levels, under a density that is fitted on in-domain images.
    Msma(Msma),
    /// Noise on the path from an image to noise, under such a density.
    DiffPath(DiffPath),
    /// Features by a network for photographs, under such a density.
    Mahalanobis(Mahalanobis),
    /// Distances of reconstructions from several starts, held against those of in-domain images.
    Reconstructions(Reconstructions),
    /// What an autoencoder gains when its encoder is fitted to one image.
    LikelihoodRegret(LikelihoodRegret),
    /// How much the model expects an image, by the probability-flow ODE.
    Likelihood(Likelihood),
    /// The same from below, by the variational bound.
    Bound(Bound),
}

/// The field that names the detector in a file. Files of LMD, which for long was the only one, do not have it.
pub const FIELD: &str = "detector";

/// Settings under the names of their fields, with their detector's.
#[derive(Serialize)]
struct Named<'a, S> {
    #[serde(skip_serializing_if = "Option::is_none")]
    detector: Option<&'static str>,
    #[serde(flatten)]
    settings: &'a S,
}

impl<'a, S: DetectorSettings> Named<'a, S> {
    fn new(settings: &'a S) -> Self {
        let name = settings.about().name;
        Self {
            detector: (name != DetectorSpec::default().about().name).then_some(name),
            settings,
        }
    }
}

impl Default for DetectorSpec {
    fn default() -> Self {
        Self::Lmd(Lmd::default())
    }
}

impl DetectorSpec {
    /// The detector of this name with its default settings; several have none.
    pub fn named(name: &str) -> Option<Self> {
        let mut all = Self::all().into_iter();
        all.find(|spec| spec.about().name == name)
    }

    /// Settings from a file's fields, which name their detector unless it is LMD; fields that are missing are at their
    /// defaults.
    ///
    /// # Errors
    /// That a detector or a field is not known here, or that a field has another type.
    pub fn from_fields(mut fields: Map<String, Value>) -> serde_json::Result<Self> {
        let spec = match fields.remove(FIELD) {
            None => Some(Self::default()),
            Some(Value::String(name)) if name == Several::NAME => {
                return serde_json::from_value(Value::Object(fields)).map(Self::Several);
            }
            Some(Value::String(name)) => Self::named(&name),
            Some(_) => None,
        };
        spec.ok_or_else(|| serde::de::Error::unknown_field(FIELD, &[]))?
            .read(Value::Object(fields))
    }

    /// The first of its parts that uses a diffusion model, where one does.
    pub fn that_uses_model(&self) -> Option<&Self> {
        self.each().iter().find(|part| part.uses_model())
    }

    /// LMD's settings, where that is the detector or one of several.
    pub fn lmd(&self) -> Option<&Lmd> {
        self.each().iter().find_map(|part| match part {
            Self::Lmd(settings) => Some(settings),
            _ => None,
        })
    }

    /// The same, to be changed.
    pub fn lmd_mut(&mut self) -> Option<&mut Lmd> {
        self.each_mut().iter_mut().find_map(|part| match part {
            Self::Lmd(settings) => Some(settings),
            _ => None,
        })
    }

    /// Mahalanobis's settings, where that is the detector or one of several.
    pub fn mahalanobis(&self) -> Option<&Mahalanobis> {
        self.each().iter().find_map(|part| match part {
            Self::Mahalanobis(settings) => Some(settings),
            _ => None,
        })
    }

    /// The same, to be changed.
    pub fn mahalanobis_mut(&mut self) -> Option<&mut Mahalanobis> {
        self.each_mut().iter_mut().find_map(|part| match part {
            Self::Mahalanobis(settings) => Some(settings),
            _ => None,
        })
    }
}

impl<'de> Deserialize<'de> for DetectorSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = Map::deserialize(deserializer)?;
        Self::from_fields(fields).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(spec: &DetectorSpec) -> Map<String, Value> {
        serde_json::to_value(spec)
            .unwrap()
            .as_object()
            .unwrap()
            .clone()
    }

    #[test]
    fn each_detector_is_read_as_it_was_written_and_lmd_is_not_named() {
        for spec in DetectorSpec::all() {
            let written = fields(&spec);
            assert_eq!(DetectorSpec::from_fields(written.clone()).unwrap(), spec);
            assert_eq!(
                written.contains_key(FIELD),
                spec.lmd().is_none(),
                "{written:?}"
            );
        }
        let empty = DetectorSpec::from_fields(Map::new()).unwrap();
        assert_eq!(empty, DetectorSpec::default());
    }

    #[test]
    fn another_detectors_settings_and_unknown_detectors_are_refused() {
        let mut mixed = fields(&DetectorSpec::named("one-call-norm").unwrap());
        mixed.insert("grid".to_owned(), 8.into());
        let error = DetectorSpec::from_fields(mixed).unwrap_err().to_string();
        assert!(error.starts_with("unknown field `grid`"), "{error}");
        for value in [Value::from("oracle"), Value::from(3)] {
            let found = Map::from_iter([(FIELD.to_owned(), value)]);
            let error = DetectorSpec::from_fields(found).unwrap_err().to_string();
            assert!(error.starts_with("unknown field `detector`"), "{error}");
        }
    }

    #[test]
    fn names_of_detectors_and_of_their_numbers_are_their_own() {
        let mut names = Vec::new();
        for spec in DetectorSpec::all() {
            names.push(spec.about().name);
            let written = fields(&spec);
            for (parameter, value) in spec.parameters() {
                assert_eq!(written[parameter.name], value, "kept under its name");
                assert!(parameter.range.contains(&value));
                names.push(parameter.name);
            }
        }
        for (index, name) in names.iter().enumerate() {
            assert!(!names[..index].contains(name), "{name} twice");
        }
    }

    #[test]
    fn a_number_is_changed_by_its_name_and_repaired() {
        for mut spec in DetectorSpec::all() {
            for (parameter, _) in spec.parameters() {
                let highest = *parameter.range.end();
                spec.set_parameter(parameter.name, highest * 2.0);
                spec.repair();
                let found = spec.parameters();
                let (_, value) = found
                    .iter()
                    .find(|(p, _)| p.name == parameter.name)
                    .unwrap();
                assert_eq!(*value, highest);
            }
        }
    }
}
