//! What a study found, as tables for people and for programs.

use std::fmt::Write as _;
use std::path::Path;

use super::tables::{Pair, Row, Table};
use crate::detectors::measures;
use crate::ood::auroc::TwoSamples;
use crate::ood::{Aggregate, Interval, MeasureId, Role};
use crate::runs::file::StoredScores;

/// Confidence of the intervals.
const LEVEL: f64 = 0.95;

/// How far behind the best a setting may be on any pair, to be as good.
const MARGIN: f64 = 0.005;

/// What a row's run says.
#[derive(Clone, Debug)]
pub struct Figure {
    pub auroc: f64,
    pub interval: Option<Interval>,
    pub num_in: usize,
    pub num_out: usize,
    /// Network calls per image of these attempts.
    pub calls: f64,
    /// Seconds per image for the same.
    pub seconds: f64,
    /// SHA-256 of the model's weights.
    pub weights: String,
}

/// A row with its figure, or why there is none.
pub type Found = (Row, Result<Figure, String>);

/// The figure of a row from the run that holds it; out-of-domain images are those of the row's pair.
pub fn figure(row: &Row, run: &StoredScores) -> Result<Figure, String> {
    let of = |role: Role| -> Vec<f64> {
        let images = run.images.iter().zip(&run.attempts);
        let is_of_pair = |folder: &Path| {
            let set = folder.parent().and_then(Path::file_name);
            set.is_some_and(|name| name == row.pair.1.name())
        };
        let wanted = images.filter(|(image, _)| {
            image.role == role && (role == Role::InDomain || is_of_pair(&image.folder))
        });
        let scores = wanted.filter_map(|(_, attempts)| {
            let first = attempts.iter().take(row.num_attempts);
            measures::score(first, row.measure, Aggregate::Median)
        });
        scores.collect()
    };
    let (inside, outside) = (of(Role::InDomain), of(Role::OutOfDomain));
    let samples = TwoSamples::new(&inside, &outside).map_err(|missing| missing.to_string())?;
    // By the settings: what a run has made counts calls twice that were lost.
    let sampler = &row.lmd.sampler;
    let num_steps = sampler.num_steps(run.manifest.model.num_train_timesteps);
    let calls = (sampler.num_calls(num_steps) * row.num_attempts) as f64;
    Ok(Figure {
        auroc: samples.auroc(),
        interval: samples.quick_interval(LEVEL),
        num_in: inside.len(),
        num_out: outside.len(),
        calls,
        seconds: calls * run.seconds / run.num_calls.max(1) as f64,
        weights: run.manifest.model.identity.weights_sha256.clone(),
    })
}

/// For people.
pub fn markdown(table: &Table, found: &[Found], command: &str) -> String {
    let mut text = format!("# {}\n\n`{command}`\n\n", table.title);
    let mut line = |cells: &[String]| {
        // Writing to a string does not fail.
        _ = writeln!(text, "| {} |", cells.join(" | "));
    };
    let heads = [
        "in-domain",
        "out of domain",
        "setting",
        "measure",
        "AUROC",
        "paper",
        "calls",
        "images",
    ];
    line(&heads.map(str::to_owned));
    line(&heads.map(|_| "---".to_owned()));
    for (row, figure) in found {
        let start = [
            row.pair.0.to_string(),
            row.pair.1.to_string(),
            row.label.clone(),
            measures::label(&row.measure).to_owned(),
        ];
        let paper = row
            .paper
            .map_or_else(String::new, |paper| format!("{paper:.3}"));
        let rest = match figure {
            Ok(figure) => [
                words(figure),
                format!("{paper}{}", verdict(row, figure)),
                format!("{:.0}", figure.calls),
                format!("{} + {}", figure.num_in, figure.num_out),
            ],
            Err(reason) => [
                format!("NOT RUN: {reason}"),
                paper,
                String::new(),
                String::new(),
            ],
        };
        line(&[&start[..], &rest].concat());
    }
    if table.name == "frontier" {
        text.push('\n');
        text.push_str(&cheapest(found));
        text.push('\n');
    }
    _ = writeln!(
        text,
        "\nIntervals hold {:.0} %; calls are per image; below: the interval does not reach the paper's figure.",
        100.0 * LEVEL
    );
    text
}

fn words(figure: &Figure) -> String {
    let interval = figure.interval.map_or_else(String::new, |it| {
        format!(" ({:.4} to {:.4})", it.low, it.high)
    });
    format!("{:.4}{interval}", figure.auroc)
}

fn verdict(row: &Row, figure: &Figure) -> &'static str {
    let most = figure.interval.map_or(figure.auroc, |it| it.high);
    match row.paper {
        Some(paper) if most < paper => ", below",
        _ => "",
    }
}

/// For programs.
pub fn csv(table: &Table, found: &[Found]) -> String {
    let mut text = "table,in_domain,out_of_domain,setting,measure,attempts,auroc,auroc_low,auroc_high,paper,calls_per_image,\
                    seconds_per_image,num_in,num_out,model_sha256\n"
        .to_owned();
    for (row, figure) in found {
        let Ok(figure) = figure else { continue };
        let (low, high) = figure
            .interval
            .map_or((String::new(), String::new()), |it| {
                (it.low.to_string(), it.high.to_string())
            });
        // Writing to a string does not fail.
        _ = writeln!(
            text,
            "{},{},{},\"{}\",{},{},{},{low},{high},{},{},{},{},{},{}",
            table.name,
            row.pair.0.name(),
            row.pair.1.name(),
            row.label,
            row.measure,
            row.num_attempts,
            figure.auroc,
            row.paper
                .map_or_else(String::new, |paper| paper.to_string()),
            figure.calls,
            figure.seconds,
            figure.num_in,
            figure.num_out,
            figure.weights,
        );
    }
    text
}

/// A setting with its measure, and its figures by pair.
struct Setting<'a> {
    label: &'a str,
    measure: MeasureId,
    calls: f64,
    by_pair: Vec<(Pair, f64)>,
}

/// The sentence that a frontier ends with: the setting of the fewest calls that is as good as the best one on every pair.
fn cheapest(found: &[Found]) -> String {
    let mut settings: Vec<Setting<'_>> = Vec::new();
    let mut best: Vec<(Pair, f64)> = Vec::new();
    for (row, figure) in found {
        let Ok(figure) = figure else { continue };
        match best.iter_mut().find(|(pair, _)| *pair == row.pair) {
            Some((_, most)) => *most = most.max(figure.auroc),
            None => best.push((row.pair, figure.auroc)),
        }
        let is_same = |it: &&mut Setting<'_>| it.label == row.label && it.measure == row.measure;
        match settings.iter_mut().find(is_same) {
            Some(setting) => setting.by_pair.push((row.pair, figure.auroc)),
            None => settings.push(Setting {
                label: &row.label,
                measure: row.measure,
                calls: figure.calls,
                by_pair: vec![(row.pair, figure.auroc)],
            }),
        }
    }
    let is_as_good = |setting: &&Setting<'_>| {
        best.iter().all(|(pair, most)| {
            let of_pair = setting.by_pair.iter().find(|(of, _)| of == pair);
            of_pair.is_some_and(|(_, auroc)| most - auroc <= MARGIN)
        })
    };
    let as_good = settings.iter().filter(is_as_good);
    match as_good.min_by(|a, b| a.calls.total_cmp(&b.calls)) {
        None => format!(
            "No setting is within {MARGIN} of the best on all {} pairs.",
            best.len()
        ),
        Some(setting) => format!(
            "The fewest calls within {MARGIN} of the best on all {} pairs: {} by {}, {:.0} calls per image.",
            best.len(),
            setting.label,
            measures::label(&setting.measure),
            setting.calls
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tables::Set;
    use super::*;
    use crate::detectors::lmd::Lmd;
    use crate::networks::distances::{LPIPS, MSE};

    fn found(label: &str, pair: Pair, measure: MeasureId, calls: f64, auroc: f64) -> Found {
        let row = Row {
            label: label.to_owned(),
            pair,
            lmd: Lmd::default(),
            num_attempts: 10,
            measure,
            paper: Some(0.99),
        };
        let figure = Figure {
            auroc,
            interval: Some(Interval {
                low: auroc - 0.01,
                high: auroc + 0.01,
            }),
            num_in: 5,
            num_out: 6,
            calls,
            seconds: 0.5,
            weights: "ab".to_owned(),
        };
        (row, Ok(figure))
    }

    const THERE: Pair = (Set::Mnist, Set::Kmnist);
    const BACK: Pair = (Set::Kmnist, Set::Mnist);

    #[test]
    fn the_cheapest_setting_is_as_good_on_every_pair() {
        let all = [
            found("many", THERE, MSE, 250.0, 0.990),
            found("many", BACK, MSE, 250.0, 0.950),
            // The best of one pair, and too far behind on the other.
            found("one", THERE, MSE, 1.0, 0.992),
            found("one", BACK, MSE, 1.0, 0.944),
            found("few", THERE, LPIPS, 10.0, 0.988),
            found("few", BACK, LPIPS, 10.0, 0.9451),
            found("half", THERE, LPIPS, 2.0, 0.990),
        ];
        let told = cheapest(&all);
        assert!(
            told.contains("all 2 pairs: few by LPIPS, 10 calls"),
            "{told}"
        );
        let told = cheapest(&all[2..4]);
        assert!(told.contains(": one by MSE"), "{told}");
        assert!(cheapest(&[all[1].clone(), all[2].clone()]).starts_with("No setting"));
    }

    #[test]
    fn rows_say_what_is_below_the_paper_and_what_was_not_run() {
        let table = Table {
            name: "pairs",
            title: "Table 1",
            rows: Vec::new(),
        };
        let mut missing = found("c", BACK, MSE, 1.0, 0.5);
        missing.1 = Err("no model".to_owned());
        let all = [
            found("a", THERE, MSE, 250.0, 0.975),
            found("b", THERE, MSE, 250.0, 0.985),
            missing,
        ];
        let text = markdown(&table, &all, "lmd paper");
        assert!(
            text.contains("| 0.9750 (0.9650 to 0.9850) | 0.990, below | 250 | 5 + 6 |"),
            "{text}"
        );
        assert!(
            text.contains("| 0.9850 (0.9750 to 0.9950) | 0.990 | 250"),
            "{text}"
        );
        assert!(
            text.contains("| KMNIST | MNIST | c | MSE | NOT RUN: no model |"),
            "{text}"
        );
        let text = csv(&table, &all);
        assert_eq!(text.lines().count(), 3);
        let fields: Vec<&str> = text.lines().nth(1).unwrap().split(',').collect();
        assert_eq!(
            fields.len(),
            text.lines().next().unwrap().split(',').count()
        );
        assert_eq!((fields[6], fields[9]), ("0.975", "0.99"));
    }
}
