//! A run file: the first byte says which column of which row the rest becomes, with the right checksum; or that the rest
//! is the whole file.
#![no_main]

use std::fs;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::fuzz_target;
use lmd_fuzz::checks::{FOLDER, check_sentence, round};
use lmd_fuzz::rows::{Value, checksum};
use lmd_fuzz::runs::file;
use lmd_fuzz::runs::formats::scores_csv;
use lmd_fuzz::runs::report::{Report, html_report};
use rusqlite::{Connection, params};

static SEED: LazyLock<Vec<u8>> = LazyLock::new(|| lmd_fuzz::small::run_file(FOLDER.path()));

fuzz_target!(|data: &[u8]| {
    round(|| {
        let path = FOLDER.path().join("run.lmdrun");
        for name in ["run.lmdrun-wal", "run.lmdrun-journal"] {
            fs::remove_file(FOLDER.path().join(name)).ok();
        }
        let Some((&place, rest)) = data.split_first() else {
            return;
        };
        if place == 0 {
            fs::write(&path, rest).expect("a file can be written");
        } else {
            fs::write(&path, &*SEED).expect("a file can be written");
            replace(&path, place, rest);
        }
        match file::read(&path) {
            Ok(run) => report(run),
            Err(error) => check_sentence(&error, &path),
        }
        if let Err(error) = file::resume(&path) {
            check_sentence(&error, &path);
        }
    });
});

/// Put bytes where a stranger would.
fn replace(path: &Path, place: u8, bytes: &[u8]) {
    let connection = Connection::open(path).expect("the seed opens");
    connection
        .execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = MEMORY")
        .expect("the seed opens");
    let text = String::from_utf8_lossy(bytes);
    let numbered =
        |table: &str, content: &[u8]| checksum(table, &[Value::Int(1), Value::Bytes(content)]);
    let result = match place % 6 {
        0 => connection.execute(
            "UPDATE manifest SET json = ?1, checksum = ?2",
            params![text, numbered("manifest", text.as_bytes())],
        ),
        1 => connection.execute(
            "UPDATE originals SET png = ?1, checksum = ?2 WHERE image = 1",
            params![bytes, numbered("originals", bytes)],
        ),
        2 => connection.execute(
            "UPDATE stretches SET json = ?1, checksum = ?2 WHERE id = 1",
            params![text, numbered("stretches", text.as_bytes())],
        ),
        3 => connection.execute(
            "UPDATE notices SET message = ?1, checksum = ?2 WHERE id = 1",
            params![text, numbered("notices", text.as_bytes())],
        ),
        4 => {
            let sum = checksum(
                "pictures",
                &[Value::Int(1), Value::Int(0), Value::Bytes(bytes)],
            );
            connection.execute(
                "UPDATE pictures SET png = ?1, checksum = ?2 WHERE image = 1 AND attempt = 0",
                params![bytes, sum],
            )
        }
        _ => image(&connection, &text),
    };
    result.expect("the seed can be written to");
}

/// The lines of a text as path, folder, role and native description.
fn image(connection: &Connection, text: &str) -> rusqlite::Result<usize> {
    let mut lines = text.splitn(4, '\n');
    let mut line = || lines.next().unwrap_or_default();
    let (path, folder, role, native) = (line(), line(), line(), line());
    let content = [7; 32];
    let sum = checksum(
        "images",
        &[
            Value::Int(1),
            Value::Int(1),
            Value::Bytes(path.as_bytes()),
            Value::Bytes(folder.as_bytes()),
            Value::Bytes(role.as_bytes()),
            Value::Bytes(&content),
            Value::Bytes(native.as_bytes()),
        ],
    );
    connection.execute(
        "UPDATE images SET position = 1, path = ?1, folder = ?2, role = ?3, content = ?4, native = ?5, checksum = ?6 WHERE id = 1",
        params![path, folder, role, content, native, sum],
    )
}

/// What can be read can be told.
fn report(run: file::StoredRun) {
    let results: Vec<_> = run.results.into_iter().map(Arc::new).collect();
    let settings = run.manifest.settings();
    let report = Report {
        images: &run.images,
        results: &results,
        settings: &settings,
        network_calls: 0,
        seconds: 0.0,
        num_skipped: 0,
        notes: &run.notices,
    };
    let table = scores_csv(&report);
    // A stranger's measures come behind the usual ones.
    assert!(table.starts_with("path,role,attempt,mse,ssim_distance,lpips"));
    let html = html_report(&report, &run.manifest, &run.segments).expect("a report can be made");
    // Nothing of a stranger's becomes a tag.
    assert!(!html.contains("<script"), "a script is in the report");
}
