//! A tar archive or a Parquet table, listed as a source of images; the first byte says by which name.
#![no_main]

use std::fs;
use std::ops::ControlFlow;

use libfuzzer_sys::fuzz_target;
use lmd_fuzz::checks::{FOLDER, check_sentence, round};
use lmd_fuzz::images::decode::hash_file;
use lmd_fuzz::images::sources::{self, Wanted};

fuzz_target!(|data: &[u8]| {
    round(|| {
        let Some((&kind, rest)) = data.split_first() else {
            return;
        };
        let name = if kind % 2 == 0 { "a.tar" } else { "a.parquet" };
        let path = FOLDER.path().join(name);
        fs::write(&path, rest).expect("a file can be written");
        match sources::list(&path, Wanted::all(), &mut |_| ControlFlow::Continue(())) {
            Ok(listing) => {
                for image in listing.files {
                    assert_eq!(hash_file(&image.path).ok(), Some(image.hash));
                }
            }
            Err(error) => check_sentence(&error, &path),
        }
    });
});
