//! The plots as files.

use egui::accesskit::Role as AccessRole;
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::engine::plots::{PlotsRequest, save_plots};
use lmd_inspector::images::decode::decode_file;
use lmd_inspector::worker::protocol::{LibraryCommand, LibraryEvent};

use super::decision::finished;
use super::press;
use super::script::Script;

fn asked(script: &Script) -> PlotsRequest {
    let commands = std::mem::take(&mut script.0.borrow_mut().library_commands);
    let request = commands.into_iter().find_map(|command| match command {
        LibraryCommand::SavePlots { request } => Some(request),
        _ => None,
    });
    PlotsRequest::clone(&request.expect("plots should have been asked for"))
}

#[test]
fn plots_are_written_as_png_and_svg() {
    let (mut window, script) = finished(20, 3);
    press(&mut window, "Export…");
    let field = || (AccessRole::TextInput, "plots folder path");
    let (role, name) = field();
    window.get_by_role_and_label(role, name).focus();
    window.run_steps(2);
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("plots");
    window
        .get_by_role_and_label(role, name)
        .type_text(out.to_str().unwrap());
    window.run_steps(2);
    press(&mut window, "Save plots folder path");

    let request = asked(&script);
    assert_eq!(request.folder, out);
    save_plots(&request).unwrap();
    for (name, size, words) in [
        ("histogram", (1200, 720), "In-domain (20)"),
        ("roc", (1000, 1000), "AUROC"),
        ("attempts", (1000, 640), "LPIPS: "),
    ] {
        let native = decode_file(&out.join(format!("{name}.png")))
            .unwrap()
            .native;
        assert_eq!((native.width, native.height), size, "{name}");
        let svg = std::fs::read_to_string(out.join(format!("{name}.svg"))).unwrap();
        assert!(svg.contains(words), "{name}: {svg}");
        // A drawn line or area, not only a message.
        assert!(svg.contains("<poly"), "{name}");
    }
    assert!(!out.join("pairs.png").exists(), "nothing is compared");

    script.say_library(LibraryEvent::PlotsSaved {
        folder: out,
        outcome: Ok(()),
    });
    window.run_steps(3);
    window.get_by_label_contains("The plots were written");
}

#[test]
fn plots_that_cannot_be_written_are_said_with_the_place() {
    let (mut window, script) = finished(20, 1);
    let file = tempfile::NamedTempFile::new().unwrap();
    let session = window.state_mut().session_mut();
    session.perform(lmd_inspector::state::Action::SavePlots(
        file.path().to_owned(),
    ));
    window.run_steps(3);
    let error = save_plots(&asked(&script)).unwrap_err().to_string();
    assert!(error.starts_with("the plot can't be written ("), "{error}");
    assert!(error.ends_with(file.path().to_str().unwrap()), "{error}");
}
