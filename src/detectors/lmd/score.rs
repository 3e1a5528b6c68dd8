//! One attempt of LMD on a batch: the images are lifted, mapped back, and measured.

use std::sync::Arc;

use super::masks::Masks;
use super::{Lift, Lmd};
use crate::detectors::reconstruction::Reconstruction;
use crate::detectors::settings::{DetectorError, DetectorSettings as _, Target};
use crate::detectors::{Attempt, AttemptError, Batch, Call, Detector, Models, Watch, measures};
use crate::diffusion::lift::{LiftBatch, LiftPlan, Start, StepReport, lift};
use crate::diffusion::noise::PhiloxStream;
use crate::diffusion::{PhiloxNoise, SamplerSettings};
use crate::images::ContentHash;
use crate::networks::distances::{Compared, Distance, DistanceWeights};
use crate::ood::mask::MaskError;
use crate::ood::{KnownMask, MeasureId, Values};

pub(super) struct Ready {
    sampler: SamplerSettings,
    /// Timesteps of each lift, noisiest first.
    timesteps: Vec<usize>,
    start: Start,
    /// `None` for the denoising lift.
    masks: Option<Masks>,
    seed: u64,
    distances: Vec<&'static dyn Distance>,
    /// Those whose weights come from a file follow.
    from_files: Vec<Box<dyn Distance>>,
    measures: Arc<[MeasureId]>,
}

impl Ready {
    pub(super) fn new(settings: &Lmd, target: &Target<'_>) -> Result<Self, DetectorError> {
        let (sampler, num_timesteps) = (settings.sampler, target.schedule.num_train_timesteps());
        let masks = settings.masks(target.geometry, target.seed)?;
        sampler.check(target.schedule)?;
        let (timesteps, start) = match settings.lift {
            Lift::Inpaint => (sampler.timesteps(num_timesteps)?, Start::Noise),
            Lift::Denoise { start_timestep } => {
                let timesteps = sampler.timesteps_from(start_timestep, num_timesteps)?;
                (timesteps, Start::Diffused)
            }
        };
        let side = target.geometry.side;
        let distances = measures::distances_of_run(side, target.measure);
        let weights = measures::weights_of_run(side, &settings.distance_weights);
        let from_files = weights.into_iter().map(DistanceWeights::open);
        Ok(Self {
            sampler,
            timesteps,
            start,
            masks,
            seed: target.seed,
            measures: settings.measures(side, target.measure).into(),
            distances,
            from_files: from_files.collect::<Result<_, _>>()?,
        })
    }

    fn known_mask(
        &self,
        content: &ContentHash,
        attempt: usize,
    ) -> Result<Option<Arc<KnownMask>>, MaskError> {
        let masks = self.masks.as_ref();
        masks
            .map(|masks| masks.known_mask(content, attempt))
            .transpose()
    }
}

impl Detector for Ready {
    fn measures(&self) -> &Arc<[MeasureId]> {
        &self.measures
    }

    fn calls_per_attempt(&self) -> usize {
        self.sampler.num_calls(self.timesteps.len())
    }

    fn mask_luma(&self) -> &[u8] {
        self.masks.as_ref().map_or(&[], Masks::file_luma)
    }

    fn score(
        &self,
        batch: Batch<'_>,
        attempt: usize,
        models: Models<'_>,
        watch: Watch<'_>,
    ) -> Result<Vec<Attempt>, AttemptError> {
        let num_images = batch.contents.len();
        let contents = batch.contents.iter();
        let known_masks = contents
            .clone()
            .map(|content| self.known_mask(content, attempt))
            .collect::<Result<Vec<_>, _>>()?;
        let known: Vec<&[bool]> = (known_masks.iter().flatten())
            .map(|mask| mask.known())
            .collect();
        let noise = PhiloxNoise {
            streams: contents
                .map(|content| PhiloxStream::new(self.seed, content, attempt))
                .collect(),
        };
        let plan = LiftPlan {
            schedule: models.schedule,
            sampler: self.sampler,
            timesteps: &self.timesteps,
            start: self.start,
        };
        let lifted = LiftBatch {
            original_signed: &batch.signed(),
            known: &known,
        };
        let state = lift(
            &plan,
            models.denoiser,
            lifted,
            &noise,
            watch.interrupt,
            &mut |step: StepReport<'_>| {
                (watch.on_call)(Call {
                    num_done: step.steps_done,
                    num_network_calls: num_images,
                    state_signed: Some(step.state_signed),
                });
            },
        )?;
        let reconstructions: Vec<Reconstruction> = state
            .chunks_exact(batch.geometry.len())
            .map(Reconstruction::new)
            .collect();
        let unit: Vec<f32> = (reconstructions.iter())
            .flat_map(|reconstruction| reconstruction.unit.iter().copied())
            .collect();
        let mut compared = Compared {
            geometry: batch.geometry,
            originals: batch.originals,
            reconstructions: &unit,
            perceptual: models.perceptual,
        };
        let values = self.values(&mut compared, &reconstructions)?;
        let attempts = reconstructions.into_iter().zip(known_masks).zip(values);
        Ok(attempts
            .map(|((reconstruction, known_mask), values)| Attempt {
                values,
                known_mask,
                reconstruction: Some(reconstruction.unit),
            })
            .collect())
    }
}

impl Ready {
    /// All that is measured of each image of the batch. What the originals' side of it takes is made once and kept.
    fn values(
        &self,
        compared: &mut Compared<'_>,
        reconstructions: &[Reconstruction],
    ) -> Result<Vec<Values>, AttemptError> {
        let columns = self
            .distances
            .iter()
            .copied()
            .chain(self.from_files.iter().map(|distance| &**distance))
            .map(|distance| distance.distances(compared))
            .collect::<Result<Vec<_>, _>>()?;
        let values = (reconstructions.iter().enumerate()).map(|(index, reconstruction)| {
            let value = |column: &Vec<f64>| {
                if reconstruction.is_finite {
                    column[index]
                } else {
                    f64::NAN
                }
            };
            let values: Vec<f64> = columns.iter().map(value).collect();
            Values::new(&self.measures, values)
        });
        Ok(values.collect())
    }
}
