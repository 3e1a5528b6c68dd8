//! Images by how alike they are: more like one, the map, and near duplicates.

use egui::accesskit::Role as AccessRole;
use egui::{Key, Modifiers, Pos2, Rect, pos2};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use lmd_inspector::state::{Action, Alike, Center, PanelSettings, Settings, UiCommand};
use lmd_inspector::worker::protocol::{LibraryCommand, LibraryEvent};

use super::decision::finished;
use super::script::Script;
use super::{Window, press, until};

fn order(window: &Window) -> Vec<usize> {
    window.state().session().shown.gallery.order().to_vec()
}

fn alike(window: &Window) -> Option<Alike> {
    window.state().session().shown.gallery.alike().cloned()
}

fn is_compared(window: &Window) -> bool {
    window.state().session().shown.similar().is_some()
}

/// A finished run with its map in the center.
fn mapped(num_images: usize) -> (Window, Script) {
    let (mut window, script) = finished(num_images, 2);
    let panels = PanelSettings {
        center: Center::Map,
        ..window.state().session().settings.panels
    };
    window.state_mut().act(Action::SetPanels(panels));
    until(&mut window, "the comparison", is_compared);
    window.run_steps(4);
    (window, script)
}

fn map(window: &Window) -> Rect {
    window.get_by_label_contains("Map of ").rect()
}

/// Draw a line by hand.
fn draw(window: &mut Window, line: &[Pos2]) {
    let (first, last) = (line[0], line[line.len() - 1]);
    window.hover_at(first);
    window.run_steps(2);
    window.drag_at(first);
    window.run_steps(2);
    for at in line {
        window.hover_at(*at);
        window.run_steps(2);
    }
    window.drop_at(last);
    window.run_steps(4);
}

/// Around a part of the map, `low` and `high` across as shares of its width.
fn draw_around(window: &mut Window, low: f32, high: f32) {
    let map = map(window).shrink(4.0);
    let x = |share: f32| map.left() + share * map.width();
    let corners = [
        (x(low), map.top()),
        (x(high), map.top()),
        (x(high), map.bottom()),
        (x(low), map.bottom()),
    ];
    draw(window, &corners.map(|(x, y)| pos2(x, y)));
}

#[test]
fn more_like_this_sorts_the_images_and_a_chip_takes_it_back() {
    let (mut window, _script) = finished(8, 2);
    let before = order(&window);
    window
        .get_by_label_contains("00002.png, out-of-domain, score")
        .click();
    window.run_steps(3);
    let chosen = window.state().session().shown.image().unwrap();
    window.key_press(Key::M);
    until(&mut window, "the comparison", is_compared);
    window.run_steps(4);
    let found = order(&window);
    assert_eq!((found[0], found.len()), (chosen, before.len()));
    let shown = &window.state().session().shown;
    let likeness: Vec<f64> = found
        .iter()
        .map(|&image| shown.similarity_of(image).unwrap())
        .collect();
    assert!(likeness.is_sorted_by(|a, b| a >= b), "{likeness:?}");
    let second = likeness[1];
    let told = format!("similarity {second:.3}");
    assert!(window.query_all_by_label_contains(&told).count() >= 1);
    window.get_by_label("Most like 00002.png");
    window.check_accessibility();
    press(&mut window, "Clear most like 00002.png");
    assert_eq!((alike(&window), order(&window)), (None, before.clone()));
    // Undo brings it back, Esc takes it away again, and so does the same key.
    window.key_press_modifiers(Modifiers::COMMAND, Key::Z);
    window.run_steps(4);
    assert_eq!(order(&window), found);
    window.key_press(Key::Escape);
    window.run_steps(4);
    assert_eq!(order(&window), before);
    for is_shown in [true, false] {
        window.key_press(Key::M);
        window.run_steps(4);
        assert_eq!(alike(&window).is_some(), is_shown);
    }
}

#[test]
fn points_that_are_surrounded_are_shown_below_until_all_are_again() {
    let (mut window, _script) = mapped(12);
    let all = order(&window);
    window.get_by_label_contains("Map of 12 in-domain and 12 out-of-domain images");
    draw_around(&mut window, 0.0, 0.5);
    let left = order(&window);
    let Some(Alike::Surrounded(ids)) = alike(&window) else {
        panic!("{:?}", alike(&window));
    };
    assert_eq!(left.len(), ids.len());
    assert!((1..all.len()).contains(&left.len()), "{left:?}");
    let chip = format!("{} on the map", left.len());
    window.get_by_label(&chip);
    press(&mut window, &format!("Clear {chip}"));
    assert_eq!(order(&window), all);
    draw_around(&mut window, 0.5, 1.0);
    let right = order(&window);
    assert_eq!(left.len() + right.len(), all.len());
    assert!(right.iter().all(|image| !left.contains(image)));
    press(&mut window, "Show all");
    assert_eq!((alike(&window), order(&window)), (None, all));
    // A slip of the hand is no line.
    let corner = map(&window).min + egui::vec2(5.0, 5.0);
    draw(
        &mut window,
        &[corner, corner + egui::vec2(3.0, 0.0), corner],
    );
    assert_eq!(alike(&window), None);
    window.check_accessibility();
}

#[test]
fn a_point_says_what_it_is_and_a_click_looks_at_its_image() {
    let (mut window, _script) = mapped(6);
    let map = map(&window);
    let found = (0..40).flat_map(|y| (0..60).map(move |x| (x as f32 / 59.0, y as f32 / 39.0)));
    for (x, y) in found {
        let at = map.min + egui::vec2(x * map.width(), y * map.height());
        window.hover_at(at);
        window.run_steps(1);
        let is_on_point = window
            .query_all_by_label_contains("under the pointer")
            .next()
            .is_some();
        if is_on_point {
            window.run_steps(3);
            window.drag_at(at);
            window.run_steps(1);
            window.drop_at(at);
            window.run_steps(2);
            window.hover_at(at);
            window.run_steps(4);
            break;
        }
    }
    let session = window.state().session();
    let image = session.shown.gallery.selected().unwrap();
    let name = session.shown.gallery.images()[image].file.path.file_name();
    let name = name.unwrap().to_string_lossy().into_owned();
    window.get_by_label_contains(&format!("{name} under the pointer"));
}

#[test]
fn near_duplicates_stand_side_by_side() {
    let (mut window, _script) = mapped(30);
    let shown = &window.state().session().shown;
    let (pairs, across) = shown.num_twins();
    assert!(
        pairs > 0 && across == 0,
        "made-up images repeat within a role"
    );
    let plural = if pairs == 1 { "" } else { "s" };
    window.get_by_label(&format!("{pairs} pair{plural} nearly the same"));
    press(&mut window, "Near duplicates");
    let twins = window
        .state()
        .session()
        .shown
        .similar()
        .unwrap()
        .twins
        .clone();
    let found = order(&window);
    assert_eq!(found[..2], twins[0].images);
    assert!(
        found.len() < 60
            && found
                .iter()
                .all(|image| { twins.iter().any(|twins| twins.images.contains(image)) })
    );
    press(&mut window, "Clear near duplicates");
    assert_eq!(order(&window).len(), 60);
}

#[test]
fn a_comparison_says_how_far_it_is_and_can_be_stopped_and_continued() {
    let (mut window, script) = finished(6, 2);
    script.0.borrow_mut().holds_comparisons = true;
    window.state_mut().act(Action::Do(UiCommand::ShowMap));
    window.run_steps(4);
    let asked = |script: &Script| {
        let shared = script.0.borrow();
        let mut commands = shared.library_commands.iter().rev();
        commands.find_map(|command| match command {
            LibraryCommand::Compare {
                job,
                request,
                control,
            } => Some((*job, request.num_new(), control.clone())),
            _ => None,
        })
    };
    let (job, num_new, control) = asked(&script).unwrap();
    assert_eq!(num_new, 12);
    script.say_library(LibraryEvent::Comparing { job, num_images: 5 });
    window.run_steps(3);
    window.get_by_label("Looking at the images, 5 of 12");
    window.check_accessibility();
    press(&mut window, "Stop");
    assert!(control.is_cancelled());
    // What comes all the same finds nobody.
    let similar = Err("stopped".to_owned());
    script.say_library(LibraryEvent::Compared { job, similar });
    window.run_steps(3);
    window.get_by_label("The images were not compared");
    press(&mut window, "Show the map");
    let (next, ..) = asked(&script).unwrap();
    assert_ne!(next, job);
    let similar = Err("no memory".to_owned());
    script.say_library(LibraryEvent::Compared { job: next, similar });
    window.run_steps(3);
    window.get_by_label_contains("No memory");
    script.0.borrow_mut().holds_comparisons = false;
    press(&mut window, "Show the map");
    until(&mut window, "the comparison", is_compared);
}

#[test]
fn near_duplicates_in_two_roles_are_told_before_the_run_and_with_it() {
    let (mut window, script) = super::open(Settings::default());
    let said = "2 images of different roles are nearly the same picture, e.g. /a.png and /b.png";
    script.0.borrow_mut().near_duplicates = Some(said.to_owned());
    super::prepare(&mut window, &script, 4);
    window.run_steps(4);
    window.get_by_label("Not a fair comparison?");
    window.get_by_label(&format!("{said}."));
    press(&mut window, "Run");
    window.run_steps(4);
    assert_eq!(window.query_all_by_label_contains(said).count(), 2);
}

#[test]
fn without_a_run_there_is_no_map_yet() {
    let (mut window, _script) = super::ready(3);
    window.state_mut().act(Action::Do(UiCommand::ShowMap));
    window.run_steps(4);
    window.get_by_label("The map appears with scored images");
    window.state_mut().act(Action::Do(UiCommand::MoreLikeThis));
    window.run_steps(3);
    let said = "There is no picture of this image yet";
    assert!(window.query_all_by_label_contains(said).count() >= 1);
    let node = window.get_by_role_and_label(AccessRole::Button, "Near duplicates");
    assert!(node.accesskit_node().is_disabled());
}
