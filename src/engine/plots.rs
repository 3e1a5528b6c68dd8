//! The plots of the window as files, drawn as in a report.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::assess::{AssessRequest, assess};
use crate::images::write::{encode_png, write_atomically};
use crate::runs::RunSettings;
use crate::runs::report::{
    AttemptsChart, AttemptsLine, HistogramChart, ImageScores, PairsChart, Report, RocChart,
    draw_attempts, draw_histogram, draw_pairs, draw_roc, render, render_svg,
};

/// What to draw and where to write it.
#[derive(Clone, Debug)]
pub struct PlotsRequest {
    /// The folder; it is made where it is missing.
    pub folder: PathBuf,
    /// The run's settings, with the distance and aggregation that are shown.
    pub settings: RunSettings,
    /// The images and results behind the figures.
    pub figures: AssessRequest,
    /// The comparison of two runs, where one is shown.
    pub pairs: Option<PairsChart>,
}

/// Why plots could not be written.
#[derive(Debug, thiserror::Error)]
pub enum PlotsError {
    /// A plot can't be drawn.
    #[error("the plot can't be drawn ({reason}): {}", path.display())]
    Draw {
        /// What the drawing library said.
        reason: String,
        path: PathBuf,
    },
    /// A file can't be written, e.g. because the disk is full.
    #[error("the plot can't be written ({source}): {}", path.display())]
    Write {
        /// What the system said.
        source: io::Error,
        /// The file or folder.
        path: PathBuf,
    },
}

/// Write `histogram`, `roc`, `attempts` and, with a comparison, `pairs`, each as `.png` and `.svg`; files of the same
/// names are replaced.
pub fn save_plots(request: &PlotsRequest) -> Result<(), PlotsError> {
    let folder = request.folder.as_path();
    fs::create_dir_all(folder).map_err(|source| PlotsError::Write {
        source,
        path: folder.to_owned(),
    })?;
    let results = request.figures.results.since(0);
    let report = Report {
        images: &request.figures.images,
        results: &results,
        settings: &request.settings,
        network_calls: 0,
        seconds: 0.0,
        num_skipped: 0,
        notes: &[],
    };
    let scores = ImageScores::collect(&report);
    let histogram = HistogramChart::new(&request.settings, &scores);
    let roc = RocChart::new(&request.settings, &scores);
    let attempts = attempts(&request.figures);
    // A macro, since a closure can't be drawn on two kinds of surface.
    macro_rules! save {
        ($name:literal, $width:literal x $height:literal, $draw:ident, $chart:expr) => {
            let picture = render($width, $height, |area| $draw(area, $chart));
            let png =
                picture.and_then(|picture| encode_png(&picture).map_err(|err| err.to_string()));
            save(folder.join(concat!($name, ".png")), png)?;
            let svg = render_svg($width, $height, |area| $draw(area, $chart));
            save(
                folder.join(concat!($name, ".svg")),
                svg.map(String::into_bytes),
            )?;
        };
    }
    save!("histogram", 1200 x 720, draw_histogram, &histogram);
    save!("roc", 1000 x 1000, draw_roc, &roc);
    save!("attempts", 1000 x 640, draw_attempts, &attempts);
    if let Some(pairs) = &request.pairs {
        save!("pairs", 1000 x 1000, draw_pairs, pairs);
    }
    Ok(())
}

fn attempts(figures: &AssessRequest) -> AttemptsChart {
    let assessment = assess(figures);
    let lines = (assessment.by_attempts.into_iter())
        .filter(|(_, points)| !points.is_empty())
        .map(|(measure, points)| AttemptsLine {
            measure,
            points: points
                .into_iter()
                .map(|point| (point.num_attempts, point.auroc, point.interval))
                .collect(),
        })
        .collect();
    AttemptsChart { lines }
}

fn save(path: PathBuf, drawn: Result<Vec<u8>, String>) -> Result<(), PlotsError> {
    match drawn {
        Err(reason) => Err(PlotsError::Draw { reason, path }),
        Ok(bytes) => {
            write_atomically(&path, &bytes).map_err(|source| PlotsError::Write { source, path })
        }
    }
}
