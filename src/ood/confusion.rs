//! What a threshold does to images whose role is known.

use serde::{Deserialize, Serialize};

use super::proportion::Proportion;
use super::role::Role;

/// Counts of images on either side of a threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confusion {
    /// Out-of-domain and flagged.
    pub hits: usize,
    /// Out-of-domain and let through.
    pub misses: usize,
    /// In-domain and flagged.
    pub false_alarms: usize,
    /// In-domain and let through.
    pub correct_passes: usize,
}

/// One of the four outcomes of an image whose role is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Out-of-domain and flagged.
    Hit,
    /// Out-of-domain and let through.
    Miss,
    /// In-domain and flagged.
    FalseAlarm,
    /// In-domain and let through.
    CorrectPass,
}

impl Outcome {
    /// All four.
    pub const ALL: [Self; 4] = [Self::FalseAlarm, Self::CorrectPass, Self::Hit, Self::Miss];

    /// The outcome of an image; `None` where its role is unknown.
    pub fn of(role: Role, is_flagged: bool) -> Option<Self> {
        match (role, is_flagged) {
            (Role::OutOfDomain, true) => Some(Self::Hit),
            (Role::OutOfDomain, false) => Some(Self::Miss),
            (Role::InDomain, true) => Some(Self::FalseAlarm),
            (Role::InDomain, false) => Some(Self::CorrectPass),
            (Role::Unknown, _) => None,
        }
    }

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Hit => "Found",
            Self::Miss => "Missed",
            Self::FalseAlarm => "False alarms",
            Self::CorrectPass => "Passed",
        }
    }
}

impl Confusion {
    /// Count at a threshold: a score above it is flagged.
    pub fn at(threshold: f64, in_scores: &[f64], out_scores: &[f64]) -> Self {
        let flagged = |scores: &[f64]| scores.iter().filter(|&&score| score > threshold).count();
        let (false_alarms, hits) = (flagged(in_scores), flagged(out_scores));
        Self {
            hits,
            misses: out_scores.len() - hits,
            false_alarms,
            correct_passes: in_scores.len() - false_alarms,
        }
    }

    /// Images with an outcome.
    pub fn count(&self, outcome: Outcome) -> usize {
        match outcome {
            Outcome::Hit => self.hits,
            Outcome::Miss => self.misses,
            Outcome::FalseAlarm => self.false_alarms,
            Outcome::CorrectPass => self.correct_passes,
        }
    }

    /// The images with an outcome among all of their role.
    pub fn share(&self, outcome: Outcome) -> Proportion {
        let trials = match outcome {
            Outcome::Hit | Outcome::Miss => self.hits + self.misses,
            Outcome::FalseAlarm | Outcome::CorrectPass => self.false_alarms + self.correct_passes,
        };
        Proportion {
            hits: self.count(outcome),
            trials,
        }
    }

    /// The share of flagged images that are out-of-domain where a share `out_share` of all images is (Bayes' rule).
    ///
    /// `None` where a role is missing or nothing would be flagged.
    pub fn precision(&self, out_share: f64) -> Option<f64> {
        let hit = out_share * self.share(Outcome::Hit).rate()?;
        let alarm = (1.0 - out_share) * self.share(Outcome::FalseAlarm).rate()?;
        (hit + alarm > 0.0).then(|| hit / (hit + alarm))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_score_on_the_threshold_is_let_through() {
        let confusion = Confusion::at(0.5, &[0.1, 0.5, 0.6], &[0.5, 0.7]);
        let expected = Confusion {
            hits: 1,
            misses: 1,
            false_alarms: 1,
            correct_passes: 2,
        };
        assert_eq!(confusion, expected);
    }

    #[test]
    fn rare_strangers_drown_in_false_alarms() {
        let confusion = Confusion {
            hits: 95,
            misses: 5,
            false_alarms: 5,
            correct_passes: 95,
        };
        let close = |share: f64, expected: f64| {
            let found = confusion.precision(share).unwrap();
            assert!((found - expected).abs() < 1e-12, "{found}");
        };
        close(0.5, 0.95);
        close(0.01, 0.0095 / (0.0095 + 0.0495));
        assert_eq!(Confusion::default().precision(0.5), None);
    }
}
