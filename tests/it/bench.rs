//! `lmd bench`, for what it says and not for how fast it is.

use std::process::{Command, Output};

fn bench(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_lmd"))
        .arg("bench")
        .args(args)
        .output()
        .unwrap()
}

#[test]
fn figures_fit_together() {
    let output = bench(&[
        "--network-only",
        "--json",
        "--batch",
        "1,3",
        "--seconds",
        "0.05",
        "--threads",
        "1",
        "--isa",
        "portable",
        "--compare",
        "candle-cpu",
    ]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    let results: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(results["parameters"], 1_112_801);
    assert_eq!(results["device"], "CPU (portable, 1 thread)");
    let flops = results["flops_per_call"].as_f64().unwrap();
    let contenders = results["network"].as_array().unwrap();
    assert_eq!(contenders.len(), 2, "the kernels and candle");
    for contender in contenders {
        let batches = contender["batches"].as_array().unwrap();
        assert_eq!(batches.len(), 2);
        for (times, batch) in batches.iter().zip([1.0, 3.0]) {
            let figure = |name: &str| times[name].as_f64().unwrap();
            assert_eq!(figure("batch"), batch);
            let rate = batch / figure("median_ms") * 1e3;
            assert!((figure("calls_per_second") / rate - 1.0).abs() < 1e-9);
            assert!((figure("gflops") / (rate * flops / 1e9) - 1.0).abs() < 1e-9);
            assert!(figure("min_ms") <= figure("median_ms"));
        }
    }
    let shares = contenders[0]["batches"][0]["shares"].as_array().unwrap();
    let total: f64 = shares.iter().map(|share| share[1].as_f64().unwrap()).sum();
    assert!((total - 1.0).abs() < 1e-9, "shares add up to {total}");
    let memory = |name: &str| results["memory"][name].as_u64().unwrap();
    assert_eq!(memory("model_bytes"), 4 * 1_112_801);
    assert!(memory("prepared_weights_bytes") * 10 <= memory("model_bytes") * 42);
    assert!(memory("activations_bytes") * 2 <= memory("largest_live_set_bytes") * 3);
}

#[test]
fn the_whole_pipeline_is_timed_and_told() {
    let output = bench(&["--batch", "2", "--seconds", "0.05"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}");
    assert!(text.contains("attempts a second"), "{text}");
    assert!(text.contains("GFLOP/s"), "{text}");
}

#[test]
fn bad_requests_are_refused_before_work() {
    let cases: [(&[&str], &str); 5] = [
        (&["--batch", "0"], "--batch must be at least 1"),
        (&["--threads", "0"], "--threads must be at least 1"),
        (&["--seconds", "0"], "--seconds must be more than 0"),
        (&["--model", "/no/such/model"], "/no/such/model"),
        (
            &["--training", "tiny", "--device", "gpu"],
            "trained on the CPU",
        ),
    ];
    for (args, sentence) in cases {
        let output = bench(args);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{errors}");
        assert!(errors.contains(sentence), "{args:?}: {errors}");
    }
}

#[test]
fn frames_of_the_window_are_timed_without_a_display() {
    let output = bench(&["--ui", "--images", "60", "--frames", "2", "--json"]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["images"], 60);
    let scenes = report["scenes"].as_array().unwrap();
    assert_eq!(scenes.len(), 10);
    for times in scenes {
        assert_eq!(times["frames"], 2, "{times}");
        let work = &times["work_ms"];
        let (median, worst) = (work["median"].as_f64(), work["worst"].as_f64());
        assert!(median > Some(0.0) && median <= worst, "{times}");
    }
}

#[test]
fn frames_of_no_image_are_refused() {
    let output = bench(&["--ui", "--images", "0"]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8_lossy(&output.stderr),
        "error: --images must be at least 2 and --frames at least 1\n"
    );
}

#[test]
fn training_steps_are_timed_and_told() {
    let steps = ["--training", "tiny", "--batch", "1,2", "--seconds", "0.05"];
    let output = bench(&[&steps[..], &["--threads", "1", "--json"]].concat());
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{errors}");
    let times: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(times["parameters"], 1_112_801);
    let steps = times["steps"].as_array().unwrap();
    assert_eq!(steps.len(), 2);
    for (times, batch) in steps.iter().zip([1, 2]) {
        assert_eq!(times["batch"], batch);
        assert!(times["min_ms"].as_f64() > Some(0.0), "{times}");
        assert!(times["min_ms"].as_f64() <= times["median_ms"].as_f64());
    }
}
