//! Models that are refused, each with its own sentence.

use std::collections::HashMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use candle_core::{DType, Device, Tensor};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{fixture, load};

const NAME: &str = "gray-attn-heads";
const WEIGHTS: &str = "diffusion_pytorch_model.safetensors";

/// A copy of a good model to be spoiled.
struct Model(TempDir);

impl Model {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for file in ["config.json", WEIGHTS] {
            let from = fixture("unet").join(NAME).join(file);
            fs::copy(from, folder.path().join(file)).unwrap();
        }
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn set(&self, field: &str, value: Value) {
        let path = self.path("config.json");
        let mut config: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        config[field] = value;
        fs::write(path, config.to_string()).unwrap();
    }

    fn change_weights(&self, change: impl FnOnce(&mut HashMap<String, Tensor>)) {
        let path = self.path(WEIGHTS);
        let mut tensors = candle_core::safetensors::load(&path, &Device::Cpu).unwrap();
        change(&mut tensors);
        candle_core::safetensors::save(&tensors, &path).unwrap();
    }

    /// The refusal says all of this, and its path comes last.
    fn assert_refused(&self, says: &[&str]) {
        assert_refused(self.0.path(), says);
    }
}

fn assert_refused(path: &Path, says: &[&str]) {
    let message = load(path).unwrap_err().to_string();
    for part in says {
        assert!(message.contains(part), "`{part}` is not in `{message}`");
    }
    let last = message.rsplit(": ").next().unwrap();
    assert!(
        path.starts_with(last) || Path::new(last).starts_with(path),
        "the path comes last: {message}"
    );
}

#[test]
fn nothing_there() {
    let model = Model::new();
    assert_refused(&model.path("nowhere"), &["there is no such file or folder"]);
}

#[test]
fn no_config() {
    let model = Model::new();
    fs::remove_file(model.path("config.json")).unwrap();
    model.assert_refused(&["no config.json beside them", "do not say how it is built"]);
    assert_refused(&model.path(WEIGHTS), &["config.json"]);
}

#[test]
fn no_weights() {
    let model = Model::new();
    fs::remove_file(model.path(WEIGHTS)).unwrap();
    model.assert_refused(&[
        "no weights beside config.json",
        "diffusion_pytorch_model.bin",
    ]);
}

#[test]
fn an_index_of_weights_files_that_makes_no_sense() {
    let model = Model::new();
    fs::copy(model.path(WEIGHTS), model.path("other.safetensors")).unwrap();
    fs::rename(model.path(WEIGHTS), model.path("one.safetensors")).unwrap();
    for (index, says) in [
        (json!({}), "weight_map is missing"),
        (json!({"weight_map": {}}), "weight_map names no file"),
        (
            json!({"weight_map": {"conv_in.bias": "../../elsewhere.safetensors"}}),
            "must name files in the same folder",
        ),
        (
            json!({"weight_map": {"conv_in.bias": "none.safetensors"}}),
            "no such file",
        ),
        (
            json!({"weight_map": {"a": "one.safetensors", "b": "other.safetensors"}}),
            "is in another of the model's weights files as well",
        ),
    ] {
        let path = model.path(&format!("{WEIGHTS}.index.json"));
        fs::write(path, index.to_string()).unwrap();
        model.assert_refused(&[says]);
    }
}

#[test]
fn weights_that_are_a_folder() {
    let model = Model::new();
    fs::remove_file(model.path(WEIGHTS)).unwrap();
    fs::create_dir(model.path(WEIGHTS)).unwrap();
    model.assert_refused(&["expected a plain file"]);
}

#[test]
fn malformed_json() {
    let model = Model::new();
    for (text, says) in [
        ("{\"_class_name\": ", "EOF"),
        ("[1, 2]", "expected an object, got a list"),
        ("", "EOF"),
    ] {
        fs::write(model.path("config.json"), text).unwrap();
        model.assert_refused(&["not the JSON that is expected", says]);
    }
    let model = Model::new();
    model.set("in_channels", json!("three"));
    model.assert_refused(&["a field has the wrong type", "three"]);
}

#[test]
fn truncated_safetensors() {
    let bytes = fs::read(fixture("unet").join(NAME).join(WEIGHTS)).unwrap();
    for length in [0, 5, 100, bytes.len() / 2, bytes.len() - 1] {
        let model = Model::new();
        fs::write(model.path(WEIGHTS), &bytes[..length]).unwrap();
        model.assert_refused(&["cut short", &format!("got {length}")]);
    }
}

#[test]
fn weights_that_are_something_else() {
    let model = Model::new();
    fs::write(
        model.path(WEIGHTS),
        "version https://git-lfs.github.com/spec/v1",
    )
    .unwrap();
    model.assert_refused(&["it is not a safetensors file"]);
}

#[test]
fn pickle_garbage() {
    let good = fixture("unet/small-attn-old-keys-bin");
    let bin = "diffusion_pytorch_model.bin";
    let bytes = fs::read(good.join(bin)).unwrap();
    for (bytes, says) in [
        (&b"no zip at all"[..], "it is not a PyTorch zip file"),
        (&b"\x80\x02\x8a\x0al\xfc\x9c"[..], "PyTorch before 1.6"),
        (&bytes[..bytes.len() / 2], "damaged or cut short"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fs::copy(good.join("config.json"), folder.path().join("config.json")).unwrap();
        fs::write(folder.path().join(bin), bytes).unwrap();
        assert_refused(folder.path(), &[says]);
    }
}

/// Whatever single bytes of the pickle say, there is an error or a model and no panic.
#[test]
fn pickle_with_changed_bytes_does_not_panic() {
    let good = fixture("unet/small-attn-old-keys-bin");
    let bin = "diffusion_pytorch_model.bin";
    let bytes = fs::read(good.join(bin)).unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::copy(good.join("config.json"), folder.path().join("config.json")).unwrap();
    let pickle = bytes.windows(8).position(|w| w == b"data.pkl").unwrap();
    for step in 0..40 {
        let mut changed = bytes.clone();
        changed[pickle + 8 + 97 * step] ^= 0x15;
        fs::write(folder.path().join(bin), changed).unwrap();
        if let Err(error) = load(folder.path()) {
            assert!(!error.to_string().is_empty(), "byte {step}");
        }
    }
}

/// A good model's folder whose weights are a PyTorch zip with this pickle, and one storage of 16 values.
fn pickled(pickle: &[u8]) -> TempDir {
    let model = Model::new();
    fs::remove_file(model.path(WEIGHTS)).unwrap();
    let file = fs::File::create(model.path("diffusion_pytorch_model.bin")).unwrap();
    let mut zip = zip::ZipWriter::new(file);
    let stored =
        zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in [("a/data.pkl", pickle), ("a/data/0", &[0; 64])] {
        zip.start_file(name, stored).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap();
    model.0
}

/// The pickle of a state dictionary with one tensor of storage 0, contiguous as far as its strides say.
fn state_dict(name: &str, shape: &[i32], strides: &[i32]) -> Vec<u8> {
    let text = |text: &str| {
        let length = (text.len() as u32).to_le_bytes();
        [b"X", length.as_slice(), text.as_bytes()].concat()
    };
    let numbers = |numbers: &[i32]| {
        let bytes = numbers
            .iter()
            .flat_map(|n| [&b"J"[..], &n.to_le_bytes()].concat());
        [b"(".to_vec(), bytes.collect(), b"t".to_vec()].concat()
    };
    [
        b"\x80\x02}".to_vec(),
        text(name),
        b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
        text("storage"),
        b"ctorch\nFloatStorage\n".to_vec(),
        text("0"),
        text("cpu"),
        b"K\x10tQK\x00".to_vec(),
        numbers(shape),
        numbers(strides),
        b"\x89N".to_vec(),
        b"tRs.".to_vec(),
    ]
    .concat()
}

#[test]
fn a_pickle_of_one_tensor_is_understood() {
    let folder = pickled(&state_dict("conv_out.bias", &[4, 2], &[2, 1]));
    assert_refused(
        folder.path(),
        &[
            "missing",
            "1 of the wrong shape (conv_out.bias expected [1] got [4, 2])",
        ],
    );
}

/// Each of these would take all memory or the whole stack of a machine that builds what the pickle says.
#[test]
fn pickles_that_grow_without_end_are_refused() {
    // Tuples of two copies of the one before, 200 times over.
    let mut doubled = b"\x80\x02)q\0".to_vec();
    for _ in 0..200 {
        doubled.extend(b"h\0h\0\x86q\0");
    }
    doubled.push(b'.');
    // A list in a list, two million times over.
    let depth = 2_000_000;
    let nested = [vec![b']'; depth], vec![b'a'; depth - 1], b".".to_vec()].concat();
    for pickle in [doubled, nested] {
        let folder = pickled(&pickle);
        assert_refused(folder.path(), &["missing (conv_in.weight"]);
    }
    // A text of 4 GiB that is not there.
    let folder = pickled(b"\x80\x02X\xff\xff\xff\xffabc.");
    assert_refused(folder.path(), &["its pickle is cut short"]);
    // More objects than there is any use for.
    let folder = pickled(&vec![b')'; 5_000_000]);
    assert_refused(folder.path(), &["more than 4194304 objects"]);
}

/// 154 GB by the configuration and the pickle, 64 bytes in the file.
#[test]
fn a_tensor_larger_than_its_storage_is_refused() {
    for strides in [[589_824, 9, 3, 1], [0, 0, 0, 0]] {
        let shape = [65_536, 65_536, 3, 3];
        let folder = pickled(&state_dict(
            "mid_block.resnets.0.conv1.weight",
            &shape,
            &strides,
        ));
        let config = folder.path().join("config.json");
        let json = json!({
            "_class_name": "UNet2DModel", "sample_size": 8, "in_channels": 1, "out_channels": 1,
            "block_out_channels": [65_536], "layers_per_block": 1, "norm_num_groups": 1,
            "down_block_types": ["DownBlock2D"], "up_block_types": ["UpBlock2D"]
        });
        fs::write(config, json.to_string()).unwrap();
        assert_refused(folder.path(), &["missing (conv_in.weight"]);
    }
}

/// What a pickle would have Python call is not called.
#[test]
fn a_pickle_is_never_executed() {
    let marker = tempfile::tempdir().unwrap();
    let file = marker.path().join("executed");
    let command = format!("touch {}", file.display());
    let length = (command.len() as u32).to_le_bytes();
    let call = [
        b"\x80\x02cposix\nsystem\nX".as_slice(),
        &length,
        command.as_bytes(),
        b"\x85R.",
    ];
    let folder = pickled(&call.concat());
    assert_refused(folder.path(), &["missing (conv_in.weight"]);
    assert!(!file.exists(), "the pickle's command was run");
}

#[test]
fn missing_unused_and_misshapen_tensors_are_reported_together() {
    let model = Model::new();
    model.change_weights(|tensors| {
        let bias = tensors.remove("conv_in.bias").unwrap();
        tensors.insert("conv_inn.bias".to_owned(), bias);
        let weight = Tensor::zeros((2, 2), DType::F32, &Device::Cpu).unwrap();
        tensors.insert("conv_out.weight".to_owned(), weight);
    });
    model.assert_refused(&[
        "1 missing (conv_in.bias)",
        "1 unused (conv_inn.bias)",
        "1 of the wrong shape (conv_out.weight expected [1, 16, 3, 3] got [2, 2])",
    ]);
}

#[test]
fn many_missing_tensors_are_counted() {
    let model = Model::new();
    model.change_weights(|tensors| tensors.retain(|name, _| name.starts_with("conv")));
    model.assert_refused(&["missing (", " more)"]);
}

#[test]
fn weights_that_are_not_finite() {
    for bad in [f32::NAN, f32::INFINITY] {
        let model = Model::new();
        model.change_weights(|tensors| {
            let bias = Tensor::full(bad, 16, &Device::Cpu).unwrap();
            tensors.insert("conv_in.bias".to_owned(), bias);
        });
        model.assert_refused(&["not finite", "conv_in.bias"]);
    }
}

#[test]
fn weights_of_integers() {
    let model = Model::new();
    model.change_weights(|tensors| {
        let bias = Tensor::zeros(16, DType::I64, &Device::Cpu).unwrap();
        tensors.insert("conv_in.bias".to_owned(), bias);
    });
    model.assert_refused(&["conv_in.bias is stored as I64, expected F32"]);
}

#[test]
fn skip_blocks_beside_others_are_refused_by_name() {
    let model = Model::new();
    model.set(
        "down_block_types",
        json!(["SkipDownBlock2D", "DownBlock2D", "AttnDownBlock2D"]),
    );
    model.assert_refused(&["skip blocks beside others", "of one kind"]);
    model.set(
        "down_block_types",
        json!(["KDownBlock2D", "DownBlock2D", "AttnDownBlock2D"]),
    );
    model.assert_refused(&["KDownBlock2D is not supported", "AttnSkipDownBlock2D"]);
}

#[test]
fn options_are_refused_by_name() {
    for (field, value, says) in [
        (
            "_class_name",
            json!("UNet2DConditionModel"),
            "UNet2DConditionModel",
        ),
        ("_class_name", json!("AutoencoderKL"), "AutoencoderKL"),
        (
            "time_embedding_type",
            json!("learned"),
            "time_embedding_type \"learned\"",
        ),
        (
            "time_embedding_type",
            json!("learned"),
            "time_embedding_type \"learned\"",
        ),
        ("act_fn", json!("gelu"), "act_fn \"gelu\""),
        ("class_embed_type", json!("timestep"), "class-conditional"),
        ("num_class_embeds", json!(10), "class-conditional"),
        ("out_channels", json!(2), "learned variance"),
        ("in_channels", json!(4), "4 input channels"),
        (
            "mid_block_type",
            json!("UNetMidBlock2DCrossAttn"),
            "UNetMidBlock2DCrossAttn",
        ),
        (
            "down_block_types",
            json!(["KDownBlock2D", "DownBlock2D", "DownBlock2D"]),
            "KDownBlock2D",
        ),
        (
            "up_block_types",
            json!(["UpBlock2D", "UpDecoderBlock2D", "UpBlock2D"]),
            "UpDecoderBlock2D",
        ),
        (
            "down_block_types",
            json!(["CrossAttnDownBlock2D", "DownBlock2D", "DownBlock2D"]),
            "CrossAttn",
        ),
        ("downsample_type", json!("fir"), "downsample_type \"fir\""),
        ("resnet_time_scale_shift", json!("spatial"), "\"spatial\""),
        ("downsample_padding", json!(2), "downsample_padding \"2\""),
    ] {
        let model = Model::new();
        model.set(field, value);
        model.assert_refused(&[says, "is not supported"]);
    }
}

#[test]
fn impossible_numbers_are_refused() {
    for (field, value, says) in [
        ("sample_size", json!(null), "sample_size must be"),
        ("sample_size", json!([32, 64]), "sample_size must be"),
        ("sample_size", json!(30), "multiple of 4"),
        ("sample_size", json!(0), "sample_size must be"),
        ("norm_num_groups", json!(7), "norm_num_groups must divide"),
        ("norm_num_groups", json!(0), "norm_num_groups must divide"),
        ("norm_num_groups", json!(null), "norm_num_groups is null"),
        (
            "attn_norm_num_groups",
            json!(5),
            "attn_norm_num_groups must divide",
        ),
        (
            "attention_head_dim",
            json!(24),
            "attention_head_dim must divide",
        ),
        (
            "attention_head_dim",
            json!(0),
            "attention_head_dim must divide",
        ),
        (
            "layers_per_block",
            json!(1_000_000),
            "layers_per_block must be",
        ),
        ("block_out_channels", json!([]), "equally long"),
        ("block_out_channels", json!([16, 24]), "equally long"),
        (
            "block_out_channels",
            json!([16, 24, 1_000_000]),
            "block_out_channels must be",
        ),
        (
            "mid_block_scale_factor",
            json!(0),
            "mid_block_scale_factor must lie",
        ),
        (
            "mid_block_scale_factor",
            json!(1e-40),
            "mid_block_scale_factor must lie",
        ),
        (
            "mid_block_scale_factor",
            json!(1e300),
            "mid_block_scale_factor must lie",
        ),
        ("norm_eps", json!(0), "norm_eps must lie"),
        ("norm_eps", json!(-1e-5), "norm_eps must lie"),
        ("norm_eps", json!(1e300), "norm_eps must lie"),
        // Its first block has 16 channels: frequencies are divided by 8 - 8.
        ("freq_shift", json!(8), "freq_shift must be smaller"),
        ("freq_shift", json!(9.5), "freq_shift must be smaller"),
    ] {
        let model = Model::new();
        model.set(field, value);
        model.assert_refused(&[says]);
    }
}

#[test]
fn pipelines_that_do_not_work_on_pixels() {
    let model = Model::new();
    let index = json!({
        "_class_name": "LDMPipeline", "unet": ["diffusers", "UNet2DModel"], "vqvae": ["diffusers", "VQModel"]
    });
    fs::write(model.path("model_index.json"), index.to_string()).unwrap();
    model.assert_refused(&["LDMPipeline", "vqvae"]);
    let index = json!({"_class_name": "X", "unet": ["diffusers", "UNet2DConditionModel"]});
    fs::write(model.path("model_index.json"), index.to_string()).unwrap();
    model.assert_refused(&["UNet2DConditionModel"]);
}

#[test]
fn bad_schedules() {
    let model = Model::new();
    for (scheduler, says) in [
        (
            json!({"_class_name": "ScoreSdeVpScheduler"}),
            "ScoreSdeVpScheduler",
        ),
        (
            json!({"num_train_timesteps": 0}),
            "at least 1 training timestep",
        ),
        (json!({"beta_end": 3.0}), "between 0 and 1"),
        (json!({"num_train_timesteps": -1}), "wrong type"),
        (
            json!({"clip_sample_range": 0}),
            "clip_sample_range must be a positive number",
        ),
        (
            json!({"clip_sample_range": -1}),
            "clip_sample_range must be a positive number",
        ),
        (
            json!({"clip_sample_range": 1e300}),
            "clip_sample_range must be a positive number",
        ),
        (json!({"thresholding": true}), "thresholding"),
        (
            json!({"trained_betas": [0.1, 0.2, 0.3]}),
            "trained_betas must be as many as num_train_timesteps, 1000, got 3",
        ),
        (
            json!({"beta_start": 0.9, "beta_end": 0.9}),
            "leave nothing of the image at timestep",
        ),
    ] {
        fs::write(model.path("scheduler_config.json"), scheduler.to_string()).unwrap();
        model.assert_refused(&[says]);
    }
}

#[test]
fn a_key_that_comes_twice_is_refused_wherever_it_is() {
    let model = Model::new();
    let config = fs::read_to_string(model.path("config.json")).unwrap();
    let twice = config.replacen('{', "{\"norm_eps\": 0.5, ", 1);
    fs::write(model.path("config.json"), &twice).unwrap();
    model.assert_refused(&["`norm_eps` comes twice", "config.json"]);
    fs::write(model.path("config.json"), format!("\u{FEFF}{config}")).unwrap();
    load(model.0.path()).unwrap();

    let scheduler = r#"{"beta_end": 0.02, "beta_end": 0.03}"#;
    fs::write(model.path("scheduler_config.json"), scheduler).unwrap();
    model.assert_refused(&["`beta_end` comes twice", "scheduler_config.json"]);
    fs::remove_file(model.path("scheduler_config.json")).unwrap();

    let bytes = fs::read(model.path(WEIGHTS)).unwrap();
    let length = u64::from_le_bytes(*bytes.first_chunk().unwrap()) as usize;
    let header = std::str::from_utf8(&bytes[8..8 + length]).unwrap();
    let entry = r#""conv_in.bias":{"dtype":"F32","shape":[16],"data_offsets":[0,64]}"#;
    let header = header.trim_end().replacen('{', &format!("{{{entry},"), 1);
    let twice = [
        &(header.len() as u64).to_le_bytes()[..],
        header.as_bytes(),
        &bytes[8 + length..],
    ]
    .concat();
    fs::write(model.path(WEIGHTS), twice).unwrap();
    model.assert_refused(&["`conv_in.bias` comes twice"]);
}

#[test]
fn trained_betas_as_many_as_timesteps_are_read() {
    let model = Model::new();
    let scheduler = json!({"trained_betas": [0.1, 0.2, 0.3], "num_train_timesteps": 3});
    fs::write(model.path("scheduler_config.json"), scheduler.to_string()).unwrap();
    let schedule = load(model.0.path()).unwrap().schedule;
    assert!((schedule.alpha_cumprod(Some(2)) - 0.9 * 0.8 * 0.7).abs() < 1e-15);
}

#[test]
fn files_with_the_names_of_a_family_and_nothing_else_are_refused() {
    assert_refused(&fixture("foreign/score_sde"), &["image_size is missing"]);
    let says = "a checkpoint of denoising-diffusion-pytorch";
    assert_refused(
        &fixture("foreign/lucidrains/model-1.pt"),
        &[says, "lmd train"],
    );
    // Two tensors, without the others of the network.
    assert_refused(
        &fixture("foreign/openai.pt"),
        &["could not be read", "which 32 groups can't share"],
    );
}

#[test]
fn a_file_that_is_no_weights_is_not_told_what_is_wrong_with_it_as_weights() {
    let model = Model::new();
    fs::write(model.path("README.md"), "# A model").unwrap();
    let says = "README.md is not a model; give a diffusers folder, or a .safetensors, .bin, .pt or .pth file";
    assert_refused(&model.path("README.md"), &[says]);
}
