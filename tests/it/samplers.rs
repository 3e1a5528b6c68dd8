//! Samplers of higher order against diffusers' schedulers, and RePaint against its formulas.

use std::fs;

use lmd_inspector::diffusion::lift::{LiftBatch, LiftPlan, Start, lift};
use lmd_inspector::diffusion::schedule::ScheduleConfig;
use lmd_inspector::diffusion::{NeverInterrupt, SamplerKind, SamplerSettings, Schedule};
use serde::Deserialize;

use crate::continuous::{Formula, FormulaNetwork, LEN};
use crate::networks::fixture;

#[derive(Deserialize)]
struct Case {
    sampler: String,
    timesteps: Vec<usize>,
    made: Vec<f64>,
}

#[test]
fn samplers_of_higher_order_are_those_of_diffusers() {
    let text = fs::read(fixture("inpaint/samplers.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_slice(&text).unwrap();
    assert_eq!(cases.len(), 5);
    for case in cases {
        let name = &case.sampler;
        let is_repaint = name == "repaint";
        let kind = SamplerKind::named(name).unwrap();
        let schedule = Schedule::new(ScheduleConfig {
            clip_range: is_repaint.then_some(1.0),
            ..ScheduleConfig::default()
        })
        .unwrap();
        let known: Vec<bool> = (0..LEN).map(|i| i / 2 % 2 == 0).collect();
        let masks = [known.as_slice()];
        let plan = LiftPlan {
            schedule: &schedule,
            sampler: SamplerSettings {
                kind,
                ..SamplerSettings::default()
            },
            timesteps: &case.timesteps,
            start: Start::Noise,
        };
        let original: Vec<f32> = (0..LEN).map(|i| 0.5 * (0.9 * i as f32).cos()).collect();
        let batch = LiftBatch {
            original_signed: &original,
            known: if is_repaint { &masks } else { &[] },
        };
        let mut denoiser = FormulaNetwork {
            formula: |x, told| 0.8 * x.tanh() + 0.1 * (0.01 * told).cos(),
            num_calls: 0,
        };
        let mut shown = 0;
        let made = lift(
            &plan,
            &mut denoiser,
            batch,
            &Formula,
            &NeverInterrupt,
            &mut |report| {
                shown += 1;
                assert_eq!(report.steps_done, shown);
            },
        )
        .unwrap();
        // Progress and estimates go by this number.
        let num_calls = plan.sampler.num_calls(case.timesteps.len());
        assert_eq!(
            (denoiser.num_calls, shown),
            (num_calls, num_calls),
            "{name}"
        );
        let largest = case
            .made
            .iter()
            .fold(0.0, |most: f64, it| most.max(it.abs()));
        for (got, wanted) in made.iter().zip(&case.made) {
            let difference = (f64::from(*got) - wanted).abs();
            assert!(difference <= 1e-4 * largest, "{name}: {got} {wanted}");
        }
    }
}
