//! What a run would take, told before it.

use serde_json::Value;

use crate::binary::{command, lmd, root, text};

#[test]
fn an_estimate_adds_up_and_leaves_nothing_behind() {
    let samples = root().join("assets/samples/mnist");
    let folder = tempfile::tempdir().unwrap();
    let args = [
        "score",
        "--model",
        "bundled",
        "--unknown",
        text(&samples),
        "--limit",
        "30",
        "--steps",
        "3",
        "--attempts",
        "4",
        "--estimate",
        "--machines",
        "3",
        "--price-per-hour",
        "0.5",
    ];
    let output = command(&[&args[..], &["--json"]].concat())
        .current_dir(folder.path())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    let number = |name: &str| told[name].as_f64().unwrap();
    assert_eq!((number("images"), number("attempts")), (30.0, 4.0));
    assert_eq!(number("network_calls_per_image"), 12.0);
    let per_image = number("seconds_per_image");
    assert!(per_image > 0.0 && per_image < 60.0, "{per_image}");
    let is_near = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-9;
    assert!(is_near(number("seconds"), per_image * 30.0 / 3.0));
    assert!(is_near(
        number("images_per_day"),
        86_400.0 / per_image * 3.0
    ));
    assert!(is_near(number("price"), per_image * 30.0 / 3600.0 * 0.5));
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");

    let output = lmd(&args);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("30 images, 4 attempts, 12 network calls per image"),
        "{said}"
    );
    assert!(said.contains("on 3 machines like this one"), "{said}");
}

#[test]
fn what_has_no_estimate_is_refused() {
    let samples = root().join("assets/samples/mnist");
    let of = ["score", "--model", "bundled", "--unknown", text(&samples)];
    for wrong in [
        &["--machines", "2"][..],
        &["--estimate", "--machines", "0"],
        &["--price-per-hour", "1"],
        &["--estimate", "--watch", "."],
        &["--estimate", "--steps", "0"],
    ] {
        let output = lmd(&[&of[..], wrong].concat());
        assert_eq!(output.status.code(), Some(2), "{wrong:?}: {output:?}");
    }
}
