//! A safetensors file beside the configuration of a tiny network.
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
        fs::write(folder.join(model::WEIGHTS), data).expect("a file can be written");
        if let Ok(checkpoint) = model::load(folder) {
            model::run(&checkpoint.network);
        }
    });
});
