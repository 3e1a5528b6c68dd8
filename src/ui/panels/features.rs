//! The network that Mahalanobis has its features from: the one inside the program, or one from a file.

use egui::Ui;

use super::Scene;
use super::weights::{chosen_ui, error_ui};
use crate::state::folders::short_name;
use crate::state::{Action, UiCommand};
use crate::ui::widgets::layout::note;
use crate::ui::widgets::path_field::{PathRow, path_row};

const REMOVE_HELP: &str =
    "Take the features from the AlexNet inside the program again, the file stays";

/// Draw it, where the detector has such features.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let session = scene.session;
    let Some(settings) = session.settings.run.method.detector.mahalanobis() else {
        return;
    };
    let is_fitting = session.is_fitting() || session.ranking.is_active();
    ui.add_enabled_ui(!is_fitting, |ui| {
        if let Some(weights) = settings.feature_weights() {
            let words = format!("Features by {}", weights.network());
            if chosen_ui(ui, (&words, REMOVE_HELP), weights) {
                scene.edit_run(|run, _| {
                    if let Some(settings) = run.method.detector.mahalanobis_mut() {
                        settings.set_feature_weights(None);
                    }
                });
            }
            if let Some(problem) = session.weights.problem(weights) {
                error_ui(ui, problem);
            }
            return;
        }
        let row = PathRow {
            name: "network for features",
            hint: "Network other than AlexNet",
            tooltip: "The path of a file with VGG16 or SqueezeNet as torchvision or lpips has them, or SimCLRv2 r50_1x_sk1: \
                      the detector then compares images by what its layers see, and takes a new fit",
            browse: Action::Do(UiCommand::BrowseNetwork),
            keeps_text: false,
            apply: &Action::ReadNetwork,
        };
        path_row(ui, scene.actions, &mut scene.drafts.network, &row);
    });
    if let Some(path) = session.weights.reading_network() {
        note(ui, format!("Reading {}…", short_name(path)));
    }
}
