//! Masks against the authors' code, figures against scikit-learn.

use std::collections::BTreeMap;
use std::path::PathBuf;

use candle_core::{Device, safetensors};
use lmd_inspector::ood::figures::{figures, roc_curve};
use lmd_inspector::ood::{KnownMask, MaskKind};
use serde::Deserialize;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name)
}

#[test]
fn masks_are_the_references_bit_for_bit() {
    let masks = safetensors::load(fixture("masks/masks.safetensors"), &Device::Cpu).unwrap();
    let masks: BTreeMap<_, _> = masks.into_iter().collect();
    assert_eq!(masks.len(), 11);
    for (name, expected) in masks {
        let parts: Vec<&str> = name.split('-').collect();
        let number = |after: &str| -> usize {
            let at = parts.iter().position(|part| *part == after).unwrap();
            parts[at + 1].parse().unwrap()
        };
        let (kind, grid, attempt) = match parts[0] {
            "checkerboard" => (
                MaskKind::AlternatingCheckerboard,
                number("checkerboard"),
                number("attempt"),
            ),
            "center" => (MaskKind::Center, 0, 0),
            other => panic!("unexpected mask {other}"),
        };
        let mask = KnownMask::new(&kind, grid, number("size"), attempt, |_| 0, &[]).unwrap();
        let known: Vec<u8> = mask.known().iter().map(|&known| u8::from(known)).collect();
        let expected = expected.flatten_all().unwrap().to_vec1::<u8>().unwrap();
        assert_eq!(known, expected, "{name}");
    }
}

#[derive(Deserialize)]
struct Cases {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    in_domain: Vec<f64>,
    out_of_domain: Vec<f64>,
    auroc: f64,
    aupr_out: f64,
    aupr_in: f64,
    fpr_at_95_tpr: f64,
    roc_fpr: Vec<f64>,
    roc_tpr: Vec<f64>,
}

#[test]
fn figures_and_roc_points_are_scikit_learns() {
    let json = std::fs::read(fixture("detection/detection.json")).unwrap();
    let cases: Cases = serde_json::from_slice(&json).unwrap();
    assert_eq!(cases.cases.len(), 5);
    for (index, case) in cases.cases.iter().enumerate() {
        let found = figures(&case.in_domain, &case.out_of_domain).unwrap();
        let pairs = [
            ("AUROC", found.auroc, case.auroc),
            ("AUPR out", found.aupr_out, case.aupr_out),
            ("AUPR in", found.aupr_in, case.aupr_in),
            ("FPR95", found.fpr95, case.fpr_at_95_tpr),
        ];
        for (name, found, expected) in pairs {
            assert!(
                (found - expected).abs() < 1e-12,
                "case {index}, {name}: {found} is not {expected}"
            );
        }
        let curve = roc_curve(&case.in_domain, &case.out_of_domain).unwrap();
        assert_eq!(curve.len(), case.roc_fpr.len(), "case {index}");
        for (point, (fpr, tpr)) in curve.iter().zip(case.roc_fpr.iter().zip(&case.roc_tpr)) {
            assert!((point.fpr - fpr).abs() < 1e-12, "case {index}");
            assert!((point.tpr - tpr).abs() < 1e-12, "case {index}");
        }
    }
}
