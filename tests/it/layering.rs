//! The one-way layering of the crate's folders: modules do not enforce it, so this does.

use std::path::{Path, PathBuf};

/// Each folder may name itself and those to its left.
const LAYERS: [&str; 10] = [
    "ood",
    "images",
    "diffusion",
    "networks",
    "detectors",
    "runs",
    "engine",
    "worker",
    "state",
    "ui",
];

/// What `headless` must not name, nor be named by.
const BESIDE_HEADLESS: [&str; 3] = ["worker", "state", "ui"];

/// What stands for all modules at once: the crate's root under another name, or everything in it.
const EVERYTHING: &str = "*";

fn rust_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// The files of a layer: its folder, and its file beside it if it has one.
fn files_of(layer: &str) -> Vec<PathBuf> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&source.join(layer), &mut files);
    assert!(!files.is_empty(), "{layer} has files");
    let beside = source.join(layer).with_extension("rs");
    files.extend(beside.is_file().then_some(beside));
    files
}

/// A token that paths are made of, with its line.
#[derive(Clone, Debug, PartialEq)]
struct Token {
    text: String,
    line: usize,
}

/// Identifiers, `::`, and single other characters; no comments, texts, characters and lifetimes.
fn tokens(text: &str) -> Vec<Token> {
    let bytes = text.as_bytes();
    let mut tokens = Vec::new();
    let (mut at, mut line) = (0, 1);
    while at < bytes.len() {
        let length = skipped(&text[at..]);
        if length > 0 {
            line += text[at..at + length].matches('\n').count();
            at += length;
            continue;
        }
        let rest = &text[at..];
        // A raw identifier is the same name.
        let raw = if rest.starts_with("r#") { 2 } else { 0 };
        let word: String = (rest[raw..].chars())
            .take_while(|c| c.is_alphanumeric() || *c == '_')
            .collect();
        let (found, length) = if !word.is_empty() {
            let length = raw + word.len();
            (word, length)
        } else if rest.starts_with("::") {
            ("::".to_owned(), 2)
        } else {
            let first = rest.chars().next().unwrap();
            (first.to_string(), first.len_utf8())
        };
        if !found.trim().is_empty() {
            tokens.push(Token { text: found, line });
        }
        line += rest[..length].matches('\n').count();
        at += length;
    }
    tokens
}

/// Bytes of the comment or literal that a text begins with, 0 if it begins with neither.
fn skipped(rest: &str) -> usize {
    let until = |end: &str, from: usize| {
        (rest[from..].find(end)).map_or(rest.len(), |found| from + found + end.len())
    };
    if rest.starts_with("//") {
        return rest.find('\n').unwrap_or(rest.len());
    }
    if rest.starts_with("/*") {
        return block_comment(rest);
    }
    // `r"…"`, `br#"…"#` and the like.
    let prefix = rest.len() - rest.trim_start_matches(['b', 'c']).len();
    if let Some(raw) = rest[prefix.min(1)..].strip_prefix('r') {
        let hashes = raw.len() - raw.trim_start_matches('#').len();
        if raw[hashes..].starts_with('"') {
            let start = prefix.min(1) + 1 + hashes + 1;
            return until(&format!("\"{}", "#".repeat(hashes)), start);
        }
    }
    if let Some(start) = ["\"", "b\"", "c\""]
        .iter()
        .find(|start| rest.starts_with(**start))
    {
        let mut is_escaped = false;
        for (index, c) in rest[start.len()..].char_indices() {
            if c == '"' && !is_escaped {
                return start.len() + index + 1;
            }
            is_escaped = c == '\\' && !is_escaped;
        }
        return rest.len();
    }
    if let Some(after) = rest.strip_prefix('\'') {
        let mut chars = after.chars();
        let first = chars.next();
        return match first {
            Some('\\') => until("'", 3),
            Some(c) if chars.next() == Some('\'') => 2 + c.len_utf8(),
            // A lifetime: its name is no path.
            _ => {
                1 + rest[1..].len()
                    - rest[1..]
                        .trim_start_matches(|c: char| c.is_alphanumeric() || c == '_')
                        .len()
            }
        };
    }
    0
}

fn block_comment(rest: &str) -> usize {
    let (mut depth, mut at) = (0, 0);
    while at < rest.len() {
        if rest[at..].starts_with("/*") {
            (depth, at) = (depth + 1, at + 2);
        } else if rest[at..].starts_with("*/") {
            (depth, at) = (depth - 1, at + 2);
            if depth == 0 {
                return at;
            }
        } else {
            at += rest[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    rest.len()
}

/// The modules of the crate's root that a file names, each with its line, in paths that begin with `crate` or lead there by
/// `super`. `depth` is how many modules the file is below the root.
fn named_modules(text: &str, depth: usize) -> Vec<(String, usize)> {
    let tokens = tokens(text);
    let is = |index: usize, text: &str| tokens.get(index).is_some_and(|token| token.text == text);
    let mut named = Vec::new();
    // Braces that are open, those of imports too, and whether each is a module's.
    let mut open: Vec<bool> = Vec::new();
    for index in 0..tokens.len() {
        let is_module = index >= 2 && is(index - 2, "mod");
        match tokens[index].text.as_str() {
            "{" => open.push(is_module),
            "}" => {
                open.pop();
            }
            _ => {}
        }
        let depth = depth + open.iter().filter(|is_module| **is_module).count();
        let is_start = index == 0 || !is(index - 1, "::");
        if is_start && let Some(after) = path_to_root(&tokens, index, depth) {
            take_tree(&tokens, after, &mut named);
        }
    }
    named
}

/// Where a path continues that leads to the crate's root: behind `crate` or enough `super`s, at what follows them.
fn path_to_root(tokens: &[Token], start: usize, depth: usize) -> Option<usize> {
    let text = |index: usize| tokens.get(index).map(|token| token.text.as_str());
    if text(start) == Some("crate") {
        return Some(start + 1);
    }
    let mut at = start;
    if text(at) == Some("self") && text(at + 1) == Some("::") {
        at += 2;
    }
    let mut num_up = 0;
    while text(at) == Some("super") {
        num_up += 1;
        if num_up == depth {
            return Some(at + 1);
        }
        if text(at + 1) != Some("::") {
            return None;
        }
        at += 2;
    }
    None
}

/// Add what a tree of imports, or a plain path, names first behind its start; `at` is where the start ends.
fn take_tree(tokens: &[Token], at: usize, named: &mut Vec<(String, usize)>) {
    let text = |index: usize| tokens.get(index).map(|token| token.text.as_str());
    let line = |index: usize| tokens[index.min(tokens.len() - 1)].line;
    match (text(at), text(at + 1)) {
        // `use crate as root`: whatever follows is named by that.
        (Some("as"), _) | (Some("::"), Some("*")) => named.push((EVERYTHING.to_owned(), line(at))),
        (Some("::"), Some("{")) => take_group(tokens, at + 2, named),
        (Some("::"), Some(name)) => named.push((name.to_owned(), line(at + 1))),
        _ => {}
    }
}

/// Add the first names of a group's parts; `at` is behind its brace.
fn take_group(tokens: &[Token], mut at: usize, named: &mut Vec<(String, usize)>) {
    let mut depth = 1;
    let mut is_first = true;
    while let Some(token) = tokens.get(at) {
        match token.text.as_str() {
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if depth == 0 {
                    return;
                }
            }
            "," if depth == 1 => {
                is_first = true;
                at += 1;
                continue;
            }
            // A group in a group without a name before it: `{{ui}}`.
            "self" | "*" if is_first => named.push((EVERYTHING.to_owned(), token.line)),
            name if is_first => named.push((name.to_owned(), token.line)),
            _ => {}
        }
        // Names come first after the brace of a group that stands alone, too.
        is_first = is_first && token.text == "{";
        at += 1;
    }
}

/// How many modules a file of `src` is below the crate's root.
fn depth_of(path: &Path) -> usize {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let inside = path.strip_prefix(source).unwrap();
    let is_mod = inside.file_name().is_some_and(|name| name == "mod.rs");
    inside.components().count() - usize::from(is_mod)
}

fn check(layer: &str, forbidden: &[&str]) {
    for path in files_of(layer) {
        let text = std::fs::read_to_string(&path).unwrap();
        for (name, line) in named_modules(&text, depth_of(&path)) {
            assert!(
                name != EVERYTHING && !forbidden.contains(&name.as_str()),
                "`{layer}` must not name `{name}` of the crate's root: {}:{line}",
                path.display()
            );
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
fn every_folder_of_the_crate_has_its_place_among_the_layers() {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut folders: Vec<String> = std::fs::read_dir(source)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_dir())
        .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
        .collect();
    folders.sort();
    let mut expected: Vec<&str> = LAYERS.to_vec();
    expected.push("headless");
    expected.sort_unstable();
    assert_eq!(folders, expected);
}

#[test]
fn only_the_user_interface_names_egui() {
    let [below @ .., "ui"] = &LAYERS else {
        panic!("the last layer draws");
    };
    for layer in below {
        for path in files_of(layer) {
            let text = std::fs::read_to_string(&path).unwrap();
            let named = tokens(&text).into_iter().find(|token| token.text == "egui");
            assert_eq!(named, None, "egui in {}", path.display());
        }
    }
}

#[test]
fn only_what_is_above_the_engine_names_channels() {
    for layer in LAYERS.iter().take_while(|layer| **layer != "worker") {
        for path in files_of(layer) {
            let text = std::fs::read_to_string(&path).unwrap();
            let named = (tokens(&text).into_iter()).find(|token| token.text == "crossbeam_channel");
            assert_eq!(named, None, "a channel in {}", path.display());
        }
    }
}

/// What the checker must not be blind to: each of these names `ui`, and nothing else that is forbidden.
#[test]
fn the_checker_finds_a_layer_however_it_is_imported() {
    let in_a_file_of_state = [
        "use crate::ui;",
        "use crate::ui::theme::Theme;",
        "use crate::{ood, ui};",
        "use crate::{ood::{self, Role}, ui::{self}};",
        "use crate::{images::{self}, /* not state, */ ui};",
        "use crate::{\n    images::{\n        Picture,\n    },\n    // Drawn.\n    ui::Options,\n};",
        "use crate::{ood, r#ui as drawn};",
        "use crate :: ui ;",
        "pub(crate) use crate::{{ui}};",
        "fn f() -> crate::ui::Options { todo!() }",
        "fn f() { g::<crate::ui::Options>(); }",
        "use super::super::ui;",
        "use super::super::{ood, ui};",
        "use self::super::super::ui;",
        "mod tests {\n    use super::super::super::ui;\n}",
        "const A: char = '\"'; use crate::ui;",
        "const A: &str = r#\"\"#; use crate::ui; const B: &str = \"\";",
        "fn f<'a>(x: &'a str) {} use crate::ui;",
    ];
    for text in in_a_file_of_state {
        let named = named_modules(text, 2);
        assert!(
            named.iter().any(|(name, _)| name == "ui"),
            "{text}: {named:?}"
        );
    }
    for text in [
        "use crate as root;",
        "use crate::*;",
        "use crate::{self as root, ood};",
    ] {
        assert_eq!(named_modules(text, 2)[0].0, EVERYTHING, "{text}");
    }
    let lines = named_modules("\n/*\n*/ use crate::{\n  ood,\n\n  ui,\n};", 2);
    assert_eq!(lines, [("ood".to_owned(), 4), ("ui".to_owned(), 6)]);
}

#[test]
fn the_checker_takes_nothing_else_for_a_layer() {
    for text in [
        "use crate::uint;",
        "use crate::{ood::ui, images::{ui, state}};",
        "// use crate::ui;",
        "/* use crate::ui; /* */ crate::ui */",
        "const A: &str = \"crate::ui\";",
        "const A: &str = r##\"use \"# crate::ui; \"##;",
        "use super::ui;",
        "use other::crate_name::ui;",
        "mod tests {\n    use super::super::ui;\n}",
        "use super::super::ood;",
    ] {
        let named = named_modules(text, 2);
        assert!(
            named
                .iter()
                .all(|(name, _)| name != "ui" && name != EVERYTHING),
            "{text}: {named:?}"
        );
    }
}
