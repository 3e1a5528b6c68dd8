//! Labels from a table: a table that names images and their roles stands for a folder of each role.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::listing::{ListError, Listing, Traits};
use super::table::{self, TableError};
use super::words::{self, Class};
use super::{Source, Wanted, rows};
use crate::ood::Role;

pub(super) static SOURCE: Source = Source {
    name: "table of labels",
    has_roles: true,
    is_one: is_table,
    list,
    read_inside: None,
};

/// Whether a path is taken for a table rather than for images.
pub fn is_table(path: &Path) -> bool {
    table::is_named_like_a_table(path) && path.is_file()
}

/// Read a table all of whose rows say which role their images have, by labels such as `in-domain`, `good`, `0`;
/// `out-of-domain`, `defect`, `1`; `unknown` or nothing. The first row that doesn't is refused.
pub fn read(path: &Path) -> Result<Vec<(PathBuf, Role)>, TableError> {
    let table = table::read(path)?;
    let wrong = |line, what: String| TableError::Row {
        line,
        what,
        path: path.to_owned(),
    };
    if let Some((line, what)) = table.bad.first() {
        return Err(wrong(*line, what.clone()));
    }
    let role = |row: &table::Row| {
        match &row.label {
        None => Err("has no label; expected `path,label`".to_owned()),
        Some(label) => role(label).ok_or_else(|| {
            format!(
                "has the label `{label}`; expected in-domain (or good, normal, ok, 0), out-of-domain (or bad, defect, \
                 anomalous, 1) or unknown; `lmd score --layout` takes other labels by --as"
            )
        }),
    }
    };
    let entry = |row: table::Row| {
        let role = role(&row).map_err(|what| wrong(row.line, what))?;
        Ok((row.image, role))
    };
    table.rows.into_iter().map(entry).collect()
}

fn role(label: &str) -> Option<Role> {
    Some(match words::class(label)? {
        Class::Normal => Role::InDomain,
        Class::Abnormal => Role::OutOfDomain,
        Class::Unknown => Role::Unknown,
    })
}

fn list(
    path: &Path,
    wanted: Wanted,
    traits: &mut Traits,
    progress: &mut dyn FnMut(usize) -> ControlFlow<()>,
) -> Result<Listing, ListError> {
    let entries = read(path)?.into_iter();
    let images = entries.filter(|(_, role)| Some(*role) == wanted.role);
    let images = images.map(|(image, _)| (image, None));
    rows::list_images(images, wanted.limit, traits, progress)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn table(text: &str) -> Result<Vec<(PathBuf, Role)>, TableError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.csv");
        fs::write(&path, text).unwrap();
        let entries = read(&path)?;
        let shorter = |(image, role): (PathBuf, Role)| {
            let image = image.strip_prefix(folder.path()).map(Path::to_owned);
            (image.unwrap(), role)
        };
        Ok(entries.into_iter().map(shorter).collect())
    }

    #[test]
    fn columns_are_found_by_name_or_place() {
        let expected = [
            (PathBuf::from("a.png"), Role::InDomain),
            (PathBuf::from("b, \"c\".png"), Role::OutOfDomain),
            (PathBuf::from("d/e.png"), Role::Unknown),
        ];
        let quoted = "\"b, \"\"c\"\".png\"";
        let plain = format!("a.png,0\r\n{quoted},ood\n\nd/e.png,\n");
        assert_eq!(table(&plain).unwrap(), expected);
        let named = format!(
            "\u{FEFF}score,Role,path\n1,in-domain,a.png\n2,OUT,{quoted}\n3,unknown,d/e.png"
        );
        assert_eq!(table(&named).unwrap(), expected);
        let peers = format!("filepath;Label\na.png;good\n{quoted};Anomalous\nd/e.png;\n");
        assert_eq!(table(&peers).unwrap(), expected);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let message = |text| table(text).unwrap_err().to_string();
        assert!(message("path,label\na.png,cat\n").contains("line 2"));
        assert!(message("a.png,in\nb.png\n").contains("line 2"));
        assert!(message("path,label\n").contains("names no image"));
        assert!(message("path,label\na.png,in\n\n,in\n").contains("line 4"));
        assert!(message("a.png,in\n\" \",ood\n").contains("its path is empty"));
        let missing = read(Path::new("/no/such.csv")).unwrap_err().to_string();
        assert!(missing.contains("can't be read") && missing.contains("/no/such.csv"));
    }
}
