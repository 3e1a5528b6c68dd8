//! Detectors on the same images, ranked: what each finds and costs, and which is cheap and as good as the best.

pub mod account;
pub mod candidates;
#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};

use serde::Serialize;

use crate::images::ContentHash;
use crate::ood::auroc::TwoSamples;
use crate::ood::combining::Combining;
use crate::ood::conformal::CalibrationScores;
use crate::ood::figures::{Figures, MissingClass, RocPoint, figures, roc_curve};
use crate::ood::paired::PairedAreas;
use crate::ood::{Interval, Proportion, Role};
use crate::runs::RunImage;

pub use self::account::{Account, AccountError, NotRun, Ranked};
pub use self::candidates::Candidate;

/// Confidence of all intervals.
pub const LEVEL: f64 = 0.95;
/// An AUROC that is smaller than the largest by no more than this is as good as that.
pub const MARGIN: f64 = 0.02;

/// One way to score images: a detector with one of its measures.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What to call it.
    pub label: String,
    /// Rows of one detector share its run: only the first of them is combined with other detectors.
    pub detector: String,
    /// Network calls per image, as measured.
    pub calls: f64,
    /// Whether it takes much time besides its calls, so that its cost is its seconds.
    pub counts_seconds: bool,
    /// Seconds per image, as measured.
    pub seconds: f64,
    /// By content and role; images that could not be scored are missing.
    pub scores: HashMap<(ContentHash, Role), f64>,
}

impl Entry {
    /// The scores of a run's images, those that have one.
    pub fn scores_of(
        images: &[RunImage],
        scores: &[Option<f64>],
    ) -> HashMap<(ContentHash, Role), f64> {
        let pairs = images.iter().zip(scores);
        pairs
            .filter_map(|(image, score)| Some(((image.file.hash, image.role), (*score)?)))
            .collect()
    }
}

/// How one entry did.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    pub label: String,
    /// See [`Entry::detector`].
    pub detector: String,
    /// Network calls per image.
    pub calls: f64,
    /// See [`Entry::counts_seconds`].
    #[serde(skip)]
    pub counts_seconds: bool,
    /// Seconds per image.
    pub seconds: f64,
    /// By all images that every entry scored.
    #[serde(flatten)]
    pub figures: Figures,
    /// Of the AUROC, by DeLong's standard error; `None` with one image of a role.
    pub interval: Option<Interval>,
    /// How much smaller its AUROC is than that of the best row.
    pub behind: f64,
    /// The interval of `behind`, by DeLong's test on the same images; `None` for the best row, and where both order the
    /// images alike.
    pub behind_interval: Option<Interval>,
    /// Out-of-domain images above a threshold set from the in-domain ones; `None` where these are too few for the rate.
    pub hits: Option<Proportion>,
    /// Out-of-domain images that it finds and the best row misses.
    pub found_alone: usize,
    /// Out-of-domain images that it misses and the best row finds.
    pub missed_alone: usize,
    /// From (0, 0) to (1, 1).
    #[serde(skip)]
    pub curve: Vec<RocPoint>,
}

impl Row {
    /// The cheaper of two first: by network calls, which no machine changes, where these are all that counts.
    fn by_cost(&self, other: &Self) -> Ordering {
        let by_calls = self.calls.total_cmp(&other.calls);
        let by_secs = self.seconds.total_cmp(&other.seconds);
        if self.counts_seconds || other.counts_seconds {
            by_secs
        } else {
            by_calls.then(by_secs)
        }
    }

    /// Whether it is behind the best row by [`MARGIN`] at most, beyond chance.
    fn is_as_good(&self) -> bool {
        let most = self.behind_interval.map(|interval| interval.high);
        most.unwrap_or(self.behind) <= MARGIN
    }

    /// Whether it may be: the images are too few to tell.
    fn may_be_as_good(&self) -> bool {
        let least = self.behind_interval.map(|interval| interval.low);
        least.unwrap_or(self.behind) <= MARGIN
    }
}

/// What several detectors say together.
#[derive(Clone, Debug, Serialize)]
pub struct CombinedRow {
    /// How their p-values are combined.
    pub label: &'static str,
    /// By in-domain images that had no part in the p-values.
    pub auroc: f64,
    pub interval: Option<Interval>,
    /// In-domain images flagged at the rate asked for, of those that had no part in the p-values.
    pub false_alarms: Proportion,
    /// Out-of-domain images flagged.
    pub hits: Proportion,
}

/// All entries, the largest AUROC first.
#[derive(Clone, Debug, Serialize)]
pub struct Ranking {
    /// The false-alarm rate of thresholds and flags.
    pub false_alarm_rate: f64,
    /// In-domain images that every entry scored.
    pub num_in: usize,
    /// Out-of-domain images that every entry scored.
    pub num_out: usize,
    pub rows: Vec<Row>,
    /// Of the first row of each detector; empty with fewer than two detectors, or too few in-domain images.
    pub combined: Vec<CombinedRow>,
    /// The cheapest row that is as good as the best one, a position in `rows`.
    pub choice: usize,
}

impl Ranking {
    /// Which detector to use for such images, with the evidence, in sentences.
    pub fn advice(&self) -> String {
        let (Some(best), Some(choice)) = (self.rows.first(), self.rows.get(self.choice)) else {
            return String::new();
        };
        let area = |row: &Row| {
            let interval = row.interval.map_or_else(String::new, |interval| {
                format!(" ({:.3} to {:.3})", interval.low, interval.high)
            });
            format!("AUROC {:.3}{interval}", row.figures.auroc)
        };
        let mut sentences = vec![if self.choice == 0 {
            format!("Use {}: {}.", best.label, area(best))
        } else {
            let most = choice.behind_interval.map_or(choice.behind, |i| i.high);
            format!(
                "Use {}: {}, {} per image. {} has the largest, {}, at {}; the difference is at most {:.3}.",
                choice.label,
                area(choice),
                cost(choice),
                best.label,
                area(best),
                cost(best),
                most.max(0.0),
            )
        }];
        let is_open = |row: &&Row| row.by_cost(choice).is_lt() && row.may_be_as_good();
        if let Some(cheaper) = self.rows.iter().find(is_open) {
            sentences.push(format!(
                "{} ({}, {}) may be as good: {} in-domain and {} out-of-domain images are too few to tell.",
                cheaper.label,
                area(cheaper),
                cost(cheaper),
                self.num_in,
                self.num_out,
            ));
        }
        sentences.push(
            "These are the figures for these out-of-domain images; for others another detector may be better.".to_owned(),
        );
        sentences.join(" ")
    }
}

/// What a row takes per image, in words.
fn cost(row: &Row) -> String {
    if row.counts_seconds {
        return format!("{:.1} seconds", row.seconds);
    }
    match row.calls.round() {
        0.0 => "no network call".to_owned(),
        1.0 => "1 network call".to_owned(),
        count => format!("{count} network calls"),
    }
}

/// Rank entries by the images that all of them scored.
///
/// # Errors
/// That there is no image of a class that every entry scored.
pub fn rank(entries: &[Entry], false_alarm_rate: f64) -> Result<Ranking, MissingClass> {
    let images = common(entries);
    let of = |role: Role| -> Vec<&(ContentHash, Role)> {
        images
            .iter()
            .copied()
            .filter(|(_, of)| *of == role)
            .collect()
    };
    let (inside, outside) = (of(Role::InDomain), of(Role::OutOfDomain));
    let scored: Vec<Scored<'_>> = entries
        .iter()
        .map(|entry| {
            let scores = |images: &[&(ContentHash, Role)]| -> Vec<f64> {
                images
                    .iter()
                    .filter_map(|key| entry.scores.get(*key).copied())
                    .collect()
            };
            Scored::new(entry, [scores(&inside), scores(&outside)], false_alarm_rate)
        })
        .collect::<Result<_, _>>()?;
    let by_area = |a: &&Scored<'_>, b: &&Scored<'_>| a.figures.auroc.total_cmp(&b.figures.auroc);
    // Of equal ones the first, which is the cheaper.
    let best = scored
        .iter()
        .rev()
        .max_by(by_area)
        .ok_or(MissingClass::InDomain)?;
    let mut rows: Vec<Row> = (scored.iter())
        .map(|entry| entry.against(best))
        .collect::<Result<_, _>>()?;
    let combined = combine(&scored, false_alarm_rate);
    rows.sort_by(|a, b| b.figures.auroc.total_cmp(&a.figures.auroc));
    let as_good = rows.iter().enumerate().filter(|(_, row)| row.is_as_good());
    let cheapest = as_good.min_by(|(_, a), (_, b)| a.by_cost(b));
    Ok(Ranking {
        false_alarm_rate,
        num_in: inside.len(),
        num_out: outside.len(),
        choice: cheapest.map_or(0, |(position, _)| position),
        rows,
        combined,
    })
}

/// The images that all entries scored, in an order that depends on nothing but their contents.
fn common(entries: &[Entry]) -> Vec<&(ContentHash, Role)> {
    let Some((first, others)) = entries.split_first() else {
        return Vec::new();
    };
    let is_everywhere =
        |key: &&(ContentHash, Role)| others.iter().all(|entry| entry.scores.contains_key(*key));
    let mut images: Vec<_> = first.scores.keys().filter(is_everywhere).collect();
    images.sort_by_key(|(content, _)| content.0);
    images
}

/// An entry by the common images.
struct Scored<'a> {
    entry: &'a Entry,
    /// In-domain and out-of-domain, each in the order of the images.
    scores: [Vec<f64>; 2],
    figures: Figures,
    threshold: Option<f64>,
}

impl<'a> Scored<'a> {
    fn new(
        entry: &'a Entry,
        scores: [Vec<f64>; 2],
        false_alarm_rate: f64,
    ) -> Result<Self, MissingClass> {
        let [inside, outside] = &scores;
        let calibration = CalibrationScores::new(inside.iter().copied());
        Ok(Self {
            entry,
            figures: figures(inside, outside)?,
            threshold: calibration.threshold(false_alarm_rate).ok(),
            scores,
        })
    }

    /// Whether each out-of-domain image lies above the threshold; empty without one.
    fn found(&self) -> Vec<bool> {
        let flag = |threshold: f64| {
            let outside = self.scores[1].iter();
            outside.map(|score| *score > threshold).collect()
        };
        self.threshold.map_or_else(Vec::new, flag)
    }

    fn against(&self, best: &Self) -> Result<Row, MissingClass> {
        let pairs = |role: usize| -> Vec<(f64, f64)> {
            let theirs = best.scores[role].iter().copied();
            theirs.zip(self.scores[role].iter().copied()).collect()
        };
        let areas = PairedAreas::new(&pairs(0), &pairs(1))?;
        let [inside, outside] = &self.scores;
        let (found, theirs) = (self.found(), best.found());
        let count = |found: &[bool], missed: &[bool]| {
            let both = found.iter().zip(missed);
            both.filter(|(found, other)| **found && !**other).count()
        };
        Ok(Row {
            label: self.entry.label.clone(),
            detector: self.entry.detector.clone(),
            calls: self.entry.calls,
            counts_seconds: self.entry.counts_seconds,
            seconds: self.entry.seconds,
            figures: self.figures,
            interval: TwoSamples::new(inside, outside)?.quick_interval(LEVEL),
            behind: areas.difference(),
            behind_interval: areas.interval(LEVEL),
            hits: self.threshold.map(|_| Proportion {
                hits: found.iter().filter(|found| **found).count(),
                trials: found.len(),
            }),
            found_alone: count(&found, &theirs),
            missed_alone: count(&theirs, &found),
            curve: roc_curve(inside, outside)?,
        })
    }
}

/// Combine the p-values of the first entry of each detector. One half of the in-domain images gives the p-values, the other
/// half tells whether false alarms keep to the rate.
fn combine(scored: &[Scored<'_>], false_alarm_rate: f64) -> Vec<CombinedRow> {
    let mut seen = HashSet::new();
    let firsts: Vec<&Scored<'_>> = (scored.iter())
        .filter(|scored| seen.insert(scored.entry.detector.as_str()))
        .collect();
    // Images are in the order of their contents' hashes, so that every second one is a random half.
    let half = |scores: &[f64], rest: usize| -> Vec<f64> {
        scores.iter().skip(rest).step_by(2).copied().collect()
    };
    let calibrations: Vec<CalibrationScores> = (firsts.iter())
        .map(|scored| CalibrationScores::new(half(&scored.scores[0], 0)))
        .collect();
    let is_enough =
        |calibration: &CalibrationScores| calibration.threshold(false_alarm_rate).is_ok();
    if firsts.len() < 2 || !calibrations.iter().all(is_enough) {
        return Vec::new();
    }
    // Of each image the p-values of all detectors.
    let p_values = |of: &dyn Fn(&Scored<'_>) -> Vec<f64>| -> Vec<Vec<f64>> {
        let scores: Vec<Vec<f64>> = firsts.iter().map(|scored| of(scored)).collect();
        let num_images = scores.first().map_or(0, Vec::len);
        (0..num_images)
            .map(|image| {
                let detectors = calibrations.iter().zip(&scores);
                detectors
                    .map(|(calibration, scores)| calibration.p_value(scores[image]))
                    .collect()
            })
            .collect()
    };
    let inside = p_values(&|scored| half(&scored.scores[0], 1));
    let outside = p_values(&|scored| scored.scores[1].clone());
    let row = |combining: Combining| {
        let combined = |images: &[Vec<f64>]| -> Vec<f64> {
            images
                .iter()
                .map(|values| combining.p_value(values))
                .collect()
        };
        let (inside, outside) = (combined(&inside), combined(&outside));
        let flagged = |values: &[f64]| Proportion {
            hits: values.iter().filter(|p| **p <= false_alarm_rate).count(),
            trials: values.len(),
        };
        let strange = |values: &[f64]| -> Vec<f64> { values.iter().map(|p| -p.ln()).collect() };
        let samples = TwoSamples::new(&strange(&inside), &strange(&outside)).ok()?;
        Some(CombinedRow {
            label: combining.label(),
            auroc: samples.auroc(),
            interval: samples.quick_interval(LEVEL),
            false_alarms: flagged(&inside),
            hits: flagged(&outside),
        })
    };
    Combining::ALL.into_iter().filter_map(row).collect()
}
