//! Weights of a diffusers network without the configuration that it is built by.

use super::{TensorFile, WEIGHTS};
use crate::networks::checkpoints::candidate::Candidate;
use crate::networks::checkpoints::files::Files;
use crate::networks::checkpoints::{Architecture, CheckpointError, MissingSettings};

/// Tensors that every `UNet2DModel` has, and no network of another family.
const MARKS: [&str; 3] = ["conv_in.weight", "conv_norm_out.weight", "conv_out.weight"];

/// Configurations of public models (<https://huggingface.co/google/ddpm-cifar10-32>, <https://huggingface.co/google/ddpm-celebahq-256>)
/// and of diffusers' own training example.
pub(super) static PUBLISHED: &[Architecture] = &[
    Architecture {
        name: "diffusers/ddpm-cifar10-32",
        about: "google/ddpm-cifar10-32, 32 × 32 pixels",
        unsaid: &[
            "\"sample_size\": 32, \"in_channels\": 3, \"out_channels\": 3, \"layers_per_block\": 2, \
               \"block_out_channels\": [128,256,256,256], \
               \"down_block_types\": [\"DownBlock2D\",\"AttnDownBlock2D\",\"DownBlock2D\",\"DownBlock2D\"], \
               \"up_block_types\": [\"UpBlock2D\",\"UpBlock2D\",\"AttnUpBlock2D\",\"UpBlock2D\"], \
               \"attention_head_dim\": null, \"norm_num_groups\": 32, \"norm_eps\": 1e-06, \"downsample_padding\": 0, \
               \"flip_sin_to_cos\": false, \"freq_shift\": 1",
        ],
        shapes: &[],
    },
    Architecture {
        name: "diffusers/ddpm-celebahq-256",
        about: "google/ddpm-celebahq-256, 256 × 256 pixels",
        unsaid: &[
            "\"sample_size\": 256, \"in_channels\": 3, \"out_channels\": 3, \"layers_per_block\": 2, \
               \"block_out_channels\": [128,128,256,256,512,512], \
               \"down_block_types\": [\"DownBlock2D\",\"DownBlock2D\",\"DownBlock2D\",\"DownBlock2D\",\"AttnDownBlock2D\",\"DownBlock2D\"], \
               \"up_block_types\": [\"UpBlock2D\",\"AttnUpBlock2D\",\"UpBlock2D\",\"UpBlock2D\",\"UpBlock2D\",\"UpBlock2D\"], \
               \"attention_head_dim\": null, \"norm_num_groups\": 32, \"norm_eps\": 1e-06, \"downsample_padding\": 0, \
               \"flip_sin_to_cos\": false, \"freq_shift\": 1",
        ],
        shapes: &[],
    },
    Architecture {
        name: "diffusers/training-example-64",
        about: "diffusers' training example, 64 × 64 pixels",
        unsaid: &[
            "\"sample_size\": 64, \"in_channels\": 3, \"out_channels\": 3, \"layers_per_block\": 2, \
               \"block_out_channels\": [128,128,256,256,512,512], \
               \"down_block_types\": [\"DownBlock2D\",\"DownBlock2D\",\"DownBlock2D\",\"DownBlock2D\",\"AttnDownBlock2D\",\"DownBlock2D\"], \
               \"up_block_types\": [\"UpBlock2D\",\"AttnUpBlock2D\",\"UpBlock2D\",\"UpBlock2D\",\"UpBlock2D\",\"UpBlock2D\"], \
               \"attention_head_dim\": 8, \"norm_num_groups\": 32, \"norm_eps\": 1e-05, \"downsample_padding\": 1, \
               \"flip_sin_to_cos\": true, \"freq_shift\": 0",
        ],
        shapes: &[],
    },
];

/// The weights of such a network, where there are any: those that the user chose, or those of the usual name.
pub(super) fn weights(candidate: &Candidate<'_>) -> Result<Option<String>, CheckpointError> {
    let files = candidate.files;
    let is_safetensors = |name: &&str| name.ends_with(".safetensors");
    let usual = || WEIGHTS.into_iter().find(|name| files.has(name));
    let chosen = candidate.weights.or_else(usual);
    if let Some(name) = chosen.filter(is_safetensors) {
        let (tensors, _) = TensorFile::open_all(files, &[name.to_owned()])?;
        let shapes = tensors.shapes();
        let is_whole = MARKS.iter().all(|mark| shapes.contains_key(*mark));
        return Ok(is_whole.then(|| name.to_owned()));
    }
    let (Some(name), Some(names)) = (candidate.torch_file(), candidate.torch_names()?) else {
        return Ok(None);
    };
    let has = |mark: &&str| names.top.iter().any(|name| name == mark);
    Ok(MARKS.iter().all(has).then_some(name))
}

/// That they lack their configuration, and which one to begin from.
pub(super) fn missing(files: &Files, weights: &str) -> CheckpointError {
    CheckpointError::MissingSettings {
        missing: MissingSettings {
            what: "the weights of a diffusers network do not say how it is built",
            architectures: PUBLISHED.iter().collect(),
            // It is tried; the configuration is the whole network.
            are_of_these_shapes: true,
            file: files.path("config.json"),
        },
        instead: "there is no config.json beside them; put the one there that they came with, give the diffusers folder, or \
                  name a public model by --architecture"
            .to_owned(),
        path: files.path(weights),
    }
}
