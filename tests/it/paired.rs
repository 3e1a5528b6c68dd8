//! Differences of two areas under the ROC curve against a reference, see `fixtures/detection/make_paired.py`.

use lmd_inspector::ood::paired::PairedAreas;
use serde::Deserialize;

#[derive(Deserialize)]
struct Case {
    in_domain: Vec<(f64, f64)>,
    out_of_domain: Vec<(f64, f64)>,
    areas: (f64, f64),
    standard_error: f64,
    interval: (f64, f64),
}

#[test]
fn paired_areas_have_the_reference_s_difference_and_interval() {
    let cases: Vec<Case> =
        serde_json::from_str(include_str!("../fixtures/detection/paired.json")).unwrap();
    assert_eq!(cases.len(), 3);
    for case in cases {
        let areas = PairedAreas::new(&case.in_domain, &case.out_of_domain).unwrap();
        let interval = areas.interval(0.95).unwrap();
        for (got, expected) in [
            (areas.first, case.areas.0),
            (areas.second, case.areas.1),
            (areas.standard_error.unwrap(), case.standard_error),
            (interval.low, case.interval.0),
            (interval.high, case.interval.1),
        ] {
            assert!((got - expected).abs() < 1e-12, "{got}, expected {expected}");
        }
    }
}
