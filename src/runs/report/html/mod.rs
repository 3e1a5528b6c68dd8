//! The report as one HTML file: nothing in it is fetched, run or linked, and every name is escaped.

mod confounds;
mod images;
mod origin;
mod text;

use self::text::{add, escaped, number};
use super::Report;
use super::confounding::Confounding;
use super::histogram::{HistogramChart, draw_histogram};
use super::roc::{RocChart, draw_roc};
use super::scores::{self, ImageScores};
use super::style::{render_svg, score_label};
use super::summary::{PerMeasure, Summary};
use crate::detectors::measures;
use crate::networks::checkpoints::ModelSource;
use crate::ood::auroc::TwoSamples;
use crate::ood::conformal::CalibrationScores;
use crate::ood::text::percent;
use crate::ood::{MeasureId, Role};
use crate::runs::file::{Manifest, Segment, num_left_out, num_missing};

/// The threshold that divides the cells: this share of in-domain images would be false alarms.
const FALSE_ALARM_RATE: f64 = 0.05;

const STYLE: &str = include_str!("style.css");

/// The whole file: figures, charts, what else could explain them, the most telling images with their attempts, notes,
/// settings, and how to repeat it.
pub fn html_report(
    report: &Report<'_>,
    manifest: &Manifest,
    segments: &[(i64, Segment)],
) -> Result<String, String> {
    let scores = ImageScores::collect(report);
    let summary = Summary::new(report, &scores);
    let confounding = Confounding::new(report, &scores);
    let calibration = scores::of_role(&scores, Role::InDomain, report.settings.view.measure);
    let threshold = CalibrationScores::new(calibration)
        .threshold(FALSE_ALARM_RATE)
        .ok();
    let mut html = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">",
    );
    let name = escaped(&manifest.model.name);
    add(
        &mut html,
        format_args!("<title>{name} - LMD Inspector</title><style>\n{STYLE}</style></head><body>"),
    );
    let heading = match manifest.model.source() {
        ModelSource::Blank(_) => "Scores without a diffusion model".to_owned(),
        _ => format!("Scores by {name}"),
    };
    add(&mut html, format_args!("<h1>{heading}</h1>"));
    add(
        &mut html,
        format_args!(
            "<p class=\"faint\">{}. A higher score is more out-of-domain.</p>",
            escaped(&score_label(report.settings))
        ),
    );
    unfinished(&mut html, report);
    tiles(&mut html, report, &summary, &scores, threshold);
    figures(&mut html, report, &summary, &scores);
    charts(&mut html, report, &scores)?;
    confounds::section(&mut html, &confounding);
    images::section(&mut html, report, &scores, threshold, FALSE_ALARM_RATE)?;
    notes(&mut html, &summary, &confounding);
    origin::section(&mut html, manifest, segments);
    html.push_str("</body></html>\n");
    Ok(html)
}

/// A run that is not finished says so before any figure.
fn unfinished(html: &mut String, report: &Report<'_>) {
    let num_missing = num_missing(
        report.results.len(),
        report.images.len(),
        num_left_out(report.notes),
        report.settings.method.detector.num_attempts(),
    );
    let num_all = report.results.len() + num_missing;
    if num_missing > 0 {
        add(
            html,
            format_args!(
                "<p class=\"warning\"><strong>This run is not finished:</strong> {num_missing} of {num_all} attempts are \
                 missing, and all figures are of those that are there.</p>"
            ),
        );
    }
}

/// The run at a glance.
fn tiles(
    html: &mut String,
    report: &Report<'_>,
    summary: &Summary,
    scores: &[ImageScores],
    threshold: Option<f64>,
) {
    let distance = report.settings.view.measure;
    html.push_str("<dl class=\"tiles\">");
    let mut tile = |name: &str, value: &str, more: &str| {
        add(
            html,
            format_args!(
                "<div><dt>{}</dt><dd>{}<small>{}</small></dd></div>",
                escaped(name),
                escaped(value),
                escaped(more)
            ),
        );
    };
    let counts = &summary.images;
    let area = summary.auroc.as_ref().map(|auroc| auroc.of(distance));
    if let Some(area) = area {
        tile(
            &format!("AUROC by {}", measures::label(&distance)),
            &number(area, 3),
            &interval(scores, distance, 3)
                .map_or_else(String::new, |ends| format!("{ends} (95 %)")),
        );
    }
    let found = scores::of_role(scores, Role::OutOfDomain, distance);
    if let Some(threshold) = threshold.filter(|_| !found.is_empty()) {
        let num_found = found.iter().filter(|score| **score > threshold).count();
        tile(
            "Out-of-domain found",
            &format!("{num_found} of {}", found.len()),
            &format!("at {} false alarms", percent(FALSE_ALARM_RATE)),
        );
    }
    for (role, count) in [
        (Role::InDomain, counts.r#in),
        (Role::OutOfDomain, counts.out),
        (Role::Unknown, counts.unknown),
    ] {
        if count > 0 {
            let word = if count == 1 { "image" } else { "images" };
            tile(role.label(), &count.to_string(), word);
        }
    }
    html.push_str("</dl>");
    match counts.skipped {
        0 => {}
        1 => html.push_str("<p>1 file was left out: it could not be read.</p>"),
        count => add(
            html,
            format_args!("<p>{count} files were left out: they could not be read.</p>"),
        ),
    }
}

fn figures(html: &mut String, report: &Report<'_>, summary: &Summary, scores: &[ImageScores]) {
    let shown = report.measures();
    html.push_str(
        "<h2>Figures</h2><div class=\"wide\"><table class=\"numbers\"><thead><tr><th></th>",
    );
    for measure in &shown {
        add(
            html,
            format_args!("<th scope=\"col\">{}</th>", measures::label(measure)),
        );
    }
    html.push_str("</tr></thead><tbody>");
    let mut row = |name: &str, meaning: &str, cell: &dyn Fn(MeasureId) -> String| {
        add(
            html,
            format_args!(
                "<tr><th scope=\"row\">{}<small>{}</small></th>",
                escaped(name),
                escaped(meaning)
            ),
        );
        for &measure in &shown {
            add(html, format_args!("<td>{}</td>", escaped(&cell(measure))));
        }
        html.push_str("</tr>");
    };
    let value = |figure: &Option<PerMeasure>, measure: MeasureId| {
        number(figure.as_ref().and_then(|figure| figure.of(measure)), 4)
    };
    row(
        "AUROC",
        "chance that an out-of-domain image scores higher than an in-domain one",
        &|distance| value(&summary.auroc, distance),
    );
    row(
        "95 % interval of the AUROC",
        "by DeLong's standard error",
        &|distance| interval(scores, distance, 3).unwrap_or_else(|| "–".to_owned()),
    );
    row(
        "AUPR, out-of-domain positive",
        "average precision; depends on how many of each there are",
        &|distance| value(&summary.aupr_out, distance),
    );
    row("AUPR, in-domain positive", "", &|distance| {
        value(&summary.aupr_in, distance)
    });
    row(
        "FPR95",
        "share of in-domain images flagged where 95 % of the out-of-domain images are found",
        &|distance| value(&summary.fpr95, distance),
    );
    if summary.per_folder.len() > 1 {
        for folder in &summary.per_folder {
            let name = format!("AUROC of {}", folder.folder);
            let count = format!("{} images", folder.images);
            row(&name, &count, &|distance| value(&folder.auroc, distance));
        }
    }
    html.push_str("</tbody></table></div>");
}

/// The interval of the area by one measure, as text.
fn interval(scores: &[ImageScores], distance: MeasureId, num_decimals: usize) -> Option<String> {
    let of = |role| scores::of_role(scores, role, distance);
    let samples = TwoSamples::new(&of(Role::InDomain), &of(Role::OutOfDomain)).ok()?;
    let interval = samples.quick_interval(0.95)?;
    Some(format!(
        "{:.num_decimals$} to {:.num_decimals$}",
        interval.low, interval.high
    ))
}

fn charts(html: &mut String, report: &Report<'_>, scores: &[ImageScores]) -> Result<(), String> {
    let histogram = HistogramChart::new(report.settings, scores);
    let roc = RocChart::new(report.settings, scores);
    html.push_str("<h2>Histogram and ROC curve</h2>");
    let drawn = render_svg(1200, 760, |area| draw_histogram(area, &histogram))?;
    html.push_str(&scalable(&drawn, "histogram", "Histogram of the scores"));
    let drawn = render_svg(1000, 1060, |area| draw_roc(area, &roc))?;
    html.push_str(&scalable(&drawn, "roc", "ROC curve"));
    Ok(())
}

/// A drawing with a class and a name for those who can't see it.
fn scalable(svg: &str, class: &str, name: &str) -> String {
    let attributes = format!("<svg class=\"{class}\" role=\"img\" aria-label=\"{name}\" ");
    svg.replacen("<svg ", &attributes, 1)
}

/// All notes but the warnings on confounds, which have their own section.
fn notes(html: &mut String, summary: &Summary, confounding: &Confounding) {
    let warnings = confounding.warnings();
    let mut notes = (summary.notes.iter())
        .filter(|note| !warnings.contains(note))
        .peekable();
    if notes.peek().is_none() {
        return;
    }
    html.push_str("<h2>Notes</h2><ul>");
    for note in notes {
        add(html, format_args!("<li>{}</li>", escaped(note)));
    }
    html.push_str("</ul>");
}
