//! `histogram.png`: how the scores of the roles lie.

use plotters::prelude::*;

use super::scores::{self, ImageScores};
use super::style::{
    Area, Drawn, LegendEntry, Scale, corners, draw_message, dress, header, role_color, score_label,
};
use crate::ood::Role;
use crate::ood::histogram::Bins;
use crate::runs::settings::RunSettings;

/// What a histogram shows.
#[derive(Clone, Debug)]
pub struct HistogramChart {
    /// What a score is made of, e.g. `LPIPS, median of 10 attempts`.
    pub score_label: String,
    /// The finite scores of each role that has some.
    pub roles: Vec<(Role, Vec<f64>)>,
}

impl HistogramChart {
    /// The scores by the distance that the settings name.
    pub fn new(settings: &RunSettings, scores: &[ImageScores]) -> Self {
        Self {
            score_label: score_label(settings),
            roles: Role::ALL
                .into_iter()
                .map(|role| (role, scores::of_role(scores, role, settings.view.measure)))
                .filter(|(_, scores)| !scores.is_empty())
                .collect(),
        }
    }
}

/// Draw the scores of all roles over each other, in shared bins.
pub fn draw_histogram<DB: DrawingBackend>(area: &Area<DB>, data: &HistogramChart) -> Drawn<DB> {
    let scale = Scale::new(area, 1200);
    area.fill(&WHITE)?;
    let legend: Vec<_> = data
        .roles
        .iter()
        .map(|(role, scores)| LegendEntry {
            color: role_color(*role),
            text: format!("{} ({})", role.label(), scores.len()),
        })
        .collect();
    let subtitle = format!("{}. Out-of-domain is the positive class", data.score_label);
    let body = header(area, scale, "Scores of the images", &subtitle, &legend)?;

    let all = data.roles.iter().flat_map(|(_, scores)| scores).copied();
    let num_bins = (all.clone().count() as f64).sqrt().ceil().clamp(10.0, 40.0);
    let Some(bins) = Bins::covering(all, num_bins as usize) else {
        return draw_message(&body, scale, "There are no scores to show");
    };
    let counts: Vec<(Role, Vec<usize>)> = data
        .roles
        .iter()
        .map(|(role, scores)| (*role, bins.histogram(scores)))
        .collect();
    let highest = counts.iter().flat_map(|(_, counts)| counts).max();
    let top = *highest.unwrap_or(&1) as f64 * 1.05;
    let end = bins.edges(bins.count - 1).1;
    // Enough for ten ticks to differ.
    let num_decimals = (-((end - bins.start) / 10.0).log10()).ceil().max(0.0) as usize;

    let mut chart = ChartBuilder::on(&body)
        .margin_left(scale.px(22.0))
        .margin_right(scale.px(40.0))
        .margin_bottom(scale.px(18.0))
        .margin_top(scale.px(8.0))
        .x_label_area_size(scale.px(72.0))
        .y_label_area_size(scale.px(84.0))
        .build_cartesian_2d(bins.start..end, 0.0..top)?;
    let mut mesh = chart.configure_mesh();
    dress(&mut mesh, scale);
    mesh.disable_x_mesh()
        .x_desc("OOD score (further right is more out-of-domain, the positive class)")
        .y_desc("Images in the bin")
        .x_labels(10)
        .x_label_formatter(&|score| format!("{score:.num_decimals$}"))
        .y_labels(6)
        .y_label_formatter(&|count| {
            // A part of an image means nothing.
            if count.fract() == 0.0 {
                format!("{count}")
            } else {
                String::new()
            }
        })
        .draw()?;

    for (role, counts) in &counts {
        let fill = role_color(*role).mix(if *role == Role::Unknown { 0.15 } else { 0.38 });
        chart.draw_series(
            counts
                .iter()
                .enumerate()
                .filter(|(_, count)| **count > 0)
                .map(|(bin, &count)| {
                    let (left, right) = bins.edges(bin);
                    Rectangle::new([(left, 0.0), (right, count as f64)], fill.filled())
                }),
        )?;
    }
    for (role, counts) in &counts {
        let style = role_color(*role).stroke_width(scale.line(2.5));
        for outline in outlines(&bins, counts) {
            chart.draw_series(LineSeries::new(outline, style))?;
        }
    }
    Ok(())
}

/// The upper edges of the bars, one line for each run of bins that are not empty.
fn outlines(bins: &Bins, counts: &[usize]) -> Vec<Vec<(f64, f64)>> {
    let mut bin = 0;
    counts
        .chunk_by(|a, b| (*a > 0) == (*b > 0))
        .filter_map(|run| {
            let first = bin;
            bin += run.len();
            (run[0] > 0).then(|| {
                let mut line = vec![(bins.edges(first).0, 0.0)];
                for (bin, &count) in (first..).zip(run) {
                    let (left, right) = bins.edges(bin);
                    line.extend([(left, count as f64), (right, count as f64)]);
                }
                line.push((bins.edges(bin - 1).1, 0.0));
                corners(line)
            })
        })
        .collect()
}
