//! Options for the numbers among detectors' settings, made from what the detectors say of them.

use clap::{Arg, ArgMatches, Command, FromArgMatches};

use super::misplaced;
use crate::detectors::{DetectorSpec, Parameter};
use crate::headless::Failure;

/// Those that were given, by name.
#[derive(Clone, Debug, Default)]
pub struct ParameterOptions(Vec<(&'static str, f64)>);

impl ParameterOptions {
    /// Put the numbers that were given into the settings of a detector that has them.
    pub fn apply(&self, detector: &mut DetectorSpec) {
        for &(name, value) in &self.0 {
            detector.set_parameter(name, value);
        }
    }

    /// Refuse numbers that the detector does not have, or not with its other settings.
    pub fn check(&self, detector: &DetectorSpec) -> Result<(), Failure> {
        let own = detector.parameters();
        for &(name, value) in &self.0 {
            let found = own.iter().find(|(parameter, _)| parameter.name == name);
            if let Some((parameter, _)) = found
                && !parameter.range.contains(&value)
            {
                let (low, high) = (parameter.range.start(), parameter.range.end());
                return Err(Failure::bad_request(anyhow::anyhow!(
                    "--{name}: expected a number from {low} to {high}, got {value}"
                )));
            }
        }
        let is_own = |name: &str| own.iter().any(|(parameter, _)| parameter.name == name);
        let of_others = self.0.iter().find(|(name, _)| !is_own(name));
        let misplaced = of_others.and_then(|(name, _)| {
            let mut all = all().into_iter();
            let (owner, _, _) = all.find(|(_, parameter, _)| parameter.name == *name)?;
            Some(misplaced(name, owner, &super::names(detector.each())))
        });
        misplaced.map_or(Ok(()), Err)
    }

    /// The names of the numbers that were given.
    pub fn names(&self) -> impl Iterator<Item = &'static str> {
        self.0.iter().map(|(name, _)| *name)
    }
}

/// The numbers of all detectors: the detector's name, the number, and its default.
fn all() -> Vec<(&'static str, &'static Parameter, f64)> {
    let detectors = DetectorSpec::all();
    let numbers = detectors.iter().flat_map(|detector| {
        let name = detector.about().name;
        let parameters = detector.parameters().into_iter();
        parameters.map(move |(parameter, value)| (name, parameter, value))
    });
    numbers.collect()
}

/// Leave the numbers of other detectors than those out of a command's help; where they are given, a sentence says whose
/// they are.
pub fn only_shown_for(is_shown: fn(&DetectorSpec) -> bool) -> impl FnMut(Arg) -> Arg {
    let others = DetectorSpec::all();
    let others = others.iter().filter(move |detector| !is_shown(detector));
    let parameters = others.flat_map(|detector| detector.parameters());
    let hidden: Vec<&str> = parameters.map(|(parameter, _)| parameter.name).collect();
    move |arg| {
        let is_hidden = hidden.contains(&arg.get_id().as_str());
        if is_hidden { arg.hide(true) } else { arg }
    }
}

impl clap::Args for ParameterOptions {
    fn augment_args(command: Command) -> Command {
        all()
            .into_iter()
            .fold(command, |command, (detector, parameter, usual)| {
                let help = format!("{} (of {detector}) [default: {usual}]", parameter.help);
                command.arg(
                    Arg::new(parameter.name)
                        .long(parameter.name)
                        .value_name("NUMBER")
                        .help(help)
                        .value_parser(parse),
                )
            })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ParameterOptions {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let given = all().into_iter().filter_map(|(_, parameter, _)| {
            let value = matches.get_one::<f64>(parameter.name)?;
            Some((parameter.name, *value))
        });
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

/// Whether it is in range is seen once all settings are known.
fn parse(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(value) if f64::is_finite(value) => Ok(value),
        _ => Err(format!("expected a number, got `{text}`")),
    }
}
