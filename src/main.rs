//! LMD Inspector: the window, and the same engine headless.

use std::process::ExitCode;

use clap::Parser as _;
use lmd_inspector::headless::{self, Cli, demo};

fn main() -> ExitCode {
    env_logger::Builder::from_env(env_logger::Env::default().default_filter_or("error")).init();
    let cli = Cli::parse();
    match cli.command {
        Some(command) => headless::run(command),
        None => demo::run(),
    }
    .into()
}
