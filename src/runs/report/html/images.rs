//! The most telling images of each cell, with their attempts.

use super::super::Report;
use super::super::escape::text_from_path;
use super::super::scores::ImageScores;
use super::text::{add, escaped};
use crate::detectors::measures;
use crate::images::Picture;
use crate::images::write::encode_png;
use crate::ood::aggregate::median_attempts;
use crate::ood::text::percent;
use crate::ood::{Aggregate, Role, base64};

/// Images shown of each cell.
const NUM_SHOWN: usize = 6;
/// Attempts shown of an image.
const MOST_ATTEMPTS: usize = 12;

/// The surest verdicts and the worst mistakes at a threshold that `false_alarm_rate` of the in-domain images exceed.
pub(super) fn section(
    html: &mut String,
    report: &Report<'_>,
    scores: &[ImageScores],
    threshold: Option<f64>,
    false_alarm_rate: f64,
) -> Result<(), String> {
    html.push_str("<h2>The most telling images</h2>");
    let rate = percent(false_alarm_rate);
    match threshold {
        Some(threshold) => add(
            html,
            format_args!(
                "<p>The threshold {threshold:.4} comes from the in-domain images alone: about {rate} of such images lie \
                 above it.",
            ),
        ),
        None => add(
            html,
            format_args!(
                "<p>There are too few in-domain images for a threshold at {rate} false alarms, so the ends of each role \
                 are shown."
            ),
        ),
    }
    let measure = report.settings.view.measure;
    let detector = report.settings.method.detector.that_measures(measure);
    if report.settings.view.aggregate == Aggregate::Median && detector.num_attempts() > 1 {
        html.push_str(" The median attempt is framed.");
    }
    html.push_str("</p>");
    for cell in CELLS {
        // Without a threshold, all images are on one side of it.
        show_cell(
            html,
            report,
            scores,
            &cell,
            threshold.unwrap_or(f64::INFINITY),
        )?;
    }
    Ok(())
}

/// Images of a role on one side of the threshold.
struct Cell {
    title: &'static str,
    role: Role,
    side: Side,
    first: End,
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Above,
    Below,
}

/// Which scores are shown first.
#[derive(Clone, Copy, PartialEq)]
enum End {
    Highest,
    Lowest,
}

const fn cell(title: &'static str, role: Role, side: Side, first: End) -> Cell {
    Cell {
        title,
        role,
        side,
        first,
    }
}

const CELLS: [Cell; 6] = [
    cell(
        "In-domain, called out-of-domain (false alarms)",
        Role::InDomain,
        Side::Above,
        End::Highest,
    ),
    cell(
        "Out-of-domain, missed",
        Role::OutOfDomain,
        Side::Below,
        End::Lowest,
    ),
    cell(
        "Out-of-domain, found",
        Role::OutOfDomain,
        Side::Above,
        End::Highest,
    ),
    cell(
        "In-domain, called in-domain",
        Role::InDomain,
        Side::Below,
        End::Lowest,
    ),
    cell(
        "Unknown, called out-of-domain",
        Role::Unknown,
        Side::Above,
        End::Highest,
    ),
    cell(
        "Unknown, called in-domain",
        Role::Unknown,
        Side::Below,
        End::Highest,
    ),
];

fn show_cell(
    html: &mut String,
    report: &Report<'_>,
    scores: &[ImageScores],
    cell: &Cell,
    threshold: f64,
) -> Result<(), String> {
    let distance = report.settings.view.measure;
    let mut images: Vec<(f64, &ImageScores)> = scores
        .iter()
        .filter(|image| image.role == cell.role)
        .filter_map(|image| Some((image.score(distance)?, image)))
        .filter(|(score, _)| (*score > threshold) == (cell.side == Side::Above))
        .collect();
    if images.is_empty() {
        return Ok(());
    }
    images.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.image.cmp(&b.1.image)));
    if cell.first == End::Highest {
        images.reverse();
    }
    let ends = match cell.first {
        End::Highest => "highest",
        End::Lowest => "lowest",
    };
    let count = match images.len() {
        1 => "1 image".to_owned(),
        count if count > NUM_SHOWN => {
            format!("{count} images, the {NUM_SHOWN} {ends} scores")
        }
        count => format!("{count} images"),
    };
    add(
        html,
        format_args!("<h3>{}<small>{count}</small></h3>", cell.title),
    );
    for (score, image) in images.iter().take(NUM_SHOWN) {
        one_image(html, report, *score, image)?;
    }
    Ok(())
}

fn one_image(
    html: &mut String,
    report: &Report<'_>,
    score: f64,
    image: &ImageScores,
) -> Result<(), String> {
    let distance = report.settings.view.measure;
    let name = report
        .images
        .get(image.image)
        .map(|image| text_from_path(&image.file.path))
        .unwrap_or_default();
    add(
        html,
        format_args!(
            "<div class=\"image\"><p><strong>{score:.4}</strong>{}</p><div class=\"strip\">",
            escaped(&name)
        ),
    );
    if let Some(first) = image.attempts.first() {
        picture(html, "original", &first.original, "original")?;
    }
    let distances: Vec<f64> = (image.attempts.iter())
        .map(|attempt| measures::value(&attempt.values, distance))
        .collect();
    let medians = match report.settings.view.aggregate {
        Aggregate::Median if distances.len() > 1 => median_attempts(&distances),
        _ => Vec::new(),
    };
    // Beside a detector that makes pictures another one may have scored, without any.
    let detector = report.settings.method.detector.that_measures(distance);
    let num_shown = match detector.result() {
        Some(_) => MOST_ATTEMPTS,
        None => 0,
    };
    for (index, attempt) in image.attempts.iter().enumerate().take(num_shown) {
        let class = if medians.contains(&index) {
            "median"
        } else {
            "attempt"
        };
        let caption = format!("#{} {:.4}", attempt.attempt, distances[index]);
        match &attempt.inpainted {
            Some(inpainted) => picture(html, class, inpainted, &caption)?,
            None => add(
                html,
                format_args!(
                    "<figure class=\"{class}\"><span class=\"gone\">not kept</span><figcaption>{caption}</figcaption></figure>"
                ),
            ),
        }
    }
    html.push_str("</div></div>");
    Ok(())
}

fn picture(html: &mut String, class: &str, picture: &Picture, caption: &str) -> Result<(), String> {
    let png = encode_png(picture).map_err(|error| error.to_string())?;
    add(
        html,
        format_args!(
            "<figure class=\"{class}\"><img alt=\"{caption}\" src=\"data:image/png;base64,{}\"><figcaption>{caption}</figcaption></figure>",
            base64::encode(&png)
        ),
    );
    Ok(())
}
