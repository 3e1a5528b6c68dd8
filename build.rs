//! Tells the program what it was built from and with, for `lmd --version` and bug reports.

use std::env;
use std::path::Path;
use std::process::Command;

#[path = "build/commit.rs"]
mod commit;

fn main() {
    // Unless told otherwise, cargo runs this again after any change in the package.
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=build/commit.rs");
    let variable = |name: &str| env::var(name).unwrap_or_default();
    let profile = variable("PROFILE");
    tell("COMMIT", &commit(&profile, &variable("CARGO_MANIFEST_DIR")));
    tell("PROFILE", &profile);
    tell("TARGET", &variable("TARGET"));
    tell("FEATURES", &features());
    tell("RUSTC", &rustc(&variable("RUSTC")));
}

fn tell(name: &str, value: &str) {
    let value = if value.is_empty() { "unknown" } else { value };
    println!("cargo::rustc-env=LMD_BUILD_{name}={value}");
}

/// The commit of a release. Debug builds, the tests' among them, have none: it would have to be looked after, and so every
/// commit would compile the whole program again.
fn commit(profile: &str, root: &str) -> String {
    if profile != "release" {
        return String::new();
    }
    let found = commit::find(Path::new(root));
    for file in &found.watched {
        println!("cargo::rerun-if-changed={}", file.display());
    }
    found.commit.unwrap_or_default()
}

/// Features besides the default ones, e.g. `cuda, metal`.
fn features() -> String {
    let names = env::vars().filter_map(|(name, _)| {
        let feature = name.strip_prefix("CARGO_FEATURE_")?.to_lowercase();
        (feature != "default").then_some(feature)
    });
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    if names.is_empty() {
        return "none".to_owned();
    }
    names.join(", ")
}

/// E.g. `rustc 1.95.0 (59807616e 2026-04-14)`.
fn rustc(program: &str) -> String {
    let output = Command::new(program).arg("--version").output();
    let text = output.map(|output| output.stdout).unwrap_or_default();
    String::from_utf8_lossy(&text).trim().to_owned()
}
