//! `lmd completions SHELL`: the script that a shell completes commands and options by.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{Cli, Failure, Outcome, terminal};

/// Options of `lmd completions`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The shell that is to read it.
    #[arg(value_enum)]
    pub shell: Shell,
}

/// Print the script.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    let mut script = Vec::new();
    // Written to memory first: it takes a reader that has had enough, such as `head`, for a reason to panic.
    clap_complete::generate(args.shell, &mut Cli::command(), "lmd", &mut script);
    let script = String::from_utf8(script).map_err(Failure::failed)?;
    terminal::answer(script.trim_end())?;
    Ok(Outcome::Done)
}
