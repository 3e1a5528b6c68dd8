//! Messages over the lower part of the gallery, until they are dismissed.

use egui::{Align, Area, Frame, Id, Layout, Margin, Order, Rect, RichText, Stroke, Ui, vec2};

use super::Scene;
use crate::state::{Action, NoticeId, UiCommand, text};
use crate::ui::theme::{self, RADIUS};
use crate::ui::widgets::buttons::{action_button, cross};
use crate::ui::widgets::layout::note;
use crate::worker::protocol::{Notice, Severity};

/// Messages shown at a time.
const MAX_SHOWN: usize = 3;
/// In a center of less height one message less is shown, so that something of the gallery is left.
const ROOMY_HEIGHT: f32 = 640.0;

/// Draw the messages inside `within`.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>, within: Rect) {
    if scene.session.notices.is_empty() {
        return;
    }
    let width = (within.width() - 24.0).min(560.0);
    let num_shown = if within.height() < ROOMY_HEIGHT {
        MAX_SHOWN - 1
    } else {
        MAX_SHOWN
    };
    Area::new(Id::unique("notices"))
        .order(Order::Foreground)
        .pivot(egui::Align2::CENTER_BOTTOM)
        .fixed_pos(within.center_bottom() - vec2(0.0, 12.0))
        .constrain(false)
        .accessible_name("Messages")
        .show(ui.ctx(), |ui| {
            ui.set_width(width);
            let session = scene.session;
            let shown: Vec<(NoticeId, &Notice)> =
                session.notices.newest_first().take(num_shown).collect();
            for (id, notice) in shown.into_iter().rev() {
                ui.push_id(id, |ui| notice_ui(ui, scene, id, notice));
            }
            let hidden = session.notices.len().saturating_sub(num_shown);
            if hidden > 0 {
                more_ui(ui, scene, hidden);
            }
        });
}

fn frame(ui: &Ui, line: egui::Color32) -> Frame {
    Frame::new()
        .fill(theme::palette(ui).surface)
        .stroke(Stroke::new(1.0, line))
        .corner_radius(RADIUS)
        .shadow(ui.visuals().popup_shadow)
        .inner_margin(Margin::symmetric(12, 8))
}

fn notice_ui(ui: &mut Ui, scene: &mut Scene<'_>, id: NoticeId, notice: &Notice) {
    let palette = theme::palette(ui);
    let (title, color) = match notice.severity {
        Severity::Info => ("Note", palette.accent),
        Severity::Warning => ("Warning", palette.warning),
        Severity::Error => ("Error", palette.error),
    };
    frame(ui, color).show(ui, |ui| {
        ui.horizontal_top(|ui| {
            ui.with_layout(Layout::right_to_left(Align::Min), |ui| {
                cross(
                    ui,
                    scene.actions,
                    Action::DismissNotice(id),
                    "Dismiss message",
                );
                ui.with_layout(Layout::top_down(Align::Min), |ui| {
                    ui.spacing_mut().item_spacing.y = 2.0;
                    ui.label(RichText::new(title).strong().color(color));
                    ui.label(notice.message.as_str());
                    if let Some(path) = &notice.path {
                        note(ui, path.display().to_string());
                    }
                    offers_ui(ui, scene, id);
                });
            });
        });
    });
}

/// Buttons for what can be done about it; a notice that was answered goes.
fn offers_ui(ui: &mut Ui, scene: &mut Scene<'_>, id: NoticeId) {
    let session = scene.session;
    let offers = session.notices.offers(id);
    if offers.is_empty() {
        return;
    }
    ui.add_space(2.0);
    ui.horizontal(|ui| {
        for offer in offers {
            if action_button(ui, scene.actions, offer.clone()).clicked() {
                scene.actions.push(Action::DismissNotice(id));
            }
        }
    });
}

fn more_ui(ui: &mut Ui, scene: &mut Scene<'_>, hidden: usize) {
    let line = theme::palette(ui).line;
    frame(ui, line).show(ui, |ui| {
        ui.horizontal(|ui| {
            note(ui, format!("{} more", text::count(hidden)));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                action_button(ui, scene.actions, Action::Do(UiCommand::DismissAllNotices));
            });
        });
    });
}
