//! What came of a comparison of detectors: which to use, a table, the ROC curves, and what they find together.

use egui::{Grid, RichText, ScrollArea, Ui, vec2};
use egui_plot::LineStyle;

use crate::engine::ranking::{CombinedRow, LEVEL, Ranking, Row};
use crate::ood::Proportion;
use crate::state::{Action, KeepAction, UiCommand, text};
use crate::ui::panels::Scene;
use crate::ui::panels::overlays::curves::{Curve, curves};
use crate::ui::theme;
use crate::ui::widgets::layout::{note, title};
use crate::ui::widgets::table::spread_grid;
use crate::ui::widgets::tip::Tip as _;

/// Type size of a part's title in points.
const PART: f32 = 13.5;
/// Height of the ROC curves in points.
const CURVES_HEIGHT: f32 = 220.0;
/// Width in points below which the curves stand above what detectors find together.
const ROOMY: f32 = 640.0;
const COLUMNS: [&str; 8] = [
    "", "Detector", "AUROC", "Behind", "FPR95", "Alone", "Calls", "Time",
];

/// Draw it.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let Some(ranked) = scene.session.ranking.ranked.clone() else {
        note(
            ui,
            "The areas under the ROC curves appear here as detectors finish, with which one to use",
        );
        return;
    };
    match &ranked.ranking {
        Ok(ranking) => {
            ui.label(RichText::new(ranking.advice()).strong());
            ui.add_space(6.0);
            let pointed = table_ui(ui, scene, ranking);
            note(ui, basis(ranking));
            ui.add_space(8.0);
            together_ui(ui, ranking, pointed);
            ui.add_space(4.0);
            if ui
                .button("Copy as a table")
                .tip(|| "Put table and advice into the clipboard as Markdown")
                .clicked()
            {
                ui.ctx().copy_text(ranked.account.markdown());
            }
        }
        Err(missing) => {
            note(ui, format!("There is no comparison yet: {missing}."));
        }
    }
    for not_run in &ranked.account.not_run {
        note(
            ui,
            format!("Not run: {}. {}", not_run.label, not_run.reason),
        );
    }
}

fn basis(ranking: &Ranking) -> String {
    format!(
        "{} in-domain and {} out-of-domain images that every detector scored. Intervals hold {}. Alone: out-of-domain images \
         that it finds and the best one misses, and the other way round, at {} false alarms.",
        text::count(ranking.num_in),
        text::count(ranking.num_out),
        text::percent(LEVEL),
        text::percent(ranking.false_alarm_rate),
    )
}

/// Returns the row under the pointer.
fn table_ui(ui: &mut Ui, scene: &mut Scene<'_>, ranking: &Ranking) -> Option<usize> {
    let mut pointed = None;
    ScrollArea::horizontal()
        .id_salt("ranked rows")
        .auto_shrink([false, true])
        .show(ui, |ui| {
            spread_grid(ui, "ranked", COLUMNS.len(), |ui| {
                let weak = theme::palette(ui).weak;
                for head in COLUMNS {
                    ui.label(RichText::new(head).small().color(weak));
                }
                ui.end_row();
                for (index, row) in ranking.rows.iter().enumerate() {
                    let top = ui.cursor().top();
                    row_ui(ui, scene, row, index == ranking.choice);
                    ui.end_row();
                    let bottom = ui.cursor().top();
                    let at = ui.ctx().pointer_hover_pos();
                    let across = ui.max_rect().x_range();
                    if at.is_some_and(|at| across.contains(at.x) && (top..bottom).contains(&at.y)) {
                        pointed = Some(index);
                    }
                }
            });
        });
    pointed
}

fn row_ui(ui: &mut Ui, scene: &mut Scene<'_>, row: &Row, is_choice: bool) {
    let session = scene.session;
    let file = session.ranking.file_of(&row.detector);
    let is_free = file.is_some() && !session.ranking.is_active();
    let show = ui
        .add_enabled(is_free, egui::Button::new("Show").min_size(vec2(0.0, 20.0)))
        .accessible_name(format!("Show the run of {}", row.label))
        .tip_always(|| "Show this detector's run, image by image");
    if let (true, Some(file)) = (show.clicked(), file) {
        let open = KeepAction::Open(file.to_owned());
        scene.actions.push(Action::Keep(open));
        scene.actions.push(Action::Do(UiCommand::ToggleDetectors));
    }
    let palette = theme::palette(ui);
    let label = RichText::new(row.label.as_str());
    if is_choice {
        ui.label(label.strong().color(palette.accent))
            .tip(|| "The cheapest that is as good as the best");
    } else {
        ui.label(label);
    }
    let number = |ui: &mut Ui, words: String| ui.label(RichText::new(words).monospace());
    let interval = (row.interval).map_or_else(String::new, |it| {
        format!("  {:.3} to {:.3}", it.low, it.high)
    });
    number(ui, format!("{:.4}{interval}", row.figures.auroc));
    let behind = number(ui, format!("{:.3}", row.behind));
    if let Some(interval) = row.behind_interval {
        behind.tip(|| {
            format!(
                "How much smaller its AUROC is than the largest: {:.3} to {:.3} by DeLong's test on the same images",
                interval.low, interval.high
            )
        });
    }
    number(ui, format!("{:.3}", row.figures.fpr95));
    let alone = match row.hits {
        Some(hits) => (
            format!("{} / {}", row.found_alone, row.missed_alone),
            format!("It finds {} of {}", hits.hits, hits.trials),
        ),
        None => (
            "–".to_owned(),
            "The in-domain images are too few for a threshold at this rate".to_owned(),
        ),
    };
    number(ui, alone.0).tip(|| alone.1);
    number(ui, format!("{:.0}", row.calls));
    number(ui, per_image(row.seconds)).tip(|| "Per image, as measured");
}

/// Time per image, with two digits that count.
fn per_image(secs: f64) -> String {
    match 1000.0 * secs {
        ms if ms < 10.0 => format!("{ms:.1} ms"),
        ms if ms < 1000.0 => format!("{ms:.0} ms"),
        _ => format!("{secs:.1} s"),
    }
}

/// The curves, and what the detectors find together.
fn together_ui(ui: &mut Ui, ranking: &Ranking, pointed: Option<usize>) {
    if ui.available_width() < ROOMY || ranking.combined.is_empty() {
        curves_ui(ui, ranking, pointed);
        combined_ui(ui, &ranking.combined);
        return;
    }
    ui.horizontal_top(|ui| {
        let half = vec2(0.5 * ui.available_width() - 8.0, CURVES_HEIGHT + 24.0);
        ui.allocate_ui(half, |ui| {
            ui.set_min_size(half);
            ui.vertical(|ui| curves_ui(ui, ranking, pointed));
        });
        ui.vertical(|ui| combined_ui(ui, &ranking.combined));
    });
}

/// All curves faintly, and over them that of the row under the pointer, else that of the detector to use.
fn curves_ui(ui: &mut Ui, ranking: &Ranking, pointed: Option<usize>) {
    let shown = pointed.unwrap_or(ranking.choice);
    let Some(row) = ranking.rows.get(shown) else {
        return;
    };
    title(ui, &format!("ROC of {}, others faint", row.label), PART);
    let palette = theme::palette(ui);
    let others = ranking.rows.iter().map(|row| Curve {
        name: &row.label,
        points: &row.curve,
        color: theme::faded(palette.text, 0.35),
        style: LineStyle::Solid,
        width: 1.0,
    });
    let strong = Curve {
        name: &row.label,
        points: &row.curve,
        color: palette.accent,
        style: LineStyle::Solid,
        width: 2.2,
    };
    let description = format!(
        "ROC curves of {}, that of {} emphasized, AUROC {:.4}",
        text::counted(ranking.rows.len(), "way to score"),
        row.label,
        row.figures.auroc
    );
    let all = others.chain([strong]);
    curves(ui, "detectors' curves", CURVES_HEIGHT, all, &description).tip(
        || "Of the images that all of them scored. The closer to the upper left corner, the better",
    );
}

fn combined_ui(ui: &mut Ui, combined: &[CombinedRow]) {
    if combined.is_empty() {
        return;
    }
    title(ui, "All of them together", PART);
    note(
        ui,
        "By p-values against every second in-domain image; false alarms are of the others",
    );
    Grid::new("combined")
        .num_columns(4)
        .spacing([16.0, 3.0])
        .striped(true)
        .show(ui, |ui| {
            let weak = theme::palette(ui).weak;
            for head in ["Combined by", "AUROC", "Found", "False alarms"] {
                ui.label(RichText::new(head).small().color(weak));
            }
            ui.end_row();
            for row in combined {
                ui.label(row.label);
                let number =
                    |ui: &mut Ui, words: String| ui.label(RichText::new(words).monospace());
                number(ui, format!("{:.4}", row.auroc));
                number(ui, share(row.hits));
                let interval = row.false_alarms.interval(LEVEL);
                number(ui, share(row.false_alarms)).tip(|| {
                    format!(
                        "{} to {}",
                        text::percent(interval.low),
                        text::percent(interval.high)
                    )
                });
                ui.end_row();
            }
        });
}

fn share(of: Proportion) -> String {
    of.rate().map_or_else(|| "–".to_owned(), text::percent)
}
