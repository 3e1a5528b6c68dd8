//! The licenses of what is inside the program: all are known and allowed, or nothing is packed.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Output};

use crate::binary::root;

/// All crates that a package's program is built of, e.g. `egui 0.37.0:`.
pub fn linked_libraries() -> BTreeSet<String> {
    let args =
        "tree --locked --offline --features medical --edges normal --prefix none --format {p}";
    let args: Vec<&str> = args.split(' ').collect();
    let output = Command::new(env!("CARGO"))
        .args(args)
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let tree = String::from_utf8(output.stdout).unwrap();
    let names: BTreeSet<String> = tree
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some((words.next()?, words.next()?.strip_prefix('v')?))
        })
        // The program and its data.
        .filter(|(name, _)| !name.starts_with(env!("CARGO_PKG_NAME")))
        .map(|(name, version)| format!("{name} {version}: "))
        .collect();
    assert!(names.len() > 300, "{names:?}");
    names
}

/// What `scripts/third-party-licenses` says of a program that is linked with one library, of these license lines and files.
fn licenses_with(lines: &str, files: &[(&str, &str)]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    let package = |name: &str| {
        format!("[package]\nname = \"{name}\"\nversion = \"1.2.3\"\nedition = \"2024\"\n")
    };
    let program = package("program") + "[dependencies]\nodd = { path = \"odd\" }\n[workspace]\n";
    write("Cargo.toml", &program);
    write("src/main.rs", "fn main() {}\n");
    write("odd/Cargo.toml", &(package("odd") + lines));
    write("odd/src/lib.rs", "");
    for (name, text) in files {
        write(&format!("odd/{name}"), text);
    }
    let manifest = folder.path().join("Cargo.toml");
    let locked = Command::new(env!("CARGO"))
        .args(["generate-lockfile", "--offline", "--manifest-path"])
        .arg(&manifest)
        .output()
        .unwrap();
    assert!(locked.status.success(), "{locked:?}");
    Command::new(root().join("scripts/third-party-licenses"))
        .args(["x86_64-unknown-linux-gnu", "--features", ""])
        .arg("--manifest-path")
        .arg(&manifest)
        .env("CARGO_NET_OFFLINE", "true")
        .output()
        .unwrap()
}

#[test]
fn a_library_without_a_license_that_is_allowed_and_known_is_refused_by_name() {
    let mit = fs::read_to_string(root().join("LICENSE-MIT")).unwrap();
    let gpl = "GNU GENERAL PUBLIC LICENSE\nVersion 2, June 1991\n";
    for (lines, files, expected) in [
        (
            "license = \"GPL-3.0-only\"",
            &[][..],
            "not among the allowed",
        ),
        (
            "license = \"MIT AND GPL-2.0-only\"",
            &[],
            "not among the allowed",
        ),
        (
            "license = \"MIT\"",
            &[("COPYING", gpl)],
            "is the text of GPL",
        ),
        ("license = \"ISC\"", &[("LICENSE", &*mit)], "no text of ISC"),
        ("", &[], "neither the name nor the text"),
    ] {
        let output = licenses_with(lines, files);
        let complaint = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{lines}: {complaint}");
        assert!(complaint.contains("odd 1.2.3"), "{lines}: {complaint}");
        assert!(complaint.contains(expected), "{lines}: {complaint}");
        assert!(output.stdout.is_empty(), "{lines}");
    }
}

#[test]
fn a_library_without_a_text_has_the_one_of_its_license_with_its_authors() {
    let gpl = "GNU GENERAL PUBLIC LICENSE\nVersion 2, June 1991\n";
    let both = fs::read_to_string(root().join("LICENSE-APACHE")).unwrap();
    for (lines, files, expected, unexpected) in [
        ("license = \"MIT\"", &[][..], "Copyright (c) A. Uthor", gpl),
        (
            "license = \"MIT OR Apache-2.0\"",
            &[],
            "\nodd 1.2.3 (A. Uthor",
            gpl,
        ),
        (
            "license = \"Apache-2.0 OR GPL-2.0-only\"",
            &[("LICENSE-APACHE", &*both), ("LICENSE-GPL", gpl)],
            "\nodd 1.2.3\n",
            gpl,
        ),
    ] {
        let lines = format!("{lines}\nauthors = [\"A. Uthor <a@uthor>\"]\n");
        let output = licenses_with(&lines, files);
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(printed.contains(expected), "{lines}");
        assert!(!printed.contains(unexpected), "{lines}");
    }
}
