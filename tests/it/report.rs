//! The report folder of a run.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use lmd_inspector::detectors::lmd::Lmd;
use lmd_inspector::images::decode::{decode_bytes, decode_file};
use lmd_inspector::images::{
    ContentHash, Geometry, ImageFile, ImageStatistics, NativeInfo, Picture, ResizeMode, prepare,
};
use lmd_inspector::networks::distances::{LPIPS, MSE, SSIM};
use lmd_inspector::ood::{KnownMask, MaskKind, Role};
use lmd_inspector::runs::formats::scores_csv;
use lmd_inspector::runs::report::{Report, ReportError};
use lmd_inspector::runs::{AttemptResult, RunImage, RunSettings};
use serde_json::{Value, json};

const SIDE: usize = 32;

fn image(path: PathBuf, role: Role, folder: &str) -> RunImage {
    RunImage {
        file: Arc::new(ImageFile {
            path,
            hash: ContentHash([0; 32]),
            native: NativeInfo {
                width: 28,
                height: 28,
                format: "png".to_owned(),
                color: "L8".to_owned(),
                num_bytes: 1,
                jpeg_quality: None,
            },
        }),
        role,
        folder: Arc::new(PathBuf::from(folder)),
    }
}

fn flat(value: f32) -> Picture {
    let geometry = Geometry {
        channels: 1,
        side: SIDE,
    };
    Picture::from_unit(geometry, &vec![value; SIDE * SIDE])
}

fn result(image: usize, attempt: usize, distance: f64) -> Arc<AttemptResult> {
    let kind = MaskKind::AlternatingCheckerboard;
    let mask = KnownMask::new(&kind, 8, SIDE, attempt, |_| 0, &[]).unwrap();
    Arc::new(AttemptResult {
        image,
        attempt,
        values: [
            (MSE, distance / 10.0),
            (SSIM, 2.0 * distance),
            (LPIPS, distance),
        ]
        .into_iter()
        .collect(),
        known_mask: Some(Arc::new(mask)),
        original: flat(0.5),
        statistics: Some(ImageStatistics::of(&flat(0.5))),
        inpainted: Some(flat(0.6)),
    })
}

fn report<'a>(
    images: &'a [RunImage],
    results: &'a [Arc<AttemptResult>],
    settings: &'a RunSettings,
) -> Report<'a> {
    Report {
        images,
        results,
        settings,
        network_calls: 300,
        seconds: 1.5,
        num_skipped: 2,
        notes: &[],
    }
}

fn settings(num_attempts: usize) -> RunSettings {
    RunSettings::by_lmd(Lmd {
        num_attempts,
        ..Lmd::default()
    })
}

fn json_of(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("summary.json")).unwrap()).unwrap()
}

#[test]
fn the_table_is_sorted_and_keeps_odd_paths() {
    let images = [
        image("a/1.png".into(), Role::InDomain, "a"),
        image("=b, \"c\".png".into(), Role::Unknown, "."),
    ];
    let results = [result(1, 0, 0.25), result(0, 1, 0.5), result(0, 0, 1e-7)];
    let text = scores_csv(&report(&images, &results, &settings(2)));
    assert_eq!(
        text,
        "path,role,attempt,mse,ssim_distance,lpips\n\
         a/1.png,in-domain,0,0.00000001,0.0000002,0.0000001\n\
         a/1.png,in-domain,1,0.05,1,0.5\n\
         \"'=b, \"\"c\"\".png\",unknown,0,0.025,0.5,0.25\n"
    );
}

#[test]
fn the_summary_holds_pooled_figures_and_those_of_each_folder() {
    let images: Vec<_> = [
        (Role::InDomain, "in"),
        (Role::InDomain, "in"),
        (Role::OutOfDomain, "near"),
        (Role::OutOfDomain, "far"),
        (Role::Unknown, "new"),
        (Role::OutOfDomain, "far"),
    ]
    .into_iter()
    .enumerate()
    .map(|(index, (role, folder))| image(format!("{folder}/{index}.png").into(), role, folder))
    .collect();
    // The last image has no result: it was cancelled.
    let scores = [0.1, 0.3, 0.2, 0.9, 0.5];
    let results: Vec<_> = scores
        .iter()
        .enumerate()
        .flat_map(|(index, score)| {
            [
                result(index, 0, score - 0.05),
                result(index, 1, score + 0.05),
            ]
        })
        .collect();
    let folder = tempfile::tempdir().unwrap();
    let settings = settings(2);
    report(&images, &results, &settings)
        .write(folder.path())
        .unwrap();

    let summary = json_of(folder.path());
    assert_eq!(
        summary["auroc"],
        json!({"mse": 0.75, "ssim": 0.75, "lpips": 0.75})
    );
    assert_eq!(summary["fpr95"]["lpips"], json!(0.5));
    assert_eq!(
        summary["images"],
        json!({"in": 2, "out": 2, "unknown": 1, "skipped": 2})
    );
    assert_eq!(summary["per_folder"][0]["folder"], json!("near"));
    assert_eq!(summary["per_folder"][0]["auroc"]["lpips"], json!(0.5));
    assert_eq!(summary["per_folder"][1]["folder"], json!("far"));
    assert_eq!(summary["per_folder"][1]["auroc"]["lpips"], json!(1.0));
    assert_eq!(summary["attempts"], json!(2));
    assert_eq!(summary["network_calls"], json!(300));
    assert_eq!(summary["calls_per_second"], json!(200.0));
    assert_eq!(
        summary["settings"]["mask"],
        json!("alternating-checkerboard")
    );
    let notes = summary["notes"].as_array().unwrap();
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].as_str().unwrap().contains("needs at least 19"));
    let table = std::fs::read_to_string(folder.path().join("verdicts.csv")).unwrap();
    let line = table.lines().nth(1).unwrap();
    assert!(line.ends_with(','), "no verdict from two images: {line}");
    let mut keys: Vec<_> = summary.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(
        keys,
        [
            "attempts",
            "aupr_in",
            "aupr_out",
            "auroc",
            "calls_per_second",
            "fpr95",
            "images",
            "network_calls",
            "notes",
            "per_folder",
            "seconds",
            "settings"
        ]
    );
}

#[test]
fn a_missing_class_gives_null_and_a_note_and_still_all_files() {
    let images = [image("in/1.png".into(), Role::InDomain, "in")];
    let settings = settings(1);
    let folder = tempfile::tempdir().unwrap();
    for results in [
        vec![result(0, 0, 0.5)],
        Vec::new(),
        vec![result(0, 0, f64::NAN)],
    ] {
        report(&images, &results, &settings)
            .write(folder.path())
            .unwrap();
        let summary = json_of(folder.path());
        assert_eq!(summary["auroc"], Value::Null);
        let note = summary["notes"].as_array().unwrap().iter().any(|note| {
            note.as_str()
                .unwrap()
                .contains("no out-of-domain image was scored")
        });
        assert!(note, "{summary}");
        for name in ["histogram.png", "roc.png", "contact-sheet.png"] {
            decode_file(&folder.path().join(name)).unwrap();
        }
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            5,
            "no temporary file stays"
        );
    }
}

#[test]
fn an_error_names_the_file_that_could_not_be_written() {
    let folder = tempfile::tempdir().unwrap();
    // A folder in the file's place.
    fs::create_dir_all(folder.path().join("roc.png/x")).unwrap();
    let settings = settings(1);
    let error = report(&[], &[], &settings)
        .write(folder.path())
        .unwrap_err();
    assert!(matches!(error, ReportError::Write { .. }), "{error}");
    assert!(error.to_string().contains("roc.png"), "{error}");
    assert!(!folder.path().join("contact-sheet.png").exists());

    let file = folder.path().join("scores.csv");
    let error = report(&[], &[], &settings).write(&file).unwrap_err();
    assert!(matches!(error, ReportError::Folder { .. }), "{error}");
}

/// A run with plausible scores on the sample images, left in the build folder for people to look at.
#[test]
fn the_pictures_of_a_whole_run_are_drawn() {
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("assets/samples");
    let geometry = Geometry {
        channels: 1,
        side: SIDE,
    };
    let (mut images, mut results) = (Vec::new(), Vec::new());
    let mut state = 3_u32;
    let mut uniform = move || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        f64::from(state >> 8) / f64::from(1 << 24)
    };
    for (role, set, name, base) in [
        (Role::InDomain, "fashion-mnist", "fashion-mnist", 0.05),
        (Role::OutOfDomain, "mnist", "mnist", 0.12),
        (Role::OutOfDomain, "fashion-mnist", "near \u{e9}", 0.06),
        (Role::Unknown, "mnist", "unknown", 0.08),
    ] {
        for number in 0..60 {
            let path = samples.join(set).join(format!("{number:05}.png"));
            let unit =
                prepare::prepare(&decode_file(&path).unwrap(), geometry, ResizeMode::Crop).unit;
            let id = images.len();
            images.push(image(path, role, name));
            let spread: f64 = (0..4).map(|_| uniform()).sum();
            for attempt in 0..3 {
                let score = base * (0.4 + 0.4 * spread) + 0.01 * uniform();
                let mut entry = Arc::unwrap_or_clone(result(id, attempt, score));
                let darker: Vec<_> = unit.iter().map(|value| value * 0.8).collect();
                entry.original = Picture::from_unit(geometry, &unit);
                entry.inpainted = Some(Picture::from_unit(geometry, &darker));
                results.push(Arc::new(entry));
            }
        }
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("report");
    let settings = settings(3);
    let summary = report(&images, &results, &settings).write(&folder).unwrap();
    assert_eq!(summary.per_folder.len(), 2);
    for (name, width, height) in [("histogram.png", 1200, 760), ("roc.png", 1000, 1060)] {
        let decoded = decode_bytes(&fs::read(folder.join(name)).unwrap()).unwrap();
        assert_eq!(
            (decoded.native.width, decoded.native.height),
            (width, height)
        );
        let small = prepare::thumbnail(&decoded, 40);
        assert!(
            small.bytes.iter().any(|&byte| byte < 200),
            "{name} is not blank"
        );
    }
}
