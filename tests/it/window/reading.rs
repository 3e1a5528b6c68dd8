//! The window as a screen reader goes through it: each page in its order.

use std::fmt;

use egui::Key;
use egui::accessibility::is_input;
use egui::accesskit::{Rect, Role as AccessRole};
use egui_kittest::kittest::{NodeT as _, Queryable as _};
use lmd_inspector::runs::run_library;
use lmd_inspector::state::{Action, Center, PanelSettings, ResultsPage, UiCommand};
use lmd_inspector::worker::protocol::{LibraryEvent, RunsEvent};

use super::Window;
use super::arrangement::overlapping_roles;
use super::pictures::show_compared;
use super::script::Script;
use crate::networks::fixture;

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
    /// Where each line is drawn, if it is.
    places: Vec<Option<Rect>>,
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
            let line = Line {
                role: node.role(),
                words,
            };
            (says && !node.is_hidden()).then(|| (line, node.bounding_box()))
        });
        let (lines, places) = lines.unzip();
        Self {
            page: page.to_owned(),
            lines,
            places,
        }
    }

    /// What lies over the window is read from its title on.
    fn from(mut self, title: &str) -> Self {
        let is_title = |line: &Line| line.role == AccessRole::Heading && line.words == title;
        let start = self.lines.iter().position(is_title);
        let start = start.unwrap_or_else(|| panic!("no {title}\n{self}"));
        self.lines.drain(..start);
        self.places.drain(..start);
        self
    }

    /// The first controls, by how their names begin.
    #[track_caller]
    fn names(&self, beginnings: &[&str]) {
        let controls = self.lines.iter().filter(|line| is_input(line.role));
        let found: Vec<&str> = controls.map(|line| line.words.as_str()).collect();
        let matches = found.len() >= beginnings.len()
            && (found.iter().zip(beginnings)).all(|(found, start)| found.starts_with(start));
        assert!(matches, "{found:?}, expected {beginnings:?}\n{self}");
    }

    /// Up to the first line for which that holds.
    fn until(mut self, is_beyond: impl Fn(&Line) -> bool) -> Self {
        let end = self.lines.iter().position(is_beyond);
        let end = end.unwrap_or_else(|| panic!("it has no end\n{self}"));
        self.lines.truncate(end);
        self.places.truncate(end);
        self
    }

    /// From left to right in a row, and the rows from the top: what is read next is right of what was read, or below.
    #[track_caller]
    fn goes_as_it_is_drawn(&self) {
        let drawn = self.lines.iter().zip(&self.places);
        let drawn: Vec<_> = drawn
            .filter_map(|(line, place)| Some((line, (*place)?)))
            .collect();
        assert!(drawn.len() > 2, "there is too little to read\n{self}");
        for pair in drawn.windows(2) {
            let [(before, old), (after, new)] = [pair[0], pair[1]];
            let shared = old.y1.min(new.y1) - old.y0.max(new.y0);
            let is_row = shared > 0.5 * old.height().min(new.height());
            let is_after = if is_row {
                new.x0 > old.x0
            } else {
                new.y0 > old.y0
            };
            assert!(
                is_after,
                "{:?} at {new:?} is read after {:?} at {old:?}\n{self}",
                after.words, before.words
            );
        }
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
    judged_by_script().0
}

fn judged_by_script() -> (Window, Script) {
    overlapping_roles(30, 0.07)
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
            &["Run", "Look", "Review", "Gallery", "Window"][..],
        ),
        (UiCommand::ToggleMessages, "Messages", &[]),
        (UiCommand::ToggleRecent, "Recent runs", &[]),
        (UiCommand::ToggleCompare, "Compare runs", &[]),
        (
            UiCommand::ToggleDetectors,
            "Which detector for these images?",
            &[],
        ),
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
fn what_is_above_the_gallery_is_read_as_it_is_drawn() {
    let mut window = judged();
    let session = window.state_mut().session_mut();
    // It has images as well.
    session.perform(Action::Do(UiCommand::ToggleSetup));
    show(&mut window, Center::Gallery, ResultsPage::Folders);
    let reading = Reading::of(&window, "Gallery").from("Images");
    let head = reading.until(|line| line.words.starts_with("000"));
    head.goes_as_it_is_drawn();
    head.names(&[
        "Find images",
        "Gallery picture size",
        "Gallery order",
        "Gallery role",
        "Gallery verdict",
        "Show all",
    ]);
}

#[test]
fn compared_runs_are_read_as_they_are_drawn() {
    let (mut window, script) = judged_by_script();
    show_compared(&mut window, &script);
    let reading = Reading::of(&window, "Compare").from("Compare runs");
    reading.goes_as_it_is_drawn();
    reading.names(&[
        "Distances shown",
        "Aggregations shown",
        "Close table",
        "Compare with LPIPS, median",
    ]);
}

#[test]
fn recent_runs_are_read_as_they_are_drawn() {
    let (mut window, script) = judged_by_script();
    let folder = fixture("runs/v1");
    window.state_mut().keep_runs_in(Some(folder.clone()));
    let session = window.state_mut().session_mut();
    session.perform(Action::Do(UiCommand::ToggleRecent));
    script.say_library(LibraryEvent::Runs(RunsEvent::Listed {
        library: run_library::list(&folder).into(),
        problem: None,
    }));
    window.run_steps(4);
    let reading = Reading::of(&window, "Recent").from("Recent runs");
    reading.goes_as_it_is_drawn();
    reading.names(&[
        "Open run of unfinished",
        "Remove run of unfinished",
        "Open run of mask",
        "Remove run of mask",
        "Open run of finished",
        "Remove run of finished",
        "Open run of denoise",
        "Remove run of denoise",
        "run path",
        "Browse run path",
        "Clear recent runs…",
        "Close list",
    ]);
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
