//! The table of images to be judged.

use egui::accesskit::{Role as AccessRole, SortDirection};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use lmd_inspector::ood::Role;
use lmd_inspector::state::{Action, UiCommand};

use super::Window;
use super::arrangement::overlapping_roles;

/// A window with verdicts on twelve images, some of them flagged.
fn judged() -> Window {
    let (mut window, _script) = overlapping_roles(30, 0.07);
    let session = window.state_mut().session_mut();
    session.perform(Action::Do(UiCommand::ShowVerdicts));
    window.run_steps(4);
    window
}

/// The names of the rows that are drawn, from the top, and what is said of them.
fn rows(window: &Window) -> Vec<(String, bool)> {
    let nodes = window.query_all_by(|node| node.role() == AccessRole::Button);
    let mut rows: Vec<(f32, String, bool)> = nodes
        .filter_map(|node| {
            let label = node.accesskit_node().label()?;
            let (name, word) = label.rsplit_once(", ")?;
            let is_flagged = match word {
                "flagged" => true,
                "passes" => false,
                _ => return None,
            };
            Some((node.rect().top(), name.to_owned(), is_flagged))
        })
        .collect();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    rows.into_iter()
        .map(|(_, name, word)| (name, word))
        .collect()
}

fn names(window: &Window) -> Vec<String> {
    rows(window).into_iter().map(|(name, _)| name).collect()
}

fn sort(window: &mut Window, column: &str) {
    window
        .get_by_role_and_label(AccessRole::ColumnHeader, column)
        .click();
    window.run_steps(4);
}

fn direction(window: &Window, column: &str) -> Option<SortDirection> {
    let head = window.get_by_role_and_label(AccessRole::ColumnHeader, column);
    head.accesskit_node().data().sort_direction()
}

/// The scores of the rows, by name.
fn scores(window: &Window) -> Vec<f64> {
    let run = window.state().session().shown.run.as_ref().unwrap();
    let of = |name: &String| {
        let mut images = run.images.iter().enumerate();
        let is_it = |image: &lmd_inspector::runs::RunImage| {
            image.role == Role::Unknown && image.file.path.ends_with(name)
        };
        let (id, _) = images.find(|(_, image)| is_it(image)).unwrap();
        run.score(id).unwrap()
    };
    names(window).iter().map(of).collect()
}

#[test]
fn a_column_head_sorts_and_says_so() {
    let mut window = judged();
    let falls = |scores: &[f64]| scores.is_sorted_by(|a, b| a >= b);
    assert!(rows(&window).len() > 8, "{:?}", rows(&window));
    assert!(falls(&scores(&window)), "the strangest first");
    assert_eq!(direction(&window, "Score"), Some(SortDirection::Descending));
    assert_eq!(direction(&window, "Image"), None);

    sort(&mut window, "Image");
    let natural = names(&window);
    assert_eq!(natural[0], "00000.png");
    assert!(natural.is_sorted(), "{natural:?}");
    assert_eq!(direction(&window, "Image"), Some(SortDirection::Ascending));
    assert_eq!(direction(&window, "Score"), None);
    sort(&mut window, "Image");
    let reversed = names(&window);
    assert_eq!(reversed[0], "00029.png");
    assert!(reversed.is_sorted_by(|a, b| a >= b), "{reversed:?}");
    assert_eq!(direction(&window, "Image"), Some(SortDirection::Descending));

    sort(&mut window, "Score");
    sort(&mut window, "Score");
    let lowest_first = scores(&window);
    assert!(lowest_first.is_sorted(), "{lowest_first:?}");
    for column in ["p-value", "q-value", "Reported"] {
        sort(&mut window, column);
        assert!(falls(&scores(&window)), "{column}");
    }
    assert_eq!(
        direction(&window, "Reported"),
        Some(SortDirection::Descending)
    );

    sort(&mut window, "Verdict");
    assert!(rows(&window)[0].1, "flagged first");
    sort(&mut window, "Verdict");
    let passing = rows(&window);
    assert!(!passing[0].1, "{passing:?}");
    let num_passing = passing
        .iter()
        .take_while(|(_, is_flagged)| !is_flagged)
        .count();
    let of_passing = &scores(&window)[..num_passing];
    assert!(
        falls(of_passing),
        "the strangest of them first: {of_passing:?}"
    );
}
