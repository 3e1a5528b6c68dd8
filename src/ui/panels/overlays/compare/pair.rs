//! The shown run against another one: scores of the same images, both curves, and whose verdict changed.

use egui::{Button, RichText, Role as AccessRole, ScrollArea, Sense, Ui, Vec2, WidgetInfo, vec2};
use egui_plot::{AxisHints, HLine, LineStyle, PlotBounds, PlotPoints, Points, VLine};

use crate::detectors::measures;
use crate::ood::Role;
use crate::state::folders::short_name;
use crate::state::shown::pair::{Pair, PairPoint};
use crate::state::{Action, KeepAction, UiCommand, text};
use crate::ui::panels::Scene;
use crate::ui::panels::histogram::{axis, base_plot};
use crate::ui::panels::overlays::curves::{Curve, curves};
use crate::ui::theme;
use crate::ui::widgets::layout::{note, stand_in, title};
use crate::ui::widgets::{mark, thumbnail, ticks};

/// Type size of a part's title in points.
const PART: f32 = 13.5;
/// Side of a changed image's picture in points.
const PICTURE: f32 = 36.0;

/// Draw the comparison.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let session = scene.session;
    let Some(pair) = session.shown.pairing.pair.clone() else {
        return;
    };
    ui.label(RichText::new(verdict(scene, &pair)).strong());
    ui.horizontal(|ui| {
        adopt_ui(ui, scene);
        note(ui, basis(&pair));
    });
    ui.add_space(4.0);
    let gap = ui.spacing().item_spacing.x;
    let width = (ui.available_width() - 2.0 * gap) / 3.0;
    let height = ui.available_height() - 4.0;
    ui.horizontal_top(|ui| {
        let part = |ui: &mut Ui, add: &mut dyn FnMut(&mut Ui)| {
            ui.allocate_ui(vec2(width, height), |ui| {
                ui.set_min_size(vec2(width, height));
                ui.vertical(|ui| add(ui));
            });
        };
        part(ui, &mut |ui| scatter_ui(ui, scene, &pair, height - 22.0));
        part(ui, &mut |ui| curves_ui(ui, &pair, height - 22.0));
        part(ui, &mut |ui| changed_ui(ui, scene, &pair, height - 22.0));
    });
}

/// Score the shown run in the way that it is compared with, where its attempts have that.
fn adopt_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let session = scene.session;
    let Some(key) = &session.comparing.chosen else {
        return;
    };
    let view = session.settings.run.view;
    let is_same = (view.measure, view.aggregate) == (key.distance, key.aggregate);
    if is_same || !session.measures_to_choose().contains(&key.distance) {
        return;
    }
    let adopt = Action::Keep(KeepAction::ScoreBy(key.distance, key.aggregate));
    let words = format!(
        "Score the shown run by {}, {}",
        measures::label(&key.distance),
        key.aggregate.name()
    );
    let response = ui.button(words).on_hover_text(adopt.tooltip());
    if response.clicked() {
        scene.actions.push(adopt);
    }
}

/// What the difference of the areas is worth, in words.
fn verdict(scene: &Scene<'_>, pair: &Pair) -> String {
    let level = scene.session.settings.decision.level;
    let Some(areas) = &pair.areas else {
        return "An AUROC needs in-domain and out-of-domain images that both runs scored"
            .to_owned();
    };
    let both = format!(
        "AUROC {:.4} of the shown run, {:.4} of the other one",
        areas.first, areas.second
    );
    match areas.interval(level) {
        Some(interval) => {
            let is_clear = !interval.contains(0.0);
            let worth = if is_clear {
                "more than chance explains"
            } else {
                "chance may explain it"
            };
            format!(
                "{both}, difference {:+.4} ({:.0} % interval {:+.4} to {:+.4}): {worth}",
                areas.difference(),
                100.0 * level,
                interval.low,
                interval.high
            )
        }
        None => format!("{both}; these images do not tell the two apart"),
    }
}

fn basis(pair: &Pair) -> String {
    let mut words = format!(
        "{} in both, paired by content",
        text::counted(pair.points.len(), "image")
    );
    for (count, whose) in [
        (pair.num_only_first, "shown run"),
        (pair.num_only_second, "other run"),
    ] {
        if count > 0 {
            words = format!("{words}; {} only in the {whose}", text::count(count));
        }
    }
    match &pair.difference {
        Some(difference) => format!("{words}; the other run has {difference}"),
        None => format!("{words}; same model and settings"),
    }
}

fn range(values: impl Iterator<Item = f64>) -> (f64, f64) {
    let (low, high) = values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let margin = (0.05 * (high - low)).max(1e-9);
    (low - margin, high + margin)
}

fn scatter_ui(ui: &mut Ui, scene: &Scene<'_>, pair: &Pair, height: f32) {
    let palette = theme::palette(ui);
    title(ui, "Scores, shown run across, other run up", PART);
    if pair.points.is_empty() {
        note(ui, "The two runs have no image in common");
        return;
    }
    let (left, right) = range(pair.points.iter().map(|p| p.first));
    let (bottom, top) = range(pair.points.iter().map(|p| p.second));
    let shown = base_plot("paired scores", height)
        .width(ui.available_width())
        .x_grid_spacer(ticks::round_marks(4, false))
        .y_grid_spacer(ticks::round_marks(4, false))
        .custom_x_axes(vec![
            axis(palette, AxisHints::new_x()).formatter(ticks::label),
        ])
        .custom_y_axes(vec![
            axis(palette, AxisHints::new_y()).formatter(ticks::label),
        ])
        .grid_color(palette.line)
        .show(ui, |plot| {
            plot.set_plot_bounds(PlotBounds::from_min_max([left, bottom], [right, top]));
            for role in Role::ALL {
                let points: Vec<[f64; 2]> = (pair.points.iter())
                    .filter(|point| point.role == role)
                    .map(|point| [point.first, point.second])
                    .collect();
                let color = theme::faded(palette.role(role), 0.7);
                let points = Points::new(role.label(), PlotPoints::from(points));
                plot.points(points.color(color).radius(2.2).allow_hover(false));
            }
            if let Some([first, second]) = pair.thresholds {
                let style = LineStyle::dashed_dense();
                let line = VLine::new("threshold", first).color(palette.weak);
                plot.vline(line.style(style).allow_hover(false));
                let line = HLine::new("threshold", second).color(palette.weak);
                plot.hline(line.style(style).allow_hover(false));
            }
        });
    let rate = scene.session.settings.decision.false_alarm_rate;
    let description = format!(
        "Paired scores of {} images, {} changed verdict",
        text::count(pair.points.len()),
        text::count(pair.changed.len())
    );
    stand_in(ui, "paired scores stand-in", shown.response.rect, &description).on_hover_text(
        format!(
            "Each dot is an image. The dashed lines are both thresholds at {} false alarms: images in the upper left and \
             lower right corner change verdict",
            text::percent(rate)
        ),
    );
}

fn curves_ui(ui: &mut Ui, pair: &Pair, height: f32) {
    let palette = theme::palette(ui);
    title(ui, "ROC, shown run solid, other run dashed", PART);
    let colors = [palette.accent, palette.text];
    let styles = [LineStyle::Solid, LineStyle::dashed_loose()];
    let both = pair.curves.iter().zip(["Shown run", "Other run"]);
    let both = both
        .zip(colors)
        .zip(styles)
        .map(|(((points, name), color), style)| Curve {
            name,
            points,
            color,
            style,
            width: 1.8,
        });
    let description = match &pair.areas {
        Some(areas) => format!(
            "Two ROC curves, AUROC {:.4} and {:.4}",
            areas.first, areas.second
        ),
        None => "Two ROC curves, empty".to_owned(),
    };
    curves(ui, "both curves", height, both, &description).on_hover_text(
        "Of the images that both runs scored. The closer to the upper left corner, the better",
    );
}

fn changed_ui(ui: &mut Ui, scene: &mut Scene<'_>, pair: &Pair, height: f32) {
    if pair.thresholds.is_none() {
        title(ui, "Changed verdicts", PART);
        note(
            ui,
            "There are too few in-domain images for a threshold at this false-alarm rate",
        );
        return;
    }
    let count = pair.changed.len();
    title(
        ui,
        &format!("{} changed verdict", text::counted(count, "image")),
        PART,
    );
    ScrollArea::vertical()
        .id_salt("changed verdicts")
        .max_height(height)
        .auto_shrink([false, false])
        .show_rows(ui, PICTURE, count, |ui, rows| {
            for &index in &pair.changed[rows] {
                changed_row_ui(ui, scene, pair, &pair.points[index]);
            }
        });
}

fn changed_row_ui(ui: &mut Ui, scene: &mut Scene<'_>, pair: &Pair, point: &PairPoint) {
    let Some([threshold, _]) = pair.thresholds else {
        return;
    };
    let session = scene.session;
    let Some(image) = session
        .shown
        .run
        .as_ref()
        .and_then(|run| run.images.get(point.image))
    else {
        return;
    };
    let name = short_name(&image.file.path);
    let now = if point.first > threshold {
        "out-of-domain in the shown run only"
    } else {
        "out-of-domain in the other run only"
    };
    ui.horizontal(|ui| {
        ui.set_min_height(PICTURE);
        mark::ui(ui, point.role);
        let (square, picture) = ui.allocate_exact_size(Vec2::splat(PICTURE), Sense::hover());
        let failed = thumbnail::paint(ui, &mut scene.textures.thumbnails, &image.file.path, square);
        picture.widget_info(|| {
            WidgetInfo::labeled(AccessRole::Image, true, format!("Picture of {name}"))
        });
        if let Some(reason) = failed {
            picture.on_hover_text(reason);
        }
        let words = format!("{name}, {now}");
        let button = Button::new(RichText::new(words).small())
            .frame(false)
            .truncate();
        let response = ui
            .add(button)
            .accessible_name(format!("Show {name}, {now}"))
            .on_hover_text(format!(
                "Scores {} and {}. Click to look at it",
                text::score(point.first),
                text::score(point.second)
            ));
        if response.clicked() {
            if let Some(index) = session.shown.gallery.image_of_run_id(point.image) {
                scene.actions.push(Action::SelectImage(index));
            }
            scene.actions.push(Action::Do(UiCommand::ToggleCompare));
        }
    });
}
