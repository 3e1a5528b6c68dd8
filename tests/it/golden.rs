//! A part of the bundled session, byte for byte as earlier versions scored it, on every instruction set of this machine.
//!
//! `LMD_WRITE_GOLDEN=1` writes the tables again: for a change that is meant to move numbers, which its commit then names.

use std::fs;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use lmd_inspector::diffusion::NeverInterrupt;
use lmd_inspector::diffusion::noise::PhiloxStream;
use lmd_inspector::engine::score;
use lmd_inspector::engine::{Control, Engine, Notice, RunRequest};
use lmd_inspector::images::ContentHash;
use lmd_inspector::images::sources::{self, Wanted};
use lmd_inspector::networks::checkpoints::{self, ModelSource};
use lmd_inspector::networks::executors::cpu::{
    CpuDenoiser, CpuOptions, CpuPerceptual, Isa, Machine,
};
use lmd_inspector::networks::lpips::Lpips;
use lmd_inspector::ood::Role;
use lmd_inspector::runs::formats::scores_csv;
use lmd_inspector::runs::report::Report;
use lmd_inspector::runs::{DeviceChoice, ResultLog, RunImage};

use crate::binary::{not_run, root};
use crate::networks::fixture;
use crate::settings::by_lmd;

const ISAS: [(&str, Isa); 4] = [
    ("portable", Isa::Portable),
    ("avx2", Isa::Avx2),
    ("avx512", Isa::Avx512),
    ("neon", Isa::Neon),
];

/// The first images of both samples, with paths as in the repository.
fn images() -> Vec<RunImage> {
    let mut images = Vec::new();
    for (name, role) in [
        ("fashion-mnist", Role::InDomain),
        ("mnist", Role::OutOfDomain),
    ] {
        let path = root().join("assets/samples").join(name);
        let listing =
            sources::list(&path, Wanted::all(), &mut |_| ControlFlow::Continue(())).unwrap();
        let folder = Arc::new(path);
        images.extend(listing.files.into_iter().take(3).map(|file| RunImage {
            file,
            role,
            folder: Arc::clone(&folder),
        }));
    }
    images
}

/// The bundled model on these kernels.
fn engine(isa: Isa) -> Engine {
    let source = ModelSource::BUNDLED;
    let network = checkpoints::load(&source).unwrap().network;
    let options = CpuOptions {
        threads: Some(2),
        isa: Some(isa),
    };
    let machine = Machine::new(&options).unwrap();
    let mut engine = Engine::open(&source, DeviceChoice::CPU, &NeverInterrupt).unwrap();
    let lpips = CpuPerceptual::new(&Lpips::bundled().unwrap(), machine.clone()).unwrap();
    engine.executors.denoiser = Box::new(CpuDenoiser::on(&network, machine).unwrap());
    engine.executors.perceptual = Some(Box::new(lpips));
    engine
}

fn table(isa: Isa) -> String {
    let request = RunRequest {
        settings: by_lmd(2, 5),
        images: images().into(),
        results: Arc::new(ResultLog::default()),
        saving: None,
    };
    let control = Control::default();
    let (_, end) = score::run(
        &mut engine(isa),
        &request,
        &control,
        &mut Vec::<Notice>::new(),
    );
    end.unwrap();
    let report = Report {
        images: &request.images,
        results: &request.results.since(0),
        settings: &request.settings,
        network_calls: 0,
        seconds: 0.0,
        num_skipped: 0,
        notes: &[],
    };
    scores_csv(&report).replace(&format!("{}/", root().display()), "")
}

/// Bits of normal numbers: they hang on the logarithm and cosine of the system's mathematical library.
fn noise_bits() -> String {
    use lmd_inspector::diffusion::noise::Purpose;
    let mut noise = vec![0.0_f32; 64];
    PhiloxStream::new(0, &ContentHash([7; 32]), 0).fill_normal(Purpose::Start, 0, &mut noise);
    let bits: Vec<String> = noise
        .iter()
        .map(|value| format!("{:08x}", value.to_bits()))
        .collect();
    bits.join("\n")
}

fn stored(name: &str) -> PathBuf {
    fixture("golden").join(name)
}

#[test]
fn the_bundled_session_gives_the_same_bytes_as_ever() {
    let is_writing = std::env::var_os("LMD_WRITE_GOLDEN").is_some();
    if is_writing {
        fs::create_dir_all(fixture("golden")).unwrap();
        fs::write(stored("noise.txt"), noise_bits()).unwrap();
    } else if fs::read_to_string(stored("noise.txt")).unwrap() != noise_bits() {
        not_run("the mathematical library of this system rounds otherwise than the golden tables'");
        return;
    }
    for (name, isa) in ISAS {
        let path = stored(&format!("session-{name}.csv"));
        if !isa.is_available() {
            not_run(&format!("golden table of {name}: not on this processor"));
        } else if is_writing {
            fs::write(&path, table(isa)).unwrap();
        } else if path.exists() {
            assert_eq!(table(isa), fs::read_to_string(&path).unwrap(), "{name}");
        } else {
            not_run(&format!("golden table of {name}: none was made yet"));
        }
    }
}
