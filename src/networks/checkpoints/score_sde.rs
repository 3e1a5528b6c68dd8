//! Checkpoints of `score_sde_pytorch` (<https://github.com/yang-song/score_sde_pytorch>), the code that the paper used:
//! recognized, not read yet.

use super::candidate::Candidate;
use super::{CheckpointError, Family, Match, USE_DIFFUSERS};

pub(super) static FAMILY: Family = Family {
    name: "score_sde",
    recognize,
};

fn recognize(candidate: &Candidate<'_>) -> Result<Match, CheckpointError> {
    let Some(names) = candidate.torch_names()? else {
        return Ok(Match::NotMine);
    };
    let mut tensors = names.top.iter().chain(&names.under_model);
    if !tensors.any(|name| name.contains("all_modules.")) {
        return Ok(Match::NotMine);
    }
    Ok(Match::Unsupported {
        what: "a score_sde checkpoint (.pth)".to_owned(),
        instead: USE_DIFFUSERS,
        path: names.path.clone(),
    })
}
