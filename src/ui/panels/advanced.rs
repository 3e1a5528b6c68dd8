//! Settings that few change: seed, limit, batch, device, fit and weights of distances.

use egui::{CollapsingHeader, DragValue, RichText, Ui};

use super::Scene;
use crate::images::ResizeMode;
use crate::runs::{BatchChoice, DeviceChoice, RunSettings};
use crate::state::glossary;
use crate::ui::theme;
use crate::ui::widgets::combo::combo;
use crate::ui::widgets::layout::{TITLE, row};
use crate::ui::widgets::tip::Tip as _;

/// Draw the section.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let title = RichText::new("More settings").strong().size(TITLE);
    CollapsingHeader::new(title)
        .show_unindented(ui, |ui| {
            scene.edit_run(|settings, _| {
                limit_ui(ui, settings);
                seed_ui(ui, settings);
                batch_ui(ui, settings);
                fit_ui(ui, &mut settings.method.resize);
            });
            let is_free = !scene.session.is_running() && !scene.session.is_fitting();
            scene.edit_run(|settings, _| {
                ui.add_enabled_ui(is_free, |ui| device_ui(ui, settings));
            });
            super::weights::field_ui(ui, scene);
            super::runs::saving_ui(ui, scene);
        })
        .header_response
        .tip(|| {
            "Image limit, seed, batch, resizing, device, weights of distances and keeping of runs: what few need to change"
        });
}

fn limit_ui(ui: &mut Ui, settings: &mut RunSettings) {
    let mut limit = settings.selection.limit.unwrap_or(0);
    let tooltip = glossary::IMAGE_LIMIT.text;
    let response = row(ui, "Image limit", tooltip, |ui| {
        ui.add(
            DragValue::new(&mut limit)
                .min_size(theme::NUMBER_FIELD)
                .range(0..=10_000_000)
                .speed(0.5)
                .custom_formatter(|value, _| zero_as("all", value))
                .custom_parser(|text| number_or("all", text)),
        )
    });
    if response.changed() {
        settings.selection.limit = (limit > 0).then_some(limit);
    }
}

fn seed_ui(ui: &mut Ui, settings: &mut RunSettings) {
    let tooltip = glossary::SEED.text;
    row(ui, "Seed", tooltip, |ui| {
        ui.add(
            DragValue::new(&mut settings.method.seed)
                .min_size(theme::NUMBER_FIELD)
                .speed(0.1),
        )
    });
}

fn batch_ui(ui: &mut Ui, settings: &mut RunSettings) {
    let mut batch = match settings.execution.batch {
        BatchChoice::Auto => 0,
        BatchChoice::Fixed(count) => count,
    };
    let tooltip = glossary::BATCH.text;
    let response = row(ui, "Batch", tooltip, |ui| {
        ui.add(
            DragValue::new(&mut batch)
                .min_size(theme::NUMBER_FIELD)
                .range(0..=4096)
                .speed(0.1)
                .custom_formatter(|value, _| zero_as("auto", value))
                .custom_parser(|text| number_or("auto", text)),
        )
    });
    if response.changed() {
        settings.execution.batch = match batch {
            0 => BatchChoice::Auto,
            count => BatchChoice::Fixed(count),
        };
    }
}

fn zero_as(word: &str, value: f64) -> String {
    if value < 0.5 {
        word.to_owned()
    } else {
        format!("{value:.0}")
    }
}

fn number_or(word: &str, text: &str) -> Option<f64> {
    if text.trim().eq_ignore_ascii_case(word) {
        Some(0.0)
    } else {
        text.trim().parse().ok()
    }
}

/// How a picture is brought to a square.
pub fn fit_ui(ui: &mut Ui, resize: &mut ResizeMode) {
    let fits = [ResizeMode::Crop, ResizeMode::Pad, ResizeMode::Stretch];
    let tooltip = glossary::RESIZING.text;
    row(ui, "Resizing", tooltip, |ui| {
        combo(ui, "fit", resize, &fits, |fit| {
            match fit {
                ResizeMode::Crop => "Crop",
                ResizeMode::Pad => "Pad",
                ResizeMode::Stretch => "Stretch",
            }
            .to_owned()
        })
    });
}

fn device_ui(ui: &mut Ui, settings: &mut RunSettings) {
    let mut devices = DeviceChoice::offered();
    if !devices.contains(&settings.execution.device) {
        devices.push(settings.execution.device);
    }
    let tooltip = glossary::DEVICE.text;
    row(ui, "Device", tooltip, |ui| {
        combo(
            ui,
            "device",
            &mut settings.execution.device,
            &devices,
            |device| device.label(),
        )
    });
}
