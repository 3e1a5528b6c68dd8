//! `lmd convert MODEL OUT`: a model of any family as a diffusers folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::{Failure, Outcome, terminal};
use crate::networks::checkpoints::{self, ModelSource, Numbers};
use crate::networks::convert::{ConvertError, convert};

/// Options of `lmd convert`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model: a folder or a file of any family that opens here; `bundled` is the model inside the program.
    pub model: PathBuf,
    /// The folder to write, which must not be there yet; Python's diffusers opens it.
    pub output: PathBuf,
    /// A JSON file of settings to be read instead of the one beside the weights, where the model's kind has one.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
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
    let output = &args.output;
    if output.exists() {
        return Err(Failure::bad_request(anyhow::anyhow!(
            "there is something already; choose a folder that is not there yet: {}",
            output.display()
        )));
    }
    let source = ModelSource::named(&args.model);
    let checkpoint =
        checkpoints::load_with(&source, args.config.as_deref()).map_err(Failure::bad_request)?;
    let numbers = match args.dtype {
        DtypeName::F32 => Numbers::F32,
        DtypeName::F16 => Numbers::F16,
        DtypeName::Bf16 => Numbers::Bf16,
    };
    let neighbor = Neighbor::new(output)?;
    let made = convert(&checkpoint, &neighbor.0, numbers).map_err(|error| match error {
        ConvertError::Inexpressible { .. } | ConvertError::TooLarge(_) => {
            Failure::bad_request(error)
        }
        error => Failure::failed(error),
    })?;
    // What has appeared there meanwhile stays: a folder is not renamed onto another that holds anything.
    fs::rename(&neighbor.0, output).map_err(|error| {
        Failure::failed(anyhow::anyhow!(
            "the folder could not be put in its place ({error}): {}",
            output.display()
        ))
    })?;
    for note in &checkpoint.notes {
        terminal::message(&format!("note: {note}"));
    }
    if made.num_idle > 0 {
        terminal::message(&format!(
            "note: diffusers' blocks have {} more attentions than the model; these were written so that they do nothing",
            made.num_idle
        ));
    }
    terminal::message(&format!(
        "opened again, its outputs are within {:.1e} of the model's largest",
        made.max_relative_difference
    ));
    terminal::answer(&output.display().to_string())?;
    Ok(Outcome::Done)
}

/// A folder beside the output; removed when dropped, unless it was renamed.
struct Neighbor(PathBuf);

impl Neighbor {
    fn new(output: &Path) -> Result<Self, Failure> {
        let mut name = std::ffi::OsString::from(".");
        name.push(output.file_name().unwrap_or_default());
        name.push(format!(".{}.part", std::process::id()));
        let path = output.with_file_name(name);
        match fs::create_dir(&path) {
            Ok(()) => Ok(Self(path)),
            Err(error) => Err(Failure::bad_request(anyhow::anyhow!(
                "nothing can be written here ({error}): {}",
                path.display()
            ))),
        }
    }
}

impl Drop for Neighbor {
    fn drop(&mut self) {
        // It is not there where it was renamed; a rest does no harm otherwise.
        fs::remove_dir_all(&self.0).ok();
    }
}
