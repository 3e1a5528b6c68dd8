//! Selected images as files: pictures and a table, for a paper or a colleague.

use std::fmt::Write as _;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::detectors::measures;
use crate::images::Picture;
use crate::images::write::{encode_png, write_atomically};
use crate::ood::Role;
use crate::runs::AttemptResult;
use crate::runs::report::{path_cell, tabulated_measures};

/// What to write where.
#[derive(Clone, Debug)]
pub struct ExportRequest {
    /// The folder; it is made where it is missing.
    pub folder: PathBuf,
    /// The images, in the order of the table.
    pub images: Vec<ExportImage>,
}

/// One image to write.
#[derive(Clone, Debug)]
pub struct ExportImage {
    pub path: PathBuf,
    /// What it is there for.
    pub role: Role,
    pub score: Option<f64>,
    /// Attempts behind the score.
    pub num_attempts: usize,
    /// Largest minus smallest distance of its attempts.
    pub spread: Option<f64>,
    /// The attempt whose pictures are written.
    pub result: Arc<AttemptResult>,
}

/// Why images could not be written.
#[derive(Debug, thiserror::Error)]
#[error("could not write ({source}): {}", path.display())]
pub struct ExportError {
    /// What the system said.
    source: io::Error,
    /// The file or folder.
    path: PathBuf,
}

/// The gray that hidden pixels get in a masked picture.
const HOLE: u8 = 128;

/// Write the pictures and `images.csv`.
///
/// Pictures are called `0001-name-original.png`, `-masked.png` and `-inpainted.png`; those that do not exist (no mask,
/// or a result that was not kept) are left out. Files of the same names are replaced.
pub fn export(request: &ExportRequest) -> Result<(), ExportError> {
    let folder = &request.folder;
    fs::create_dir_all(folder).map_err(|source| ExportError {
        source,
        path: folder.clone(),
    })?;
    for (index, image) in request.images.iter().enumerate() {
        let stem = format!("{:04}-{}", index + 1, safe_stem(&image.path));
        let result = &image.result;
        let pictures = [
            ("original", Some(result.original.clone())),
            ("masked", masked(result)),
            ("inpainted", result.inpainted.clone()),
        ];
        for (word, picture) in pictures {
            if let Some(picture) = picture {
                write_picture(&folder.join(format!("{stem}-{word}.png")), &picture)?;
            }
        }
    }
    let path = folder.join("images.csv");
    write_atomically(&path, table(request).as_bytes())
        .map_err(|source| ExportError { source, path })
}

fn write_picture(path: &Path, picture: &Picture) -> Result<(), ExportError> {
    encode_png(picture)
        .and_then(|bytes| write_atomically(path, &bytes))
        .map_err(|source| ExportError {
            source,
            path: path.to_owned(),
        })
}

/// The table `number,path,role,score,attempts,spread,attempt` and the columns of `scores.csv`'s measures, whose values are those
/// of the attempt whose pictures are written; what is not known is left empty.
fn table(request: &ExportRequest) -> String {
    let results: Vec<_> = (request.images.iter())
        .map(|image| Arc::clone(&image.result))
        .collect();
    let ids = tabulated_measures(&results);
    let mut text = String::from("number,path,role,score,attempts,spread,attempt");
    for id in &ids {
        text.push(',');
        text.push_str(measures::column(id));
    }
    text.push('\n');
    let cell = |value: Option<f64>| value.map_or_else(String::new, |value| value.to_string());
    for (index, image) in request.images.iter().enumerate() {
        write!(
            text,
            "{},{},{},{},{},{},{}",
            index + 1,
            path_cell(&image.path),
            image.role.name(),
            cell(image.score),
            image.num_attempts,
            cell(image.spread),
            image.result.attempt,
        )
        .expect("writing to a string does not fail");
        for &id in &ids {
            text.push(',');
            text.push_str(&cell(image.result.values.get(id)));
        }
        text.push('\n');
    }
    text
}

/// The original with its hidden pixels in gray.
fn masked(result: &AttemptResult) -> Option<Picture> {
    let known = result.known_mask.as_ref()?.known();
    let original = &result.original;
    let bytes = original
        .bytes
        .chunks_exact(original.channels)
        .zip(known)
        .flat_map(|(pixel, &is_known)| {
            pixel
                .iter()
                .map(move |&value| if is_known { value } else { HOLE })
        })
        .collect();
    Some(Picture {
        bytes,
        ..original.clone()
    })
}

/// A file's name without its ending, with signs that each system allows.
fn safe_stem(path: &Path) -> String {
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let is_safe = |sign: &char| sign.is_alphanumeric() || matches!(sign, '-' | '_');
    let safe: String = stem
        .chars()
        .map(|sign| if is_safe(&sign) { sign } else { '-' })
        .take(60)
        .collect();
    if safe.is_empty() {
        "image".to_owned()
    } else {
        safe
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::networks::distances::{LPIPS, MSE, SSIM};
    use crate::ood::KnownMask;

    #[test]
    fn three_pictures_an_image_and_a_table_are_written() {
        let folder = tempfile::tempdir().unwrap();
        let picture = |bytes: [u8; 4]| Picture {
            width: 2,
            height: 2,
            channels: 1,
            bytes: Arc::new(bytes),
        };
        let result = AttemptResult {
            image: 0,
            attempt: 2,
            values: [(MSE, 0.5), (SSIM, 0.25), (LPIPS, 0.125)]
                .into_iter()
                .collect(),
            known_mask: Some(Arc::new(
                KnownMask::from_known(2, vec![true, false, true, true]).unwrap(),
            )),
            original: picture([1, 2, 3, 4]),
            statistics: None,
            inpainted: Some(picture([1, 9, 3, 4])),
        };
        let request = ExportRequest {
            folder: folder.path().join("deep/er"),
            images: vec![ExportImage {
                path: "/a/odd: name,.png".into(),
                role: Role::InDomain,
                score: Some(0.125),
                num_attempts: 3,
                spread: None,
                result: Arc::new(result),
            }],
        };
        export(&request).unwrap();
        let read = |name: &str| {
            let bytes = fs::read(request.folder.join(name)).unwrap();
            image::load_from_memory(&bytes)
                .unwrap()
                .to_luma8()
                .into_raw()
        };
        assert_eq!(read("0001-odd--name--original.png"), [1, 2, 3, 4]);
        assert_eq!(read("0001-odd--name--masked.png"), [1, 128, 3, 4]);
        assert_eq!(read("0001-odd--name--inpainted.png"), [1, 9, 3, 4]);
        let table = fs::read_to_string(request.folder.join("images.csv")).unwrap();
        let row = table.lines().nth(1).unwrap();
        assert_eq!(
            row,
            "1,\"/a/odd: name,.png\",in-domain,0.125,3,,2,0.5,0.25,0.125"
        );

        fs::write(folder.path().join("file"), "").unwrap();
        let refused = export(&ExportRequest {
            folder: folder.path().join("file"),
            ..request
        });
        let message = refused.unwrap_err().to_string();
        assert!(message.contains("could not write"), "{message}");
    }
}
