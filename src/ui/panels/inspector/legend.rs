//! The scale of the difference map, and the line under the pictures.

use egui::{
    Align, Align2, Color32, Layout, Rect, RichText, Sense, TextStyle, Ui, UiBuilder, WidgetInfo,
    pos2, vec2,
};

use super::shown::{Shown, pixel_values};
use crate::state::look::DifferenceKind;
use crate::state::shown::difference::ScaleBasis;
use crate::state::shown::maps::MapScale;
use crate::state::text;
use crate::ui::panels::Scene;
use crate::ui::theme;
use crate::ui::widgets::picture;
use crate::ui::widgets::tip::Tip as _;

/// Height of the line under the pictures.
pub const LINE_HEIGHT: f32 = 18.0;

/// The difference with the strongest color, and what it comes from.
pub fn top(scene: &Scene<'_>) -> Option<(u8, ScaleBasis)> {
    let run = scene.session.shown.run.as_ref()?;
    run.differences.top()
}

/// The colors from 0 to the top of the run's scale.
pub fn legend_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let Some(scale) = Scale::of(scene) else {
        return;
    };
    let palette = theme::palette(ui);
    let map = scene.session.settings.look.color_map;
    let texture = scene.textures.legend(ui.ctx(), map);
    let size = vec2(ui.available_width(), 14.0);
    let (rect, response) = ui.allocate_exact_size(size, Sense::hover());
    let font = TextStyle::Small.resolve(ui.style());
    let text = |x: f32, align, text: String| {
        let at = pos2(x, rect.center().y);
        ui.painter()
            .text(at, align, text, font.clone(), palette.weak)
    };
    let name = format!("Colors, {} to {}", scale.low, scale.high);
    let left = text(rect.left(), Align2::LEFT_CENTER, scale.low);
    let right = text(rect.right(), Align2::RIGHT_CENTER, scale.high);
    let bar = Rect::from_x_y_ranges(
        left.right() + 5.0..=right.left() - 5.0,
        rect.center().y - 4.0..=rect.center().y + 4.0,
    );
    if bar.is_positive() {
        ui.painter()
            .image(texture.id(), bar, picture::WHOLE, Color32::WHITE);
    }
    let sentence = scale.sentence;
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Image, true, &name));
    response
        .tip(|| format!("{sentence}. Only first attempts count, so that the scale stands still"));
}

/// The scale of the difference map in words.
struct Scale {
    low: String,
    high: String,
    sentence: String,
}

impl Scale {
    /// `None` while there is none.
    fn of(scene: &Scene<'_>) -> Option<Self> {
        // Steps of a denoising have no LPIPS map.
        let is_watched = scene.session.shown.scrub().is_some();
        match scene.session.settings.look.difference {
            DifferenceKind::Lpips if !is_watched => {
                scene.session.shown.map_scale().map(Self::lpips)
            }
            DifferenceKind::Absolute | DifferenceKind::Lpips => {
                top(scene).map(|(top, basis)| Self::absolute(top, basis))
            }
        }
    }

    fn absolute(top: u8, basis: ScaleBasis) -> Self {
        let (pixels, but) = match basis {
            ScaleBasis::InDomain => ("in-domain hidden pixels", ""),
            ScaleBasis::Others => ("the hidden pixels", " (no in-domain image yet)"),
        };
        Self {
            low: "Difference 0".to_owned(),
            high: top.to_string(),
            sentence: format!(
                "One color scale for the whole run, from 0 to {top} of 255: 99 % of {pixels} stay below{but}"
            ),
        }
    }

    fn lpips(scale: MapScale) -> Self {
        let (images, but) = match scale.basis {
            ScaleBasis::InDomain => (text::counted(scale.num_images, "in-domain image"), ""),
            ScaleBasis::Others => (
                text::counted(scale.num_images, "image"),
                " (no in-domain image yet)",
            ),
        };
        let top = text::score(f64::from(scale.top));
        Self {
            low: "LPIPS 0".to_owned(),
            sentence: format!(
                "One color scale for the whole run, from 0 to {top}: 99 % of the pixels of {images} stay below{but}"
            ),
            high: top,
        }
    }
}

/// The values under the pointer, else the scale of the difference map.
pub fn line_ui(ui: &mut Ui, scene: &Scene<'_>, shown: &Shown<'_>) {
    let size = vec2(ui.available_width(), LINE_HEIGHT);
    let (rect, _) = ui.allocate_exact_size(size, Sense::hover());
    let values = scene
        .drafts
        .shown
        .pointed
        .and_then(|pixel| Some(pixel_values(shown, pixel)? + &map_value(scene, shown, pixel)));
    let line = values
        .or_else(|| Scale::of(scene).map(|scale| scale.sentence))
        .unwrap_or_default();
    let text = RichText::new(line).small().color(theme::palette(ui).weak);
    // A child of its own: words must not make the line higher than it is without them.
    let layout = Layout::left_to_right(Align::Center);
    let mut child = ui.new_child(UiBuilder::new().max_rect(rect).layout(layout));
    child.add(egui::Label::new(text).truncate());
}

/// The value of the LPIPS map where it is shown.
fn map_value(scene: &Scene<'_>, shown: &Shown<'_>, [x, y]: [usize; 2]) -> String {
    let is_shown = scene.session.settings.look.difference == DifferenceKind::Lpips
        && scene.session.shown.scrub().is_none();
    let value = scene
        .session
        .shown
        .map()
        .filter(|_| is_shown)
        .and_then(|map| {
            let width = shown.original?.width;
            map.values.get(y * width + x)
        });
    value.map_or_else(String::new, |value| {
        format!(", LPIPS map {}", text::score(f64::from(*value)))
    })
}
