//! The figures of merit in plain words, pooled and for each folder.

use egui::{Align, Layout, RichText, Ui, vec2};

use super::Scene;
use crate::ood::auroc::IntervalKind;
use crate::ood::figures::Figures;
use crate::ood::text::{measured, percent};
use crate::state::folders::short_name;
use crate::state::glossary;
use crate::state::shown::analysis::{Analysis, Corrected, FolderRow};
use crate::state::{FolderSource, Session, text};
use crate::ui::theme;
use crate::ui::widgets::layout::{note, number_cell, right_cell, text_cell};
use crate::ui::widgets::mark;
use crate::ui::widgets::tip::Tip as _;

/// Width of a number.
const NUMBER_WIDTH: f32 = 52.0;
/// Height of a line.
const LINE: f32 = 18.0;

/// Draw the section of the pooled figures.
pub fn ui(ui: &mut Ui, scene: &Scene<'_>) {
    let analysis = scene.session.shown.analysis.as_deref();
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 2.0;
        ui.spacing_mut().interact_size.y = LINE;
        note(
            ui,
            analysis.map_or_else(|| "No image has a score yet".to_owned(), Analysis::basis),
        )
        .tip(|| "What the figures rest on, they get steadier with more images and attempts");
        figures_ui(
            ui,
            analysis.and_then(|a| a.figures.as_ref().ok()),
            analysis.and_then(|a| a.corrected.as_ref()),
        );
        interval_ui(ui, scene);
    });
    ui.add_space(theme::SECTION_GAP);
}

/// Draw the section of the folders.
pub fn folders_ui(ui: &mut Ui, scene: &Scene<'_>) {
    let Some(analysis) = scene.session.shown.analysis.as_deref() else {
        note(ui, "No image has a score yet");
        return;
    };
    ui.spacing_mut().item_spacing.y = 2.0;
    ui.spacing_mut().interact_size.y = LINE;
    head_ui(ui);
    for row in &analysis.folders {
        row_ui(ui, scene.session, row);
    }
}

/// How sure the AUROC is.
fn interval_ui(ui: &mut Ui, scene: &Scene<'_>) {
    let assessment = scene.session.shown.deciding.assessment.as_deref();
    let words = assessment.and_then(|a| a.auroc).map_or_else(
        || "AUROC interval –".to_owned(),
        |found| {
            let level = percent(found.level);
            let (low, high) = (found.interval.low, found.interval.high);
            match found.kind {
                IntervalKind::Bootstrap => {
                    format!("AUROC between {low:.4} and {high:.4} ({level})")
                }
                IntervalKind::LowerBound => {
                    format!("Perfect separation: AUROC of at least {low:.4} ({level})")
                }
                IntervalKind::UpperBound => {
                    format!("Separated the wrong way: AUROC of at most {high:.4} ({level})")
                }
            }
        },
    );
    note(ui, words).tip(|| {
        "Where the true AUROC lies: images are drawn again and again from each role (BCa bootstrap). \
         Where no score of one role lies among those of the other, an exact one-sided bound takes its place"
    });
}

/// With a column for the figures by corrected roles, where there are any.
fn figures_ui(ui: &mut Ui, figures: Option<&Figures>, corrected: Option<&Corrected>) {
    type Value = fn(&Figures) -> String;
    let lines: [(&str, Value, &str); 4] = [
        ("AUROC", |f| format!("{:.4}", f.auroc), glossary::AUROC.text),
        (
            glossary::FPR95.term,
            |f| measured(f.fpr95),
            glossary::FPR95.text,
        ),
        (
            glossary::AUPR_OUT.term,
            |f| format!("{:.4}", f.aupr_out),
            glossary::AUPR_OUT.text,
        ),
        (
            glossary::AUPR_IN.term,
            |f| format!("{:.4}", f.aupr_in),
            glossary::AUPR_IN.text,
        ),
    ];
    let columns = if corrected.is_some() { 2.0 } else { 1.0 };
    let label_width =
        |ui: &Ui| ui.available_width() - columns * (NUMBER_WIDTH + ui.spacing().item_spacing.x);
    if let Some(corrected) = corrected {
        ui.horizontal(|ui| {
            let width = label_width(ui);
            corrected_head_ui(ui, corrected, width);
        });
    }
    for (label, value, tooltip) in lines {
        let shown = |figures: Option<&Figures>| figures.map_or_else(|| "–".to_owned(), value);
        ui.horizontal(|ui| {
            let width = label_width(ui);
            text_cell(ui, vec2(width, LINE), label).tip(|| tooltip);
            let color = theme::palette(ui).text;
            number_cell(ui, NUMBER_WIDTH, &shown(figures), color).tip(|| tooltip);
            if let Some(corrected) = corrected {
                let shown = shown(corrected.figures.as_ref().ok());
                number_cell(ui, NUMBER_WIDTH, &shown, color)
                    .tip(|| format!("{tooltip}. By the corrected roles"));
            }
        });
    }
}

/// The heads of both columns, and how many images differ.
fn corrected_head_ui(ui: &mut Ui, corrected: &Corrected, width: f32) {
    let weak = theme::palette(ui).weak;
    let words = format!("{} corrected", text::counted(corrected.num_images, "image"));
    text_cell(
        ui,
        vec2(width, LINE),
        RichText::new(words).small().color(weak),
    );
    for (head, tooltip) in [
        (
            "As given",
            "By the roles that the images were scored under, by which the threshold goes",
        ),
        (
            "Corrected",
            "By the roles that were corrected by hand; curve, interval and threshold stay as given",
        ),
    ] {
        let head = RichText::new(head).small().color(weak);
        right_cell(ui, vec2(NUMBER_WIDTH, LINE), head).tip(|| tooltip);
    }
}

fn cells(ui: &mut Ui, add: impl FnOnce(&mut Ui)) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        ui.set_min_height(LINE);
        ui.with_layout(Layout::left_to_right(Align::Center), add);
    });
}

fn name_width(ui: &Ui) -> f32 {
    ui.available_width() - 3.0 * (NUMBER_WIDTH + ui.spacing().item_spacing.x)
}

fn head_ui(ui: &mut Ui) {
    cells(ui, |ui| {
        let weak = theme::palette(ui).weak;
        let width = name_width(ui);
        text_cell(
            ui,
            vec2(width, LINE),
            RichText::new("Folder").small().color(weak),
        );
        for (text, tooltip) in [
            ("Images", "Images with a score"),
            ("Median", "The middle score of the folder"),
            (
                "AUROC",
                "This folder alone against all in-domain images. A folder close to the training images vanishes in the pooled figure",
            ),
        ] {
            let words = RichText::new(text).small().color(weak);
            right_cell(ui, vec2(NUMBER_WIDTH, LINE), words).tip(|| tooltip);
        }
    });
}

fn row_ui(ui: &mut Ui, session: &Session, row: &FolderRow) {
    cells(ui, |ui| {
        let width = name_width(ui) - 12.0 - ui.spacing().item_spacing.x;
        mark::ui(ui, row.role);
        text_cell(ui, vec2(width, LINE), folder_name(session, row))
            .tip(|| row.folder.display().to_string());
        let color = theme::palette(ui).text;
        let dash = || "–".to_owned();
        number_cell(ui, NUMBER_WIDTH, &text::count(row.num_scored), color);
        number_cell(
            ui,
            NUMBER_WIDTH,
            &row.median_score.map_or_else(dash, text::score),
            color,
        );
        let auroc = row.figures.map_or_else(dash, |f| format!("{:.4}", f.auroc));
        number_cell(ui, NUMBER_WIDTH, &auroc, color);
    });
}

fn folder_name(session: &Session, row: &FolderRow) -> String {
    session
        .folders
        .iter()
        .find(|folder| {
            folder.role == row.role
                && folder.source == FolderSource::Samples
                && folder.path.as_deref() == Some(row.folder.as_path())
        })
        .map_or_else(|| short_name(&row.folder), crate::state::Folder::name)
}
