//! What a package is made of: completions and manual pages by the program, and the files that describe it to a desktop.

use std::fs;
use std::process::{Command, Output, Stdio};

use clap::CommandFactory as _;
use clap::ValueEnum as _;
use clap_complete::Shell;
use lmd_inspector::headless::Cli;

use crate::binary::{lmd, not_run, text};

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
