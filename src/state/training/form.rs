//! What the form asks for.

use std::path::PathBuf;

use crate::engine::training::request::USUAL_MINUTES;
use crate::engine::training::{Budget, Survey, TrainingRequest};
use crate::images::ResizeMode;
use crate::networks::checkpoints::NetworkSize;

/// What the form for a new model says.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingForm {
    /// The folder to learn from; `None` for the in-domain folders of the window.
    pub folder: Option<PathBuf>,
    /// The model folder to make; `None` until one is proposed.
    pub output: Option<PathBuf>,
    /// Pixels a side; `None` for what suits the images.
    pub side: Option<usize>,
    /// How pictures are brought to a square.
    pub resize: ResizeMode,
    pub network: NetworkSize,
    /// How long.
    pub budget: Budget,
    /// Whether images are turned left to right at random.
    pub has_flips: bool,
}

impl Default for TrainingForm {
    fn default() -> Self {
        Self {
            folder: None,
            output: None,
            side: None,
            resize: ResizeMode::Crop,
            network: NetworkSize::Small,
            budget: Budget::Minutes(USUAL_MINUTES),
            has_flips: false,
        }
    }
}

impl TrainingForm {
    /// Whether what was found of this form's images says nothing of another form's.
    pub(super) fn reads_other_images(&self, other: &Self) -> bool {
        let what = |form: &Self| (form.folder.clone(), form.side, form.resize);
        what(self) != what(other)
    }

    /// As the engine takes it.
    pub(super) fn request(
        &self,
        sources: Vec<PathBuf>,
        output: PathBuf,
        survey: &Survey,
    ) -> TrainingRequest {
        TrainingRequest {
            budget: self.budget,
            side: Some(survey.geometry.side),
            channels: Some(survey.geometry.channels),
            network: self.network,
            has_flips: self.has_flips,
            resize: self.resize,
            ..TrainingRequest::new(sources, output)
        }
    }
}
