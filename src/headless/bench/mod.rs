//! `lmd bench`: how fast the network, the whole way from files to scores, and a training step are on this machine.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;

use super::options::ArchitectureOption;
use super::{Failure, Outcome, terminal};
use crate::networks::checkpoints::{ModelSource, NetworkSize};
use crate::networks::description::Network;
use crate::networks::executors::cpu::{CpuDenoiser, CpuOptions, Isa};
use crate::networks::executors::{self, DeviceChoice, Precision};

mod memory;
mod network;
mod pipeline;
mod table;
mod training;

use network::{BatchTimes, Contender};

/// Options of `lmd bench`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The model folder; `bundled` (of clothing), `bundled:mnist` (of digits) and `bundled:headct` are inside the program.
    #[arg(long, value_name = "DIR", default_value = "bundled")]
    pub model: PathBuf,
    #[command(flatten)]
    pub architecture: ArchitectureOption,
    /// Images in one network call or training step; several sizes with commas [default: 1,8,32; with --training 64]
    #[arg(long, value_name = "N,…", value_delimiter = ',')]
    pub batch: Option<Vec<usize>>,
    /// What to time: any of `lmd devices`.
    #[arg(long, value_name = "DEVICE", default_value = "cpu")]
    pub device: DeviceChoice,
    /// Numbers to run in.
    #[arg(long, value_name = "PRECISION", default_value = "f32")]
    pub precision: Precision,
    /// Another device on the same weights, timed by turns.
    #[arg(long, value_name = "DEVICE")]
    pub compare: Option<DeviceChoice>,
    /// Threads of the CPU kernels [default: one for each physical core]
    #[arg(long, value_name = "N")]
    pub threads: Option<usize>,
    /// Instruction set of the CPU kernels: portable, avx2, avx512 or neon [default: the best there is]
    #[arg(long)]
    pub isa: Option<Isa>,
    /// Seconds for each batch size and contender.
    #[arg(long, default_value_t = 3.0)]
    pub seconds: f64,
    /// Time the network only, not the way from files to scores.
    #[arg(long)]
    pub network_only: bool,
    /// Time a training step instead, of a new network of this size on gray 32x32 images: tiny, small, base or large.
    #[arg(long, value_name = "SIZE", conflicts_with_all = ["compare", "network_only", "ui"])]
    pub training: Option<NetworkSize>,
    /// Time the frames of the window instead, with many scored images; needs no display.
    #[arg(long)]
    pub ui: bool,
    /// With --ui: scored images in the window, half of them in-domain.
    #[arg(long, value_name = "N", default_value_t = 10_000, requires = "ui")]
    pub images: usize,
    /// With --ui: frames for each thing that is done.
    #[arg(long, value_name = "N", default_value_t = 300, requires = "ui")]
    pub frames: usize,
    /// Print one JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Everything measured.
#[derive(Debug, Serialize)]
struct Results {
    model: String,
    device: String,
    parameters: usize,
    /// Convolutions counted as direct ones.
    flops_per_call: u64,
    network: Vec<ContenderTimes>,
    memory: memory::Memory,
    /// `None` with `--network-only`.
    pipeline: Option<pipeline::Pipeline>,
}

/// One contender's times.
#[derive(Debug, Serialize)]
struct ContenderTimes {
    name: String,
    batches: Vec<BatchTimes>,
}

/// Measure and print.
pub fn run(args: &Args) -> Result<Outcome, Failure> {
    check(args)?;
    let text = if let Some(size) = args.training {
        let steps = training::time(args, size)?;
        printed(args, &steps, training::text)
    } else {
        let source = ModelSource::named(&args.model);
        let results = measure(args, &source)?;
        printed(args, &results, table::text)
    };
    terminal::answer(&text?)?;
    Ok(Outcome::Done)
}

fn printed<T: Serialize>(
    args: &Args,
    results: &T,
    text: fn(&T) -> String,
) -> Result<String, Failure> {
    if args.json {
        serde_json::to_string(results).map_err(Failure::failed)
    } else {
        Ok(text(results))
    }
}

fn check(args: &Args) -> Result<(), Failure> {
    let refuse = |what: &str| Err(Failure::bad_request(anyhow::Error::msg(what.to_owned())));
    let batches = args.batch.as_deref().unwrap_or(&[1]);
    if batches.is_empty() || batches.contains(&0) {
        return refuse("--batch must be at least 1, got 0");
    }
    let is_of_kernels = args.threads.is_some() || args.isa.is_some();
    if is_of_kernels && args.device != DeviceChoice::CPU {
        return refuse(
            "--threads and --isa are options of the CPU kernels; they need --device cpu",
        );
    }
    if args.threads == Some(0) {
        return refuse("--threads must be at least 1, got 0");
    }
    if !(args.seconds > 0.0 && args.seconds.is_finite()) {
        return refuse("--seconds must be more than 0");
    }
    if args.training.is_some() && args.device != DeviceChoice::CPU {
        return refuse("models are trained on the CPU; leave --device out");
    }
    Ok(())
}

/// What is timed. The CPU kernels also tell where their time goes.
fn contender(args: &Args, network: &Arc<Network>) -> Result<Contender, Failure> {
    let Precision::F32 = args.precision;
    if args.device != DeviceChoice::CPU {
        return other(network, args.device);
    }
    let own = CpuDenoiser::new(network, &kernels(args)).map_err(Failure::bad_request)?;
    Ok(Contender::own(own))
}

fn kernels(args: &Args) -> CpuOptions {
    CpuOptions {
        threads: args.threads,
        isa: args.isa,
    }
}

fn other(network: &Arc<Network>, choice: DeviceChoice) -> Result<Contender, Failure> {
    let (denoiser, device) =
        executors::open_denoiser(Arc::clone(network), choice).map_err(Failure::bad_request)?;
    Ok(Contender::rival(device.label, denoiser))
}

fn measure(args: &Args, source: &ModelSource) -> Result<Results, Failure> {
    let checkpoint = args.architecture.look(source)?;
    let network = checkpoint.network;
    let (parameters, flops_per_call) = (network.num_parameters(), network.flops_per_image());
    let network = Arc::new(network);
    let mut contenders = vec![contender(args, &network)?];
    let device = contenders[0].name().to_owned();
    if let Some(rival) = args.compare {
        contenders.push(other(&network, rival)?);
    }
    let seconds = Duration::from_secs_f64(args.seconds);
    for &batch in args.batch.as_deref().unwrap_or(&[1, 8, 32]) {
        network::time_batch(&mut contenders, batch, seconds, flops_per_call)
            .map_err(Failure::failed)?;
    }
    let memory = memory::of(&contenders, parameters);
    let network = contenders.into_iter().map(Contender::times).collect();
    let pipeline = if args.network_only {
        None
    } else {
        Some(pipeline::time(
            args.architecture.look(source)?,
            args.device,
        )?)
    };
    Ok(Results {
        model: checkpoint.name,
        device,
        parameters,
        flops_per_call,
        network,
        memory: memory::Memory {
            peak_bytes: memory::peak(),
            ..memory
        },
        pipeline,
    })
}
