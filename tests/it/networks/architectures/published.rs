//! Networks built from their papers' descriptions, and files of them.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use zip::write::SimpleFileOptions;

pub type Shapes = Vec<(String, Vec<usize>)>;

/// Values of the two storages that all tensors share: one for large tensors, one for small ones.
const LARGE: usize = 512 * 512 * 9;
const SMALL: usize = 1 << 16;

/// A PyTorch file with zeros in half precision, as far as a dictionary under a key (or none) goes.
pub fn write(path: &Path, key: Option<&str>, tensors: &Shapes) {
    let text = |text: &str| {
        let length = (text.len() as u32).to_le_bytes();
        [b"X", length.as_slice(), text.as_bytes()].concat()
    };
    let numbers = |numbers: &[usize]| {
        let bytes = (numbers.iter()).flat_map(|n| [&b"J"[..], &(*n as u32).to_le_bytes()].concat());
        [b"(".to_vec(), bytes.collect(), b"t".to_vec()].concat()
    };
    let mut pickle = b"\x80\x02}".to_vec();
    if let Some(key) = key {
        pickle.extend([text(key), b"}".to_vec()].concat());
    }
    pickle.push(b'(');
    for (name, shape) in tensors {
        let count: usize = shape.iter().product();
        assert!(count <= LARGE, "{name}");
        let (storage, size) = if count > SMALL {
            ("0", LARGE)
        } else {
            ("1", SMALL)
        };
        let strides: Vec<usize> = (1..=shape.len())
            .map(|axis| shape[axis..].iter().product())
            .collect();
        pickle.extend(
            [
                text(name),
                b"ctorch._utils\n_rebuild_tensor_v2\n((".to_vec(),
                text("storage"),
                b"ctorch\nHalfStorage\n".to_vec(),
                text(storage),
                text("cpu"),
                [&b"J"[..], &(size as u32).to_le_bytes(), b"tQK\x00"].concat(),
                numbers(shape),
                numbers(&strides),
                b"\x89NtR".to_vec(),
            ]
            .concat(),
        );
    }
    pickle.push(b'u');
    pickle.extend(if key.is_some() { &b"s."[..] } else { b"." });
    let mut zip = zip::ZipWriter::new(fs::File::create(path).unwrap());
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for (name, content) in [
        ("a/data.pkl", pickle),
        ("a/data/0", vec![0; 2 * LARGE]),
        ("a/data/1", vec![0; 2 * SMALL]),
    ] {
        zip.start_file(name, stored).unwrap();
        zip.write_all(&content).unwrap();
    }
    zip.finish().unwrap();
}

pub fn num_parameters(tensors: &Shapes) -> usize {
    let counts = tensors
        .iter()
        .map(|(_, shape)| shape.iter().product::<usize>());
    counts.sum()
}

/// A resnet's parts by name and weight.
fn ddpm_resnet(inputs: usize, outputs: usize) -> Vec<(&'static str, Vec<usize>)> {
    let mut parts = vec![
        ("GroupNorm_0", vec![inputs]),
        ("Conv_0", vec![outputs, inputs, 3, 3]),
        ("Dense_0", vec![outputs, 512]),
        ("GroupNorm_1", vec![outputs]),
        ("Conv_1", vec![outputs, outputs, 3, 3]),
    ];
    if inputs != outputs {
        parts.push(("NIN_0", vec![inputs, outputs]));
    }
    parts
}

/// The DDPM of `score_sde_pytorch`'s CIFAR-10 configurations, which the paper trained on every set of 32x32 images: width
/// 128, levels of 128, 256, 256 and 256 channels with two resnets each, attention at 16x16.
pub fn paper_ddpm() -> Shapes {
    let mut tensors = Shapes::new();
    let mut index = 0;
    let mut module = |parts: &[(&str, Vec<usize>)]| {
        for (part, shape) in parts {
            let separator = if part.is_empty() { "" } else { "." };
            let name = format!("module.all_modules.{index}{separator}{part}");
            let biased = part.strip_suffix('!').is_none();
            let name = name.trim_end_matches('!');
            let outputs = if part.starts_with("NIN") {
                shape[1]
            } else {
                shape[0]
            };
            let weight = if part.starts_with("NIN") {
                "W"
            } else {
                "weight"
            };
            let bias = if part.starts_with("NIN") { "b" } else { "bias" };
            tensors.push((format!("{name}.{weight}"), shape.clone()));
            if biased {
                tensors.push((format!("{name}.{bias}"), vec![outputs]));
            }
        }
        index += 1;
    };
    let attention: Vec<(&str, Vec<usize>)> = ["NIN_0", "NIN_1", "NIN_2", "NIN_3"]
        .map(|part| (part, vec![256, 256]))
        .into_iter()
        .chain([("GroupNorm_0", vec![256])])
        .collect();
    module(&[("", vec![512, 128])]);
    module(&[("", vec![512, 512])]);
    module(&[("", vec![128, 3, 3, 3])]);
    let (mut channels, mut skips) = (128, vec![128]);
    for (level, outputs) in [128, 256, 256, 256].into_iter().enumerate() {
        for _ in 0..2 {
            module(&ddpm_resnet(channels, outputs));
            channels = outputs;
            if level == 1 {
                module(&attention);
            }
            skips.push(channels);
        }
        if level < 3 {
            module(&[("Conv_0", vec![channels, channels, 3, 3])]);
            skips.push(channels);
        }
    }
    module(&ddpm_resnet(256, 256));
    module(&attention);
    module(&ddpm_resnet(256, 256));
    for (level, outputs) in [128, 256, 256, 256].into_iter().enumerate().rev() {
        for _ in 0..3 {
            module(&ddpm_resnet(channels + skips.pop().unwrap(), outputs));
            channels = outputs;
        }
        if level == 1 {
            module(&attention);
        }
        if level > 0 {
            module(&[("Conv_0", vec![channels, channels, 3, 3])]);
        }
    }
    module(&[("", vec![128])]);
    module(&[("", vec![3, 128, 3, 3])]);
    tensors
}

/// Takes a layer's name and the shape of its weight.
type Add<'a> = dyn FnMut(String, Vec<usize>) + 'a;

fn openai_resnet(add: &mut Add<'_>, block: &str, inputs: usize, outputs: usize) {
    add(format!("{block}.in_layers.0"), vec![inputs]);
    add(format!("{block}.in_layers.2"), vec![outputs, inputs, 3, 3]);
    add(format!("{block}.emb_layers.1"), vec![2 * outputs, 512]);
    add(format!("{block}.out_layers.0"), vec![outputs]);
    add(
        format!("{block}.out_layers.3"),
        vec![outputs, outputs, 3, 3],
    );
    if inputs != outputs {
        add(
            format!("{block}.skip_connection"),
            vec![outputs, inputs, 1, 1],
        );
    }
}

fn openai_attention(add: &mut Add<'_>, block: &str, channels: usize) {
    add(format!("{block}.norm"), vec![channels]);
    add(format!("{block}.qkv"), vec![3 * channels, channels, 1]);
    add(format!("{block}.proj_out"), vec![channels, channels, 1]);
}

/// The way up: four resnets per level, and a doubling of the size between levels.
fn openai_up(add: &mut Add<'_>, mut channels: usize, mut skips: Vec<usize>) {
    let mut index = 0;
    for (level, outputs) in [128, 256, 256, 256].into_iter().enumerate().rev() {
        for layer in 0..4 {
            let skip = skips.pop().unwrap();
            openai_resnet(
                add,
                &format!("output_blocks.{index}.0"),
                channels + skip,
                outputs,
            );
            channels = outputs;
            let attends = matches!(level, 1 | 2);
            if attends {
                openai_attention(add, &format!("output_blocks.{index}.1"), channels);
            }
            if level > 0 && layer == 3 {
                let last = if attends { 2 } else { 1 };
                add(
                    format!("output_blocks.{index}.{last}.conv"),
                    vec![channels, channels, 3, 3],
                );
            }
            index += 1;
        }
    }
}

/// improved-diffusion's CIFAR-10 model: width 128, levels of 128, 256, 256 and 256 channels with three resnets each,
/// attention at 16x16 and 8x8, learned variances.
pub fn improved_cifar10() -> Shapes {
    let mut tensors = Shapes::new();
    let mut both = |name: String, shape: Vec<usize>| {
        tensors.push((format!("{name}.bias"), vec![shape[0]]));
        tensors.push((format!("{name}.weight"), shape));
    };
    both("time_embed.0".to_owned(), vec![512, 128]);
    both("time_embed.2".to_owned(), vec![512, 512]);
    both("input_blocks.0.0".to_owned(), vec![128, 3, 3, 3]);
    let (mut channels, mut skips, mut index) = (128, vec![128], 1);
    for (level, outputs) in [128, 256, 256, 256].into_iter().enumerate() {
        for _ in 0..3 {
            openai_resnet(
                &mut both,
                &format!("input_blocks.{index}.0"),
                channels,
                outputs,
            );
            channels = outputs;
            if matches!(level, 1 | 2) {
                openai_attention(&mut both, &format!("input_blocks.{index}.1"), channels);
            }
            skips.push(channels);
            index += 1;
        }
        if level < 3 {
            both(
                format!("input_blocks.{index}.0.op"),
                vec![channels, channels, 3, 3],
            );
            skips.push(channels);
            index += 1;
        }
    }
    openai_resnet(&mut both, "middle_block.0", 256, 256);
    openai_attention(&mut both, "middle_block.1", 256);
    openai_resnet(&mut both, "middle_block.2", 256, 256);
    openai_up(&mut both, channels, skips);
    both("out.0".to_owned(), vec![128]);
    both("out.2".to_owned(), vec![6, 128, 3, 3]);
    tensors
}
