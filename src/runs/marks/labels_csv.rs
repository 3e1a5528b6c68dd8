//! `labels.csv`: the images of a run with what was noted about them, which this program reads as a table of labels.

use super::Marks;
use crate::ood::Role;
use crate::runs::report::{path_cell, text_cell};
use crate::runs::results::RunImage;

/// The table `path,role,original_role,corrected_role,tags,reviewed,note`, with a row for each image, in the order of the run.
///
/// `role` is the corrected role where there is one: it is the column that a reader of labels goes by. Tags are separated by
/// semicolons. Cells are written as in `scores.csv`.
pub fn labels_csv(images: &[RunImage], marks: &Marks) -> String {
    let mut text = String::from("path,role,original_role,corrected_role,tags,reviewed,note\n");
    for image in images {
        let noted = marks.of(&image.file.hash).cloned().unwrap_or_default();
        let tags: Vec<&str> = noted.tags.iter().map(String::as_str).collect();
        let cells = [
            path_cell(&image.file.path),
            marks.role_of(image).name().to_owned(),
            image.role.name().to_owned(),
            noted.corrected.map_or("", Role::name).to_owned(),
            text_cell(&tags.join(";")),
            if noted.is_reviewed { "yes" } else { "no" }.to_owned(),
            text_cell(&noted.note),
        ];
        text.push_str(&cells.join(","));
        text.push('\n');
    }
    text
}
