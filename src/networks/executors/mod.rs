//! Executors: each runs any [`Network`] behind the one [`Denoiser`] that samplers see, and is an entry of [`EXECUTORS`].
//!
//! A new executor is a file or folder beside this one and its entry in the list: `--device`, the window's choice of
//! devices, `lmd info`, `lmd bench --compare` and the automatic choice take it from there.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

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
pub mod wgpu;

pub use device::{DeviceChoice, DeviceId};

/// All executors, in the order in which they are offered.
pub static EXECUTORS: &[&ExecutorDef] = &[
    &cpu::EXECUTOR,
    &candle_cpu::EXECUTOR,
    &wgpu::EXECUTOR,
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
    /// Open the device of this number; refuses with what to do where the build or the machine has none. Without a
    /// number, open what is worth taking unasked.
    pub open: fn(ordinal: Option<usize>) -> Opened,
    /// What there is on this machine, in the order of its numbers; one entry with an obstacle where there is nothing.
    pub list: fn() -> Vec<Listed>,
}

/// A device, or why there is none.
pub type Opened = Result<Box<dyn Executor>, ExecutorError>;

/// Numbers that a network runs in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Precision {
    /// Single precision throughout: what every executor has.
    #[default]
    F32,
}

impl FromStr for Precision {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "f32" => Ok(Self::F32),
            _ => Err(format!("expected f32, got `{text}`")),
        }
    }
}

/// A device of this machine, for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Listed {
    pub name: String,
    /// What it is, e.g. `discrete GPU`.
    pub kind: &'static str,
    /// What it is reached by, e.g. `Vulkan`; `None` for the processor.
    pub api: Option<&'static str>,
    /// The largest piece of its memory that a run may take, in bytes; `None` where it does not say.
    pub memory_bytes: Option<u64>,
    /// Numbers that networks run in.
    pub precisions: Vec<&'static str>,
    /// Whether `auto` may take it.
    pub is_automatic: bool,
    /// Why networks cannot run on it; `None` where they can.
    pub obstacle: Option<String>,
}

impl Listed {
    /// The one device of an executor, as opening it tells.
    fn by_opening(
        executor: &ExecutorDef,
        kind: &'static str,
        api: Option<&'static str>,
    ) -> Vec<Self> {
        let opened = (executor.open)(Some(0));
        vec![Self {
            name: (opened.as_ref()).map_or_else(|_| executor.label.to_owned(), |it| it.label()),
            kind,
            api,
            memory_bytes: None,
            precisions: vec!["f32"],
            is_automatic: executor.rank.is_some(),
            obstacle: opened.err().map(|error| error.to_string()),
        }]
    }
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

    /// How many images its network calls are to have where nobody says.
    fn batching(&self) -> Batching {
        Batching::PROCESSOR
    }

    /// Whether the automatic choice should take it for a network that it has prepared; the reason where it should not.
    fn self_test(
        &self,
        _network: &Network,
        _denoiser: &mut dyn Denoiser,
    ) -> Result<(), ExecutorError> {
        Ok(())
    }

    /// Prepare LPIPS. An executor without a form of its own runs it on the CPU; its [`Numerics`] must then name the CPU's
    /// as well.
    fn perceptual(&self, lpips: &Arc<Lpips>) -> Result<Box<dyn Perceptual>, ExecutorError> {
        cpu::open()?.perceptual(lpips)
    }
}

/// What bounds the automatic batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Batching {
    /// The longest network call, where one image allows it: Pause, Cancel and the progress bar stay lively.
    pub longest_call: Duration,
    /// Larger ones gain nothing.
    pub largest: usize,
}

impl Batching {
    /// For processors.
    pub const PROCESSOR: Self = Self {
        longest_call: Duration::from_millis(100),
        largest: 64,
    };
    /// For graphics cards: thousands of threads want many images, and the window waits for the same card.
    pub const GRAPHICS: Self = Self {
        longest_call: Duration::from_millis(40),
        largest: 1024,
    };
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

    /// The same device for numbers that are partly made on this project's CPU kernels beside it: their bits count too.
    pub fn beside_cpu(&self) -> Self {
        let Ok(cpu) = cpu::open() else {
            return self.clone(); // Without threads nothing runs on them.
        };
        let Numerics(own) = &self.numerics;
        let Numerics(of_cpu) = cpu.numerics();
        let numerics = if own.contains(&of_cpu) {
            own.clone()
        } else {
            format!("{own}, with {of_cpu}")
        };
        Self {
            label: self.label.clone(),
            numerics: Numerics(numerics),
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
    /// How many images a call is to have.
    pub batching: Batching,
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
    let (executor, denoiser) = prepare(&network, choice)?;
    Ok(Executors {
        denoiser,
        perceptual: lpips.map(|lpips| executor.perceptual(&lpips)).transpose()?,
        device: DeviceInfo::of(&*executor),
        batching: executor.batching(),
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
    let (executor, denoiser) = prepare(&network, choice)?;
    Ok((denoiser, DeviceInfo::of(&*executor)))
}

/// A device with a network on it.
type Ready = (Box<dyn Executor>, Box<dyn Denoiser>);

/// Open a device and prepare a network for it.
fn prepare(network: &Network, choice: DeviceChoice) -> Result<Ready, ExecutorError> {
    match choice {
        DeviceChoice::Auto => first_that(EXECUTORS, |executor| {
            let mut denoiser = executor.denoiser(network)?;
            executor.self_test(network, &mut *denoiser)?;
            Ok(denoiser)
        }),
        DeviceChoice::Device(_) => {
            let executor = open_device(choice)?;
            let denoiser = executor.denoiser(network)?;
            Ok((executor, denoiser))
        }
    }
}

/// Whether a device of this choice is in this build and on this machine; nothing is prepared.
pub fn check(choice: DeviceChoice) -> Result<(), ExecutorError> {
    open_device(choice).map(|_| ())
}

/// Open the device of this choice.
pub fn open_device(choice: DeviceChoice) -> Result<Box<dyn Executor>, ExecutorError> {
    match choice {
        DeviceChoice::Auto => first_that(EXECUTORS, |_| Ok(())).map(|(executor, ())| executor),
        DeviceChoice::Device(device) => (device.executor.open)(Some(device.ordinal)),
    }
}

/// The first by rank that this build has, that opens and that passes; the error of the last one where none does.
fn first_that<T>(
    executors: &[&ExecutorDef],
    pass: impl Fn(&dyn Executor) -> Result<T, ExecutorError>,
) -> Result<(Box<dyn Executor>, T), ExecutorError> {
    let mut ranked: Vec<_> = executors
        .iter()
        .filter(|executor| executor.is_built && executor.rank.is_some())
        .collect();
    ranked.sort_by_key(|executor| executor.rank);
    let mut refusal = ExecutorError::NoDevice("this build has no executor".to_owned());
    for executor in ranked {
        let tried = (executor.open)(None).and_then(|opened| {
            let passed = pass(&*opened)?;
            Ok((opened, passed))
        });
        match tried {
            Ok(found) => return Ok(found),
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

    #[test]
    fn what_runs_on_the_cpu_beside_a_device_has_a_part_in_the_bits() {
        let cpu = DeviceInfo::of(&*cpu::open().unwrap());
        assert_eq!(
            cpu.beside_cpu(),
            cpu,
            "files of the CPU's runs stay as they are"
        );
        let candle = DeviceInfo {
            label: "CPU (candle, 2 threads)".to_owned(),
            numerics: Numerics::new("CPU (candle)"),
        };
        let both = candle.beside_cpu();
        assert_eq!(both.label, candle.label);
        let words = format!("CPU (candle), with {}", cpu.numerics);
        assert_eq!(both.numerics, Numerics::new(words));
        assert_eq!(both.beside_cpu(), both);
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
            open: fn(Option<usize>) -> Opened,
        ) -> ExecutorDef {
            ExecutorDef {
                name,
                label: name,
                help: name,
                rank,
                is_numbered: false,
                is_built: true,
                open,
                list: Vec::new,
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
        let first = |executors: &[&ExecutorDef]| {
            first_that(executors, |_| Ok(())).map(|(executor, ())| executor.label())
        };
        assert_eq!(first(&all).unwrap(), "fast");
        assert_eq!(first(&[&slow, &absent]).unwrap(), "slow");
        let refusal = first(&[&unranked, &unbuilt, &absent]).unwrap_err();
        assert_eq!(refusal.to_string(), "no driver");
        // One that fails its self-test leaves its place to the next.
        let self_test = |executor: &dyn Executor| match executor.label().as_str() {
            "fast" => Err(ExecutorError::NoDevice("wrong numbers".to_owned())),
            _ => Ok(7),
        };
        let (executor, prepared) = first_that(&all, self_test).ok().unwrap();
        assert_eq!((executor.label().as_str(), prepared), ("slow", 7));
    }
}
