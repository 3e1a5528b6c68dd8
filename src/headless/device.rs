//! `--device` from the list of executors.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser, ValueParserFactory};

use crate::networks::executors::{DeviceChoice, EXECUTORS};

/// The executors of this build, by the words of `--device`.
pub fn names_in_this_build() -> Vec<&'static str> {
    let built = EXECUTORS.iter().filter(|executor| executor.is_built);
    built.map(|executor| executor.name).collect()
}

impl ValueParserFactory for DeviceChoice {
    type Parser = DeviceParser;

    fn value_parser() -> DeviceParser {
        DeviceParser
    }
}

/// Parses a choice, and lists all of them in the help: those of other builds as well, since their refusal says how to get
/// them.
#[derive(Clone, Debug)]
pub struct DeviceParser;

impl TypedValueParser for DeviceParser {
    type Value = DeviceChoice;

    fn parse_ref(
        &self,
        command: &clap::Command,
        option: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<DeviceChoice, clap::Error> {
        StringValueParser::new()
            .try_map(|text| text.parse::<DeviceChoice>())
            .parse_ref(command, option, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let auto = PossibleValue::new("auto").help("The first of the build that works");
        let executors = EXECUTORS.iter().map(|executor| {
            let help = if executor.is_numbered {
                format!("{}; {}:N is the N-th, from 0", executor.help, executor.name)
            } else {
                executor.help.to_owned()
            };
            PossibleValue::new(executor.name).help(help)
        });
        Some(Box::new(std::iter::once(auto).chain(executors)))
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::super::Cli;
    use super::*;

    #[test]
    fn every_executor_is_offered_and_taken_by_every_command_with_a_device() {
        let cli = Cli::command();
        for (command, option) in [
            ("score", "device"),
            ("calibrate", "device"),
            ("classify", "device"),
            ("verify", "device"),
            ("bench", "device"),
            ("bench", "compare"),
        ] {
            let command = cli.find_subcommand(command).unwrap();
            let option = command.get_arguments().find(|it| it.get_id() == option);
            let offered = option.unwrap().get_possible_values();
            for executor in EXECUTORS {
                let is_it = |value: &PossibleValue| value.get_name() == executor.name;
                assert!(offered.iter().any(is_it), "{command} {}", executor.name);
            }
        }
        for word in ["cpu", "cuda:1", "auto"] {
            let line = ["lmd", "verify", "bundled", "file", "--device", word];
            assert!(cli.clone().try_get_matches_from(line).is_ok(), "{word}");
        }
        let line = ["lmd", "verify", "bundled", "file", "--device", "cpu:1"];
        let error = cli.clone().try_get_matches_from(line).unwrap_err();
        assert!(error.to_string().contains("cuda:N or metal"), "{error}");
    }
}
