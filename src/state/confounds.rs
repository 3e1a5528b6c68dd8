//! What could tell the folders apart besides what is in the pictures: a score that follows it says little.

use std::collections::BTreeMap;
use std::collections::BTreeSet;

use super::run::RunState;
use crate::images::Picture;
use crate::images::file::NativeInfo;
use crate::ood::Role;
use crate::ood::figures::figures;
use crate::runs::RunImage;

/// Medians further apart than this factor are said.
const FACTOR: f64 = 1.25;
/// The same for bytes a pixel, which vary more.
const BYTES_FACTOR: f64 = 1.6;
/// Shares of formats or colors further apart than this are said, in [0, 1].
const SHARE: f64 = 0.3;
/// Rank correlations at least this strong are said.
const CORRELATION: f64 = 0.5;
/// Statistics that tell the roles apart at least this well, or the other way round, are said.
const AUROC: f64 = 0.8;
/// Fewer images than this say nothing.
const FEWEST: usize = 10;
/// Images looked at at most: a correlation of so many is known well enough.
const MOST: usize = 2_000;
/// Values of a picture looked at at most.
const MOST_VALUES: usize = 4_096;

/// How the files of other roles differ from the in-domain ones, a sentence each; empty where nothing stands out or
/// there is nothing to compare.
pub fn differences_of_files(images: &[RunImage]) -> Vec<String> {
    let of = |role: Role| -> Vec<&NativeInfo> {
        let files = images.iter().filter(move |image| image.role == role);
        files.map(|image| &image.file.native).collect()
    };
    let in_domain = of(Role::InDomain);
    [Role::OutOfDomain, Role::Unknown]
        .into_iter()
        .flat_map(|role| compared(&in_domain, &of(role), role))
        .collect()
}

fn compared(a: &[&NativeInfo], b: &[&NativeInfo], role: Role) -> Vec<String> {
    if a.is_empty() || b.is_empty() {
        return Vec::new();
    }
    let other = role.label().to_lowercase();
    let mut sentences = Vec::new();
    let side = |info: &NativeInfo| f64::from(info.width.max(info.height));
    if let Some((a, b)) = apart(a, b, FACTOR, side) {
        sentences.push(format!(
            "In-domain images are {a:.0} pixels on their longer side, {other} ones {b:.0} (medians). Resizing leaves traces that tell them apart by themselves."
        ));
    }
    let aspect = |info: &NativeInfo| f64::from(info.width) / f64::from(info.height.max(1));
    if let Some((a, b)) = apart(a, b, FACTOR, aspect) {
        sentences.push(format!(
            "Width to height is {a:.2} for in-domain and {b:.2} for {other} images (medians). Bringing them to a square cuts away or squeezes one more than the other."
        ));
    }
    if let Some((a, b)) = most_apart(a, b, |info| info.format.to_uppercase()) {
        sentences.push(format!(
            "In-domain images are mostly {a}, {other} ones mostly {b}. Compression leaves traces that tell them apart by themselves."
        ));
    }
    if let Some((a, b)) = most_apart(a, b, |info| color_name(info).to_owned()) {
        sentences.push(format!(
            "In-domain images are mostly {a}, {other} ones mostly {b}. The score may tell color from gray rather than what is shown."
        ));
    }
    let is_jpeg = |info: &&&NativeInfo| info.format.eq_ignore_ascii_case("jpeg");
    let jpegs = |files: &[&NativeInfo]| -> Vec<NativeInfo> {
        let files = files.iter().filter(is_jpeg);
        files.map(|info| (*info).clone()).collect()
    };
    let (a, b) = (jpegs(a), jpegs(b));
    let (a, b): (Vec<_>, Vec<_>) = (a.iter().collect(), b.iter().collect());
    let bytes = |info: &NativeInfo| {
        info.num_bytes as f64 / (f64::from(info.width) * f64::from(info.height)).max(1.0)
    };
    if let Some((a, b)) = apart(&a, &b, BYTES_FACTOR, bytes) {
        sentences.push(format!(
            "JPEG files take {a:.2} bytes a pixel in-domain and {b:.2} in {other} folders (medians). Different JPEG quality leaves traces that tell them apart by themselves."
        ));
    }
    sentences
}

/// The medians of both, where they are further apart than `factor`.
fn apart(
    a: &[&NativeInfo],
    b: &[&NativeInfo],
    factor: f64,
    value: impl Fn(&NativeInfo) -> f64,
) -> Option<(f64, f64)> {
    let median = |files: &[&NativeInfo]| {
        let mut values: Vec<f64> = files.iter().map(|info| value(info)).collect();
        let middle = values.len() / 2;
        (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f64::total_cmp).1)
    };
    let (a, b) = (median(a)?, median(b)?);
    (a.max(b) > factor * a.min(b)).then_some((a, b))
}

/// The most frequent kinds of both, where they differ and the shares of kinds are further apart than [`SHARE`].
fn most_apart(
    a: &[&NativeInfo],
    b: &[&NativeInfo],
    kind: impl Fn(&NativeInfo) -> String,
) -> Option<(String, String)> {
    let shares = |files: &[&NativeInfo]| {
        let mut shares: BTreeMap<String, f64> = BTreeMap::new();
        for info in files {
            *shares.entry(kind(info)).or_default() += 1.0 / files.len().max(1) as f64;
        }
        shares
    };
    let (a, b) = (shares(a), shares(b));
    let share = |shares: &BTreeMap<String, f64>, kind: &String| {
        shares.get(kind).copied().unwrap_or_default()
    };
    let kinds: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
    let distance: f64 = kinds
        .into_iter()
        .map(|kind| 0.5 * (share(&a, kind) - share(&b, kind)).abs())
        .sum();
    let most = |shares: &BTreeMap<String, f64>| {
        let largest = shares.iter().max_by(|a, b| a.1.total_cmp(b.1));
        largest.map(|(kind, _)| kind.clone())
    };
    let (a, b) = (most(&a)?, most(&b)?);
    (distance > SHARE && a != b).then_some((a, b))
}

fn color_name(info: &NativeInfo) -> &'static str {
    if info.color.starts_with('L') {
        "gray"
    } else {
        "color"
    }
}

/// A simple property of an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Simple {
    /// Mean value.
    Brightness,
    /// Standard deviation of the values.
    Contrast,
    /// Bytes of the file.
    FileSize,
}

impl Simple {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 3] = [Self::Brightness, Self::Contrast, Self::FileSize];

    /// The name for people.
    pub fn label(self) -> &'static str {
        match self {
            Self::Brightness => "Brightness",
            Self::Contrast => "Contrast",
            Self::FileSize => "File size",
        }
    }

    fn of(self, image: &RunImage, original: &Picture) -> f64 {
        let stride = original.bytes.len().div_ceil(MOST_VALUES).max(1);
        let values = || original.bytes.iter().step_by(stride);
        let count = values().count().max(1) as f64;
        let mean = values().map(|&value| f64::from(value)).sum::<f64>() / count;
        match self {
            Self::Brightness => mean,
            Self::Contrast => {
                let squares = values().map(|&value| (f64::from(value) - mean).powi(2));
                (squares.sum::<f64>() / count).sqrt()
            }
            Self::FileSize => image.file.native.num_bytes as f64,
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
    /// How well the property alone tells the roles apart, higher meaning out-of-domain; `None` where a class has too
    /// few images.
    pub auroc: Option<f64>,
}

impl Confound {
    /// What to think of it, where it stands out.
    pub fn warning(&self) -> Option<String> {
        let name = self.simple.label().to_lowercase();
        let alone = self
            .auroc
            .map(|auroc| auroc.max(1.0 - auroc))
            .filter(|auroc| *auroc >= AUROC)
            .map(|auroc| {
                format!(
                    "{} alone tells the roles apart with an AUROC of {auroc:.2}.",
                    self.simple.label()
                )
            });
        let follows = self
            .correlation
            .filter(|correlation| correlation.abs() >= CORRELATION)
            .map(|correlation| {
                let verb = if correlation > 0.0 { "rises" } else { "falls" };
                format!("Among in-domain images the score {verb} with {name}, so part of what it measures may be that.")
            });
        match (alone, follows) {
            (None, None) => None,
            (alone, follows) => Some(
                [alone, follows]
                    .into_iter()
                    .flatten()
                    .collect::<Vec<_>>()
                    .join(" "),
            ),
        }
    }
}

/// Hold the scores of a run against simple properties of its images.
pub fn confounds(run: &RunState) -> Vec<Confound> {
    let thinned = |role: Role| {
        let all: Vec<(usize, f64)> = run.scores_of(role).collect();
        let stride = all.len().div_ceil(MOST).max(1);
        all.into_iter().step_by(stride).collect::<Vec<_>>()
    };
    let values = |simple: Simple, scored: &[(usize, f64)]| -> Vec<f64> {
        let images = scored.iter().filter_map(|&(image, _)| {
            let first = run.attempts(image).first()?;
            Some(simple.of(&run.images[image], &first.original))
        });
        images.collect()
    };
    let (in_domain, out) = (thinned(Role::InDomain), thinned(Role::OutOfDomain));
    let scores: Vec<f64> = in_domain.iter().map(|&(_, score)| score).collect();
    Simple::ALL
        .into_iter()
        .map(|simple| {
            let (a, b) = (values(simple, &in_domain), values(simple, &out));
            let is_enough = a.len() >= FEWEST && b.len() >= FEWEST;
            Confound {
                simple,
                correlation: rank_correlation(&a, &scores),
                auroc: figures(&a, &b)
                    .ok()
                    .filter(|_| is_enough)
                    .map(|figures| figures.auroc),
            }
        })
        .collect()
}

/// Spearman's rank correlation, ties sharing their mean rank; `None` for fewer than [`FEWEST`] pairs or where one side
/// is the same everywhere.
fn rank_correlation(a: &[f64], b: &[f64]) -> Option<f64> {
    if a.len() != b.len() || a.len() < FEWEST {
        return None;
    }
    let (a, b) = (ranks(a), ranks(b));
    let mean = 0.5 * (a.len() as f64 - 1.0);
    let product = |x: &[f64], y: &[f64]| -> f64 {
        let pairs = x.iter().zip(y);
        pairs.map(|(x, y)| (x - mean) * (y - mean)).sum()
    };
    let scale = (product(&a, &a) * product(&b, &b)).sqrt();
    (scale > 0.0).then(|| product(&a, &b) / scale)
}

/// The place of each value from 0 in ascending order, ties sharing the mean of theirs.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    for tied in order.chunk_by(|&a, &b| values[a] == values[b]) {
        let rank = start as f64 + 0.5 * (tied.len() as f64 - 1.0);
        for &index in tied {
            ranks[index] = rank;
        }
        start += tied.len();
    }
    ranks
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::images::ImageFile;
    use crate::state::session::testing::run_images;

    #[test]
    fn ranks_correlate_as_scipy_says() {
        // scipy.stats.spearmanr([1, 2, 2, 4, 5, 6, 7, 8, 9, 10], [2, 1, 4, 3, 7, 5, 6, 10, 8, 8])
        let a = [1.0, 2.0, 2.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 10.0];
        let b = [2.0, 1.0, 4.0, 3.0, 7.0, 5.0, 6.0, 10.0, 8.0, 8.0];
        let rho = rank_correlation(&a, &b).unwrap();
        assert!((rho - 0.884_146_341_463_414_8).abs() < 1e-12, "{rho}");
        assert_eq!(rank_correlation(&a, &[1.0; 10]), None);
        assert_eq!(rank_correlation(&a[..5], &b[..5]), None, "too few");
    }

    #[test]
    fn folders_that_differ_in_their_files_are_told_in_words() {
        let mut images = run_images(4, 4);
        assert_eq!(differences_of_files(&images), [] as [String; 0]);
        for image in &mut images[4..] {
            let mut file = ImageFile::clone(&image.file);
            file.native = NativeInfo {
                width: 640,
                height: 480,
                format: "jpeg".to_owned(),
                color: "Rgb8".to_owned(),
                num_bytes: 40_000,
            };
            image.file = Arc::new(file);
        }
        let sentences = differences_of_files(&images);
        for (sentence, words) in sentences.iter().zip([
            "8 pixels on their longer side, out-of-domain ones 640",
            "1.00 for in-domain and 1.33",
            "mostly PNG, out-of-domain ones mostly JPEG",
            "mostly gray, out-of-domain ones mostly color",
        ]) {
            assert!(sentence.contains(words), "{sentence}");
        }
        assert_eq!(sentences.len(), 4);
        assert_eq!(differences_of_files(&images[..4]), [] as [String; 0]);
    }

    #[test]
    fn only_what_stands_out_is_a_warning() {
        let of = |correlation, auroc| Confound {
            simple: Simple::Contrast,
            correlation,
            auroc,
        };
        assert_eq!(of(Some(0.3), Some(0.6)).warning(), None);
        let warning = of(Some(-0.7), Some(0.1)).warning().unwrap();
        assert!(warning.contains("falls with contrast"), "{warning}");
        assert!(warning.contains("AUROC of 0.90"), "{warning}");
    }
}
