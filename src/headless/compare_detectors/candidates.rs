//! The detectors that are compared, each with settings of its own; LMD with several, from few network calls to many.

use crate::detectors::DetectorSpec;
use crate::detectors::lmd::Lmd;

/// Steps and attempts of LMD besides its usual ones.
const FEW_CALLS: [(usize, usize); 2] = [(10, 1), (10, 5)];

/// A detector with settings.
#[derive(Clone, Debug)]
pub struct Candidate {
    /// Its run file's name.
    pub name: String,
    /// Its name for people.
    pub label: String,
    pub detector: DetectorSpec,
}

impl Candidate {
    /// About how many network calls it takes per image.
    pub fn calls(&self, num_train_timesteps: usize) -> f64 {
        let calls = self.detector.expected_calls(num_train_timesteps);
        (calls * self.detector.num_attempts()) as f64
    }
}

/// What is compared where these detectors are asked for, all where there are none; the cheapest first.
pub fn chosen(asked: &[DetectorSpec]) -> Vec<Candidate> {
    let all = DetectorSpec::all().into_iter();
    let mut candidates: Vec<Candidate> = all
        .filter(|spec| asked.is_empty() || asked.contains(spec))
        .flat_map(|spec| match spec.lmd() {
            Some(lmd) => versions(lmd),
            None => vec![Candidate {
                name: spec.about().name.to_owned(),
                label: spec.about().label.to_owned(),
                detector: spec,
            }],
        })
        .collect();
    // A model's number of timesteps changes no order.
    candidates.sort_by(|a, b| a.calls(1000).total_cmp(&b.calls(1000)));
    candidates
}

fn versions(usual: &Lmd) -> Vec<Candidate> {
    let few = FEW_CALLS.map(|(num_steps, num_attempts)| {
        let mut lmd = usual.clone();
        lmd.sampler.num_steps = Some(num_steps);
        lmd.num_attempts = num_attempts;
        lmd
    });
    let all = few.into_iter().chain([usual.clone()]);
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

    #[test]
    fn all_detectors_come_the_cheapest_first_and_under_names_of_their_own() {
        let all = chosen(&[]);
        for spec in DetectorSpec::all() {
            let name = spec.about().name;
            assert!(
                all.iter().any(|it| it.detector.about().name == name),
                "{name}"
            );
        }
        let calls: Vec<f64> = all.iter().map(|it| it.calls(1000)).collect();
        assert!(calls.is_sorted(), "{calls:?}");
        let mut names: Vec<&str> = all.iter().map(|it| it.name.as_str()).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all.len());
        let lmd: Vec<String> = chosen(&[DetectorSpec::default()])
            .into_iter()
            .map(|it| it.name)
            .collect();
        assert_eq!(lmd, ["lmd-10x1", "lmd-10x5", "lmd-25x10"]);
    }
}
