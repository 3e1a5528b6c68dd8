//! `lmd verify MODEL FILE`: does the network give a reference's output?

use std::path::PathBuf;
use std::sync::Arc;

use super::options::ArchitectureOption;
use super::{Failure, Outcome, terminal};
use crate::networks::checkpoints::{self, ModelSource, SettingsFrom};
use crate::networks::executors::{self, DeviceChoice};
use crate::networks::verify::{VerifyError, verify};

/// Options of `lmd verify`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model folder; `bundled` (of clothing), `bundled:mnist` (of digits) and `bundled:headct` are inside the program.
    pub model: PathBuf,
    /// A safetensors file with the tensors `sample`, `timestep` (or `label`) and `output` (or `used`, where the network
    /// has outputs that are not used).
    pub reference: PathBuf,
    /// A JSON file of settings to be read instead of the one beside the weights, where the model's kind has one.
    #[arg(long, value_name = "FILE", conflicts_with = "architecture")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub architecture: ArchitectureOption,
    /// The largest difference that passes, relative to the output's largest magnitude.
    #[arg(long, default_value_t = 1e-4)]
    pub tolerance: f64,
    /// Where to run.
    #[arg(long, default_value = "auto")]
    pub device: DeviceChoice,
}

/// Compare and print the difference.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    let source = ModelSource::named(&args.model);
    let checkpoint = match &args.config {
        Some(file) => checkpoints::load_with(&source, SettingsFrom::File(file))
            .map_err(Failure::bad_request)?,
        None => args.architecture.look(&source)?,
    };
    let (mut denoiser, device) =
        executors::open_denoiser(Arc::new(checkpoint.network), args.device)
            .map_err(Failure::bad_request)?;
    let found = verify(denoiser.as_mut(), &args.reference).map_err(|error| match error {
        VerifyError::Denoise(_) => Failure::failed(error),
        VerifyError::Unreadable { .. } | VerifyError::BadReference { .. } => {
            Failure::bad_request(error)
        }
    })?;
    let passes = found.passes(args.tolerance);
    terminal::answer(&format!(
        "{}: largest relative difference {:.3e} (tolerance {:.1e}) on {device}",
        if passes { "agrees" } else { "DIFFERS" },
        found.max_relative_difference,
        args.tolerance
    ))?;
    Ok(if passes {
        Outcome::Done
    } else {
        Outcome::Failed
    })
}
