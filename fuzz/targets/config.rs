//! `config.json`, and after a byte that is in no JSON, `scheduler_config.json`. What is accepted gets weights and runs.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use lmd_fuzz::checks::{FOLDER, round};
use lmd_fuzz::model;

fuzz_target!(|data: &[u8]| {
    round(|| {
        let folder = FOLDER.path();
        let (config, scheduler) = match data.iter().position(|&byte| byte == 0xff) {
            Some(at) => (&data[..at], Some(&data[at + 1..])),
            None => (data, None),
        };
        fs::write(folder.join("config.json"), config).expect("a file can be written");
        let scheduler_path = folder.join("scheduler_config.json");
        match scheduler {
            Some(scheduler) => fs::write(scheduler_path, scheduler),
            None => fs::remove_file(scheduler_path).or(Ok(())),
        }
        .expect("a file can be written");
        if model::fit(folder).is_some() {
            let checkpoint = model::load(folder).expect("the weights were made to fit");
            assert!(
                !checkpoint.schedule.to_string().is_empty(),
                "a schedule has a text"
            );
            model::run(&checkpoint.network);
        }
    });
});
