//! What makes a comparison of folders unfair, before a run and after it.

use egui_kittest::kittest::Queryable as _;
use lmd_inspector::images::NativeInfo;
use lmd_inspector::state::{Action, Settings};
use lmd_inspector::worker::protocol::Event as WorkerEvent;

use super::{has_attempts, press, ready, until};

#[test]
fn folders_of_other_files_and_simple_explanations_are_told() {
    let (mut window, script) = ready(24);
    assert!(window.query_by_label("Not a fair comparison?").is_none());
    press(&mut window, "Run");
    script.make_attempts(0..2);
    until(&mut window, "two attempts", has_attempts(2));
    assert!(window.query_by_label("Simple explanations").is_none());
    let (job, request, _) = script.last_run();
    script.say(WorkerEvent::Done {
        job,
        progress: crate::window::script::progress(&request, 96),
    });
    window.run_steps(4);
    // The warning is in plain sight, the table behind it one click away.
    window.get_by_label_contains("Complexity alone tells the roles apart");
    press(&mut window, "Explanations");
    window.get_by_label("Simple explanations");
    for property in ["Brightness", "Contrast", "Complexity", "File size"] {
        window.get_by_label(property);
    }
    // Made-up digits are rings and made-up clothes are discs: a ring has two edges to describe.
    for warning in window.query_all_by_label_contains("Complexity alone tells the roles apart") {
        assert!(warning.rect().right() < 1280.0, "{:?}", warning.rect());
    }
}

#[test]
fn folders_of_other_files_are_told_before_a_run() {
    let (mut window, script) = super::open(Settings::default());
    script.0.borrow_mut().out_of_domain_native = Some(NativeInfo {
        width: 640,
        height: 480,
        format: "jpeg".to_owned(),
        color: "Rgb8".to_owned(),
        num_bytes: 40_000,
        jpeg_quality: Some(90),
    });
    super::prepare(&mut window, &script, 12);
    assert!(!script.has_run());
    window.get_by_label("Not a fair comparison?");
    for sentence in [
        "28 pixels on their longer side, out-of-domain ones 640",
        "In-domain images are 1.00 times as wide as high, out-of-domain ones 1.33 times",
        "mostly PNG, out-of-domain ones mostly JPEG",
        "mostly gray, out-of-domain ones mostly color",
    ] {
        let place = window.get_by_label_contains(sentence).rect();
        assert!(place.left() >= 0.0 && place.right() <= 312.0, "{place:?}");
    }
    let session = window.state_mut().session_mut();
    let folder_id = session.folders[1].folder_id;
    session.perform(Action::RemoveFolder(folder_id));
    window.run_steps(3);
    assert!(window.query_by_label("Not a fair comparison?").is_none());
}
