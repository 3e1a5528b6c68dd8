//! The detectors that are compared, each with settings of its own; LMD with several, from few network calls to many.

use super::Entry;
use crate::detectors::lmd::Lmd;
use crate::detectors::{DetectorSpec, measures};
use crate::engine::comparing::scores;
use crate::ood::Aggregate;
use crate::runs::file::StoredScores;

/// Steps and attempts of LMD besides its usual ones.
const FEW_CALLS: [(usize, usize); 2] = [(10, 1), (10, 5)];

/// A detector with settings.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Tells it from the others; its run file's name.
    pub name: String,
    /// Its name for people.
    pub label: String,
    pub detector: DetectorSpec,
}

impl Candidate {
    /// All detectors, the cheapest first; LMD as it is given, and with fewer calls.
    pub fn all(lmd: &Lmd) -> Vec<Self> {
        let mut candidates: Vec<Self> = (DetectorSpec::all().into_iter())
            .flat_map(|spec| match spec.lmd() {
                Some(_) => versions(lmd),
                None => vec![Self {
                    name: spec.about().name.to_owned(),
                    label: spec.about().label.to_owned(),
                    detector: spec,
                }],
            })
            .collect();
        // A model's number of timesteps changes no order.
        candidates.sort_by(|a, b| a.usual_secs().total_cmp(&b.usual_secs()));
        candidates
    }

    /// About how many network calls it takes per image.
    pub fn calls(&self, num_train_timesteps: usize) -> f64 {
        self.detector.total_calls(num_train_timesteps) as f64
    }

    /// About how many seconds it takes per image besides, at so many pixels per side.
    pub fn other_secs(&self, side: usize) -> f64 {
        self.detector.other_secs(side) * self.detector.num_attempts() as f64
    }

    /// Seconds per image with a small model, which the order goes by.
    fn usual_secs(&self) -> f64 {
        const CALL: f64 = 1.5e-3;
        CALL * self.calls(1000) + self.other_secs(32)
    }

    /// A way to score for each measure of its run.
    pub fn entries(&self, run: &StoredScores) -> Vec<Entry> {
        let scored = run.attempts.iter().filter(|of| !of.is_empty());
        let num_images = scored.count().max(1) as f64;
        let first = run.attempts.iter().flatten().next();
        let measured = first.map_or(&[][..], |values| values.ids());
        let ways = measures::available(measured);
        let is_alone = ways.len() == 1;
        let entry = |measure| Entry {
            label: if is_alone {
                self.label.clone()
            } else {
                format!("{}, {}", self.label, measures::label(&measure))
            },
            detector: self.name.clone(),
            calls: run.num_calls as f64 / num_images,
            counts_seconds: self.other_secs(32) > 0.0,
            seconds: run.seconds / num_images,
            scores: Entry::scores_of(&run.images, &scores(run, measure, Aggregate::Median)),
        };
        ways.into_iter().map(entry).collect()
    }
}

fn versions(usual: &Lmd) -> Vec<Candidate> {
    let few = FEW_CALLS.map(|(num_steps, num_attempts)| {
        let mut lmd = usual.clone();
        lmd.sampler.num_steps = Some(num_steps);
        lmd.num_attempts = num_attempts;
        lmd
    });
    // The usual one may be one of the others.
    let is_other = !few.contains(usual);
    let all = few.into_iter().chain(is_other.then(|| usual.clone()));
    all.map(|lmd| {
        let (num_steps, num_attempts) = (lmd.sampler.num_steps(1000), lmd.num_attempts);
        Candidate {
            name: format!("lmd-{num_steps}x{num_attempts}"),
            label: format!("LMD {num_steps} x {num_attempts}"),
            detector: DetectorSpec::Lmd(lmd),
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(lmd: &Lmd) -> Vec<Candidate> {
        Candidate::all(lmd)
    }

    #[test]
    fn all_detectors_come_the_cheapest_first_and_under_names_of_their_own() {
        let mut lmd = Lmd::default();
        for (num_attempts, num_candidates) in [(10, 3), (5, 2), (1, 2)] {
            (lmd.num_attempts, lmd.sampler.num_steps) = (num_attempts, Some(10));
            let all = all(&lmd);
            let versions = all.iter().filter(|it| it.detector.lmd().is_some());
            assert_eq!(versions.count(), num_candidates, "{num_attempts}");
            for spec in DetectorSpec::all() {
                let name = spec.about().name;
                let is_there = all.iter().any(|it| it.detector.about().name == name);
                assert!(is_there, "{name}");
            }
            let secs: Vec<f64> = all.iter().map(Candidate::usual_secs).collect();
            assert!(secs.is_sorted(), "{secs:?}");
            let names: Vec<&str> = all.iter().map(|it| it.name.as_str()).collect();
            let place = |name: &str| names.iter().position(|it| *it == name);
            assert!(place("likelihood-regret") > place("lmd-10x5"), "{names:?}");
            let mut names: Vec<&str> = all.iter().map(|it| it.name.as_str()).collect();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), all.len());
        }
        let usual = all(&Lmd::default()).into_iter();
        let usual: Vec<String> = (usual.filter(|it| it.detector.lmd().is_some()))
            .map(|it| it.name)
            .collect();
        assert_eq!(usual, ["lmd-10x1", "lmd-10x5", "lmd-25x10"]);
    }
}
