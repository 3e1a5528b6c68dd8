//! Schedules that diffusers' schedulers save, against their own numbers.

use std::fs;

use lmd_inspector::networks::checkpoints::{Checkpoint, CheckpointError};
use serde_json::Value;

use super::{fixture, load};

/// diffusers multiplies a thousand numbers in single precision.
const TOLERANCE: f64 = 2e-5;
/// It puts this, or zero, for the last of a schedule that ends in pure noise.
const SMALLEST: f64 = 1e-7;

fn load_with(scheduler: &str) -> Result<Checkpoint, CheckpointError> {
    let folder = tempfile::tempdir().unwrap();
    let from = fixture("unet").join("gray-attn-heads");
    for name in ["config.json", "diffusion_pytorch_model.safetensors"] {
        fs::copy(from.join(name), folder.path().join(name)).unwrap();
    }
    let path = folder.path().join("scheduler_config.json");
    fs::write(path, scheduler).unwrap();
    load(folder.path())
}

#[test]
fn schedules_are_those_of_the_schedulers_that_saved_them() {
    let text = fs::read(fixture("schedulers").join("schedules.json")).unwrap();
    let Value::Object(schedules) = serde_json::from_slice(&text).unwrap() else {
        panic!("schedules by name");
    };
    let text_of = |it: &Value| it["config"].as_str().unwrap().to_owned();
    let all: String = schedules.values().map(text_of).collect();
    for word in [
        "PNDMScheduler",
        "UniPCMultistepScheduler",
        "EulerDiscreteScheduler",
        "-Infinity",
    ] {
        assert!(all.contains(word), "{word}");
    }
    for (name, expected) in schedules {
        let checkpoint =
            load_with(&text_of(&expected)).unwrap_or_else(|error| panic!("{name}: {error}"));
        let schedule = checkpoint.schedule;
        let timesteps = expected["timesteps"].as_array().unwrap();
        let alphas = expected["alphas_cumprod"].as_array().unwrap();
        assert_eq!(timesteps.len(), alphas.len());
        let last = timesteps.last().and_then(Value::as_u64).unwrap() as usize;
        assert_eq!(schedule.num_train_timesteps(), last + 1, "{name}");
        for (timestep, wanted) in timesteps.iter().zip(alphas) {
            let timestep = timestep.as_u64().unwrap() as usize;
            let wanted = wanted.as_f64().unwrap();
            let got = schedule.alpha_cumprod(Some(timestep));
            assert!(
                (got - wanted).abs() <= TOLERANCE * wanted + SMALLEST,
                "{name}, timestep {timestep}: {got:e}, expected {wanted:e}"
            );
        }
    }
}
