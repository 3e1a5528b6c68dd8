//! All commands, found by typing.

use egui::{Frame, Id, Key, Margin, Modal, Modifiers, Response, ScrollArea, TextEdit, Ui, vec2};

use crate::state::actions::palette::NamedCommand;
use crate::state::{Action, UiCommand};
use crate::ui::panels::Scene;
use crate::ui::theme;
use crate::ui::widgets::layout::note;
use crate::ui::widgets::tip::Tip as _;

/// Height of the list in points.
const LIST_HEIGHT: f32 = 320.0;

/// Draw the palette.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>) {
    let frame = Frame::window(ui.style()).inner_margin(Margin::same(12));
    let modal = Modal::new(Id::unique("palette")).frame(frame);
    let modal = modal.show(ui.ctx(), |ui| {
        let width = 420.0_f32.min(ui.ctx().content_rect().width() - 60.0);
        ui.set_width(width);
        contents_ui(ui, scene)
    });
    if modal.inner || modal.should_close() {
        close(scene);
    }
}

fn close(scene: &mut Scene<'_>) {
    scene.drafts.palette = Default::default();
    let close = Action::Do(UiCommand::TogglePalette);
    // Before the chosen command, which may open something else.
    scene.actions.insert(0, close);
}

/// Draw the field and the list; `true` once the palette has served.
fn contents_ui(ui: &mut Ui, scene: &mut Scene<'_>) -> bool {
    let take = |ui: &mut Ui, key| ui.input_mut(|i| i.consume_key(Modifiers::NONE, key));
    let (is_down, is_up) = (take(ui, Key::ArrowDown), take(ui, Key::ArrowUp));
    let is_closed = take(ui, Key::Escape);
    let is_entered = take(ui, Key::Enter);
    let (text, chosen) = &mut scene.drafts.palette;
    let field = TextEdit::singleline(text)
        .hint_text("What do you want to do?")
        .desired_width(f32::INFINITY)
        .min_size(vec2(0.0, 28.0));
    let response = ui.add(field).accessible_name("Command");
    response.request_focus();
    if response.changed() {
        *chosen = 0;
    }
    let commands = scene.session.commands(text);
    let last = commands.len().saturating_sub(1);
    *chosen = (*chosen + usize::from(is_down))
        .saturating_sub(usize::from(is_up))
        .min(last);
    let chosen = *chosen;
    let mut picked = is_entered.then_some(chosen);
    if commands.is_empty() {
        note(ui, "No command has these words");
    }
    ScrollArea::vertical()
        .max_height(LIST_HEIGHT)
        .min_scrolled_height(LIST_HEIGHT)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            for (index, command) in commands.iter().enumerate() {
                let response = row_ui(ui, command, index == chosen);
                if index == chosen && (is_down || is_up) {
                    response.scroll_to_me(None);
                }
                if response.clicked() {
                    picked = Some(index);
                }
            }
        });
    let command = picked.and_then(|index| commands.into_iter().nth(index));
    let is_done = command.is_some();
    scene.actions.extend(command.map(|command| command.action));
    is_done || is_closed
}

/// One command with its key.
fn row_ui(ui: &mut Ui, command: &NamedCommand, is_chosen: bool) -> Response {
    ui.scope(|ui| {
        ui.set_width(ui.available_width());
        let info = command.action.info();
        let key = info.shortcuts.first();
        let button = egui::Button::selectable(is_chosen, command.words.as_str())
            .right_text(
                egui::RichText::new(key.map_or_else(String::new, |key| key.label()))
                    .small()
                    .color(theme::palette(ui).weak),
            )
            .min_size(vec2(ui.available_width(), theme::ROW_HEIGHT));
        ui.add(button)
    })
    .inner
    .tip(|| command.action.tooltip())
}
