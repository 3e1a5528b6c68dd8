//! Checkpoints of PyTorch Lightning, which hold a network among the state of its training: recognized, and refused, since
//! nothing in them says what the network is.

use super::candidate::Candidate;
use super::{CheckpointError, Family, Match};

pub(super) static FAMILY: Family = Family {
    name: "PyTorch Lightning",
    architectures: &[],
    settings_file: None,
    recognize,
};

fn recognize(candidate: &Candidate<'_>) -> Result<Match, CheckpointError> {
    let Some(names) = candidate.torch_names()? else {
        return Ok(Match::NotMine);
    };
    if names.under_state_dict.is_empty() {
        return Ok(Match::NotMine);
    }
    Ok(Match::Unsupported {
        what: "a PyTorch Lightning checkpoint".to_owned(),
        instead: "export the network as a diffusers UNet2DModel folder",
        path: names.path.clone(),
    })
}
