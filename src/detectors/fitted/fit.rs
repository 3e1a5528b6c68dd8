//! What was learned with all that it depends on: a part of its detector's settings, and with them of every file that has
//! these.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::learned::Learned;
use super::numbers::Contents;
use crate::detectors::DetectorError;
use crate::detectors::settings::Target;
use crate::images::{ContentHash, Geometry, ResizeMode};
use crate::networks::identity::Fingerprint;

/// What was learned of in-domain images. Copies share it: settings are copied often.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Fit", into = "Fit")]
pub struct Fitted(Arc<Fit>);

/// What a fit is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fit {
    /// For long a density was all that could be learned: files keep its name.
    #[serde(rename = "density")]
    pub learned: Learned,
    /// Keys the starts of the fit and its folds.
    pub seed: u64,
    /// The model that made the features; `None` where none had a part in them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<Fingerprint>,
    /// What the images were brought to.
    pub geometry: Geometry,
    pub resize: ResizeMode,
    /// The images that it was fitted on.
    pub images: Contents,
}

impl From<Fit> for Fitted {
    fn from(fit: Fit) -> Self {
        Self(Arc::new(fit))
    }
}

impl From<Fitted> for Fit {
    fn from(fitted: Fitted) -> Self {
        Arc::unwrap_or_clone(fitted.0)
    }
}

impl PartialEq for Fitted {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Fitted {
    pub fn learned(&self) -> &Learned {
        &self.0.learned
    }

    /// How a picture was brought to the model's square.
    pub fn resize(&self) -> ResizeMode {
        self.0.resize
    }

    /// Of the images as the detector saw them.
    pub fn geometry(&self) -> Geometry {
        self.0.geometry
    }

    /// Number of images that it was fitted on.
    pub fn num_images(&self) -> usize {
        self.0.images.count()
    }

    /// Whether it was fitted on this image.
    pub fn has_seen(&self, content: &ContentHash) -> bool {
        self.0.images.contains(content)
    }

    /// Whether it was fitted by this seed on just these images.
    pub fn is_of<'a>(&self, seed: u64, contents: impl Iterator<Item = &'a ContentHash>) -> bool {
        self.0.seed == seed && self.0.images == Contents::new(contents)
    }

    /// What can't be meant, in the words of a sentence's end.
    pub fn problem(&self) -> Option<&'static str> {
        if self.num_images() == 0 {
            return Some("no image is named that it was fitted on");
        }
        self.learned().problem()
    }

    /// What a fit is refused with that another detector has learned.
    pub(super) fn of_another_kind() -> DetectorError {
        DetectorError::Unfit(
            "the fit was damaged or changed by hand: another detector has learned it; fit again by lmd fit".to_owned(),
        )
    }

    /// Refuse a target whose features are others than those that it was fitted on.
    pub fn check(&self, target: &Target<'_>, num_features: usize) -> Result<(), DetectorError> {
        let refuse = |reason: String| Err(DetectorError::Unfit(reason));
        if let Some(problem) = self.problem() {
            return refuse(format!(
                "the fit was damaged or changed by hand: {problem}; fit again by lmd fit"
            ));
        }
        let found = self.learned().num_features();
        if found != num_features {
            return refuse(format!(
                "the fit is of {found} features, and these settings have {num_features}; fit again by lmd fit"
            ));
        }
        if let Some(model) = self.0.model
            && target.model != Some(model)
        {
            return refuse(
                "the detector was fitted with another model, whose features mean nothing to this one; use that model, or fit \
                 again by lmd fit"
                    .to_owned(),
            );
        }
        let (then, now) = (self.0.geometry, target.geometry);
        if then != now {
            let words =
                |it: Geometry| format!("{0}x{0} pixels in {1} channels", it.side, it.channels);
            return refuse(format!(
                "the detector was fitted on images of {}, and these have {}; use the model that it was fitted with, or \
                 fit again by lmd fit",
                words(then),
                words(now)
            ));
        }
        if self.resize() != target.resize {
            return refuse(
                "the detector was fitted on images that were brought to the model's square in another way; use that way, or \
                 fit again by lmd fit"
                    .to_owned(),
            );
        }
        Ok(())
    }
}
