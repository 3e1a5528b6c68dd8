//! Differences between originals and reconstructions, and the one scale on which a run shows them.

use crate::images::Picture;
use crate::ood::Role;
use crate::runs::AttemptResult;

/// Share of in-domain images' hidden pixels that the scale covers; the few beyond it show the strongest color.
pub const COVERED: f64 = 0.99;

/// The absolute difference of each pixel, averaged over channels and rounded, in `0..=255`; `None` for pictures of
/// different shapes.
pub fn pixel_differences(a: &Picture, b: &Picture) -> Option<Vec<u8>> {
    let has_same_shape = (a.width, a.height, a.channels) == (b.width, b.height, b.channels);
    let channels = a.channels;
    has_same_shape.then(|| {
        let pixels = a.bytes.chunks_exact(channels);
        pixels
            .zip(b.bytes.chunks_exact(channels))
            .map(|(a, b)| {
                let sum: usize = a.iter().zip(b).map(|(a, b)| a.abs_diff(*b) as usize).sum();
                ((sum + channels / 2) / channels) as u8
            })
            .collect()
    })
}

/// Which images a [`DifferenceScale`] was set by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ScaleBasis {
    /// In-domain images, as is meant.
    InDomain,
    /// Other images: there is no in-domain one yet.
    Others,
}

/// How often each difference was seen in the hidden pixels of first attempts.
///
/// Only first attempts count, so that the scale stands still once each image has one.
#[derive(Clone, Debug)]
pub struct DifferenceScale {
    in_domain: [u64; 256],
    others: [u64; 256],
}

impl Default for DifferenceScale {
    fn default() -> Self {
        Self {
            in_domain: [0; 256],
            others: [0; 256],
        }
    }
}

impl DifferenceScale {
    /// Take one result into account.
    pub fn add(&mut self, result: &AttemptResult, role: Role) {
        if result.attempt != 0 {
            return;
        }
        let differences = result
            .inpainted
            .as_ref()
            .and_then(|inpainted| pixel_differences(&result.original, inpainted));
        let Some(differences) = differences else {
            return;
        };
        let counts = match role {
            Role::InDomain => &mut self.in_domain,
            Role::OutOfDomain | Role::Unknown => &mut self.others,
        };
        let known = result.known_mask.as_ref().map(|mask| mask.known());
        for (pixel, difference) in differences.into_iter().enumerate() {
            if known.is_none_or(|known| known.get(pixel) != Some(&true)) {
                counts[usize::from(difference)] += 1;
            }
        }
    }

    /// The difference that gets the strongest color, in `1..=255`, and the images it comes from; `None` before the
    /// first result.
    pub fn top(&self) -> Option<(u8, ScaleBasis)> {
        quantile(&self.in_domain)
            .map(|top| (top, ScaleBasis::InDomain))
            .or_else(|| quantile(&self.others).map(|top| (top, ScaleBasis::Others)))
    }
}

/// The smallest difference that [`COVERED`] of all stay at or below, at least 1.
fn quantile(counts: &[u64; 256]) -> Option<u8> {
    let total: u64 = counts.iter().sum();
    let needed = (COVERED * total as f64).ceil() as u64;
    let mut seen = 0;
    (total > 0).then(|| {
        let reached = counts.iter().position(|count| {
            seen += count;
            seen >= needed
        });
        reached.unwrap_or(255).max(1) as u8
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ood::KnownMask;
    use crate::state::session::testing::result;

    fn picture(channels: usize, bytes: &[u8]) -> Picture {
        Picture {
            width: bytes.len() / channels / 2,
            height: 2,
            channels,
            bytes: bytes.into(),
        }
    }

    #[test]
    fn differences_are_averaged_over_channels() {
        let a = picture(3, &[0, 0, 0, 10, 20, 30]);
        let b = picture(3, &[3, 0, 0, 0, 40, 30]);
        assert_eq!(pixel_differences(&a, &b), Some(vec![1, 10]));
        assert_eq!(pixel_differences(&a, &picture(1, &[0; 4])), None);
    }

    #[test]
    fn the_scale_is_the_quantile_of_in_domain_hidden_pixels_of_first_attempts() {
        let mut scale = DifferenceScale::default();
        assert_eq!(scale.top(), None);
        let of = |attempt, hidden: u8| AttemptResult {
            inpainted: Some(picture(1, &[hidden, 0, 255, 255])),
            known_mask: Some(Arc::new(
                KnownMask::from_known(2, vec![false, false, true, true]).unwrap(),
            )),
            ..result(0, attempt, 0.1)
        };
        scale.add(&of(0, 200), Role::OutOfDomain);
        assert_eq!(scale.top(), Some((200, ScaleBasis::Others)));
        for hidden in 1..=100 {
            scale.add(&of(0, hidden), Role::InDomain);
        }
        scale.add(&of(1, 255), Role::InDomain);
        // 200 hidden pixels: 100 zeros and 1 to 100, so 99 % is the 198th of them.
        assert_eq!(scale.top(), Some((98, ScaleBasis::InDomain)));
    }
}
