//! How many network calls to spend per image, by what was measured.

use egui::containers::menu::{MenuButton, MenuConfig};
use egui::{Align, Button, Layout, PopupCloseBehavior, RichText, Slider, Ui};
use egui_plot::{AxisHints, GridMark, Line, PlotBounds, PlotPoints, VLine};

use super::histogram::{axis, base_plot};
use crate::detectors::lmd::Lmd;
use crate::detectors::lmd::frontier::{Frontier, Setting};
use crate::detectors::measures;
use crate::ood::MeasureId;
use crate::state::{glossary, text};
use crate::ui::theme;
use crate::ui::widgets::layout::{note, row, stand_in};
use crate::ui::widgets::ticks;
use crate::ui::widgets::tip::Tip as _;

const WIDTH: f32 = 330.0;
const PLOT_HEIGHT: f32 = 150.0;

/// Draw the row, with a slider over the settings that are worth their calls.
pub fn ui(ui: &mut Ui, lmd: &mut Lmd, measure: MeasureId, num_timesteps: usize) {
    let num_steps = lmd.sampler.num_steps(num_timesteps);
    let calls = lmd.sampler.num_calls(num_steps) * lmd.num_attempts;
    let tooltip = glossary::CALLS.text;
    let Some(frontier) = Frontier::of(measure) else {
        return;
    };
    row(ui, glossary::CALLS.term, tooltip, |ui| {
        let words = format!("{} per image…", text::count(calls));
        let config = MenuConfig::default().close_behavior(PopupCloseBehavior::CloseOnClickOutside);
        let (button, _) = MenuButton::new(words).config(config).ui(ui, |ui| {
            ui.set_width(WIDTH);
            // Menus stretch what is in them, words included.
            ui.with_layout(Layout::top_down(Align::Min), |ui| {
                chooser_ui(ui, frontier, lmd, calls);
            });
        });
        button
    });
}

fn chooser_ui(ui: &mut Ui, frontier: &Frontier, lmd: &mut Lmd, calls: usize) {
    let label = measures::label(&frontier.measure);
    ui.label(RichText::new(format!("AUROC by {label} and network calls per image")).strong());
    plot_ui(ui, frontier, calls);
    let settings = &frontier.settings;
    let nearest = frontier.best(calls);
    let at = |setting: &Setting| settings.iter().position(|it| it == setting).unwrap_or(0);
    let mut place = nearest.map_or(0, at);
    ui.spacing_mut().slider_width = WIDTH - 8.0;
    let slider = Slider::new(&mut place, 0..=settings.len().saturating_sub(1)).show_value(false);
    let response = ui.add(slider).tip(
        || "Few calls on the left, many on the right. It sets sampler, steps, eta and attempts",
    );
    if response.changed()
        && let Some(setting) = settings.get(place)
    {
        setting.apply(lmd);
    }
    let Some(setting) = settings.get(place) else {
        return;
    };
    let words = format!(
        "{}: {} of DDIM, eta {}, {}",
        text::counted(setting.calls(), "call"),
        text::counted(setting.num_steps, "step"),
        setting.eta,
        text::counted(setting.num_attempts, "attempt"),
    );
    ui.horizontal(|ui| {
        ui.label(words);
        // The slider may stand where it would have to be moved to.
        let use_it = Button::new(RichText::new("Use").small()).fill(theme::palette(ui).raised);
        if !setting.is_of(lmd)
            && ui
                .add(use_it)
                .tip(|| "Set these steps, eta and attempts")
                .clicked()
        {
            setting.apply(lmd);
        }
    });
    table_ui(ui, frontier, setting);
    note(
        ui,
        "Measured with small models of 32x32 gray data sets, 100 images per side. Other images may need more: score some with \
         two settings and compare.",
    );
}

/// The mean over the pairs, among the pairs.
fn plot_ui(ui: &mut Ui, frontier: &Frontier, calls: usize) {
    let palette = theme::palette(ui);
    let place = |setting: &Setting| (setting.calls() as f64).log10();
    let points = |value: &dyn Fn(&Setting) -> f64| -> PlotPoints<'_> {
        let settings = frontier.settings.iter();
        settings.map(|it| [place(it), value(it)]).collect()
    };
    let last = frontier.settings.last().map_or(2.0, place);
    let first = frontier.settings.first().map_or(0.0, place);
    let all = || frontier.settings.iter().flat_map(|it| &it.auroc).copied();
    let least = all().fold(1.0, f64::min);
    let bounds = PlotBounds::from_min_max([first - 0.08, least - 0.01], [last + 0.08, 1.005]);
    let shown = base_plot("calls", PLOT_HEIGHT)
        .x_grid_spacer(|input| {
            let mark = |calls: f64| GridMark {
                value: calls.log10(),
                step_size: 0.3,
            };
            let is_shown =
                |mark: &GridMark| (input.bounds.0..=input.bounds.1).contains(&mark.value);
            let marks = [3.0, 5.0, 10.0, 20.0, 50.0, 100.0, 250.0, 500.0].map(mark);
            marks.into_iter().filter(is_shown).collect()
        })
        .y_grid_spacer(ticks::round_marks(5, false))
        .custom_x_axes(vec![
            axis(palette, AxisHints::new_x())
                .formatter(|mark, _| format!("{:.0}", 10_f64.powf(mark.value))),
        ])
        .custom_y_axes(vec![
            axis(palette, AxisHints::new_y()).formatter(ticks::label),
        ])
        .grid_color(palette.line)
        .show(ui, |plot| {
            plot.set_plot_bounds(bounds);
            for pair in 0..frontier.pairs.len() {
                let line = Line::new("pair", points(&|it| it.auroc[pair]))
                    .color(palette.weak.gamma_multiply(0.6));
                plot.line(line.width(1.0).allow_hover(false));
            }
            let mean = Line::new("mean", points(&Setting::mean_auroc)).color(palette.accent);
            plot.line(mean.width(2.5).allow_hover(false));
            let line = VLine::new("calls", (calls.max(1) as f64).log10()).color(palette.text);
            plot.vline(line.width(1.0).allow_hover(false));
        });
    let best = frontier.settings.last().map_or(0.0, Setting::mean_auroc);
    let description = format!(
        "Mean AUROC over {} pairs by network calls per image, up to {best:.3}",
        frontier.pairs.len()
    );
    stand_in(ui, "calls stand-in", shown.response.rect, &description);
}

fn table_ui(ui: &mut Ui, frontier: &Frontier, setting: &Setting) {
    egui::Grid::new("calls pairs")
        .num_columns(4)
        .spacing([10.0, 0.0])
        .min_row_height(16.0)
        .show(ui, |ui| {
            for (index, ((inside, outside), auroc)) in
                frontier.pairs.iter().zip(&setting.auroc).enumerate()
            {
                note(ui, format!("{} / {}", short(inside), short(outside)));
                note(ui, format!("{auroc:.3}"));
                if index % 2 == 1 {
                    ui.end_row();
                }
            }
        });
}

/// A data set in a narrow column.
fn short(name: &str) -> &str {
    match name {
        "mnist" => "MNIST",
        "kmnist" => "KMNIST",
        "fashion-mnist" => "Fashion",
        other => other,
    }
}
