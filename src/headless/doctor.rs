//! `lmd doctor`: does the program work on this machine?

use serde::Serialize;

use super::{Failure, Outcome, terminal};
use crate::engine::doctor::build::{BUILD, Build};
use crate::engine::doctor::{Finding, Status, diagnose};

/// Options of `lmd doctor`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// What `--json` prints.
#[derive(Serialize)]
struct Answer<'a> {
    build: Build,
    findings: &'a [Finding],
    warnings: usize,
    failed: usize,
}

/// Print each fact as it is found. Fails where one of them does, so that scripts can ask.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    let mut told = Ok(());
    let report = diagnose(&mut |finding| {
        if !args.json && told.is_ok() {
            told = terminal::answer(&finding.lines());
        }
    });
    told?;
    let failed = report.count(Status::Failed);
    let answer = Answer {
        build: BUILD,
        findings: &report.findings,
        warnings: report.count(Status::Warning),
        failed,
    };
    let text = if args.json {
        serde_json::to_string(&answer).map_err(Failure::failed)?
    } else {
        report.summary()
    };
    terminal::answer(&text)?;
    Ok(if failed == 0 {
        Outcome::Done
    } else {
        Outcome::Failed
    })
}
