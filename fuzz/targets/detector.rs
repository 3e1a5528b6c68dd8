//! A detector file. What is accepted is what is written again.
#![no_main]

use std::fs;

use libfuzzer_sys::fuzz_target;
use lmd_fuzz::checks::{FOLDER, check_sentence, round};
use lmd_fuzz::images::ContentHash;
use lmd_fuzz::runs::{Calibration, Candidate};

fuzz_target!(|data: &[u8]| {
    round(|| {
        let path = FOLDER.path().join("detector.json");
        fs::write(&path, data).expect("a file can be written");
        let detector = match Calibration::load(&path) {
            Ok(detector) => detector,
            Err(error) => return check_sentence(&error, &path),
        };
        let candidates = [0.1, f64::INFINITY, -1.0].map(|score| Candidate {
            image: 0,
            content: ContentHash([3; 32]),
            score,
        });
        for verdict in detector.calibration_set().judge(&candidates) {
            assert!(
                verdict.p_value.is_none_or(|p| (0.0..=1.0).contains(&p)),
                "{verdict:?}"
            );
        }
        detector.save(&path).expect("what was read can be written");
        let again = Calibration::load(&path).expect("what was written can be read");
        assert_eq!(again, detector);
    });
});
