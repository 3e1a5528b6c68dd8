//! What is seen of a model in training: samples, held-out images and their distance.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use lmd_inspector::diffusion::NeverInterrupt;
use lmd_inspector::engine::training::{Look, News, TrainingSettings};
use lmd_inspector::images::{Geometry, decode::decode_file};

use super::learning::bars;
use super::runs::{begin, settings};

/// Train three steps, and return what was looked at on the way.
fn looks(output: &Path, every: Duration) -> Vec<Arc<Look>> {
    let geometry = Geometry {
        channels: 3,
        side: 8,
    };
    let examples = bars(geometry, 48);
    let mut training = begin(settings(3), &examples, output)
        .unwrap()
        .looking_every(every);
    let mut looks = Vec::new();
    let mut observer = |news| {
        if let News::Looked(look) = news {
            looks.push(look);
        }
    };
    training.run(&NeverInterrupt, &mut observer).unwrap();
    training.finish(&NeverInterrupt, &mut observer).unwrap();
    looks
}

fn weights(model: &Path) -> Vec<u8> {
    fs::read(model.join("unet/diffusion_pytorch_model.safetensors")).unwrap()
}

#[test]
fn looks_are_the_same_pictures_for_the_same_weights_and_change_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let often = looks(&at("often"), Duration::ZERO);
    let steps: Vec<usize> = often.iter().map(|look| look.step).collect();
    assert_eq!(steps[0], 1, "{steps:?}");
    assert_eq!(steps.last(), Some(&3), "the end is always looked at");
    let once = looks(&at("once"), Duration::from_hours(1));
    assert_eq!(once.len(), 1);
    assert!(
        weights(&at("often")) == weights(&at("once")),
        "a look changes nothing"
    );

    let (last, only) = (often.last().unwrap(), &once[0]);
    assert_eq!(last.samples.len(), 16);
    assert!(last.samples == only.samples, "deterministic");
    assert!(last.samples[0] != last.samples[1], "of different noise");
    assert_eq!(last.watched, only.watched);
    assert!(often[0].watched != last.watched, "the weights have changed");
}

#[test]
fn held_out_images_are_inpainted_where_they_are_hidden_alone_and_their_distance_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("model");
    let looks = looks(&output, Duration::from_hours(1));
    let look = &looks[0];
    let watched = look.watched.as_ref().unwrap();
    // Twelve of 48 are held out, by content in two parts; of bars nothing is far from the others for sure.
    assert!((3..12).contains(&watched.num_images), "{watched:?}");
    assert!(
        watched.median > 0.0 && watched.median.is_finite(),
        "{watched:?}"
    );
    assert_eq!(watched.far_share.is_some(), watched.num_images >= 8);
    assert_eq!(look.inpainted.len(), watched.num_images.min(8));
    for image in &look.inpainted {
        let pixels = image.original.bytes.chunks_exact(3);
        let painted = image.inpainted.bytes.chunks_exact(3);
        let mut num_hidden = 0;
        for ((before, after), is_known) in pixels.zip(painted).zip(image.known_mask.known()) {
            assert!(!is_known || before == after, "known pixels stay");
            num_hidden += usize::from(!is_known);
        }
        assert_eq!(num_hidden, 32, "half of 8x8 pixels");
    }

    let samples = decode_file(&output.join("samples.png")).unwrap();
    // Four by four pictures of 8 pixels, eight times as large, with gaps of 4.
    assert_eq!(
        (samples.native.width, samples.native.height),
        (4 * 64 + 20, 4 * 64 + 20)
    );
    let strip = decode_file(&output.join("inpainting.png")).unwrap();
    let columns = look.inpainted.len() as u32;
    assert_eq!(
        (strip.native.width, strip.native.height),
        (columns * 68 + 4, 3 * 68 + 4)
    );
    let card = fs::read_to_string(output.join("README.md")).unwrap();
    for part in [
        "(samples.png)",
        "(inpainting.png)",
        "held-out images from what the model inpaints",
    ] {
        assert!(card.contains(part), "{card}");
    }
    let record = fs::read(output.join("training.json")).unwrap();
    let record: serde_json::Value = serde_json::from_slice(&record).unwrap();
    let kept = &record["history"]["watched"][0];
    assert_eq!(kept["median"], watched.median);
    assert_eq!(kept["step"], 3);
}

#[test]
fn a_training_that_learns_nothing_more_is_offered_to_be_stopped_once() {
    let folder = tempfile::tempdir().unwrap();
    let geometry = Geometry {
        channels: 3,
        side: 8,
    };
    let examples = bars(geometry, 48);
    let idle = TrainingSettings {
        learning_rate: 1e-12,
        ..settings(600)
    };
    let mut training = begin(idle, &examples, &folder.path().join("model"))
        .unwrap()
        .looking_every(Duration::from_millis(300));
    let mut offers = Vec::new();
    let mut observer = |news| {
        if let News::StopOffered { step } = news {
            offers.push(step);
        }
    };
    training.run(&NeverInterrupt, &mut observer).unwrap();
    assert_eq!(offers.len(), 1, "{offers:?}");
    // Validated from step 50 on, and never better by then: a fifth of 600 later at the earliest.
    assert!((170..600).contains(&offers[0]), "{offers:?}");
    assert_eq!(training.index().history.stop_offered, Some(offers[0]));
}
