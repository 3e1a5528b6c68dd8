//! The tables and figures of the paper that a study repeats, row by row, with the paper's own numbers.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::detectors::combined::LOG_SUM;
use crate::detectors::lmd::{Lift, Lmd};
use crate::networks::distances::{LPIPS, MSE, SSIM};
use crate::ood::{MaskKind, MeasureId};

/// A data set of the paper that the command has commands for, or one turned upside down.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Set {
    Mnist,
    Kmnist,
    FashionMnist,
    MnistTurned,
    KmnistTurned,
    FashionMnistTurned,
}

impl Set {
    pub const ALL: [Self; 6] = [
        Self::Mnist,
        Self::Kmnist,
        Self::FashionMnist,
        Self::MnistTurned,
        Self::KmnistTurned,
        Self::FashionMnistTurned,
    ];

    /// Of its folder, and of its model's.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mnist => "mnist",
            Self::Kmnist => "kmnist",
            Self::FashionMnist => "fashion-mnist",
            Self::MnistTurned => "mnist-turned",
            Self::KmnistTurned => "kmnist-turned",
            Self::FashionMnistTurned => "fashion-mnist-turned",
        }
    }

    /// The data set that it is when it is turned back; `None` where it is as it is published.
    pub fn turned_back(self) -> Option<Self> {
        match self {
            Self::Mnist | Self::Kmnist | Self::FashionMnist => None,
            Self::MnistTurned => Some(Self::Mnist),
            Self::KmnistTurned => Some(Self::Kmnist),
            Self::FashionMnistTurned => Some(Self::FashionMnist),
        }
    }

    pub fn is_turned(self) -> bool {
        self.turned_back().is_some()
    }

    /// Its test images below the folder of all data sets: the IDX file as it is published, or unpacked.
    pub fn test_images(self, folder: &Path) -> PathBuf {
        let plain = folder.join(self.name()).join("t10k-images-idx3-ubyte");
        if plain.is_file() {
            plain
        } else {
            plain.with_added_extension("gz")
        }
    }
}

impl fmt::Display for Set {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Mnist => "MNIST",
            Self::Kmnist => "KMNIST",
            Self::FashionMnist => "Fashion-MNIST",
            Self::MnistTurned => "MNIST upside down",
            Self::KmnistTurned => "KMNIST upside down",
            Self::FashionMnistTurned => "Fashion-MNIST upside down",
        })
    }
}

/// In-domain and out-of-domain images.
pub type Pair = (Set, Set);

/// One number of a table.
#[derive(Clone, Debug)]
pub struct Row {
    /// What tells it from the others, beside the pair and the measure.
    pub label: String,
    pub pair: Pair,
    pub lmd: Lmd,
    /// Attempts that count, the first ones of those that are made.
    pub num_attempts: usize,
    pub measure: MeasureId,
    /// The paper's AUROC.
    pub paper: Option<f64>,
}

/// A table of the paper, or what it left open.
#[derive(Clone, Debug)]
pub struct Table {
    /// Its option's, and its files'.
    pub name: &'static str,
    pub title: &'static str,
    pub rows: Vec<Row>,
}

/// All names, in the order of the paper.
pub const NAMES: [&str; 8] = [
    "pairs",
    "masks",
    "distances",
    "denoising",
    "attempts",
    "grids",
    "turned",
    FRONTIER,
];

/// The one that is bounded by `--most-calls`.
pub const FRONTIER: &str = "frontier";

const MNIST_KMNIST: Pair = (Set::Mnist, Set::Kmnist);
const KMNIST_MNIST: Pair = (Set::Kmnist, Set::Mnist);

/// LMD's column of Table 1.
const PAIRS: [(Pair, f64); 6] = [
    (MNIST_KMNIST, 0.984),
    ((Set::Mnist, Set::FashionMnist), 0.999),
    (KMNIST_MNIST, 0.978),
    ((Set::Kmnist, Set::FashionMnist), 0.993),
    ((Set::FashionMnist, Set::Mnist), 0.992),
    ((Set::FashionMnist, Set::Kmnist), 0.990),
];

/// Shown where the paper has LPIPS alone.
const MEASURES: [MeasureId; 4] = [LPIPS, SSIM, MSE, LOG_SUM];

/// The tables of these names, with `usual` wherever a table does not say otherwise; the frontier keeps to `most_calls` per
/// image.
pub fn tables(names: &[String], usual: &Lmd, most_calls: usize) -> Vec<Table> {
    let all = [
        pairs(usual),
        masks(usual),
        distances(usual),
        denoising(usual),
        attempts(usual),
        grids(usual),
        turned(usual),
        frontier(usual, most_calls),
    ];
    let is_asked = |table: &Table| names.is_empty() || names.iter().any(|it| it == table.name);
    all.into_iter().filter(is_asked).collect()
}

fn row(label: impl Into<String>, pair: Pair, lmd: &Lmd, measure: MeasureId) -> Row {
    Row {
        label: label.into(),
        pair,
        lmd: lmd.clone(),
        num_attempts: lmd.num_attempts,
        measure,
        paper: None,
    }
}

/// Table 1. The paper's figure is by LPIPS; it stands beside the other measures too, which have to do as well.
fn pairs(usual: &Lmd) -> Table {
    let of_pair = |(pair, paper)| {
        MEASURES.map(|measure| Row {
            paper: Some(paper),
            ..row("", pair, usual, measure)
        })
    };
    Table {
        name: "pairs",
        title: "Table 1, LMD",
        rows: PAIRS.into_iter().flat_map(of_pair).collect(),
    }
}

/// Table 2.
fn masks(usual: &Lmd) -> Table {
    let masks = [
        (MaskKind::AlternatingCheckerboard, 4, 0.923),
        (MaskKind::AlternatingCheckerboard, 8, 0.984),
        (MaskKind::AlternatingCheckerboard, 16, 0.997),
        (MaskKind::Checkerboard, 8, 0.974),
        (MaskKind::Center, 8, 0.479),
        (MaskKind::RandomPatch, 8, 0.912),
    ];
    let of_mask = |(mask, grid, paper): (MaskKind, usize, f64)| {
        let label = if mask.uses_grid() {
            format!("{mask} {grid}x{grid}")
        } else {
            mask.to_string()
        };
        let lmd = Lmd {
            mask,
            grid,
            ..usual.clone()
        };
        MEASURES.map(|measure| Row {
            paper: (measure == LPIPS).then_some(paper),
            ..row(label.clone(), MNIST_KMNIST, &lmd, measure)
        })
    };
    Table {
        name: "masks",
        title: "Table 2, masks",
        rows: masks.into_iter().flat_map(of_mask).collect(),
    }
}

/// Table 3, but for SimCLRv2, whose weights a user brings.
fn distances(usual: &Lmd) -> Table {
    let figures = [
        (MSE, 0.998, 0.835),
        (SSIM, 0.997, 0.922),
        (LPIPS, 0.984, 0.978),
    ];
    let both = |(measure, there, back)| {
        [(MNIST_KMNIST, there), (KMNIST_MNIST, back)].map(|(pair, paper)| Row {
            paper: Some(paper),
            ..row("", pair, usual, measure)
        })
    };
    let combined = [MNIST_KMNIST, KMNIST_MNIST].map(|pair| row("", pair, usual, LOG_SUM));
    Table {
        name: "distances",
        title: "Table 3, distances",
        rows: figures.into_iter().flat_map(both).chain(combined).collect(),
    }
}

/// Table 4.
fn denoising(usual: &Lmd) -> Table {
    let pair = (Set::FashionMnist, Set::Mnist);
    let denoised = Lmd {
        lift: Lift::Denoise {
            start_timestep: 500,
        },
        ..usual.clone()
    };
    let lifts = [
        ("inpainting", usual, 0.992),
        ("denoising from 500", &denoised, 0.941),
    ];
    let of_lift = |(label, lmd, paper)| {
        MEASURES.map(|measure| Row {
            paper: (measure == LPIPS).then_some(paper),
            ..row(label, pair, lmd, measure)
        })
    };
    Table {
        name: "denoising",
        title: "Table 4, denoising instead of inpainting",
        rows: lifts.into_iter().flat_map(of_lift).collect(),
    }
}

/// Figure 7: what each further attempt adds.
fn attempts(usual: &Lmd) -> Table {
    let numbers = 1..=usual.num_attempts;
    let of_pair = |pair| {
        let measures = MEASURES.into_iter();
        measures.flat_map({
            let numbers = numbers.clone();
            move |measure| {
                numbers.clone().map(move |num_attempts| Row {
                    num_attempts,
                    ..row(attempts_of(num_attempts), pair, usual, measure)
                })
            }
        })
    };
    Table {
        name: "attempts",
        title: "Figure 7, attempts",
        rows: [MNIST_KMNIST, KMNIST_MNIST]
            .into_iter()
            .flat_map(of_pair)
            .collect(),
    }
}

fn attempts_of(count: usize) -> String {
    match count {
        1 => "1 attempt".to_owned(),
        count => format!("{count} attempts"),
    }
}

/// What the grid does on every pair, where the paper's Table 2 has one.
fn grids(usual: &Lmd) -> Table {
    let rows = PAIRS.into_iter().flat_map(|(pair, _)| {
        [4, 8, 16].into_iter().flat_map(move |grid| {
            let lmd = Lmd {
                grid,
                ..usual.clone()
            };
            MEASURES.map(|measure| row(format!("grid {grid}x{grid}"), pair, &lmd, measure))
        })
    });
    Table {
        name: "grids",
        title: "AUROC by grid",
        rows: rows.collect(),
    }
}

/// Pairs that the paper does not have and that are harder: the same strokes and clothes, upside down.
fn turned(usual: &Lmd) -> Table {
    let pairs = [
        (Set::Mnist, Set::MnistTurned),
        (Set::Kmnist, Set::KmnistTurned),
        (Set::FashionMnist, Set::FashionMnistTurned),
    ];
    let of_pair = |pair| MEASURES.map(|measure| row("", pair, usual, measure));
    Table {
        name: "turned",
        title: "Images upside down",
        rows: pairs.into_iter().flat_map(of_pair).collect(),
    }
}

/// Steps of DDIM on the frontier, and attempts of which as many are made as keep to the calls.
const STEPS: [usize; 7] = [250, 100, 50, 25, 10, 5, 3];
const ATTEMPTS: [usize; 6] = [1, 2, 5, 10, 20, 50];
const ETAS: [f64; 2] = [0.0, 1.0];
/// Of the frontier's settings, per image.
pub const MOST_CALLS: usize = 500;

/// What the paper left open: how few network calls do.
fn frontier(usual: &Lmd, most_calls: usize) -> Table {
    let mut rows = Vec::new();
    for (pair, _) in PAIRS {
        for steps in STEPS {
            let fits = |count: &usize| steps * count <= most_calls;
            let Some(most) = ATTEMPTS.into_iter().filter(fits).max() else {
                continue;
            };
            for eta in ETAS {
                let mut lmd = usual.clone();
                (lmd.sampler.num_steps, lmd.sampler.eta) = (Some(steps), eta);
                lmd.num_attempts = most;
                for num_attempts in ATTEMPTS.into_iter().filter(fits) {
                    let label = format!("{steps} x {num_attempts}, eta {eta}");
                    rows.extend([LPIPS, MSE, LOG_SUM].map(|measure| Row {
                        num_attempts,
                        ..row(label.clone(), pair, &lmd, measure)
                    }));
                }
            }
        }
    }
    Table {
        name: FRONTIER,
        title: "AUROC by steps, attempts and eta",
        rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_has_the_rows_that_the_paper_has() {
        let lmd = Lmd::default();
        let all = tables(&[], &lmd, MOST_CALLS);
        let names: Vec<&str> = all.iter().map(|table| table.name).collect();
        assert_eq!(names, NAMES);
        let count = |name: &str| {
            let table = all.iter().find(|table| table.name == name).unwrap();
            let figures = table.rows.iter().filter(|row| row.paper.is_some()).count();
            (table.rows.len(), figures)
        };
        assert_eq!(count("pairs"), (24, 24));
        assert_eq!(count("masks"), (24, 6));
        assert_eq!(count("distances"), (8, 6));
        assert_eq!(count("denoising"), (8, 2));
        assert_eq!(count("attempts"), (80, 0));
        assert_eq!(count("grids"), (72, 0));
        assert_eq!(count("turned"), (12, 0));
        let frontier = &all[7].rows;
        let calls = |row: &Row| row.lmd.sampler.num_steps(1000) * row.num_attempts;
        assert!(frontier.iter().all(|row| calls(row) <= 500));
        assert!(frontier.iter().any(|row| calls(row) == 500));
        let cheap = tables(&["frontier".to_owned()], &lmd, 100).remove(0);
        let most = cheap.rows.iter().map(calls).max();
        assert_eq!(most, Some(100));
        assert!(
            frontier
                .iter()
                .all(|row| row.num_attempts <= row.lmd.num_attempts)
        );
        let asked = tables(&["masks".to_owned()], &lmd, MOST_CALLS);
        assert_eq!(asked.len(), 1);
    }
}
