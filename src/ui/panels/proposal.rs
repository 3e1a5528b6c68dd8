//! What is taken for what of a data set that has parts of several roles: to be confirmed or changed before it is added.

use egui::{Button, RichText, ScrollArea, Ui, vec2};

use super::Scene;
use crate::images::layouts::Part;
use crate::ood::Role;
use crate::state::folders::short_name;
use crate::state::{Action, LayoutAction, Proposal, UiCommand, text};
use crate::ui::theme::{self, ROW_HEIGHT};
use crate::ui::widgets::buttons::primary_words;
use crate::ui::widgets::combo::combo;
use crate::ui::widgets::dialog::dialog;
use crate::ui::widgets::layout::{HEADING, note, number_cell, text_cell, title};
use crate::ui::widgets::mark;
use crate::ui::widgets::tip::Tip as _;

const WIDTH: f32 = 640.0;
/// Width of the choice of a role.
const ROLE_WIDTH: f32 = 130.0;
/// Width of a count of images.
const COUNT_WIDTH: f32 = 62.0;
/// Height of the list of parts in points; more are scrolled.
const LIST_HEIGHT: f32 = 300.0;
/// Notes that are shown.
const MOST_NOTES: usize = 6;

/// Draw the question, if there is one.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>) {
    let Some(proposal) = scene.session.proposal() else {
        return;
    };
    let modal = dialog(ui, "layout proposal", WIDTH, |ui| {
        question_ui(ui, scene.actions, proposal);
    });
    if modal.should_close() {
        scene.actions.push(Action::Do(UiCommand::Close));
    }
}

fn question_ui(ui: &mut Ui, actions: &mut Vec<Action>, proposal: &Proposal) {
    let layout = &proposal.layout;
    title(
        ui,
        &format!("What is in {}", short_name(&layout.root)),
        HEADING,
    );
    note(ui, format!("It is laid out as {}", layout.name))
        .on_hover_text(layout.root.display().to_string());
    ui.add_space(6.0);
    ScrollArea::vertical()
        .max_height(LIST_HEIGHT)
        .show(ui, |ui| {
            for (index, part) in layout.parts.iter().enumerate() {
                ui.push_id(index, |ui| part_ui(ui, actions, index, part));
            }
        });
    let warning = theme::palette(ui).warning;
    for sentence in layout.notes.iter().take(MOST_NOTES) {
        ui.label(
            RichText::new(text::sentences(sentence))
                .small()
                .color(warning),
        );
    }
    if layout.notes.len() > MOST_NOTES {
        note(ui, format!("and {} more", layout.notes.len() - MOST_NOTES));
    }
    ui.add_space(8.0);
    ui.horizontal_wrapped(|ui| answers_ui(ui, actions, proposal));
}

fn part_ui(ui: &mut Ui, actions: &mut Vec<Action>, index: usize, part: &Part) {
    let palette = theme::palette(ui);
    let color = if part.role.is_some() {
        palette.text
    } else {
        palette.weak
    };
    ui.horizontal(|ui| {
        match part.role {
            Some(role) => {
                mark::ui(ui, role);
            }
            None => ui.add_space(12.0 + ui.spacing().item_spacing.x),
        }
        let gaps = 3.0 * ui.spacing().item_spacing.x;
        let rest = ui.available_width() - COUNT_WIDTH - ROLE_WIDTH - gaps;
        let place = part.source.display().to_string();
        let size = vec2(0.45 * rest, ROW_HEIGHT);
        text_cell(ui, size, RichText::new(&part.name).color(color)).tip(|| place);
        let words = text::capitalized(part.holds.explanation());
        let size = vec2(0.55 * rest, ROW_HEIGHT);
        text_cell(ui, size, RichText::new(&words).small().color(palette.weak))
            .tip(|| words.clone());
        number_cell(ui, COUNT_WIDTH, &text::count(part.num_images), color).tip(|| "Images");
        let mut role = part.role;
        let choices: Vec<Option<Role>> = Role::ALL.into_iter().map(Some).chain([None]).collect();
        combo(ui, "role", &mut role, &choices, |role| {
            role.map_or("Leave out", Role::label).to_owned()
        })
        .accessible_name(format!("What {} is", part.name));
        if role != part.role {
            actions.push(Action::Layout(LayoutAction::Assign(index, role)));
        }
    });
}

fn answers_ui(ui: &mut Ui, actions: &mut Vec<Action>, proposal: &Proposal) {
    let add = Action::Layout(LayoutAction::Add);
    let is_any_used = proposal.layout.parts.iter().any(|part| part.role.is_some());
    let words = if proposal.is_changed {
        "Add as chosen"
    } else {
        "Add as proposed"
    };
    let size = vec2(0.0, 30.0);
    ui.add_enabled_ui(is_any_used, |ui| {
        let tooltip = add.tooltip();
        if primary_words(ui, words, size).tip(|| tooltip).clicked() {
            actions.push(add);
        }
    });
    if !proposal.layout.is_table {
        let whole = Action::Layout(LayoutAction::AddWhole);
        let button = ui.add(Button::new(whole.text()).min_size(size));
        if button.tip(|| whole.tooltip()).clicked() {
            actions.push(whole);
        }
    }
    let cancel = ui.add(Button::new("Add nothing").min_size(size));
    if cancel.tip(|| "Leave everything as it is").clicked() {
        actions.push(Action::Do(UiCommand::Close));
    }
}
