//! `lmd convert MODEL OUT`: a model of any family as a diffusers folder.

use std::path::PathBuf;

use super::options::ArchitectureOption;
use super::{Failure, Outcome, terminal};
use crate::engine::converting::ConvertRequest;
use crate::networks::checkpoints::{ModelSource, Numbers, SettingsFrom};

/// Options of `lmd convert`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model: a folder or a file of any family that opens here; `bundled` (of clothing), `bundled:mnist` (of digits) and `bundled:headct` are inside the program.
    pub model: PathBuf,
    /// The folder to write, which must not be there yet; Python's diffusers opens it.
    pub output: PathBuf,
    /// A JSON file of settings to be read instead of the one beside the weights, where the model's kind has one.
    #[arg(long, value_name = "FILE", conflicts_with = "architecture")]
    pub config: Option<PathBuf>,
    #[command(flatten)]
    pub architecture: ArchitectureOption,
    /// Numbers that the weights are written in.
    #[arg(long, value_enum, default_value = "f32")]
    pub dtype: DtypeName,
}

/// [`Numbers`] by name.
#[derive(Clone, Copy, Debug, clap::ValueEnum)]
pub enum DtypeName {
    /// Single precision: the model's numbers stay what they are.
    F32,
    /// Half precision.
    F16,
    /// Half of the digits' space, all of the range.
    Bf16,
}

/// Write the folder beside its place, compare, and put it there.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    let numbers = match args.dtype {
        DtypeName::F32 => Numbers::F32,
        DtypeName::F16 => Numbers::F16,
        DtypeName::Bf16 => Numbers::Bf16,
    };
    let request = ConvertRequest {
        source: ModelSource::named(&args.model),
        output: args.output.clone(),
        numbers,
    };
    let settings = match &args.config {
        Some(file) => SettingsFrom::File(file),
        None => args.architecture.architecture.into(),
    };
    let made = request.carry_out(settings).map_err(|error| {
        if error.is_bad_request() {
            Failure::bad_request(error)
        } else {
            Failure::failed(error)
        }
    })?;
    for note in &made.notes {
        terminal::message(&format!("note: {note}"));
    }
    terminal::message(&made.summary());
    terminal::answer(&args.output.display().to_string())?;
    Ok(Outcome::Done)
}
