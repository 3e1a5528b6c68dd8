//! Data sets whose parts play several roles: what is proposed is confirmed or changed before anything is added.

use std::path::Path;

use egui::accesskit::Role as AccessRole;
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::ood::Role;
use lmd_inspector::state::Action;

use super::real::{add_folder, no_wake, open, planned, settings};
use super::{Window, press, until};
use crate::layouts::benchmark;

fn sources(window: &Window) -> Vec<(Role, String)> {
    let folders = window.state().session().folders.iter();
    folders.map(|folder| (folder.role, folder.name())).collect()
}

fn is_asked(window: &Window) -> bool {
    window.state().session().proposal().is_some()
}

#[test]
fn a_benchmark_is_proposed_part_by_part_and_changed() {
    let set = benchmark();
    let mut window = open(settings(1, 1), no_wake());
    add_folder(&mut window, "in-domain", set.path());
    until(&mut window, "the question", is_asked);
    window.run_steps(3);
    assert!(sources(&window).is_empty(), "nothing is added unasked");
    window.get_by_label_contains("It is laid out as a benchmark like MVTec AD");
    for words in [
        "test/scratch",
        "ground_truth",
        "Masks, no images to score",
        "Normal images for training",
    ] {
        window.get_by_label(words);
    }
    // One kind of defect is to be judged.
    window
        .get_by_role_and_label(AccessRole::ComboBox, "What test/dent is")
        .click();
    window.run_steps(3);
    window
        .get_by_role_and_label(AccessRole::Button, "Unknown")
        .click();
    window.run_steps(3);
    press(&mut window, "Add as chosen");
    let of = |role, name: &str| (role, name.to_owned());
    assert_eq!(
        sources(&window),
        [
            of(Role::InDomain, "good"),
            of(Role::OutOfDomain, "scratch"),
            of(Role::Unknown, "dent"),
        ]
    );
    until(&mut window, "the parts", planned(3 + 3 + 2));
    assert!(!is_asked(&window));
}

#[test]
fn all_of_it_can_be_one_folder_with_a_word_or_nothing() {
    let set = benchmark();
    let mut window = open(settings(1, 1), no_wake());
    add_folder(&mut window, "in-domain", set.path());
    until(&mut window, "the question", is_asked);
    window.run_steps(3);
    press(&mut window, "Add nothing");
    assert!(sources(&window).is_empty() && !is_asked(&window));

    add_folder(&mut window, "in-domain", set.path());
    until(&mut window, "the question", is_asked);
    window.run_steps(3);
    press(&mut window, "Add as one folder");
    until(&mut window, "all images", planned(12));
    until(&mut window, "what is in it", |window| {
        window
            .query_by_label_contains("Ground_truth (masks)")
            .or_else(|| window.query_by_label_contains("ground_truth (masks)"))
            .is_some()
    });
}

fn drop(window: &mut Window, path: &Path) {
    let session = window.state_mut().session_mut();
    session.perform(Action::Dropped(vec![path.to_owned()]));
    window.run_steps(3);
}

#[test]
fn what_is_dropped_is_looked_at_before_its_role_is_asked() {
    let set = benchmark();
    let path = set.path().join("table.tsv");
    let rows = "filepath\tlabel\ntest/good/00002.png\tnormal\ntest/dent/00000.png\tanomalous\nno.png\tnormal\n";
    std::fs::write(&path, rows).unwrap();
    let mut window = open(settings(1, 1), no_wake());
    drop(&mut window, &path);
    until(&mut window, "the question", is_asked);
    window.run_steps(3);
    window.get_by_label_contains("1 image of the table is not there, the first one is on line 4");
    assert!(
        window.query_by_label("Add as one folder").is_none(),
        "a table is none"
    );
    press(&mut window, "Add as proposed");
    until(&mut window, "both parts", planned(2));
    assert_eq!(sources(&window).len(), 2);

    drop(&mut window, &set.path().join("test/good"));
    window.get_by_label("In-domain images");
    press(&mut window, "Cancel drop");

    drop(&mut window, set.path());
    until(&mut window, "the question", is_asked);
    window.run_steps(3);
    press(&mut window, "Add as one folder");
    press(&mut window, "Images to be judged");
    until(&mut window, "all images", planned(2 + 12));

    // What is wrong with a table stands under its name.
    let path = set.path().join("bad.csv");
    std::fs::write(&path, "id,picture\n1,a\n").unwrap();
    add_folder(&mut window, "unknown", &path);
    until(&mut window, "the reason", |window| {
        window
            .query_by_label_contains("No column of the table")
            .is_some()
    });
}

#[test]
#[ignore = "draws pictures for a person to look at, into $LMD_PICTURES or target/tmp; needs a Vulkan driver"]
fn pictures_of_proposals() {
    use egui_kittest::Harness;
    use lmd_inspector::state::{Settings, ThemeChoice};
    use lmd_inspector::ui::App;

    let folder =
        std::env::var_os("LMD_PICTURES").unwrap_or_else(|| env!("CARGO_TARGET_TMPDIR").into());
    let folder = std::path::PathBuf::from(folder);
    let set = benchmark();
    let rows = "filepath;label\ntest/good/00002.png;normal\ntest/dent/00000.png;anomalous\nno.png;normal\n;x\na.png;cat\n";
    let table = set.path().join("table.csv");
    std::fs::write(&table, rows).unwrap();
    for (theme, scale) in [(ThemeChoice::Light, 1.0), (ThemeChoice::Dark, 2.0)] {
        for (name, path) in [("set", set.path()), ("table", &table)] {
            let script = super::script::Script::default();
            let backend = Box::new(script.clone());
            let settings = Settings {
                theme,
                ..Settings::default()
            };
            let mut window = Harness::builder()
                .with_size([1280.0, 800.0])
                .with_pixels_per_point(scale)
                .wgpu()
                .build_eframe(move |creation| App::new(&creation.egui_ctx, settings, backend));
            window.run_steps(2);
            super::prepare(&mut window, &script, 200);
            drop(&mut window, path);
            let layout = lmd_inspector::images::layouts::recognize(path)
                .unwrap()
                .map(Box::new);
            script.say_library(lmd_inspector::worker::protocol::LibraryEvent::Recognized {
                path: path.to_owned(),
                layout,
            });
            window.run_steps(8);
            let image = window.render().unwrap();
            let name = format!("{}-proposal-{name}.png", theme.label().to_lowercase());
            image.save(folder.join(name)).unwrap();
        }
    }
}
