//! Messages in a strip over the lower part of the center; news go by themselves, the rest is dismissed or settled.

use egui::text::TextWrapping;
use egui::{
    Align, Area, Color32, Frame, Id, Layout, Margin, Order, Rect, RichText, Stroke, TextStyle, Ui,
    vec2,
};

use super::Scene;
use crate::state::{Action, NoticeId, UiCommand, text};
use crate::ui::theme::{self, Palette, RADIUS};
use crate::ui::widgets::buttons::{action_button, cross, primary};
use crate::ui::widgets::layout::note;
use crate::ui::widgets::prose::prose;
use crate::ui::widgets::tip::Tip as _;
use crate::worker::protocol::{Notice, Severity};

/// Messages shown at a time; the others are counted.
const MAX_SHOWN: usize = 2;
/// In a center of less height one message less is shown, so that something of the center is left.
const ROOMY_HEIGHT: f32 = 640.0;
/// Lines of one message: all of it is in the list of messages, and under the pointer.
const MAX_LINES: usize = 3;

/// Draw the messages inside `within`.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>, within: Rect) {
    scene.drafts.shown.reads_notices = false;
    if scene.session.notices.is_empty() {
        return;
    }
    let width = (within.width() - 24.0).min(560.0);
    let num_shown = if within.height() < ROOMY_HEIGHT {
        MAX_SHOWN - 1
    } else {
        MAX_SHOWN
    };
    let area = Area::new(Id::unique("notices"))
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
            let count = session.notices.len();
            if count > 1 {
                all_ui(ui, scene, count.saturating_sub(num_shown));
            }
        });
    scene.drafts.shown.reads_notices = area.response.contains_pointer();
}

fn frame(ui: &Ui, line: Color32) -> Frame {
    Frame::new()
        .fill(theme::palette(ui).surface)
        .stroke(Stroke::new(1.0, line))
        .corner_radius(RADIUS)
        .shadow(ui.visuals().popup_shadow)
        .inner_margin(Margin::symmetric(12, 6))
}

/// The word for how serious it is, and its color.
fn title(palette: &Palette, severity: Severity) -> (&'static str, Color32) {
    match severity {
        Severity::Info => ("Note", palette.accent),
        Severity::Warning => ("Warning", palette.warning),
        Severity::Error => ("Error", palette.error),
    }
}

fn notice_ui(ui: &mut Ui, scene: &mut Scene<'_>, id: NoticeId, notice: &Notice) {
    let (_, color) = title(theme::palette(ui), notice.severity);
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
                    words_ui(ui, notice, MAX_LINES);
                    offers_ui(ui, scene, id);
                });
            });
        });
    });
}

/// What it says, in a number of lines at most.
pub fn words_ui(ui: &mut Ui, notice: &Notice, max_rows: usize) {
    let palette = theme::palette(ui);
    let (title, color) = title(palette, notice.severity);
    ui.spacing_mut().item_spacing.y = 2.0;
    ui.label(RichText::new(title).strong().color(color));
    let mut job = prose(ui.style(), &notice.message, &TextStyle::Body, palette.text);
    job.wrap = TextWrapping {
        max_width: ui.available_width(),
        max_rows,
        ..TextWrapping::default()
    };
    let is_cut = ui.painter().layout_job(job.clone()).elided;
    let response = ui.label(job);
    if is_cut {
        response.tip(|| &notice.message);
    }
    if let Some(path) = &notice.path {
        note(ui, path.display().to_string());
    }
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
        for (index, offer) in offers.iter().enumerate() {
            let response = if index == 0 {
                primary(ui, scene.actions, offer.clone(), egui::Vec2::ZERO)
            } else {
                action_button(ui, scene.actions, offer.clone())
            };
            if response.clicked() {
                scene.actions.push(Action::DismissNotice(id));
            }
        }
    });
}

/// How many are not shown, and the way to be rid of all.
fn all_ui(ui: &mut Ui, scene: &mut Scene<'_>, hidden: usize) {
    let line = theme::palette(ui).line;
    frame(ui, line).show(ui, |ui| {
        ui.horizontal(|ui| {
            if hidden > 0 {
                note(ui, format!("{} more", text::count(hidden)));
            }
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                action_button(ui, scene.actions, Action::Do(UiCommand::DismissAllNotices));
                action_button(ui, scene.actions, Action::Do(UiCommand::ToggleMessages));
            });
        });
    });
}
