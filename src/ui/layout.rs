//! Where the panels lie: side by side where there is room, else one part of the window at a time.

use egui::{CentralPanel, Frame, Margin, Panel, ScrollArea, Ui};

use super::focus::{self, Region};
use super::panels::{self, Page, Scene};
use super::theme::{self, BOTTOM_HEIGHT, MARGIN};
use super::widgets::combo::segments;
use crate::state::panels::{RESULTS_WIDTHS, SETUP_WIDTHS};
use crate::state::{Action, Center, Overlay, PanelSettings};

/// Below this width in points the parts of the window are shown one at a time.
const NARROW: f32 = 1200.0;
/// Width in points that the center keeps whatever the panels beside it are dragged to.
const CENTER_WIDTH: f32 = 520.0;

/// Draw everything.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    panels::inspector::copy(ui, scene);
    if let Some(overlay @ (Overlay::Presentation | Overlay::Explain)) =
        scene.session.looking.overlay
    {
        panels::overlays::presentation::ui(ui, scene, overlay);
        return;
    }
    focus::begin(ui, &mut scene.drafts.focus);
    let palette = theme::palette(ui);
    let bar = |inner_margin| Frame::new().fill(palette.ground).inner_margin(inner_margin);
    Panel::top("bar")
        .exact_size(panels::top_bar::HEIGHT)
        .resizable(false)
        .frame(bar(Margin::symmetric(MARGIN, 0)))
        .show(ui, |ui| {
            region(ui, scene, Region::Bar);
            panels::top_bar::ui(ui, scene);
        });
    Panel::bottom("progress")
        .exact_size(BOTTOM_HEIGHT)
        .resizable(false)
        .frame(bar(Margin::symmetric(MARGIN, 8)))
        .show(ui, |ui| {
            region(ui, scene, Region::Progress);
            panels::progress::ui(ui, scene);
        });
    scene.drafts.is_narrow = ui.available_width() < NARROW;
    let within = if scene.session.looking.overlay == Some(Overlay::Train) {
        panels::train::ui(ui, scene);
        ui.max_rect()
    } else if scene.drafts.is_narrow {
        narrow_ui(ui, scene);
        ui.max_rect()
    } else {
        wide_ui(ui, scene)
    };
    panels::notices::ui(ui, scene, within);
    panels::drop::ui(ui, scene);
    panels::proposal::ui(ui, scene);
    panels::guide::ui(ui, scene);
    panels::overlays::ui(ui, scene);
}

/// Setup, center and results beside each other; returns the place of the center.
fn wide_ui(ui: &mut Ui, scene: &mut Scene<'_>) -> egui::Rect {
    let palette = theme::palette(ui);
    let side = Frame::new().fill(palette.ground).inner_margin(Margin {
        left: MARGIN,
        right: 4,
        top: 0,
        bottom: 0,
    });
    let old = scene.session.settings.panels;
    let mut new = old;
    if !scene.session.is_setup_folded() {
        let shown = Panel::left("setup")
            .default_size(old.setup_width)
            .size_range(*SETUP_WIDTHS.start()..=*SETUP_WIDTHS.end())
            .resizable(true)
            .frame(side)
            .show(ui, |ui| {
                region(ui, scene, Region::Setup);
                scrolled(ui, "setup", |ui| setup_ui(ui, scene));
            });
        new.setup_width = shown.response.rect.width();
    }
    let most = (ui.available_width() - CENTER_WIDTH).min(*RESULTS_WIDTHS.end());
    let least = *RESULTS_WIDTHS.start();
    let shown = Panel::right("results")
        .default_size(old.results_width)
        .size_range(least..=most.max(least))
        .resizable(true)
        .frame(side)
        .show(ui, |ui| {
            region(ui, scene, Region::Results);
            scrolled(ui, "results", |ui| panels::results::ui(ui, scene));
        });
    new.results_width = shown.response.rect.width();
    keep_widths(ui, scene, old, new);
    let frame = Frame::new().fill(palette.surface).inner_margin(Margin {
        left: MARGIN,
        right: 6,
        top: 6,
        bottom: 0,
    });
    let center = CentralPanel::default().frame(frame).show(ui, |ui| {
        region(ui, scene, Region::Center);
        centers_ui(ui, scene);
        match scene.session.settings.panels.center {
            Center::Overview => {
                panels::inspector::ui(ui, scene, true);
                ui.separator();
                panels::gallery::ui(ui, scene);
            }
            Center::Inspect => panels::inspector::ui(ui, scene, false),
            Center::Gallery => panels::gallery::ui(ui, scene),
            Center::Verdicts => panels::verdicts::ui(ui, scene),
            Center::Map => panels::map::ui(ui, scene),
        }
    });
    center.response.rect
}

/// Remember widths that the user has dragged the borders to, once the button is up.
fn keep_widths(ui: &Ui, scene: &mut Scene<'_>, old: PanelSettings, new: PanelSettings) {
    let is_dragged = ui.input(|input| input.pointer.any_down());
    let differs = |old: f32, new: f32| (old - new).abs() >= 1.0;
    let is_changed =
        differs(old.setup_width, new.setup_width) || differs(old.results_width, new.results_width);
    if is_changed && !is_dragged {
        scene.actions.push(Action::SetPanels(new));
    }
}

/// What the center shows.
fn centers_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let old = scene.session.settings.panels;
    let mut center = old.center;
    segments(
        ui,
        &mut center,
        &Center::ALL,
        |center| center.label().to_owned(),
        |center| center.explanation().to_owned(),
    );
    if center != old.center {
        let panels = PanelSettings { center, ..old };
        scene.actions.push(Action::SetPanels(panels));
    }
}

/// One part of the window at a time, where there is no room for all.
fn narrow_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let palette = theme::palette(ui);
    let frame = Frame::new()
        .fill(palette.ground)
        .inner_margin(Margin::symmetric(MARGIN, 4));
    Panel::top("pages").frame(frame).show(ui, |ui| {
        region(ui, scene, Region::Pages);
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
    CentralPanel::default().frame(frame).show(ui, |ui| {
        region(ui, scene, Region::Center);
        match scene.drafts.page {
            Page::Setup => scrolled(ui, "setup", |ui| setup_ui(ui, scene)),
            Page::Inspect => scrolled(ui, "inspect", |ui| panels::inspector::ui(ui, scene, false)),
            Page::Gallery => panels::gallery::ui(ui, scene),
            Page::Verdicts => panels::verdicts::ui(ui, scene),
            Page::Map => panels::map::ui(ui, scene),
            Page::Results => scrolled(ui, "results", |ui| panels::results::ui(ui, scene)),
        }
    });
}

/// Let F6 come to the panel that is being drawn.
fn region(ui: &Ui, scene: &mut Scene<'_>, region: Region) {
    focus::region(ui, scene, region, ui.max_rect());
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
            focus::follow(ui);
        });
}

fn setup_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    panels::model::ui(ui, scene);
    panels::folders::ui(ui, scene);
    panels::confounds::before_ui(ui, scene);
    panels::detector::ui(ui, scene);
    if scene.session.settings.run.method.detector.lmd().is_some() {
        panels::mask::ui(ui, scene);
        panels::method::ui(ui, scene);
    }
    panels::advanced::ui(ui, scene);
}
