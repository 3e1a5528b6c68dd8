//! Statistics of a decision against scipy, statsmodels and scikit-learn, and on simulated scores.

use lmd_inspector::ood::auroc::{IntervalKind, TwoSamples, normal_quantile};
use lmd_inspector::ood::conformal::{self, CalibrationScores};
use lmd_inspector::ood::discoveries::Discoveries;
use lmd_inspector::ood::random::SplitMix64;
use lmd_inspector::ood::{Confusion, Costs, Proportion, ThresholdRule};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    conformal: Vec<Conformal>,
    benjamini_hochberg: Vec<BenjaminiHochberg>,
    clopper_pearson: Vec<ClopperPearson>,
    false_alarms: Vec<FalseAlarms>,
    auroc_intervals: Vec<AurocCase>,
    thresholds: Vec<ThresholdCase>,
}

#[derive(Deserialize)]
struct Conformal {
    calibration: Vec<f64>,
    scores: Vec<f64>,
    p: Vec<f64>,
    leave_one_out: Vec<f64>,
}

#[derive(Deserialize)]
struct BenjaminiHochberg {
    p: Vec<f64>,
    rate: f64,
    rejected: Vec<bool>,
    q: Vec<f64>,
}

#[derive(Deserialize)]
struct ClopperPearson {
    hits: usize,
    trials: usize,
    level: f64,
    low: f64,
    high: f64,
}

#[derive(Deserialize)]
struct FalseAlarms {
    n: usize,
    rate: f64,
    new: usize,
    level: f64,
    rate_low: f64,
    rate_high: f64,
    low: usize,
    high: usize,
}

#[derive(Deserialize)]
struct AurocCase {
    in_domain: Vec<f64>,
    out_of_domain: Vec<f64>,
    auroc: f64,
    standard_error: f64,
    low_80: f64,
    high_80: f64,
    low_95: f64,
    high_95: f64,
}

#[derive(Deserialize)]
struct ThresholdCase {
    in_domain: Vec<f64>,
    out_of_domain: Vec<f64>,
    youden: [usize; 4],
    hit_rate_95: [usize; 4],
    costs: Vec<CostCase>,
}

#[derive(Deserialize)]
struct CostCase {
    miss: f64,
    false_alarm: f64,
    out_share: f64,
    counts: [usize; 4],
}

fn reference() -> Reference {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/fixtures/detection/decisions.json"
    );
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[track_caller]
fn near(found: f64, expected: f64, tolerance: f64, what: &str) {
    assert!(
        (found - expected).abs() <= tolerance,
        "{what}: {found} is not {expected}"
    );
}

#[test]
fn conformal_p_values_are_their_definition() {
    let cases = reference().conformal;
    assert_eq!(cases.len(), 4);
    for case in cases {
        let calibration = CalibrationScores::new(case.calibration.iter().copied());
        for (score, p) in case.scores.iter().zip(&case.p) {
            near(calibration.p_value(*score), *p, 1e-15, "p-value");
        }
        for (score, p) in case.calibration.iter().zip(&case.leave_one_out) {
            let found = calibration.leave_one_out_p_value(*score);
            near(found, *p, 1e-15, "leave-one-out p-value");
        }
    }
}

#[test]
fn discoveries_are_those_of_statsmodels() {
    for case in reference().benjamini_hochberg {
        let found = Discoveries::new(&case.p, case.rate);
        for (index, q) in case.q.iter().enumerate() {
            near(found.q_values[index], *q, 1e-12, "q-value");
            assert_eq!(found.contains(index), case.rejected[index], "image {index}");
        }
    }
}

#[test]
fn intervals_of_rates_are_those_of_statsmodels_and_scipy() {
    let reference = reference();
    assert_eq!(reference.clopper_pearson.len(), 27);
    for case in reference.clopper_pearson {
        let (hits, trials) = (case.hits, case.trials);
        let found = Proportion { hits, trials }.interval(case.level);
        let what = format!("{hits} of {trials} at {}", case.level);
        near(found.low, case.low, 1e-9, &what);
        near(found.high, case.high, 1e-9, &what);
    }
    for case in reference.false_alarms {
        let found = conformal::rate_interval(case.n, case.rate, case.level).unwrap();
        near(found.low, case.rate_low, 1e-9, "false-alarm rate");
        near(found.high, case.rate_high, 1e-9, "false-alarm rate");
        let range = conformal::false_alarm_range(case.n, case.rate, case.new, case.level);
        assert_eq!(range, Some((case.low, case.high)), "false alarms");
    }
}

#[test]
fn intervals_of_areas_are_those_of_scipy() {
    for case in reference().auroc_intervals {
        let samples = TwoSamples::new(&case.in_domain, &case.out_of_domain).unwrap();
        near(samples.auroc(), case.auroc, 1e-12, "AUROC");
        let error = samples.standard_error().unwrap();
        near(error, case.standard_error, 1e-12, "standard error");
        for (level, low, high) in [
            (0.8, case.low_80, case.high_80),
            (0.95, case.low_95, case.high_95),
        ] {
            let found = samples.interval(level, 20_000, 3);
            assert_eq!(found.kind, IntervalKind::Bootstrap);
            // Both sides are resampled: what is left is the noise of 20,000 and 40,000 draws.
            near(found.interval.low, low, 0.003, "lower end");
            near(found.interval.high, high, 0.003, "upper end");
        }
    }
}

#[test]
fn each_rule_flags_what_scikit_learn_flags() {
    for case in reference().thresholds {
        let counts = |rule: ThresholdRule| {
            let threshold = rule
                .threshold(&case.in_domain, &case.out_of_domain)
                .unwrap();
            let found = Confusion::at(threshold, &case.in_domain, &case.out_of_domain);
            [
                found.hits,
                found.misses,
                found.false_alarms,
                found.correct_passes,
            ]
        };
        assert_eq!(counts(ThresholdRule::Youden), case.youden);
        let hit_rate = ThresholdRule::HitRate { rate: 0.95 };
        assert_eq!(counts(hit_rate), case.hit_rate_95);
        for costs in case.costs {
            let rule = ThresholdRule::LowestCost(Costs {
                miss: costs.miss,
                false_alarm: costs.false_alarm,
                out_share: costs.out_share,
            });
            assert_eq!(counts(rule), costs.counts, "{rule:?}");
        }
    }
}

/// Standard normal numbers.
fn normals(random: &mut SplitMix64, count: usize, shift: f64) -> Vec<f64> {
    (0..count)
        .map(|_| {
            let uniform = (random.next_bits() >> 11) as f64 + 0.5;
            shift + normal_quantile(uniform / (1_u64 << 53) as f64)
        })
        .collect()
}

#[test]
fn a_95_percent_interval_holds_the_true_area_in_93_to_97_percent_of_simulations() {
    const SIMULATIONS: usize = 2000;
    // Two normal distributions this far apart have an area of 0.85.
    let shift = std::f64::consts::SQRT_2 * normal_quantile(0.85);
    let mut random = SplitMix64::new(85);
    let mut covered = 0;
    for simulation in 0..SIMULATIONS {
        let in_scores = normals(&mut random, 200, 0.0);
        let out_scores = normals(&mut random, 200, shift);
        let samples = TwoSamples::new(&in_scores, &out_scores).unwrap();
        let found = samples.interval(0.95, 500, simulation as u64);
        covered += usize::from(found.interval.contains(0.85));
    }
    let share = covered as f64 / SIMULATIONS as f64;
    assert!((0.93..=0.97).contains(&share), "covered {share}");
}
