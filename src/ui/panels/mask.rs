//! What is hidden from the model, with a live preview on a sample image.

use std::path::{Path, PathBuf};

use egui::{Align2, DragValue, Rect, RichText, Sense, TextStyle, Ui, Vec2, vec2};

use super::Scene;
use crate::detectors::lmd::{Lift, Lmd};
use crate::images::typed_path::typed_path;
use crate::ood::MaskKind;
use crate::state::glossary;
use crate::state::preview::{PreviewState, ShownPreview};
use crate::state::{Action, UiCommand};
use crate::ui::theme;
use crate::ui::widgets::buttons::{Icon, action_button, icon_button};
use crate::ui::widgets::combo::combo;
use crate::ui::widgets::layout::{note, row, section, stand_in};
use crate::ui::widgets::path_field::path_field;
use crate::ui::widgets::picture;
use crate::ui::widgets::tip::Tip as _;

/// Side of each preview picture in points.
const PREVIEW: f32 = 96.0;

/// Draw the section.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    section(ui, "Mask", |ui| {
        scene.edit_lmd(|settings, scene| {
            let is_used = !matches!(settings.lift, Lift::Denoise { .. });
            ui.add_enabled_ui(is_used, |ui| {
                kind_ui(ui, settings);
                if let MaskKind::File(path) = &settings.mask {
                    let path = path.clone();
                    file_ui(ui, scene, settings, &path);
                } else {
                    let uses_grid = settings.mask.uses_grid();
                    ui.add_enabled_ui(uses_grid, |ui| grid_ui(ui, settings));
                }
            });
            preview_ui(ui, scene, settings);
        });
    });
}

fn kind_ui(ui: &mut Ui, settings: &mut Lmd) {
    let file = match &settings.mask {
        MaskKind::File(path) => path.clone(),
        _ => PathBuf::new(),
    };
    let kinds = [
        MaskKind::AlternatingCheckerboard,
        MaskKind::Checkerboard,
        MaskKind::Center,
        MaskKind::RandomPatch,
        MaskKind::File(file),
    ];
    let tooltip = glossary::MASK.text;
    row(ui, "Type", tooltip, |ui| {
        combo(ui, "mask", &mut settings.mask, &kinds, kind_label)
    });
}

fn kind_label(kind: &MaskKind) -> String {
    match kind {
        MaskKind::AlternatingCheckerboard => "Alternating checkerboard",
        MaskKind::Checkerboard => "Checkerboard",
        MaskKind::Center => "Center",
        MaskKind::RandomPatch => "Random patches",
        MaskKind::File(_) => "Own picture",
    }
    .to_owned()
}

fn grid_ui(ui: &mut Ui, settings: &mut Lmd) {
    let tooltip = glossary::GRID.text;
    row(ui, "Grid", tooltip, |ui| {
        ui.add(
            DragValue::new(&mut settings.grid)
                .min_size(theme::NUMBER_FIELD)
                .range(1..=256)
                .speed(0.1),
        )
    });
}

fn file_ui(ui: &mut Ui, scene: &mut Scene<'_>, settings: &mut Lmd, current: &Path) {
    ui.horizontal(|ui| {
        let width = ui.available_width() - 76.0;
        let hint = if current.as_os_str().is_empty() {
            "Path of a picture".to_owned()
        } else {
            crate::state::folders::short_name(current)
        };
        let (response, entered) = path_field(
            ui,
            &mut scene.drafts.mask,
            "Mask picture path",
            &hint,
            width,
        );
        let response = response.tip(|| {
            "A picture as the mask: white stays, black is painted again. It is resized to the model"
        });
        let left = response
            .lost_focus()
            .then(|| typed_path(&scene.drafts.mask));
        if let Some(path) = entered.or_else(|| left.flatten()) {
            settings.mask = MaskKind::File(path);
            scene.drafts.mask.clear();
        }
        action_button(ui, scene.actions, Action::Do(UiCommand::BrowseMask));
    });
}

fn preview_ui(ui: &mut Ui, scene: &mut Scene<'_>, settings: &Lmd) {
    ui.add_space(2.0);
    let shown = scene.session.preview.shown();
    let shown =
        shown.and_then(|(request, preview)| Some((request.attempt, preview.as_ref().ok()?)));
    ui.horizontal_top(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(2.0 * PREVIEW + 8.0, PREVIEW), Sense::hover());
        let left = Rect::from_min_size(rect.min, Vec2::splat(PREVIEW));
        let right = left.translate(vec2(PREVIEW + 8.0, 0.0));
        pictures_ui(ui, scene, shown.map(|(_, preview)| preview), [left, right]);
        let description = match shown {
            Some((attempt, _)) => format!("Mask preview, attempt {}", attempt + 1),
            None => "Mask preview, empty".to_owned(),
        };
        stand_in(ui, "mask preview", rect, &description).tip(|| {
            "A sample image as the model will see it, and the same with the hidden part painted over"
        });
        ui.vertical(|ui| steps_ui(ui, scene, settings));
    });
    let failure = scene
        .session
        .preview
        .shown()
        .and_then(|(_, preview)| preview.as_ref().err());
    if matches!(settings.lift, Lift::Denoise { .. }) {
        note(ui, "Denoising hides nothing, so there is no mask");
    } else if let Some(message) = failure {
        let color = theme::palette(ui).error;
        ui.label(RichText::new(message).small().color(color));
    }
}

fn pictures_ui(
    ui: &Ui,
    scene: &mut Scene<'_>,
    preview: Option<&ShownPreview>,
    [left, right]: [Rect; 2],
) {
    let palette = theme::palette(ui);
    for square in [left, right] {
        picture::placeholder(ui.painter(), square, palette.raised, palette.line);
    }
    let Some(preview) = preview else {
        let font = TextStyle::Small.resolve(ui.style());
        ui.painter().text(
            left.center(),
            Align2::CENTER_CENTER,
            "No sample",
            font,
            palette.weak,
        );
        return;
    };
    let side = preview.known_mask.side();
    let size = Vec2::splat(side as f32);
    if let Some(original) = &preview.original {
        let texture = scene.textures.picture(ui.ctx(), original);
        picture::paint(
            ui.painter(),
            left,
            (texture.id(), picture::WHOLE),
            size,
            side <= 64,
        );
    }
    let texture =
        scene
            .textures
            .masked(ui.ctx(), &preview.ground, &preview.known_mask, palette.hole);
    picture::paint(
        ui.painter(),
        right,
        (texture.id(), picture::WHOLE),
        size,
        side <= 64,
    );
}

/// Buttons that step through the masks of the attempts.
fn steps_ui(ui: &mut Ui, scene: &mut Scene<'_>, settings: &Lmd) {
    let count = PreviewState::num_attempts(settings);
    if count < 2 {
        return;
    }
    let current = scene.session.preview.attempt.min(count - 1);
    note(ui, format!("Mask {} of {count}", current + 1));
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = 4.0;
        for (icon, name, next) in [
            (Icon::Left, "Previous mask", (current + count - 1) % count),
            (Icon::Right, "Next mask", (current + 1) % count),
        ] {
            let tooltip = || "Show the mask of another attempt".to_owned();
            let response = icon_button(ui, icon, name, tooltip);
            if response.clicked() {
                scene.actions.push(Action::PreviewAttempt(next));
            }
        }
    });
}
