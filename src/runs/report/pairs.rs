//! `pairs.png`: the scores of the same images in two runs.

use plotters::prelude::*;

use super::style::{
    Area, Drawn, FAINT_INK, LegendEntry, Scale, draw_message, dress, header, role_color,
};
use crate::ood::Role;

/// What the chart shows.
#[derive(Clone, Debug)]
pub struct PairsChart {
    /// What the scores of both runs are made of.
    pub labels: [String; 2],
    /// An image that both runs scored: its role, its score in the first and in the second run.
    pub points: Vec<(Role, f64, f64)>,
    /// The thresholds of both runs, where there are some.
    pub thresholds: Option<[f64; 2]>,
}

/// Draw a point for each image.
pub fn draw_pairs<DB: DrawingBackend>(area: &Area<DB>, data: &PairsChart) -> Drawn<DB> {
    let scale = Scale::new(area, 1000);
    area.fill(&WHITE)?;
    let count = |role: Role| data.points.iter().filter(|point| point.0 == role).count();
    let legend: Vec<LegendEntry> = (Role::ALL.into_iter())
        .filter(|role| count(*role) > 0)
        .map(|role| LegendEntry {
            color: role_color(role),
            text: format!("{} ({})", role.label(), count(role)),
        })
        .collect();
    let subtitle = "One point per image. The dashed lines are the thresholds";
    let body = header(area, scale, "Scores in two runs", subtitle, &legend)?;
    let range = |score: fn(&(Role, f64, f64)) -> f64| {
        let scores = data.points.iter().map(score);
        let (low, high) = scores.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), score| {
            (low.min(score), high.max(score))
        });
        let margin = 0.04 * (high - low).max(1e-9);
        (low - margin, high + margin)
    };
    if data.points.is_empty() {
        return draw_message(&body, scale, "No image was scored in both runs");
    }
    let (across, up) = (range(|point| point.1), range(|point| point.2));
    let mut chart = ChartBuilder::on(&body)
        .margin_left(scale.px(22.0))
        .margin_right(scale.px(40.0))
        .margin_bottom(scale.px(18.0))
        .margin_top(scale.px(14.0))
        .x_label_area_size(scale.px(72.0))
        .y_label_area_size(scale.px(94.0))
        .build_cartesian_2d(across.0..across.1, up.0..up.1)?;
    let mut mesh = chart.configure_mesh();
    dress(&mut mesh, scale);
    mesh.x_desc(data.labels[0].as_str())
        .y_desc(data.labels[1].as_str())
        .x_labels(8)
        .y_labels(8)
        .draw()?;
    if let Some([first, second]) = data.thresholds {
        let style = FAINT_INK.mix(0.8).stroke_width(scale.line(1.5));
        let dash = scale.line(8.0);
        for ends in [
            [(first, up.0), (first, up.1)],
            [(across.0, second), (across.1, second)],
        ] {
            chart.draw_series(DashedLineSeries::new(ends, dash, dash, style))?;
        }
    }
    chart.draw_series(data.points.iter().map(|&(role, first, second)| {
        Circle::new(
            (first, second),
            scale.px(5.0),
            role_color(role).mix(0.6).filled(),
        )
    }))?;
    Ok(())
}
