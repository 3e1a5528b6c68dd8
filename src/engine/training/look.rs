//! What the model of a training makes of images so far: new ones, and held-out ones with a part hidden.
//!
//! All by the averaged weights and by noise of the run's seed, so that two looks differ by the weights alone.

use std::io;
use std::path::Path;
use std::sync::Arc;

use sha2::{Digest as _, Sha256};

use super::history::Watched;
use crate::detectors::lmd::Lmd;
use crate::detectors::{
    Attempt, AttemptError, Batch, Call, Detector, DetectorSettings as _, Models, Target, Watch,
};
use crate::diffusion::lift::{LiftBatch, LiftPlan, Start, lift};
use crate::diffusion::noise::PhiloxStream;
use crate::diffusion::{DenoiseError, Interrupt, Interrupted, PhiloxNoise, Schedule};
use crate::images::write::{encode_png, write_atomically};
use crate::images::{ContentHash, Geometry, Picture, ResizeMode};
use crate::networks::Network;
use crate::networks::distances::{ComparedOriginal, KeptFeatures};
use crate::networks::executors::cpu::{CpuDenoiser, CpuPerceptual, Machine};
use crate::networks::lpips::{self, Lpips, Perceptual};
use crate::networks::training::draws::Examples;
use crate::ood::{Aggregate, KnownMask, MeasureId, fence};
use crate::runs::report::masked;

/// The picture of samples in a model's folder.
pub const SAMPLES_FILE: &str = "samples.png";
/// The picture of inpainted images in a model's folder.
pub const INPAINTED_FILE: &str = "inpainting.png";

/// Images that are made.
const NUM_SAMPLES: usize = 16;
/// Held-out images that are inpainted, at most.
const MOST_WATCHED: usize = 32;
/// Attempts on each of them.
const NUM_ATTEMPTS: usize = 2;
/// Of them, those that are shown: the same ones each time.
const NUM_SHOWN: usize = 8;
/// Images that go through the network together.
const BATCH: usize = 8;
/// Pictures in files are enlarged to at least this many pixels a side.
const LEAST_SIDE: usize = 64;
/// Pixels between them.
const GAP: usize = 4;

/// A held-out image, of which the model has seen no half at once.
#[derive(Clone, Debug)]
pub struct Inpainted {
    pub original: Picture,
    /// What the model was shown of it.
    pub known_mask: Arc<KnownMask>,
    /// What it made of the first attempt.
    pub inpainted: Picture,
    /// Median distance of the attempts.
    pub distance: f64,
}

/// What was seen at one step.
#[derive(Clone, Debug)]
pub struct Look {
    /// Steps taken.
    pub step: usize,
    /// Images out of noise.
    pub samples: Vec<Picture>,
    /// Held-out images.
    pub inpainted: Vec<Inpainted>,
    /// How far the held-out images are; `None` without any, or where the network gave what is no number.
    pub watched: Option<Watched>,
}

impl Look {
    /// Write both pictures into a folder.
    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let columns = self.samples.len().isqrt().max(1);
        let rows: Vec<Vec<Picture>> = self.samples.chunks(columns).map(<[_]>::to_vec).collect();
        write_atomically(&folder.join(SAMPLES_FILE), &encode_png(&sheet(&rows))?)?;
        if self.inpainted.is_empty() {
            return Ok(());
        }
        let row = |picture: fn(&Inpainted) -> Picture| self.inpainted.iter().map(picture).collect();
        let rows = [
            row(|image| image.original.clone()),
            row(|image| masked(&image.original, &image.known_mask)),
            row(|image| image.inpainted.clone()),
        ];
        write_atomically(&folder.join(INPAINTED_FILE), &encode_png(&sheet(&rows))?)
    }
}

/// Rows of pictures of one size on white.
fn sheet(rows: &[Vec<Picture>]) -> Picture {
    const WHITE: u8 = 255;
    let side = rows
        .iter()
        .flatten()
        .next()
        .map_or(1, |picture| picture.width);
    let factor = LEAST_SIDE.div_ceil(side.max(1));
    let cell = side * factor;
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let extent = |count: usize| count * (cell + GAP) + GAP;
    let (width, height) = (extent(columns), extent(rows.len()));
    let mut bytes = vec![WHITE; width * height * 3];
    for (row, pictures) in rows.iter().enumerate() {
        for (column, picture) in pictures.iter().enumerate() {
            let rgb = picture.to_rgb();
            let (left, top) = (extent(column), extent(row));
            for y in 0..cell {
                for x in 0..cell {
                    let from = 3 * ((y / factor) * side + x / factor);
                    let to = 3 * ((top + y) * width + left + x);
                    bytes[to..to + 3].copy_from_slice(&rgb[from..from + 3]);
                }
            }
        }
    }
    Picture {
        width,
        height,
        channels: 3,
        bytes: bytes.into(),
    }
}

/// Looks at the model of one run.
pub(super) struct Viewer {
    geometry: Geometry,
    schedule: Schedule,
    seed: u64,
    machine: Machine,
    settings: Lmd,
    detector: Box<dyn Detector>,
    measure: MeasureId,
    perceptual: Option<CpuPerceptual>,
    contents: Vec<ContentHash>,
    originals: Vec<ComparedOriginal>,
}

impl Viewer {
    /// Of some held-out images; the error says why a model of this kind can't be looked at.
    pub fn new(
        machine: Machine,
        schedule: Schedule,
        seed: u64,
        watched: &Examples,
    ) -> Result<Self, String> {
        let geometry = watched.geometry();
        let settings = Lmd {
            num_attempts: NUM_ATTEMPTS,
            grid: Lmd::default().grid.min(geometry.side),
            ..Lmd::default()
        };
        let measure = *settings
            .choices(geometry.side)
            .first()
            .ok_or("no distance is defined for images of this size")?;
        let target = Target {
            geometry,
            schedule: &schedule,
            model: None,
            resize: ResizeMode::Crop,
            seed,
            measure,
        };
        let detector = settings
            .detector(&target)
            .map_err(|error| error.to_string())?;
        let perceptual = (geometry.side >= lpips::smallest_side())
            .then(|| {
                let lpips = Lpips::bundled().map_err(|error| error.to_string())?;
                CpuPerceptual::new(&lpips, machine.clone()).map_err(|error| error.to_string())
            })
            .transpose()?;
        let count = watched.len().min(MOST_WATCHED);
        let original = |index| ComparedOriginal {
            unit: watched.unit(index).into(),
            features: KeptFeatures::default(),
        };
        Ok(Self {
            geometry,
            seed,
            machine,
            detector,
            settings,
            measure,
            perceptual,
            contents: watched.hashes()[..count].to_vec(),
            originals: (0..count).map(original).collect(),
            schedule,
        })
    }

    /// Look at a network that has come from so many steps.
    pub fn look(
        &mut self,
        network: &Network,
        step: usize,
        interrupt: &dyn Interrupt,
    ) -> Result<Look, DenoiseError> {
        let mut denoiser = CpuDenoiser::on(network, self.machine.clone())
            .map_err(|error| DenoiseError::Failed(error.to_string()))?;
        let samples = self.samples(&mut denoiser, interrupt)?;
        let mut distances = vec![Vec::with_capacity(NUM_ATTEMPTS); self.originals.len()];
        let mut firsts: Vec<Attempt> = Vec::new();
        for attempt in 0..NUM_ATTEMPTS {
            let made = self.attempt(&mut denoiser, attempt, interrupt)?;
            for (distances, made) in distances.iter_mut().zip(&made) {
                distances.push(made.values.of(self.measure));
            }
            if attempt == 0 {
                firsts = made;
            }
        }
        let distances: Vec<f64> = (distances.iter())
            .map(|attempts| Aggregate::Median.score(attempts).unwrap_or(f64::NAN))
            .collect();
        let shown = (self.originals.iter().zip(firsts).zip(&distances)).take(NUM_SHOWN);
        let inpainted = shown.filter_map(|((original, made), &distance)| {
            Some(Inpainted {
                original: Picture::from_unit(self.geometry, &original.unit),
                known_mask: made.known_mask?,
                inpainted: Picture::from_unit(self.geometry, &made.reconstruction?),
                distance,
            })
        });
        Ok(Look {
            step,
            samples,
            inpainted: inpainted.collect(),
            watched: self.watched(step, &distances),
        })
    }

    fn watched(&self, step: usize, distances: &[f64]) -> Option<Watched> {
        let median = Aggregate::Median.score(distances)?;
        median.is_finite().then(|| Watched {
            step,
            measure: self.measure,
            num_images: distances.len(),
            median,
            far_share: fence::far_share(distances),
        })
    }

    /// Images out of noise; the noise is that of numbers in place of files.
    fn samples(
        &self,
        denoiser: &mut CpuDenoiser,
        interrupt: &dyn Interrupt,
    ) -> Result<Vec<Picture>, DenoiseError> {
        let sampler = self.settings.sampler;
        let timesteps = sampler
            .timesteps(self.schedule.num_train_timesteps())
            .map_err(|error| DenoiseError::Failed(error.to_string()))?;
        let plan = LiftPlan {
            schedule: &self.schedule,
            sampler,
            timesteps: &timesteps,
            start: Start::Noise,
        };
        let len = self.geometry.len();
        let mut samples = Vec::with_capacity(NUM_SAMPLES);
        for first in (0..NUM_SAMPLES).step_by(BATCH) {
            let numbers = first..(first + BATCH).min(NUM_SAMPLES);
            let stream = |number: usize| {
                let content = ContentHash(Sha256::digest((number as u64).to_le_bytes()).into());
                PhiloxStream::new(self.seed, &content, 0)
            };
            let batch = LiftBatch {
                original_signed: &vec![0.0; numbers.len() * len],
                known: &[],
            };
            let noise = PhiloxNoise {
                streams: numbers.map(stream).collect(),
            };
            let state = lift(&plan, denoiser, batch, &noise, interrupt, &mut |_| {})?;
            samples.extend(state.chunks_exact(len).map(|signed| {
                let unit: Vec<f32> = signed.iter().map(|x| f32::midpoint(*x, 1.0)).collect();
                Picture::from_unit(self.geometry, &unit)
            }));
        }
        Ok(samples)
    }

    /// One attempt on each watched image.
    fn attempt(
        &mut self,
        denoiser: &mut CpuDenoiser,
        attempt: usize,
        interrupt: &dyn Interrupt,
    ) -> Result<Vec<Attempt>, DenoiseError> {
        let mut made = Vec::with_capacity(self.originals.len());
        let parts = self
            .contents
            .chunks(BATCH)
            .zip(self.originals.chunks_mut(BATCH));
        for (contents, originals) in parts {
            let batch = Batch {
                geometry: self.geometry,
                contents,
                originals,
            };
            let perceptual = self.perceptual.as_mut();
            let models = Models {
                schedule: &self.schedule,
                denoiser,
                perceptual: perceptual.map(|perceptual| perceptual as &mut dyn Perceptual),
            };
            let watch = Watch {
                interrupt,
                on_call: &mut |_: Call<'_>| {},
            };
            let attempts = self.detector.score(batch, attempt, models, watch);
            made.extend(attempts.map_err(|error| match error {
                AttemptError::Network(error) => error,
                AttemptError::Mask(error) => DenoiseError::Failed(error.to_string()),
            })?);
        }
        Ok(made)
    }
}

/// What stops a look and nothing else is an interruption: a look that fails is left out.
pub(super) fn seen(look: Result<Look, DenoiseError>) -> Result<Option<Look>, Interrupted> {
    match look {
        Ok(look) => Ok(Some(look)),
        Err(DenoiseError::Interrupted(interrupted)) => Err(interrupted),
        Err(error) => {
            log::warn!("the model in training can't be looked at: {error}");
            Ok(None)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_are_laid_out_in_rows_with_gaps_between() {
        let geometry = Geometry {
            channels: 1,
            side: 32,
        };
        let black = Picture::from_unit(geometry, &[0.0; 1024]);
        let sheet = sheet(&[vec![black.clone(), black.clone()], vec![black]]);
        assert_eq!(
            (sheet.width, sheet.height),
            (2 * 64 + 3 * GAP, 2 * 64 + 3 * GAP)
        );
        let at = |x: usize, y: usize| sheet.bytes[3 * (y * sheet.width + x)];
        assert_eq!([at(GAP, GAP), at(GAP + 63, GAP + 63)], [0, 0]);
        assert_eq!([at(0, 0), at(GAP + 64, GAP)], [255, 255]);
        let second = 2 * GAP + 64;
        assert_eq!(
            [at(GAP, second), at(second, second)],
            [0, 255],
            "the second row has one picture"
        );
    }
}
