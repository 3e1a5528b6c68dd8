//! After a run: what simple properties of the images have to do with the score.

use crate::images::{ImageFile, ImageStatistics};
use crate::ood::correlation::{auroc_z, spearman, spearman_z};
use crate::ood::figures::figures;

/// Rank correlations at least this strong are said.
const CORRELATION: f64 = 0.5;
/// Properties that tell the roles apart at least this well, or the other way round, are said.
const AUROC: f64 = 0.8;
/// And only those this many standard deviations away from what chance gives: one in a thousand, of both signs.
const BEYOND_CHANCE: f64 = 3.3;
/// Fewer images than this say nothing.
const FEWEST: usize = 10;
/// Images looked at at most: a correlation of so many is known well enough.
const MOST: usize = 2_000;

/// A simple property of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Simple {
    /// Mean value, of the picture as the model sees it.
    Brightness,
    /// Standard deviation of the values, of the picture as the model sees it.
    Contrast,
    /// Bytes of the picture as the model sees it, as PNG.
    Complexity,
    /// Bytes of the file.
    FileSize,
}

impl Simple {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 4] = [
        Self::Brightness,
        Self::Contrast,
        Self::Complexity,
        Self::FileSize,
    ];

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Brightness => "Brightness",
            Self::Contrast => "Contrast",
            Self::Complexity => "Complexity",
            Self::FileSize => "File size",
        }
    }

    /// What it is, for people who do not know the name.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Brightness => "mean value of the picture as the model sees it",
            Self::Contrast => "standard deviation of its values",
            Self::Complexity => "its size as PNG",
            Self::FileSize => "size of the file",
        }
    }
}

/// The score of an image beside its simple properties.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    score: f64,
    /// By [`Simple::ALL`].
    values: [f64; 4],
}

impl Sample {
    /// Of an image with a finite score.
    pub fn new(score: f64, file: &ImageFile, statistics: &ImageStatistics) -> Self {
        let of = |simple| match simple {
            Simple::Brightness => statistics.mean_u8,
            Simple::Contrast => statistics.deviation_u8,
            Simple::Complexity => statistics.num_png_bytes as f64,
            Simple::FileSize => file.native.num_bytes as f64,
        };
        Self {
            score,
            values: Simple::ALL.map(of),
        }
    }
}

/// What a simple property has to do with the score.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Confound {
    /// The property.
    pub simple: Simple,
    /// Spearman's rank correlation with the score among in-domain images, in [-1, 1]; `None` for too few images or a
    /// property that is the same everywhere.
    pub correlation: Option<f64>,
    /// The AUROC of the property alone, a higher value taken for more out of domain; `None` without enough images of both
    /// roles.
    pub auroc: Option<f64>,
    /// In-domain images looked at.
    pub num_in: usize,
    /// Out-of-domain images looked at.
    pub num_out: usize,
}

impl Confound {
    /// What to think of it, where it stands out and is more than chance.
    pub fn warning(&self) -> Option<String> {
        let label = self.simple.label();
        let is_told_apart = |auroc: &f64| {
            auroc.max(1.0 - auroc) >= AUROC
                && auroc_z(*auroc, self.num_in, self.num_out).abs() >= BEYOND_CHANCE
        };
        let alone = self.auroc.filter(is_told_apart).map(|auroc| {
            format!(
                "{label} alone tells the roles apart with an AUROC of {:.2}.",
                auroc.max(1.0 - auroc)
            )
        });
        let is_followed = |correlation: &f64| {
            correlation.abs() >= CORRELATION
                && spearman_z(*correlation, self.num_in).abs() >= BEYOND_CHANCE
        };
        let follows = self.correlation.filter(is_followed).map(|correlation| {
            let verb = if correlation > 0.0 { "rises" } else { "falls" };
            format!(
                "Among in-domain images the score {verb} with {}, so part of what it measures may be that.",
                label.to_lowercase()
            )
        });
        let sentences: Vec<String> = [alone, follows].into_iter().flatten().collect();
        (!sentences.is_empty()).then(|| sentences.join(" "))
    }
}

/// Hold the scores of a run against simple properties of its images; one entry for each of [`Simple::ALL`].
pub fn confounds(in_domain: &[Sample], out_of_domain: &[Sample]) -> Vec<Confound> {
    let (in_domain, out) = (thinned(in_domain), thinned(out_of_domain));
    let scores: Vec<f64> = in_domain.iter().map(|sample| sample.score).collect();
    let confound = |(index, simple): (usize, Simple)| {
        let values = |samples: &[Sample]| -> Vec<f64> {
            samples.iter().map(|sample| sample.values[index]).collect()
        };
        let (a, b) = (values(&in_domain), values(&out));
        let are_enough = |values: &[f64]| values.len() >= FEWEST;
        Confound {
            simple,
            correlation: spearman(&a, &scores).filter(|_| are_enough(&a)),
            auroc: figures(&a, &b)
                .ok()
                .filter(|_| are_enough(&a) && are_enough(&b))
                .map(|figures| figures.auroc),
            num_in: a.len(),
            num_out: b.len(),
        }
    };
    Simple::ALL.into_iter().enumerate().map(confound).collect()
}

fn thinned(samples: &[Sample]) -> Vec<Sample> {
    let stride = samples.len().div_ceil(MOST).max(1);
    samples.iter().step_by(stride).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(correlation: Option<f64>, auroc: Option<f64>, num_images: usize) -> Option<String> {
        let confound = Confound {
            simple: Simple::Contrast,
            correlation,
            auroc,
            num_in: num_images,
            num_out: num_images,
        };
        confound.warning()
    }

    #[test]
    fn only_what_stands_out_is_a_warning() {
        assert_eq!(of(Some(0.3), Some(0.6), 1000), None);
        let warning = of(Some(-0.7), Some(0.1), 100).unwrap();
        assert!(warning.contains("falls with contrast"), "{warning}");
        assert!(warning.contains("AUROC of 0.90"), "{warning}");
    }

    #[test]
    fn what_chance_gives_is_no_warning() {
        assert_eq!(of(Some(0.7), Some(0.85), 11), None);
        assert!(of(Some(0.7), None, 40).is_some());
        assert!(of(None, Some(0.85), 40).is_some());
    }

    #[test]
    fn each_property_is_held_against_the_score() {
        let sample = |index: usize, size: f64| Sample {
            score: index as f64,
            values: [1.0, -(index as f64), (index / 2) as f64, size],
        };
        let in_domain: Vec<Sample> = (0..20).map(|index| sample(index, 1.0)).collect();
        let out: Vec<Sample> = (0..10).map(|index| sample(index, 2.0)).collect();
        let found = confounds(&in_domain, &out);
        let names: Vec<Simple> = found.iter().map(|confound| confound.simple).collect();
        assert_eq!(names, Simple::ALL);
        assert_eq!(found[0].correlation, None, "it does not vary");
        assert_eq!(found[0].auroc, Some(0.5));
        assert_eq!(found[1].correlation, Some(-1.0));
        assert!(found[2].correlation.unwrap() > 0.99);
        assert_eq!(found[3].auroc, Some(1.0));
        let few = confounds(&in_domain[..9], &out);
        assert_eq!((few[1].correlation, few[3].auroc), (None, None));
        let many: Vec<Sample> = (0..5000).map(|index| sample(index, 1.0)).collect();
        assert!(confounds(&many, &[])[1].num_in <= MOST);
    }
}
