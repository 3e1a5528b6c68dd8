//! `--layout`: data sets as other programs lay them out, each part by the role that its name speaks for.

use std::path::{Path, PathBuf};

use super::{Failure, terminal};
use crate::images::layouts::{self, Layout, Part};
use crate::ood::Role;

/// Options of commands that take a data set by its layout.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct LayoutOptions {
    /// Data sets by the roles of their parts: a folder such as MVTec AD's (train/good, test/good, test/DEFECT; masks in
    /// `ground_truth` are left out), with folders good and bad, or with metadata.csv; or a table of images and labels. What is
    /// taken for what is told first.
    #[arg(long, value_name = "DIR|FILE", num_args = 1..)]
    pub layout: Vec<PathBuf>,
    /// Give a part of the layout another role: in-domain, out-of-domain, unknown or left-out.
    #[arg(long = "as", value_name = "PART=ROLE", num_args = 1.., requires = "layout", value_parser = change)]
    pub changes: Vec<Change>,
}

/// Another role for a part.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    part: String,
    role: Option<Role>,
}

/// What leaves a part out.
const LEFT_OUT: &str = "left-out";

fn change(text: &str) -> Result<Change, String> {
    let (part, name) = (text.rsplit_once('='))
        .ok_or_else(|| "expected PART=ROLE, such as test/scratch=out-of-domain".to_owned())?;
    let role = Role::ALL.into_iter().find(|role| role.name() == name);
    if role.is_none() && name != LEFT_OUT {
        return Err(format!(
            "expected one of the roles in-domain, out-of-domain, unknown and {LEFT_OUT}, got {name}"
        ));
    }
    Ok(Change {
        part: part.to_owned(),
        role,
    })
}

impl LayoutOptions {
    /// Tell what is proposed for each data set and give the sources of all.
    pub fn sources(&self) -> Result<Vec<(Role, PathBuf)>, Failure> {
        let read = |path: &PathBuf| recognized(path);
        let mut layouts = self
            .layout
            .iter()
            .map(read)
            .collect::<Result<Vec<_>, _>>()?;
        for change in &self.changes {
            let mut is_known = false;
            for layout in &mut layouts {
                is_known |= layout.assign(&change.part, change.role);
            }
            if !is_known {
                return Err(no_such_part(&change.part, &layouts));
            }
        }
        let mut sources = Vec::new();
        for layout in &layouts {
            terminal::message(&account(layout));
            let of = layout.sources();
            if of.is_empty() {
                return Err(nothing_to_score(layout));
            }
            sources.extend(of);
        }
        Ok(sources)
    }
}

fn nothing_to_score(layout: &Layout) -> Failure {
    let root = layout.root.display();
    let first = layout.parts.first();
    Failure::bad_request(if layout.has_only_data_sets() {
        let example = first.map_or(&layout.root, |part| &part.source).display();
        anyhow::anyhow!(
            "these are several data sets; take one at a time, such as by --layout {example}: {root}"
        )
    } else {
        anyhow::anyhow!(
            "no part of this layout says that its images are to be scored; give it a role, such as by --as {}=in-domain: \
             {root}",
            first.map_or("PART", |part| &part.name)
        )
    })
}

fn recognized(path: &Path) -> Result<Layout, Failure> {
    if let Err(error) = path.metadata() {
        return Err(Failure::bad_request(anyhow::anyhow!(
            "the data set can't be read: {error}: {}",
            path.display()
        )));
    }
    layouts::recognize(path)
        .map_err(Failure::bad_request)?
        .ok_or_else(|| {
            Failure::bad_request(anyhow::anyhow!(
                "nothing here says which images belong: expected folders such as train, test, good, bad and ground_truth, \
                 a metadata.csv, or a table of images (.csv, .tsv, .jsonl); name images by --in-domain, --out-of-domain \
                 and --unknown instead: {}",
                path.display()
            ))
        })
}

fn no_such_part(name: &str, layouts: &[Layout]) -> Failure {
    let parts = layouts.iter().flat_map(|layout| &layout.parts);
    let names: Vec<&str> = parts.map(|part| part.name.as_str()).collect();
    let are_several = names
        .iter()
        .filter(|part| Path::new(part).ends_with(name))
        .count()
        > 1;
    Failure::bad_request(anyhow::anyhow!(
        "--as {name}: {}; the parts are {}",
        if are_several {
            "more than one part ends so"
        } else {
            "there is no such part"
        },
        names.join(", ")
    ))
}

/// What is taken for what, a line for each part.
fn account(layout: &Layout) -> String {
    let mut lines = vec![format!(
        "{} is laid out as {}",
        layout.root.display(),
        layout.name
    )];
    let roles = Role::ALL.into_iter().map(Some).chain([None]);
    let ordered = roles.flat_map(|role| layout.parts.iter().filter(move |part| part.role == role));
    let ordered: Vec<&Part> = ordered.collect();
    let width = |of: fn(&Part) -> usize| ordered.iter().map(|part| of(part)).max().unwrap_or(0);
    let name = width(|part| part.name.chars().count());
    let count = width(|part| part.num_images.to_string().len());
    for part in ordered {
        lines.push(format!(
            "  {:<13}  {:>count$} {}  {:<name$}  {}",
            part.role.map_or("left out", Role::name),
            part.num_images,
            if part.num_images == 1 {
                "image "
            } else {
                "images"
            },
            part.name,
            part.holds.explanation(),
        ));
    }
    lines.extend(layout.notes.iter().map(|note| format!("  note: {note}")));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_given_by_the_name_of_a_part() {
        let of = |text: &str| change(text).map(|change| (change.part, change.role));
        let part = "test/a=b".to_owned();
        assert_eq!(of("test/a=b=unknown"), Ok((part, Some(Role::Unknown))));
        assert_eq!(of("masks=left-out"), Ok(("masks".to_owned(), None)));
        assert!(of("masks").unwrap_err().contains("PART=ROLE"));
        assert!(of("masks=good").unwrap_err().contains("got good"));
    }
}
