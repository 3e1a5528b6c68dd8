//! The bar above everything: the run on screen, what can be done with runs, and what concerns the window as a whole.

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::text::{CCursor, CCursorRange};
use egui::text_edit::TextEditState;
use egui::{Id, Key, Label, PopupCloseBehavior, RichText, Sense, Ui, Vec2};

use super::Scene;
use crate::state::{
    Action, KeepAction, Phase, RunState, Session, Shortcut, ThemeChoice, UiCommand, recent, text,
};
use crate::ui::theme;
use crate::ui::widgets::buttons::{action_button, sized};
use crate::ui::widgets::combo::combo;
use crate::ui::widgets::layout::{ends, note, sized_cell};
use crate::ui::widgets::path_field::path_field;
use crate::ui::widgets::tip::Tip as _;

/// Below this width in points what is rarely needed is in one menu.
const ROOMY: f32 = 1120.0;
/// Width of the choice between light and dark.
const THEME_WIDTH: f32 = 84.0;

/// Draw the bar.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let is_roomy = ui.available_width() >= ROOMY;
    ui.horizontal_centered(|ui| {
        setup_ui(ui, scene);
        ui.separator();
        action_button(ui, scene.actions, Action::Do(UiCommand::ToggleRecent));
        if is_roomy {
            action_button(ui, scene.actions, Action::Do(UiCommand::ToggleCompare));
            save_ui(ui, scene);
        }
        super::export::ui(ui, scene);
        let window = if is_roomy { window_ui } else { more_ui };
        ends(
            ui,
            "window",
            scene,
            |ui, scene| {
                ui.separator();
                run_ui(ui, scene);
            },
            window,
        );
    });
}

fn setup_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let toggle = Action::Do(UiCommand::ToggleSetup);
    let response = ui
        .selectable_label(!scene.session.is_setup_folded(), toggle.text())
        .tip(|| toggle.tooltip());
    if response.clicked() {
        scene.actions.push(toggle);
    }
}

fn save_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let can_save = scene.session.shown.can_be_saved().is_ok();
    let save = Action::Do(UiCommand::BrowseSaveAs);
    sized(ui, scene.actions, save, Vec2::ZERO, can_save);
}

/// What concerns the window as a whole.
fn window_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    zoom_ui(ui, scene);
    sized_cell(ui, THEME_WIDTH, |ui| theme_ui(ui, scene));
    for command in [
        UiCommand::ToggleMessages,
        UiCommand::TogglePalette,
        UiCommand::ToggleShortcuts,
        UiCommand::ToggleGuide,
    ] {
        action_button(ui, scene.actions, Action::Do(command));
    }
}

/// The same, and what else has no place in a narrow window, in one menu.
fn more_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let close = PopupCloseBehavior::CloseOnClickOutside;
    let (response, _) = MenuButton::new("More")
        .config(MenuConfig::new().close_behavior(close))
        .ui(ui, |ui| {
            ui.set_width(200.0);
            let before = scene.actions.len();
            action_button(ui, scene.actions, Action::Do(UiCommand::ToggleCompare));
            save_ui(ui, scene);
            for command in [
                UiCommand::ToggleMessages,
                UiCommand::TogglePalette,
                UiCommand::ToggleShortcuts,
                UiCommand::ToggleGuide,
                UiCommand::ToggleAbout,
            ] {
                action_button(ui, scene.actions, Action::Do(command));
            }
            if scene.actions.len() > before {
                ui.close();
            }
            ui.horizontal(|ui| zoom_ui(ui, scene));
            theme_ui(ui, scene);
        });
    response.on_hover_text(
        "Compare runs, save the run, past messages, commands, keys, the guide, size and colors of the window, about the program",
    );
}

fn theme_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let mut theme = scene.session.settings.theme;
    combo(ui, "theme", &mut theme, &ThemeChoice::ALL, |theme| {
        theme.label().to_owned()
    })
    .tip(|| Action::SetTheme(theme).tooltip())
    .accessible_name("Theme");
    if theme != scene.session.settings.theme {
        scene.actions.push(Action::SetTheme(theme));
    }
}

fn zoom_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let percent = scene.session.settings.zoom_percent;
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.x = 2.0;
        for (words, command) in [
            ("−".to_owned(), UiCommand::ZoomOut),
            (format!("{percent} %"), UiCommand::ZoomReset),
            ("+".to_owned(), UiCommand::ZoomIn),
        ] {
            let action = Action::Do(command);
            let response = ui
                .button(RichText::new(words))
                .tip(|| action.tooltip())
                .accessible_name(action.text());
            if response.clicked() {
                scene.actions.push(action);
            }
        }
    });
}

/// The run on screen in a few words, and what can be done with one that was opened.
fn run_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let Some(run) = &scene.session.shown.run else {
        note(ui, "No run yet");
        return;
    };
    let can_be_put_away = run.kept.opened.is_some() && !run.phase.is_active();
    ends(ui, "run", scene, name_ui, |ui, scene| {
        if can_be_put_away {
            action_button(ui, scene.actions, Action::Do(UiCommand::UseAgain));
            action_button(ui, scene.actions, Action::Do(UiCommand::CloseRun));
        }
    });
}

/// The name of the run with its state, or the field that another one is typed into.
fn name_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let Some(renaming) = &scene.session.shown.renaming else {
        scene.drafts.shown.name = None;
        let (title, more) = words(scene.session);
        let label = Label::new(RichText::new(title).strong()).truncate();
        let response = ui.add(label.sense(Sense::click())).tip(|| {
            format!(
                "{more}. Double-click to rename it ({})",
                Shortcut::label(UiCommand::Rename.info().shortcuts[0])
            )
        });
        if response.double_clicked() {
            scene.actions.push(Action::Do(UiCommand::Rename));
        }
        return;
    };
    let is_new = scene.drafts.shown.name.is_none();
    let draft = &mut scene.drafts.shown.name;
    let draft = draft.get_or_insert_with(|| renaming.typed.clone());
    let hint = scene.session.shown.run.as_ref().map(RunState::called);
    let name = "Name of the run";
    let width = ui.available_width();
    let (response, _) = path_field(ui, draft, name, &hint.unwrap_or_default(), width);
    // One that was refused later does not take the focus from what is typed elsewhere.
    if is_new && renaming.problem.is_none() {
        response.request_focus();
        select_all(ui, response.id, draft);
    }
    if let Some(problem) = &renaming.problem {
        let color = theme::palette(ui).error;
        response.show_tooltip_ui(|ui| {
            ui.colored_label(color, problem);
        });
    }
    if !response.lost_focus() {
        return;
    }
    let keep = if ui.input(|input| input.key_pressed(Key::Enter)) {
        // It may be refused.
        response.request_focus();
        KeepAction::Rename(draft.clone())
    } else {
        KeepAction::LeaveName
    };
    scene.actions.push(Action::Keep(keep));
}

/// Who types replaces the old name.
fn select_all(ui: &Ui, id: Id, text: &str) {
    let mut state = TextEditState::default();
    let range = CCursorRange::two(CCursor::new(0), CCursor::new(text.chars().count()));
    state.cursor.set_char_range(Some(range));
    state.store(ui.ctx(), id);
}

/// Name and state of the run on screen, and all else that is known of it.
fn words(session: &Session) -> (String, String) {
    let Some(run) = &session.shown.run else {
        return Default::default();
    };
    let state = match run.phase {
        Phase::Running => "running",
        Phase::Paused => "paused",
        Phase::Cancelling => "ending",
        Phase::Cancelled => "ended early",
        Phase::Failed(_) => "stopped by an error",
        Phase::Done => "done",
    };
    let images = text::counted(run.images.len(), "image");
    match &run.kept.opened {
        None => {
            let words = format!("{}, {images}, {state}", run.called());
            let file = run.kept.file.as_ref();
            let kept = file.map_or_else(
                || "It is kept in no file".to_owned(),
                |path| format!("It is kept in {}", path.display()),
            );
            (words.clone(), format!("{words}. {kept}"))
        }
        Some(opened) => {
            let manifest = &opened.manifest;
            let source = if run.is_sealed() {
                "All that is shown comes from the run file"
            } else {
                "Opened from a run file"
            };
            let more = format!(
                "{}, {images}, {}. {source}: {}",
                recent::title(manifest, &opened.path),
                recent::settings(manifest),
                opened.path.display()
            );
            (format!("{}, {state}", run.called()), more)
        }
    }
}

/// The height of the bar in points.
pub const HEIGHT: f32 = theme::ROW_HEIGHT + 14.0;
