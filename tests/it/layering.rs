//! The one-way layering of the crate's folders: modules do not enforce it, so this does.

use std::path::Path;

/// Each folder may name itself and those to its left.
const LAYERS: [&str; 8] = [
    "ood",
    "images",
    "diffusion",
    "networks",
    "runs",
    "worker",
    "state",
    "ui",
];

/// What `headless` must not name.
const BESIDE_HEADLESS: [&str; 2] = ["state", "ui"];

fn rust_files(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

fn check(layer: &str, forbidden: &[&str]) {
    let mut files = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("src")
        .join(layer);
    rust_files(&folder, &mut files);
    assert!(!files.is_empty(), "{layer} has files");
    for path in files {
        let text = std::fs::read_to_string(&path).unwrap();
        for other in forbidden {
            let named = format!("crate::{other}");
            let found = text.lines().enumerate().find(|(_, line)| {
                line.match_indices(&named).any(|(at, _)| {
                    // A longer name, such as `crate::uint`, is another module.
                    !line[at + named.len()..].starts_with(|c: char| c.is_alphanumeric() || c == '_')
                })
            });
            if let Some((number, line)) = found {
                panic!(
                    "`{layer}` must not name `{other}`: {}:{}: {}",
                    path.display(),
                    number + 1,
                    line.trim()
                );
            }
        }
    }
}

#[test]
fn folders_name_only_what_is_to_their_left() {
    for (index, layer) in LAYERS.iter().enumerate() {
        let mut forbidden = LAYERS[index + 1..].to_vec();
        forbidden.push("headless");
        check(layer, &forbidden);
    }
    check("headless", &BESIDE_HEADLESS);
}

#[test]
fn only_the_user_interface_names_egui() {
    for layer in &LAYERS[..7] {
        let mut files = Vec::new();
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("src")
            .join(layer);
        rust_files(&folder, &mut files);
        for path in files {
            let text = std::fs::read_to_string(&path).unwrap();
            assert!(
                !text.contains("use egui") && !text.contains("egui::"),
                "egui in {}",
                path.display()
            );
        }
    }
}
