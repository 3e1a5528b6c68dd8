//! `lmd train`: a model of one's own images.

mod options;
mod teller;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use self::teller::{Teller, bar, tell_beginning, tell_cost};
use super::collect::Collected;
use super::signals::Signals;
use super::{Failure, Outcome, terminal};
use crate::diffusion::{Interrupt, Interrupted};
use crate::engine::training::request::{self, Begun, Reading};
use crate::engine::training::{End, TrainingError};
use crate::images::ImageFile;
use crate::networks::executors::cpu::{CpuOptions, Machine};
use crate::ood::Role;

pub use self::options::Args;

/// A stop by a signal.
struct BySignal<'a>(&'a Signals);

impl Interrupt for BySignal<'_> {
    fn check(&self) -> Result<(), Interrupted> {
        match self.0.exit_code() {
            Some(_) => Err(Interrupted),
            None => Ok(()),
        }
    }
}

/// Train, then say where the model is.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    args.check()?;
    let signals = Signals::catch().map_err(Failure::failed)?;
    let stopped = || Ok(Outcome::Interrupted(signals.exit_code().unwrap_or(1)));
    let Begun {
        mut training,
        skipped,
        notes,
    } = match begin(args, &signals) {
        Ok(begun) => begun,
        Err(Stop::Failed(failure)) => return Err(failure),
        Err(Stop::Training(TrainingError::Interrupted(Interrupted))) => return stopped(),
        Err(Stop::Training(error)) => return Err(Failure::bad_request(error)),
    };
    for (path, reason) in &skipped {
        terminal::message(&format!("skipped: {reason}: {}", path.display()));
    }
    training = training.saving_every(Duration::from_secs(args.save_every));
    tell_beginning(&training);
    for note in &notes {
        terminal::message(&format!("note: {note}"));
    }
    let by_signal = BySignal(&signals);
    let mut teller = Teller::new();
    if !args.keep {
        // A stop meanwhile stops the run at its first step.
        if let Ok(secs) = training.estimated_step_secs(&by_signal) {
            tell_cost(&training, secs);
        }
        let end = training.run(&by_signal, &mut |news| teller.tell(news));
        teller.bar.finish_and_clear();
        if let End::Stopped { step, folder } = end.map_err(Failure::failed)? {
            terminal::message(&format!(
                "stopped; what was learnt in {step} steps is kept: the same command with --resume continues, with --resume \
                 --keep it makes a model of that: {}",
                folder.display()
            ));
            return stopped();
        }
    }
    let made = training.finish(&by_signal, &mut |news| teller.tell(news));
    teller.bar.finish_and_clear();
    let model = made.map_err(Failure::failed)?;
    terminal::message("done; the model opens with `lmd score --model`");
    terminal::answer(&model.display().to_string())?;
    Ok(Outcome::Done)
}

/// Why there is nothing to train.
enum Stop {
    Failed(Failure),
    Training(TrainingError),
}

impl From<Failure> for Stop {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<TrainingError> for Stop {
    fn from(error: TrainingError) -> Self {
        Self::Training(error)
    }
}

fn begin(args: &Args, signals: &Signals) -> Result<Begun, Stop> {
    let options = CpuOptions {
        threads: args.threads,
        isa: None,
    };
    let machine = Machine::new(&options).map_err(Failure::failed)?;
    let by_signal = BySignal(signals);
    let bar = bar("reading image {pos}", 0);
    let reading = Reading {
        interrupt: &by_signal,
        progress: &|num_read: usize| bar.set_position(num_read as u64),
    };
    let request = args.request();
    let begun = if args.resume {
        let again = || Collected::again_until(signals);
        let list = || -> Result<_, Stop> { Ok(list(&args.in_domain, again())?) };
        request::resume(&args.output, list, machine, reading)?
    } else {
        request.check()?;
        let files = list(&args.in_domain, Collected::until(signals))?;
        request.begin(&files, machine, reading)?
    };
    bar.finish_and_clear();
    Ok(begun)
}

/// All images of all sources, each content once.
fn list(sources: &[PathBuf], mut collected: Collected) -> Result<Vec<Arc<ImageFile>>, Failure> {
    for source in sources {
        collected.add(Role::InDomain, source, None)?;
    }
    collected.settle();
    Ok(collected
        .images
        .into_iter()
        .map(|image| image.file)
        .collect())
}
