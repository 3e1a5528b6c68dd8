//! Against PyTorch and NumPy, and by copies that were planted.

use std::io::Cursor;
use std::path::{Path, PathBuf};

use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, GrayImage, ImageFormat};

use super::*;
use crate::images::ImageStatistics;
use crate::images::decode::decode_file;
use crate::images::prepare::thumbnail;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn sample(name: impl AsRef<Path>) -> Picture {
    let path: PathBuf = root().join("assets/samples").join(name);
    thumbnail(&decode_file(&path).unwrap(), 64)
}

fn compared(pictures: Vec<Option<Picture>>) -> Similar {
    let request = SimilarRequest {
        pictures,
        known: None,
    };
    let mut looker = Looker::open(Some(1)).unwrap();
    Similar::of(&request, &mut looker, &Control::default(), &mut |_| ()).unwrap()
}

/// A copy with other brightness and contrast, stored as JPEG and read again.
fn stored_again(picture: &Picture, gain: f32, quality: u8) -> Picture {
    let brighter = (picture.bytes.iter()).map(|&byte| (f32::from(byte) * gain + 4.0) as u8);
    let (width, height) = (picture.width as u32, picture.height as u32);
    let image = GrayImage::from_raw(width, height, brighter.collect()).unwrap();
    let mut bytes = Vec::new();
    (JpegEncoder::new_with_quality(&mut bytes, quality).encode_image(&image)).unwrap();
    let read = image::load(Cursor::new(bytes), ImageFormat::Jpeg).unwrap();
    let DynamicImage::ImageLuma8(read) = read else {
        panic!("a gray JPEG")
    };
    Picture {
        bytes: read.into_raw().into(),
        ..picture.clone()
    }
}

#[test]
fn cosines_and_the_map_are_those_of_the_reference() {
    #[derive(serde::Deserialize)]
    struct Expected {
        files: Vec<String>,
        similarity: Vec<Vec<f64>>,
        places: Vec<[f64; 2]>,
        shares: [f64; 2],
    }
    let path = root().join("tests/fixtures/similar/expected.json");
    let expected: Expected = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let found = compared(
        expected
            .files
            .iter()
            .map(|name| Some(sample(name)))
            .collect(),
    );
    assert_eq!(found.num_images(), expected.files.len());
    let near = |found: f64, expected: f64| (found - expected).abs() < 2e-5;
    for (a, row) in expected.similarity.iter().enumerate() {
        for (b, &value) in row.iter().enumerate() {
            let found = found.similarity(a, b).unwrap();
            assert!(near(found, value), "{a} and {b}: {found} {value}");
        }
        let place = found.place(a).unwrap();
        for (found, value) in place.into_iter().zip(expected.places[a]) {
            assert!(
                near(found, value),
                "{a}: {place:?} {:?}",
                expected.places[a]
            );
        }
    }
    for (found, value) in found.shares.into_iter().zip(expected.shares) {
        assert!(near(found, value), "{found} {value}");
    }
    // The shirt is most like the other top, and not like a digit.
    let row = &expected.similarity[4];
    let nearest = found.nearest(4, 3);
    let most = (0..row.len()).filter(|&other| other != 4);
    let most = most.max_by(|&a, &b| row[a].total_cmp(&row[b]));
    assert_eq!(Some(nearest[0].0), most);
    assert!(nearest.is_sorted_by(|(_, a), (_, b)| a >= b) && nearest.len() == 3);
}

#[test]
fn copies_are_found_and_what_only_looks_alike_is_not() {
    let mut pictures: Vec<Option<Picture>> = ["fashion-mnist", "mnist"]
        .into_iter()
        .flat_map(|folder| (0..60).map(move |index| sample(format!("{folder}/{index:05}.png"))))
        .map(Some)
        .collect();
    assert_eq!(compared(pictures.clone()).twins, []);
    let copies = [(3, 1.0, 90), (8, 1.1, 75), (70, 0.9, 75), (100, 1.05, 60)];
    for (of, gain, quality) in copies {
        let copy = pictures[of]
            .as_ref()
            .map(|it| stored_again(it, gain, quality));
        pictures.push(copy);
    }
    pictures.push(pictures[20].clone());
    // One that could not be read.
    pictures.push(None);
    let found = compared(pictures);
    let pairs: Vec<[usize; 2]> = found.twins.iter().map(|twins| twins.images).collect();
    assert_eq!(
        pairs,
        [[3, 120], [8, 121], [20, 124], [70, 122], [100, 123]]
    );
    assert!((found.twins[2].similarity - 1.0).abs() < 1e-6);
    assert_eq!(found.nearest(8, 1)[0].0, 121);
    assert_eq!((found.place(125), found.similarity(0, 125)), (None, None));
}

#[test]
fn what_is_known_is_not_looked_at_again_and_pictures_may_differ_in_shape() {
    let first: Vec<Option<Picture>> = (0..20)
        .map(|index| (index < 10).then(|| sample(format!("mnist/{index:05}.png"))))
        .collect();
    let known = Arc::new(compared(first));
    let request = SimilarRequest {
        pictures: (0..20)
            .map(|index| Some(sample(format!("mnist/{index:05}.png"))))
            .collect(),
        known: Some(known),
    };
    assert_eq!(request.num_new(), 10);
    let mut told = Vec::new();
    let mut looker = Looker::open(Some(1)).unwrap();
    let control = Control::default();
    let found = Similar::of(&request, &mut looker, &control, &mut |done| told.push(done)).unwrap();
    assert_eq!(told, [0, 10]);
    let whole = compared(request.pictures.clone());
    for image in 0..20 {
        assert_eq!(found.place(image), whole.place(image));
    }
    control.cancel();
    let stopped = Similar::of(&request, &mut looker, &control, &mut |_| ());
    assert!(matches!(stopped, Err(SimilarError::Interrupted(_))));
    let none = compared(Vec::new());
    assert_eq!((none.num_images(), none.nearest(0, 5)), (0, Vec::new()));
}

#[test]
fn blank_pictures_in_place_of_others_are_not_compared() {
    let truth = sample("mnist/00000.png");
    let gray = |value: u8| Picture {
        bytes: vec![value; truth.bytes.len()].into(),
        ..truth.clone()
    };
    let result = |image: usize, original: Picture, of: &Picture| AttemptResult {
        image,
        attempt: 0,
        values: [].into_iter().collect(),
        known_mask: None,
        original,
        statistics: Some(ImageStatistics::of(of)),
        inpainted: None,
    };
    let results = [
        result(0, truth.clone(), &truth),
        result(1, gray(128), &truth),
        result(2, gray(128), &truth),
        // Of one color indeed.
        result(3, gray(7), &gray(7)),
    ];
    let pictures = SimilarRequest::pictures(4, &results);
    let are_there = pictures.iter().map(Option::is_some).collect::<Vec<_>>();
    assert_eq!(are_there, [true, false, false, true]);
    assert_eq!(compared(pictures).twins, []);
}
