//! Detectors that learn from in-domain images before they can score: mostly a density of features, under which an image's are
//! more or less likely.
//!
//! Each says what its features are and what is learned of them ([`Fitting`]); fitting and refusing are the same for
//! all. The [fit](Fitted) is a part of the settings, so that whatever holds these (a run, a detector file) needs no other
//! file.

use std::sync::Arc;

pub mod density;
pub mod diffpath;
pub mod fit;
pub mod learned;
pub mod mahalanobis;
pub mod mixture;
pub mod msma;
pub mod normal;
pub mod numbers;
pub mod reconstructions;
pub mod regret;
#[cfg(test)]
mod testing;

pub use self::density::{Density, DensityError};
pub use self::fit::{Fit, Fitted};
pub use self::learned::Learned;
use super::settings::{About, DetectorError, Target};
use super::{Attempt, AttemptError, Batch, Detector, DetectorSettings, Models, Watch};
use crate::diffusion::Interrupt;
use crate::images::Geometry;
use crate::ood::{MeasureId, Values};

/// The components that are tried for a mixture. More overfit a few hundred images.
const MOST_COMPONENTS: usize = 3;
/// Images that a component of a mixture takes, for each feature.
const IMAGES_PER_FEATURE: usize = 5;

/// Settings of a detector that is fitted before it can score.
pub trait Fitting: DetectorSettings {
    fn fitted(&self) -> Option<&Fitted>;

    fn set_fitted(&mut self, fitted: Option<Fitted>);

    /// The fewest images of different content that it can be fitted on.
    fn fewest_images(&self) -> usize;

    /// About how many seconds it takes to learn from the features of so many images, on two cores.
    fn learning_secs(&self, _side: usize, _num_images: usize) -> f64 {
        0.0
    }

    /// What an image is seen by.
    ///
    /// # Errors
    /// That there are no such features of the target's images, or not by its model.
    fn features(&self, target: &Target<'_>) -> Result<Box<dyn Features>, DetectorError>;

    /// Learn from features of images, one row for each.
    ///
    /// # Errors
    /// That nothing can be learned from these, or that it was interrupted.
    fn learn(&self, rows: &[Vec<f64>], learning: Learning<'_>) -> Result<Learned, DensityError>;
}

/// What learning goes by besides the features, and how it is watched.
pub struct Learning<'a> {
    /// Of the images.
    pub geometry: Geometry,
    /// Keys all that is random.
    pub seed: u64,
    /// Stops it.
    pub interrupt: &'a dyn Interrupt,
    /// Told what goes on, and how many parts of it are done, of how many.
    pub on_part: &'a mut dyn FnMut(String, (usize, usize)),
}

/// Makes the features of images.
pub trait Features {
    /// How many features an image has.
    fn num_features(&self) -> usize;

    /// Network calls for each image.
    fn num_calls(&self) -> usize;

    /// Features of each image of a batch; they may be not finite where the network's output is not.
    ///
    /// # Errors
    /// What a network call says.
    fn of(
        &self,
        batch: &mut Batch<'_>,
        models: Models<'_>,
        watch: Watch<'_>,
    ) -> Result<Vec<Vec<f64>>, AttemptError>;
}

/// The detector of settings that are fitted for this target; `score` is of features, the higher the stranger.
fn ready(
    settings: &dyn Fitting,
    target: &Target<'_>,
    measure: MeasureId,
    score: fn(&Density, &[f64]) -> f64,
) -> Result<Box<dyn Detector>, DetectorError> {
    let features = settings.features(target)?;
    let fitted = checked(settings, target, features.num_features())?;
    let Some(density) = fitted.learned().density() else {
        return Err(Fitted::of_another_kind());
    };
    Ok(Box::new(Ready {
        features,
        density: density.clone(),
        score,
        measures: [measure].into(),
    }))
}

/// The fit of settings, which must be one for this target.
fn checked<'a>(
    settings: &'a dyn Fitting,
    target: &Target<'_>,
    num_features: usize,
) -> Result<&'a Fitted, DetectorError> {
    let Some(fitted) = settings.fitted() else {
        let About { name, label, .. } = settings.about();
        return Err(DetectorError::Unfit(format!(
            "{label} is not fitted: it scores by the features of in-domain images; fit it first by lmd fit --method {name}, \
             and give the file as --fitted"
        )));
    };
    fitted.check(target, num_features)?;
    Ok(fitted)
}

/// The measure of a density: features that are unlikelier have a higher score.
fn surprise(density: &Density, features: &[f64]) -> f64 {
    -density.log_density(features)
}

/// The fewest images for a mixture over so many features.
fn fewest_for_mixture(num_features: usize) -> usize {
    IMAGES_PER_FEATURE * num_features
}

/// A mixture of as few components as do, each of at least `fewest` images.
fn mixture_of(rows: &[Vec<f64>], fewest: usize, seed: u64) -> Result<Density, DensityError> {
    Density::mixture(rows, (MOST_COMPONENTS, fewest), seed)
}

/// A detector's [summary](DetectorSettings::summary) from its start.
fn summary(start: &str, settings: &dyn Fitting) -> String {
    match settings.fitted() {
        Some(fitted) => format!("{start} fitted on {} images", fitted.num_images()),
        None => format!("{start}, not fitted"),
    }
}

struct Ready {
    features: Box<dyn Features>,
    density: Density,
    score: fn(&Density, &[f64]) -> f64,
    measures: Arc<[MeasureId]>,
}

impl Detector for Ready {
    fn measures(&self) -> &Arc<[MeasureId]> {
        &self.measures
    }

    fn calls_per_attempt(&self) -> usize {
        self.features.num_calls()
    }

    fn score(
        &self,
        mut batch: Batch<'_>,
        _attempt: usize,
        models: Models<'_>,
        watch: Watch<'_>,
    ) -> Result<Vec<Attempt>, AttemptError> {
        let rows = self.features.of(&mut batch, models, watch)?;
        let scores = rows.iter().map(|features| {
            Some((self.score)(&self.density, features)).filter(|score| score.is_finite())
        });
        Ok(scores
            .map(|score| {
                Attempt::measured(Values::new(&self.measures, [score.unwrap_or(f64::NAN)]))
            })
            .collect())
    }
}
