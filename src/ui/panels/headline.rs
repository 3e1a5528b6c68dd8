//! The results in a few lines: how well the roles are told apart, what the threshold does, and what to be careful about.

use egui::{RichText, TextStyle, Ui};

use super::Scene;
use super::decision::toggle_outcome;
use crate::ood::Outcome;
use crate::ood::auroc::{AurocInterval, IntervalKind};
use crate::ood::confusion::Confusion;
use crate::ood::text::percent;
use crate::state::glossary;
use crate::state::{Action, Center, PanelSettings, ResultsPage, Session, text};
use crate::ui::theme;
use crate::ui::widgets::layout::{card, note, on_baseline};
use crate::ui::widgets::tip::Tip as _;

/// Type size of the area in points.
const LARGE: f32 = 24.0;
/// Warnings that are shown in full; the others are counted.
const NUM_WARNINGS: usize = 2;

/// Draw the card.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    card(ui, |ui| {
        ui.spacing_mut().item_spacing.y = 3.0;
        // A row of links is as high as the lines around it.
        ui.spacing_mut().interact_size.y = ui.text_style_height(&TextStyle::Small);
        auroc_ui(ui, scene.session);
        corrected_ui(ui, scene.session);
        outcomes_ui(ui, scene);
        warnings_ui(ui, scene);
    });
    ui.add_space(theme::SECTION_GAP);
}

fn auroc_ui(ui: &mut Ui, session: &Session) {
    let analysis = session.shown.analysis.as_deref();
    let figures = analysis.and_then(|analysis| analysis.figures.as_ref().ok());
    let Some(figures) = figures else {
        let words = match analysis {
            None => "The results appear here as attempts arrive",
            Some(_) => "The AUROC needs scores of in-domain and of out-of-domain images",
        };
        note(ui, words);
        return;
    };
    ui.horizontal_top(|ui| {
        on_baseline(ui, RichText::new("AUROC").strong(), &TextStyle::Body, LARGE);
        let number = RichText::new(format!("{:.3}", figures.auroc));
        ui.label(number.size(LARGE).strong())
            .tip(|| glossary::AUROC.text);
        let assessment = session.shown.deciding.assessment.as_deref();
        if let Some(found) = assessment.and_then(|assessment| assessment.auroc) {
            let words = RichText::new(interval(&found)).color(theme::palette(ui).weak);
            on_baseline(ui, words, &TextStyle::Small, LARGE);
        }
    });
}

/// The same by corrected roles, where there are any.
fn corrected_ui(ui: &mut Ui, session: &Session) {
    let analysis = session.shown.analysis.as_deref();
    let Some(corrected) = analysis.and_then(|analysis| analysis.corrected.as_ref()) else {
        return;
    };
    let images = text::counted(corrected.num_images, "corrected image");
    let words = match &corrected.figures {
        Ok(figures) => format!("{:.3} with {images}", figures.auroc),
        Err(_) => format!("No AUROC with {images}: one role is left"),
    };
    note(ui, words).tip(|| {
        "The AUROC by the roles that were corrected by hand. All else here goes by the roles that the images were scored under"
    });
}

/// The interval in a few words.
fn interval(found: &AurocInterval) -> String {
    let level = percent(found.level);
    let (low, high) = (found.interval.low, found.interval.high);
    match found.kind {
        IntervalKind::Bootstrap => format!("{low:.3} to {high:.3} ({level})"),
        IntervalKind::LowerBound => format!("at least {low:.3} ({level})"),
        IntervalKind::UpperBound => format!("at most {high:.3} ({level})"),
    }
}

/// What the threshold does to the images here.
fn outcomes_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let session = scene.session;
    let Some(decision) = session.shown.deciding.decision.as_deref() else {
        return;
    };
    if let Some(confusion) = decision.confusion {
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 4.0;
            mistakes_ui(ui, scene, &confusion, (Outcome::Miss, "missed"));
            note(ui, "and");
            mistakes_ui(ui, scene, &confusion, (Outcome::FalseAlarm, "false alarms"));
        });
    }
    let (Some(analysis), Some(threshold)) =
        (session.shown.analysis.as_deref(), session.shown.threshold())
    else {
        return;
    };
    if !analysis.unknown.is_empty() {
        let flagged = (analysis.unknown.iter()).filter(|verdict| verdict.score > threshold);
        let words = format!(
            "{} of {} unknown flagged",
            text::count(flagged.count()),
            text::count(analysis.unknown.len())
        );
        let panels = PanelSettings {
            center: Center::Verdicts,
            ..session.settings.panels
        };
        link_ui(ui, scene, &words, "Show the verdicts", panels);
    }
}

/// How many mistakes of a kind there are; a click shows them.
fn mistakes_ui(
    ui: &mut Ui,
    scene: &mut Scene<'_>,
    confusion: &Confusion,
    (outcome, word): (Outcome, &str),
) {
    let share = confusion.share(outcome);
    let words = format!(
        "{} of {} {word}",
        text::count(share.hits),
        text::count(share.trials)
    );
    let link = ui.link(RichText::new(words).small());
    let tooltip = "At the threshold. Click to see these images only, once more for all";
    if link.tip(|| tooltip).clicked() {
        toggle_outcome(scene, outcome);
    }
}

fn warnings_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let warnings = scene.session.warnings();
    let color = theme::palette(ui).warning;
    for warning in warnings.iter().take(NUM_WARNINGS) {
        ui.horizontal_top(|ui| {
            ui.label(RichText::new("!").strong().color(color));
            // In a row text would not wrap, and would push the panels out of the window.
            ui.vertical(|ui| ui.label(RichText::new(warning).small().color(color)));
        });
    }
    let more = warnings.len().saturating_sub(NUM_WARNINGS);
    if more > 0 {
        let panels = PanelSettings {
            results: ResultsPage::Explanations,
            ..scene.session.settings.panels
        };
        let words = text::counted(more, "more warning");
        link_ui(ui, scene, &words, "Show all explanations", panels);
    }
}

/// Words that open a part of the window.
fn link_ui(ui: &mut Ui, scene: &mut Scene<'_>, words: &str, tooltip: &str, panels: PanelSettings) {
    let link = ui.link(RichText::new(words).small());
    if link.tip(|| tooltip).clicked() {
        scene.actions.push(Action::SetPanels(panels));
    }
}
