//! Compare a network's output with one that another program wrote.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use super::checkpoints::safetensors::Safetensors;
use crate::diffusion::{DenoiseError, Denoiser, NeverInterrupt};
use crate::images::Geometry;
use crate::images::input::{self, InputError};

/// Most bytes of a reference: thousands of large images.
const MAX_BYTES: u64 = 4 << 30;

/// How far the output is from the reference.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Verification {
    /// Images compared.
    pub num_images: usize,
    /// Largest absolute difference divided by the reference's largest magnitude; NaN or infinite where
    /// either output is not finite.
    pub max_relative_difference: f64,
    /// The reference's largest magnitude.
    pub max_magnitude: f64,
}

impl Verification {
    /// Whether the difference is at most `tolerance`; an output that is not finite never passes.
    pub fn passes(&self, tolerance: f64) -> bool {
        self.max_relative_difference.is_finite() && self.max_relative_difference <= tolerance
    }
}

/// Why nothing could be compared.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The operating system refused.
    #[error("the reference could not be read ({source}): {}", path.display())]
    Unreadable { source: InputError, path: PathBuf },
    /// The file is not what is needed.
    #[error("the reference cannot be used, {message}: {}", path.display())]
    BadReference {
        /// Expected and got.
        message: String,
        path: PathBuf,
    },
    /// The network call failed.
    #[error(transparent)]
    Denoise(#[from] DenoiseError),
}

/// Run the network on `sample` and `timestep` of a safetensors file and compare with its `output`.
///
/// `timestep` holds one value for each image, or one for all; in its place there may be `label`. A file with `used` tells
/// by it which of the outputs count.
pub fn verify(denoiser: &mut dyn Denoiser, path: &Path) -> Result<Verification, VerifyError> {
    let bytes = input::read(path, MAX_BYTES).map_err(|source| VerifyError::Unreadable {
        source,
        path: path.to_path_buf(),
    })?;
    let reference = Reference::read(bytes, denoiser.geometry()).map_err(|message| {
        VerifyError::BadReference {
            message,
            path: path.to_path_buf(),
        }
    })?;
    let mut output = vec![0.0; reference.output.len()];
    denoiser.denoise(
        &reference.sample,
        &reference.timesteps,
        &mut output,
        &NeverInterrupt,
    )?;
    let (max_relative_difference, max_magnitude) = relative_difference(&output, &reference.output);
    Ok(Verification {
        num_images: reference.timesteps.len(),
        max_relative_difference,
        max_magnitude,
    })
}

struct Reference {
    sample: Vec<f32>,
    timesteps: Vec<f32>,
    output: Vec<f32>,
}

impl Reference {
    fn read(bytes: Vec<u8>, geometry: Geometry) -> Result<Self, String> {
        let file = Safetensors::parse(Cow::Owned(bytes)).map_err(|error| error.to_string())?;
        let Geometry { channels, side } = geometry;
        let images = |name: &str| match file.shape(name) {
            Some(&[batch, c, h, w]) if batch > 0 && [c, h, w] == [channels, side, side] => {
                Ok((batch, file.read(name)?))
            }
            Some(shape) => Err(format!(
                "{name} must have the shape [images, {channels}, {side}, {side}], got {shape:?}"
            )),
            None => Err(format!(
                "expected tensors sample, timestep and output, got no {name}"
            )),
        };
        let (batch, sample) = images("sample")?;
        let has = |name: &str| file.shape(name).is_some();
        let (num_outputs, output) = images(if has("used") { "used" } else { "output" })?;
        let is_labeled = has("label") && !has("timestep");
        let mut timesteps = file.read_numbers(if is_labeled { "label" } else { "timestep" })?;
        if timesteps.len() == 1 {
            timesteps.resize(batch, timesteps[0]);
        }
        if num_outputs != batch || timesteps.len() != batch {
            return Err(format!(
                "sample, timestep and output must hold equally many, got {batch}, {} and {num_outputs}",
                timesteps.len()
            ));
        }
        Ok(Self {
            sample,
            timesteps,
            output,
        })
    }
}

/// Largest difference relative to the reference's largest magnitude, and that magnitude.
pub(super) fn relative_difference(output: &[f32], reference: &[f32]) -> (f64, f64) {
    let magnitude = largest(reference.iter().map(|&value| f64::from(value).abs()));
    let difference = largest(
        output
            .iter()
            .zip(reference)
            .map(|(&a, &b)| (f64::from(a) - f64::from(b)).abs()),
    );
    let relative = if difference == 0.0 {
        0.0
    } else {
        difference / magnitude
    };
    (relative, magnitude)
}

/// The largest value; NaN where any is not finite. `f64::max` drops NaN, which must not look like agreement.
pub(super) fn largest(mut values: impl Iterator<Item = f64>) -> f64 {
    values
        .try_fold(0.0_f64, |max, value| {
            value.is_finite().then(|| max.max(value))
        })
        .unwrap_or(f64::NAN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_is_relative_to_the_largest_magnitude() {
        let (relative, magnitude) = relative_difference(&[1.0, -3.5], &[1.5, -4.0]);
        assert_eq!((relative, magnitude), (0.125, 4.0));
        assert_eq!(relative_difference(&[0.0], &[0.0]).0, 0.0);
    }

    #[test]
    fn what_is_not_finite_never_passes() {
        for (output, reference) in [
            ([f32::NAN, 1.0], [1.0, 1.0]),
            ([1.0, 1.0], [1.0, f32::NAN]),
            ([f32::INFINITY, 1.0], [1.0, 1.0]),
            ([f32::INFINITY, 1.0], [f32::INFINITY, 1.0]),
        ] {
            let (max_relative_difference, max_magnitude) = relative_difference(&output, &reference);
            let verification = Verification {
                num_images: 1,
                max_relative_difference,
                max_magnitude,
            };
            assert!(!verification.passes(1e9), "{output:?} {reference:?}");
        }
    }
}
