//! A PyTorch file: the pickle of a zip that is made here, since a fuzzer does not find checksums; or, after a zero byte,
//! the whole file.
#![no_main]

use std::fs;
use std::io::{Cursor, Write as _};
use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use lmd_fuzz::checks::{FOLDER, round};
use lmd_fuzz::model;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

fuzz_target!(|data: &[u8]| {
    round(|| {
        static CONFIG: Once = Once::new();
        let folder = FOLDER.path();
        CONFIG.call_once(|| {
            fs::write(folder.join("config.json"), include_bytes!("tiny.json"))
                .expect("a file can be written");
        });
        let bytes = match data.strip_prefix(&[0]) {
            Some(whole) => whole.to_vec(),
            None => zipped(data),
        };
        fs::write(folder.join("diffusion_pytorch_model.bin"), bytes)
            .expect("a file can be written");
        if let Ok(checkpoint) = model::load(folder) {
            model::run(&checkpoint.network);
        }
    });
});

/// A zip as PyTorch writes it, with two storages of 64 bytes.
fn zipped(pickle: &[u8]) -> Vec<u8> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    for (name, content) in [
        ("archive/data.pkl", pickle),
        ("archive/data/0", &[0; 64]),
        ("archive/data/1", &[63; 64]),
    ] {
        zip.start_file(name, options)
            .and_then(|()| Ok(zip.write_all(content)?))
            .expect("a zip can be written to memory");
    }
    zip.finish()
        .expect("a zip can be written to memory")
        .into_inner()
}
