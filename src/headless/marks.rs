//! `lmd marks`: what a person noted about the images of a run: tags, notes, corrected roles, and which were reviewed.
//!
//! It lies in a file beside the run, which is only read.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::json;

use super::named::content_of;
use super::paths::{Kind, Paths};
use super::{Failure, Outcome, output, terminal};
use crate::engine::opened::placed_images;
use crate::images::ContentHash;
use crate::ood::Role;
use crate::runs::marks::{self, labels_csv, tag_of};
use crate::runs::report::text_from_path;
use crate::runs::{ImageMarks, MarkChange, Marks, RunImage, file};

/// Options of `lmd marks`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("change").multiple(true))]
pub struct Args {
    /// The run file; it is not changed, the marks lie beside it.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// Print one JSON object in place of a table.
    #[arg(long)]
    pub json: bool,
    /// Write all images of the run with their roles, as corrected and as they were, and their marks, as CSV: a table of labels
    /// that `--in-domain`, `--out-of-domain` and `--unknown` take.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["json", "change"])]
    pub export: Option<PathBuf>,
    /// Replace the file to export to.
    #[arg(long, requires = "export")]
    pub overwrite: bool,
    /// The images to change: paths as the run has them, or the end of one; or files of their content, wherever they are now.
    #[arg(long = "image", value_name = "PATH", num_args = 1.., requires = "change")]
    pub images: Vec<PathBuf>,
    /// Add this tag.
    #[arg(
        long = "tag",
        value_name = "NAME",
        group = "change",
        requires = "images"
    )]
    pub tags: Vec<String>,
    /// Take this tag away.
    #[arg(
        long = "untag",
        value_name = "NAME",
        group = "change",
        requires = "images"
    )]
    pub untags: Vec<String>,
    /// Correct the role; `none` takes the correction back.
    #[arg(long, value_name = "ROLE", group = "change", requires = "images")]
    pub role: Option<CorrectedRole>,
    /// Say that the images were reviewed, or by `--reviewed=no` that they were not.
    #[arg(long, value_name = "yes|no", num_args = 0..=1, require_equals = true, default_missing_value = "yes", group = "change", requires = "images")]
    pub reviewed: Option<Answer>,
    /// Have this note in place of the one before; an empty one for none.
    #[arg(long, value_name = "TEXT", group = "change", requires = "images")]
    pub note: Option<String>,
}

/// What an image is after all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CorrectedRole {
    InDomain,
    OutOfDomain,
    /// As in the run.
    None,
}

/// Yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Answer {
    Yes,
    No,
}

/// Print, export or change the marks of a run.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    let changes = changes(args)?;
    if let Some(path) = &args.export {
        output::check_file(path, args.overwrite, "table of labels")?;
    }
    let stored = file::read_scores(&args.run).map_err(Failure::bad_request)?;
    let images = placed_images(&stored.images, &stored.manifest);
    let mut marks = marks::load(&args.run).map_err(Failure::bad_request)?;
    if let Some(path) = &args.export {
        let mut paths = Paths::new(args.overwrite).reads_run(&args.run);
        paths.claim(path, Kind::File)?;
        paths.write(path, labels_csv(&images, &marks).as_bytes())?;
        return Ok(Outcome::Done);
    }
    if changes.is_empty() {
        let text = if args.json {
            as_json(&images, &marks)
        } else {
            as_table(&images, &marks)
        };
        terminal::answer(&text)?;
        return Ok(Outcome::Done);
    }
    let contents = chosen(&args.images, &images, &args.run)?;
    for content in &contents {
        for change in &changes {
            marks.change(*content, change);
        }
    }
    marks::update(&args.run, &contents, &marks).map_err(Failure::failed)?;
    if args.json {
        let changed: Vec<RunImage> = (images.iter())
            .filter(|image| contents.contains(&image.file.hash))
            .cloned()
            .collect();
        terminal::answer(&as_json(&changed, &marks))?;
    }
    Ok(Outcome::Done)
}

/// What is asked for, refused where it makes no sense.
fn changes(args: &Args) -> Result<Vec<MarkChange>, Failure> {
    let tag = |typed: &String| {
        tag_of(typed).ok_or_else(|| {
            Failure::bad_request(anyhow::anyhow!(
                "a tag is a word or a few, without commas, semicolons and control characters; got `{typed}`"
            ))
        })
    };
    let mut changes = Vec::new();
    for typed in &args.untags {
        changes.push(MarkChange::Untag(tag(typed)?));
    }
    for typed in &args.tags {
        changes.push(MarkChange::Tag(tag(typed)?));
    }
    changes.extend(args.role.map(|role| {
        MarkChange::Correct(match role {
            CorrectedRole::InDomain => Some(Role::InDomain),
            CorrectedRole::OutOfDomain => Some(Role::OutOfDomain),
            CorrectedRole::None => None,
        })
    }));
    changes.extend((args.reviewed).map(|answer| MarkChange::Review(answer == Answer::Yes)));
    changes.extend(args.note.clone().map(MarkChange::Note));
    Ok(changes)
}

/// The contents of the images that are named, all of which must be in the run.
fn chosen(
    paths: &[PathBuf],
    images: &[RunImage],
    run: &Path,
) -> Result<BTreeSet<ContentHash>, Failure> {
    let find = |path: &PathBuf| {
        content_of(path, images).map_err(|why| {
            Failure::bad_request(anyhow::anyhow!(
                "{why}: {}; the run: {}",
                path.display(),
                run.display()
            ))
        })
    };
    paths.iter().map(find).collect()
}

/// The images with marks, in the order of the run; one content once for each of its paths.
fn marked<'a>(
    images: &'a [RunImage],
    marks: &'a Marks,
) -> impl Iterator<Item = (&'a RunImage, &'a ImageMarks)> {
    let of = |image: &'a RunImage| Some((image, marks.of(&image.file.hash)?));
    images.iter().filter_map(of)
}

fn as_json(images: &[RunImage], marks: &Marks) -> String {
    let entries: Vec<_> = marked(images, marks)
        .map(|(image, noted)| {
            json!({
                "path": text_from_path(&image.file.path),
                "sha256": image.file.hash.to_string(),
                "role": image.role,
                "corrected_role": noted.corrected,
                "tags": noted.tags,
                "reviewed": noted.is_reviewed,
                "note": noted.note,
            })
        })
        .collect();
    json!({ "images": entries, "tags": marks.tags() }).to_string()
}

fn as_table(images: &[RunImage], marks: &Marks) -> String {
    let head = ["path", "role", "corrected", "reviewed", "tags", "note"].map(str::to_owned);
    let rows = marked(images, marks).map(|(image, noted)| {
        let tags: Vec<&str> = noted.tags.iter().map(String::as_str).collect();
        [
            text_from_path(&image.file.path),
            image.role.name().to_owned(),
            noted.corrected.map_or("", Role::name).to_owned(),
            if noted.is_reviewed { "yes" } else { "" }.to_owned(),
            tags.join(", "),
            noted.note.lines().collect::<Vec<_>>().join(" / "),
        ]
    });
    let rows: Vec<[String; 6]> = std::iter::once(head).chain(rows).collect();
    if rows.len() == 1 {
        return "no image of the run has marks".to_owned();
    }
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..6).map(width).collect();
    let lines = rows.iter().map(|row| {
        let cells = row.iter().zip(&widths);
        let line: Vec<String> = cells
            .map(|(cell, width)| format!("{cell:width$}"))
            .collect();
        line.join("  ").trim_end().to_owned()
    });
    lines.collect::<Vec<_>>().join("\n")
}
