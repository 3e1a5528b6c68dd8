//! Files that people take for models, dropped on the window one by one over the real worker: each opens or says in a sentence
//! why not and what would work, and none costs the model that is open.

use std::fs;
use std::path::{Path, PathBuf};

use lmd_inspector::state::{Action, ModelState};
use lmd_inspector::worker::protocol::ModelSource;

use super::real::{no_wake, open, settings};
use super::{Window, until};
use crate::networks::fixture;

/// Drop a file or folder as the model; returns what is wrong with it, `None` where it opened.
fn dropped(window: &mut Window, path: &Path) -> Option<String> {
    window
        .state_mut()
        .act(Action::Dropped(vec![path.to_owned()]));
    window.run_steps(2);
    window.state_mut().act(Action::UseDropped(None));
    window.run_steps(2);
    until(window, &path.display().to_string(), |window| {
        !matches!(window.state().session().model, ModelState::Opening { .. })
    });
    let session = window.state().session();
    let wanted = ModelSource::Path(path.to_owned());
    let problem = session.model_problem.as_ref();
    let problem = problem.filter(|problem| problem.source == wanted);
    let info = session.model_info().expect("a model is always open");
    if let Some(problem) = problem {
        assert_eq!(info.source, ModelSource::BUNDLED, "{}", problem.message);
        Some(problem.message.clone())
    } else {
        assert_eq!(info.source, wanted);
        None
    }
}

/// Odd files, each with a part of what is said of it.
fn odd_files(folder: &Path) -> Vec<(PathBuf, &'static str)> {
    let sample = fs::read("assets/samples/mnist/00000.png").unwrap();
    let mut claim = 200_000_000_000_u64.to_le_bytes().to_vec();
    claim.extend(b"{\"conv_in");
    let weights = fixture("unet/gray-attn-heads/diffusion_pytorch_model.safetensors");
    let weights = fs::read(weights).unwrap();
    let files: Vec<(&str, Vec<u8>, &str)> = vec![
        ("README.md", b"# A model".to_vec(), "is not a model"),
        ("picture.pth", sample, "a PNG picture is not supported"),
        (
            "photo.jpg",
            b"\xff\xd8\xff\xe0 JFIF".to_vec(),
            "a JPEG picture",
        ),
        (
            "llama.gguf",
            b"GGUF\x03\0\0\0".to_vec(),
            "a GGUF file is not supported",
        ),
        (
            "unet.onnx",
            b"\x08\x07\x12\x07pytorch".to_vec(),
            "an ONNX file is not supported",
        ),
        (
            "unet.tflite",
            b"\x1c\0\0\0TFL3".to_vec(),
            "a TensorFlow Lite file",
        ),
        ("keras.h5", b"\x89HDF\r\n\x1a\n".to_vec(), "an HDF5 file"),
        ("weights.npy", b"\x93NUMPY\x01\0".to_vec(), "a NumPy array"),
        ("paper.pdf", b"%PDF-1.7".to_vec(), "a PDF file"),
        ("model.tar.gz", b"\x1f\x8b\x08".to_vec(), "a gzip archive"),
        (
            "legacy.pth",
            b"\x80\x02\x8a\x0al\xfc".to_vec(),
            "saved by PyTorch before 1.6",
        ),
        (
            "text.pth",
            b"not weights at all".to_vec(),
            "is not a PyTorch zip file",
        ),
        ("claim.safetensors", claim, "could not be read"),
        ("empty.safetensors", Vec::new(), "cut short"),
        (
            "renamed.pth",
            fs::read(fixture("runs/v1/finished.lmdrun")).unwrap(),
            "a database, such as a run file",
        ),
        (
            "short.safetensors",
            weights[..weights.len() - 100].to_vec(),
            "cut short",
        ),
        ("settings.json", b"{\"a\": 1}".to_vec(), "config.json"),
        ("program.exe", b"MZ\x90\0".to_vec(), "is not a model"),
    ];
    let mut odd: Vec<_> = files
        .into_iter()
        .enumerate()
        .map(|(index, (name, bytes, says))| {
            // Each in a folder of its own: what lies beside a file counts.
            let folder = folder.join(index.to_string());
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join(name), bytes).unwrap();
            (folder.join(name), says)
        })
        .collect();
    odd.push((
        fixture("foreign/lucidrains/model-1.pt"),
        "a checkpoint of denoising-diffusion-pytorch",
    ));
    odd.push((fixture("foreign/openai-classes.pt"), "class"));
    odd.push((fixture("foreign/score_sde-short.pth"), "averaged"));
    odd.extend(pipelines(folder));
    odd
}

/// Folders of pipelines that are not unconditional ones of pixels.
fn pipelines(folder: &Path) -> Vec<(PathBuf, &'static str)> {
    let mut odd = Vec::new();
    for (name, index, says) in [
        (
            "latent",
            r#"{"_class_name": "LDMPipeline", "vae": ["a", "b"]}"#,
            "vae",
        ),
        (
            "text",
            r#"{"_class_name": "X", "unet": ["diffusers", "UNet2DConditionModel"]}"#,
            "UNet2DConditionModel",
        ),
    ] {
        let folder = folder.join(name);
        fs::create_dir_all(folder.join("unet")).unwrap();
        fs::write(folder.join("model_index.json"), index).unwrap();
        fs::write(folder.join("unet/config.json"), "{\"sample_size\": 32}").unwrap();
        odd.push((folder, says));
    }
    // Their networks are those of other models: the scheduler tells.
    for says in [
        "CMStochasticIterativeScheduler",
        "FlowMatchEulerDiscreteScheduler",
    ] {
        let folder = folder.join(says);
        fs::create_dir(&folder).unwrap();
        for file in ["config.json", "diffusion_pytorch_model.safetensors"] {
            let from = fixture("unet/gray-attn-heads").join(file);
            fs::copy(from, folder.join(file)).unwrap();
        }
        let scheduler = format!("{{\"_class_name\": \"{says}\"}}");
        fs::write(folder.join("scheduler_config.json"), scheduler).unwrap();
        odd.push((folder, says));
    }
    odd
}

#[test]
fn each_opens_or_says_why_not_and_the_open_model_stays() {
    let folder = tempfile::tempdir().unwrap();
    let mut window = open(settings(1, 1), no_wake());
    let odd = odd_files(folder.path());
    assert!(odd.len() >= 20);
    for (path, says) in odd {
        let name = path.display();
        let Some(message) = dropped(&mut window, &path) else {
            panic!("{name} opened as a model");
        };
        assert!(
            message.to_lowercase().contains(&says.to_lowercase()),
            "{name}: `{says}` is not in `{message}`"
        );
        assert!(message.ends_with('.'), "{name}: {message}");
        assert!(
            !message.contains(&format!(": {name}.")),
            "the path stands in the field: {message}"
        );
    }
    for name in [
        "unet/small-attn",
        "score_sde/vp-ddpmpp",
        "openai/guided-32-resblock-updown",
    ] {
        assert_eq!(dropped(&mut window, &fixture(name)), None, "{name}");
    }
}

#[test]
fn weights_of_diffusers_alone_are_asked_how_they_are_built() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("unet.safetensors");
    let of = fixture("unet/gray-attn-heads");
    fs::copy(of.join("diffusion_pytorch_model.safetensors"), &path).unwrap();
    let mut window = open(settings(1, 1), no_wake());
    let message = dropped(&mut window, &path).unwrap();
    assert!(message.contains("no config.json beside them"), "{message}");
    let problem = window.state().session().model_problem.clone().unwrap();
    let missing = problem.missing.unwrap();
    assert_eq!(missing.file, folder.path().join("config.json"));
    assert!(missing.architectures.iter().all(|it| {
        let parsed: serde_json::Value = serde_json::from_str(&missing.lines(it)).unwrap();
        parsed["block_out_channels"].is_array()
    }));
    let config = fs::read_to_string(of.join("config.json")).unwrap();
    window.state_mut().act(Action::CompleteModel(config));
    window.run_steps(2);
    until(&mut window, "the model", |window| {
        let info = window.state().session().model_info();
        info.is_some_and(|info| info.source == ModelSource::Path(path.clone()))
    });
    let recent = &window.state().session().settings.recent_models;
    assert_eq!(recent[0].path, path);
    assert_eq!(recent[0].about, "diffusers UNet2DModel, 32 × 32 gray");
}
