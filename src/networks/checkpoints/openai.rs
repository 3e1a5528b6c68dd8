//! Checkpoints of OpenAI's improved and guided diffusion (<https://github.com/openai/guided-diffusion>): recognized, not
//! read yet.

use super::candidate::Candidate;
use super::{CheckpointError, Family, Match, USE_DIFFUSERS};

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
    Ok(Match::Unsupported {
        what: "an OpenAI improved- or guided-diffusion checkpoint (.pt)".to_owned(),
        instead: USE_DIFFUSERS,
        path: names.path.clone(),
    })
}
