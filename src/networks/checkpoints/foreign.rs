//! Single-file checkpoints of other families: recognized by content and refused by name.

use super::CheckpointError;
use super::files::Files;
use super::pickle::Pickle;

/// Extensions under which other families keep their checkpoints.
pub(super) const EXTENSIONS: [&str; 4] = ["pth", "pt", "ckpt", "bin"];

/// The refusal for a weights file that has no `config.json` of diffusers beside it.
pub(super) fn refuse(files: &Files, name: &str) -> CheckpointError {
    let path = files.path(name);
    let bytes = match files.read(name, u64::MAX) {
        Ok(bytes) => bytes,
        Err(error) => return error,
    };
    let pickle = match Pickle::open(bytes) {
        Ok(pickle) => pickle,
        Err(message) => return CheckpointError::BadWeights { message, path },
    };
    let top: Vec<String> = pickle.shapes().map(|(name, _)| name.to_owned()).collect();
    let under_model = pickle.names_under("model");
    let under_state_dict = pickle.names_under("state_dict");
    let is_score_sde = |name: &String| name.contains("all_modules.");
    let is_openai = |name: &String| name.starts_with("input_blocks.");
    let (what, instead) = if top.iter().chain(&under_model).any(is_score_sde) {
        (
            "a score_sde checkpoint (.pth)",
            "not yet: use a diffusers UNet2DModel folder",
        )
    } else if top.iter().any(is_openai) {
        (
            "an OpenAI improved- or guided-diffusion checkpoint (.pt)",
            "not yet: use a diffusers UNet2DModel folder",
        )
    } else if !under_state_dict.is_empty() {
        (
            "a PyTorch Lightning checkpoint",
            "export the network as a diffusers UNet2DModel folder",
        )
    } else {
        (
            "a weights file without config.json beside it",
            "use a diffusers UNet2DModel folder",
        )
    };
    CheckpointError::Unsupported {
        what: what.to_owned(),
        instead: instead.to_owned(),
        path,
    }
}
