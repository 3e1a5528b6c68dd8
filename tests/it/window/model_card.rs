//! The card of the open model over the real worker: its settings, and the model written as a diffusers folder.

use std::fs;

use egui::accesskit::Role as AccessRole;
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::state::{Action, Folder, Settings, UiCommand};
use lmd_inspector::worker::protocol::{ModelSource, Numbers};

use super::layouts::faults_of_dialog;
use super::real::{no_wake, open, settings};
use super::{press, until};
use crate::binary::{lmd, text};

#[test]
fn the_card_shows_all_settings_and_writes_the_model_as_a_folder() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = open(settings(1, 1), no_wake());
    window.state_mut().act(Action::Do(UiCommand::ToggleModel));
    window.run_steps(4);
    window.get_by_label("block_out_channels");
    window.get_by_label("[32,64,64]");
    assert!(window.query_all_by_label("config.json").count() > 5);
    let faults = faults_of_dialog(&window, "About the model");
    assert!(faults.is_empty(), "{faults:?}");
    window.check_accessibility();

    window.state_mut().act(Action::SetNumbers(Numbers::F16));
    window.run_steps(2);
    let output = folder.path().join("halves");
    let field = |window: &super::Window| {
        window
            .get_by_role_and_label(AccessRole::TextInput, "converted model")
            .focus();
    };
    field(&window);
    window.run_steps(2);
    window
        .get_by_role_and_label(AccessRole::TextInput, "converted model")
        .type_text(text(&output));
    window.run_steps(2);
    press(&mut window, "Convert converted model");
    until(&mut window, "the conversion", |window| {
        !window.state().session().converting.is_active
    });
    window.run_steps(2);
    let said = window
        .query_all_by_label_contains("The model was written. Opened again, its outputs are within");
    assert!(said.count() > 0);
    let weights = output.join("unet/diffusion_pytorch_model.safetensors");
    let bundled = "weights/fashion-mnist-32/unet/diffusion_pytorch_model.safetensors";
    let sizes = [
        fs::metadata(weights).unwrap().len(),
        fs::metadata(bundled).unwrap().len(),
    ];
    assert!(sizes[0] < sizes[1] / 2 + 50_000, "{sizes:?}");
    assert_eq!(lmd(&["info", text(&output)]).status.code(), Some(0));

    // What is there is not written over, and that is said.
    window.state_mut().act(Action::ConvertModel(output));
    window.run_steps(2);
    until(&mut window, "the refusal", |window| {
        !window.state().session().converting.is_active
    });
    window.run_steps(2);
    let said = window.query_all_by_label_contains("There is something already");
    assert!(said.count() > 0);
}

#[test]
fn the_other_bundled_model_takes_the_samples_along() {
    let (mut window, script) = super::open(Settings::default());
    super::prepare(&mut window, &script, 3);
    let names = |window: &super::Window| {
        let folders = &window.state().session().folders;
        folders.iter().map(Folder::name).collect::<Vec<_>>()
    };
    assert_eq!(
        names(&window),
        ["Fashion-MNIST (samples)", "MNIST (samples)"]
    );
    press(&mut window, "Bundled");
    press(&mut window, "Clothing (Fashion-MNIST)");
    assert!(window.state().session().model.job().is_none(), "it is open");
    press(&mut window, "Bundled");
    press(&mut window, "Digits (MNIST)");
    let session = window.state().session();
    assert_eq!(
        session.settings.model,
        ModelSource::named("bundled:mnist".as_ref())
    );
    assert_eq!(
        names(&window),
        ["MNIST (samples)", "Fashion-MNIST (samples)"]
    );
    script.list_folders(3);
    window.run_steps(4);
    window.get_by_label("MNIST (samples)");
}
