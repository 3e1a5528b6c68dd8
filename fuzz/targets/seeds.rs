//! Writes what fuzzing begins with to `corpus/TARGET/`, from the test fixtures (first argument) and from files made here.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use lmd_fuzz::checks::FOLDER;
use lmd_fuzz::{model, small};

fn main() {
    let mut args = std::env::args_os().skip(1).map(PathBuf::from);
    let (Some(fixtures), Some(corpus)) = (args.next(), args.next()) else {
        panic!("usage: seeds FIXTURES CORPUS");
    };
    let put = |target: &str, name: &str, bytes: &[u8]| {
        let folder = corpus.join(target);
        fs::create_dir_all(&folder).expect("the corpus can be written");
        fs::write(folder.join(name), bytes).expect("the corpus can be written");
    };
    let read =
        |path: &Path| fs::read(path).unwrap_or_else(|error| panic!("{error}: {}", path.display()));

    let scheduler = br#"{"_class_name": "DDPMScheduler", "beta_schedule": "squaredcos_cap_v2", "clip_sample": true}"#;
    let tiny = include_bytes!("tiny.json");
    put(
        "config",
        "tiny",
        &[tiny.as_slice(), b"\xff", scheduler].concat(),
    );
    for entry in fs::read_dir(fixtures.join("unet")).expect("the fixtures are there") {
        let folder = entry.expect("the fixtures are there").path();
        let name = folder
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        put("config", &name, &read(&folder.join("config.json")));
    }

    fs::write(FOLDER.path().join("config.json"), tiny).expect("a file can be written");
    let shapes = model::fit(FOLDER.path()).expect("the tiny configuration is accepted");
    model::load(FOLDER.path()).expect("weights were made to fit");
    let weights = FOLDER.path().join(model::WEIGHTS);
    put("safetensors", "zeros", &read(&weights));

    let pickle = small::pickle(&shapes);
    fs::remove_file(weights).expect("what was written can be removed");
    let zip = FOLDER.path().join("diffusion_pytorch_model.bin");
    fs::write(zip, model::zipped(&pickle)).expect("a file can be written");
    model::load(FOLDER.path()).expect("the pickle was made to fit");
    put("pickle", "zeros", &pickle);
    for (name, path) in [
        (
            "old-keys",
            "unet/small-attn-old-keys-bin/diffusion_pytorch_model.bin",
        ),
        ("score-sde", "foreign/score_sde/checkpoint.pth"),
        ("openai", "foreign/openai.pt"),
    ] {
        put("pickle", name, &pickle_of(&fixtures.join(path)));
    }
    let whole = read(&fixtures.join("foreign/openai.pt"));
    put("pickle", "whole", &[&[0], whole.as_slice()].concat());

    put(
        "run_file",
        "whole",
        &[&[0], small::run_file(FOLDER.path()).as_slice()].concat(),
    );
    put(
        "run_file",
        "manifest",
        &[&[6], small::manifest_json().as_slice()].concat(),
    );
    let stretch = br#"{"started":"2026-01-01T00:00:00Z","app_version":"0.1.0","device":"CPU (AVX2, 2 threads)","network_calls":90,"seconds":1.5}"#;
    put("run_file", "stretch", &[&[2], stretch.as_slice()].concat());
    let image = b"a/1.png\na\nout-of-domain\n{\"width\":4,\"height\":4,\"format\":\"png\",\"color\":\"L8\",\"num_bytes\":80}";
    put("run_file", "image", &[&[5], image.as_slice()].concat());
    for (kind, name) in [
        (0, "gnu.tar"),
        (0, "pax.tar"),
        (1, "train-00000-of-00001.parquet"),
        (1, "two.parquet"),
    ] {
        let bytes = read(&fixtures.join("shards").join(name));
        put("shard", name, &[&[kind], bytes.as_slice()].concat());
    }
    let png = read(&fixtures.join("preprocess/gray-28.png"));
    put("run_file", "png", &[&[1], png.as_slice()].concat());

    put("detector", "small", &small::detector(FOLDER.path()));

    for folder in ["jpeg", "preprocess", "broken"] {
        let Ok(entries) = fs::read_dir(fixtures.join(folder)) else {
            continue;
        };
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let is_small = path
                .metadata()
                .is_ok_and(|metadata| metadata.is_file() && metadata.len() < 10_000);
            if is_small {
                let name = path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned();
                put("image", &name, &read(&path));
            }
        }
    }
}

/// The pickle inside a PyTorch zip.
fn pickle_of(path: &Path) -> Vec<u8> {
    let mut zip =
        zip::ZipArchive::new(File::open(path).expect("the fixture opens")).expect("it is a zip");
    let index = (0..zip.len())
        .find(|&index| {
            zip.by_index(index)
                .is_ok_and(|file| file.name().is_ok_and(|name| name.ends_with("data.pkl")))
        })
        .expect("it has a pickle");
    let mut bytes = Vec::new();
    zip.by_index(index)
        .expect("it has a pickle")
        .read_to_end(&mut bytes)
        .expect("the pickle can be read");
    bytes
}
