//! The kept pictures of a run as PNG files, and `images.csv`, which says whose they are.

use std::fmt::Write as _;

use super::{Content, Files, Format, RunView};
use crate::images::write::encode_png;
use crate::runs::report::path_cell;
use crate::runs::results::RunImage;

pub(super) static FORMAT: Format = Format {
    name: "images",
    label: "Kept pictures",
    file_name: "images.csv",
    help: "Write the kept pictures as PNG files, and images.csv, which says whose they are",
    content: Content::Folder(files),
};

/// `000012-original.png`, `000012-attempt-3.png`, …: names from a stranger's file are not used as names here.
fn files(run: &RunView) -> Files<'_> {
    let report = run.report();
    let originals = run.stored_images().iter().enumerate();
    let originals = originals.filter_map(|(id, image)| {
        let png = image.original_png.clone()?;
        Some((format!("{id:06}-original.png"), Ok(png)))
    });
    let attempts = report.results.iter().filter_map(|result| {
        let picture = result.inpainted.as_ref()?;
        let name = format!("{:06}-attempt-{}.png", result.image, result.attempt);
        Some((name, encode_png(picture).map_err(|error| error.to_string())))
    });
    let table = std::iter::once_with(move || {
        let table = images_csv(report.images);
        (FORMAT.file_name.to_owned(), Ok(table.into_bytes()))
    });
    Box::new(originals.chain(attempts).chain(table))
}

/// The table `image,path,role,folder,sha256` of all images, cells as in `scores.csv`.
fn images_csv(images: &[RunImage]) -> String {
    let mut text = String::from("image,path,role,folder,sha256\n");
    for (id, image) in images.iter().enumerate() {
        writeln!(
            text,
            "{id},{},{},{},{}",
            path_cell(&image.file.path),
            image.role.name(),
            path_cell(&image.folder),
            image.file.hash,
        )
        .expect("writing to a string does not fail");
    }
    text
}
