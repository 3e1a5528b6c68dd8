//! Measures: the numbers that are computed per attempt or per image, by name.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::aggregate::Aggregate;

/// Bytes of the longest name.
const LONGEST: usize = 23;

/// The name of a measure in files and options, e.g. `lpips`.
///
/// A name and not an enum: a file may hold measures that this program does not know.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MeasureId {
    bytes: [u8; LONGEST],
    len: u8,
}

impl MeasureId {
    /// A name of the program's own: 1 to 23 lower-case letters, digits and hyphens; checked when the program is compiled
    /// where it is a constant.
    ///
    /// # Panics
    /// On any other name.
    pub const fn new(name: &str) -> Self {
        match Self::checked(name) {
            Some(id) => id,
            None => panic!("a measure's name is 1 to 23 lower-case letters, digits and hyphens"),
        }
    }

    const fn checked(name: &str) -> Option<Self> {
        let text = name.as_bytes();
        if text.is_empty() || text.len() > LONGEST {
            return None;
        }
        let mut bytes = [0; LONGEST];
        let mut at = 0;
        while at < text.len() {
            if !matches!(text[at], b'a'..=b'z' | b'0'..=b'9' | b'-') {
                return None;
            }
            bytes[at] = text[at];
            at += 1;
        }
        Some(Self {
            bytes,
            len: text.len() as u8,
        })
    }

    pub fn name(&self) -> &str {
        std::str::from_utf8(&self.bytes[..usize::from(self.len)]).unwrap_or_default()
    }
}

impl fmt::Display for MeasureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl fmt::Debug for MeasureId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for MeasureId {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::checked(text).ok_or_else(|| {
            format!(
                "expected a measure's name (1 to {LONGEST} lower-case letters, digits and hyphens), got `{text}`"
            )
        })
    }
}

impl Serialize for MeasureId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for MeasureId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(serde::de::Error::custom)
    }
}

/// What is told of a measure. Higher is more out of domain.
#[derive(Debug)]
pub struct Measure {
    /// Its name in files and options.
    pub id: MeasureId,
    /// Its column in tables of scores.
    pub column: &'static str,
    /// Its name for people.
    pub label: &'static str,
    /// What it measures, for a tooltip or a help text.
    pub help: &'static str,
    /// How it is made of other measures; `None` where it is measured itself.
    pub combination: Option<Combination>,
}

/// Makes a measure of others: an image's score of the image's scores by these, each aggregated first, and an attempt's value
/// of the attempt's values.
#[derive(Debug)]
pub struct Combination {
    /// The measures that it takes.
    pub parts: &'static [MeasureId],
    /// Combines one value per part, in the order of `parts`.
    pub combine: fn(&[f64]) -> f64,
}

/// The place of a value that this attempt has none of although others of the same image have: a NaN, so that whoever does not
/// know it takes it for a value that is not defined, with bits of its own.
pub const NOT_MEASURED: f64 = f64::from_bits(0x7FF8_0000_0000_0001);

/// The measures of one attempt.
#[derive(Clone, Debug, PartialEq)]
pub struct Values {
    ids: Arc<[MeasureId]>,
    values: Box<[f64]>,
}

impl Values {
    /// One value per measure, in the same order; NaN where a measure is not defined.
    ///
    /// # Panics
    /// Unless there are as many values as measures.
    pub fn new(ids: &Arc<[MeasureId]>, values: impl Into<Box<[f64]>>) -> Self {
        let values = values.into();
        assert_eq!(ids.len(), values.len(), "one value per measure");
        Self {
            ids: Arc::clone(ids),
            values,
        }
    }

    /// The measures, in the order of the values.
    pub fn ids(&self) -> &Arc<[MeasureId]> {
        &self.ids
    }

    /// The value of a measure, NaN where it is not defined; `None` where it was not measured, as [`NOT_MEASURED`] says too.
    pub fn get(&self, id: MeasureId) -> Option<f64> {
        let position = self.ids.iter().position(|known| *known == id)?;
        Some(self.values[position]).filter(|value| value.to_bits() != NOT_MEASURED.to_bits())
    }

    /// The value of a measure; NaN where it is not defined or was not measured.
    pub fn of(&self, id: MeasureId) -> f64 {
        self.get(id).unwrap_or(f64::NAN)
    }

    /// All values, in the order of [`Values::ids`].
    pub fn as_slice(&self) -> &[f64] {
        &self.values
    }

    /// Whether none of the values is a finite number: such an attempt says nothing.
    pub fn are_void(&self) -> bool {
        !self.values.iter().any(|value| value.is_finite())
    }
}

impl FromIterator<(MeasureId, f64)> for Values {
    fn from_iter<I: IntoIterator<Item = (MeasureId, f64)>>(pairs: I) -> Self {
        let (ids, values): (Vec<MeasureId>, Vec<f64>) = pairs.into_iter().unzip();
        Self::new(&ids.into(), values)
    }
}

/// The score of an image by one measure: the one rule for attempts that are not finite numbers.
///
/// They are left out; where fewer than half of the attempts are left, or there are none, the image has no score. Attempts that
/// did not measure it do not count.
pub fn aggregate<'a>(
    attempts: impl IntoIterator<Item = &'a Values>,
    id: MeasureId,
    by: Aggregate,
) -> Option<f64> {
    aggregate_values(attempts.into_iter().filter_map(|values| values.get(id)), by)
}

/// [`aggregate`] of plain values, NaN where one is not defined.
pub fn aggregate_values(values: impl IntoIterator<Item = f64>, by: Aggregate) -> Option<f64> {
    let mut num_all = 0;
    let finite: Vec<f64> = values
        .into_iter()
        .inspect(|_| num_all += 1)
        .filter(|value| value.is_finite())
        .collect();
    if finite.len() * 2 < num_all {
        return None;
    }
    by.score(&finite).filter(|score| score.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: MeasureId = MeasureId::new("a");
    const B: MeasureId = MeasureId::new("b-2");

    #[test]
    fn names_are_checked_and_survive_json() {
        assert_eq!(serde_json::to_string(&B).unwrap(), r#""b-2""#);
        assert_eq!(serde_json::from_str::<MeasureId>(r#""b-2""#).unwrap(), B);
        for bad in ["", "A", "a b", "a\"", "abcdefghijklmnopqrstuvwx", "ä"] {
            assert!(bad.parse::<MeasureId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn what_was_not_measured_differs_from_what_is_not_defined() {
        let ids: Arc<[MeasureId]> = [A].into();
        let values = Values::new(&ids, [f64::NAN]);
        assert!(values.get(A).unwrap().is_nan());
        assert_eq!(values.get(B), None);
        assert!(values.of(B).is_nan());
        assert!(values.are_void());
        let values = Values::new(&[A, B].into(), [NOT_MEASURED, 1.0]);
        assert_eq!(values.get(A), None);
        assert!(values.of(A).is_nan() && !values.are_void());
    }

    #[test]
    fn an_image_needs_half_of_its_attempts_to_have_a_score() {
        let ids: Arc<[MeasureId]> = [A].into();
        let of = |values: &[f64]| {
            let attempts: Vec<Values> = values.iter().map(|&v| Values::new(&ids, [v])).collect();
            aggregate(&attempts, A, Aggregate::Median)
        };
        let (nan, infinite) = (f64::NAN, f64::INFINITY);
        assert_eq!(of(&[1.0, nan, 3.0, nan]), Some(2.0));
        assert_eq!(of(&[1.0, nan, infinite]), None);
        assert_eq!(of(&[nan]), None);
        assert_eq!(of(&[]), None);
        // An attempt that did not measure is not one that failed to.
        assert_eq!(of(&[5.0, NOT_MEASURED, NOT_MEASURED]), Some(5.0));
        assert_eq!(of(&[nan, NOT_MEASURED, NOT_MEASURED]), None);
        assert_eq!(of(&[NOT_MEASURED]), None);
        // A mean of numbers may still be none.
        assert_eq!(
            aggregate_values([f64::MAX, f64::MAX], Aggregate::Mean),
            None
        );
    }
}
