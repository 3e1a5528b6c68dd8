//! All colors, sizes and text styles of the window, for a light and a dark ground.
//!
//! In-domain is blue and out-of-domain is orange (Okabe & Ito's pair that color-blind people can tell apart), and
//! each role has its own mark as well, so that nothing rests on color alone.

use egui::{
    Color32, Context, CornerRadius, FontFamily, FontId, Margin, Stroke, Style, TextStyle, Theme,
    ThemePreference, Ui, Vec2, Visuals, vec2,
};

use crate::ood::Role;
use crate::state::ThemeChoice;
use crate::ui::quiet::QuietTooltips;

/// Height of the progress panel in points.
pub const BOTTOM_HEIGHT: f32 = 76.0;
/// Distance between a panel's edge and its content.
pub const MARGIN: i8 = 12;
/// Distance between sections.
pub const SECTION_GAP: f32 = 12.0;
/// Width of the labels in front of controls.
pub const LABEL_WIDTH: f32 = 82.0;
/// Height of one row of controls.
pub const ROW_HEIGHT: f32 = 24.0;
/// Corner radius of cards, pictures and buttons.
pub const RADIUS: u8 = 6;
/// How much wider than its picture a gallery tile is, in points.
pub const TILE_MARGIN: f32 = 12.0;
/// How much higher than wide a gallery tile is, in points: the line of its score.
pub const TILE_FOOTER: f32 = 16.0;
/// Side of an attempt's picture in the strip.
pub const ATTEMPT: f32 = 52.0;
/// Size of a field for a number.
pub const NUMBER_FIELD: Vec2 = vec2(64.0, ROW_HEIGHT);

/// A color as it is written in style sheets, 0xRRGGBB.
#[expect(
    clippy::disallowed_methods,
    reason = "this is the one place where colors are made"
)]
const fn hex(rgb: u32) -> Color32 {
    Color32::from_rgb((rgb >> 16) as u8, (rgb >> 8) as u8, rgb as u8)
}

/// The colors of one theme.
#[derive(Debug)]
pub struct Palette {
    /// Ground of the side panels.
    pub ground: Color32,
    /// Ground of the center, of cards and of plots.
    pub surface: Color32,
    /// Buttons and other raised things.
    pub raised: Color32,
    /// Raised things under the pointer.
    pub hovered: Color32,
    /// Fields to type in, troughs of sliders.
    pub sunken: Color32,
    /// Lines between panels and around cards.
    pub line: Color32,
    pub text: Color32,
    /// Text of less weight.
    pub weak: Color32,
    /// The one button to press, what is selected, progress.
    pub accent: Color32,
    /// Text on `accent`.
    pub on_accent: Color32,
    /// Ground of what is selected.
    pub selection: Color32,
    /// In-domain.
    pub in_domain: Color32,
    /// Out-of-domain.
    pub out_of_domain: Color32,
    /// To be judged.
    pub unknown: Color32,
    /// Pixels hidden by a mask: a color that photos and digits rarely have.
    pub hole: Color32,
    /// What went wrong.
    pub error: Color32,
    /// What was left out.
    pub warning: Color32,
}

/// The light colors.
pub const LIGHT: Palette = Palette {
    ground: hex(0xf3_f5f8),
    surface: hex(0xff_ffff),
    raised: hex(0xe6_e9ef),
    hovered: hex(0xd9_dee7),
    sunken: hex(0xff_ffff),
    line: hex(0xd5_dae3),
    text: hex(0x1a_1f29),
    weak: hex(0x59_6273),
    accent: hex(0x0f_766e),
    on_accent: hex(0xff_ffff),
    selection: hex(0xcf_e9e5),
    in_domain: hex(0x00_72b2),
    out_of_domain: hex(0xc7_5000),
    unknown: hex(0x6b_7280),
    hole: hex(0xa4_8fd6),
    error: hex(0xb4_232a),
    warning: hex(0x8a_5a00),
};

/// The dark colors.
pub const DARK: Palette = Palette {
    ground: hex(0x15_181e),
    surface: hex(0x1c_2028),
    raised: hex(0x2a_303b),
    hovered: hex(0x36_3d4a),
    sunken: hex(0x11_141a),
    line: hex(0x31_3844),
    text: hex(0xe7_eaf0),
    weak: hex(0x9a_a4b5),
    accent: hex(0x2b_b5a5),
    on_accent: hex(0x06_201d),
    selection: hex(0x1d_4a46),
    in_domain: hex(0x5a_b4f0),
    out_of_domain: hex(0xf3_9c4a),
    unknown: hex(0xa3_abb8),
    hole: hex(0x8a_78bd),
    error: hex(0xff_8a87),
    warning: hex(0xe6_b450),
};

impl Palette {
    /// The color of a role.
    pub fn role(&self, role: Role) -> Color32 {
        match role {
            Role::InDomain => self.in_domain,
            Role::OutOfDomain => self.out_of_domain,
            Role::Unknown => self.unknown,
        }
    }
}

/// The colors in use.
pub fn palette(ui: &Ui) -> &'static Palette {
    if ui.visuals().dark_mode {
        &DARK
    } else {
        &LIGHT
    }
}

/// Set both themes and the rule of tooltips once, at the start.
pub fn install(ctx: &Context) {
    ctx.add_plugin(QuietTooltips::default());
    ctx.set_style_of(Theme::Light, style(&LIGHT, Visuals::light()));
    ctx.set_style_of(Theme::Dark, style(&DARK, Visuals::dark()));
}

/// Follow the user's choice of theme.
pub fn follow(ctx: &Context, choice: ThemeChoice) {
    let preference = match choice {
        ThemeChoice::System => ThemePreference::System,
        ThemeChoice::Light => ThemePreference::Light,
        ThemeChoice::Dark => ThemePreference::Dark,
    };
    if ctx.options(|options| options.theme_preference) != preference {
        ctx.set_theme(preference);
    }
}

/// Follow the user's choice of size.
pub fn zoom(ctx: &Context, percent: u32) {
    // Its own keys would go beyond the sizes that the layout is made for, and would not be kept.
    ctx.options_mut(|options| options.zoom_with_keyboard = false);
    let factor = percent as f32 / 100.0;
    if ctx.zoom_factor() != factor {
        ctx.set_zoom_factor(factor);
    }
}

fn style(palette: &Palette, base: Visuals) -> Style {
    let mut style = Style {
        visuals: visuals(palette, base),
        ..Style::default()
    };
    let font = |size, family| FontId::new(size, family);
    style.text_styles = [
        (TextStyle::Heading, font(17.0, FontFamily::Proportional)),
        (TextStyle::Body, font(13.5, FontFamily::Proportional)),
        (TextStyle::Button, font(13.5, FontFamily::Proportional)),
        (TextStyle::Small, font(12.5, FontFamily::Proportional)),
        (TextStyle::Monospace, font(12.5, FontFamily::Monospace)),
    ]
    .into();
    let spacing = &mut style.spacing;
    spacing.item_spacing = vec2(8.0, 6.0);
    spacing.button_padding = vec2(9.0, 4.0);
    spacing.interact_size = vec2(36.0, ROW_HEIGHT);
    spacing.menu_margin = Margin::same(6);
    spacing.tooltip_width = 340.0;
    spacing.slider_width = 110.0;
    spacing.combo_width = 80.0;
    spacing.scroll.bar_width = 8.0;
    spacing.scroll.floating = true;
    style.interaction.selectable_labels = false;
    style
}

fn visuals(palette: &Palette, base: Visuals) -> Visuals {
    let mut visuals = base;
    let radius = CornerRadius::same(RADIUS);
    visuals.override_text_color = None;
    visuals.weak_text_color = Some(palette.weak);
    visuals.hyperlink_color = palette.accent;
    visuals.faint_bg_color = palette.ground;
    visuals.extreme_bg_color = palette.sunken;
    visuals.text_edit_bg_color = Some(palette.sunken);
    visuals.code_bg_color = palette.raised;
    visuals.warn_fg_color = palette.warning;
    visuals.error_fg_color = palette.error;
    visuals.window_fill = palette.surface;
    visuals.window_stroke = Stroke::new(1.0, palette.line);
    visuals.window_corner_radius = CornerRadius::same(10);
    visuals.menu_corner_radius = CornerRadius::same(8);
    visuals.panel_fill = palette.ground;
    visuals.selection.bg_fill = palette.selection;
    visuals.selection.stroke = Stroke::new(1.0, palette.accent);
    visuals.slider_trailing_fill = true;
    let widgets = &mut visuals.widgets;
    widgets.noninteractive.bg_fill = palette.ground;
    widgets.noninteractive.weak_bg_fill = palette.ground;
    widgets.noninteractive.bg_stroke = Stroke::new(1.0, palette.line);
    widgets.noninteractive.fg_stroke = Stroke::new(1.0, palette.text);
    let states = [
        (&mut widgets.inactive, palette.raised, palette.line),
        (&mut widgets.hovered, palette.hovered, palette.weak),
        (&mut widgets.active, palette.hovered, palette.accent),
        (&mut widgets.open, palette.hovered, palette.line),
    ];
    for (state, fill, line) in states {
        state.bg_fill = fill;
        state.weak_bg_fill = fill;
        state.bg_stroke = Stroke::new(1.0, line);
        state.fg_stroke = Stroke::new(1.0, palette.text);
        state.expansion = 0.0;
    }
    for state in [
        &mut widgets.noninteractive,
        &mut widgets.inactive,
        &mut widgets.hovered,
        &mut widgets.active,
        &mut widgets.open,
    ] {
        state.corner_radius = radius;
    }
    visuals
}

/// A color at part of its strength.
pub fn faded(color: Color32, opacity: f32) -> Color32 {
    color.gamma_multiply(opacity)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Contrast ratio of WCAG 2.1.
    fn contrast(a: Color32, b: Color32) -> f64 {
        let luminance = |color: Color32| {
            let linear = [color.r(), color.g(), color.b()].map(|value| {
                let value = f64::from(value) / 255.0;
                if value <= 0.040_45 {
                    value / 12.92
                } else {
                    ((value + 0.055) / 1.055).powf(2.4)
                }
            });
            0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        };
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn text_can_be_read_on_every_ground() {
        for palette in [&LIGHT, &DARK] {
            for ground in [palette.ground, palette.surface] {
                for text in [
                    palette.text,
                    palette.weak,
                    palette.in_domain,
                    palette.out_of_domain,
                    palette.unknown,
                    palette.error,
                    palette.warning,
                    palette.accent,
                ] {
                    let ratio = contrast(text, ground);
                    assert!(ratio >= 4.2, "{text:?} on {ground:?}: {ratio:.2}");
                }
            }
            for (text, ground) in [
                (palette.text, palette.raised),
                (palette.text, palette.selection),
                (palette.on_accent, palette.accent),
            ] {
                assert!(contrast(text, ground) >= 4.5, "{text:?} on {ground:?}");
            }
        }
    }
}
