//! What network calls buy: the AUROC of each setting of steps, attempts and eta, as `lmd paper --rows frontier` measured it
//! with models of the paper's small data sets (`assets/results/frontier.csv`, where the settings besides are told).

use std::sync::LazyLock;

use super::Lmd;
use crate::diffusion::SamplerKind;
use crate::ood::MeasureId;

static TABLE: &str = include_str!("../../../assets/results/frontier.csv");

/// A setting of the sampler and of the attempts, with what it reached.
#[derive(Clone, Debug, PartialEq)]
pub struct Setting {
    pub num_steps: usize,
    pub num_attempts: usize,
    /// The noise of DDIM's steps, 0 or 1.
    pub eta: f64,
    /// AUROC by pair, in the order of [`Frontier::pairs`].
    pub auroc: Vec<f64>,
}

impl Setting {
    /// Network calls per image.
    pub fn calls(&self) -> usize {
        self.num_steps * self.num_attempts
    }

    pub fn mean_auroc(&self) -> f64 {
        self.auroc.iter().sum::<f64>() / self.auroc.len() as f64
    }

    pub fn apply(&self, lmd: &mut Lmd) {
        lmd.sampler.kind = SamplerKind::DDIM;
        lmd.sampler.num_steps = Some(self.num_steps);
        lmd.sampler.eta = self.eta;
        lmd.num_attempts = self.num_attempts;
    }

    /// Whether a run by these settings makes these calls.
    pub fn is_of(&self, lmd: &Lmd) -> bool {
        let mut changed = lmd.clone();
        self.apply(&mut changed);
        changed == *lmd
    }
}

/// The settings that were measured by one measure.
#[derive(Clone, Debug)]
pub struct Frontier {
    pub measure: MeasureId,
    /// In-domain and out-of-domain data sets.
    pub pairs: Vec<(String, String)>,
    /// Those worth their calls: with every further call the mean AUROC over the pairs grows. By ascending calls.
    pub settings: Vec<Setting>,
}

static ALL: LazyLock<Vec<Frontier>> = LazyLock::new(|| all(TABLE));

impl Frontier {
    /// By this measure; `None` where none was measured by it.
    pub fn of(measure: MeasureId) -> Option<&'static Self> {
        ALL.iter().find(|frontier| frontier.measure == measure)
    }

    /// The setting that reaches most with at most so many calls; the cheapest one where all take more.
    pub fn best(&self, most_calls: usize) -> Option<&Setting> {
        let within = |setting: &&Setting| setting.calls() <= most_calls;
        let fitting = self.settings.iter().rev().find(within);
        fitting.or_else(|| self.settings.first())
    }
}

/// The columns that are read.
const COLUMNS: [&str; 5] = ["in_domain", "out_of_domain", "setting", "measure", "auroc"];

fn all(table: &str) -> Vec<Frontier> {
    let mut reader = csv::Reader::from_reader(table.as_bytes());
    let places = reader.headers().ok().and_then(|head| {
        let place = |name: &str| head.iter().position(|column| column == name);
        COLUMNS.map(place).into_iter().collect::<Option<Vec<_>>>()
    });
    let Some(places) = places else {
        return Vec::new();
    };
    let mut all: Vec<Frontier> = Vec::new();
    for record in reader.into_records().filter_map(Result::ok) {
        let cell = |at: usize| record.get(places[at]).unwrap_or_default();
        let (Some(measure), Some(setting)) = (cell(3).parse::<MeasureId>().ok(), setting(cell(2)))
        else {
            continue;
        };
        let Ok(auroc) = cell(4).parse::<f64>() else {
            continue;
        };
        let pair = (cell(0).to_owned(), cell(1).to_owned());
        let frontier = match all.iter_mut().find(|it| it.measure == measure) {
            Some(frontier) => frontier,
            None => all.push_mut(Frontier {
                measure,
                pairs: Vec::new(),
                settings: Vec::new(),
            }),
        };
        if !frontier.pairs.contains(&pair) {
            frontier.pairs.push(pair);
        }
        let is_same = |it: &&mut Setting| {
            (it.num_steps, it.num_attempts) == (setting.num_steps, setting.num_attempts)
                && it.eta == setting.eta
        };
        match frontier.settings.iter_mut().find(is_same) {
            Some(known) => known.auroc.push(auroc),
            None => frontier.settings.push(Setting {
                auroc: vec![auroc],
                ..setting
            }),
        }
    }
    for frontier in &mut all {
        keep_best(frontier);
    }
    all
}

/// A setting as the table has it, `25 x 4, eta 1`.
fn setting(text: &str) -> Option<Setting> {
    let (calls, eta) = text.split_once(", eta ")?;
    let (steps, attempts) = calls.split_once(" x ")?;
    Some(Setting {
        num_steps: steps.parse().ok()?,
        num_attempts: attempts.parse().ok()?,
        eta: eta.parse().ok()?,
        auroc: Vec::new(),
    })
}

fn keep_best(frontier: &mut Frontier) {
    let num_pairs = frontier.pairs.len();
    let settings = &mut frontier.settings;
    // A setting that was not measured on every pair can't be compared.
    settings.retain(|setting| setting.auroc.len() == num_pairs);
    settings.sort_by(|a, b| {
        let by_auroc = || b.mean_auroc().total_cmp(&a.mean_auroc());
        a.calls().cmp(&b.calls()).then_with(by_auroc)
    });
    let mut most = f64::NEG_INFINITY;
    settings.retain(|setting| {
        let is_better = setting.mean_auroc() > most;
        most = most.max(setting.mean_auroc());
        is_better
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::combined::LOG_SUM;
    use crate::networks::distances::{LPIPS, SSIM};

    #[test]
    fn the_best_setting_of_each_price_is_kept() {
        let table = "table,in_domain,out_of_domain,setting,measure,auroc\n\
                     f,a,b,\"5 x 1, eta 0\",lpips,0.6\n\
                     f,a,b,\"5 x 2, eta 0\",lpips,0.7\n\
                     f,a,b,\"10 x 1, eta 1\",lpips,0.65\n\
                     f,a,b,\"10 x 2, eta 1\",lpips,0.9\n\
                     f,a,b,\"25 x 1, eta 1\",lpips,0.95\n\
                     f,b,a,\"5 x 1, eta 0\",lpips,0.5\n\
                     f,b,a,\"5 x 2, eta 0\",lpips,0.8\n\
                     f,b,a,\"10 x 1, eta 1\",lpips,0.65\n\
                     f,b,a,\"25 x 1, eta 1\",lpips,0.54\n\
                     f,b,a,odd,lpips,0.9\n";
        let frontier = all(table).remove(0);
        assert_eq!(frontier.pairs.len(), 2);
        // 10 x 2 lacks a pair, 10 x 1 is no better than 5 x 2, and 25 x 1 costs more than it.
        let found: Vec<_> = (frontier.settings.iter())
            .map(|it| (it.calls(), it.mean_auroc()))
            .collect();
        assert_eq!(found, [(5, 0.55), (10, 0.75)]);
        assert_eq!(frontier.best(100).unwrap().num_attempts, 2);
        assert_eq!(frontier.best(9).unwrap().calls(), 5);
        assert_eq!(frontier.best(1).unwrap().calls(), 5);
    }

    #[test]
    fn the_table_of_the_repository_is_whole() {
        for measure in [LPIPS, LOG_SUM] {
            let frontier = Frontier::of(measure).unwrap();
            assert_eq!(frontier.pairs.len(), 6);
            assert!(frontier.settings.len() > 2, "{frontier:?}");
            let mut lmd = Lmd::default();
            for setting in &frontier.settings {
                assert!(setting.auroc.iter().all(|it| (0.0..=1.0).contains(it)));
                setting.apply(&mut lmd);
                assert!(setting.is_of(&lmd));
            }
        }
        assert!(Frontier::of(SSIM).is_none());
    }
}
