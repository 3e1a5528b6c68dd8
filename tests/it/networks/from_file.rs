//! Distances by weights of a file, against PyTorch, and files that are none of them against their sentences.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use candle_core::{Device, Tensor};
use lmd_inspector::images::Geometry;
use lmd_inspector::networks::distances::from_file::identify_network;
use lmd_inspector::networks::distances::{
    Compared, ComparedOriginal, Distance, DistanceWeights, FROM_FILE, KeptFeatures,
};
use zip::write::SimpleFileOptions;

use super::distances::pairs;
use super::fixture;

/// A network's tensors in the order of its state dictionary: name, shape, number of its storage in PyTorch's file.
type Tensors = Vec<(String, Vec<usize>, usize)>;
/// Shape and values of tensors by their names.
type Drawn = BTreeMap<String, (Vec<usize>, Vec<f32>)>;

fn listed(network: &str) -> Tensors {
    let path = fixture(&format!("distances/weights/{network}.json"));
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// The tensor at this place of the list, as `make.py` draws it.
fn drawn(index: usize, name: &str, shape: &[usize]) -> Vec<f32> {
    let count = shape.iter().product::<usize>();
    let fan_in: usize = shape.iter().skip(1).product();
    let bound = (6.0 / fan_in as f64).sqrt();
    let unit = |element: usize| {
        let mut z = (element as u64).wrapping_add((index as u64) << 32);
        z = z.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^= z >> 31;
        (z >> 40) as f64 / f64::from(1 << 24)
    };
    let value = |unit: f64| match name {
        "scaling_layer.shift" | "scaling_layer.scale" => 1.0, // The program has its own.
        _ if name.starts_with("lin") => unit,
        _ if name.contains("mixing_conv.2") => (2.0 * unit - 1.0) * bound * 0.1,
        _ if shape.len() > 1 => (2.0 * unit - 1.0) * bound,
        _ if name.ends_with("net.4.0.weight") => 0.1 + 0.2 * unit,
        _ if name.ends_with("running_var") || name.ends_with(".weight") => 0.5 + unit,
        _ => (2.0 * unit - 1.0) * 0.1,
    };
    (0..count)
        .map(|element| value(unit(element)) as f32)
        .collect()
}

/// The tensors that hold weights, by name.
fn weights(network: &str) -> Drawn {
    let tensors = listed(network).into_iter().enumerate();
    let weights = tensors.filter(|(_, (name, ..))| {
        !name.starts_with("lins.") && !name.ends_with("num_batches_tracked")
    });
    weights
        .map(|(index, (name, shape, _))| {
            let values = drawn(index, &name, &shape);
            (name, (shape, values))
        })
        .collect()
}

fn write_safetensors(path: &Path, weights: &Drawn) {
    let tensor = |(shape, values): &(Vec<usize>, Vec<f32>)| {
        Tensor::from_slice(values, shape.as_slice(), &Device::Cpu).unwrap()
    };
    let tensors: HashMap<&str, Tensor> = (weights.iter())
        .map(|(name, weights)| (name.as_str(), tensor(weights)))
        .collect();
    candle_core::safetensors::save(&tensors, path).unwrap();
}

/// A network's file as `torch.save` writes it: the kept pickle with the storages that it names.
fn write_pickled(path: &Path, network: &str) {
    let mut zip = zip::ZipWriter::new(fs::File::create(path).unwrap());
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let pickle = fs::read(fixture(&format!("distances/weights/{network}.pkl"))).unwrap();
    zip.start_file("archive/data.pkl", stored).unwrap();
    zip.write_all(&pickle).unwrap();
    let mut num_written = 0;
    for (index, (name, shape, storage)) in listed(network).into_iter().enumerate() {
        if storage < num_written {
            continue; // The second name of a tensor.
        }
        num_written += 1;
        zip.start_file(format!("archive/data/{storage}"), stored)
            .unwrap();
        if name.ends_with("num_batches_tracked") {
            zip.write_all(&[0; 8]).unwrap();
        } else {
            let values = drawn(index, &name, &shape);
            let bytes: Vec<u8> = values
                .iter()
                .flat_map(|value| value.to_le_bytes())
                .collect();
            zip.write_all(&bytes).unwrap();
        }
    }
    zip.finish().unwrap();
}

/// The two files that LPIPS is published in: torchvision's network, with what else that file holds, and the linear layers.
pub(crate) fn two_files(folder: &Path, network: &str) -> [PathBuf; 2] {
    let (mut backbone, mut linear) = (Drawn::new(), Drawn::new());
    for (name, weights) in weights(network) {
        if let Some(layer) = name.strip_prefix("net.slice") {
            let (_, layer) = layer.split_once('.').unwrap();
            backbone.insert(format!("features.{layer}"), weights);
        } else if name.starts_with("lin") {
            linear.insert(name, weights);
        }
    }
    backbone.insert("classifier.1.weight".to_owned(), (vec![2], vec![0.5; 2]));
    let paths =
        ["network", "linear"].map(|part| folder.join(format!("{network}-{part}.safetensors")));
    write_safetensors(&paths[0], &backbone);
    write_safetensors(&paths[1], &linear);
    paths
}

/// The smallest of the files, in a folder.
pub(crate) fn squeeze_weights(folder: &Path) -> PathBuf {
    let path = folder.join("lpips-squeeze.pth");
    write_pickled(&path, "lpips-squeeze");
    path
}

/// Weights for the same distance with other numbers.
pub(crate) fn other_squeeze_weights(folder: &Path) -> PathBuf {
    let path = folder.join("other.safetensors");
    let mut weights = weights("lpips-squeeze");
    let (_, values) = weights.get_mut("lin3.model.1.weight").unwrap();
    values[7] += 1.0;
    write_safetensors(&path, &weights);
    path
}

/// The upper left part of both images of the first pairs of a case.
fn cut(case: &str, side: usize) -> (Geometry, Vec<f32>, Vec<f32>) {
    let all = pairs();
    let (_, geometry, originals, reconstructions) =
        all.iter().find(|(name, ..)| *name == case).unwrap();
    let part = |images: &[f32]| -> Vec<f32> {
        let planes = images
            .chunks_exact(geometry.pixels())
            .take(2 * geometry.channels);
        planes
            .flat_map(|plane| plane.chunks_exact(geometry.side).take(side))
            .flat_map(|row| &row[..side])
            .copied()
            .collect()
    };
    let of_part = Geometry { side, ..*geometry };
    (of_part, part(originals), part(reconstructions))
}

fn measured(
    distance: &dyn Distance,
    geometry: Geometry,
    originals: &[f32],
    reconstructions: &[f32],
) -> Vec<f64> {
    let mut originals: Vec<ComparedOriginal> = (originals.chunks_exact(geometry.len()))
        .map(|unit| ComparedOriginal {
            unit: unit.into(),
            features: KeptFeatures::default(),
        })
        .collect();
    let mut compared = Compared {
        geometry,
        originals: &mut originals,
        reconstructions,
        perceptual: None,
    };
    let first = distance.distances(&mut compared).unwrap();
    // The second time with what is kept of the originals.
    assert_eq!(distance.distances(&mut compared).unwrap(), first);
    first
}

/// Hold a file's distance against `expected.json`, whose numbers are of float64.
fn check(path: &Path, network: &str, tolerance: f64) {
    check_weights(
        &DistanceWeights::identify(path).unwrap(),
        network,
        tolerance,
    );
}

fn check_weights(weights: &DistanceWeights, network: &str, tolerance: f64) {
    assert_eq!(weights.distance.name(), network);
    let distance = weights.open().unwrap();
    let expected = fs::read(fixture("distances/weights/expected.json")).unwrap();
    let mut expected: BTreeMap<String, BTreeMap<String, Vec<f64>>> =
        serde_json::from_slice(&expected).unwrap();
    let cases = expected.remove(network).unwrap();
    assert_eq!(cases.len(), 6);
    for (case, wanted) in cases {
        let (name, side) = case.split_once('/').unwrap();
        let (geometry, originals, reconstructions) = cut(name, side.parse().unwrap());
        let found = measured(&*distance, geometry, &originals, &reconstructions);
        assert_eq!(found.len(), wanted.len());
        for (found, wanted) in found.iter().zip(&wanted) {
            let off = (found / wanted - 1.0).abs();
            assert!(
                off < tolerance,
                "{network} {case}: {found} {wanted}, off by {off:e}"
            );
        }
        let alone = measured(
            &*distance,
            geometry,
            &originals[geometry.len()..],
            &reconstructions[geometry.len()..],
        );
        assert_eq!(alone, found[1..], "the same bits in any batch");
        let same = measured(&*distance, geometry, &originals, &originals);
        assert_eq!(same, [0.0; 2], "{network} {case}");
    }
}

#[test]
fn lpips_with_vgg16_agrees_with_the_lpips_package() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    write_safetensors(&path, &weights("lpips-vgg"));
    check(&path, "lpips-vgg", 1e-5);
}

#[test]
fn lpips_with_squeezenet_agrees_with_the_lpips_package() {
    let folder = tempfile::tempdir().unwrap();
    check(&squeeze_weights(folder.path()), "lpips-squeeze", 1e-5);
}

#[test]
fn lpips_in_the_two_files_of_its_packages_agrees_with_the_lpips_package() {
    let folder = tempfile::tempdir().unwrap();
    let [vgg, vgg_linear] = two_files(folder.path(), "lpips-vgg");
    let [squeeze, squeeze_linear] = two_files(folder.path(), "lpips-squeeze");
    let given = [&vgg_linear, &squeeze, &vgg, &squeeze_linear].map(Clone::clone);
    let all = DistanceWeights::identify_all(&given).unwrap();
    let names: Vec<&str> = all.iter().map(|it| it.distance.name()).collect();
    assert_eq!(names, ["lpips-vgg", "lpips-squeeze"]);
    check_weights(&all[0], "lpips-vgg", 1e-5);
    check_weights(&all[1], "lpips-squeeze", 1e-5);
    for (weights, files) in all
        .iter()
        .zip([[&vgg, &vgg_linear], [&squeeze, &squeeze_linear]])
    {
        assert!(weights.files().eq(files), "{weights:?}");
        weights.check().unwrap();
    }
    // Either file decides the numbers.
    fs::copy(&squeeze_linear, &vgg_linear).unwrap();
    for refusal in [all[0].check().unwrap_err(), all[0].open().err().unwrap()] {
        let told = refusal.to_string();
        let path = vgg_linear.display().to_string();
        assert!(
            told.contains("other weights of VGG16") && told.ends_with(&path),
            "{told}"
        );
    }
}

#[test]
fn one_of_two_files_is_refused_with_what_belongs_to_it() {
    let folder = tempfile::tempdir().unwrap();
    let [network, linear] = two_files(folder.path(), "lpips-squeeze");
    let other = two_files(folder.path(), "lpips-vgg")[1].clone();
    let refused = |paths: &[PathBuf], says: &str| {
        let told = DistanceWeights::identify_all(paths)
            .unwrap_err()
            .to_string();
        assert!(told.contains(says), "{told}");
        assert!(told.ends_with(&paths[0].display().to_string()), "{told}");
    };
    let lacks = "torchvision's SqueezeNet without LPIPS's linear layers; give those (lpips/weights/v0.1/squeeze.pth of the \
                 lpips package) as well, or write both into one by";
    refused(std::slice::from_ref(&network), lacks);
    refused(&[network.clone(), other], lacks);
    refused(&[network.clone(), network.clone()], lacks);
    refused(
        std::slice::from_ref(&linear),
        "LPIPS's linear layers without the network below them; give torchvision's SqueezeNet",
    );
    let mut damaged: Drawn = weights("lpips-squeeze");
    damaged.retain(|name, _| name.starts_with("lin"));
    damaged.get_mut("lin2.model.1.weight").unwrap().0 = vec![1, 128, 2, 1];
    write_safetensors(&linear, &damaged);
    refused(
        &[linear, network],
        "those of LPIPS (SqueezeNet), but lin2.model.1.weight expected [1, 256, 1, 1] got [1, 128, 2, 1]",
    );
}

#[test]
fn simclr_agrees_with_pytorch() {
    let folder = tempfile::tempdir().unwrap();
    // Told by what it holds, not by its name.
    let path = folder.path().join("weights.bin");
    write_pickled(&path, "simclr");
    // 50 layers, some of them by Winograd transforms.
    check(&path, "simclr", 1e-4);
}

/// The number of a layer's channels, the sum of their means over an image, and the first of these.
type LayerMeans = (usize, f64, Vec<f64>);

/// Hold what a file's network sees against `layers.json`, whose numbers are of float64.
fn check_layers(path: &Path, network: &str, tolerance: f64) {
    let weights = identify_network(path).unwrap();
    assert_eq!(weights.distance.name(), network);
    let opened = weights.open_network().unwrap();
    let expected = fs::read(fixture("distances/weights/layers.json")).unwrap();
    let mut expected: BTreeMap<String, BTreeMap<String, Vec<LayerMeans>>> =
        serde_json::from_slice(&expected).unwrap();
    let cases = expected.remove(network).unwrap();
    assert_eq!(cases.len(), 2);
    for (case, layers) in cases {
        let (name, side) = case.split_once('/').unwrap();
        let (geometry, images, _) = cut(name, side.parse().unwrap());
        let channels: Vec<usize> = layers.iter().map(|(count, ..)| *count).collect();
        assert_eq!(weights.tap_channels(), channels);
        for (tap, (count, sum, first)) in layers.iter().enumerate() {
            let found = opened.tap_means(geometry, &images, tap).unwrap();
            assert_eq!(found.len(), 2, "one row per image");
            assert_eq!(found[0].len(), *count);
            let scale = sum / *count as f64;
            for (found, wanted) in found[0].iter().zip(first) {
                let off = (found - wanted).abs() / scale;
                assert!(off < tolerance, "{network} {case} {tap}: {found} {wanted}");
            }
            let off = found[0].iter().sum::<f64>() / sum - 1.0;
            assert!(off.abs() < tolerance, "{network} {case} {tap}: {off:e}");
        }
    }
}

#[test]
fn layers_see_what_they_see_in_pytorch() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    write_safetensors(&path("vgg"), &weights("lpips-vgg"));
    check_layers(&path("vgg"), "lpips-vgg", 1e-5);
    // torchvision's file alone is enough.
    let [squeeze, linear] = two_files(folder.path(), "lpips-squeeze");
    check_layers(&squeeze, "lpips-squeeze", 1e-5);
    let told = identify_network(&linear).unwrap_err().to_string();
    assert!(told.contains("give torchvision's SqueezeNet"), "{told}");
    write_pickled(&path("simclr"), "simclr");
    check_layers(&path("simclr"), "simclr", 1e-4);
}

#[test]
fn images_must_be_large_enough_for_the_last_layer() {
    let sides: Vec<(&str, usize)> = (FROM_FILE.iter())
        .map(|def| (def.measure.id.name(), (def.smallest_side)()))
        .collect();
    // PyTorch refuses images of 15 and of 16 pixels.
    assert_eq!(
        sides,
        [("lpips-vgg", 16), ("lpips-squeeze", 17), ("simclr", 1)]
    );
}

/// What is said of a file.
fn refusal(path: &Path) -> String {
    let told = DistanceWeights::identify(path).unwrap_err().to_string();
    assert!(told.ends_with(&path.display().to_string()), "{told}");
    told
}

#[test]
fn files_that_are_no_weights_of_a_distance_are_refused_with_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights");
    let refused = |says: &[&str]| {
        let told = refusal(&path);
        for part in says {
            assert!(told.contains(part), "{told}");
        }
    };
    refused(&["can't be read"]);
    fs::write(&path, "what a person wrote").unwrap();
    refused(&["neither a PyTorch file (.pth) nor a safetensors file"]);
    fs::write(&path, b"PK and no more").unwrap();
    refused(&["damaged or cut short"]);

    fs::copy(
        super::fixture("../../weights/lpips/alex.safetensors"),
        &path,
    )
    .unwrap();
    refused(&[
        "AlexNet, which this program has already",
        "VGG16 or SqueezeNet",
    ]);

    let named = |names: &[(&str, &[usize])]| {
        let weights = names.iter().map(|(name, shape)| {
            let values = vec![0.5; shape.iter().product()];
            ((*name).to_owned(), (shape.to_vec(), values))
        });
        write_safetensors(&path, &weights.collect());
    };
    named(&[
        ("features.0.weight", &[64, 3, 3, 3]),
        ("features.28.weight", &[1]),
    ]);
    refused(&[
        "torchvision's VGG16 without LPIPS's linear layers",
        "LPIPS(net='vgg')",
    ]);
    named(&[("features.3.squeeze.weight", &[16, 64, 1, 1])]);
    refused(&["torchvision's SqueezeNet without", "LPIPS(net='squeeze')"]);
    named(&[("lin0.model.1.weight", &[1, 64, 1, 1])]);
    refused(&[
        "linear layers without the network below them",
        "LPIPS(net='vgg')",
    ]);
    named(&[("net.0.0.weight", &[64, 3, 3, 3])]);
    refused(&["another SimCLRv2 than r50_1x_sk1"]);
    named(&[("conv.weight", &[1])]);
    refused(&["no network that this program knows", "SimCLRv2 r50_1x_sk1"]);
}

#[test]
fn a_pickle_with_code_in_it_is_refused_and_not_run() {
    let folder = tempfile::tempdir().unwrap();
    let (path, made) = (
        folder.path().join("weights.pth"),
        folder.path().join("made"),
    );
    // What pickle makes of an object whose __reduce__ says os.mkdir.
    let mut pickle = b"\x80\x02cposix\nmkdir\nX".to_vec();
    let place = made.display().to_string();
    pickle.extend((place.len() as u32).to_le_bytes());
    pickle.extend(place.as_bytes());
    pickle.extend(b"\x85R.");
    let mut zip = zip::ZipWriter::new(fs::File::create(&path).unwrap());
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    zip.start_file("archive/data.pkl", stored).unwrap();
    zip.write_all(&pickle).unwrap();
    zip.finish().unwrap();
    let told = refusal(&path);
    assert!(
        told.contains("holds no weights by name") && told.contains("never run"),
        "{told}"
    );
    assert!(!made.exists());
}

#[test]
fn damaged_weights_are_refused_by_the_tensor() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    let whole = weights("lpips-squeeze");
    let refused = |change: &dyn Fn(&mut Drawn), says: &str| {
        let mut changed = whole.clone();
        change(&mut changed);
        write_safetensors(&path, &changed);
        let told = refusal(&path);
        assert!(
            told.contains("those of LPIPS (SqueezeNet), but ") && told.contains(says),
            "{told}"
        );
    };
    let name = "net.slice6.11.expand3x3.weight";
    refused(
        &|weights| drop(weights.remove(name)),
        &format!("it has no {name}"),
    );
    refused(
        &|weights| weights.get_mut(name).unwrap().0 = vec![256, 576],
        &format!("{name} expected [256, 64, 3, 3] got [256, 576]"),
    );
    refused(
        &|weights| weights.get_mut(name).unwrap().1[11] = f32::NAN,
        &format!("{name} holds values that are not finite numbers"),
    );
    // A storage that is shorter than the tensor: the pickle of one with another's storages.
    let pth = squeeze_weights(folder.path());
    let short = folder.path().join("short.pth");
    let mut from = zip::ZipArchive::new(fs::File::open(pth).unwrap()).unwrap();
    let mut to = zip::ZipWriter::new(fs::File::create(&short).unwrap());
    for index in 0..from.len() {
        let mut entry = from.by_index(index).unwrap();
        let stored =
            SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        to.start_file(entry.name().unwrap(), stored).unwrap();
        if entry.name().unwrap() == "archive/data/2" {
            to.write_all(&[0; 64]).unwrap();
        } else {
            std::io::copy(&mut entry, &mut to).unwrap();
        }
    }
    to.finish().unwrap();
    let told = refusal(&short);
    assert!(
        told.contains("net.slice1.0.weight needs more values than its storage"),
        "{told}"
    );
}

#[test]
fn weights_that_were_exchanged_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = squeeze_weights(folder.path());
    let chosen = DistanceWeights::identify(&path).unwrap();
    chosen.check().unwrap();
    let other = DistanceWeights::identify(&other_squeeze_weights(folder.path())).unwrap();
    assert_ne!(chosen, other);
    fs::copy(&other.file, &path).unwrap();
    for told in [
        chosen.check().unwrap_err().to_string(),
        chosen.open().err().unwrap().to_string(),
    ] {
        assert!(
            told.starts_with("the file holds other weights of SqueezeNet"),
            "{told}"
        );
    }
    assert_eq!(
        DistanceWeights::identify(&path).unwrap(),
        other,
        "wherever they lie"
    );
    fs::remove_file(&path).unwrap();
    let told = chosen.open().err().unwrap().to_string();
    assert!(
        told.starts_with("the weights of SqueezeNet can't be read: "),
        "{told}"
    );
}
