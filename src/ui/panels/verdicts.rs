//! Images of unknown role in a table: picture, score, p-value, q-value, verdict, and whether they are on the list at a
//! false-discovery rate; sorted by any of these.

use egui::accesskit::SortDirection;
use egui::{
    Align, Color32, Layout, Painter, Pos2, Rect, Response, RichText, Role, ScrollArea, Sense,
    Shape, Stroke, StrokeKind, TextStyle, Ui, Vec2, WidgetInfo, pos2, vec2,
};

use super::Scene;
use super::decision::share_field;
use crate::ood::discoveries::{calibration_for_one, fewest_discoveries};
use crate::ood::text::percent;
use crate::runs::Verdict;
use crate::state::folders::short_name;
use crate::state::shown::analysis::Analysis;
use crate::state::{Action, DecisionSettings, LookAction, RunState, VerdictColumn, text};
use crate::ui::theme::{self, RADIUS};
use crate::ui::widgets::layout::{note, number_cell, right_cell, row};
use crate::ui::widgets::thumbnail;
use crate::ui::widgets::tip::Tip as _;

/// Height of a row in points.
const ROW: f32 = 40.0;
/// Width of a number in points.
const NUMBER_WIDTH: f32 = 64.0;
/// Points between two columns.
const GAP: f32 = 4.0;
/// Room for the scroll bar in points.
const SCROLL_BAR: f32 = 10.0;
/// Side of the arrow at the column that is sorted by.
const ARROW: f32 = 7.0;
/// Height of a column's head in points.
const HEAD: f32 = 20.0;

/// Draw the page.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let session = scene.session;
    let (Some(analysis), Some(run)) = (
        session.shown.analysis.as_deref(),
        session.shown.run.as_ref(),
    ) else {
        empty_ui(ui);
        return;
    };
    if analysis.unknown.is_empty() {
        empty_ui(ui);
        return;
    }
    rate_ui(ui, scene);
    let rate = session.settings.decision.false_discovery_rate;
    let threshold = session.shown.threshold();
    summary_ui(ui, analysis, (threshold, rate));
    ui.add_space(4.0);
    head_ui(ui, scene);
    table_ui(ui, scene, run, (threshold, rate));
}

fn empty_ui(ui: &mut Ui) {
    ui.centered_and_justified(|ui| {
        note(
            ui,
            "Images to be judged appear here: add their folder under Unknown in the setup, and run",
        )
    });
}

fn rate_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let old = scene.session.settings.decision;
    let mut rate = old.false_discovery_rate;
    let tooltip = "Of the images that are reported, at most this share is expected to be in-domain \
                   (false-discovery rate, Benjamini and Hochberg)";
    row(ui, "Wrong reports", tooltip, |ui| {
        ui.add(share_field(&mut rate, 0.002))
    });
    if rate != old.false_discovery_rate {
        scene.actions.push(Action::SetDecision {
            settings: Box::new(DecisionSettings {
                false_discovery_rate: rate,
                ..old
            }),
            // It moves no threshold, so there is nothing to undo.
            is_continued: true,
        });
    }
}

fn summary_ui(ui: &mut Ui, analysis: &Analysis, (threshold, rate): (Option<f64>, f64)) {
    let all = text::count(analysis.unknown.len());
    let is_flagged = |verdict: &&Verdict| threshold.is_some_and(|t| verdict.score > t);
    let num_flagged = analysis.unknown.iter().filter(is_flagged).count();
    let listed = analysis.unknown.iter().filter(|v| v.is_discovery(rate));
    let num_listed = listed.count();
    ui.label(format!(
        "Above the threshold: {} of {all}",
        text::count(num_flagged)
    ));
    ui.label(format!(
        "Images to report, at most {} of them wrongly (false-discovery rate): {} of {all}",
        percent(rate),
        text::count(num_listed)
    ));
    if num_listed == 0
        && let Some(reason) = too_few(analysis, rate)
    {
        let color = theme::palette(ui).warning;
        ui.label(RichText::new(reason).small().color(color));
    }
}

/// Why a single strange image can't be reported.
fn too_few(analysis: &Analysis, rate: f64) -> Option<String> {
    let with_q = analysis.unknown.iter().filter(|v| v.q_value.is_some());
    let num_images = with_q.count();
    let num_calibration = analysis.num_calibration;
    if num_images == 0 {
        return Some("Without in-domain images there is no p-value".to_owned());
    }
    match fewest_discoveries(num_images, num_calibration, rate) {
        Some(1) => None,
        Some(_) => Some(format!(
            "None can be reported: {} are too few to single out one image, {} are enough",
            text::counted(num_calibration, "in-domain image"),
            text::count(calibration_for_one(num_images, rate))
        )),
        None => Some(format!(
            "None can be reported: {} are too few for any image",
            text::counted(num_calibration, "in-domain image")
        )),
    }
}

/// Width of the picture and the name.
fn name_width(ui: &Ui) -> f32 {
    let numbers = (VerdictColumn::ALL.len() - 1) as f32 * (NUMBER_WIDTH + GAP);
    (ui.available_width() - numbers).max(80.0)
}

/// The heads of the columns: a click sorts by one, another click the other way.
fn head_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        let name_width = name_width(ui) - SCROLL_BAR;
        for column in VerdictColumn::ALL {
            let width = match column {
                VerdictColumn::Image => name_width,
                _ => NUMBER_WIDTH,
            };
            let (rect, response) = ui.allocate_exact_size(vec2(width, HEAD), Sense::click());
            column_ui(ui, scene, column, (rect, response));
        }
    });
}

fn column_ui(
    ui: &Ui,
    scene: &mut Scene<'_>,
    column: VerdictColumn,
    (rect, response): (Rect, Response),
) {
    let palette = theme::palette(ui);
    let order = scene.session.looking.verdicts;
    let is_sorted = order.column == column;
    let color = if is_sorted || response.hovered() || response.has_focus() {
        palette.text
    } else {
        palette.weak
    };
    let font = TextStyle::Small.resolve(ui.style());
    let painter = ui.painter();
    let is_left = column == VerdictColumn::Image;
    let galley = painter.layout_no_wrap(column.label().to_owned(), font, color);
    let arrow = if is_sorted { ARROW + 4.0 } else { 0.0 };
    let left = if is_left {
        rect.left()
    } else {
        rect.right() - galley.size().x - arrow
    };
    let words = Rect::from_min_size(
        pos2(left, rect.center().y - 0.5 * galley.size().y),
        galley.size(),
    );
    painter.galley(words.min, galley, color);
    if is_sorted {
        let center = pos2(words.right() + 0.5 * arrow + 1.0, rect.center().y);
        paint_arrow(painter, center, order.is_ascending(), palette.accent);
    }
    if response.has_focus() {
        let stroke = Stroke::new(1.0, palette.accent);
        painter.rect_stroke(rect, RADIUS, stroke, StrokeKind::Inside);
    }
    response.widget_info(|| WidgetInfo::labeled(Role::ColumnHeader, true, column.label()));
    ui.ctx().accesskit_node_builder(response.id, |node| {
        if is_sorted {
            node.set_sort_direction(if order.is_ascending() {
                SortDirection::Ascending
            } else {
                SortDirection::Descending
            });
        }
    });
    if response.clicked() {
        let sort = LookAction::SortVerdicts(order.clicked(column));
        scene.actions.push(Action::Look(sort));
    }
    response.tip(|| format!("{}. Click to sort", column.explanation()));
}

/// A triangle that points up where values rise from row to row, as tables elsewhere have it.
fn paint_arrow(painter: &Painter, center: Pos2, is_ascending: bool, color: Color32) {
    let half = 0.5 * ARROW;
    let foot = if is_ascending {
        0.7 * half
    } else {
        -0.7 * half
    };
    let corners = vec![
        center + vec2(-half, foot),
        center + vec2(half, foot),
        center + vec2(0.0, -foot),
    ];
    painter.add(Shape::convex_polygon(corners, color, Stroke::NONE));
}

fn table_ui(
    ui: &mut Ui,
    scene: &mut Scene<'_>,
    run: &RunState,
    (threshold, rate): (Option<f64>, f64),
) {
    let session = scene.session;
    let mut verdicts = std::mem::take(&mut scene.drafts.shown.verdicts);
    verdicts.sort(&session.shown, session.looking.verdicts, rate);
    ui.spacing_mut().item_spacing.y = 0.0;
    ui.spacing_mut().interact_size.y = ROW;
    ScrollArea::vertical()
        .id_salt("verdicts")
        .auto_shrink(false)
        .show_rows(ui, ROW, verdicts.len(), |ui, rows| {
            ui.set_max_width(ui.available_width() - SCROLL_BAR);
            for verdict in rows.filter_map(|row| verdicts.get(row)) {
                row_ui(ui, scene, run, verdict, (threshold, rate));
            }
        });
    scene.drafts.shown.verdicts = verdicts;
}

fn row_ui(
    ui: &mut Ui,
    scene: &mut Scene<'_>,
    run: &RunState,
    verdict: &Verdict,
    (threshold, rate): (Option<f64>, f64),
) {
    let palette = theme::palette(ui);
    let Some(image) = run.images.get(verdict.image) else {
        return;
    };
    let shown = (scene.session.shown.gallery).image_of_run_id(verdict.image);
    let is_shown = shown.is_some() && scene.session.shown.image() == shown;
    let (word, color) = match threshold {
        Some(threshold) if verdict.score > threshold => ("flagged", palette.out_of_domain),
        Some(_) => ("passes", palette.in_domain),
        None => ("", palette.weak),
    };
    let share = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), |v| format!("{v:.4}"));
    let listed = if verdict.is_discovery(rate) {
        "yes"
    } else {
        ""
    };
    ui.horizontal(|ui| {
        ui.spacing_mut().item_spacing.x = GAP;
        ui.set_height(ROW);
        let size = vec2(name_width(ui), ROW);
        let (rect, response) = ui.allocate_exact_size(size, Sense::click());
        let name = short_name(&image.file.path);
        let words = format!("{name}, {word}");
        response.widget_info(|| WidgetInfo::selected(Role::Button, true, is_shown, &words));
        if is_shown || response.hovered() || response.has_focus() {
            let fill = if is_shown {
                palette.selection
            } else {
                palette.raised
            };
            ui.painter().rect_filled(rect, RADIUS, fill);
        }
        let side = ROW - 6.0;
        let square = Rect::from_min_size(rect.min + Vec2::splat(3.0), Vec2::splat(side));
        thumbnail::paint(ui, &mut scene.textures.thumbnails, &image.file.path, square);
        let place = rect
            .with_min_x(square.right() + 8.0)
            .shrink2(vec2(2.0, 0.0));
        let builder = egui::UiBuilder::new()
            .max_rect(place)
            .layout(Layout::left_to_right(Align::Center));
        ui.new_child(builder)
            .add(egui::Label::new(RichText::new(&name)).truncate());
        if let Some(shown) = shown.filter(|_| response.clicked()) {
            scene.actions.push(Action::SelectImage(shown));
        }
        response.tip(|| image.file.path.display().to_string());
        number_cell(ui, NUMBER_WIDTH, &text::score(verdict.score), palette.text);
        number_cell(ui, NUMBER_WIDTH, &share(verdict.p_value), palette.text);
        number_cell(ui, NUMBER_WIDTH, &share(verdict.q_value), palette.text);
        for (word, color) in [(word, color), (listed, palette.accent)] {
            let size = vec2(NUMBER_WIDTH, ROW);
            right_cell(ui, size, RichText::new(word).color(color));
        }
    });
}
