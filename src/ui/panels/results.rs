//! What came out: the headline, histogram and curve, and one page of the rest.

use egui::Ui;

use super::Scene;
use crate::state::{Action, PanelSettings, ResultsPage};
use crate::ui::theme;
use crate::ui::widgets::combo::segments;

/// Draw everything, in a place that scrolls.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    super::headline::ui(ui, scene);
    super::method::view_ui(ui, scene);
    super::histogram::ui(ui, scene);
    super::roc::ui(ui, scene);
    pages_ui(ui, scene);
    match scene.session.settings.panels.results {
        ResultsPage::Threshold => super::decision::ui(ui, scene),
        ResultsPage::Figures => {
            super::figures::ui(ui, scene);
            super::attempts::ui(ui, scene);
        }
        ResultsPage::Folders => super::figures::folders_ui(ui, scene),
        ResultsPage::Explanations => super::confounds::after_ui(ui, scene),
    }
}

fn pages_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let old = scene.session.settings.panels;
    let mut results = old.results;
    segments(
        ui,
        &mut results,
        &ResultsPage::ALL,
        |page| page.label().to_owned(),
        |page| page.explanation().to_owned(),
    );
    if results != old.results {
        let panels = PanelSettings { results, ..old };
        scene.actions.push(Action::SetPanels(panels));
    }
    ui.add_space(theme::SECTION_GAP - 4.0);
}
