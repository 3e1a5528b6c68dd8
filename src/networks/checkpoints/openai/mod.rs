//! Checkpoints of OpenAI's improved-diffusion (<https://github.com/openai/improved-diffusion>) and guided-diffusion
//! (<https://github.com/openai/guided-diffusion>): a plain state dictionary in a `.pt` file.
//!
//! Most of the network shows in the names and shapes of its tensors ([`layout`]). What does not, heads and schedule among
//! it, is read from a JSON file beside the weights, or taken from the released model whose shapes these are
//! ([`settings`]); without either the file is refused with the sentence that says what to write.

use super::candidate::{Candidate, TorchWeights};
use super::tensors::{Taker, TensorFile};
use super::{Checkpoint, CheckpointError, Contents, Family, Match, schedule_of};

use self::layout::Layout;
use self::settings::Settings;

mod layout;
mod published;
mod settings;
mod unet;

pub(super) static FAMILY: Family = Family {
    name: "OpenAI guided-diffusion",
    architectures: published::PUBLISHED,
    settings_file: None,
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
    let TorchWeights {
        name,
        path,
        pickle,
        sha256: weights_sha256,
    } = candidate.take_torch()?;
    let tensors = TensorFile::Pickle(pickle);
    let layout = Layout::of(&tensors.shapes()).map_err(|refusal| refusal.at(&path))?;
    let mut notes = Vec::new();
    let (settings, told) = Settings::find(candidate, &name, &layout, &mut notes)?;
    let mut taker = Taker::new(&tensors, str::to_owned);
    let network = unet::build(&layout, &settings, &mut taker);
    let num_tensors = taker.finish(&path)?;
    if layout.learns_variance {
        notes.push(
            "the network's learned variances are not used: ancestral steps take the posterior's"
                .to_owned(),
        );
    }
    let contents = Contents {
        network,
        schedule: schedule_of(settings.schedule(&layout), path)?,
        weights_sha256,
        notes,
        settings: told,
        num_tensors,
    };
    Ok(Checkpoint::new(candidate, &FAMILY, contents))
}
