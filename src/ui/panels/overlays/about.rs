//! What the program is, what it was built with, and what it finds on this machine.

use egui::{Grid, Label, RichText, ScrollArea, Spinner, TextStyle, Ui};

use crate::state::{Action, UiCommand, text};
use crate::ui::panels::Scene;
use crate::ui::theme::{self, Palette};
use crate::ui::widgets::dialog::dialog;
use crate::ui::widgets::layout::{HEADING, TITLE, note, title};
use crate::ui::widgets::prose::prose;
use crate::ui::widgets::tip::Tip as _;
use crate::worker::protocol::{BUILD, Finding, Report, Status};

/// Width in points.
const WIDTH: f32 = 760.0;
/// Height in points of what scrolls, where the window has room for it.
const HEIGHT: f32 = 640.0;
/// Width in points of the column with names.
const NAME_WIDTH: f32 = 120.0;
/// Width in points of the column with how something is.
const STATUS_WIDTH: f32 = 60.0;

/// What is told of the build, and not once more of the machine.
const ABOVE: [&str; 3] = ["version", "commit", "build"];

/// Whose work is in the program, a line each.
const LICENSES: [&str; 5] = [
    "LMD Inspector is under the MIT license or the Apache License 2.0, at your choice, and comes without any warranty.",
    "The bundled models were trained on Fashion-MNIST and on MNIST, as below. LPIPS: Zhang et al. 2018 (BSD 2-Clause).",
    "Samples: Fashion-MNIST (Zalando SE, MIT), MNIST (LeCun, Cortes, Burges, CC BY-SA 3.0).",
    "Fonts: Ubuntu (Ubuntu Font Licence), Hack (MIT), Noto Emoji and emoji-icon-font (OFL, MIT).",
    "The libraries in it have licenses of their own: `cargo tree --format \"{p} {l}\"` lists them.",
];

/// Draw the page.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>) {
    let modal = dialog(ui, "about", WIDTH, |ui| {
        title(ui, "About LMD Inspector", HEADING);
        note(
            ui,
            "Finds images that do not belong, by diffusion inpainting: Lift, Map, Detect",
        );
        ui.add_space(6.0);
        let height = HEIGHT.min(ui.ctx().content_rect().height() - 200.0);
        // Of this height from its first frame, so that it does not grow when the facts come.
        ScrollArea::vertical()
            .max_height(height)
            .min_scrolled_height(height)
            .auto_shrink(false)
            .show(ui, |ui| {
                build_ui(ui);
                ui.add_space(8.0);
                title(ui, "This machine", TITLE);
                let about = &scene.session.about;
                match &about.report {
                    Some(report) => {
                        note(ui, report.summary());
                        findings_ui(ui, report);
                    }
                    None => looking_ui(ui, &about.coming),
                }
                ui.add_space(8.0);
                title(ui, "Licenses", TITLE);
                for line in LICENSES {
                    note(ui, line);
                }
            });
        ui.add_space(8.0);
        footer_ui(ui, scene)
    });
    if modal.inner || modal.should_close() {
        scene.actions.push(Action::Do(UiCommand::ToggleAbout));
    }
}

fn build_ui(ui: &mut Ui) {
    let palette = theme::palette(ui);
    let facts = [("Version", BUILD.version)].into_iter();
    Grid::new("build")
        .num_columns(2)
        .min_col_width(NAME_WIDTH)
        .min_row_height(0.0)
        .spacing([12.0, 3.0])
        .show(ui, |ui| {
            for (name, value) in facts.chain(BUILD.facts()) {
                ui.label(RichText::new(name).color(palette.weak));
                ui.label(value);
                ui.end_row();
            }
        });
}

/// What was found so far: a driver may take its time.
fn looking_ui(ui: &mut Ui, coming: &Report) {
    findings_ui(ui, coming);
    ui.horizontal(|ui| {
        ui.add(Spinner::new().size(14.0));
        ui.label("Looking at this machine, and calling the network on every device…");
    });
}

fn findings_ui(ui: &mut Ui, report: &Report) {
    // What the build is stands above.
    let findings = report.findings.iter();
    let is_above = |it: &Finding| it.status == Status::Ok && ABOVE.contains(&&*it.subject);
    let of_machine = findings.filter(|it| !is_above(it));
    for finding in of_machine {
        finding_ui(ui, finding);
    }
}

fn finding_ui(ui: &mut Ui, finding: &Finding) {
    let palette = theme::palette(ui);
    ui.horizontal_top(|ui| {
        cell(ui, STATUS_WIDTH, status(palette, finding.status));
        let subject = text::capitalized(&finding.subject);
        cell(ui, NAME_WIDTH, RichText::new(subject).color(palette.weak));
        ui.vertical(|ui| {
            ui.spacing_mut().item_spacing.y = 1.0;
            ui.add(Label::new(&finding.found).wrap());
            if let Some(advice) = &finding.advice {
                let advice = text::capitalized(advice);
                ui.label(prose(ui.style(), &advice, &TextStyle::Small, palette.text));
            }
        });
    });
}

/// Words in a place of this width.
fn cell(ui: &mut Ui, width: f32, words: RichText) {
    ui.scope(|ui| {
        ui.set_width(width);
        ui.label(words);
    });
}

fn status(palette: &Palette, status: Status) -> RichText {
    let words = RichText::new(text::capitalized(status.word()));
    match status {
        Status::Ok => words.color(palette.weak),
        Status::Warning => words.color(palette.warning),
        Status::Failed => words.color(palette.error).strong(),
    }
}

/// Whether to close the page.
fn footer_ui(ui: &mut Ui, scene: &Scene<'_>) -> bool {
    let about = &scene.session.about;
    ui.horizontal(|ui| {
        let report = about.report.as_deref();
        let copy = ui
            .add_enabled(report.is_some(), egui::Button::new("Copy"))
            .tip_always(|| "Put all facts into the clipboard as text for a bug report");
        if let Some(report) = report.filter(|_| copy.clicked()) {
            ui.ctx().copy_text(report.text());
        }
        let is_closed = ui.button("Close").clicked();
        if about.is_looking && report.is_some() {
            ui.add(Spinner::new().size(14.0));
        }
        is_closed
    })
    .inner
}
