//! Finished runs in one table, and the shown run against one of them.

mod pair;

use egui::{Button, RichText, ScrollArea, Ui, WidgetInfo, vec2};

use crate::detectors::measures;
use crate::engine::comparing::{ComparedRow, ComparedRun};
use crate::ood::{Aggregate, MeasureId};
use crate::state::comparing::RowKey;
use crate::state::{Action, KeepAction, UiCommand, recent, text};
use crate::ui::panels::Scene;
use crate::ui::theme;
use crate::ui::widgets::combo::combo;
use crate::ui::widgets::dialog::dialog;
use crate::ui::widgets::layout::{HEADING, ends, note, sized_cell, title};
use crate::ui::widgets::table::spread_grid;

/// Largest width in points.
const WIDTH: f32 = 1130.0;
/// Rows drawn at most: more can't be looked through.
const MOST_ROWS: usize = 400;
/// Width of the scroll bar in points, and its distance from the table.
const SCROLL_BAR: f32 = 10.0;
/// The heads of the columns; the first has the buttons.
const COLUMNS: [&str; 10] = [
    "", "Run", "Model", "Method", "Attempts", "Calls", "Score", "AUROC", "Images", "Time",
];

/// Draw it.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>) {
    if !scene.session.comparing.is_open {
        return;
    }
    let modal = dialog(ui, "compare runs", WIDTH, |ui| {
        let content = ui.ctx().content_rect();
        let height = content.height() - 90.0;
        ui.set_height(height);
        head_ui(ui, scene);
        ui.add_space(4.0);
        let is_paired = scene.session.shown.pairing.pair.is_some();
        let list = if is_paired {
            0.36 * height
        } else {
            height - 80.0
        };
        table_ui(ui, scene, list);
        if is_paired {
            ui.separator();
            pair::ui(ui, scene);
        } else {
            ui.add_space(4.0);
            note(
                ui,
                "Pick a row to hold the run that is shown against it, image by image",
            );
        }
    });
    if modal.should_close() {
        scene.actions.push(Action::Do(UiCommand::ToggleCompare));
    }
}

fn head_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let session = scene.session;
    let comparing = &session.comparing;
    let (mut distance, mut aggregate) = (comparing.distance, comparing.aggregate);
    let title_ui = |ui: &mut Ui, _: &mut Scene<'_>| {
        title(ui, "Compare runs", HEADING);
    };
    ui.horizontal(|ui| {
        ends(ui, "filter", scene, title_ui, |ui, scene| {
            filter_ui(ui, &mut distance, &mut aggregate);
            if ui.button("Close table").clicked() {
                scene.actions.push(Action::Do(UiCommand::ToggleCompare));
            }
        });
    });
    if (distance, aggregate) != (comparing.distance, comparing.aggregate) {
        let filter = KeepAction::FilterCompared(distance, aggregate);
        scene.actions.push(Action::Keep(filter));
    }
}

/// Rows of which distance and aggregation are shown.
fn filter_ui(ui: &mut Ui, distance: &mut Option<MeasureId>, aggregate: &mut Option<Aggregate>) {
    let distances: Vec<Option<MeasureId>> = std::iter::once(None)
        .chain(measures::all().into_iter().map(Some))
        .collect();
    sized_cell(ui, 130.0, |ui| {
        combo(ui, "distances", distance, &distances, |distance| {
            distance.map_or_else(
                || "All distances".to_owned(),
                |d| measures::label(&d).to_owned(),
            )
        })
        .accessible_name("Distances shown");
    });
    let aggregates: Vec<Option<Aggregate>> = std::iter::once(None)
        .chain(Aggregate::ALL.map(Some))
        .collect();
    sized_cell(ui, 150.0, |ui| {
        combo(ui, "aggregates", aggregate, &aggregates, |aggregate| {
            aggregate.map_or_else(
                || "All aggregations".to_owned(),
                |a| text::capitalized(a.name()),
            )
        })
        .accessible_name("Aggregations shown");
    });
}

fn table_ui(ui: &mut Ui, scene: &mut Scene<'_>, height: f32) {
    let session = scene.session;
    if session.comparing.runs.is_none() {
        note(ui, "Reading the finished runs…");
        return;
    }
    let rows = session.comparing.rows();
    if rows.is_empty() {
        note(ui, "No finished run is kept yet");
        return;
    }
    ScrollArea::both()
        .id_salt("compared rows")
        .max_height(height)
        .auto_shrink([false, true])
        .show(ui, |ui| {
            ui.set_max_width(ui.available_width() - SCROLL_BAR);
            spread_grid(ui, "compared", COLUMNS.len(), |ui| {
                let weak = theme::palette(ui).weak;
                for title in COLUMNS {
                    ui.label(RichText::new(title).small().color(weak));
                }
                ui.end_row();
                for (run, row) in rows.into_iter().take(MOST_ROWS) {
                    row_ui(ui, scene, run, row);
                    ui.end_row();
                }
            });
        });
}

fn row_ui(ui: &mut Ui, scene: &mut Scene<'_>, run: &ComparedRun, row: ComparedRow) {
    let manifest = &run.scores.manifest;
    let settings = manifest.settings();
    let key = RowKey {
        path: run.scores.path.clone(),
        distance: row.distance,
        aggregate: row.aggregate,
    };
    let is_chosen = scene.session.comparing.chosen.as_ref() == Some(&key);
    let way = format!(
        "{}, {}",
        measures::label(&row.distance),
        row.aggregate.name()
    );
    let run_name = recent::name(manifest, &run.scores.path);
    let name = format!("Compare with {way} of {run_name}");
    let button = Button::selectable(is_chosen, "Compare")
        .frame_when_inactive(true)
        .min_size(vec2(0.0, 20.0));
    let response = ui.add(button).accessible_name(name);
    if response.clicked() {
        let key = (!is_chosen).then_some(key);
        scene
            .actions
            .push(Action::Keep(KeepAction::CompareWith(key)));
    }
    ui.label(run_name).on_hover_text(format!(
        "Of {}: {}",
        recent::when(manifest),
        run.scores.path.display()
    ));
    ui.label(manifest.model.name.as_str());
    let detector = settings.method.detector.that_measures(row.distance);
    ui.label(detector.summary());
    let number = |ui: &mut Ui, text: String| ui.label(RichText::new(text).monospace());
    number(ui, detector.num_attempts().to_string());
    match detector.expected_calls(manifest.model.num_train_timesteps) {
        0 => {
            let none = "No calls: this detector does not use the diffusion model";
            let response = number(ui, "–".to_owned()).on_hover_text(none);
            response.widget_info(|| WidgetInfo::labeled(egui::Role::Label, true, none));
        }
        num_calls => {
            number(ui, num_calls.to_string());
        }
    }
    ui.label(way);
    match row.auroc {
        Some((auroc, interval)) => {
            let interval =
                interval.map_or_else(String::new, |i| format!("  {:.3} to {:.3}", i.low, i.high));
            number(ui, format!("{auroc:.4}{interval}")).on_hover_text(
                "Area under the ROC curve with its interval by DeLong's standard error, at the level of the figures",
            );
        }
        None => {
            note(ui, "needs both roles");
        }
    }
    number(ui, format!("{} + {}", row.num_in, row.num_out))
        .on_hover_text("In-domain and out-of-domain images behind it");
    number(ui, text::duration(run.scores.seconds));
}
