//! `roc.png`: detection rate against false-alarm rate.

use plotters::prelude::*;

use super::escape::text_from_path;
use super::scores::{self, ImageScores};
use super::style::{
    Area, Drawn, FAINT_INK, LegendEntry, Scale, corners, draw_message, dress, header, role_color,
    score_label,
};
use crate::ood::Role;
use crate::ood::figures::{Figures, MissingClass, RocPoint, figures, roc_curve};
use crate::runs::settings::RunSettings;

/// What a ROC chart shows.
#[derive(Clone, Debug)]
pub struct RocChart {
    /// What a score is made of, e.g. `LPIPS, median of 10 attempts`.
    pub score_label: String,
    /// The pooled curve first, then, where there are several, one for each out-of-domain folder.
    pub lines: Vec<RocLine>,
    /// Why there is no curve, where there is none.
    pub missing: Option<String>,
}

/// One curve.
#[derive(Clone, Debug)]
pub struct RocLine {
    /// Its name in the legend.
    pub label: String,
    /// From (0, 0) to (1, 1).
    pub points: Vec<RocPoint>,
    /// The figures of the same scores.
    pub figures: Figures,
}

impl RocChart {
    /// The curves by the distance that the settings name.
    pub fn new(settings: &RunSettings, scores: &[ImageScores]) -> Self {
        let in_scores = scores::of_role(scores, Role::InDomain, settings.view.measure);
        let out_scores = scores::of_role(scores, Role::OutOfDomain, settings.view.measure);
        let mut chart = Self {
            score_label: score_label(settings),
            lines: Vec::new(),
            missing: None,
        };
        let line = |label: &str, out_scores: &[f64]| -> Result<RocLine, MissingClass> {
            Ok(RocLine {
                label: label.to_owned(),
                points: roc_curve(&in_scores, out_scores)?,
                figures: figures(&in_scores, out_scores)?,
            })
        };
        let folders = scores::of_out_folders(scores, settings.view.measure);
        let pooled_label = if folders.len() > 1 {
            "All out-of-domain images"
        } else {
            "Out-of-domain against in-domain"
        };
        match line(pooled_label, &out_scores) {
            Ok(pooled) => chart.lines.push(pooled),
            Err(missing) => chart.missing = Some(missing.to_string()),
        }
        if folders.len() > 1 {
            chart
                .lines
                .extend(folders.iter().filter_map(|(folder, scores)| {
                    let name = folder.file_name().map_or(folder.as_path(), AsRef::as_ref);
                    // A folder without scores has no curve.
                    line(&text_from_path(name), scores).ok()
                }));
        }
        chart
    }
}

/// Draw the curves with every threshold kept.
pub fn draw_roc<DB: DrawingBackend>(area: &Area<DB>, data: &RocChart) -> Drawn<DB> {
    let scale = Scale::new(area, 1000);
    area.fill(&WHITE)?;
    let legend: Vec<_> = data
        .lines
        .iter()
        .enumerate()
        .map(|(index, line)| LegendEntry {
            color: line_color(index),
            text: format!(
                "{}: AUROC {:.3}, FPR95 {:.3}",
                line.label, line.figures.auroc, line.figures.fpr95
            ),
        })
        .collect();
    let subtitle = format!(
        "{}. The dot is FPR95: 95 % of the out-of-domain images found",
        data.score_label
    );
    let body = header(area, scale, "ROC curve", &subtitle, &legend)?;
    let Some(pooled) = data.lines.first() else {
        let reason = data.missing.as_deref().unwrap_or("there are no scores");
        return draw_message(&body, scale, &format!("No curve: {reason}"));
    };

    let mut chart = ChartBuilder::on(&body)
        .margin_left(scale.px(22.0))
        .margin_right(scale.px(40.0))
        .margin_bottom(scale.px(18.0))
        .margin_top(scale.px(14.0))
        .x_label_area_size(scale.px(72.0))
        .y_label_area_size(scale.px(94.0))
        .build_cartesian_2d(0.0..1.0, 0.0..1.0)?;
    let percent = |rate: &f64| format!("{:.0} %", rate * 100.0);
    let mut mesh = chart.configure_mesh();
    dress(&mut mesh, scale);
    mesh.x_desc("False positive rate (out-of-domain is the positive class)")
        .y_desc("True positive rate (out-of-domain images found)")
        .x_labels(11)
        .y_labels(11)
        .x_label_formatter(&percent)
        .y_label_formatter(&percent)
        .draw()?;
    chart.draw_series(DashedLineSeries::new(
        [(0.0, 0.0), (1.0, 1.0)],
        scale.line(8.0),
        scale.line(8.0),
        FAINT_INK.mix(0.7).stroke_width(scale.line(1.5)),
    ))?;
    // The pooled curve last, so that it lies on top.
    for (index, line) in data.lines.iter().enumerate().rev() {
        let width = if index == 0 { 4.0 } else { 2.5 };
        chart.draw_series(LineSeries::new(
            corners(
                line.points
                    .iter()
                    .map(|point| (point.fpr, point.tpr))
                    .collect(),
            ),
            line_color(index).stroke_width(scale.line(width)),
        ))?;
    }
    let first_found = pooled.points.iter().find(|point| point.tpr >= 0.95);
    chart.draw_series(first_found.map(|point| {
        Circle::new(
            (point.fpr, point.tpr),
            scale.px(7.0),
            line_color(0).filled(),
        )
    }))?;
    Ok(())
}

/// Colors of Okabe and Ito; the pooled curve has the one of its class.
fn line_color(index: usize) -> RGBColor {
    const FOLDERS: [RGBColor; 5] = [
        RGBColor(0x00, 0x72, 0xB2),
        RGBColor(0x00, 0x9E, 0x73),
        RGBColor(0xCC, 0x79, 0xA7),
        RGBColor(0x56, 0xB4, 0xE9),
        RGBColor(0xE6, 0x9F, 0x00),
    ];
    match index.checked_sub(1) {
        None => role_color(Role::OutOfDomain),
        Some(folder) => FOLDERS[folder % FOLDERS.len()],
    }
}
