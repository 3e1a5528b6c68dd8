//! The threshold: how the user sets it, and what it does to the images so far.

use serde::{Deserialize, Serialize};

use super::shown::analysis::Analysis;
use super::text;
use crate::ood::text::{measured, percent};
use crate::ood::{Confusion, Costs, Interval, Outcome, ThresholdRule};
use crate::runs::Calibration;

/// A way to set the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Way {
    /// From in-domain images alone, at a false-alarm rate.
    FalseAlarms,
    /// By hand.
    ByHand,
    /// A share of the out-of-domain images is found.
    HitRate,
    /// Largest difference between hits and false alarms.
    Youden,
    /// Lowest expected cost.
    LowestCost,
    /// As a detector file says.
    Detector,
}

impl Way {
    /// All ways, in the order in which they are shown.
    pub const ALL: [Self; 6] = [
        Self::FalseAlarms,
        Self::ByHand,
        Self::HitRate,
        Self::Youden,
        Self::LowestCost,
        Self::Detector,
    ];

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::FalseAlarms => "False-alarm rate",
            Self::ByHand => "By hand",
            Self::HitRate => "Share found",
            Self::Youden => "Best balance (Youden)",
            Self::LowestCost => "Lowest cost",
            Self::Detector => "Detector file",
        }
    }

    /// What it does.
    pub fn explanation(self) -> &'static str {
        match self {
            Self::FalseAlarms => {
                "From in-domain images alone: needs no example of what is to be found, and holds for new images"
            }
            Self::ByHand => "Drag the line in the histogram or the point on the curve",
            Self::HitRate => {
                "The highest threshold that finds a share of the out-of-domain images here, 95 % by default"
            }
            Self::Youden => "Where the share found is furthest above the share flagged by mistake",
            Self::LowestCost => "Where mistakes cost least, by what you say they cost",
            Self::Detector => "The threshold of the open detector file",
        }
    }
}

/// Everything that decides the threshold, and what its figures rest on; kept from start to start.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DecisionSettings {
    /// How the threshold is set.
    pub way: Way,
    /// For [`Way::FalseAlarms`], in (0, 1).
    pub false_alarm_rate: f64,
    /// For [`Way::HitRate`], the share of out-of-domain images that is found, in (0, 1).
    pub hit_rate: f64,
    /// For [`Way::ByHand`], a score.
    pub by_hand: f64,
    /// For [`Way::LowestCost`].
    pub costs: Costs,
    /// Share of out-of-domain images that the precision is for, in (0, 1).
    pub prior: f64,
    /// Confidence of all intervals, in (0, 1).
    pub level: f64,
    /// False-discovery rate of the list of unknown images, in (0, 1).
    pub false_discovery_rate: f64,
}

impl Default for DecisionSettings {
    fn default() -> Self {
        Self {
            way: Way::FalseAlarms,
            false_alarm_rate: 0.05,
            hit_rate: 0.95,
            by_hand: 0.0,
            costs: Costs::default(),
            prior: 0.1,
            level: 0.95,
            false_discovery_rate: 0.1,
        }
    }
}

impl DecisionSettings {
    /// Values that a hand-edited file may hold but no control can show.
    pub fn repaired(mut self) -> Self {
        let defaults = Self::default();
        let is_share = |share: f64| share > 0.0 && share < 1.0;
        for (value, default) in [
            (&mut self.false_alarm_rate, defaults.false_alarm_rate),
            (&mut self.hit_rate, defaults.hit_rate),
            (&mut self.prior, defaults.prior),
            (&mut self.level, defaults.level),
            (
                &mut self.false_discovery_rate,
                defaults.false_discovery_rate,
            ),
            (&mut self.costs.out_share, defaults.costs.out_share),
        ] {
            if !is_share(*value) {
                *value = default;
            }
        }
        let is_cost = |cost: f64| cost.is_finite() && cost >= 0.0;
        if !(is_cost(self.costs.miss) && is_cost(self.costs.false_alarm)) {
            self.costs = defaults.costs;
        }
        if !self.by_hand.is_finite() || matches!(self.way, Way::ByHand | Way::Detector) {
            // Scores of another run are in other units.
            self.way = defaults.way;
            self.by_hand = defaults.by_hand;
        }
        self
    }

    /// The rule of a way; `None` for a detector file, which brings its own.
    pub fn rule(&self, way: Way) -> Option<ThresholdRule> {
        Some(match way {
            Way::FalseAlarms => ThresholdRule::FalseAlarmRate {
                rate: self.false_alarm_rate,
            },
            Way::ByHand => ThresholdRule::ByHand,
            Way::HitRate => ThresholdRule::HitRate {
                rate: self.hit_rate,
            },
            Way::Youden => ThresholdRule::Youden,
            Way::LowestCost => ThresholdRule::LowestCost(self.costs),
            Way::Detector => return None,
        })
    }
}

/// The threshold and what it does.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// The threshold, or why there is none.
    pub threshold: Result<f64, String>,
    /// For each of [`Way::ALL`] the threshold that it gives, or why it can't.
    pub ways: Vec<Result<f64, String>>,
    /// How the threshold came about, a sentence.
    pub sentence: String,
    /// The images on either side; `None` without a threshold.
    pub confusion: Option<Confusion>,
    /// For each of [`Outcome::ALL`] the interval of its share.
    pub intervals: [Interval; 4],
    /// Share of flagged images that are out-of-domain at the chosen prior.
    pub precision: Option<f64>,
}

impl Decision {
    /// Decide by the settings on scores. `detector` is the open detector file, or why it does not fit.
    pub fn of(
        analysis: &Analysis,
        settings: &DecisionSettings,
        detector: Option<&Result<&Calibration, String>>,
    ) -> Self {
        let ways: Vec<Result<f64, String>> = Way::ALL
            .into_iter()
            .map(|way| threshold(analysis, settings, way, detector))
            .collect();
        let position = Way::ALL.iter().position(|way| *way == settings.way);
        let threshold = ways[position.unwrap_or(0)].clone();
        let confusion = threshold.as_ref().ok().map(|&threshold| {
            let above =
                |scores: &[f64]| scores.len() - scores.partition_point(|&score| score <= threshold);
            let (in_scores, out_scores) = (analysis.calibration.sorted(), &analysis.out_sorted);
            let (false_alarms, hits) = (above(in_scores), above(out_scores));
            Confusion {
                hits,
                misses: out_scores.len() - hits,
                false_alarms,
                correct_passes: in_scores.len() - false_alarms,
            }
        });
        let shown = confusion.unwrap_or_default();
        Self {
            sentence: sentence(analysis, settings, &threshold, detector),
            threshold,
            ways,
            confusion,
            intervals: Outcome::ALL.map(|outcome| shown.share(outcome).interval(settings.level)),
            precision: shown.precision(settings.prior),
        }
    }
}

fn threshold(
    analysis: &Analysis,
    settings: &DecisionSettings,
    way: Way,
    detector: Option<&Result<&Calibration, String>>,
) -> Result<f64, String> {
    let Some(rule) = settings.rule(way) else {
        return match detector {
            None => Err("No detector file is open".to_owned()),
            Some(Err(reason)) => Err(reason.clone()),
            Some(Ok(detector)) => Ok(detector.threshold),
        };
    };
    if rule == ThresholdRule::ByHand {
        return Ok(settings.by_hand);
    }
    let curve = match analysis.figures {
        Ok(_) => Ok(analysis.curve.as_slice()),
        Err(missing) => Err(missing),
    };
    rule.on_curve(&analysis.calibration, curve)
        .map_err(|error| text::sentence(&error.to_string()))
}

fn sentence(
    analysis: &Analysis,
    settings: &DecisionSettings,
    threshold: &Result<f64, String>,
    detector: Option<&Result<&Calibration, String>>,
) -> String {
    let reason = match threshold {
        Err(reason) => return reason.clone(),
        Ok(_) => settings.way,
    };
    let num_in = text::counted(analysis.calibration.count(), "in-domain image");
    let num_out = text::counted(analysis.out_sorted.len(), "out-of-domain image");
    match reason {
        Way::FalseAlarms => format!(
            "From {num_in} alone: on average at most {} of new ones like them are flagged",
            percent(settings.false_alarm_rate)
        ),
        Way::ByHand => "Set by hand, so nothing is promised for new images".to_owned(),
        Way::HitRate => format!(
            "The highest threshold that finds {} of the {num_out}",
            percent(settings.hit_rate)
        ),
        Way::Youden => {
            format!("The largest gap between hits and false alarms, on {num_in} and {num_out}")
        }
        Way::LowestCost => format!(
            "The cheapest where {} of images are out-of-domain, a miss costs {} and a false alarm {}",
            measured(settings.costs.out_share),
            settings.costs.miss,
            settings.costs.false_alarm
        ),
        Way::Detector => match detector {
            Some(Ok(detector)) => format!(
                "From the detector file ({})",
                super::detector::basis(detector)
            ),
            _ => "From the detector file".to_owned(),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn damaged_settings_are_repaired() {
        let damaged = DecisionSettings {
            way: Way::ByHand,
            by_hand: 0.3,
            prior: 7.0,
            level: -1.0,
            ..DecisionSettings::default()
        };
        assert_eq!(damaged.repaired(), DecisionSettings::default());
    }
}
