//! Heights that stay: nothing moves under the pointer because something above it is another.

use egui::Rect;
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::ood::Role;
use lmd_inspector::state::{Action, Compare, LookAction, LookSettings};
use lmd_inspector::worker::protocol::{Event, MissingSettings, ModelSource};

use super::look::looking;
use super::{Window, ready};

fn place(window: &Window, label: &str) -> Rect {
    window.query_all_by_label(label).next().unwrap().rect()
}

#[test]
fn the_path_field_stays_where_it_is_whatever_the_model_is() {
    let (mut window, script) = ready(3);
    let places =
        |window: &Window| ["model path", "in-domain folder path"].map(|l| place(window, l));
    let before = places(&window);
    let open = Action::OpenModel(ModelSource::Path("/models/README.md".into()));
    window.state_mut().act(open);
    window.run_steps(3);
    assert_eq!(places(&window), before, "while it is opened");
    script.say(Event::Failed {
        job: script.last_open(),
        message:
            "README.md is not a model; give a diffusers folder, or a .safetensors or .bin file: \
                  /models/README.md"
                .to_owned(),
    });
    window.run_steps(3);
    window.get_by_label_contains("is not a model");
    assert_eq!(places(&window), before, "when it can't be");
    window
        .state_mut()
        .act(Action::OpenModel(ModelSource::Path("/models/a.pth".into())));
    window.run_steps(3);
    let job = script.last_open();
    script.say(Event::ModelIncomplete {
        job,
        missing: MissingSettings {
            what: "it does not say its process",
            architectures: Vec::new(),
            are_of_these_shapes: false,
            file: "/models/a.json".into(),
        },
    });
    let message = "it does not say its process; write it: /models/a.pth".to_owned();
    script.say(Event::Failed { job, message });
    window.run_steps(3);
    window.get_by_label("Say them…");
    assert_eq!(places(&window), before, "when it does not say all settings");
    let open = Action::OpenModel(ModelSource::Path("/models/cats".into()));
    window.state_mut().act(open);
    window.run_steps(3);
    script.open_model();
    window.run_steps(3);
    assert_eq!(places(&window), before, "when another one is");
}

#[test]
fn a_second_click_on_the_same_place_removes_no_other_folder() {
    let (mut window, script) = ready(3);
    for path in ["/images/one", "/images/two", "/images/three"] {
        let add = Action::AddFolder(path.into(), Role::Unknown);
        window.state_mut().session_mut().perform(add);
    }
    window.run_steps(2);
    script.list_folders(3);
    window.run_steps(3);
    let cross = "Remove two, unknown";
    let at = place(&window, cross).center();
    let other = place(&window, "Remove three, unknown");
    super::look::hover(&mut window, at);
    for _ in 0..2 {
        for pressed in [true, false] {
            window.event(egui::Event::PointerButton {
                pos: at,
                button: egui::PointerButton::Primary,
                pressed,
                modifiers: egui::Modifiers::NONE,
            });
            window.run_steps(2);
        }
    }
    let names: Vec<String> = window
        .state()
        .session()
        .folders
        .iter()
        .filter(|folder| folder.role == Role::Unknown)
        .map(lmd_inspector::state::Folder::name)
        .collect();
    assert_eq!(names, ["one", "three"]);
    assert_eq!(
        place(&window, "Remove three, unknown"),
        other,
        "it did not move"
    );
    // Elsewhere the place closes.
    super::look::hover(&mut window, egui::pos2(700.0, 400.0));
    window.run_steps(3);
    assert!(place(&window, "Remove three, unknown").top() < other.top());
}

#[test]
fn what_is_below_the_pictures_stays_when_they_are_put_together_in_another_way() {
    let (mut window, _script) = looking();
    let places = |window: &Window| ["Watch it denoise", "Find images"].map(|l| place(window, l));
    let before = places(&window);
    for compare in Compare::ALL {
        let look = LookSettings {
            compare,
            ..window.state().session().settings.look
        };
        window.state_mut().act(Action::Look(LookAction::Set(look)));
        window.run_steps(3);
        assert_eq!(places(&window), before, "{compare:?}");
    }
}
