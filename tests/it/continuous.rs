//! Inpainting in continuous time against the authors' formulas, with noise and network that are formulas too.

use std::collections::BTreeMap;
use std::fs;

use lmd_inspector::diffusion::lift::{LiftBatch, LiftPlan, Start, lift};
use lmd_inspector::diffusion::noise::Purpose;
use lmd_inspector::diffusion::schedule::{Betas, PixelRange, Prediction, Process, ScheduleConfig};
use lmd_inspector::diffusion::{
    DenoiseError, Denoiser, Interrupt, NeverInterrupt, NoiseSource, SamplerKind, SamplerSettings,
    Schedule,
};
use lmd_inspector::images::Geometry;
use serde::Deserialize;

use crate::networks::fixture;

const STEPS: usize = 5;
const BATCH: usize = 2;
pub(crate) const LEN: usize = 16;

/// The fixture's noise.
pub(crate) struct Formula;

impl NoiseSource for Formula {
    fn fill_normal(&self, item: usize, purpose: Purpose, step: usize, out: &mut [f32]) {
        for (i, value) in out.iter_mut().enumerate() {
            let phase = 1.0
                + 7.13 * f64::from(purpose as u32)
                + 3.7 * item as f64
                + 1.9 * step as f64
                + 0.613 * i as f64;
            *value = (2.0_f64.sqrt() * phase.sin()) as f32;
        }
    }
}

/// A network that is a formula of a value and of what it is told of time; counts its calls.
pub(crate) struct FormulaNetwork {
    pub(crate) formula: fn(f64, f64) -> f64,
    pub(crate) num_calls: usize,
}

impl Denoiser for FormulaNetwork {
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
        self.num_calls += 1;
        let told = f64::from(timesteps[0]);
        for (value, &x) in output.iter_mut().zip(sample) {
            *value = (self.formula)(f64::from(x), told) as f32;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Case {
    sde: String,
    corrector: Option<String>,
    inpainted: Vec<Vec<f64>>,
}

fn schedule(sde: &str, pixels: PixelRange) -> Schedule {
    let (process, betas, range) = match sde {
        "vp" => (Process::VariancePreserving, Betas::Continuous, (0.1, 20.0)),
        "subvp" => (
            Process::SubVariancePreserving,
            Betas::Continuous,
            (0.1, 20.0),
        ),
        _ => (Process::VarianceExploding, Betas::Geometric, (0.01, 50.0)),
    };
    Schedule::new(ScheduleConfig {
        process,
        betas,
        beta_start: range.0,
        beta_end: range.1,
        prediction: if sde == "ve" {
            Prediction::Score
        } else {
            Prediction::Epsilon
        },
        pixels,
        snr: 0.2,
        ..ScheduleConfig::default()
    })
    .unwrap()
}

/// What the lift makes of the fixture's images, the network calls, and how often a state was shown.
fn inpainted(schedule: &Schedule, kind: SamplerKind, images: &[f32]) -> (Vec<f32>, usize, usize) {
    let known: Vec<bool> = (0..LEN).map(|i| i / 2 % 2 == 0).collect();
    let sampler = SamplerSettings {
        kind,
        num_steps: Some(STEPS),
        ..SamplerSettings::default()
    };
    let timesteps = sampler.timesteps(1000).unwrap();
    let plan = LiftPlan {
        schedule,
        sampler,
        timesteps: &timesteps,
        start: Start::Noise,
    };
    let batch = LiftBatch {
        original_signed: images,
        known: &vec![known.as_slice(); images.len() / LEN],
    };
    let mut denoiser = FormulaNetwork {
        formula: |x, told| (x.tanh() - 0.5 * x) / (1.0 + told.abs()),
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
    );
    (made.unwrap(), denoiser.num_calls, shown)
}

fn original() -> Vec<f32> {
    let value = |item: usize, i: usize| 0.5 + 0.4 * (0.9 * i as f64 + item as f64).cos();
    let items = (0..BATCH).flat_map(|item| (0..LEN).map(move |i| (item, i)));
    items.map(|(item, i)| value(item, i) as f32).collect()
}

#[test]
fn inpainting_in_continuous_time_is_that_of_the_authors_formulas() {
    let text = fs::read(fixture("inpaint/continuous.json")).unwrap();
    let cases: Vec<Case> = serde_json::from_slice(&text).unwrap();
    let mut seen = BTreeMap::new();
    for Case {
        sde,
        corrector,
        inpainted: expected,
    } in cases
    {
        let (kind, calls) = match corrector.as_deref() {
            None => (SamplerKind::PREDICTOR, STEPS),
            Some("image") => (SamplerKind::CORRECTOR, 2 * STEPS),
            Some(_) => (SamplerKind::BATCH_CORRECTOR, 2 * STEPS),
        };
        // In a range of its own, the original and the result are mapped on the way in and out.
        for pixels in [PixelRange::Signed, PixelRange::Unit] {
            let schedule = schedule(&sde, pixels);
            let images: Vec<f32> = (original().iter())
                .map(|&value| pixels.to_signed(value))
                .collect();
            let (made, num_calls, shown) = inpainted(&schedule, kind, &images);
            assert_eq!((num_calls, shown), (calls, calls), "{sde} {corrector:?}");
            let expected = expected.concat();
            let largest = expected
                .iter()
                .fold(0.0, |most: f64, it| most.max(it.abs()));
            for (got, wanted) in made.iter().zip(&expected) {
                let got = f64::from(pixels.from_signed(*got));
                assert!(
                    (got - wanted).abs() <= 1e-5 * largest.max(1.0),
                    "{sde} {corrector:?}: {got} {wanted}"
                );
            }
        }
        seen.insert((sde, corrector), expected);
    }
    // What differs must show, or the comparison above would tell nothing.
    let of =
        |sde: &str, corrector: Option<&str>| &seen[&(sde.to_owned(), corrector.map(str::to_owned))];
    assert_ne!(of("vp", None), of("subvp", None));
    assert_ne!(of("ve", Some("image")), of("ve", Some("batch")));
}

#[test]
fn an_image_is_inpainted_to_the_same_bits_in_any_batch_unless_the_batch_is_asked_for() {
    let schedule = schedule("ve", PixelRange::Unit);
    let images = original();
    for (kind, is_same) in [
        (SamplerKind::PREDICTOR, true),
        (SamplerKind::CORRECTOR, true),
        (SamplerKind::BATCH_CORRECTOR, false),
    ] {
        let (both, ..) = inpainted(&schedule, kind, &images);
        let (first, ..) = inpainted(&schedule, kind, &images[..LEN]);
        assert_eq!(both[..LEN] == first[..], is_same, "{kind}");
    }
}

#[test]
fn samplers_of_continuous_time_are_refused_where_they_make_no_sense() {
    let discrete = Schedule::new(ScheduleConfig::default()).unwrap();
    let settings = SamplerSettings {
        kind: SamplerKind::CORRECTOR,
        ..SamplerSettings::default()
    };
    let told = settings.check(&discrete).unwrap_err().to_string();
    assert!(
        told.contains("predictor-corrector needs a model in continuous time"),
        "{told}"
    );
    assert!(settings.check(&schedule("ve", PixelRange::Unit)).is_ok());
    let told = settings.timesteps_from(500, 1000).unwrap_err().to_string();
    assert!(told.contains("can only inpaint"), "{told}");
}
