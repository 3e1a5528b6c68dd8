//! `contact-sheet.png`: the most and the least in-domain images of each role, as they are, masked and inpainted.

use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, VPos};

use super::Report;
use super::escape::text_from_path;
use super::scores::ImageScores;
use super::style::{
    Area, Drawn, FAINT_INK, INK, Scale, draw_message, header, render, role_color, score_label,
};
use crate::images::Picture;
use crate::images::prepare::shrink;
use crate::ood::{KnownMask, MeasureId, Role};
use crate::runs::results::AttemptResult;

/// Images at each end of a role.
const NUM_AT_AN_END: usize = 6;
/// Pixels of a cell's side.
const CELL: u32 = 96;
const GAP: u32 = 8;
const LEFT: u32 = 150;
const STEP: usize = (CELL + GAP) as usize;
const MIDDLE: u32 = 44;
const MARGIN: u32 = 36;
const WIDTH: u32 = LEFT + 2 * HALF + MIDDLE + MARGIN;
const HALF: u32 = NUM_AT_AN_END as u32 * (CELL + GAP) - GAP;
const HEADER: u32 = 112;
/// A role's title, and the captions above its pictures.
const ROLE_HEADER: u32 = 100;
const ROLE_FOOTER: u32 = 40;

/// Draw the sheet.
pub fn contact_sheet(report: &Report<'_>, scores: &[ImageScores]) -> Result<Picture, String> {
    let distance = report.settings.view.measure;
    let sections: Vec<Section<'_>> = Role::ALL
        .into_iter()
        .filter_map(|role| Section::new(role, scores, distance))
        .collect();
    let detector = &report.settings.method.detector;
    let mut rows = vec![Row::Original];
    // Without a mask there is nothing to show of it.
    rows.extend(detector.hides_pixels().then_some(Row::Masked));
    rows.extend(detector.result().map(Row::Result));
    let section_height = ROLE_HEADER + rows.len() as u32 * (CELL + GAP) + ROLE_FOOTER;
    let height = HEADER + sections.len().max(1) as u32 * section_height + MARGIN / 2;
    render(WIDTH, height, |area| {
        let scale = Scale::new(area, WIDTH);
        let which = match detector.result() {
            Some(_) => "; the attempt shown is the median, or else the one nearest to the score",
            None => "",
        };
        let subtitle = format!("Score: {}{which}", score_label(report.settings));
        let body = header(
            area,
            scale,
            "Most and least in-domain images",
            &subtitle,
            &[],
        )?;
        if sections.is_empty() {
            return draw_message(&body, scale, "There are no scores to show");
        }
        let sheet = Sheet {
            area,
            scale,
            rows: &rows,
            report,
        };
        sections
            .iter()
            .zip((HEADER..).step_by(section_height as usize))
            .try_for_each(|(section, top)| sheet.draw_section(section, top))
    })
}

/// One line of pictures.
#[derive(Clone, Copy)]
enum Row {
    Original,
    Masked,
    Result(&'static str),
}

impl Row {
    fn label(self) -> &'static str {
        match self {
            Self::Original => "Original",
            Self::Masked => "Masked",
            Self::Result(label) => label,
        }
    }

    fn picture(self, attempt: &AttemptResult) -> Option<Picture> {
        match self {
            Self::Original => Some(attempt.original.clone()),
            Self::Masked => Some(masked(&attempt.original, attempt.known_mask.as_ref()?)),
            Self::Result(_) => attempt.inpainted.clone(),
        }
    }
}

/// The two ends of one role; an image is shown once.
struct Section<'a> {
    role: Role,
    num_images: usize,
    distance: MeasureId,
    most_in_domain: Vec<(f64, &'a ImageScores)>,
    /// The highest score last.
    least_in_domain: Vec<(f64, &'a ImageScores)>,
}

impl<'a> Section<'a> {
    fn new(role: Role, scores: &'a [ImageScores], distance: MeasureId) -> Option<Self> {
        let mut sorted: Vec<_> = scores
            .iter()
            .filter(|image| image.role == role)
            .filter_map(|image| Some((image.score(distance)?, image)))
            .collect();
        sorted.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.image.cmp(&b.1.image)));
        let num_images = sorted.len();
        let num_low = num_images.div_ceil(2).min(NUM_AT_AN_END);
        let num_high = (num_images - num_low).min(NUM_AT_AN_END);
        let least_in_domain = sorted.split_off(num_images - num_high);
        sorted.truncate(num_low);
        (num_images > 0).then_some(Self {
            role,
            num_images,
            distance,
            most_in_domain: sorted,
            least_in_domain,
        })
    }
}

/// The surface and what all sections share.
struct Sheet<'a, DB: DrawingBackend> {
    area: &'a Area<DB>,
    scale: Scale,
    rows: &'a [Row],
    report: &'a Report<'a>,
}

impl<DB: DrawingBackend> Sheet<'_, DB> {
    fn px(&self, length: u32) -> i32 {
        self.scale.px(f64::from(length))
    }

    fn draw_section(&self, section: &Section<'_>, top: u32) -> Drawn<DB> {
        let Self { area, scale, .. } = self;
        let color = role_color(section.role);
        let line_top = self.px(top);
        area.draw(&Rectangle::new(
            [
                (self.px(MARGIN), line_top),
                (self.px(WIDTH - MARGIN), line_top + scale.px(2.0)),
            ],
            color.filled(),
        ))?;
        let title = format!("{} ({} images)", section.role.label(), section.num_images);
        let position = (self.px(MARGIN), self.px(top + 16));
        area.draw_text(&title, &scale.text(24.0, color), position)?;
        let pictures_top = top + ROLE_HEADER;
        for (row, y) in self.rows.iter().zip((pictures_top..).step_by(STEP)) {
            let style = scale.text_at(18.0, INK, HPos::Left, VPos::Center);
            area.draw_text(
                row.label(),
                &style,
                (self.px(MARGIN), self.px(y + CELL / 2)),
            )?;
        }
        let ends = [
            (
                "Most in-domain: lowest scores",
                LEFT,
                &section.most_in_domain,
            ),
            (
                "Least in-domain: highest scores",
                LEFT + HALF + MIDDLE,
                &section.least_in_domain,
            ),
        ];
        for (label, left, images) in ends {
            if images.is_empty() {
                continue;
            }
            let position = (self.px(left), self.px(top + 50));
            area.draw_text(label, &scale.text(18.0, FAINT_INK), position)?;
            for ((score, image), x) in images.iter().zip((left..).step_by(STEP)) {
                let caption = scale.text_at(18.0, INK, HPos::Center, VPos::Bottom);
                let position = (self.px(x + CELL / 2), self.px(pictures_top - 4));
                area.draw_text(&format!("{score:.4}"), &caption, position)?;
                self.draw_column(image, section.distance, x, pictures_top)?;
            }
        }
        Ok(())
    }

    /// The pictures of one image, its name below them.
    fn draw_column(&self, image: &ImageScores, distance: MeasureId, x: u32, top: u32) -> Drawn<DB> {
        let style = self
            .scale
            .text_at(13.0, FAINT_INK, HPos::Center, VPos::Center);
        let center = self.px(x + CELL / 2);
        let attempt = image.shown_attempt(distance);
        let mut y = top;
        for row in self.rows {
            if let Some(picture) = attempt.and_then(|attempt| row.picture(attempt)) {
                self.draw_picture(&picture, self.px(x), self.px(y))?;
            } else {
                let position = (center, self.px(y + CELL / 2));
                self.area.draw_text("not kept", &style, position)?;
            }
            y += CELL + GAP;
        }
        let Some(file) = self.report.images.get(image.image) else {
            return Ok(());
        };
        let name = text_from_path(file.file.path.file_name().unwrap_or_default().as_ref());
        let name = self.shorten(&name, &style)?;
        self.area.draw_text(&name, &style, (center, self.px(y + 6)))
    }

    /// The beginning of a name left out where it is wider than a cell: numbers are at the end.
    fn shorten(
        &self,
        name: &str,
        style: &TextStyle<'_>,
    ) -> Result<String, DrawingAreaErrorKind<DB::ErrorType>> {
        let mut shown = name.to_owned();
        let mut rest = name.chars();
        while self.area.estimate_text_size(&shown, style)?.0 > self.px(CELL).unsigned_abs() {
            if rest.next().is_none() {
                break;
            }
            shown = format!("\u{2026}{}", rest.as_str());
        }
        Ok(shown)
    }

    /// Enlarged by a whole factor, or shrunk, to fit a cell, in whose middle it lies.
    fn draw_picture(&self, picture: &Picture, x: i32, y: i32) -> Drawn<DB> {
        let cell = self.px(CELL).unsigned_abs() as usize;
        let fitted = shrink(picture, cell);
        let factor = (cell / fitted.width.max(fitted.height)).max(1);
        let (width, height) = (fitted.width * factor, fitted.height * factor);
        let rgb = fitted.to_rgb();
        let bytes = (0..width * height)
            .map(|pixel| (pixel / width / factor) * fitted.width + pixel % width / factor)
            .flat_map(|source| [rgb[source * 3], rgb[source * 3 + 1], rgb[source * 3 + 2]])
            .collect();
        let position = (
            x + ((cell - width) as u32 / 2).cast_signed(),
            y + ((cell - height) as u32 / 2).cast_signed(),
        );
        let size = (width as u32, height as u32);
        BitMapElement::with_owned_buffer(position, size, bytes)
            .map_or(Ok(()), |element| self.area.draw(&element))
    }
}

/// Stands for hidden pixels: a color that neither gray pictures nor most photos have.
const HIDDEN: [u8; 3] = [0xB4, 0xA0, 0xD6];

/// A picture with its hidden pixels in one color.
pub fn masked(original: &Picture, known_mask: &KnownMask) -> Picture {
    let bytes = original
        .to_rgb()
        .chunks_exact(3)
        .zip(known_mask.known())
        .flat_map(|(pixel, &is_known)| {
            if is_known {
                [pixel[0], pixel[1], pixel[2]]
            } else {
                HIDDEN
            }
        })
        .collect();
    Picture {
        width: original.width,
        height: original.height,
        channels: 3,
        bytes,
    }
}
