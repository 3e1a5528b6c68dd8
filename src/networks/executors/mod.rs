//! Executors: each runs any [`Network`] behind the one [`Denoiser`] that samplers see, and is an entry of [`EXECUTORS`].
//!
//! A new executor is a file or folder beside this one and its entry in the list: `--device`, the window's choice of
//! devices, `lmd info`, `lmd bench --compare` and the automatic choice take it from there.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::description::Network;
use super::lpips::{self, Lpips, Perceptual};
use crate::diffusion::Denoiser;

pub mod candle;
pub mod candle_cpu;
pub mod cpu;
pub mod cuda;
pub mod device;
pub mod lowered;
pub mod metal;
mod sinusoid;

pub use device::{DeviceChoice, DeviceId};

/// All executors, in the order in which they are offered.
pub static EXECUTORS: &[&ExecutorDef] = &[
    &cpu::EXECUTOR,
    &candle_cpu::EXECUTOR,
    &cuda::EXECUTOR,
    &metal::EXECUTOR,
];

/// One way to run networks.
#[derive(Debug)]
pub struct ExecutorDef {
    /// Its word on the command line and in files: lower-case letters, digits and hyphens.
    pub name: &'static str,
    /// Its name in the window.
    pub label: &'static str,
    /// What it is, in one line without a period.
    pub help: &'static str,
    /// The automatic choice tries those that have a rank, the lowest first; the others run only where they are named.
    pub rank: Option<u8>,
    /// Whether a machine may have several of its devices, written `name:N`.
    pub is_numbered: bool,
    /// Whether this build has it.
    pub is_built: bool,
    /// Open the device of this number; refuses with what to do where the build or the machine has none.
    pub open: fn(ordinal: usize) -> Result<Box<dyn Executor>, ExecutorError>,
}

impl PartialEq for ExecutorDef {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for ExecutorDef {}

impl Hash for ExecutorDef {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// An open device.
pub trait Executor {
    /// The device for people, e.g. `CPU (AVX2, 2 threads)`.
    fn label(&self) -> String;

    /// What decides the last bits of its results.
    fn numerics(&self) -> Numerics;

    /// Prepare a network.
    fn denoiser(&self, network: &Network) -> Result<Box<dyn Denoiser>, ExecutorError>;

    /// Prepare LPIPS. An executor without a form of its own runs it on the CPU; its [`Numerics`] must then name the CPU's
    /// as well.
    fn perceptual(&self, lpips: &Arc<Lpips>) -> Result<Box<dyn Perceptual>, ExecutorError> {
        cpu::open()?.perceptual(lpips)
    }
}

/// Identity of the last bits of an executor's results: only results of one identity may stand in one run as if nothing
/// had stopped it. Files keep it, so that an executor's must stay the same words while its results stay the same bits.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Numerics(String);

impl Numerics {
    /// An identity in words for people, e.g. `CPU (AVX2)`: what the bits depend on, and not the number of threads.
    pub fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }
}

impl fmt::Display for Numerics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is told of an open device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceInfo {
    /// The device for people, e.g. `CPU (AVX2, 2 threads)`.
    pub label: String,
    /// What decides the last bits of its results.
    pub numerics: Numerics,
}

impl DeviceInfo {
    /// Of an open device.
    pub fn of(executor: &dyn Executor) -> Self {
        Self {
            label: executor.label(),
            numerics: executor.numerics(),
        }
    }
}

impl fmt::Display for DeviceInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// A model's networks, prepared for one device.
pub struct Executors {
    /// Runs the UNet.
    pub denoiser: Box<dyn Denoiser>,
    /// Runs LPIPS; `None` where the model's images are too small for it.
    pub perceptual: Option<Box<dyn Perceptual>>,
    /// What they run on.
    pub device: DeviceInfo,
}

/// Why no executor could be made.
#[derive(Debug, thiserror::Error)]
pub enum ExecutorError {
    /// The device is not in this build or not on this machine.
    #[error("{0}")]
    NoDevice(String),
    /// The device failed while the weights were prepared.
    #[error("the network could not be prepared for {device}: {message}")]
    Prepare {
        /// The device.
        device: String,
        /// What it said.
        message: String,
    },
}

/// Prepare a network, and LPIPS where its images are large enough, for a device. `Auto` never fails for want of a GPU.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the caller's share ends here: executors prepare their own form of the weights"
)]
pub fn open(network: Arc<Network>, choice: DeviceChoice) -> Result<Executors, ExecutorError> {
    let lpips = (network.image_size >= lpips::smallest_side())
        .then(Lpips::bundled)
        .transpose()
        .map_err(|error| ExecutorError::Prepare {
            device: choice.to_string(),
            message: error.to_string(),
        })?
        .map(Arc::new);
    let executor = open_device(choice)?;
    Ok(Executors {
        denoiser: executor.denoiser(&network)?,
        perceptual: lpips.map(|lpips| executor.perceptual(&lpips)).transpose()?,
        device: DeviceInfo::of(&*executor),
    })
}

/// Prepare a network alone: images may be too small for LPIPS.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the caller's share ends here: executors prepare their own form of the weights"
)]
pub fn open_denoiser(
    network: Arc<Network>,
    choice: DeviceChoice,
) -> Result<(Box<dyn Denoiser>, DeviceInfo), ExecutorError> {
    let executor = open_device(choice)?;
    Ok((executor.denoiser(&network)?, DeviceInfo::of(&*executor)))
}

/// Whether a device of this choice is in this build and on this machine; nothing is prepared.
pub fn check(choice: DeviceChoice) -> Result<(), ExecutorError> {
    open_device(choice).map(|_| ())
}

/// Open the device of this choice.
pub fn open_device(choice: DeviceChoice) -> Result<Box<dyn Executor>, ExecutorError> {
    match choice {
        DeviceChoice::Auto => open_first(EXECUTORS),
        DeviceChoice::Device(device) => (device.executor.open)(device.ordinal),
    }
}

/// Open the first by rank that this build has and that opens; the error of the last one where none does.
fn open_first(executors: &[&ExecutorDef]) -> Result<Box<dyn Executor>, ExecutorError> {
    let mut ranked: Vec<_> = executors
        .iter()
        .filter(|executor| executor.is_built && executor.rank.is_some())
        .collect();
    ranked.sort_by_key(|executor| executor.rank);
    let mut refusal = ExecutorError::NoDevice("this build has no executor".to_owned());
    for executor in ranked {
        match (executor.open)(0) {
            Ok(opened) => return Ok(opened),
            Err(error) => {
                log::info!("{} is not used: {error}", executor.name);
                refusal = error;
            }
        }
    }
    Err(refusal)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_of_executors_are_told_apart_and_their_help_is_one_line() {
        let names: BTreeSet<&str> = EXECUTORS.iter().map(|executor| executor.name).collect();
        let labels: BTreeSet<&str> = EXECUTORS.iter().map(|executor| executor.label).collect();
        assert_eq!(
            (names.len(), labels.len()),
            (EXECUTORS.len(), EXECUTORS.len())
        );
        for executor in EXECUTORS {
            let (name, help) = (executor.name, executor.help);
            assert!(
                name.bytes()
                    .all(|b| b == b'-' || b.is_ascii_lowercase() || b.is_ascii_digit()),
                "{name}"
            );
            assert!(!help.ends_with('.') && !help.contains('\n'), "{help}");
        }
    }

    /// A device that only has a name.
    struct Named(&'static str);

    impl Executor for Named {
        fn label(&self) -> String {
            self.0.to_owned()
        }

        fn numerics(&self) -> Numerics {
            Numerics::new(self.0)
        }

        fn denoiser(&self, _: &Network) -> Result<Box<dyn Denoiser>, ExecutorError> {
            Err(ExecutorError::NoDevice(self.label()))
        }
    }

    #[test]
    fn the_automatic_choice_is_the_first_by_rank_that_is_built_and_opens() {
        const fn entry(
            name: &'static str,
            rank: Option<u8>,
            open: fn(usize) -> Result<Box<dyn Executor>, ExecutorError>,
        ) -> ExecutorDef {
            ExecutorDef {
                name,
                label: name,
                help: name,
                rank,
                is_numbered: false,
                is_built: true,
                open,
            }
        }
        let broken = |_| Err(ExecutorError::NoDevice("no driver".to_owned()));
        let slow = entry("slow", Some(9), |_| Ok(Box::new(Named("slow"))));
        let fast = entry("fast", Some(3), |_| Ok(Box::new(Named("fast"))));
        let absent = entry("absent", Some(1), broken);
        let unranked = entry("unranked", None, |_| Ok(Box::new(Named("unranked"))));
        let unbuilt = ExecutorDef {
            is_built: false,
            ..entry("unbuilt", Some(0), |_| Ok(Box::new(Named("unbuilt"))))
        };
        let all = [&unranked, &slow, &unbuilt, &fast, &absent];
        assert_eq!(open_first(&all).ok().unwrap().label(), "fast");
        assert_eq!(open_first(&[&slow, &absent]).ok().unwrap().label(), "slow");
        let refusal = open_first(&[&unranked, &unbuilt, &absent]).err().unwrap();
        assert_eq!(refusal.to_string(), "no driver");
    }
}
