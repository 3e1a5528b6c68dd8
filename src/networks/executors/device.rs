//! The choice of a device, as users and files write it: `auto`, or the name of an executor with the number of its device.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{EXECUTORS, ExecutorDef};

/// Where the network runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DeviceChoice {
    /// The first by rank of those that this build has and this machine can open.
    Auto,
    /// This one.
    Device(DeviceId),
}

/// A device of an executor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceId {
    /// What runs networks on it.
    pub executor: &'static ExecutorDef,
    /// 0 where the executor does not number its devices.
    pub ordinal: usize,
}

impl DeviceChoice {
    /// What the window offers: the automatic choice, and the first device of each executor in this build.
    pub fn offered() -> Vec<Self> {
        let built = EXECUTORS.iter().filter(|executor| executor.is_built);
        std::iter::once(Self::Auto)
            .chain(built.map(|executor| Self::first_of(executor)))
            .collect()
    }

    /// The first device, or the only one, of an executor.
    pub const fn first_of(executor: &'static ExecutorDef) -> Self {
        Self::Device(DeviceId {
            executor,
            ordinal: 0,
        })
    }

    /// The choice in the window.
    pub fn label(self) -> String {
        match self {
            Self::Auto => "Automatic".to_owned(),
            Self::Device(DeviceId { executor, ordinal }) if executor.is_numbered => {
                format!("{} {ordinal}", executor.label)
            }
            Self::Device(DeviceId { executor, .. }) => executor.label.to_owned(),
        }
    }
}

fn named(name: &str) -> Option<&'static ExecutorDef> {
    let mut executors = EXECUTORS.iter().copied();
    executors.find(|executor| executor.name == name)
}

/// Every way to write a choice, e.g. `auto, cpu or cuda:N`.
fn ways_to_write() -> String {
    let mut words = vec!["auto".to_owned()];
    for executor in EXECUTORS {
        words.push(executor.name.to_owned());
        if executor.is_numbered {
            words.push(format!("{}:N", executor.name));
        }
    }
    let last = words.pop().unwrap_or_default();
    format!("{} or {last}", words.join(", "))
}

impl fmt::Display for DeviceChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => f.write_str("auto"),
            Self::Device(DeviceId { executor, ordinal }) if executor.is_numbered => {
                write!(f, "{}:{ordinal}", executor.name)
            }
            Self::Device(DeviceId { executor, .. }) => f.write_str(executor.name),
        }
    }
}

impl FromStr for DeviceChoice {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "auto" {
            return Ok(Self::Auto);
        }
        let device = match text.split_once(':') {
            None => named(text).map(|executor| (executor, 0)),
            Some((name, ordinal)) => named(name)
                .filter(|executor| executor.is_numbered)
                .zip(ordinal.parse().ok()),
        };
        device
            .map(|(executor, ordinal)| Self::Device(DeviceId { executor, ordinal }))
            .ok_or_else(|| format!("expected {}, got `{text}`", ways_to_write()))
    }
}

/// In files: a name, and for a device that has a number an object of name and number, e.g. `{"cuda": 0}`.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum Written {
    Name(String),
    Numbered(BTreeMap<String, usize>),
}

impl Serialize for DeviceChoice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let written = match self {
            Self::Device(DeviceId { executor, ordinal }) if executor.is_numbered => {
                Written::Numbered(BTreeMap::from([(executor.name.to_owned(), *ordinal)]))
            }
            Self::Auto | Self::Device(_) => Written::Name(self.to_string()),
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for DeviceChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = match Written::deserialize(deserializer)? {
            Written::Name(name) => name,
            Written::Numbered(devices) => {
                let words = devices
                    .iter()
                    .map(|(name, ordinal)| format!("{name}:{ordinal}"));
                words.collect::<Vec<_>>().join(", ")
            }
        };
        text.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn choices_are_written_as_they_are_read() {
        let mut choices = DeviceChoice::offered();
        for executor in EXECUTORS.iter().copied() {
            let ordinal = if executor.is_numbered { 3 } else { 0 };
            choices.push(DeviceChoice::Device(DeviceId { executor, ordinal }));
        }
        for choice in choices {
            assert_eq!(choice.to_string().parse(), Ok(choice));
            let json = serde_json::to_string(&choice).unwrap();
            let read: DeviceChoice = serde_json::from_str(&json).unwrap();
            assert_eq!(read, choice, "{json}");
        }
        assert_eq!(
            "cuda".parse::<DeviceChoice>().unwrap().to_string(),
            "cuda:0"
        );
    }

    #[test]
    fn files_of_earlier_versions_keep_their_device() {
        for (json, text) in [
            (r#""auto""#, "auto"),
            (r#""cpu""#, "cpu"),
            (r#""candle-cpu""#, "candle-cpu"),
            (r#"{"cuda":2}"#, "cuda:2"),
            (r#"{"gpu":1}"#, "gpu:1"),
            (r#""metal""#, "metal"),
        ] {
            let choice: DeviceChoice = serde_json::from_str(json).unwrap();
            assert_eq!(choice.to_string(), text);
            assert_eq!(serde_json::to_string(&choice).unwrap(), json);
        }
    }

    #[test]
    fn another_word_is_refused_with_every_way_to_write_one() {
        for word in [
            "tpu", "cpu:1", "gpu:", "gpu:-1", "cuda:", "cuda:-1", "cuda:x", "",
        ] {
            let error = word.parse::<DeviceChoice>().unwrap_err();
            assert_eq!(
                error,
                format!(
                    "expected auto, cpu, candle-cpu, gpu, gpu:N, cuda, cuda:N or metal, got `{word}`"
                )
            );
        }
        for json in [r#"{"cuda":0,"metal":1}"#, "{}", "7", r#"{"cpu":1}"#] {
            assert!(
                serde_json::from_str::<DeviceChoice>(json).is_err(),
                "{json}"
            );
        }
    }
}
