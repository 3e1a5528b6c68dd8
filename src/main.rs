//! LMD Inspector: the window, and the same engine headless.

use std::path::Path;
use std::process::ExitCode;

use clap::Parser as _;
use lmd_inspector::engine::doctor::build::BUILD;
use lmd_inspector::engine::doctor::faults;
use lmd_inspector::engine::doctor::log::Log;
use lmd_inspector::headless::{
    self, Cli, Failure, Outcome, Subcommands, bench, demo, signals, terminal,
};
use lmd_inspector::images::places;
use lmd_inspector::ui::{self, UiError};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => match headless::mistyped_command(std::env::args_os()) {
            Some(failure) => return headless::conclude(Err(failure)).into(),
            None => error.exit(),
        },
    };
    let _log = match cli.command {
        Some(_) => Log::on_stderr(),
        None => watch(),
    };
    if let Err(error) = signals::survive_file_limit() {
        log::warn!("files that reach the process's size limit will end it: {error}");
    }
    match cli.command {
        Some(Subcommands::Bench(args)) if args.ui => headless::conclude(bench_window(&args)),
        Some(command) => headless::run(command),
        None => headless::conclude(window(cli.run.as_deref())),
    }
    .into()
}

/// A window has no terminal to tell of a fault: keep a log, and a report for the next start.
fn watch() -> Log {
    let data = places::data();
    let log = Log::in_files(data.as_deref());
    log::info!("LMD Inspector {}, commit {}", BUILD.version, BUILD.commit);
    if let Some(data) = data {
        faults::watch(data);
    }
    log
}

/// Open the window; where there is no display, do the demo headless, or say how to see a run.
fn window(run: Option<&Path>) -> Result<Outcome, Failure> {
    run.map_or(Ok(()), headless::check_run_file)?;
    let options = ui::Options {
        run: run.map(Path::to_owned),
        ..ui::Options::default()
    };
    match ui::run(&options) {
        Ok(()) => Ok(Outcome::Done),
        Err(err @ UiError::NoDisplay { .. }) => {
            if let Some(run) = run {
                return Err(Failure::failed(anyhow::anyhow!(
                    "{err}; `lmd export FILE --report PAGE.html` shows a run without a window: {}",
                    run.display()
                )));
            }
            terminal::message(&format!("{err}"));
            terminal::message(
                "Running the demo without a window: the bundled model on 40 images per role, 4 attempts",
            );
            Ok(demo::run())
        }
        Err(err) => Err(Failure::failed(err)),
    }
}

/// Time the window's frames.
fn bench_window(args: &bench::Args) -> Result<Outcome, Failure> {
    if args.images < 2 || args.frames == 0 {
        return Err(Failure::bad_request(anyhow::Error::msg(
            "--images must be at least 2 and --frames at least 1",
        )));
    }
    let report = ui::bench::run(args.images, args.frames).map_err(Failure::failed)?;
    let text = if args.json {
        serde_json::to_string(&report).map_err(Failure::failed)?
    } else {
        report.to_string()
    };
    terminal::answer(&text)?;
    Ok(Outcome::Done)
}
