//! How likely an image is under an autoencoder, and how much likelier the encoder could make it.

use candle_core::{Device, Result, Tensor, Var};

use super::training::Adam;
use super::{Autoencoder, Encoded, Encoder, Mode, Parameter, levels};
use crate::diffusion::{Interrupt, Interrupted};

/// Logits that are held at once, at most.
const MOST_LOGITS: usize = 1 << 24;
/// Of the encoder's steps on one image (the authors' setting).
const LEARNING_RATE: f64 = 2e-4;
/// Added to the gradient for each unit of a weight (likewise).
const L2: f64 = 5e-5;

/// Likelihood regret of one image: what its likelihood gains when the encoder alone is fitted to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Regret {
    /// Latents that a likelihood is estimated by.
    pub num_draws: usize,
    /// Steps of the encoder.
    pub num_steps: usize,
}

/// What random latents are drawn for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Draws {
    /// The likelihood under the encoder as it was trained.
    Before,
    /// A step of the encoder.
    Step,
    /// The likelihood under the encoder that was fitted to the image.
    After,
}

/// Minus the natural logarithms of an image's likelihood, in nats.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Surprise {
    pub before: f64,
    pub after: f64,
}

/// Why an image has no regret.
#[derive(Debug, thiserror::Error)]
pub enum RegretError {
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

impl Regret {
    /// Of an image's levels (H, W, C). `fill` gives standard normals for the draw of this number.
    ///
    /// # Errors
    /// That it was interrupted, or that memory is short.
    ///
    /// # Panics
    /// If there are more or fewer levels than the autoencoder's images have.
    pub fn of(
        &self,
        autoencoder: &Autoencoder,
        image: &[u8],
        fill: &dyn Fn(Draws, usize, &mut [f32]),
        interrupt: &dyn Interrupt,
    ) -> std::result::Result<Surprise, RegretError> {
        let subject = Subject::new(autoencoder, image, fill, interrupt)?;
        let encoded = subject.encode(&autoencoder.encoder)?;
        let before = subject.surprise(&encoded, Draws::Before, self.num_draws)?;
        let adapted = subject.adapt(self.num_steps, &mut |_| {})?;
        let encoded = subject.encode(&adapted)?;
        let after = subject.surprise(&encoded, Draws::After, self.num_draws)?;
        Ok(Surprise { before, after })
    }
}

/// One image under an autoencoder.
pub(super) struct Subject<'a> {
    autoencoder: &'a Autoencoder,
    units: Tensor,
    levels: [Vec<u8>; 4],
    fill: &'a dyn Fn(Draws, usize, &mut [f32]),
    interrupt: &'a dyn Interrupt,
}

impl<'a> Subject<'a> {
    pub(super) fn new(
        autoencoder: &'a Autoencoder,
        image: &[u8],
        fill: &'a dyn Fn(Draws, usize, &mut [f32]),
        interrupt: &'a dyn Interrupt,
    ) -> Result<Self> {
        let geometry = autoencoder.shape.geometry;
        assert_eq!(image.len(), geometry.len(), "levels of one image");
        Ok(Self {
            units: levels::units(image, geometry)?,
            levels: levels::by_parity(image, geometry),
            autoencoder,
            fill,
            interrupt,
        })
    }

    fn encode<T: Parameter>(&self, tensors: &[T]) -> Result<Encoded> {
        let shape = &self.autoencoder.shape;
        let encoder = Encoder { shape, tensors };
        let Encoded { mean, log_variance } = encoder.run(&self.units, Mode::Inference)?;
        // What is drawn from here on needs no gradient.
        Ok(Encoded {
            mean: mean.detach(),
            log_variance: log_variance.detach(),
        })
    }

    fn normals(&self, what: Draws, draws: std::ops::Range<usize>) -> Result<Tensor> {
        let latents = self.autoencoder.shape.latents;
        let mut normals = vec![0.0; draws.len() * latents];
        for (normals, draw) in normals.chunks_exact_mut(latents).zip(draws.clone()) {
            (self.fill)(what, draw, normals);
        }
        Tensor::from_vec(normals, (draws.len(), latents), &Device::Cpu)
    }

    /// Minus the logarithm of the likelihood, by importance-weighted draws (Burda et al. 2016,
    /// <https://arxiv.org/abs/1509.00519>, eq. 8).
    fn surprise(
        &self,
        encoded: &Encoded,
        what: Draws,
        num_draws: usize,
    ) -> std::result::Result<f64, RegretError> {
        let shape = &self.autoencoder.shape;
        let mean = encoded.mean.flatten_all()?.to_vec1::<f32>()?;
        let log_variance = encoded.log_variance.flatten_all()?.to_vec1::<f32>()?;
        let at_once = (MOST_LOGITS / (super::LEVELS * shape.geometry.len())).max(1);
        let mut weights = Vec::with_capacity(num_draws);
        while weights.len() < num_draws {
            self.interrupt.check()?;
            let draws = weights.len()..(weights.len() + at_once).min(num_draws);
            let normals = self.normals(what, draws.clone())?;
            let mut latents = normals.to_vec2::<f32>()?;
            // log p(z) - log q(z|x): both have the same constant.
            let mut logs = Vec::with_capacity(draws.len());
            for row in &mut latents {
                let mut log = 0.0;
                for (value, (mean, log_variance)) in
                    row.iter_mut().zip(mean.iter().zip(&log_variance))
                {
                    let normal = f64::from(*value);
                    *value = mean + (0.5 * log_variance).exp() * *value;
                    let latent = f64::from(*value);
                    log += 0.5 * (normal * normal - latent * latent + f64::from(*log_variance));
                }
                logs.push(log);
            }
            let latents = Tensor::new(latents, &Device::Cpu)?;
            let parities = self.autoencoder.decoder().run(&latents, Mode::Inference)?;
            for (logits, levels) in parities.iter().zip(&self.levels) {
                let logits = logits.flatten_all()?.to_vec1::<f32>()?;
                for (log, of_image) in
                    logs.iter_mut()
                        .zip(levels::surprise(&logits, levels, draws.len()))
                {
                    *log -= of_image;
                }
            }
            weights.extend(logs);
        }
        let most = weights.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let sum: f64 = weights.iter().map(|weight| (weight - most).exp()).sum();
        Ok(-(most + (sum / num_draws as f64).ln()))
    }

    /// The encoder after some steps on this image; `on_loss` is told each step's loss before it.
    pub(super) fn adapt(
        &self,
        num_steps: usize,
        on_loss: &mut dyn FnMut(f64),
    ) -> std::result::Result<Vec<Var>, RegretError> {
        let shape = &self.autoencoder.shape;
        let tensors = self.autoencoder.encoder.iter();
        let tensors: Vec<Var> = tensors.map(Var::from_tensor).collect::<Result<_>>()?;
        let mut adam = Adam::new(LEARNING_RATE, L2);
        for step in 0..num_steps {
            self.interrupt.check()?;
            let encoder = Encoder {
                shape,
                tensors: &tensors,
            };
            let encoded = encoder.run(&self.units, Mode::Inference)?;
            let latents = encoded.sample(&self.normals(Draws::Step, step..step + 1)?)?;
            let parities = self.autoencoder.decoder().run(&latents, Mode::Inference)?;
            let surprise = levels::total_surprise(parities, self.levels.clone())?;
            let loss = (surprise + encoded.divergence()?.sum_all()?)?;
            on_loss(f64::from(loss.to_scalar::<f32>()?));
            adam.step(&tensors, &loss.backward()?)?;
        }
        Ok(tensors)
    }
}
