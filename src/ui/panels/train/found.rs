//! What was found of the images to learn, beside the form.

use egui::{RichText, Ui};

use super::warning_ui;
use crate::engine::training::Survey;
use crate::state::folders::short_name;
use crate::state::text;
use crate::state::training::SurveyState;
use crate::ui::panels::Scene;
use crate::ui::theme;
use crate::ui::widgets::layout::{card, note, section};

/// Width of the card in points, at most.
const WIDTH: f32 = 560.0;
/// Unreadable files listed at most.
const MOST_LISTED: usize = 100;

/// Draw the card.
pub fn ui(ui: &mut Ui, scene: &Scene<'_>) {
    ui.set_max_width(ui.available_width().min(WIDTH));
    section(ui, "What is in it", |ui| {
        card(ui, |ui| match &scene.session.training.survey {
            SurveyState::None => {
                note(ui, "What the folder holds appears here");
            }
            SurveyState::Reading { num_images, .. } => {
                let read = text::counted(*num_images, "image");
                note(ui, format!("Reading, {read} so far…"));
            }
            SurveyState::Ready(survey) => survey_ui(ui, survey),
        });
    });
    section(ui, "What happens", |ui| {
        for line in [
            "The model learns from images that belong, and from no others, to paint what is hidden of one.",
            "A twentieth of the images (40 at least, a quarter at most) is held out: some are watched, some left alone for a threshold.",
            "Every two minutes all is saved, and nothing is lost when the program ends.",
            "You can score with the open model meanwhile. Both then take longer.",
        ] {
            note(ui, line);
        }
    });
}

fn survey_ui(ui: &mut Ui, survey: &Survey) {
    let side = survey.geometry.side;
    let [smallest, largest] = survey.sizes;
    let size = |(width, height): (u32, u32)| format!("{width} × {height}");
    let sizes = if smallest == largest {
        format!("all {}", size(smallest))
    } else {
        format!("{} to {}", size(smallest), size(largest))
    };
    let colors = if survey.geometry.channels == 1 {
        "gray"
    } else {
        "color"
    };
    ui.label(RichText::new(text::counted(survey.num_images, "different image")).strong());
    for line in [
        format!("Sizes: {sizes} pixels, brought to {side} × {side}"),
        format!("Colors: {colors}"),
        format!(
            "Held out: {} that no step sees",
            text::counted(survey.num_held_out, "image")
        ),
    ] {
        note(ui, line);
    }
    if survey.num_copies > 0 {
        note(
            ui,
            format!(
                "Copies: {} with the bytes of another, used once",
                text::counted(survey.num_copies, "file")
            ),
        );
    }
    if survey.num_alike > 0 {
        let example = survey
            .alike
            .as_ref()
            .map_or_else(String::new, |(path, like)| {
                format!("{}\nlike {}", path.display(), like.display())
            });
        note(
            ui,
            format!(
                "Look-alikes: {} hardly to be told from another one",
                text::counted(survey.num_alike, "image")
            ),
        )
        .on_hover_text(example);
    }
    for sentence in &survey.notes {
        warning_ui(ui, sentence);
    }
    unreadable_ui(ui, survey);
}

fn unreadable_ui(ui: &mut Ui, survey: &Survey) {
    let count = survey.unreadable.len();
    if count == 0 {
        note(ui, "Every file can be read");
        return;
    }
    let title = format!("{} could not be read", text::counted(count, "file"));
    let color = theme::palette(ui).warning;
    egui::CollapsingHeader::new(RichText::new(title).small().color(color))
        .id_salt("unreadable to learn")
        .show(ui, |ui| {
            for (path, reason) in survey.unreadable.iter().take(MOST_LISTED) {
                note(ui, format!("{} – {reason}", short_name(path)))
                    .on_hover_text(path.display().to_string());
            }
            if count > MOST_LISTED {
                note(ui, format!("and {} more", text::count(count - MOST_LISTED)));
            }
        });
}
