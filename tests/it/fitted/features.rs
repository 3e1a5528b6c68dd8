//! Mahalanobis by a network from a user's file.

use lmd_inspector::runs::file::read_scores;

use super::{errors, fit, fitted, json, part};
use crate::binary::{lmd, text};
use crate::networks::from_file::{other_squeeze_weights, squeeze_weights};

#[test]
fn a_fit_by_a_users_network_scores_by_that_network_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let weights = squeeze_weights(folder.path());
    let seen = part(folder.path(), "fashion-mnist", 0..100);
    let others = part(folder.path(), "fashion-mnist", 100..110);
    let file = at("detector.lmdfit");
    let given = ["--feature-weights", text(&weights), "--feature-layer", "7"];
    let told = json(&fit(
        "mahalanobis",
        &seen,
        &file,
        &[&given[..], &["--json"]].concat(),
    ));
    assert_eq!(told["features"], 512);
    assert_eq!(fitted(&file).num_images(), 100);

    let score = |output: &str, more: &[&str]| {
        let mut args = vec![
            "score",
            "--fitted",
            text(&file),
            "--in-domain",
            text(&others),
        ];
        let output = at(output);
        args.extend(["--output", text(&output)]);
        args.extend(more);
        lmd(&args)
    };
    let done = score("report", &["--json"]);
    let summary = json(&done);
    assert_eq!(summary["settings"]["feature-layer"], 7);
    let page = std::fs::read_to_string(at("report").join("report.html")).unwrap();
    assert!(
        page.contains("SqueezeNet, SHA-256 "),
        "the network by its name"
    );

    // It has moved.
    let moved = at("elsewhere.pth");
    std::fs::rename(&weights, &moved).unwrap();
    let refused = score("gone.lmdrun", &[]);
    assert_eq!(refused.status.code(), Some(2), "{refused:?}");
    let told = errors(&refused);
    assert!(
        told.contains("the weights of SqueezeNet can't be read"),
        "{told}"
    );
    let found = score("moved.lmdrun", &["--feature-weights", text(&moved)]);
    assert_eq!(found.status.code(), Some(0), "{}", errors(&found));
    let attempts = |path: &str| {
        let run = read_scores(&at(path)).unwrap();
        let values = run.attempts.iter().flatten();
        let bits: Vec<u64> = values.map(|it| it.as_slice()[0].to_bits()).collect();
        bits
    };
    let scores = attempts("report/run.lmdrun");
    assert_eq!(scores.len(), 10);
    assert_eq!(attempts("moved.lmdrun"), scores);
    let run = at("report/run.lmdrun");
    let resumed = ["score", "--resume", text(&run), "--feature-weights"];
    let resume = |weights| lmd(&[&resumed[..], &[text(weights)]].concat());
    let again = resume(&moved);
    assert_eq!(again.status.code(), Some(0), "{}", errors(&again));

    // Another network, whose features mean nothing to the fit.
    let other = other_squeeze_weights(folder.path());
    for refused in [
        score("other.lmdrun", &["--feature-weights", text(&other)]),
        resume(&other),
    ] {
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        let told = errors(&refused);
        assert!(
            told.contains("was not fitted on features of this SqueezeNet"),
            "{told}"
        );
    }
}

#[test]
fn what_is_no_network_for_features_is_refused_by_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let weights = squeeze_weights(folder.path());
    let seen = part(folder.path(), "fashion-mnist", 0..5);
    let output = folder.path().join("detector.lmdfit");
    let no_weights = seen.join("00000.png");
    let cases = [
        ("mahalanobis", text(&no_weights), "2", "can't be used"),
        (
            "mahalanobis",
            text(&weights),
            "8",
            "--feature-layer: expected a number from 1 to 7, got 8",
        ),
        (
            "msma",
            text(&weights),
            "2",
            "--feature-weights is a setting of --method mahalanobis",
        ),
    ];
    for (method, weights, layer, expected) in cases {
        let more = ["--feature-weights", weights, "--feature-layer", layer];
        let refused = fit(method, &seen, &output, &more);
        let told = errors(&refused);
        assert_eq!(refused.status.code(), Some(2), "{told}");
        assert!(told.contains(expected), "{told}");
    }
    let report = folder.path().join("report");
    let mut args = vec!["score", "--model", "bundled", "--in-domain", text(&seen)];
    args.extend([
        "--feature-weights",
        text(&weights),
        "--output",
        text(&report),
    ]);
    let told = errors(&lmd(&args));
    assert!(
        told.contains("--method lmd has none of that name"),
        "{told}"
    );
}
