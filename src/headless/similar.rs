//! `lmd similar`: which images of a run look alike.
//!
//! The pictures are those that the run keeps, so that its images may be anywhere by now.

use std::path::{Path, PathBuf};

use serde_json::json;

use super::named::content_of;
use super::{Failure, Outcome, terminal};
use crate::engine::Control;
use crate::engine::opened::placed_images;
use crate::engine::similar::{Looker, Similar, SimilarRequest, Twins};
use crate::runs::report::text_from_path;
use crate::runs::{RunImage, file};

/// Options of `lmd similar`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
pub struct Args {
    /// The run file; it is only read.
    #[arg(value_name = "RUN")]
    pub run: PathBuf,
    /// List the images most like this one, of all roles: a path as the run has it, or the end of one; or a file of its content,
    /// wherever that is now.
    #[arg(long, value_name = "PATH", group = "what")]
    pub image: Option<PathBuf>,
    /// How many images to list.
    #[arg(long, value_name = "N", default_value_t = 10, conflicts_with = "duplicates", value_parser = clap::value_parser!(u32).range(1..))]
    pub count: u32,
    /// List the pairs that are nearly the same picture, those of different roles first: one of such a pair says nothing about
    /// the detector that the other does not.
    #[arg(long, group = "what")]
    pub duplicates: bool,
    /// Print one JSON object in place of a table.
    #[arg(long)]
    pub json: bool,
}

/// Print what looks alike.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    let stored = file::read(&args.run).map_err(Failure::bad_request)?;
    for damage in &stored.damage {
        terminal::message(&format!("note: {damage}"));
    }
    let images = placed_images(&stored.images, &stored.manifest);
    let request = SimilarRequest {
        pictures: SimilarRequest::pictures(images.len(), &stored.results),
        known: None,
    };
    let chosen = (args.image.as_deref())
        .map(|path| chosen(path, &images, &request, &args.run))
        .transpose()?;
    match request.num_new() {
        0 => return Err(no_pictures(&args.run)),
        count if count < images.len() => terminal::message(&format!(
            "note: {} of {} images have no picture in the run, since it is not finished, they could not be read, or there \
             are more than memory takes; they are left out",
            images.len() - count,
            images.len()
        )),
        _ => {}
    }
    let mut looker = Looker::open(None).map_err(Failure::failed)?;
    let control = Control::default();
    let similar =
        Similar::of(&request, &mut looker, &control, &mut |_| ()).map_err(Failure::failed)?;
    let text = match chosen {
        Some(id) => nearest(&similar, &images, id, args),
        None => duplicates(&similar, &images, args.json),
    };
    terminal::answer(&text)?;
    Ok(Outcome::Done)
}

fn no_pictures(run: &Path) -> Failure {
    Failure::bad_request(anyhow::anyhow!(
        "the run has no picture to compare, since no attempt was made yet; finish it by `lmd score --resume`: {}",
        run.display()
    ))
}

/// The id of the image that is named, which must have a picture.
fn chosen(
    path: &Path,
    images: &[RunImage],
    request: &SimilarRequest,
    run: &Path,
) -> Result<usize, Failure> {
    let refused = |why: &str| {
        Failure::bad_request(anyhow::anyhow!(
            "{why}: {}; the run: {}",
            path.display(),
            run.display()
        ))
    };
    let content = content_of(path, images).map_err(refused)?;
    let is_seen = |id: usize| request.pictures.get(id).is_some_and(Option::is_some);
    let mut with_content = (0..images.len()).filter(|&id| images[id].file.hash == content);
    (with_content.find(|&id| is_seen(id))).ok_or_else(|| {
        refused("the run has no picture of this image, since it is not finished or the image could not be read")
    })
}

fn described(image: &RunImage) -> serde_json::Value {
    json!({
        "path": text_from_path(&image.file.path),
        "role": image.role,
        "sha256": image.file.hash.to_string(),
    })
}

/// A line of a table: how alike, and each image with its role.
fn line(similarity: f64, shown: &[&RunImage]) -> String {
    let images = shown.iter().map(|image| {
        let path = text_from_path(&image.file.path);
        format!("  {:13}  {path}", image.role.name())
    });
    format!("{similarity:.4}{}", images.collect::<String>())
}

fn nearest(similar: &Similar, images: &[RunImage], id: usize, args: &Args) -> String {
    let found = similar.nearest(id, args.count as usize);
    if args.json {
        let entries: Vec<_> = found
            .iter()
            .map(|&(other, similarity)| {
                let mut entry = described(&images[other]);
                entry["similarity"] = json!(similarity);
                entry
            })
            .collect();
        return json!({ "image": described(&images[id]), "similar": entries }).to_string();
    }
    if found.is_empty() {
        return "no other image of the run has a picture".to_owned();
    }
    let lines = found
        .iter()
        .map(|&(other, similarity)| line(similarity, &[&images[other]]));
    lines.collect::<Vec<_>>().join("\n")
}

fn duplicates(similar: &Similar, images: &[RunImage], is_json: bool) -> String {
    let has_two_roles = |twins: &Twins| {
        let [a, b] = twins.images;
        images[a].role != images[b].role
    };
    let mut pairs: Vec<&Twins> = similar.twins.iter().collect();
    pairs.sort_by(|a, b| {
        let roles = has_two_roles(b).cmp(&has_two_roles(a));
        roles.then(b.similarity.total_cmp(&a.similarity))
    });
    if is_json {
        let entries: Vec<_> = pairs
            .iter()
            .map(|twins| {
                json!({
                    "similarity": twins.similarity,
                    "across_roles": has_two_roles(twins),
                    "images": twins.images.map(|id| described(&images[id])),
                })
            })
            .collect();
        return json!({ "duplicates": entries }).to_string();
    }
    if pairs.is_empty() {
        return "no two images of the run are nearly the same picture".to_owned();
    }
    let lines = pairs.iter().map(|twins| {
        let [a, b] = twins.images.map(|id| &images[id]);
        line(twins.similarity, &[a, b])
    });
    lines.collect::<Vec<_>>().join("\n")
}
