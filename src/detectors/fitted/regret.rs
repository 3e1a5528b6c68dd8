//! Likelihood regret (Xiao et al. 2020, <https://arxiv.org/abs/2003.02977>): how much likelier an image becomes under an
//! autoencoder of in-domain images when the encoder is fitted to this one image.
//!
//! The score is in nats. Fitting trains the autoencoder; it knows images by their levels, and takes no call of the diffusion
//! model, which says only how large images are.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::learned::{Learned, Weights};
use super::{DensityError, Features, Fitted, Fitting, Learning, checked, summary};
use crate::detectors::levels::levels;
use crate::detectors::settings::{About, DetectorError, DetectorSettings, Parameter, Target};
use crate::detectors::{Attempt, AttemptError, Batch, Call, Detector, Models, Watch};
use crate::diffusion::DenoiseError;
use crate::diffusion::noise::{PhiloxStream, Purpose};
use crate::images::Geometry;
use crate::networks::autoencoder::{
    Autoencoder, Draws, Regret, RegretError, Shape, Training, TrainingError, train,
};
use crate::ood::{Measure, MeasureId, Values};

/// What an image's likelihood gains, in nats.
pub const LIKELIHOOD_REGRET: MeasureId = MeasureId::new("likelihood-regret");

static MEASURE: Measure = Measure {
    id: LIKELIHOOD_REGRET,
    column: "likelihood_regret",
    label: "Likelihood regret",
    help: "How much likelier an autoencoder of in-domain images finds the image after its encoder was fitted to it, in nats",
    combination: None,
};

static ABOUT: About = About {
    name: "likelihood-regret",
    label: "Likelihood regret",
    help: "What an autoencoder of in-domain images, trained by lmd fit, gains when its encoder is fitted to one image: no call \
           of the model",
};

static EPOCHS: Parameter = Parameter {
    name: "regret-epochs",
    label: "Epochs",
    help: "How often training sees each in-domain image; published are 200, ten times as long. Another number takes a new fit",
    range: 1.0..=1000.0,
    decimals: 0,
};

static DRAWS: Parameter = Parameter {
    name: "regret-draws",
    label: "Draws",
    help: "Random encodings that each of the two likelihoods is estimated by; the time per image goes by them",
    range: 1.0..=10_000.0,
    decimals: 0,
};

static STEPS: Parameter = Parameter {
    name: "regret-steps",
    label: "Encoder steps",
    help: "How long the encoder is fitted to each image",
    range: 1.0..=1000.0,
    decimals: 0,
};

/// Pixels of an image, in those of the size that seconds were measured at: 32 per side, one channel, two cores with AVX-512.
fn area(side: usize) -> f64 {
    (side as f64 / 32.0).powi(2)
}

/// With fewer images an autoencoder learns these, and not what they have in common.
const FEWEST_IMAGES: usize = 100;

/// See [the module](self).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LikelihoodRegret {
    /// How often training sees each image.
    #[serde(rename = "regret-epochs")]
    pub epochs: usize,
    /// Draws of each likelihood.
    #[serde(rename = "regret-draws")]
    pub num_draws: usize,
    /// Steps of the encoder on each image.
    #[serde(rename = "regret-steps")]
    pub num_steps: usize,
    /// The autoencoder; `None` before it is trained.
    pub fitted: Option<Fitted>,
}

impl Default for LikelihoodRegret {
    fn default() -> Self {
        Self {
            epochs: 20,
            num_draws: 1000,
            num_steps: 100,
            fitted: None,
        }
    }
}

impl LikelihoodRegret {
    pub(in crate::detectors) const MEASURES: &'static [&'static Measure] = &[&MEASURE];
}

impl DetectorSettings for LikelihoodRegret {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn uses_model(&self) -> bool {
        false
    }

    fn expected_calls(&self, _num_train_timesteps: usize) -> usize {
        0
    }

    fn other_secs(&self, side: usize) -> f64 {
        const DRAW: f64 = 2.2e-3;
        const STEP: f64 = 1e-2;
        area(side) * (2.0 * DRAW * self.num_draws as f64 + STEP * self.num_steps as f64)
    }

    fn choices(&self, _side: usize) -> Vec<MeasureId> {
        vec![LIKELIHOOD_REGRET]
    }

    fn detector(&self, target: &Target<'_>) -> Result<Box<dyn Detector>, DetectorError> {
        let fitted = checked(self, target, self.features(target)?.num_features())?;
        let Some(autoencoder) = fitted.learned().autoencoder() else {
            return Err(Fitted::of_another_kind());
        };
        Ok(Box::new(Ready {
            autoencoder,
            regret: Regret {
                num_draws: self.num_draws,
                num_steps: self.num_steps,
            },
            seed: target.seed,
            measures: [LIKELIHOOD_REGRET].into(),
        }))
    }

    fn summary(&self) -> String {
        let start = format!(
            "likelihood regret, {} steps and {} draws,",
            self.num_steps, self.num_draws
        );
        summary(&start, self)
    }

    fn parameters(&self) -> Vec<(&'static Parameter, f64)> {
        vec![
            (&EPOCHS, self.epochs as f64),
            (&DRAWS, self.num_draws as f64),
            (&STEPS, self.num_steps as f64),
        ]
    }

    fn set_parameter(&mut self, name: &str, value: f64) {
        let value = value.round() as usize;
        if name == EPOCHS.name && value != self.epochs {
            self.epochs = value;
            self.fitted = None;
        } else if name == DRAWS.name {
            self.num_draws = value;
        } else if name == STEPS.name {
            self.num_steps = value;
        }
    }

    fn is_believable(&self) -> bool {
        let mut parameters = self.parameters().into_iter();
        parameters.all(|(parameter, value)| parameter.range.contains(&value))
    }

    fn fitting(&self) -> Option<&dyn Fitting> {
        Some(self)
    }

    fn fitting_mut(&mut self) -> Option<&mut dyn Fitting> {
        Some(self)
    }
}

impl Fitting for LikelihoodRegret {
    fn fitted(&self) -> Option<&Fitted> {
        self.fitted.as_ref()
    }

    fn set_fitted(&mut self, fitted: Option<Fitted>) {
        self.fitted = fitted;
    }

    fn fewest_images(&self) -> usize {
        FEWEST_IMAGES
    }

    fn learning_secs(&self, side: usize, num_images: usize) -> f64 {
        const IMAGE: f64 = 6.5e-3;
        area(side) * IMAGE * (self.epochs * num_images) as f64
    }

    fn features(&self, target: &Target<'_>) -> Result<Box<dyn Features>, DetectorError> {
        let geometry = target.geometry;
        match Shape::usual(geometry) {
            Some(_) => Ok(Box::new(Levels { geometry })),
            None => Err(DetectorError::Unfit(format!(
                "likelihood regret needs images whose side is a power of two from 8 to {1}, and these have {0}; use a model or a \
                 --size of such a side, or --method msma",
                geometry.side,
                Shape::MOST_PIXELS_PER_SIDE
            ))),
        }
    }

    fn learn(&self, rows: &[Vec<f64>], learning: Learning<'_>) -> Result<Learned, DensityError> {
        super::density::check(rows, FEWEST_IMAGES)?;
        let Some(shape) = Shape::usual(learning.geometry) else {
            return Err(DensityError::Singular(rows.len()));
        };
        let images: Vec<Vec<u8>> = (rows.iter())
            .map(|row| row.iter().map(|level| *level as u8).collect())
            .collect();
        let training = Training {
            epochs: self.epochs,
            seed: learning.seed,
        };
        let Learning {
            interrupt, on_part, ..
        } = learning;
        on_part("Training an autoencoder".to_owned(), (0, training.epochs));
        let mut on_epoch = |done: usize, loss: f64| {
            let words = format!("Training an autoencoder: {loss:.0} nats per image");
            on_part(words, (done, training.epochs));
        };
        let autoencoder = train(shape, &images, training, interrupt, &mut on_epoch).map_err(
            |error| match error {
                TrainingError::Interrupted(interrupted) => DensityError::Interrupted(interrupted),
                TrainingError::Diverged { epoch } => DensityError::Diverged(epoch),
                TrainingError::Candle(error) => DensityError::Failed(error.to_string()),
            },
        )?;
        let weights = Weights::new(&autoencoder);
        let weights = weights.map_err(|error| DensityError::Failed(error.to_string()))?;
        Ok(Learned::Autoencoder(weights))
    }
}

/// An image's levels, pixel by pixel.
struct Levels {
    geometry: Geometry,
}

impl Features for Levels {
    fn num_features(&self) -> usize {
        self.geometry.len()
    }

    fn num_calls(&self) -> usize {
        0
    }

    fn of(
        &self,
        batch: &mut Batch<'_>,
        _models: Models<'_>,
        watch: Watch<'_>,
    ) -> Result<Vec<Vec<f64>>, AttemptError> {
        watch.interrupt.check().map_err(DenoiseError::from)?;
        let rows = batch.originals.iter().map(|original| {
            let levels = by_pixel(batch.geometry, &levels(&original.unit));
            levels.into_iter().map(f64::from).collect()
        });
        Ok(rows.collect())
    }
}

/// Planes (C, H, W) as pixels (H, W, C).
fn by_pixel(geometry: Geometry, planes: &[u8]) -> Vec<u8> {
    let plane = geometry.side * geometry.side;
    (0..plane)
        .flat_map(|pixel| {
            (0..geometry.channels).map(move |channel| planes[channel * plane + pixel])
        })
        .collect()
}

struct Ready {
    autoencoder: Autoencoder,
    regret: Regret,
    seed: u64,
    measures: Arc<[MeasureId]>,
}

impl Detector for Ready {
    fn measures(&self) -> &Arc<[MeasureId]> {
        &self.measures
    }

    fn calls_per_attempt(&self) -> usize {
        0
    }

    fn score(
        &self,
        batch: Batch<'_>,
        attempt: usize,
        _models: Models<'_>,
        watch: Watch<'_>,
    ) -> Result<Vec<Attempt>, AttemptError> {
        let images = batch.originals.iter().zip(batch.contents);
        images
            .map(|(original, content)| {
                let levels = by_pixel(batch.geometry, &levels(&original.unit));
                let stream = PhiloxStream::new(self.seed, content, attempt);
                let fill = |draws: Draws, index: usize, normals: &mut [f32]| {
                    let purpose = match draws {
                        Draws::Before => Purpose::Encode,
                        Draws::Step => Purpose::Adapt,
                        Draws::After => Purpose::EncodeAdapted,
                    };
                    stream.fill_normal(purpose, index, normals);
                };
                let surprise = (self.regret).of(&self.autoencoder, &levels, &fill, watch.interrupt);
                let surprise = surprise.map_err(|error| match error {
                    RegretError::Interrupted(interrupted) => DenoiseError::from(interrupted),
                    RegretError::Candle(error) => DenoiseError::Failed(error.to_string()),
                })?;
                (watch.on_call)(Call::NONE);
                let regret = surprise.before - surprise.after;
                let regret = if regret.is_finite() { regret } else { f64::NAN };
                Ok(Attempt::measured(Values::new(&self.measures, [regret])))
            })
            .collect()
    }
}
