//! What the window has said so far, the newest first.

use egui::{Align, Layout, ScrollArea, Ui};

use crate::state::notices::Past;
use crate::state::{Action, UiCommand};
use crate::ui::panels::{Scene, notices};
use crate::ui::widgets::dialog::dialog;
use crate::ui::widgets::layout::{HEADING, note, title};

/// Width in points.
const WIDTH: f32 = 560.0;

/// Draw the list.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>) {
    let modal = dialog(ui, "messages", WIDTH, |ui| {
        let content = ui.ctx().content_rect();
        title(ui, "Messages", HEADING);
        ui.add_space(4.0);
        let mut past = scene.session.notices.past().peekable();
        if past.peek().is_none() {
            note(ui, "Nothing was said yet");
        }
        ScrollArea::vertical()
            .max_height(content.height() - 180.0)
            .auto_shrink([false, true])
            .show(ui, |ui| past.for_each(|past| past_ui(ui, past)));
        ui.add_space(6.0);
        ui.button("Close messages").clicked()
    });
    if modal.inner || modal.should_close() {
        scene.actions.push(Action::Do(UiCommand::ToggleMessages));
    }
}

fn past_ui(ui: &mut Ui, past: &Past) {
    ui.with_layout(Layout::left_to_right(Align::Min), |ui| {
        note(ui, past.time.as_str());
        ui.vertical(|ui| notices::words_ui(ui, &past.notice, usize::MAX));
    });
    ui.add_space(4.0);
}
