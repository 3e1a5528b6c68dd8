//! The report as one HTML file: nothing in it is fetched, run or linked, and every name is escaped.

use std::fmt::Write as _;

use super::Report;
use super::escape::text_from_path;
use super::histogram::{HistogramChart, draw_histogram};
use super::repeat::command_line;
use super::roc::{RocChart, draw_roc};
use super::scores::{self, ImageScores};
use super::style::{render_svg, score_label};
use super::summary::{PerDistance, Summary};
use crate::images::Picture;
use crate::images::write::encode_png;
use crate::ood::aggregate::median_attempts;
use crate::ood::auroc::TwoSamples;
use crate::ood::conformal::Calibration;
use crate::ood::{Distance, Role};
use crate::runs::file::{Manifest, Stretch};

/// Images shown of each cell.
const NUM_SHOWN: usize = 6;
/// Attempts shown of an image.
const MOST_ATTEMPTS: usize = 12;
/// The threshold that divides the cells: this share of in-domain images would be false alarms.
const FALSE_ALARM_RATE: f64 = 0.05;

const STYLE: &str = "\
body{font:15px/1.5 system-ui,sans-serif;color:#22262b;background:#fff;max-width:70rem;margin:2rem auto;padding:0 1rem}\
h1{font-size:1.7rem}h2{font-size:1.25rem;margin-top:2.2rem;border-bottom:1px solid #e3e6ea}h3{font-size:1rem;margin-bottom:.3rem}\
table{border-collapse:collapse}td,th{padding:.2rem .9rem .2rem 0;text-align:left;vertical-align:top;overflow-wrap:anywhere}\
th{color:#5c636b;font-weight:500}svg{max-width:100%;height:auto}\
figure{display:inline-block;margin:0 .5rem .5rem 0;text-align:center;font-size:.75rem;color:#5c636b}\
figure.median{outline:2px solid #0072b2;outline-offset:2px}\
img{width:84px;height:84px;object-fit:contain;image-rendering:pixelated;display:block}\
pre{background:#f4f5f7;padding:.8rem;white-space:pre-wrap;overflow-wrap:anywhere}.name{overflow-wrap:anywhere}";

/// The whole file: figures, charts, the most telling images with their attempts, notes, settings, and how to repeat it.
pub fn html_report(
    report: &Report<'_>,
    manifest: &Manifest,
    stretches: &[(i64, Stretch)],
) -> Result<String, String> {
    let scores = ImageScores::collect(report);
    let summary = Summary::new(report, &scores);
    let mut html = String::from(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\">\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">",
    );
    add(
        &mut html,
        format_args!(
            "<title>{} - LMD Inspector</title><style>{STYLE}</style></head><body>",
            escaped(&manifest.model.name)
        ),
    );
    add(
        &mut html,
        format_args!("<h1>Scores by {}</h1>", escaped(&manifest.model.name)),
    );
    overview(&mut html, report, &summary);
    figures(&mut html, &summary, &scores);
    charts(&mut html, report, &scores)?;
    cells(&mut html, report, &scores)?;
    if !summary.notes.is_empty() {
        html.push_str("<h2>Notes</h2><ul>");
        for note in &summary.notes {
            add(&mut html, format_args!("<li>{}</li>", escaped(note)));
        }
        html.push_str("</ul>");
    }
    origin(&mut html, manifest, &summary, stretches);
    html.push_str("</body></html>\n");
    Ok(html)
}

fn add(html: &mut String, text: std::fmt::Arguments<'_>) {
    html.write_fmt(text)
        .expect("writing to a string does not fail");
}

/// Text as HTML shows it, in elements and in quoted attributes; control characters become U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            '\n' | '\t' => escaped.push(character),
            other if other.is_control() => escaped.push(char::REPLACEMENT_CHARACTER),
            other => escaped.push(other),
        }
    }
    escaped
}

fn overview(html: &mut String, report: &Report<'_>, summary: &Summary) {
    let images = &summary.images;
    add(
        html,
        format_args!(
            "<p>{} in-domain, {} out-of-domain and {} unknown images were scored ({}); {} files were left out. \
             A higher score is more out-of-domain.</p>",
            images.r#in,
            images.out,
            images.unknown,
            escaped(&score_label(report.settings)),
            images.skipped
        ),
    );
}

fn figures(html: &mut String, summary: &Summary, scores: &[ImageScores]) {
    html.push_str(
        "<h2>Figures</h2><table><tr><th></th><th>LPIPS</th><th>1 - SSIM</th><th>MSE</th></tr>",
    );
    let row = |html: &mut String, name: &str, figure: Option<&PerDistance>| {
        let cell = |value: Option<f64>| {
            value.map_or_else(|| "-".to_owned(), |value| format!("{value:.4}"))
        };
        let [lpips, ssim, mse] =
            figure.map_or([None; 3], |figure| [figure.lpips, figure.ssim, figure.mse]);
        add(
            html,
            format_args!(
                "<tr><th>{}</th><td>{}</td><td>{}</td><td>{}</td></tr>",
                escaped(name),
                cell(lpips),
                cell(ssim),
                cell(mse)
            ),
        );
    };
    row(html, "AUROC", summary.auroc.as_ref());
    if summary.auroc.is_some() {
        let [lpips, ssim, mse] = [Distance::Lpips, Distance::Ssim, Distance::Mse]
            .map(|distance| auroc_interval(scores, distance));
        add(
            html,
            format_args!(
                "<tr><th>its 95 % interval (DeLong)</th><td>{lpips}</td><td>{ssim}</td><td>{mse}</td></tr>"
            ),
        );
    }
    row(
        html,
        "AUPR, out-of-domain positive",
        summary.aupr_out.as_ref(),
    );
    row(html, "AUPR, in-domain positive", summary.aupr_in.as_ref());
    row(
        html,
        "FPR95: in-domain images that are false alarms where 95 % of the out-of-domain images are found",
        summary.fpr95.as_ref(),
    );
    if summary.per_folder.len() > 1 {
        for folder in &summary.per_folder {
            let name = format!("AUROC of {} ({} images)", folder.folder, folder.images);
            row(html, &name, folder.auroc.as_ref());
        }
    }
    html.push_str("</table>");
}

/// The interval of the area by one distance, as text.
fn auroc_interval(scores: &[ImageScores], distance: Distance) -> String {
    let of = |role| scores::of_role(scores, role, distance);
    TwoSamples::new(&of(Role::InDomain), &of(Role::OutOfDomain))
        .ok()
        .and_then(|samples| samples.quick_interval(0.95))
        .map_or_else(
            || "-".to_owned(),
            |interval| format!("{:.4} to {:.4}", interval.low, interval.high),
        )
}

fn charts(html: &mut String, report: &Report<'_>, scores: &[ImageScores]) -> Result<(), String> {
    let histogram = HistogramChart::new(report.settings, scores);
    let roc = RocChart::new(report.settings, scores);
    html.push_str("<h2>Histogram and ROC curve</h2>");
    html.push_str(&render_svg(1200, 760, |area| {
        draw_histogram(area, &histogram)
    })?);
    html.push_str(&render_svg(1000, 1060, |area| draw_roc(area, &roc))?);
    Ok(())
}

/// The most telling images of each cell: the surest verdicts and the worst mistakes.
fn cells(html: &mut String, report: &Report<'_>, scores: &[ImageScores]) -> Result<(), String> {
    let distance = report.settings.distance;
    let calibration = scores::of_role(scores, Role::InDomain, distance);
    let threshold = Calibration::new(calibration)
        .threshold(FALSE_ALARM_RATE)
        .ok();
    html.push_str("<h2>The most telling images</h2>");
    match threshold {
        Some(threshold) => add(
            html,
            format_args!(
                "<p>The threshold {threshold:.4} comes from the in-domain images alone: about {:.0} % of such images lie above it. \
                 The framed attempt is the median.</p>",
                FALSE_ALARM_RATE * 100.0
            ),
        ),
        None => add(
            html,
            format_args!(
                "<p>There are too few in-domain images for a threshold at {:.0} % false alarms, so the ends of each role are shown.</p>",
                FALSE_ALARM_RATE * 100.0
            ),
        ),
    }
    // Without a threshold, all images are on one side of it.
    let threshold = threshold.unwrap_or(f64::INFINITY);
    for (title, role, is_above, highest_first) in [
        (
            "In-domain, called out-of-domain (false alarms)",
            Role::InDomain,
            true,
            true,
        ),
        ("Out-of-domain, missed", Role::OutOfDomain, false, false),
        ("Out-of-domain, found", Role::OutOfDomain, true, true),
        ("In-domain, called in-domain", Role::InDomain, false, false),
        ("Unknown, called out-of-domain", Role::Unknown, true, true),
        ("Unknown, called in-domain", Role::Unknown, false, true),
    ] {
        let mut cell: Vec<(f64, &ImageScores)> = scores
            .iter()
            .filter(|image| image.role == role)
            .filter_map(|image| Some((image.score(distance)?, image)))
            .filter(|(score, _)| (*score > threshold) == is_above)
            .collect();
        if cell.is_empty() {
            continue;
        }
        cell.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.image.cmp(&b.1.image)));
        if highest_first {
            cell.reverse();
        }
        add(
            html,
            format_args!("<h3>{title}: {} images</h3>", cell.len()),
        );
        for (score, image) in cell.iter().take(NUM_SHOWN) {
            one_image(html, report, *score, image)?;
        }
    }
    Ok(())
}

fn one_image(
    html: &mut String,
    report: &Report<'_>,
    score: f64,
    image: &ImageScores,
) -> Result<(), String> {
    let distance = report.settings.distance;
    let name = report
        .images
        .get(image.image)
        .map(|image| text_from_path(&image.file.path))
        .unwrap_or_default();
    add(
        html,
        format_args!("<p class=\"name\">{score:.4} {}</p><div>", escaped(&name)),
    );
    if let Some(first) = image.attempts.first() {
        picture(html, "", &first.original, "original")?;
    }
    let distances: Vec<f64> = (image.attempts.iter())
        .map(|attempt| attempt.distances.of(distance))
        .collect();
    let medians = median_attempts(&distances);
    for (index, attempt) in image.attempts.iter().enumerate().take(MOST_ATTEMPTS) {
        let class = if medians.contains(&index) {
            "median"
        } else {
            ""
        };
        let caption = format!("{}: {:.4}", attempt.attempt, distances[index]);
        match &attempt.inpainted {
            Some(inpainted) => picture(html, class, inpainted, &caption)?,
            None => add(
                html,
                format_args!(
                    "<figure class=\"{class}\">not kept<figcaption>{caption}</figcaption></figure>"
                ),
            ),
        }
    }
    html.push_str("</div>");
    Ok(())
}

fn picture(html: &mut String, class: &str, picture: &Picture, caption: &str) -> Result<(), String> {
    let png = encode_png(picture).map_err(|error| error.to_string())?;
    add(
        html,
        format_args!(
            "<figure class=\"{class}\"><img alt=\"{caption}\" src=\"data:image/png;base64,{}\"><figcaption>{caption}</figcaption></figure>",
            base64(&png)
        ),
    );
    Ok(())
}

fn origin(html: &mut String, manifest: &Manifest, summary: &Summary, stretches: &[(i64, Stretch)]) {
    let model = &manifest.model;
    html.push_str("<h2>Model and settings</h2><table>");
    let mut row = |name: &str, value: &str| {
        add(
            html,
            format_args!(
                "<tr><th>{}</th><td>{}</td></tr>",
                escaped(name),
                escaped(value)
            ),
        );
    };
    row("Model", &format!("{} ({})", model.source, model.family));
    row("SHA-256 of the weights", &model.weights_sha256);
    row("Schedule", &model.schedule);
    for folder in &manifest.folders {
        row(folder.role.label(), &folder.path);
    }
    let settings = serde_json::to_value(&summary.settings).unwrap_or_default();
    for (name, value) in settings.as_object().into_iter().flatten() {
        let text = value
            .as_str()
            .map_or_else(|| value.to_string(), str::to_owned);
        row(name, &text);
    }
    row(
        "Begun",
        &format!("{}, version {}", manifest.created, manifest.app_version),
    );
    for (_, stretch) in stretches {
        let work = format!(
            "{}, version {} on {}: {} network calls in {:.1} s",
            stretch.started,
            stretch.app_version,
            stretch.device,
            stretch.network_calls,
            stretch.seconds
        );
        row("Worked on", &work);
    }
    add(
        html,
        format_args!(
            "</table><h2>How to repeat it</h2><p>In {}, with the same files, on any machine (to about the fourth digit):</p><pre>{}</pre>",
            escaped(&manifest.working_folder),
            escaped(&command_line(manifest))
        ),
    );
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = [0, 1, 2].map(|index| u32::from(chunk.get(index).copied().unwrap_or(0)));
        let word = word[0] << 16 | word[1] << 8 | word[2];
        for digit in 0..4 {
            if digit <= chunk.len() {
                let value = word >> (18 - 6 * digit) & 63;
                text.push(char::from(DIGITS[value as usize]));
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_as_in_the_rfc() {
        // RFC 4648, section 10.
        for (plain, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(plain.as_bytes()), text);
        }
    }

    #[test]
    fn nothing_in_a_name_is_markup() {
        assert_eq!(
            escaped("<a href='x'>\"&\u{7}\n"),
            "&lt;a href=&#39;x&#39;&gt;&quot;&amp;\u{FFFD}\n"
        );
    }
}
