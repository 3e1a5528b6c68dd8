//! Setting the threshold, and what it does: the four outcomes, precision, and the detector file.

use egui::{
    Align2, Button, ComboBox, DragValue, Id, Rect, Sense, Stroke, StrokeKind, TextStyle, Ui,
    WidgetInfo, pos2, vec2,
};

use super::{Page, Scene};
use crate::ood::text::{measured, percent};
use crate::ood::{Outcome, Role};
use crate::state::glossary;
use crate::state::{Action, Decision, DecisionSettings, UiCommand, VerdictFilter, Way, text};
use crate::ui::theme::{self, RADIUS, ROW_HEIGHT};
use crate::ui::widgets::buttons::sized;
use crate::ui::widgets::layout::{note, row};
use crate::ui::widgets::mark;
use crate::ui::widgets::path_field::{PathRow, path_row};
use crate::ui::widgets::tip::Tip as _;

/// Height of one outcome's cell.
const CELL_HEIGHT: f32 = 42.0;
/// Width in front of the cells of a role.
const ROLE_WIDTH: f32 = 18.0;

/// Draw the section.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.scope(|ui| {
        let decision = scene.session.shown.deciding.decision.clone();
        ways_ui(ui, scene, decision.as_deref());
        numbers_ui(ui, scene);
        sentence_ui(ui, decision.as_deref());
        matrix_ui(ui, scene, decision.as_deref());
        precision_ui(ui, scene, decision.as_deref());
        level_ui(ui, scene);
        detector_ui(ui, scene);
    });
}

/// Let `edit` change a copy of the settings, and ask for the change if there was one.
fn edit(
    ui: &mut Ui,
    scene: &mut Scene<'_>,
    add: impl FnOnce(&mut Ui, &mut DecisionSettings) -> egui::Response,
) {
    let old = scene.session.settings.decision;
    let mut settings = old;
    let response = add(ui, &mut settings);
    if settings != old {
        // Dragging a number or typing it is one change to undo.
        let is_continued = response.dragged() && !response.drag_started();
        scene.actions.push(Action::SetDecision {
            settings: Box::new(settings),
            is_continued,
        });
    }
}

fn ways_ui(ui: &mut Ui, scene: &mut Scene<'_>, decision: Option<&Decision>) {
    ui.horizontal(|ui| {
        let buttons = 2.0 * (58.0 + ui.spacing().item_spacing.x);
        let width = ui.available_width() - buttons;
        let old = scene.session.settings.decision;
        let mut way = old.way;
        ComboBox::from_id_salt("way")
            .selected_text(way.label())
            .width(width)
            .truncate()
            .show_ui(ui, |ui| {
                for (index, item) in Way::ALL.into_iter().enumerate() {
                    let result = decision.map(|decision| &decision.ways[index]);
                    let reason = match result {
                        Some(Err(reason)) => Some(reason.as_str()),
                        Some(Ok(_)) => None,
                        None => (item != Way::FalseAlarms).then_some("No image has a score yet"),
                    };
                    let button = Button::selectable(item == way, item.label());
                    let response = ui
                        .add_enabled(reason.is_none(), button)
                        .tip(|| item.explanation())
                        .on_disabled_hover_text(reason.unwrap_or_default());
                    if response.clicked() {
                        way = item;
                    }
                }
            })
            .response
            .tip(|| "How the threshold is set")
            .accessible_name("Way to set the threshold");
        if way != old.way {
            let mut settings = DecisionSettings { way, ..old };
            if way == Way::ByHand {
                settings.by_hand = scene.session.shown.threshold().unwrap_or(0.0);
            }
            scene.actions.push(Action::SetDecision {
                settings: Box::new(settings),
                is_continued: false,
            });
        }
        let size = vec2(58.0, ROW_HEIGHT);
        let undone = scene.session.history.undo_words();
        let undo = Button::new("Undo").min_size(size);
        let words = undone.map_or_else(
            || "There is nothing to take back".to_owned(),
            |words| format!("Undo {words} (Ctrl+Z)"),
        );
        let response = ui.add_enabled(undone.is_some(), undo).tip_always(|| words);
        if response.clicked() {
            scene.actions.push(Action::Do(UiCommand::Undo));
        }
        sized(
            ui,
            scene.actions,
            Action::Do(UiCommand::ResetThreshold),
            size,
            true,
        )
        .accessible_name("Reset threshold");
    });
}

fn numbers_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    match scene.session.settings.decision.way {
        Way::FalseAlarms => edit(ui, scene, |ui, settings| {
            let tooltip = glossary::FALSE_ALARMS.text;
            row(ui, "False alarms", tooltip, |ui| {
                ui.add(share_field(&mut settings.false_alarm_rate, 0.001))
            })
        }),
        Way::ByHand => edit(ui, scene, |ui, settings| {
            row(ui, "Score", glossary::THRESHOLD.text, |ui| {
                ui.add(
                    DragValue::new(&mut settings.by_hand)
                        .min_size(theme::NUMBER_FIELD)
                        .speed(0.0005)
                        .max_decimals(6),
                )
            })
        }),
        Way::LowestCost => {
            edit(ui, scene, |ui, settings| {
                let tooltip = glossary::COST_OF_MISS.text;
                row(ui, "A miss", tooltip, |ui| {
                    ui.add(cost_field(&mut settings.costs.miss))
                })
            });
            edit(ui, scene, |ui, settings| {
                let tooltip = glossary::COST_OF_FALSE_ALARM.text;
                row(ui, "False alarm", tooltip, |ui| {
                    ui.add(cost_field(&mut settings.costs.false_alarm))
                })
            });
            edit(ui, scene, |ui, settings| {
                let tooltip = glossary::OOD_SHARE.text;
                row(ui, "OOD share", tooltip, |ui| {
                    ui.add(share_field(&mut settings.costs.out_share, 0.002))
                })
            });
        }
        Way::HitRate => edit(ui, scene, |ui, settings| {
            let tooltip = glossary::FOUND.text;
            row(ui, "Found", tooltip, |ui| {
                ui.add(share_field(&mut settings.hit_rate, 0.002))
            })
        }),
        Way::Youden | Way::Detector => {}
    }
}

/// A field for a share, shown in percent.
pub fn share_field(value: &mut f64, speed: f64) -> DragValue<'_> {
    DragValue::new(value)
        .min_size(theme::NUMBER_FIELD)
        .range(0.0001..=0.9999)
        .speed(speed)
        .custom_formatter(|value, _| percent(value))
        .custom_parser(parse_percent)
}

fn cost_field(value: &mut f64) -> DragValue<'_> {
    DragValue::new(value)
        .min_size(theme::NUMBER_FIELD)
        .range(0.0..=1e9)
        .speed(0.1)
}

fn parse_percent(text: &str) -> Option<f64> {
    let number: f64 = text.trim().trim_end_matches('%').trim().parse().ok()?;
    Some(number / 100.0)
}

/// Room for two lines, so that nothing below moves when the words change.
fn sentence_ui(ui: &mut Ui, decision: Option<&Decision>) {
    let size = vec2(ui.available_width(), 30.0);
    ui.allocate_ui(size, |ui| {
        ui.set_min_size(size);
        note(
            ui,
            decision.map_or("", |decision| decision.sentence.as_str()),
        );
    });
}

fn matrix_ui(ui: &mut Ui, scene: &mut Scene<'_>, decision: Option<&Decision>) {
    let gap = 6.0;
    let width = (ui.available_width() - ROLE_WIDTH - 2.0 * gap) / 2.0;
    let (area, _) = ui.allocate_exact_size(
        vec2(ui.available_width(), 2.0 * CELL_HEIGHT + gap),
        Sense::hover(),
    );
    for (index, outcome) in Outcome::ALL.into_iter().enumerate() {
        let (line, column) = (index / 2, index % 2);
        let top = area.top() + line as f32 * (CELL_HEIGHT + gap);
        let left = area.left() + ROLE_WIDTH + gap + column as f32 * (width + gap);
        let rect = Rect::from_min_size(pos2(left, top), vec2(width, CELL_HEIGHT));
        cell_ui(ui, scene, decision, (index, outcome), rect);
        if column == 0 {
            let role = [Role::InDomain, Role::OutOfDomain][line];
            let at = pos2(area.left() + 0.5 * ROLE_WIDTH, rect.center().y);
            let color = theme::palette(ui).role(role);
            mark::paint(ui.painter(), role, at, 5.0, color);
        }
    }
}

/// The words in one outcome's cell.
struct Words {
    count: String,
    rate: String,
    interval: String,
}

impl Words {
    fn of(decision: Option<&Decision>, index: usize, outcome: Outcome) -> Self {
        let shown = decision.and_then(|decision| Some((decision, decision.confusion?)));
        let Some((decision, confusion)) =
            shown.filter(|(_, confusion)| confusion.share(outcome).trials > 0)
        else {
            return Self {
                count: "–".to_owned(),
                rate: String::new(),
                interval: String::new(),
            };
        };
        let share = confusion.share(outcome);
        let interval = decision.intervals[index];
        Self {
            count: format!(
                "{} of {}",
                text::count(share.hits),
                text::count(share.trials)
            ),
            rate: share.rate().map_or_else(String::new, measured),
            interval: format!("{:.1}–{:.1} %", 100.0 * interval.low, 100.0 * interval.high),
        }
    }
}

fn cell_ui(
    ui: &Ui,
    scene: &mut Scene<'_>,
    decision: Option<&Decision>,
    (index, outcome): (usize, Outcome),
    rect: Rect,
) {
    let words = Words::of(decision, index, outcome);
    let view = scene.session.settings.gallery;
    let filter = VerdictFilter::Outcome(outcome);
    let is_chosen = view.verdict == Some(filter);
    let id: Id = ui.scope_id().with(("outcome", index));
    let response = ui.interact(rect, id, Sense::click());
    paint_cell(ui, &response, is_chosen, outcome, &words);
    response.widget_info(|| {
        let label = format!(
            "{}, {} images {}, {}",
            outcome.label(),
            words.count,
            words.rate,
            words.interval
        );
        WidgetInfo::selected(egui::Role::Button, true, is_chosen, label)
    });
    let level = scene.session.settings.decision.level;
    let response = response.tip(|| {
        format!(
            "{}. The range holds the true share with {} confidence (Clopper-Pearson). \
             Click to see these images only, once more for all",
            meaning(outcome),
            percent(level)
        )
    });
    if response.clicked() {
        toggle_outcome(scene, outcome);
    }
}

/// Show only the images with an outcome, or all again where that is so, and the gallery where it is not in view.
pub fn toggle_outcome(scene: &mut Scene<'_>, outcome: Outcome) {
    let filter = VerdictFilter::Outcome(outcome);
    let mut view = scene.session.settings.gallery;
    view.verdict = (view.verdict != Some(filter)).then_some(filter);
    view.role = None;
    scene.actions.push(Action::SetGallery(view));
    if scene.drafts.is_narrow {
        scene.drafts.page = Page::Gallery;
    } else if !scene.session.settings.panels.center.has_gallery() {
        scene.actions.push(Action::Do(UiCommand::ShowOverview));
    }
}

fn paint_cell(
    ui: &Ui,
    response: &egui::Response,
    is_chosen: bool,
    outcome: Outcome,
    words: &Words,
) {
    let palette = theme::palette(ui);
    let fill = if is_chosen {
        palette.selection
    } else if response.hovered() {
        palette.hovered
    } else {
        palette.surface
    };
    let line = if is_chosen || response.has_focus() {
        palette.accent
    } else {
        palette.line
    };
    let painter = ui.painter();
    let rect = response.rect;
    painter.rect(
        rect,
        RADIUS,
        fill,
        Stroke::new(1.0, line),
        StrokeKind::Inside,
    );
    let small = TextStyle::Small.resolve(ui.style());
    let body = TextStyle::Body.resolve(ui.style());
    let inner = rect.shrink2(vec2(7.0, 5.0));
    for (at, align, text, font, color) in [
        (
            inner.left_top(),
            Align2::LEFT_TOP,
            outcome.label(),
            &small,
            palette.weak,
        ),
        (
            inner.right_top(),
            Align2::RIGHT_TOP,
            &words.count,
            &small,
            palette.text,
        ),
        (
            inner.left_bottom(),
            Align2::LEFT_BOTTOM,
            &words.rate,
            &body,
            palette.text,
        ),
        (
            inner.right_bottom(),
            Align2::RIGHT_BOTTOM,
            &words.interval,
            &small,
            palette.weak,
        ),
    ] {
        painter.text(at, align, text, font.clone(), color);
    }
}

fn meaning(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Hit => "Out-of-domain images above the threshold: rightly flagged",
        Outcome::Miss => "Out-of-domain images that the threshold lets through",
        Outcome::FalseAlarm => "In-domain images above the threshold: flagged by mistake",
        Outcome::CorrectPass => "In-domain images that the threshold rightly lets through",
    }
}

fn precision_ui(ui: &mut Ui, scene: &mut Scene<'_>, decision: Option<&Decision>) {
    let precision = decision.and_then(|decision| decision.precision);
    edit(ui, scene, |ui, settings| {
        let tooltip = glossary::PRECISION.text;
        let shown = precision.map_or_else(|| "–".to_owned(), measured);
        ui.horizontal_wrapped(|ui| {
            ui.spacing_mut().item_spacing.x = 5.0;
            ui.label("If");
            let response = ui
                .add(share_field(&mut settings.prior, 0.002))
                .tip(|| tooltip)
                .accessible_name("Share of out-of-domain images in use");
            ui.label("of new images are out-of-domain,");
            ui.label(format!("{shown} of alarms are right"))
                .tip(|| tooltip);
            response
        })
        .inner
    });
}

fn level_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    edit(ui, scene, |ui, settings| {
        let tooltip = glossary::CONFIDENCE.text;
        row(ui, "Confidence", tooltip, |ui| {
            ui.add(share_field(&mut settings.level, 0.002).range(0.5..=0.999))
        })
    });
}

/// Where the threshold that is shown can be kept for new images.
fn detector_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.add_space(4.0);
    ui.label("Save as a detector file");
    let browse = Action::Do(UiCommand::BrowseSaveDetector);
    let tooltip = browse.tooltip();
    let row = PathRow {
        name: "detector file",
        hint: "Path of a new detector file",
        tooltip: &tooltip,
        browse,
        keeps_text: false,
        apply: &Action::SaveDetector,
    };
    path_row(ui, scene.actions, &mut scene.drafts.detectors[1], &row);
    if let Err(reason) = scene.session.can_save_detector() {
        note(ui, reason);
    }
}
