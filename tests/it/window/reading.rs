//! The window as a screen reader goes through it: each page in its order.

use std::fmt;

use egui::Key;
use egui::accessibility::is_input;
use egui::accesskit::Role as AccessRole;
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use lmd_inspector::state::{Action, Center, PanelSettings, ResultsPage, UiCommand};

use super::Window;
use super::arrangement::overlapping_roles;

/// What is read out at one place.
#[derive(Clone, Debug, PartialEq)]
struct Line {
    role: AccessRole,
    words: String,
}

/// A page from its beginning to its end.
struct Reading {
    page: String,
    lines: Vec<Line>,
}

impl Reading {
    fn of(window: &Window, page: &str) -> Self {
        let nodes = window.root().children_recursive();
        let lines = nodes.filter_map(|node| {
            let node = node.accesskit_node();
            let words = node.label().or_else(|| node.value());
            let words = words.unwrap_or_default().trim().to_owned();
            let says =
                !words.is_empty() || is_input(node.role()) || node.role() == AccessRole::Image;
            (says && !node.is_hidden()).then(|| Line {
                role: node.role(),
                words,
            })
        });
        Self {
            page: page.to_owned(),
            lines: lines.collect(),
        }
    }

    /// What lies over the window is read from its title on.
    fn from(mut self, title: &str) -> Self {
        let is_title = |line: &Line| line.role == AccessRole::Heading && line.words == title;
        let start = self.lines.iter().position(is_title);
        let start = start.unwrap_or_else(|| panic!("no {title}\n{self}"));
        self.lines.drain(..start);
        self
    }

    fn headings(&self) -> Vec<&str> {
        let headings = self.lines.iter().filter(|l| l.role == AccessRole::Heading);
        headings.map(|line| line.words.as_str()).collect()
    }

    #[track_caller]
    fn makes_sense(&self, headings: &[&str]) {
        for (index, line) in self.lines.iter().enumerate() {
            assert!(!line.words.is_empty(), "line {index} has no name\n{self}");
        }
        let found = self.headings();
        let matches = found.len() == headings.len()
            && (found.iter().zip(headings)).all(|(found, start)| found.starts_with(start));
        assert!(matches, "headings {found:?}, expected {headings:?}\n{self}");
        // A title may stand above those of the parts.
        for pair in self.lines.windows(2).skip(1) {
            let is_heading = |line: &Line| line.role == AccessRole::Heading;
            let is_empty = is_heading(&pair[0]) && is_heading(&pair[1]);
            assert!(!is_empty, "nothing below {}\n{self}", pair[0].words);
            assert_ne!(pair[0], pair[1], "said twice\n{self}");
        }
        // Who goes from control to control hears nothing between them.
        let controls: Vec<&Line> = self.lines.iter().filter(|l| is_input(l.role)).collect();
        for (index, line) in controls.iter().enumerate() {
            let is_twin = controls[..index].contains(line);
            // The borders of panels are in egui's hands.
            if line.words != "Resize panel" {
                assert!(!is_twin, "two controls are called {line:?}\n{self}");
            }
        }
    }
}

impl fmt::Display for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "== {}", self.page)?;
        for Line { role, words } in &self.lines {
            writeln!(f, "{role:?}: {words}")?;
        }
        Ok(())
    }
}

/// A window with a finished run over all three roles.
fn judged() -> Window {
    overlapping_roles(30, 0.07).0
}

fn show(window: &mut Window, center: Center, results: ResultsPage) {
    let session = window.state_mut().session_mut();
    let panels = PanelSettings {
        center,
        results,
        ..session.settings.panels
    };
    session.perform(Action::SetPanels(panels));
    window.run_steps(4);
}

const SETUP: [&str; 5] = ["Model", "Images", "Detector", "Mask", "Reconstruction"];

#[test]
fn each_page_reads_in_order() {
    let mut window = judged();
    let results = ["Scores, LPIPS", "ROC curve, AUROC"];
    let image = "00029.png";
    for (center, page, of_page, of_center) in [
        (
            Center::Overview,
            ResultsPage::Threshold,
            &[][..],
            &[image, "Images"][..],
        ),
        (
            Center::Inspect,
            ResultsPage::Figures,
            &["AUROC by attempts"],
            &[image],
        ),
        (Center::Gallery, ResultsPage::Folders, &[], &["Images"]),
        (
            Center::Verdicts,
            ResultsPage::Explanations,
            &["Simple explanations"],
            &[],
        ),
    ] {
        show(&mut window, center, page);
        let page = format!("{}, {}", center.label(), page.label());
        let reading = Reading::of(&window, &page);
        reading.makes_sense(&[&SETUP[..], &results[..], of_page, of_center].concat());
    }
}

#[test]
fn what_lies_over_the_window_reads_in_order() {
    let mut window = judged();
    for (command, title, parts) in [
        (
            UiCommand::ToggleShortcuts,
            "Keys",
            &["Run", "Look", "Gallery", "Window"][..],
        ),
        (UiCommand::ToggleMessages, "Messages", &[]),
        (UiCommand::ToggleRecent, "Recent runs", &[]),
        (UiCommand::ToggleCompare, "Compare runs", &[]),
        (UiCommand::ToggleTry, "Paint and try", &[]),
    ] {
        let session = window.state_mut().session_mut();
        session.perform(Action::Do(command));
        window.run_steps(4);
        let reading = Reading::of(&window, title).from(title);
        reading.makes_sense(&[&[title][..], parts].concat());
        window.key_press(Key::Escape);
        window.run_steps(4);
    }
}

#[test]
fn pages_of_their_own_read_in_order() {
    let form = [
        "Images to learn",
        "Network",
        "How long",
        "Model folder",
        "What is in it",
        "What happens",
    ];
    for (command, title, parts) in [
        (UiCommand::TogglePresentation, "00029.png", &[][..]),
        (UiCommand::ToggleExplain, "00029.png", &[]),
        (UiCommand::ToggleTrain, "New model", &form),
    ] {
        let mut window = judged();
        let session = window.state_mut().session_mut();
        session.perform(Action::Do(command));
        window.run_steps(4);
        let reading = Reading::of(&window, title).from(title);
        reading.makes_sense(&[&[title][..], parts].concat());
        window.get_by_label("Close");
    }
}
