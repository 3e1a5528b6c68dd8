//! Checkpoints of OpenAI's improved-diffusion (<https://github.com/openai/improved-diffusion>) and guided-diffusion
//! (<https://github.com/openai/guided-diffusion>): a plain state dictionary in a `.pt` file.
//!
//! Most of the network shows in the names and shapes of its tensors ([`layout`]). What does not, heads and schedule among
//! it, is read from a JSON file beside the weights, or taken from the released model whose shapes these are
//! ([`settings`]); without either the file is refused with the sentence that says what to write.

use super::candidate::Candidate;
use super::tensors::{Taker, TensorFile};
use super::{Checkpoint, CheckpointError, Family, Match};
use crate::diffusion::Schedule;
use crate::networks::identity::ModelIdentity;

use self::layout::Layout;
use self::settings::Settings;

mod layout;
mod settings;
mod unet;

pub(super) static FAMILY: Family = Family {
    name: "OpenAI guided-diffusion",
    recognize,
};

fn recognize(candidate: &Candidate<'_>) -> Result<Match, CheckpointError> {
    let Some(names) = candidate.torch_names()? else {
        return Ok(Match::NotMine);
    };
    if !(names.top.iter()).any(|name| name.starts_with("input_blocks.")) {
        return Ok(Match::NotMine);
    }
    Ok(Match::Mine(load))
}

fn load(candidate: &Candidate<'_>) -> Result<Checkpoint, CheckpointError> {
    let files = candidate.files;
    let name = candidate
        .torch_file()
        .ok_or_else(|| CheckpointError::NoWeights {
            path: files.path(""),
        })?;
    let path = files.path(&name);
    let (tensors, weights_sha256) = TensorFile::open(files, &name)?;
    let layout = Layout::of(&tensors.shapes()).map_err(|refusal| refusal.at(&path))?;
    let mut notes = Vec::new();
    let settings = Settings::find(candidate, &name, &layout, &mut notes)?;
    let mut taker = Taker::new(&tensors, str::to_owned);
    let network = unet::build(&layout, &settings, &mut taker);
    taker.finish(&path)?;
    let schedule =
        Schedule::new(settings.schedule(&layout)).map_err(|source| CheckpointError::Schedule {
            source,
            path: path.clone(),
        })?;
    if layout.learns_variance {
        notes.push(
            "the network's learned variances are not used: ancestral steps take the posterior's"
                .to_owned(),
        );
    }
    Ok(Checkpoint {
        source: candidate.source.clone(),
        name: files.name(),
        family: FAMILY.name,
        identity: ModelIdentity::new(&network, &schedule, weights_sha256),
        network,
        schedule,
        notes,
    })
}
