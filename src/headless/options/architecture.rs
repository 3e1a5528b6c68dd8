//! `--architecture`: which published model a checkpoint is that does not say all of itself.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::headless::{Failure, terminal};
use crate::networks::checkpoints::{self, Architecture, Checkpoint, ModelSource, SettingsFrom};

/// The option of every command that opens a model.
#[derive(Clone, Copy, Debug, Default, clap::Args)]
pub struct ArchitectureOption {
    /// The published model that the weights are, e.g. score-sde/subvp-ddpm-cifar10, where neither they nor a file beside
    /// them say how it was built and trained; a name that is unknown lists all.
    #[arg(long, value_name = "NAME", value_parser = parser(), hide_possible_values = true)]
    pub architecture: Option<&'static Architecture>,
}

impl ArchitectureOption {
    /// Read a model for work that refers to it afterwards: what was chosen is saved beside the weights.
    pub fn load(self, source: &ModelSource) -> Result<Checkpoint, Failure> {
        let checkpoint = self.look(source)?;
        if let Some(file) = checkpoint.save_chosen().map_err(Failure::bad_request)? {
            terminal::message(&format!(
                "the settings of --architecture are saved beside the weights; the model opens by them from now on: {}",
                file.display()
            ));
        }
        Ok(checkpoint)
    }

    /// Read a model and leave nothing behind.
    pub fn look(self, source: &ModelSource) -> Result<Checkpoint, Failure> {
        checkpoints::load_with(source, SettingsFrom::from(self.architecture))
            .map_err(Failure::bad_request)
    }
}

fn parser() -> impl TypedValueParser<Value = &'static Architecture> {
    let names = Architecture::all().map(|it| PossibleValue::new(it.name).help(it.about));
    PossibleValuesParser::new(names)
        .try_map(|name| Architecture::named(&name).ok_or("there is no such architecture"))
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::super::super::Cli;

    /// What a command needs besides.
    const COMMANDS: [&str; 11] = [
        "info a.pth",
        "verify a.pth b.safetensors",
        "convert a.pth b",
        "bench --model a.pth",
        "score --model a.pth --in-domain a",
        "score --resume a.lmdrun --model a.pth",
        "calibrate --model a.pth --in-domain a --output b",
        "classify --detector a.json --model a.pth b",
        "fit --method msma --model a.pth --in-domain a --output b",
        "compare-detectors --model a.pth --in-domain a --out-of-domain b --output c",
        "train --from a.pth --in-domain a --output b",
    ];

    #[test]
    fn each_command_that_opens_a_model_takes_it_and_lists_the_names() {
        for command in COMMANDS {
            let line = |name: &str| {
                let words = format!("lmd {command} --architecture {name}");
                let words: Vec<String> = words.split(' ').map(str::to_owned).collect();
                Cli::command().try_get_matches_from(words)
            };
            let known = line("score-sde/ve-ncsnpp-ffhq-256");
            assert!(known.is_ok(), "{command}: {}", known.unwrap_err());
            let told = line("score-sde/subvp-ddpm-cifar").unwrap_err().to_string();
            for name in [
                "improved-diffusion/cifar10",
                "lift-map-detect/subvp-ddpm-svhn",
            ] {
                assert!(told.contains(name), "{command}: {told}");
            }
            assert!(
                told.contains("tip: ") && told.contains("'score-sde/subvp-ddpm-cifar10'"),
                "{command}: {told}"
            );
        }
    }
}
