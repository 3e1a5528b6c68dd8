//! Rankings of made-up detectors whose order is known.

use super::*;
use crate::ood::random::SplitMix64;

fn entry(label: &str, calls: f64, scores: impl Fn(Role, usize) -> Option<f64>) -> Entry {
    let images = [Role::InDomain, Role::OutOfDomain]
        .into_iter()
        .flat_map(|role| (0..200).map(move |index| (role, index)));
    let scored = images.filter_map(|(role, index)| {
        let mut content = ContentHash([role as u8; 32]);
        content.0[..8].copy_from_slice(&(index as u64).to_le_bytes());
        Some(((content, role), scores(role, index)?))
    });
    Entry {
        label: label.to_owned(),
        detector: label.to_owned(),
        calls,
        counts_seconds: false,
        seconds: 0.1 * calls,
        scores: scored.collect(),
    }
}

/// Scores from 0 to 1, those of out-of-domain images higher by `shift`.
fn noisy(seed: u64, shift: f64) -> impl Fn(Role, usize) -> Option<f64> {
    move |role, index| {
        let key = seed * 1000 + 2 * index as u64 + u64::from(role == Role::OutOfDomain);
        let base = (SplitMix64::new(key).next_bits() >> 11) as f64 / (1_u64 << 53) as f64;
        Some(
            base + if role == Role::OutOfDomain {
                shift
            } else {
                0.0
            },
        )
    }
}

/// A detector that asks the model for nothing is not for that the cheapest.
#[test]
fn seconds_count_where_calls_are_not_all() {
    let separated = |role: Role, index: usize| {
        let shift = if role == Role::OutOfDomain {
            500.0
        } else {
            0.0
        };
        Some(shift + index as f64)
    };
    let slow = Entry {
        counts_seconds: true,
        seconds: 3.0,
        ..entry("slow", 0.0, separated)
    };
    let ranking = rank(&[slow, entry("quick", 10.0, separated)], 0.05).unwrap();
    assert_eq!(ranking.rows[ranking.choice].label, "quick");
}

#[test]
fn the_cheapest_that_is_as_good_is_chosen_and_the_evidence_told() {
    let entries = [
        entry("chance", 1.0, noisy(2, 0.0)),
        entry("cheap", 10.0, noisy(1, 0.899)),
        entry("dear", 250.0, noisy(1, 0.9)),
    ];
    let ranking = rank(&entries, 0.05).unwrap();
    let labels: Vec<&str> = ranking.rows.iter().map(|row| row.label.as_str()).collect();
    assert_eq!(labels, ["dear", "cheap", "chance"]);
    assert_eq!(ranking.choice, 1);
    let advice = ranking.advice();
    assert!(advice.starts_with("Use cheap: AUROC 0.9"), "{advice}");
    assert!(!advice.contains("too few"), "{advice}");
    let [best, _, chance] = &ranking.rows[..] else {
        panic!("three rows");
    };
    assert_eq!(
        (best.behind, best.found_alone, best.missed_alone),
        (0.0, 0, 0)
    );
    // What chance finds is some 5 % of the images, and the best finds nearly all.
    assert!(chance.behind_interval.unwrap().low > 0.3);
    let (hits, best_hits) = (chance.hits.unwrap().hits, best.hits.unwrap().hits);
    assert_eq!(
        best_hits - hits,
        chance.missed_alone - chance.found_alone,
        "hits differ by what each finds alone"
    );
}

#[test]
fn entries_are_ranked_by_the_images_that_all_of_them_scored() {
    let some =
        |role: Role, index: usize| (index >= 50).then(|| noisy(1, 0.5)(role, index)).flatten();
    let entries = [entry("all", 1.0, noisy(1, 0.5)), entry("some", 1.0, some)];
    let ranking = rank(&entries, 0.05).unwrap();
    assert_eq!((ranking.num_in, ranking.num_out), (150, 150));
    assert_eq!(ranking.rows[0].figures, ranking.rows[1].figures);
    let none = entry("none", 1.0, |role, index| {
        (role == Role::OutOfDomain).then_some(index as f64)
    });
    let missing = rank(&[entries[0].clone(), none], 0.05);
    assert_eq!(missing.unwrap_err(), MissingClass::InDomain);
}

#[test]
fn detectors_that_agree_by_nature_raise_false_alarms_by_fisher_alone() {
    // The same detector five times: Fisher takes its p-value for five that agree by chance.
    let entries: Vec<Entry> = ["a", "b", "c", "d", "e"]
        .map(|name| entry(name, 1.0, noisy(1, 0.3)))
        .to_vec();
    let ranking = rank(&entries, 0.05).unwrap();
    let [fisher, simes, bonferroni] = &ranking.combined[..] else {
        panic!("three rows: {:?}", ranking.combined);
    };
    assert!(fisher.false_alarms.interval(LEVEL).low > 0.05, "{fisher:?}");
    for row in [simes, bonferroni] {
        assert!(row.false_alarms.interval(LEVEL).low <= 0.05, "{row:?}");
    }
    // Simes of equal values is that value.
    assert!((simes.auroc - ranking.rows[0].figures.auroc).abs() < 0.05);
    assert_eq!(fisher.false_alarms.trials, 100);
}
