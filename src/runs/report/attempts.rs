//! `attempts.png`: how the area under the ROC curve settles with more attempts (Figure 7 of the paper).

use plotters::prelude::*;

use super::style::{Area, Drawn, LegendEntry, Scale, draw_message, dress, header, measure_color};
use crate::detectors::measures;
use crate::ood::{Interval, MeasureId};

/// What the chart shows.
#[derive(Clone, Debug, Default)]
pub struct AttemptsChart {
    /// One line for each measure that has figures.
    pub lines: Vec<AttemptsLine>,
}

/// The areas by one measure.
#[derive(Clone, Debug)]
pub struct AttemptsLine {
    pub measure: MeasureId,
    /// After 1, 2, … attempts: their number, the area, and its interval.
    pub points: Vec<(usize, f64, Interval)>,
}

/// Draw a line with its intervals for each distance.
pub fn draw_attempts<DB: DrawingBackend>(area: &Area<DB>, data: &AttemptsChart) -> Drawn<DB> {
    let scale = Scale::new(area, 1000);
    area.fill(&WHITE)?;
    let legend: Vec<LegendEntry> = (data.lines.iter())
        .filter_map(|line| {
            let (_, auroc, _) = line.points.last()?;
            Some(LegendEntry {
                color: measure_color(line.measure),
                text: format!("{}: {auroc:.3} at last", measures::label(&line.measure)),
            })
        })
        .collect();
    let subtitle = "The lines are the areas, the bands their intervals";
    let body = header(area, scale, "AUROC by attempts", subtitle, &legend)?;
    let points = || data.lines.iter().flat_map(|line| &line.points);
    let most = points().map(|(count, ..)| *count).max().unwrap_or(0);
    if most < 2 {
        return draw_message(&body, scale, "It takes a second attempt of both roles");
    }
    let low = points().fold(1.0_f64, |low, (_, _, interval)| low.min(interval.low));
    let high = points().fold(0.0_f64, |high, (_, _, interval)| high.max(interval.high));
    let margin = 0.05 * (high - low).max(0.01);
    let mut chart = ChartBuilder::on(&body)
        .margin_left(scale.px(22.0))
        .margin_right(scale.px(40.0))
        .margin_bottom(scale.px(18.0))
        .margin_top(scale.px(14.0))
        .x_label_area_size(scale.px(72.0))
        .y_label_area_size(scale.px(94.0))
        .build_cartesian_2d(0.7..most as f64 + 0.3, low - margin..high + margin)?;
    let mut mesh = chart.configure_mesh();
    dress(&mut mesh, scale);
    mesh.disable_x_mesh()
        .x_desc("Attempts behind each score")
        .y_desc("AUROC")
        .x_labels(most.min(12))
        .x_label_formatter(&|count| {
            // A part of an attempt means nothing.
            if (count - count.round()).abs() < 1e-6 {
                format!("{count:.0}")
            } else {
                String::new()
            }
        })
        .y_label_formatter(&|auroc| format!("{auroc:.3}"))
        .draw()?;
    for line in &data.lines {
        let color = measure_color(line.measure);
        let upper = line
            .points
            .iter()
            .map(|(count, _, i)| (*count as f64, i.high));
        let lower = line
            .points
            .iter()
            .map(|(count, _, i)| (*count as f64, i.low));
        let outline: Vec<(f64, f64)> = upper.chain(lower.rev()).collect();
        chart.draw_series(std::iter::once(Polygon::new(outline, color.mix(0.15))))?;
    }
    for line in &data.lines {
        let areas = line
            .points
            .iter()
            .map(|(count, auroc, _)| (*count as f64, *auroc));
        let style = measure_color(line.measure).stroke_width(scale.line(3.0));
        chart.draw_series(LineSeries::new(areas, style))?;
    }
    Ok(())
}
