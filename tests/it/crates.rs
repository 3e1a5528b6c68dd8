//! The crates as the package registry gets them.

use std::fs;
use std::process::Command;

use crate::binary::{root, text};

/// What the registry takes, in bytes.
const MOST: u64 = 10 << 20;

#[test]
fn crates_are_small_enough_for_the_registry_and_have_what_they_are_built_from() {
    let folder = tempfile::tempdir().unwrap();
    let options = [
        "--workspace",
        "--no-verify",
        "--allow-dirty",
        "--offline",
        "--locked",
    ];
    let output = Command::new(env!("CARGO"))
        .arg("package")
        .args(options)
        .args(["--target-dir", text(folder.path())])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let packed = folder.path().join("package");
    let version = env!("CARGO_PKG_VERSION");
    let size = |name: &str| {
        let path = packed.join(format!("{name}-{version}.crate"));
        fs::metadata(path).unwrap().len()
    };
    for name in [
        "lmd-inspector",
        "lmd-inspector-lpips",
        "lmd-inspector-models",
    ] {
        let size = size(name);
        assert!(size > 1000 && size < MOST, "{name}: {size}");
    }

    let listed = Command::new("tar")
        .arg("-tf")
        .arg(packed.join(format!("lmd-inspector-{version}.crate")))
        .output()
        .unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let has = |name: &str| listed.contains(&format!("/{name}\n"));
    for name in [
        "build.rs",
        "build/commit.rs",
        "Cargo.lock",
        "LICENSE-MIT",
        "src/main.rs",
    ] {
        assert!(has(name), "{name}: {listed}");
    }
    // Whatever is built into the program by its place in the repository.
    for file in [
        "assets/samples/README.md",
        "assets/results/frontier.csv",
        "src/runs/report/html/style.css",
    ] {
        assert!(has(file), "{file}");
    }
    assert!(
        !listed.contains("/tests/") && !listed.contains("/weights/"),
        "{listed}"
    );
}
