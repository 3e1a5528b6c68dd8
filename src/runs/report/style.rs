//! Colors, type and the drawing surface that the report's pictures share.
//!
//! Drawing code is generic over plotters' backends; sizes are those of a design that is scaled to the surface.

use std::sync::Once;

use plotters::chart::MeshStyle;
use plotters::coord::Shift;
use plotters::coord::types::RangedCoordf64;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};
use plotters::style::{FontStyle, register_font};

use crate::detectors::measures;
use crate::images::Picture;
use crate::networks::distances::{LPIPS, MSE, SSIM};
use crate::ood::{Aggregate, MeasureId, Role};
use crate::runs::settings::RunSettings;

/// A surface to draw on.
pub(super) type Area<DB> = DrawingArea<DB, Shift>;

/// What drawing on a surface returns.
pub(super) type Drawn<DB> = Result<(), DrawingAreaErrorKind<<DB as DrawingBackend>::ErrorType>>;

/// Text and axes.
pub(super) const INK: RGBColor = RGBColor(0x22, 0x26, 0x2B);
/// Less important text.
pub(super) const FAINT_INK: RGBColor = RGBColor(0x5C, 0x63, 0x6B);
/// Grid lines.
pub(super) const GRID: RGBColor = RGBColor(0xE3, 0xE6, 0xEA);

/// Colors of Okabe and Ito, which stay apart for color-blind readers.
pub(super) fn role_color(role: Role) -> RGBColor {
    match role {
        Role::InDomain => RGBColor(0x00, 0x72, 0xB2),
        Role::OutOfDomain => RGBColor(0xD5, 0x5E, 0x00),
        Role::Unknown => RGBColor(0x6B, 0x6F, 0x76),
    }
}

/// More colors of theirs, for the measures.
pub(super) fn measure_color(measure: MeasureId) -> RGBColor {
    const OTHERS: [RGBColor; 3] = [
        RGBColor(0xCC, 0x79, 0xA7),
        RGBColor(0x56, 0xB4, 0xE9),
        RGBColor(0xD5, 0x5E, 0x00),
    ];
    match measure {
        LPIPS => RGBColor(0x00, 0x72, 0xB2),
        SSIM => RGBColor(0x00, 0x9E, 0x73),
        MSE => RGBColor(0xE6, 0x9F, 0x00),
        other => {
            let sum: usize = other.name().bytes().map(usize::from).sum();
            OTHERS[sum % OTHERS.len()]
        }
    }
}

/// What a score is made of, e.g. `LPIPS, median of 10 attempts`.
pub(super) fn score_label(settings: &RunSettings) -> String {
    let distance = measures::label(&settings.view.measure);
    let aggregate = match settings.view.aggregate {
        Aggregate::Median => "median",
        Aggregate::Mean => "mean",
        Aggregate::Min => "smallest",
        Aggregate::Max => "largest",
    };
    let detector = settings
        .method
        .detector
        .that_measures(settings.view.measure);
    match detector.num_attempts() {
        1 => format!("{distance}, 1 attempt"),
        count => format!("{distance}, {aggregate} of {count} attempts"),
    }
}

/// Turns the sizes of a design into pixels of a surface.
#[derive(Clone, Copy)]
pub(super) struct Scale(f64);

impl Scale {
    /// For a design of this width.
    pub fn new<DB: DrawingBackend>(area: &Area<DB>, design_width: u32) -> Self {
        Self(f64::from(area.dim_in_pixel().0) / f64::from(design_width))
    }

    /// A length in pixels.
    pub fn px(self, length: f64) -> i32 {
        (length * self.0).round() as i32
    }

    /// A line's width in pixels, at least 1.
    pub fn line(self, width: f64) -> u32 {
        self.px(width).max(1).unsigned_abs()
    }

    /// Text whose position is its top left corner.
    pub fn text(self, size: f64, color: RGBColor) -> TextStyle<'static> {
        self.text_at(size, color, HPos::Left, VPos::Top)
    }

    /// Text with another anchor.
    pub fn text_at(
        self,
        size: f64,
        color: RGBColor,
        h_pos: HPos,
        v_pos: VPos,
    ) -> TextStyle<'static> {
        TextStyle {
            font: ("sans-serif", size * self.0).into_font(),
            color: color.to_backend_color(),
            pos: Pos::new(h_pos, v_pos),
        }
    }
}

/// A colored entry of the legend above a chart.
pub(super) struct LegendEntry {
    pub color: RGBColor,
    pub text: String,
}

/// Draw title, subtitle and legend, and return what is left of the surface below them.
pub(super) fn header<DB: DrawingBackend>(
    area: &Area<DB>,
    scale: Scale,
    title: &str,
    subtitle: &str,
    legend: &[LegendEntry],
) -> Result<Area<DB>, DrawingAreaErrorKind<DB::ErrorType>> {
    let left = scale.px(36.0);
    area.draw_text(title, &scale.text(34.0, INK), (left, scale.px(24.0)))?;
    area.draw_text(
        subtitle,
        &scale.text(21.0, FAINT_INK),
        (left, scale.px(68.0)),
    )?;
    let style = scale.text_at(21.0, INK, HPos::Left, VPos::Center);
    let (mut x, mut y) = (left, scale.px(118.0));
    let right = area.dim_in_pixel().0.cast_signed() - left;
    for entry in legend {
        let swatch = scale.px(18.0);
        let (text_width, _) = area.estimate_text_size(&entry.text, &style)?;
        let width = swatch + scale.px(10.0) + text_width.cast_signed();
        if x > left && x + width > right {
            x = left;
            y += scale.px(30.0);
        }
        // Letters stand above the middle of their line.
        let middle = y - scale.px(3.0);
        area.draw(&Rectangle::new(
            [(x, middle - swatch / 2), (x + swatch, middle + swatch / 2)],
            entry.color.filled(),
        ))?;
        area.draw_text(&entry.text, &style, (x + swatch + scale.px(10.0), y))?;
        x += width + scale.px(34.0);
    }
    let used = if legend.is_empty() {
        scale.px(104.0)
    } else {
        y + scale.px(24.0)
    };
    Ok(area.split_vertically(used).1)
}

/// The grid, axes and type that all charts share.
pub(super) fn dress<DB: DrawingBackend>(
    mesh: &mut MeshStyle<'_, '_, RangedCoordf64, RangedCoordf64, DB>,
    scale: Scale,
) {
    mesh.light_line_style(TRANSPARENT)
        .bold_line_style(GRID.stroke_width(scale.line(1.0)))
        .axis_style(FAINT_INK.stroke_width(scale.line(1.0)))
        .set_all_tick_mark_size(scale.px(7.0))
        .label_style(scale.text(19.0, INK))
        .axis_desc_style(scale.text(21.0, INK));
}

/// A sentence in the middle of an empty chart.
pub(super) fn draw_message<DB: DrawingBackend>(
    area: &Area<DB>,
    scale: Scale,
    text: &str,
) -> Drawn<DB> {
    let (width, height) = area.dim_in_pixel();
    let style = scale.text_at(24.0, FAINT_INK, HPos::Center, VPos::Center);
    area.draw_text(
        text,
        &style,
        (width.cast_signed() / 2, height.cast_signed() / 2),
    )
}

/// A staircase without the points in the middle of its straight parts, at which thick lines come out bent.
pub(super) fn corners(mut line: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    line.dedup();
    let mut kept: Vec<(f64, f64)> = Vec::new();
    for point in line {
        if let [.., before, middle] = kept.as_slice() {
            let is_straight = (before.0 == middle.0 && middle.0 == point.0)
                || (before.1 == middle.1 && middle.1 == point.1);
            if is_straight {
                kept.pop();
            }
        }
        kept.push(point);
    }
    kept
}

/// The bitmap backend draws thick lines without smoothing, so pictures are drawn larger and averaged.
const OVERSAMPLING: u32 = 2;

/// Draw a picture of `width` x `height` pixels on white.
pub fn render<F>(width: u32, height: u32, draw: F) -> Result<Picture, String>
where
    F: for<'a> FnOnce(&DrawingArea<BitMapBackend<'a>, Shift>) -> Drawn<BitMapBackend<'a>>,
{
    register_fonts();
    let size = (width * OVERSAMPLING, height * OVERSAMPLING);
    let mut bytes = vec![0xFF; size.0 as usize * size.1 as usize * 3];
    {
        let area = BitMapBackend::with_buffer(&mut bytes, size).into_drawing_area();
        draw(&area)
            .and_then(|()| area.present())
            .map_err(|error| error.to_string())?;
    }
    Ok(shrink(&bytes, width as usize, height as usize))
}

/// Draw an SVG element of `width` x `height` units on white.
pub fn render_svg<F>(width: u32, height: u32, draw: F) -> Result<String, String>
where
    F: for<'a> FnOnce(&DrawingArea<SVGBackend<'a>, Shift>) -> Drawn<SVGBackend<'a>>,
{
    register_fonts();
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (width, height)).into_drawing_area();
        draw(&area)
            .and_then(|()| area.present())
            .map_err(|error| error.to_string())?;
    }
    Ok(svg)
}

fn register_fonts() {
    static FONT: Once = Once::new();
    FONT.call_once(|| {
        // A font that is refused shows as the error of the first text drawn.
        register_font(
            "sans-serif",
            FontStyle::Normal,
            epaint_default_fonts::UBUNTU_LIGHT,
        )
        .ok();
    });
}

fn shrink(bytes: &[u8], width: usize, height: usize) -> Picture {
    const N: usize = OVERSAMPLING as usize;
    let stride = width * N * 3;
    let mut shrunk = Vec::with_capacity(width * height * 3);
    for y in 0..height {
        for x in 0..width {
            for channel in 0..3 {
                let sum: usize = (0..N * N)
                    .map(|sub| (y * N + sub / N) * stride + (x * N + sub % N) * 3 + channel)
                    .map(|index| usize::from(bytes[index]))
                    .sum();
                shrunk.push(((sum + N * N / 2) / (N * N)) as u8);
            }
        }
    }
    Picture {
        width,
        height,
        channels: 3,
        bytes: shrunk.into(),
    }
}
