//! `lmd paper`: the tables' figures are those of runs by themselves, what can't be made is said, and runs are used again.

use std::ops::Range;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::binary::{lmd, root, text};

/// An IDX file of these images of a sample.
fn write_idx(path: &Path, sample: &str, images: Range<usize>) {
    let mut bytes = vec![0, 0, 8, 3];
    let sizes = [images.len() as u32, 28, 28];
    bytes.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    for index in images {
        let file = root().join(format!("assets/samples/{sample}/{index:05}.png"));
        let picture = image::open(file).unwrap().to_luma8();
        let small = image::imageops::resize(&picture, 28, 28, image::imageops::FilterType::Nearest);
        bytes.extend(small.as_raw());
    }
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, bytes).unwrap();
}

fn data(folder: &Path) -> PathBuf {
    let data = folder.join("data");
    for (set, sample, images) in [
        ("mnist", "mnist", 0..8),
        ("fashion-mnist", "fashion-mnist", 0..8),
        // Others than those of the first.
        ("kmnist", "mnist", 8..16),
    ] {
        write_idx(
            &data.join(set).join("t10k-images-idx3-ubyte"),
            sample,
            images,
        );
    }
    data
}

const FEW: [&str; 6] = ["--limit", "6", "--attempts", "2", "--steps", "3"];

#[track_caller]
fn paper(data: &Path, output: &Path, more: &[&str]) -> String {
    let start = ["paper", "--data", text(data), "--output", text(output)];
    let run = lmd(&[&start[..], &FEW, more].concat());
    let told = String::from_utf8_lossy(&run.stderr).into_owned();
    assert_eq!(run.status.code(), Some(0), "{told}");
    told
}

#[test]
fn figures_are_those_of_runs_by_themselves() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(folder.path());
    let output = folder.path().join("results");
    let tables = ["--rows", "pairs", "denoising"];
    let told = paper(&data, &output, &[&tables[..], &["--estimate"]].concat());
    assert!(
        told.contains("4 runs, 0 of them finished, 1 can't be made"),
        "{told}"
    );
    assert!(!output.exists(), "only an estimate was asked for");
    let told = paper(&data, &output, &tables);
    assert!(told.contains("6 in-domain, 12 out-of-domain"), "{told}");

    let table = std::fs::read_to_string(output.join("pairs.csv")).unwrap();
    let found: Vec<Vec<&str>> = table
        .lines()
        .skip(1)
        .map(|line| line.split(',').collect())
        .collect();
    assert_eq!(
        found.len(),
        16,
        "four measures for each pair with a model: {table}"
    );
    let digits = data.join("mnist/t10k-images-idx3-ubyte");
    let clothes = data.join("fashion-mnist/t10k-images-idx3-ubyte");
    let alone = folder.path().join("alone.lmdrun");
    let args = [
        "score",
        "--model",
        "bundled",
        "--json",
        "--in-domain",
        text(&clothes),
        "--out-of-domain",
        text(&digits),
        "--output",
        text(&alone),
    ];
    let run = lmd(&[&args[..], &FEW].concat());
    let summary: Value = serde_json::from_slice(&run.stdout).unwrap();
    for measure in ["lpips", "ssim", "mse"] {
        let row = found
            .iter()
            .find(|row| row[1..3] == ["fashion-mnist", "mnist"] && row[4] == measure)
            .unwrap();
        let (got, expected) = (row[6].parse::<f64>().unwrap(), &summary["auroc"][measure]);
        assert!(
            (got - expected.as_f64().unwrap()).abs() < 1e-12,
            "{measure}"
        );
        assert_eq!(
            (row[9], row[10]),
            ("0.992", "6"),
            "the paper's figure, and 2 x 3 calls"
        );
    }
    let page = std::fs::read_to_string(output.join("pairs.md")).unwrap();
    assert!(
        page.contains("NOT RUN: there is no model of KMNIST; make one by lmd train"),
        "{page}"
    );
    assert_eq!(page.matches("NOT RUN").count(), 8);
    let page = std::fs::read_to_string(output.join("denoising.md")).unwrap();
    assert!(page.contains("| denoising from 500 | LPIPS |"), "{page}");
}

#[test]
fn runs_go_on_where_they_were_stopped_and_others_are_not_taken_for_them() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(folder.path());
    let output = folder.path().join("results");
    let tables = ["--rows", "pairs", "denoising"];
    paper(&data, &output, &tables);
    let read = |name: &str| std::fs::read_to_string(output.join(name)).unwrap();
    let (table, page) = (read("pairs.csv"), read("denoising.md"));
    let clothes = data.join("fashion-mnist/t10k-images-idx3-ubyte");
    let runs = std::fs::read_dir(&output)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let run = runs
        .into_iter()
        .find(|path| path.to_string_lossy().contains("denoise-500"))
        .unwrap();
    let database = rusqlite::Connection::open(&run).unwrap();
    database
        .execute("DELETE FROM attempts WHERE attempt = 1", [])
        .unwrap();
    drop(database);
    let told = paper(&data, &output, &tables);
    assert!(told.contains("4 runs, 2 of them finished"), "{told}");
    assert!(
        told.contains("12 of 24 attempts are there already"),
        "{told}"
    );
    assert_eq!(
        std::fs::read_to_string(output.join("pairs.csv")).unwrap(),
        table
    );
    assert_eq!(
        std::fs::read_to_string(output.join("denoising.md")).unwrap(),
        page
    );

    // Other images under the same names.
    write_idx(&clothes, "mnist", 20..28);
    let start = ["paper", "--data", text(&data), "--output", text(&output)];
    let run = lmd(&[&start[..], &FEW, &tables].concat());
    assert_eq!(run.status.code(), Some(2));
    let told = String::from_utf8_lossy(&run.stderr);
    assert!(
        told.contains("other images is there already; replace it by --overwrite"),
        "{told}"
    );
}

#[test]
fn what_is_missing_is_said_row_by_row() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(folder.path());
    std::fs::remove_file(data.join("kmnist/t10k-images-idx3-ubyte")).unwrap();
    let output = folder.path().join("results");
    let told = paper(&data, &output, &["--rows", "pairs", "masks"]);
    assert!(
        told.contains("8 runs, 0 of them finished, 8 can't be made"),
        "{told}"
    );
    let page = std::fs::read_to_string(output.join("pairs.md")).unwrap();
    assert!(page.contains("its images are not there: "), "{page}");
    let run = lmd(&[
        "paper",
        "--data",
        text(&data),
        "--output",
        text(&output),
        "--rows",
        "table-9",
    ]);
    assert_eq!(run.status.code(), Some(2));
}

#[test]
fn images_are_turned_by_the_command_and_scored_apart() {
    let folder = tempfile::tempdir().unwrap();
    let data = data(folder.path());
    let output = folder.path().join("results");
    let told = paper(&data, &output, &["--rows", "turned", "pairs"]);
    assert!(
        told.contains("6 runs, 0 of them finished, 2 can't be made"),
        "{told}"
    );
    let bytes = |path: PathBuf| std::fs::read(path).unwrap();
    let clothes = bytes(data.join("fashion-mnist/t10k-images-idx3-ubyte"));
    let turned = bytes(output.join("fashion-mnist-turned/t10k-images-idx3-ubyte"));
    assert_eq!(turned.len(), 16 + 6 * 28 * 28, "as many as the limit");
    for image in 0..6 {
        let at = 16 + image * 28 * 28;
        for (pixel, value) in clothes[at..][..28 * 28].iter().enumerate() {
            assert_eq!(turned[at + 28 * 28 - 1 - pixel], *value);
        }
    }
    let read = |name: &str| std::fs::read_to_string(output.join(name)).unwrap();
    let rows = read("turned.csv");
    assert_eq!(rows.lines().count(), 1 + 8, "{rows}");
    assert!(
        rows.contains("turned,fashion-mnist,fashion-mnist-turned,"),
        "{rows}"
    );
    assert_eq!(read("turned.md").matches("NOT RUN").count(), 4);
    let (_, after) = rows.split_once("lpips,2,").unwrap();
    let (auroc, _) = after.split_once(',').unwrap();
    assert!(
        (0.0..=1.0).contains(&auroc.parse::<f64>().unwrap()),
        "{rows}"
    );
}
