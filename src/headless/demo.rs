//! The demo without a window: the bundled model on the bundled samples.

use super::execute::{self, Request};
use super::signals::Signals;
use super::{Failure, Outcome, output, terminal};
use crate::detectors::lmd::Lmd;
use crate::images::samples;
use crate::networks::checkpoints::{Bundled, ModelSource};
use crate::ood::Role;
use crate::runs::RunSettings;
use crate::runs::file::KeepPictures;
use crate::runs::settings::Selection;

/// Images a role, and attempts, that take under three minutes on two cores.
const NUM_IMAGES: usize = 40;
const NUM_ATTEMPTS: usize = 4;

/// Score a part of the samples and say where the report is.
pub fn run() -> Outcome {
    super::conclude(execute())
}

fn execute() -> Result<Outcome, Failure> {
    let folders = samples::extract().map_err(Failure::failed)?;
    let model = Bundled::default();
    let request = Request {
        source: ModelSource::Bundled(model),
        architecture: Default::default(),
        settings: RunSettings {
            selection: Selection {
                limit: Some(NUM_IMAGES),
            },
            ..RunSettings::by_lmd(Lmd {
                num_attempts: NUM_ATTEMPTS,
                ..Lmd::default()
            })
        },
        fit_files: Vec::new(),
        is_measure_asked: false,
        folders: [
            (Role::InDomain, model.in_domain()),
            (Role::OutOfDomain, model.out_of_domain()),
        ]
        .into_iter()
        .filter_map(|(role, sample)| Some((role, folders.of(sample?))))
        .collect(),
        watch: Vec::new(),
        is_json: false,
        shard: None,
        keep_pictures: KeepPictures::All,
        target: output::target(None, false)?,
    };
    let signals = Signals::catch().map_err(Failure::failed)?;
    let prepared = execute::prepare(&request, &signals)?;
    let shown = prepared.target.shown().display().to_string();
    let (outcome, _) = execute::carry_out(prepared, &signals)?;
    terminal::answer(&shown)?;
    Ok(outcome)
}
