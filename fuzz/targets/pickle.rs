//! A PyTorch file: the pickle of a zip that is made here, since a fuzzer does not find checksums; or, after a zero byte,
//! the whole file.
#![no_main]

use std::fs;
use std::sync::Once;

use libfuzzer_sys::fuzz_target;
use lmd_fuzz::checks::{FOLDER, round};
use lmd_fuzz::model;

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
            None => model::zipped(data),
        };
        fs::write(folder.join("diffusion_pytorch_model.bin"), bytes)
            .expect("a file can be written");
        if let Ok(checkpoint) = model::load(folder) {
            model::run(&checkpoint.network);
        }
    });
});
