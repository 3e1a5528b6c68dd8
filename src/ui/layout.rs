//! Where the panels lie: side by side where there is room, else one part of the window at a time.

use egui::{CentralPanel, Frame, Margin, Panel, ScrollArea, Ui};

use super::panels::{self, Page, Scene};
use super::theme::{self, BOTTOM_HEIGHT, LEFT_WIDTH, MARGIN, RIGHT_WIDTH};
use super::widgets::combo::segments;
use crate::state::Overlay;

/// Below this width in points the parts of the window are shown one at a time: it is that narrow only when everything
/// is shown large.
const NARROW: f32 = 940.0;

/// Draw everything.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    panels::inspector::copy(ui, scene);
    if let Some(Overlay::Presentation | Overlay::Explain) = scene.session.looking.overlay {
        let is_explained = scene.session.looking.overlay == Some(Overlay::Explain);
        panels::overlays::presentation::ui(ui, scene, is_explained);
        return;
    }
    let palette = theme::palette(ui);
    let side = |inner_margin| Frame::new().fill(palette.ground).inner_margin(inner_margin);
    Panel::bottom("progress")
        .exact_size(BOTTOM_HEIGHT)
        .resizable(false)
        .frame(side(Margin::symmetric(MARGIN, 8)))
        .show(ui, |ui| panels::progress::ui(ui, scene));
    scene.drafts.is_narrow = ui.available_width() < NARROW;
    if scene.drafts.is_narrow {
        narrow_ui(ui, scene);
        panels::notices::ui(ui, scene, ui.max_rect());
        panels::drop::ui(ui, scene);
        panels::overlays::ui(ui, scene);
        return;
    }
    Panel::left("settings")
        .exact_size(LEFT_WIDTH)
        .resizable(false)
        .frame(side(Margin {
            left: MARGIN,
            right: 4,
            top: 0,
            bottom: 0,
        }))
        .show(ui, |ui| {
            scrolled(ui, "settings", |ui| settings_ui(ui, scene));
        });
    Panel::right("plots")
        .exact_size(RIGHT_WIDTH)
        .resizable(false)
        .frame(side(Margin {
            left: MARGIN,
            right: 4,
            top: 0,
            bottom: 0,
        }))
        .show(ui, |ui| {
            scrolled(ui, "plots", |ui| plots_ui(ui, scene));
        });
    let center = Frame::new().fill(palette.surface).inner_margin(Margin {
        left: MARGIN,
        right: 6,
        top: 8,
        bottom: 0,
    });
    let center = CentralPanel::default().frame(center).show(ui, |ui| {
        panels::inspector::ui(ui, scene);
        ui.separator();
        panels::gallery::ui(ui, scene);
    });
    panels::notices::ui(ui, scene, center.response.rect);
    panels::drop::ui(ui, scene);
    panels::overlays::ui(ui, scene);
}

/// One part of the window at a time, where there is no room for all.
fn narrow_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let palette = theme::palette(ui);
    let frame = Frame::new()
        .fill(palette.ground)
        .inner_margin(Margin::symmetric(MARGIN, 4));
    Panel::top("pages").frame(frame).show(ui, |ui| {
        let mut page = scene.drafts.page;
        segments(
            ui,
            &mut page,
            &Page::ALL,
            |page| page.label().to_owned(),
            |page| format!("Show the part of the window called {}", page.label()),
        );
        scene.drafts.page = page;
    });
    let frame = Frame::new().fill(palette.surface).inner_margin(Margin {
        left: MARGIN,
        right: 6,
        top: 4,
        bottom: 0,
    });
    CentralPanel::default()
        .frame(frame)
        .show(ui, |ui| match scene.drafts.page {
            Page::Settings => scrolled(ui, "settings", |ui| settings_ui(ui, scene)),
            Page::Pictures => scrolled(ui, "pictures", |ui| panels::inspector::ui(ui, scene)),
            Page::Gallery => panels::gallery::ui(ui, scene),
            Page::Plots => scrolled(ui, "plots", |ui| plots_ui(ui, scene)),
        });
}

fn scrolled(ui: &mut Ui, id_salt: &str, add_contents: impl FnOnce(&mut Ui)) {
    ScrollArea::vertical()
        .id_salt(id_salt)
        .auto_shrink(false)
        .show(ui, |ui| {
            // Room for the scroll bar, so that it covers no control.
            ui.set_max_width(ui.available_width() - f32::from(MARGIN));
            ui.add_space(10.0);
            add_contents(ui);
            ui.add_space(10.0);
        });
}

fn settings_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    panels::runs::ui(ui, scene);
    panels::model::ui(ui, scene);
    panels::folders::ui(ui, scene);
    panels::confounds::before_ui(ui, scene);
    panels::detector::ui(ui, scene);
    if scene.session.settings.run.method.detector.lmd().is_some() {
        panels::mask::ui(ui, scene);
        panels::method::ui(ui, scene);
    }
    panels::method::score_ui(ui, scene);
    panels::advanced::ui(ui, scene);
}

fn plots_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    panels::histogram::ui(ui, scene);
    panels::roc::ui(ui, scene);
    panels::decision::ui(ui, scene);
    panels::figures::ui(ui, scene);
    panels::confounds::after_ui(ui, scene);
    panels::verdicts::ui(ui, scene);
    panels::attempts::ui(ui, scene);
}
