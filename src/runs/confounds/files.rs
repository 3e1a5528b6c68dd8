//! Before a run: how the files of the folders differ in more than what they show.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::images::file::NativeInfo;
use crate::ood::Role;
use crate::runs::RunImage;

/// Medians further apart than this factor are said.
const FACTOR: f64 = 1.25;
/// Median JPEG qualities at least this far apart are said.
const QUALITY: f64 = 5.0;
/// Shares of formats or colors further apart than this are said, in [0, 1].
const SHARE: f64 = 0.3;

/// How the files of each folder of another role differ from the in-domain ones, a sentence each; empty where nothing
/// stands out or there is nothing to compare.
pub fn differences_of_files(images: &[RunImage]) -> Vec<String> {
    let in_domain: Vec<&NativeInfo> = of_role(images, Role::InDomain)
        .map(|image| &image.file.native)
        .collect();
    [Role::OutOfDomain, Role::Unknown]
        .into_iter()
        .flat_map(|role| {
            let mut folders: BTreeMap<&Path, Vec<&NativeInfo>> = BTreeMap::new();
            for image in of_role(images, role) {
                let files = folders.entry(image.folder.as_path()).or_default();
                files.push(&image.file.native);
            }
            let is_one = folders.len() == 1;
            let in_domain = &in_domain;
            folders.into_iter().flat_map(move |(folder, files)| {
                let others = if is_one {
                    format!("{} ones", role.label().to_lowercase())
                } else {
                    format!("those of {}", folder.display())
                };
                compared(in_domain, &files, &others)
            })
        })
        .collect()
}

fn of_role(images: &[RunImage], role: Role) -> impl Iterator<Item = &RunImage> {
    images
        .iter()
        // What stands in for a damaged row of a run file is of no format.
        .filter(move |image| image.role == role && !image.file.native.format.is_empty())
}

fn compared(a: &[&NativeInfo], b: &[&NativeInfo], others: &str) -> Vec<String> {
    if a.is_empty() || b.is_empty() {
        return Vec::new();
    }
    let mut sentences = Vec::new();
    let side = |info: &NativeInfo| f64::from(info.width.max(info.height));
    if let Some((a, b)) = apart(a, b, FACTOR, side) {
        sentences.push(format!(
            "In-domain images are {a:.0} pixels on their longer side, {others} {b:.0} (medians). Resizing leaves traces that tell them apart by themselves."
        ));
    }
    let aspect = |info: &NativeInfo| f64::from(info.width) / f64::from(info.height.max(1));
    if let Some((a, b)) = apart(a, b, FACTOR, aspect) {
        sentences.push(format!(
            "In-domain images are {a:.2} times as wide as high, {others} {b:.2} times (medians). Bringing them to a square cuts away or squeezes one more than the other."
        ));
    }
    if let Some((a, b)) = most_apart(a, b, |info| info.format.to_uppercase()) {
        sentences.push(format!(
            "In-domain images are mostly {a}, {others} mostly {b}. Compression leaves traces that tell them apart by themselves."
        ));
    }
    if let Some((a, b)) = most_apart(a, b, |info| color_name(info).to_owned()) {
        sentences.push(format!(
            "In-domain images are mostly {a}, {others} mostly {b}. The score may tell color from gray rather than what is shown."
        ));
    }
    let quality = |info: &NativeInfo| info.jpeg_quality.map(f64::from);
    if let Some((a, b)) = medians(a, b, quality).filter(|(a, b)| (a - b).abs() >= QUALITY) {
        sentences.push(format!(
            "In-domain JPEG files have a quality of {a:.0}, {others} {b:.0} (medians, from their quantization tables). Different compression leaves traces that tell them apart by themselves."
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
    medians(a, b, |info| Some(value(info))).filter(|(a, b)| a.max(*b) > factor * a.min(*b))
}

/// The medians of both, of the files that have such a value.
fn medians(
    a: &[&NativeInfo],
    b: &[&NativeInfo],
    value: impl Fn(&NativeInfo) -> Option<f64>,
) -> Option<(f64, f64)> {
    let median = |files: &[&NativeInfo]| {
        let mut values: Vec<f64> = files.iter().filter_map(|info| value(info)).collect();
        let middle = values.len() / 2;
        (!values.is_empty()).then(|| *values.select_nth_unstable_by(middle, f64::total_cmp).1)
    };
    Some((median(a)?, median(b)?))
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;
    use std::sync::Arc;

    use super::*;
    use crate::images::{ContentHash, ImageFile};

    fn images(role: Role, count: usize, native: &NativeInfo) -> Vec<RunImage> {
        in_folder("f", role, count, native)
    }

    fn in_folder(folder: &str, role: Role, count: usize, native: &NativeInfo) -> Vec<RunImage> {
        let image = RunImage {
            file: Arc::new(ImageFile {
                path: PathBuf::from("x"),
                hash: ContentHash([0; 32]),
                native: native.clone(),
            }),
            role,
            folder: Arc::new(PathBuf::from(folder)),
        };
        vec![image; count]
    }

    fn jpeg(side: u32, jpeg_quality: u8) -> NativeInfo {
        NativeInfo {
            width: side,
            height: side,
            format: "jpeg".to_owned(),
            color: "Rgb8".to_owned(),
            num_bytes: 40_000,
            jpeg_quality: Some(jpeg_quality),
        }
    }

    #[test]
    fn files_that_differ_are_told_in_words() {
        let png = NativeInfo {
            width: 8,
            height: 8,
            format: "png".to_owned(),
            color: "L8".to_owned(),
            num_bytes: 100,
            jpeg_quality: None,
        };
        let wide = NativeInfo {
            height: 480,
            ..jpeg(640, 90)
        };
        let both = [
            images(Role::InDomain, 4, &png),
            images(Role::OutOfDomain, 4, &wide),
        ]
        .concat();
        let sentences = differences_of_files(&both);
        for (sentence, words) in sentences.iter().zip([
            "8 pixels on their longer side, out-of-domain ones 640",
            "1.00 times as wide as high, out-of-domain ones 1.33",
            "mostly PNG, out-of-domain ones mostly JPEG",
            "mostly gray, out-of-domain ones mostly color",
        ]) {
            assert!(sentence.contains(words), "{sentence}");
        }
        assert_eq!(sentences.len(), 4);
        assert_eq!(differences_of_files(&both[..4]), [] as [String; 0]);
        let same = [
            images(Role::InDomain, 3, &png),
            images(Role::Unknown, 2, &png),
        ];
        assert_eq!(differences_of_files(&same.concat()), [] as [String; 0]);
    }

    #[test]
    fn jpegs_of_another_quality_are_told() {
        let with = |quality| {
            differences_of_files(
                &[
                    images(Role::InDomain, 5, &jpeg(64, 75)),
                    images(Role::Unknown, 5, &jpeg(64, quality)),
                ]
                .concat(),
            )
        };
        let sentences = with(95);
        assert_eq!(sentences.len(), 1, "{sentences:?}");
        assert!(
            sentences[0].contains("a quality of 75, unknown ones 95"),
            "{sentences:?}"
        );
        assert_eq!(with(78), [] as [String; 0]);
    }

    #[test]
    fn one_folder_of_several_is_named() {
        let all = [
            images(Role::InDomain, 6, &jpeg(64, 75)),
            in_folder("near", Role::OutOfDomain, 6, &jpeg(64, 75)),
            in_folder("far", Role::OutOfDomain, 2, &jpeg(640, 75)),
        ];
        let sentences = differences_of_files(&all.concat());
        assert_eq!(sentences.len(), 1, "{sentences:?}");
        assert!(
            sentences[0].contains("64 pixels on their longer side, those of far 640"),
            "{sentences:?}"
        );
    }
}
