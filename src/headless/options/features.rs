//! The network that features come from, where a user has it as a file.

use std::path::PathBuf;

use super::misplaced;
use crate::detectors::DetectorSpec;
use crate::headless::Failure;
use crate::networks::distances::DistanceWeights;
use crate::networks::distances::from_file::identify_network;

/// The name of the option.
const NAME: &str = "feature-weights";

/// Options of detectors whose features a network for photographs makes.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct FeatureOptions {
    /// The network that mahalanobis has its features from, instead of the `AlexNet` inside the program: a file with VGG16 or
    /// `SqueezeNet` as torchvision or lpips has them, or `SimCLRv2` `r50_1x_sk1`, .pth or .safetensors; beside --fitted and
    /// --resume where it is by now
    #[arg(long, value_name = "FILE")]
    feature_weights: Option<PathBuf>,
}

impl FeatureOptions {
    /// Let a detector that is not fitted yet have its features from the file.
    ///
    /// # Errors
    /// That there is no network in it, or that the detector has no features of this kind.
    pub fn choose(&self, detector: &mut DetectorSpec) -> Result<(), Failure> {
        let Some(weights) = self.read()? else {
            return Ok(());
        };
        match detector.mahalanobis_mut() {
            Some(settings) => settings.set_feature_weights(Some(weights)),
            None => return Err(no_features(detector)),
        }
        Ok(())
    }

    /// Say where the network of a fitted detector is by now.
    ///
    /// # Errors
    /// That it is another one, or that the detector has none.
    pub fn place(&self, detector: &mut DetectorSpec) -> Result<(), Failure> {
        let Some(weights) = self.read()? else {
            return Ok(());
        };
        let Some(settings) = detector.mahalanobis_mut() else {
            return Err(no_features(detector));
        };
        if settings.feature_weights() != Some(&weights) {
            return Err(Failure::bad_request(anyhow::anyhow!(
                "Mahalanobis was not fitted on features of this {} (SHA-256 {}) but on those of {}; give the file that it was fitted \
                 with, leave out --{NAME}, or fit again by lmd fit: {}",
                weights.network(),
                weights.short_digests(),
                settings.network(),
                weights.file.display()
            )));
        }
        settings.set_feature_weights(Some(weights));
        Ok(())
    }

    fn read(&self) -> Result<Option<DistanceWeights>, Failure> {
        let file = self.feature_weights.as_deref();
        file.map(identify_network)
            .transpose()
            .map_err(Failure::bad_request)
    }
}

fn no_features(detector: &DetectorSpec) -> Failure {
    misplaced(NAME, "mahalanobis", &super::names(detector.each()))
}
