//! Samplers of higher order against diffusers' schedulers, and RePaint against its formulas.

use std::fs;

use lmd_inspector::diffusion::lift::{LiftBatch, LiftPlan, Start, lift};
use lmd_inspector::diffusion::schedule::ScheduleConfig;
use lmd_inspector::diffusion::{
    DenoiseError, Denoiser, Interrupt, NeverInterrupt, SamplerKind, SamplerSettings, Schedule,
};
use lmd_inspector::images::Geometry;
use serde::Deserialize;

use crate::continuous::{Formula, LEN};
use crate::networks::fixture;

/// The fixture's network; counts its calls.
#[derive(Default)]
struct Waves(usize);

impl Denoiser for Waves {
    fn geometry(&self) -> Geometry {
        Geometry {
            channels: 1,
            side: 4,
        }
    }

    fn denoise(
        &mut self,
        sample: &[f32],
        timesteps: &[f32],
        output: &mut [f32],
        _: &dyn Interrupt,
    ) -> Result<(), DenoiseError> {
        self.0 += 1;
        let term = 0.1 * (0.01 * f64::from(timesteps[0])).cos();
        for (value, &x) in output.iter_mut().zip(sample) {
            *value = (0.8 * f64::from(x).tanh() + term) as f32;
        }
        Ok(())
    }
}

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
        let mut denoiser = Waves::default();
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
        let num_calls = kind.def().num_calls(case.timesteps.len());
        assert_eq!((denoiser.0, shown), (num_calls, num_calls), "{name}");
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
