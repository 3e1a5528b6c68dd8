//! Several ROC curves in one plot.

use std::ops::RangeInclusive;

use egui::{Color32, Response, Ui};
use egui_plot::{AxisHints, GridMark, Line, LineStyle, PlotBounds, PlotPoints};

use crate::ood::figures::RocPoint;
use crate::ui::panels::histogram::{axis, base_plot};
use crate::ui::theme;
use crate::ui::widgets::layout::stand_in;
use crate::ui::widgets::ticks;

/// One of the curves; later ones lie over earlier ones.
pub struct Curve<'a> {
    pub name: &'a str,
    /// From (0, 0) to (1, 1).
    pub points: &'a [RocPoint],
    pub color: Color32,
    pub style: LineStyle,
    /// In points.
    pub width: f32,
}

/// Draw them; `description` says in words what is seen.
pub fn curves<'a>(
    ui: &mut Ui,
    id_salt: &str,
    height: f32,
    curves: impl IntoIterator<Item = Curve<'a>>,
    description: &str,
) -> Response {
    let palette = theme::palette(ui);
    let percent = |mark: GridMark, _: &RangeInclusive<f64>| format!("{:.0} %", 100.0 * mark.value);
    let shown = base_plot(id_salt, height)
        .width(ui.available_width())
        .x_grid_spacer(ticks::round_marks(4, false))
        .y_grid_spacer(ticks::round_marks(4, false))
        .custom_x_axes(vec![axis(palette, AxisHints::new_x()).formatter(percent)])
        .custom_y_axes(vec![axis(palette, AxisHints::new_y()).formatter(percent)])
        .grid_color(palette.line)
        .show(ui, |plot| {
            plot.set_plot_bounds(PlotBounds::from_min_max([-0.02, -0.03], [1.02, 1.05]));
            for curve in curves {
                let corners: Vec<[f64; 2]> = (curve.points.iter())
                    .map(|point| [point.fpr, point.tpr])
                    .collect();
                // A band would fill the area beside steep parts of the curve.
                let line = Line::new(curve.name, PlotPoints::from(corners)).allow_band(false);
                let line = line.color(curve.color).width(curve.width);
                plot.line(line.style(curve.style).allow_hover(false));
            }
        });
    let stand_in_id = format!("{id_salt} stand-in");
    stand_in(ui, &stand_in_id, shown.response.rect, description)
}
