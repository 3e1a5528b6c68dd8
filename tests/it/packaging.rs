//! What a package is made of: completions and manual pages by the program, and the files that describe it to a desktop.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use clap::CommandFactory as _;
use clap::ValueEnum as _;
use clap_complete::Shell;
use lmd_inspector::headless::Cli;
use lmd_inspector::runs::file::EXTENSION;

use crate::binary::{lmd, not_run, root, text};
use crate::licenses::linked_libraries;
use crate::networks::fixture;

/// A program that may not be installed.
fn try_run(program: &str, args: &[&str]) -> Option<Output> {
    let output = Command::new(program)
        .args(args)
        .stdin(Stdio::null())
        .output();
    if output.is_err() {
        not_run(&format!("{program} is not installed"));
    }
    output.ok()
}

/// The names of all commands.
fn commands() -> Vec<String> {
    let cli = Cli::command();
    let names = cli.get_subcommands().map(|it| it.get_name().to_owned());
    names.collect()
}

#[test]
fn every_command_has_a_manual_page_with_all_its_options() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    let output = lmd(&["man", text(&pages)]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    assert!(output.stdout.is_empty());
    let page = |name: &str| fs::read_to_string(pages.join(name)).unwrap();
    let main = page("lmd.1");
    let cli = Cli::command();
    assert!(commands().len() >= 16, "{:?}", commands());
    for command in cli.get_subcommands() {
        let name = command.get_name();
        let escaped = |words: &str| words.replace('-', "\\-");
        assert!(main.contains(&escaped(&format!("lmd-{name}"))), "{name}");
        let page = page(&format!("lmd-{name}.1"));
        for option in command.get_arguments().filter(|it| !it.is_hide_set()) {
            if let Some(long) = option.get_long() {
                let long = escaped(&format!("--{long}"));
                assert!(page.contains(&long), "{name} {long}");
            }
        }
    }
    let count = fs::read_dir(&pages).unwrap().count();
    assert_eq!(count, commands().len() + 1, "and one for all of them");

    // What is there is replaced, and a file in the way is told.
    assert_eq!(lmd(&["man", text(&pages)]).status.code(), Some(0));
    let refused = lmd(&["man", text(&pages.join("lmd.1"))]);
    assert_eq!(refused.status.code(), Some(2));

    let score = pages.join("lmd-score.1");
    let shown = try_run("groff", &["-man", "-Tutf8", "-ww", text(&score)]);
    if let Some(shown) = shown {
        let complaints = String::from_utf8_lossy(&shown.stderr);
        assert!(
            shown.status.success() && complaints.is_empty(),
            "{complaints}"
        );
        let words = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(words.contains("Score folders of images"), "{words}");
    }
}

#[test]
fn every_shell_is_told_every_command() {
    for shell in Shell::value_variants() {
        let output = lmd(&["completions", &shell.to_string()]);
        assert_eq!(output.status.code(), Some(0), "{shell}");
        let script = String::from_utf8(output.stdout).unwrap();
        for command in commands() {
            assert!(script.contains(&command), "{shell} {command}");
        }
        assert!(script.contains("in-domain"), "{shell}");
    }
    assert_eq!(lmd(&["completions", "cmd.exe"]).status.code(), Some(2));
}

#[test]
fn bash_completes_a_command_and_an_option() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("lmd.bash");
    fs::write(&script, lmd(&["completions", "bash"]).stdout).unwrap();
    let complete = |words: &str, at: usize| {
        let line = format!(
            "source '{}'; COMP_WORDS=({words}); COMP_CWORD={at}; \
             _lmd lmd \"${{COMP_WORDS[$COMP_CWORD]}}\" \"${{COMP_WORDS[$COMP_CWORD-1]}}\"; \
             echo \"${{COMPREPLY[@]}}\"",
            text(&script)
        );
        let output = try_run("bash", &["--norc", "-c", &line])?;
        Some(String::from_utf8(output.stdout).unwrap().trim().to_owned())
    };
    for (words, at, expected) in [
        ("lmd doc", 1, "doctor"),
        ("lmd compare-det", 1, "compare-detectors"),
        ("lmd doctor --js", 2, "--json"),
    ] {
        if let Some(found) = complete(words, at) {
            assert_eq!(found, expected, "{words}");
        }
    }
}

/// A file that describes the program to a desktop.
fn metadata(name: &str) -> String {
    fs::read_to_string(root().join("assets/package").join(name)).unwrap()
}

/// The texts between a pair of words, e.g. those of an XML element.
fn between<'a>(text: &'a str, start: &str, end: &str) -> Vec<&'a str> {
    let parts = text.split(start).skip(1);
    parts
        .filter_map(|part| Some(part.split_once(end)?.0))
        .collect()
}

#[test]
fn the_desktop_is_told_of_the_same_program_everywhere() {
    let (desktop, info) = (
        metadata("lmd-inspector.desktop"),
        metadata("lmd-inspector.metainfo.xml"),
    );
    let key = |name: &str| {
        let line = desktop.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.strip_prefix('=')).unwrap()
    };
    assert_eq!(key("Exec"), "lmd %f");
    assert_eq!(between(&info, "<binary>", "</binary>"), ["lmd"]);
    let license = between(&info, "<project_license>", "</project_license>");
    let manifest = fs::read_to_string(root().join("Cargo.toml")).unwrap();
    assert_eq!(between(&manifest, "\nlicense = \"", "\""), license);
    // The window's name, by which a desktop finds the icon of a window that is open.
    let id = key("StartupWMClass");
    let start = fs::read_to_string(root().join("src/ui/start.rs")).unwrap();
    assert_eq!(between(&start, ".with_app_id(\"", "\""), [id]);
    let launchable = between(&info, "<launchable type=\"desktop-id\">", "</launchable>");
    assert_eq!(launchable, [format!("{id}.desktop")]);
    assert!(metadata(&format!("{}.svg", key("Icon"))).starts_with("<svg"));
}

#[test]
fn run_files_are_known_by_their_name_and_their_bytes() {
    let mime = metadata("lmd-inspector.mime.xml");
    let kind = between(&mime, "<mime-type type=\"", "\"");
    let desktop = metadata("lmd-inspector.desktop");
    assert_eq!(between(&desktop, "\nMimeType=", ";\n"), kind);
    let info = metadata("lmd-inspector.metainfo.xml");
    assert_eq!(between(&info, "<mediatype>", "</mediatype>"), kind);
    let pattern = format!("*.{EXTENSION}");
    assert_eq!(between(&mime, "<glob pattern=\"", "\""), [pattern]);
    let run = fs::read(fixture("runs/v1/finished.lmdrun")).unwrap();
    let matches = between(&mime, "<match type=\"string\" offset=\"", ">");
    assert_eq!(matches.len(), 2);
    for found in matches {
        let (offset, value) = found.split_once("\" value=\"").unwrap();
        let value = value.trim_end_matches('/').trim_end_matches('"');
        let offset: usize = offset.parse().unwrap();
        let of_file = &run[offset..offset + value.len()];
        assert_eq!(of_file, value.as_bytes(), "{found}");
    }
}

#[test]
fn the_desktops_own_tools_take_the_metadata() {
    let file = |name: &str| root().join("assets/package").join(name);
    // An id by domain comes with the project's home page.
    let args = [
        "validate",
        "--no-net",
        "--override=cid-desktopapp-is-not-rdns=info",
    ];
    let info = file("lmd-inspector.metainfo.xml");
    let checked = try_run("appstreamcli", &[&args[..], &[text(&info)]].concat());
    if let Some(output) = checked {
        assert!(output.status.success(), "{output:?}");
    }
    let desktop = file("lmd-inspector.desktop");
    if let Some(output) = try_run("desktop-file-validate", &[text(&desktop)]) {
        let is_silent = output.stdout.is_empty();
        assert!(output.status.success() && is_silent, "{output:?}");
    }
    let mime = tempfile::tempdir().unwrap();
    let packages = mime.path().join("packages");
    fs::create_dir(&packages).unwrap();
    let copy = packages.join("lmd-inspector.xml");
    fs::copy(file("lmd-inspector.mime.xml"), copy).unwrap();
    if let Some(output) = try_run("update-mime-database", &[text(mime.path())]) {
        assert!(output.status.success(), "{output:?}");
        let globs = fs::read_to_string(mime.path().join("globs2")).unwrap();
        let is_known = globs.contains("application/x-lmdrun:*.lmdrun");
        assert!(is_known, "{globs}");
        let magic = fs::read(mime.path().join("magic")).unwrap();
        let magic = String::from_utf8_lossy(&magic).into_owned();
        assert!(magic.contains("[70:application/x-lmdrun]"), "{magic}");
    }
}

/// Pack a script that passes everything on to the program, which is too large to be packed in a test.
fn pack(out: &Path, binary: &Path) -> BTreeSet<String> {
    use std::os::unix::fs::PermissionsExt as _;
    let script = format!("#!/bin/sh\nexec '{}' \"$@\"\n", env!("CARGO_BIN_EXE_lmd"));
    fs::write(binary, script).unwrap();
    fs::set_permissions(binary, fs::Permissions::from_mode(0o755)).unwrap();
    let output = Command::new(root().join("scripts/package"))
        .args([out, binary])
        .env("SOURCE_DATE_EPOCH", "1000000000")
        .env("CARGO_NET_OFFLINE", "true")
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let files = fs::read_dir(out).unwrap();
    files
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect()
}

/// What is in every package, below the folder that it is installed to.
const PARTS: [&str; 12] = [
    "bin/lmd",
    "share/man/man1/lmd.1.gz",
    "share/man/man1/lmd-doctor.1.gz",
    "share/bash-completion/completions/lmd",
    "share/fish/vendor_completions.d/lmd.fish",
    "share/applications/lmd-inspector.desktop",
    "share/metainfo/lmd-inspector.metainfo.xml",
    "share/mime/packages/lmd-inspector.xml",
    "share/icons/hicolor/scalable/apps/lmd-inspector.svg",
    "share/doc/lmd-inspector/LICENSE-MIT",
    "share/doc/lmd-inspector/LICENSE-APACHE",
    "share/doc/lmd-inspector/third-party-licenses.txt",
];

#[test]
fn the_packages_have_all_parts_in_their_places_and_the_same_bytes_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let binary = folder.path().join("lmd");
    let (one, other) = (folder.path().join("one"), folder.path().join("other"));
    let names = pack(&one, &binary);
    assert_eq!(pack(&other, &binary), names);
    for name in &names {
        let same = fs::read(one.join(name)).unwrap() == fs::read(other.join(name)).unwrap();
        assert!(same, "{name} differs");
    }
    let ending = |ending: &str| names.iter().find(|name| name.ends_with(ending));
    let archive = one.join(ending(".tar.gz").unwrap());
    let listed = try_run("tar", &["-tzf", text(&archive)]).unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    for part in PARTS.into_iter().chain(["share/zsh/site-functions/_lmd"]) {
        let end = format!("/{part}");
        assert!(
            listed.lines().any(|line| line.ends_with(&end)),
            "{part}: {listed}"
        );
    }
    check_documents(&archive);
    match ending(".deb") {
        Some(deb) => check_deb(&one.join(deb)),
        None => not_run("there is no dpkg-deb, or no Debian for this processor"),
    }
}

/// What is made when packing: the release in the description for app stores, and the licenses of what is inside.
fn check_documents(archive: &Path) {
    let read = |pattern: &str| {
        let args = ["-xOzf", text(archive), "--wildcards", pattern];
        String::from_utf8(try_run("tar", &args).unwrap().stdout).unwrap()
    };
    let info = read("*/lmd-inspector.metainfo.xml");
    let version = env!("CARGO_PKG_VERSION");
    let releases = between(&info, "<release version=\"", "/>");
    assert_eq!(releases, [format!("{version}\" date=\"2001-09-09\"")]);

    let licenses = read("*/third-party-licenses.txt");
    for name in linked_libraries() {
        let has_line = licenses.lines().any(|line| line.starts_with(&name));
        assert!(has_line, "no license of {name}");
    }
    for words in [
        "Copyright (c) 2017 Zalando SE",
        "Richard Zhang",
        "Soumith Chintala",
        "SIL OPEN FONT LICENSE Version 1.1",
        "UBUNTU FONT LICENCE Version 1.0",
        "Source Foundry Authors",
        "The Rust Project Developers",
        "May you do good and not evil.",
        "Copyright (c) Zig contributors",
    ] {
        assert!(licenses.contains(words), "{words}");
    }
}

fn check_deb(deb: &Path) {
    let ask = |args: &[&str]| {
        let output = try_run("dpkg-deb", args).unwrap();
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    };
    let listed = ask(&["--contents", text(deb)]);
    let parts = PARTS.into_iter();
    for part in parts.chain(["share/zsh/vendor-completions/_lmd"]) {
        let end = format!(" ./usr/{part}");
        let line = listed.lines().find(|line| line.ends_with(&end));
        let mode = match part {
            "bin/lmd" => "-rwxr-xr-x root/root",
            _ => "-rw-r--r-- root/root",
        };
        assert!(
            line.is_some_and(|line| line.starts_with(mode)),
            "{part}: {listed}"
        );
    }
    let field = |name: &str| ask(&["--field", text(deb), name]);
    assert_eq!(field("Version"), env!("CARGO_PKG_VERSION"));
    for part in [
        "doc/lmd-inspector/changelog.gz",
        "lintian/overrides/lmd-inspector",
    ] {
        assert!(
            listed.contains(&format!(" ./usr/share/{part}")),
            "{part}: {listed}"
        );
    }
    let depends = field("Depends");
    assert!(depends.starts_with("libc6 (>= 2."), "{depends}");
}
