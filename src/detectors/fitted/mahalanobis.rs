//! The Mahalanobis distance of an image's features from those of in-domain images, by a network that was trained on photographs.
//!
//! The features are the means over an image of what a layer of a network gives, at the image's own size: LPIPS's `AlexNet`,
//! or a network from a user's file. They take no call of the diffusion model, which says only how large images are. The
//! paper's row of this name (after Bergman and others) does not say its network and layer; this one is named by them.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::{Density, DensityError, Features, Fitted, Fitting, Learned, Learning, ready, summary};
use crate::detectors::settings::{About, DetectorError, DetectorSettings, Parameter, Target};
use crate::detectors::{AttemptError, Batch, Call, Detector, Models, Watch};
use crate::diffusion::DenoiseError;
use crate::networks::distances::{DistanceWeights, TapNetwork};
use crate::networks::lpips::{ALEXNET, smallest_side};
use crate::ood::{Measure, MeasureId};

/// The square of the distance.
pub const MAHALANOBIS: MeasureId = MeasureId::new("mahalanobis");

static MEASURE: Measure = Measure {
    id: MAHALANOBIS,
    column: "mahalanobis",
    label: "Mahalanobis",
    help: "How far a network's mean activations are from those of in-domain images, in units of how these vary (squared)",
    combination: None,
};

static ABOUT: About = About {
    name: "mahalanobis",
    label: "Mahalanobis",
    help: "Features by a network for photographs, against those of in-domain images fitted by lmd fit: no call of the model",
};

/// The choice among a network's layers, by how many these are.
static LAYERS: [Parameter; 8] = [
    layer(1.0),
    layer(2.0),
    layer(3.0),
    layer(4.0),
    layer(5.0),
    layer(6.0),
    layer(7.0),
    layer(8.0),
];

const fn layer(count: f64) -> Parameter {
    Parameter {
        name: "feature-layer",
        label: "Layer",
        help: "Which of the network's layers the features are taken from, of five where it is AlexNet: small images differ most \
               in the second. Another one takes a new fit",
        range: RangeInclusive::new(1.0, count),
        decimals: 0,
    }
}

/// With fewer images the covariance is more of the ridge than of them.
const FEWEST_IMAGES: usize = 100;

/// See [the module](self).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mahalanobis {
    /// The network, where it comes from a file.
    #[serde(rename = "feature-weights", skip_serializing_if = "Option::is_none")]
    feature_weights: Option<DistanceWeights>,
    /// From 1.
    #[serde(rename = "feature-layer")]
    pub feature_layer: usize,
    /// The Gaussian of the features; `None` before it is fitted.
    pub fitted: Option<Fitted>,
}

impl Default for Mahalanobis {
    fn default() -> Self {
        Self {
            feature_weights: None,
            feature_layer: 2,
            fitted: None,
        }
    }
}

impl Mahalanobis {
    pub(in crate::detectors) const MEASURES: &'static [&'static Measure] = &[&MEASURE];

    /// The network, where it comes from a file.
    pub fn feature_weights(&self) -> Option<&DistanceWeights> {
        self.feature_weights.as_ref()
    }

    /// Take the features from this network, `None` for the `AlexNet` inside the program: that takes a new fit.
    pub fn set_feature_weights(&mut self, weights: Option<DistanceWeights>) {
        if weights != self.feature_weights {
            self.fitted = None;
        }
        self.feature_weights = weights;
        self.feature_layer = self
            .feature_layer
            .clamp(1, self.tap_channels().len().max(1));
    }

    /// The network's name for people.
    pub fn network(&self) -> &'static str {
        let weights = self.feature_weights.as_ref();
        weights.map_or(ALEXNET.name, DistanceWeights::network)
    }

    fn tap_channels(&self) -> Vec<usize> {
        match &self.feature_weights {
            Some(weights) => weights.tap_channels(),
            None => ALEXNET.tap_channels().collect(),
        }
    }

    fn smallest_side(&self) -> usize {
        let weights = self.feature_weights.as_ref();
        weights.map_or_else(smallest_side, DistanceWeights::smallest_side)
    }

    fn layers(&self) -> &'static Parameter {
        let count = self.tap_channels().len().clamp(1, LAYERS.len());
        &LAYERS[count - 1]
    }
}

impl DetectorSettings for Mahalanobis {
    fn about(&self) -> &'static About {
        &ABOUT
    }

    fn uses_model(&self) -> bool {
        false
    }

    fn expected_calls(&self, _num_train_timesteps: usize) -> usize {
        0
    }

    fn choices(&self, _side: usize) -> Vec<MeasureId> {
        vec![MAHALANOBIS]
    }

    fn detector(&self, target: &Target<'_>) -> Result<Box<dyn Detector>, DetectorError> {
        ready(self, target, MAHALANOBIS, Density::distance_squared)
    }

    fn summary(&self) -> String {
        summary(
            &format!(
                "Mahalanobis by {}'s layer {}",
                self.network(),
                self.feature_layer
            ),
            self,
        )
    }

    fn facts(&self, _num_train_timesteps: usize) -> Vec<(&'static str, String)> {
        let mut network = self.network().to_owned();
        if let Some(weights) = &self.feature_weights {
            network = format!("{network}, SHA-256 {}", weights.short_digests());
        }
        let fitted = self.fitted.as_ref();
        let fitted = fitted.map(|it| format!("{} in-domain images", it.num_images()));
        [
            ("Network", network),
            ("Layer", self.feature_layer.to_string()),
        ]
        .into_iter()
        .chain(fitted.map(|images| ("Fitted on", images)))
        .collect()
    }

    fn parameters(&self) -> Vec<(&'static Parameter, f64)> {
        vec![(self.layers(), self.feature_layer as f64)]
    }

    fn set_parameter(&mut self, name: &str, value: f64) {
        let layer = value.round() as usize;
        if name == self.layers().name && layer != self.feature_layer {
            self.feature_layer = layer;
            self.fitted = None;
        }
    }

    fn is_believable(&self) -> bool {
        self.layers().range.contains(&(self.feature_layer as f64))
    }

    fn files(&self) -> Vec<&PathBuf> {
        let weights = self.feature_weights.iter();
        weights.flat_map(DistanceWeights::files).collect()
    }

    fn files_mut(&mut self) -> Vec<&mut PathBuf> {
        let weights = self.feature_weights.iter_mut();
        weights.flat_map(DistanceWeights::files_mut).collect()
    }

    fn weights(&self) -> Vec<&DistanceWeights> {
        self.feature_weights.iter().collect()
    }

    fn weights_mut(&mut self) -> Vec<&mut DistanceWeights> {
        self.feature_weights.iter_mut().collect()
    }

    fn fitting(&self) -> Option<&dyn Fitting> {
        Some(self)
    }

    fn fitting_mut(&mut self) -> Option<&mut dyn Fitting> {
        Some(self)
    }
}

impl Fitting for Mahalanobis {
    fn fitted(&self) -> Option<&Fitted> {
        self.fitted.as_ref()
    }

    fn set_fitted(&mut self, fitted: Option<Fitted>) {
        self.fitted = fitted;
    }

    fn fewest_images(&self) -> usize {
        FEWEST_IMAGES
    }

    fn features(&self, target: &Target<'_>) -> Result<Box<dyn Features>, DetectorError> {
        let (side, smallest) = (target.geometry.side, self.smallest_side());
        let network = self.network();
        if side < smallest {
            return Err(DetectorError::Unfit(format!(
                "{network} needs images of at least {smallest}x{smallest} pixels, and these are {side}x{side}; use a model or \
                 a --size of larger ones, or --method msma"
            )));
        }
        let channels = self.tap_channels();
        let tap = self.feature_layer.checked_sub(1);
        let found = tap.and_then(|tap| Some((tap, *channels.get(tap)?)));
        let Some((tap, num_features)) = found else {
            let layers = match channels.len() {
                1 => "one layer, 1".to_owned(),
                count => format!("the layers 1 to {count}"),
            };
            return Err(DetectorError::Unfit(format!(
                "{network} has {layers}, got {}; choose another --feature-layer",
                self.feature_layer
            )));
        };
        let weights = self.feature_weights.as_ref();
        let from_file = weights.map(DistanceWeights::open_network).transpose()?;
        Ok(Box::new(TapMeans {
            from_file,
            tap,
            num_features,
        }))
    }

    fn learn(&self, rows: &[Vec<f64>], _learning: Learning<'_>) -> Result<Learned, DensityError> {
        Density::gaussian(rows, self.fewest_images()).map(Learned::from)
    }
}

/// The mean of each channel at a tap.
struct TapMeans {
    /// The network; `None` for the one inside the program.
    from_file: Option<TapNetwork>,
    /// From 0.
    tap: usize,
    num_features: usize,
}

impl Features for TapMeans {
    fn num_features(&self) -> usize {
        self.num_features
    }

    fn num_calls(&self) -> usize {
        0
    }

    fn of(
        &self,
        batch: &mut Batch<'_>,
        models: Models<'_>,
        watch: Watch<'_>,
    ) -> Result<Vec<Vec<f64>>, AttemptError> {
        watch.interrupt.check().map_err(DenoiseError::from)?;
        let units: Vec<f32> = (batch.originals.iter())
            .flat_map(|original| original.unit.iter().copied())
            .collect();
        let means = match (&self.from_file, models.perceptual) {
            (Some(network), _) => network.tap_means(batch.geometry, &units, self.tap)?,
            (None, Some(perceptual)) => perceptual.tap_means(batch.geometry, &units, self.tap)?,
            (None, None) => {
                let reason = "there is no AlexNet for these images".to_owned();
                return Err(DenoiseError::Failed(reason).into());
            }
        };
        (watch.on_call)(Call::NONE);
        Ok(means)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detectors::fitted::normal::Normal;
    use crate::detectors::fitted::testing::{assert_near, features_of_samples, fitted, inverse};
    use crate::detectors::reference::{Reference, target};
    use crate::diffusion::Schedule;
    use crate::images::Geometry;
    use crate::networks::distances::SIMCLR;

    #[test]
    fn features_of_each_layer_are_those_of_the_reference() {
        let reference = Reference::read("features.safetensors");
        let rows = reference.rows("features");
        let mut start = 0;
        for feature_layer in 1..=5 {
            let found = features_of_samples(&Mahalanobis {
                feature_layer,
                ..Mahalanobis::default()
            });
            let len = found[0].len();
            let largest = |row: &[f64]| row.iter().copied().fold(0.0, f64::max);
            for (found, row) in found.iter().zip(&rows) {
                let expected = &row[start..start + len];
                for (found, value) in found.iter().zip(expected) {
                    let error = (found - value).abs() / largest(expected);
                    assert!(error < 1e-4, "layer {feature_layer}: {found} {value}");
                }
            }
            start += len;
        }
        assert_eq!(start, rows[0].len());
    }

    /// By the reference's mean and precision, of which the covariance is the inverse.
    #[test]
    fn distances_are_those_of_the_reference() {
        let reference = Reference::read("features.safetensors");
        let mean = reference.values("mean");
        let lower = reference.values("precision_lower");
        let len = mean.len();
        let precision = |i: usize, j: usize| {
            let (i, j) = (i.max(j), i.min(j));
            lower[i * (i + 1) / 2 + j]
        };
        let all = (0..len).flat_map(|i| (0..len).map(move |j| (i, j)));
        let precisions: Vec<f64> = all.map(|(i, j)| precision(i, j)).collect();
        let covariance = inverse(&precisions, len);
        let normal = Normal::new(mean, &covariance).unwrap();
        let found = features_of_samples(&Mahalanobis::default());
        for (found, expected) in found.iter().zip(reference.values("distances")) {
            assert_near(normal.distance_squared(found), expected, 1e-4);
        }
    }

    #[test]
    fn small_images_and_layers_that_are_not_there_are_refused_by_a_sentence() {
        let schedule = Schedule::new(Default::default()).unwrap();
        let refusal = |side: usize, feature_layer: usize| {
            let mut target = target(&schedule);
            target.geometry = Geometry { channels: 1, side };
            let settings = Mahalanobis {
                feature_layer,
                ..Mahalanobis::default()
            };
            let refused = settings.features(&target).err().unwrap();
            refused.to_string()
        };
        assert!(refusal(28, 2).contains("at least 31x31 pixels, and these are 28x28"));
        assert!(refusal(32, 6).contains("layers 1 to 5, got 6"));
        assert!(refusal(32, 0).contains("layers 1 to 5, got 0"));
    }

    #[test]
    fn any_model_of_the_same_images_will_do() {
        let schedule = Schedule::new(Default::default()).unwrap();
        let settings = Mahalanobis {
            fitted: Some(fitted(&[[0.0; 192], [1.0; 192]])),
            ..Mahalanobis::default()
        };
        let detector = settings.detector(&target(&schedule)).unwrap();
        assert_eq!(detector.calls_per_attempt(), 0);
        let other = Mahalanobis {
            feature_layer: 3,
            ..settings
        };
        let refused = other
            .detector(&target(&schedule))
            .err()
            .unwrap()
            .to_string();
        assert!(
            refused.contains("the fit is of 192 features, and these settings have 384"),
            "{refused}"
        );
    }

    #[test]
    fn another_network_takes_a_new_fit_and_has_its_own_layers() {
        let weights = |sha256: &str, file: &str| DistanceWeights {
            distance: SIMCLR,
            sha256: sha256.to_owned(),
            file: file.into(),
            linear: None,
        };
        let mut settings = Mahalanobis {
            fitted: Some(fitted(&[[0.0; 192], [1.0; 192]])),
            ..Mahalanobis::default()
        };
        settings.set_feature_weights(None);
        assert!(settings.fitted.is_some(), "it is as it was");
        settings.set_feature_weights(Some(weights("a", "/one")));
        assert_eq!((settings.feature_layer, &settings.fitted), (1, &None));
        let (layer, value) = settings.parameters()[0];
        assert_eq!((layer.range.clone(), value), (1.0..=1.0, 1.0));
        settings.fitted = Some(fitted(&[[0.0; 2], [1.0; 2]]));
        settings.set_feature_weights(Some(weights("a", "/two")));
        assert!(settings.fitted.is_some(), "the file has moved");
        assert_eq!(
            settings.files(),
            ["/two"].map(PathBuf::from).iter().collect::<Vec<_>>()
        );
        settings.set_feature_weights(None);
        assert_eq!(settings.fitted, None);
        let (layer, _) = settings.parameters()[0];
        assert_eq!(*layer.range.end(), 5.0);
    }
}
