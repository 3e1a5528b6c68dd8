//! Checkpoints of denoising-diffusion-pytorch, whose trainer saves the network, the schedule and the average together:
//! recognized, and refused, since nothing in them says what the network is.

use super::candidate::Candidate;
use super::{CheckpointError, Family, Match};

pub(super) static FAMILY: Family = Family {
    name: "denoising-diffusion-pytorch",
    architectures: &[],
    settings_file: None,
    recognize,
};

/// By two of the tensors that its `GaussianDiffusion` keeps beside its `Unet`.
fn recognize(candidate: &Candidate<'_>) -> Result<Match, CheckpointError> {
    const MARKS: [&str; 2] = ["model.init_conv.weight", "sqrt_alphas_cumprod"];
    let Some(names) = candidate.torch_names()? else {
        return Ok(Match::NotMine);
    };
    let has = |mark: &str| {
        let mut all = names.under_model.iter().chain(&names.top);
        all.any(|name| name == mark)
    };
    if !MARKS.into_iter().all(has) {
        return Ok(Match::NotMine);
    }
    Ok(Match::Unsupported {
        what: "a checkpoint of denoising-diffusion-pytorch (its network has linear attention)"
            .to_owned(),
        instead: "train a diffusers UNet2DModel, or use `lmd train`",
        path: names.path.clone(),
    })
}
