//! Where the kept pictures of a run differ from their originals, as numbers: NumPy arrays, and 16-bit PNG files to look at.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use image::{ExtendedColorType, ImageEncoder as _, codecs::png::PngEncoder};

use super::{Content, Files, Format, RunView};
use crate::images::Picture;
use crate::images::decode::decode_bytes;
use crate::images::prepare::thumbnail;
use crate::networks::executors::cpu;
use crate::networks::lpips::{Lpips, Perceptual, map_between, smallest_side};
use crate::runs::results::AttemptResult;

pub(super) static FORMAT: Format = Format {
    name: "maps",
    label: "Difference maps",
    file_name: "maps.csv",
    help: "Write where kept pictures differ from their originals, absolutely and for LPIPS, as .npy and 16-bit PNG files",
    content: Content::Folder(files),
};

/// A kind of map.
struct Kind {
    /// In file names.
    name: &'static str,
    of_pair: fn(&mut Tools, &Picture, &Picture) -> Result<Vec<f32>, String>,
}

const DIFFERENCE: Kind = Kind {
    name: "difference",
    of_pair: |_, original, other| Ok(difference(original, other)),
};
const LPIPS: Kind = Kind {
    name: "lpips",
    of_pair: |tools, original, other| {
        let perceptual = tools.perceptual()?;
        map_between(perceptual, original, other).map_err(|error| error.to_string())
    },
};

/// What maps are made by.
#[derive(Default)]
struct Tools {
    perceptual: Option<Box<dyn Perceptual>>,
}

impl Tools {
    /// LPIPS with AlexNet on the processor, which is there everywhere.
    fn perceptual(&mut self) -> Result<&mut dyn Perceptual, String> {
        let perceptual = match &mut self.perceptual {
            Some(perceptual) => perceptual,
            empty => {
                let lpips = Lpips::bundled().map_err(|error| error.to_string())?;
                let opened = cpu::open().and_then(|machine| machine.perceptual(&lpips.into()));
                empty.insert(opened.map_err(|error| error.to_string())?)
            }
        };
        Ok(&mut **perceptual)
    }
}

/// `000012-attempt-3-difference.npy`, `….png`, `000012-mean-difference.npy`, …, and `maps.csv`, a row for each map.
///
/// One image's maps are in memory at a time. Images whose original or pictures the run does not keep have none, and those
/// too small for LPIPS none of that kind.
fn files(run: &RunView) -> Files<'_> {
    let mut by_image: BTreeMap<usize, Vec<&AttemptResult>> = BTreeMap::new();
    for result in run.report().results {
        if result.inpainted.is_some() {
            by_image.entry(result.image).or_default().push(result);
        }
    }
    let has_original = |image: &usize| {
        let stored = run.stored_images().get(*image);
        stored.is_some_and(|stored| stored.original_png.is_some())
    };
    by_image.retain(|image, _| has_original(image));
    if by_image.is_empty() {
        let nothing =
            "there are no maps to write: the run keeps no pictures; score with --keep-pictures all";
        return Box::new(std::iter::once((
            FORMAT.file_name.to_owned(),
            Err(nothing.to_owned()),
        )));
    }
    let mut tools = Tools::default();
    let mut table = String::from("image,attempt,kind,file,mean\n");
    let images = by_image.into_iter().map(Some).chain([None]);
    Box::new(images.flat_map(move |image| {
        let Some((image, mut results)) = image else {
            let table = std::mem::take(&mut table);
            return vec![(FORMAT.file_name.to_owned(), Ok(table.into_bytes()))];
        };
        results.sort_by_key(|result| result.attempt);
        match maps(run, &mut tools, image, &results) {
            Ok(maps) => written(image, &maps, &mut table),
            Err(reason) => vec![(format!("{image:06}"), Err(reason))],
        }
    }))
}

/// The prepared original of an image that has one.
fn original_of(run: &RunView, image: usize) -> Result<Picture, String> {
    let stored = run.stored_images().get(image);
    let png = stored.and_then(|stored| stored.original_png.as_deref());
    let decoded = decode_bytes(png.unwrap_or_default()).map_err(|error| error.to_string())?;
    let side = run.manifest().model.geometry.side;
    Ok(thumbnail(&decoded, side))
}

/// A map of one attempt, or of the mean over all attempts of an image.
struct Map {
    attempt: Option<usize>,
    kind: &'static str,
    side: usize,
    values: Vec<f32>,
}

fn maps(
    run: &RunView,
    tools: &mut Tools,
    image: usize,
    results: &[&AttemptResult],
) -> Result<Vec<Map>, String> {
    let original = original_of(run, image)?;
    let side = original.width;
    let kinds: &[Kind] = if side < smallest_side() {
        &[DIFFERENCE]
    } else {
        &[DIFFERENCE, LPIPS]
    };
    let mut maps = Vec::new();
    for kind in kinds {
        let mut mean = vec![0.0; side * original.height];
        let first = maps.len();
        for result in results {
            let Some(picture) = &result.inpainted else {
                continue;
            };
            if (picture.width, picture.height) != (original.width, original.height) {
                return Err(format!(
                    "the pictures of image {image} have other sizes than its original: the run file is damaged"
                ));
            }
            let values = (kind.of_pair)(tools, &original, picture)?;
            for (sum, value) in mean.iter_mut().zip(&values) {
                *sum += value / results.len() as f32;
            }
            maps.push(Map {
                attempt: Some(result.attempt),
                kind: kind.name,
                side,
                values,
            });
        }
        if maps.len() > first + 1 {
            maps.push(Map {
                attempt: None,
                kind: kind.name,
                side,
                values: mean,
            });
        }
    }
    Ok(maps)
}

fn written(
    image: usize,
    maps: &[Map],
    table: &mut String,
) -> Vec<(String, Result<Vec<u8>, String>)> {
    let mut files = Vec::with_capacity(2 * maps.len());
    for map in maps {
        let attempt = map
            .attempt
            .map_or_else(|| "mean".to_owned(), |attempt| attempt.to_string());
        let stem = match map.attempt {
            Some(attempt) => format!("{image:06}-attempt-{attempt}-{}", map.kind),
            None => format!("{image:06}-mean-{}", map.kind),
        };
        let sum: f64 = map.values.iter().copied().map(f64::from).sum();
        let mean = sum / map.values.len() as f64;
        // Writing to a string does not fail.
        _ = writeln!(table, "{image},{attempt},{},{stem}.npy,{mean}", map.kind);
        files.push((format!("{stem}.npy"), Ok(npy(map))));
        files.push((format!("{stem}.png"), png(map)));
    }
    files
}

/// |original - other| of two pictures of one size, 0 to 1, the mean over channels: `height * width` values, row by row.
fn difference(original: &Picture, other: &Picture) -> Vec<f32> {
    let pixels = original.bytes.chunks_exact(original.channels);
    pixels
        .zip(other.bytes.chunks_exact(other.channels))
        .map(|(a, b)| {
            let sum: u32 = (a.iter().zip(b))
                .map(|(a, b)| u32::from(a.abs_diff(*b)))
                .sum();
            sum as f32 / (255.0 * a.len() as f32)
        })
        .collect()
}

/// NumPy's format, version 1.0: (height, width), little-endian f32, row by row.
fn npy(map: &Map) -> Vec<u8> {
    const MAGIC: &[u8] = b"\x93NUMPY\x01\x00";
    let shape = (map.values.len() / map.side, map.side);
    let mut header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape:?}, }}");
    // The values begin at a multiple of 64 bytes, after a line break.
    let start = MAGIC.len() + 2;
    while !(start + header.len() + 1).is_multiple_of(64) {
        header.push(' ');
    }
    header.push('\n');
    let length = (header.len() as u16).to_le_bytes();
    let values = map.values.iter().flat_map(|value| value.to_le_bytes());
    let head = [MAGIC, &length, header.as_bytes()].concat();
    head.into_iter().chain(values).collect()
}

/// Gray, 16 bits: 65,535 is 1, and what is larger (LPIPS has no upper end) as bright.
fn png(map: &Map) -> Result<Vec<u8>, String> {
    let to_16_bits = |value: &f32| (value.clamp(0.0, 1.0) * f32::from(u16::MAX)).round() as u16;
    // The encoder turns them into the order of PNG files.
    let bytes: Vec<u8> = (map.values.iter().map(to_16_bits))
        .flat_map(u16::to_ne_bytes)
        .collect();
    let (width, height) = (map.side as u32, (map.values.len() / map.side) as u32);
    let mut file = Vec::new();
    PngEncoder::new(&mut file)
        .write_image(&bytes, width, height, ExtendedColorType::L16)
        .map_err(|error| error.to_string())?;
    Ok(file)
}
