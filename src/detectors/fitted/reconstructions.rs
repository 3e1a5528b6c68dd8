//! Reconstructions from several starts: an image is diffused to each of some timesteps and denoised from there by PLMS, and
//! the distances are held against those of in-domain images from the same start.
//!
//! Graham et al. 2023, "Denoising diffusion models for out-of-distribution detection" (<https://arxiv.org/abs/2211.07740>).
//! Their program goes on with the history of the reconstruction before; here each begins its own.

use serde::{Deserialize, Serialize};

use super::{Density, DensityError, Features, Fitted, Fitting, Learned, Learning, ready, summary};
use crate::detectors::reconstruction::Reconstruction;
use crate::detectors::settings::{About, DetectorError, DetectorSettings, Parameter, Target};
use crate::detectors::{AttemptError, Batch, Call, Detector, Models, Watch};
use crate::diffusion::noise::{NoiseSource, PhiloxNoise, PhiloxStream, Purpose};
use crate::diffusion::samplers::plms::{NoiseHistory, transfer};
use crate::diffusion::schedule::PixelRange;
use crate::diffusion::{DenoiseError, Schedule};
use crate::networks::distances::{Compared, DISTANCES, Distance, LPIPS, MSE};
use crate::ood::{Measure, MeasureId};

/// How much further the reconstructions are from the image than those of in-domain images.
pub const RECONSTRUCTIONS: MeasureId = MeasureId::new("reconstructions");

static MEASURE: Measure = Measure {
    id: RECONSTRUCTIONS,
    column: "reconstructions",
    label: "Reconstructions",
    help: "How much further the reconstructions from all starts are from the image than those of in-domain images, in \
           standard deviations: MSE plus LPIPS where images are large enough for it",
    combination: None,
};

static ABOUT: About = About {
    name: "reconstructions",
    label: "DDPM-OOD",
    help: "Reconstructions from several noise levels, their distances held against those of in-domain images; fitted by lmd fit",
};

static STEPS: Parameter = Parameter {
    name: "plms-steps",
    label: "Steps",
    help: "How many timesteps, spaced evenly, a reconstruction from pure noise would visit: the paper has 100",
    range: 2.0..=1000.0,
    decimals: 0,
};

static STARTS: Parameter = Parameter {
    name: "starts",
    label: "Starts",
    help: "From how many of these timesteps an image is reconstructed: the paper has 25 to 99, at 1250 to 5049 network calls",
    range: 1.0..=1000.0,
    decimals: 0,
};

/// Images of which means and standard deviations are good enough.
const FEWEST: usize = 20;

/// See [the module](self).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Reconstructions {
    /// Timesteps of the whole way.
    #[serde(rename = "plms-steps")]
    pub steps: usize,
    /// Timesteps among them that an image is reconstructed from.
    pub starts: usize,
    /// Means and deviations of the distances; `None` before it is fitted.
    pub fitted: Option<Fitted>,
}

impl Default for Reconstructions {
    fn default() -> Self {
        Self {
            steps: 20,
            starts: 5,
            fitted: None,
        }
    }
}

impl Reconstructions {
    pub(in crate::detectors) const MEASURES: &'static [&'static Measure] = &[&MEASURE];

    /// Of each start the timesteps that are visited from there, noisiest first.
    fn ways(&self, num_train_timesteps: usize) -> Vec<Vec<usize>> {
        let num_steps = self.steps.clamp(1, num_train_timesteps);
        let stride = num_train_timesteps / num_steps;
        // As in the authors' program, the cleanest timestep is no start.
        let skip = (num_steps / self.starts.clamp(1, num_steps)).max(1);
        let starts = (1..num_steps).step_by(skip).take(self.starts);
        starts
            .map(|start| (0..=start).rev().map(|step| step * stride).collect())
            .collect()
    }
}

impl DetectorSettings for Reconstructions {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn expected_calls(&self, num_train_timesteps: usize) -> usize {
        self.ways(num_train_timesteps).iter().map(Vec::len).sum()
    }

    fn choices(&self, _side: usize) -> Vec<MeasureId> {
        vec![RECONSTRUCTIONS]
    }

    fn detector(&self, target: &Target<'_>) -> Result<Box<dyn Detector>, DetectorError> {
        ready(self, target, RECONSTRUCTIONS, strangeness)
    }

    fn summary(&self) -> String {
        summary(&format!("DDPM-OOD from {} starts", self.starts), self)
    }

    fn parameters(&self) -> Vec<(&'static Parameter, f64)> {
        vec![(&STEPS, self.steps as f64), (&STARTS, self.starts as f64)]
    }

    fn set_parameter(&mut self, name: &str, value: f64) {
        let before = (self.steps, self.starts);
        match name {
            _ if name == STEPS.name => self.steps = value.round() as usize,
            _ if name == STARTS.name => self.starts = value.round() as usize,
            _ => {}
        }
        if (self.steps, self.starts) != before {
            self.fitted = None;
        }
    }

    fn is_believable(&self) -> bool {
        STEPS.range.contains(&(self.steps as f64)) && STARTS.range.contains(&(self.starts as f64))
    }

    fn fitting(&self) -> Option<&dyn Fitting> {
        Some(self)
    }

    fn fitting_mut(&mut self) -> Option<&mut dyn Fitting> {
        Some(self)
    }
}

impl Fitting for Reconstructions {
    fn fitted(&self) -> Option<&Fitted> {
        self.fitted.as_ref()
    }

    fn set_fitted(&mut self, fitted: Option<Fitted>) {
        self.fitted = fitted;
    }

    fn fewest_images(&self) -> usize {
        FEWEST
    }

    fn features(&self, target: &Target<'_>) -> Result<Box<dyn Features>, DetectorError> {
        if target.schedule.config().pixels != PixelRange::Signed {
            return Err(DetectorError::Unfit(
                "DDPM-OOD is for models of pixels in [-1, 1], and this model is another; use --method lmd".to_owned(),
            ));
        }
        let side = target.geometry.side;
        let is_meant = |distance: &&&dyn Distance| {
            let id = distance.measure().id;
            [MSE, LPIPS].contains(&id) && distance.smallest_side() <= side
        };
        Ok(Box::new(FromStarts {
            ways: self.ways(target.schedule.num_train_timesteps()),
            distances: DISTANCES.iter().filter(is_meant).copied().collect(),
            seed: target.seed,
        }))
    }

    fn learn(&self, rows: &[Vec<f64>], _learning: Learning<'_>) -> Result<Learned, DensityError> {
        Density::independent(rows, self.fewest_images()).map(Learned::from)
    }
}

/// The mean of the standardized distances: where there are two of each start, half of the paper's sum of both.
fn strangeness(density: &Density, distances: &[f64]) -> f64 {
    let standardized = density.standardized(distances);
    standardized.iter().sum::<f64>() / standardized.len() as f64
}

struct FromStarts {
    ways: Vec<Vec<usize>>,
    distances: Vec<&'static dyn Distance>,
    seed: u64,
}

impl Features for FromStarts {
    fn num_features(&self) -> usize {
        self.ways.len() * self.distances.len()
    }

    fn num_calls(&self) -> usize {
        self.ways.iter().map(Vec::len).sum()
    }

    fn of(
        &self,
        batch: &mut Batch<'_>,
        models: Models<'_>,
        watch: Watch<'_>,
    ) -> Result<Vec<Vec<f64>>, AttemptError> {
        let streams = batch.contents.iter();
        let noise = PhiloxNoise {
            streams: streams
                .map(|content| PhiloxStream::new(self.seed, content, 0))
                .collect(),
        };
        self.by_noise(batch, models, watch, &noise)
    }
}

impl FromStarts {
    /// The distances of each image: by each of them, from each start.
    fn by_noise(
        &self,
        batch: &mut Batch<'_>,
        mut models: Models<'_>,
        mut watch: Watch<'_>,
        noise: &dyn NoiseSource,
    ) -> Result<Vec<Vec<f64>>, AttemptError> {
        let num_images = batch.originals.len();
        let mut columns = vec![Vec::with_capacity(self.ways.len()); self.distances.len()];
        let mut num_done = 0;
        for (start, way) in self.ways.iter().enumerate() {
            let state = diffused(models.schedule, batch, way[0], &|item, out| {
                noise.fill_normal(item, Purpose::Start, start, out);
            });
            let state = denoised(way, state, &mut models, &mut watch, &mut num_done)?;
            let made: Vec<Reconstruction> = state
                .chunks_exact(batch.geometry.len())
                .map(Reconstruction::new)
                .collect();
            let unit: Vec<f32> = made.iter().flat_map(|it| it.unit.iter().copied()).collect();
            for (column, distance) in columns.iter_mut().zip(&self.distances) {
                let mut compared = Compared {
                    geometry: batch.geometry,
                    originals: batch.originals,
                    reconstructions: &unit,
                    perceptual: models.perceptual.as_deref_mut(),
                };
                let mut found = distance.distances(&mut compared)?;
                for (found, made) in found.iter_mut().zip(&made) {
                    if !made.is_finite {
                        *found = f64::NAN;
                    }
                }
                column.push(found);
            }
        }
        let row = |image: usize| {
            let found = columns.iter().flatten();
            found.map(|of_images| of_images[image]).collect()
        };
        Ok((0..num_images).map(row).collect())
    }
}

/// The images with noise up to a timestep, (B, C, H, W); `draw` gives that of each image.
fn diffused(
    schedule: &Schedule,
    batch: &Batch<'_>,
    timestep: usize,
    draw: &dyn Fn(usize, &mut [f32]),
) -> Vec<f32> {
    let signal = schedule.alpha_cumprod(Some(timestep)).sqrt() as f32;
    let deviation = schedule.noise_variance(Some(timestep)).sqrt() as f32;
    let mut state = batch.signed();
    let mut drawn = vec![0.0; batch.geometry.len()];
    for (item, values) in state.chunks_exact_mut(drawn.len()).enumerate() {
        draw(item, &mut drawn);
        for (value, drawn) in values.iter_mut().zip(&drawn) {
            *value = signal * *value + deviation * drawn;
        }
    }
    state
}

/// A state at the first of some timesteps, denoised to the clean end.
fn denoised(
    way: &[usize],
    mut state: Vec<f32>,
    models: &mut Models<'_>,
    watch: &mut Watch<'_>,
    num_done: &mut usize,
) -> Result<Vec<f32>, DenoiseError> {
    let schedule = models.schedule;
    let num_images = state.len() / models.denoiser.geometry().len();
    let mut history = NoiseHistory::default();
    for (index, &timestep) in way.iter().enumerate() {
        let told = vec![schedule.told(timestep); num_images];
        let mut noise = vec![0.0; state.len()];
        (models.denoiser).denoise(&state, &told, &mut noise, watch.interrupt)?;
        for (output, x) in noise.iter_mut().zip(&state) {
            let (x, value) = (f64::from(*x), f64::from(*output));
            *output = schedule.pred_noise(timestep, x, value) as f32;
        }
        history.push(noise);
        let ends = (timestep, way.get(index + 1).copied());
        state = transfer(schedule, ends, &state, &history.mean());
        *num_done += 1;
        (watch.on_call)(Call {
            num_done: *num_done,
            num_network_calls: num_images,
            state_signed: Some(&state),
        });
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::fitted::testing::{assert_near, density_of};
    use crate::detectors::reference::{self, GEOMETRY, Reference, WrittenNoise};
    use crate::diffusion::NeverInterrupt;
    use crate::images::ContentHash;
    use crate::networks::executors::cpu::{CpuOptions, CpuPerceptual, Machine};
    use crate::networks::lpips::Lpips;

    #[test]
    fn starts_are_those_of_the_authors_program() {
        let way = Reconstructions::default().ways(1000);
        let starts: Vec<usize> = way.iter().map(|way| way[0]).collect();
        assert_eq!(starts, [50, 250, 450, 650, 850]);
        assert_eq!(way[1], [250, 200, 150, 100, 50, 0]);
        // The paper's numbers of network calls.
        for (starts, num_calls) in [(25, 1250), (50, 2550), (13, 650)] {
            let settings = Reconstructions {
                steps: 100,
                starts,
                fitted: None,
            };
            let found = settings.expected_calls(1000);
            // Its 13 starts lie 8 steps apart, ours 7.
            let tolerance = if starts == 13 { 120 } else { 100 };
            assert!(found.abs_diff(num_calls) <= tolerance, "{starts}: {found}");
        }
    }

    #[test]
    fn reconstructions_are_as_far_from_the_image_as_those_of_the_reference() {
        let reference = Reference::read("reconstruction.safetensors");
        let (schedule, mut denoiser) = reference::bundled();
        let machine = Machine::new(&CpuOptions::default()).unwrap();
        let mut perceptual = CpuPerceptual::new(&Lpips::bundled().unwrap(), machine).unwrap();
        let mut originals = reference::samples();
        originals.truncate(2);
        let mut batch = Batch {
            geometry: GEOMETRY,
            contents: &[ContentHash([0; 32]); 2],
            originals: &mut originals,
        };
        let models = Models {
            schedule: &schedule,
            denoiser: &mut denoiser,
            perceptual: Some(&mut perceptual),
        };
        let watch = Watch {
            interrupt: &NeverInterrupt,
            on_call: &mut |_| {},
        };
        let mut ways = Reconstructions::default().ways(1000);
        ways.truncate(2);
        let ways = FromStarts {
            ways,
            distances: DISTANCES
                .iter()
                .copied()
                .filter(|distance| [MSE, LPIPS].contains(&distance.measure().id))
                .collect(),
            seed: 0,
        };
        let noise = WrittenNoise(reference.rows("noise"));
        let found = ways.by_noise(&mut batch, models, watch, &noise).unwrap();
        // All five starts by MSE, then by LPIPS.
        let expected = reference.rows("errors");
        for (found, expected) in found.iter().zip(expected) {
            let expected = [expected[0], expected[1], expected[5], expected[6]];
            assert_eq!(found.len(), 4);
            for (found, expected) in found.iter().zip(expected) {
                let error = (found - expected).abs() / expected;
                assert!(error < 1e-3, "{found} {expected}");
            }
        }
    }

    #[test]
    fn scores_are_the_means_of_the_standardized_distances() {
        let reference = Reference::read("reconstruction.safetensors");
        let density = density_of(&Reconstructions::default(), &reference.rows("calibration"));
        let scores = reference.values("scores");
        for (distances, score) in reference.rows("errors").iter().zip(scores) {
            // The reference adds MSE and LPIPS up.
            assert_near(2.0 * strangeness(&density, distances), score, 1e-5);
        }
    }
}
