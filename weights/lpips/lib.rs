//! The weights of LPIPS v0.1 with AlexNet features (Zhang et al. 2018), under the names of the `lpips` package.

/// A safetensors file.
pub static ALEX: &[u8] = include_bytes!("alex.safetensors");
