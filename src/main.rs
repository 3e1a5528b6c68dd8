//! LMD Inspector: the window, and the same engine headless.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser as _;
use lmd_inspector::headless::{self, Cli, Failure, Outcome, Subcommands, bench, demo, terminal};
use lmd_inspector::ui::{self, UiError};

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("error")).init();
    let cli = Cli::parse();
    match cli.command {
        Some(Subcommands::Bench(args)) if args.ui => headless::conclude(bench_window(&args)),
        Some(command) => headless::run(command),
        None => window(cli.run),
    }
    .into()
}

/// Open the window; where there is no display, do the same job headless.
fn window(run: Option<PathBuf>) -> Outcome {
    let options = ui::Options {
        run,
        ..ui::Options::default()
    };
    match ui::run(&options) {
        Ok(()) => Outcome::Done,
        Err(err @ UiError::NoDisplay { .. }) => {
            terminal::message(&format!("{err}"));
            terminal::message(
                "Running the demo without a window: the bundled model on 40 images a role, 4 attempts",
            );
            demo::run()
        }
        Err(err) => {
            terminal::message(&format!("error: {err}"));
            Outcome::Failed
        }
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
