//! The guide beside the window's work: it stays open while its steps are carried out.

use egui::{
    Align2, Area, Frame, Id, Label, Margin, Order, RichText, ScrollArea, TextEdit, TextStyle, Ui,
    pos2, vec2,
};

use super::{Page, Scene};
use crate::state::glossary::{self, Entry, Group};
use crate::state::guide::{CASES, Case, Guide, GuidePage, HINTS, START, has_words};
use crate::state::{Action, LookAction, UiCommand};
use crate::ui::theme;
use crate::ui::widgets::buttons::{Icon, action_button, icon_button};
use crate::ui::widgets::combo::segments;
use crate::ui::widgets::layout::{HEADING, TITLE, note, title};
use crate::ui::widgets::prose::prose;
use crate::ui::widgets::tip::Tip as _;

/// Width in points, where the window has room for it.
const WIDTH: f32 = 400.0;
/// Points that it leaves free above and below.
const BESIDE: f32 = 170.0;
/// Points between it and the window's upper left corner, below the bar.
const CORNER: f32 = 12.0;
/// Type size of a word that is explained, in points.
const TERM: f32 = 13.5;
/// Width in points of what a first start says.
const HINTS_WIDTH: f32 = 520.0;

/// Draw the guide where it is open, or what a first start says.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>) {
    if let Some(guide) = scene.session.looking.guide.clone() {
        guide_ui(ui, scene, &guide);
    } else if scene.session.shows_hints() {
        hints_ui(ui, scene);
    }
}

fn guide_ui(ui: &Ui, scene: &mut Scene<'_>, guide: &Guide) {
    let content = ui.ctx().content_rect();
    let width = WIDTH.min(content.width() - 2.0 * CORNER - 26.0);
    let height = (content.height() - BESIDE).max(160.0);
    egui::Window::new("Guide")
        .id(Id::unique("guide"))
        .title_bar(false)
        .resizable(false)
        .default_pos(pos2(CORNER, super::top_bar::HEIGHT + CORNER))
        .constrain_to(content)
        .frame(Frame::window(ui.style()).inner_margin(Margin::same(12)))
        .show(ui.ctx(), |ui| {
            ui.set_width(width);
            let mut new = guide.clone();
            head_ui(ui, scene, &mut new);
            ui.add_space(4.0);
            ScrollArea::vertical()
                .id_salt("guide")
                .max_height(height - 70.0)
                .min_scrolled_height(height - 70.0)
                .auto_shrink([false, true])
                .show(ui, |ui| {
                    // Room for the scroll bar.
                    ui.set_max_width(width - 12.0);
                    if new.needle.trim().is_empty() {
                        page_ui(ui, scene, &mut new);
                    } else {
                        found_ui(ui, scene, &mut new);
                    }
                });
            if new != *guide {
                scene.actions.push(Action::Look(LookAction::Guide(new)));
            }
        });
}

/// The title, what to search for, and the pages.
fn head_ui(ui: &mut Ui, scene: &mut Scene<'_>, guide: &mut Guide) {
    ui.horizontal(|ui| {
        title(ui, "Guide", HEADING);
        let width = (ui.available_width() - 36.0).max(60.0);
        let field = TextEdit::singleline(&mut guide.needle)
            .hint_text("Search the guide")
            .desired_width(width)
            .min_size(vec2(width, theme::ROW_HEIGHT));
        ui.add(field)
            .tip(|| "Show only what has these words, on all pages")
            .accessible_name("Search the guide");
        let toggle = Action::Do(UiCommand::ToggleGuide);
        let tooltip = || "Close the guide (Esc)".to_owned();
        if icon_button(ui, Icon::Cross, "Close the guide", tooltip).clicked() {
            scene.actions.push(toggle);
        }
    });
    let mut page = guide.page;
    segments(
        ui,
        &mut page,
        &GuidePage::ALL,
        |page| page.label().to_owned(),
        |page| page.explanation().to_owned(),
    );
    if page != guide.page {
        guide.page = page;
        guide.needle.clear();
    }
}

fn page_ui(ui: &mut Ui, scene: &mut Scene<'_>, guide: &mut Guide) {
    match guide.page {
        GuidePage::Start => {
            for (heading, words) in START {
                paragraph_ui(ui, heading, words);
            }
            let cases = Guide {
                page: GuidePage::Cases,
                ..guide.clone()
            };
            let button = ui
                .button("Begin with the first case")
                .tip(|| GuidePage::Cases.explanation());
            if button.clicked() {
                *guide = cases;
            }
        }
        GuidePage::Cases => {
            for (index, case) in CASES.iter().enumerate() {
                case_ui(ui, scene, guide, (index, case));
            }
        }
        GuidePage::Glossary => glossary::groups().iter().for_each(|it| group_ui(ui, it)),
    }
}

/// What has the words that are searched for, from all pages.
fn found_ui(ui: &mut Ui, scene: &mut Scene<'_>, guide: &mut Guide) {
    let needle = guide.needle.clone();
    let paragraphs: Vec<_> = (START.iter())
        .filter(|(heading, words)| has_words(&[heading, words], &needle))
        .collect();
    let cases: Vec<(usize, &Case)> = (CASES.iter().enumerate())
        .filter(|(_, case)| {
            let steps = case.steps.iter().map(|step| step.words);
            let words: Vec<&str> = [case.title, case.about].into_iter().chain(steps).collect();
            has_words(&words, &needle)
        })
        .collect();
    let groups = glossary::found(&needle);
    if paragraphs.is_empty() && cases.is_empty() && groups.is_empty() {
        note(
            ui,
            "Nothing in the guide has these words. All commands (Ctrl+P) may",
        );
    }
    for (heading, words) in paragraphs {
        paragraph_ui(ui, heading, words);
    }
    for case in cases {
        case_ui(ui, scene, guide, case);
    }
    for group in &groups {
        group_ui(ui, group);
    }
}

fn body_ui(ui: &mut Ui, words: &str) {
    let color = theme::palette(ui).text;
    let words = prose(ui.style(), words, &TextStyle::Body, color);
    ui.add(Label::new(words).wrap());
}

fn paragraph_ui(ui: &mut Ui, heading: &str, words: &str) {
    title(ui, heading, TITLE);
    body_ui(ui, words);
    ui.add_space(8.0);
}

/// The title of a case, and its steps where it is open.
fn case_ui(ui: &mut Ui, scene: &mut Scene<'_>, guide: &mut Guide, (index, case): (usize, &Case)) {
    let is_open = guide.case == index;
    let heading = format!("{}. {}", index + 1, case.title);
    let response = ui.selectable_label(is_open, RichText::new(heading).strong());
    if response.tip(|| case.about).clicked() {
        guide.case = index;
    }
    if !is_open {
        return;
    }
    ui.indent(("case", index), |ui| {
        note(ui, case.about);
        for (number, step) in case.steps.iter().enumerate() {
            ui.add_space(6.0);
            let is_done = (step.is_done)(scene.session);
            body_ui(ui, &format!("{}. {}", number + 1, step.words));
            ui.horizontal(|ui| {
                let actions = (step.actions)(scene.session);
                let button = egui::Button::new(step.button);
                let response = ui
                    .add_enabled(!actions.is_empty(), button)
                    .tip_always(|| "Do this step in the window");
                if response.clicked() {
                    turn_to(scene, &actions);
                    scene.actions.extend(actions);
                }
                if is_done {
                    let color = theme::palette(ui).accent;
                    ui.label(RichText::new("Done").color(color));
                }
            });
        }
    });
    ui.add_space(8.0);
}

/// In a window that shows its parts one at a time, show the part that a step is about.
fn turn_to(scene: &mut Scene<'_>, actions: &[Action]) {
    let results = scene.session.settings.panels.results;
    for action in actions {
        scene.drafts.page = match action {
            Action::AddSamples(_) => Page::Setup,
            Action::SetGallery(_) => Page::Gallery,
            Action::SelectImage(_) => Page::Inspect,
            Action::SetDecision { .. } => Page::Results,
            Action::SetPanels(panels) if panels.results != results => Page::Results,
            _ => scene.drafts.page,
        };
    }
}

fn group_ui(ui: &mut Ui, group: &Group) {
    title(ui, group.title, TITLE);
    for entry in &group.entries {
        entry_ui(ui, entry);
    }
    ui.add_space(8.0);
}

fn entry_ui(ui: &mut Ui, entry: &Entry) {
    ui.scope(|ui| {
        ui.spacing_mut().item_spacing.y = 1.0;
        title(ui, entry.term, TERM);
        body_ui(ui, entry.text);
    });
    ui.add_space(5.0);
}

/// Three things to know, until they are dismissed.
fn hints_ui(ui: &Ui, scene: &mut Scene<'_>) {
    let content = ui.ctx().content_rect();
    let at = pos2(
        content.center().x,
        content.bottom() - theme::BOTTOM_HEIGHT - 12.0,
    );
    Area::new(Id::unique("hints"))
        .order(Order::Middle)
        .pivot(Align2::CENTER_BOTTOM)
        .fixed_pos(at)
        .accessible_name("First steps")
        .show(ui.ctx(), |ui| {
            let frame = Frame::window(ui.style()).inner_margin(Margin::same(12));
            frame.show(ui, |ui| {
                ui.set_width(HINTS_WIDTH.min(content.width() - 60.0));
                title(ui, "Welcome", TITLE);
                for (index, hint) in HINTS.iter().enumerate() {
                    ui.horizontal_top(|ui| {
                        let number = RichText::new((index + 1).to_string());
                        ui.label(number.color(theme::palette(ui).accent).strong());
                        // In a row text would not wrap.
                        ui.vertical(|ui| body_ui(ui, hint));
                    });
                }
                ui.add_space(4.0);
                ui.horizontal(|ui| {
                    action_button(ui, scene.actions, Action::Do(UiCommand::ToggleGuide));
                    action_button(ui, scene.actions, Action::Do(UiCommand::DismissHints));
                });
            });
        });
}
