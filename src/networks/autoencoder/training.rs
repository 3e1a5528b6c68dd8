//! Training an autoencoder on in-domain images, as the authors do (XavierXiao/Likelihood-Regret).

use candle_core::backprop::GradStore;
use candle_core::{Device, Result, Tensor, Var};

use super::{Autoencoder, Decoder, Encoder, Mode, Part, Shape, Start, levels};
use crate::diffusion::noise::{PhiloxStream, Purpose};
use crate::diffusion::{Interrupt, Interrupted};
use crate::images::ContentHash;
use crate::networks::training::draws::shuffled;

/// Images a step, of 32x32 gray pixels; of larger images so many fewer that a step takes about as much memory.
const USUAL_BATCH: usize = 128;
/// Values that an image of that size has.
const USUAL_LEN: usize = 32 * 32;
/// The authors' settings.
const LEARNING_RATE: f64 = 3e-4;
/// Likewise.
const L2: f64 = 3e-5;
/// How far weights begin from their means.
const START_DEVIATION: f32 = 0.02;

/// What decides a training, besides the images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Training {
    /// How often every image is seen.
    pub epochs: usize,
    /// Keys the start, the order and the latents.
    pub seed: u64,
}

/// Why there is no autoencoder.
#[derive(Debug, thiserror::Error)]
pub enum TrainingError {
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
    /// The loss was not a finite number.
    #[error("the autoencoder's training diverged in epoch {epoch}")]
    Diverged {
        /// From 1.
        epoch: usize,
    },
    #[error(transparent)]
    Candle(#[from] candle_core::Error),
}

/// An autoencoder of images, each its levels (H, W, C). `on_epoch` is told how many epochs are done, and the mean loss of the
/// last one per image, in nats.
///
/// # Errors
/// That it was interrupted, that it diverged, or that memory is short.
pub fn train(
    shape: Shape,
    images: &[Vec<u8>],
    training: Training,
    interrupt: &dyn Interrupt,
    on_epoch: &mut dyn FnMut(usize, f64),
) -> std::result::Result<Autoencoder, TrainingError> {
    let mut model = Model::new(shape, training.seed)?;
    let batch = (USUAL_BATCH * USUAL_LEN / shape.geometry.len().max(1)).clamp(8, USUAL_BATCH);
    for epoch in 0..training.epochs {
        let order = shuffled(training.seed, epoch as u64, images.len());
        let mut sum = 0.0;
        for some in order.chunks(batch) {
            interrupt.check()?;
            let levels: Vec<u8> = some
                .iter()
                .flat_map(|image| images[*image].iter().copied())
                .collect();
            let loss = model.step(&levels, some.len())?;
            if !loss.is_finite() {
                return Err(TrainingError::Diverged { epoch: epoch + 1 });
            }
            sum += loss;
        }
        on_epoch(epoch + 1, sum / images.len().max(1) as f64);
    }
    let tensors = |vars: &[Var]| vars.iter().map(Var::as_detached_tensor).collect();
    Ok(Autoencoder {
        shape,
        encoder: tensors(&model.encoder),
        decoder: tensors(&model.decoder),
    })
}

/// A network in training.
struct Model {
    shape: Shape,
    encoder: Vec<Var>,
    decoder: Vec<Var>,
    adam: Adam,
    noise: PhiloxStream,
    num_steps: usize,
}

impl Model {
    fn new(shape: Shape, seed: u64) -> Result<Self> {
        // No image's own: it keys the whole.
        let noise = PhiloxStream::new(seed, &ContentHash([0; 32]), 0);
        let mut index = 0;
        let mut begin = |parts: Vec<Part>| -> Result<Vec<Var>> {
            let vars = parts.into_iter().map(|part| {
                let mut values = vec![0.0; part.len()];
                match part.start {
                    Start::At(value) => values.fill(value),
                    Start::Around(mean) => {
                        noise.fill_normal(Purpose::Start, index, &mut values);
                        for value in &mut values {
                            *value = mean + START_DEVIATION * *value;
                        }
                    }
                }
                index += 1;
                Var::from_vec(values, part.dims, &Device::Cpu)
            });
            vars.collect()
        };
        let [encoder, decoder] = shape.tensors();
        Ok(Self {
            encoder: begin(encoder)?,
            decoder: begin(decoder)?,
            shape,
            adam: Adam::new(LEARNING_RATE, L2),
            noise,
            num_steps: 0,
        })
    }

    /// A step on a batch; gives the sum of its images' losses before it, in nats.
    fn step(&mut self, levels: &[u8], count: usize) -> Result<f64> {
        let shape = &self.shape;
        let mut normals = vec![0.0; count * shape.latents];
        self.noise
            .fill_normal(Purpose::Train, self.num_steps, &mut normals);
        self.num_steps += 1;
        let normals = Tensor::from_vec(normals, (count, shape.latents), &Device::Cpu)?;
        let units = levels::units(levels, shape.geometry)?;
        let tensors = &self.encoder;
        let encoded = Encoder { shape, tensors }.run(&units, Mode::Training)?;
        let tensors = &self.decoder;
        let latents = encoded.sample(&normals)?;
        let parities = Decoder { tensors }.run(&latents, Mode::Training)?;
        let own = levels::by_parity(levels, shape.geometry);
        let sum = (levels::total_surprise(parities, own)? + encoded.divergence()?.sum_all()?)?;
        let gradients = (&sum / count as f64)?.backward()?;
        let all: Vec<Var> = self.encoder.iter().chain(&self.decoder).cloned().collect();
        self.adam.step(&all, &gradients)?;
        Ok(f64::from(sum.to_scalar::<f32>()?))
    }
}

/// Adam with a gradient of squared weights added to that of the loss (Kingma & Ba 2015, <https://arxiv.org/abs/1412.6980>).
pub(super) struct Adam {
    rate: f64,
    l2: f64,
    num_steps: i32,
    /// First and second moments of each tensor that has gradients.
    moments: Vec<(Vec<f32>, Vec<f32>)>,
}

impl Adam {
    const DECAYS: (f64, f64) = (0.9, 0.999);
    const EPSILON: f32 = 1e-8;

    pub(super) fn new(rate: f64, l2: f64) -> Self {
        Self {
            rate,
            l2,
            num_steps: 0,
            moments: Vec::new(),
        }
    }

    /// A step of all tensors that have a gradient; the same tensors each time.
    pub(super) fn step(&mut self, vars: &[Var], gradients: &GradStore) -> Result<()> {
        self.num_steps += 1;
        let (first_decay, second_decay) = Self::DECAYS;
        let unbiased = |decay: f64| 1.0 - decay.powi(self.num_steps);
        let step = (self.rate / unbiased(first_decay)) as f32;
        let second_scale = unbiased(second_decay).sqrt() as f32;
        let (first_decay, second_decay) = (first_decay as f32, second_decay as f32);
        self.moments.resize_with(vars.len(), Default::default);
        for (var, (first, second)) in vars.iter().zip(&mut self.moments) {
            let Some(gradient) = gradients.get(var) else {
                continue;
            };
            let gradient = gradient.flatten_all()?.to_vec1::<f32>()?;
            let mut values = var.flatten_all()?.to_vec1::<f32>()?;
            first.resize(values.len(), 0.0);
            second.resize(values.len(), 0.0);
            let moments = first.iter_mut().zip(second);
            for ((value, gradient), (first, second)) in values.iter_mut().zip(gradient).zip(moments)
            {
                let gradient = gradient + self.l2 as f32 * *value;
                *first += (1.0 - first_decay) * (gradient - *first);
                *second = second_decay * *second + (1.0 - second_decay) * gradient * gradient;
                *value -= step * *first / (second.sqrt() / second_scale + Self::EPSILON);
            }
            var.set(&Tensor::from_vec(values, var.dims(), &Device::Cpu)?)?;
        }
        Ok(())
    }
}
