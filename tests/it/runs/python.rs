//! The example for Python: run files are read without this program, to the same numbers.

use std::process::Command;

use lmd_inspector::runs::file::KeepPictures;

use super::support::{lmd, root, text, write};
use crate::binary::not_run;

/// The last three fields of each row, which are the measures.
fn numbers(table: &str) -> Vec<Vec<u64>> {
    let mut rows = csv::Reader::from_reader(table.as_bytes());
    let rows = rows.records().map(|row| row.unwrap());
    rows.map(|row| {
        let fields = row.iter().skip(row.len() - 3);
        let values = fields.map(|field| match field {
            "" | "nan" => f64::NAN.to_bits(),
            field => field.parse::<f64>().unwrap().to_bits(),
        });
        values.collect()
    })
    .collect()
}

#[test]
fn the_example_reads_what_the_program_exports() {
    let example = root().join("assets/python/read_run.py");
    let python = |path: &std::path::Path| {
        let mut python = Command::new("python3");
        python.arg(&example).arg(path).output()
    };
    let folder = tempfile::tempdir().unwrap();
    let run = folder.path().join("run.lmdrun");
    write(&run, KeepPictures::None);
    let before = std::fs::read(&run).unwrap();
    let output = match python(&run) {
        Ok(output) if output.status.code() != Some(127) => output,
        _ => return not_run("the example for Python: there is no python3"),
    };
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
    let found = String::from_utf8(output.stdout).unwrap();
    assert!(found.starts_with("image,role,path,attempt,"), "{found}");

    let csv = folder.path().join("scores.csv");
    assert!(
        lmd(&["export", text(&run), "--csv", text(&csv)])
            .status
            .success()
    );
    let expected = std::fs::read_to_string(&csv).unwrap();
    assert_eq!(numbers(&found), numbers(&expected));
    assert!(numbers(&found).len() > 10, "{found}");
    assert_eq!(std::fs::read(&run).unwrap(), before);
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        2,
        "nothing lies beside it"
    );

    let old = root().join("tests/fixtures/runs/v1/finished.lmdrun");
    let output = python(&old).unwrap();
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && told.contains("version 2, got 1"),
        "{told}"
    );
}
