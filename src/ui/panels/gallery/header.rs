//! What is above the gallery's pictures: how many there are, finding, size, order and filters.

use egui::{Align, Layout, Rect, Slider, TextStyle, Ui, Vec2, vec2};

use crate::ood::Role;
use crate::state::folders::short_name;
use crate::state::panels::TILE_WIDTHS;
use crate::state::{
    Action, Alike, GalleryOrder, LookAction, MarkFilter, UiCommand, VerdictFilter, text,
};
use crate::ui::panels::{Scene, TextWish};
use crate::ui::theme;
use crate::ui::widgets::buttons::{cross, sized};
use crate::ui::widgets::combo::combo;
use crate::ui::widgets::layout::{TITLE, ends, note, sized_cell, title};
use crate::ui::widgets::tip::Tip as _;

/// Width in points that the field to find images leaves to title, count and slider.
const LEFT_WIDTH: f32 = 300.0;
/// Width in points of the list of what to filter by.
const MARKS_WIDTH: f32 = 116.0;

/// Points that a chip is wider than its words.
const CHIP_BESIDE: f32 = 36.0;

/// Draw both rows.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    ui.horizontal(|ui| {
        // What is at the right edge can't go by what the left leaves, that goes by it.
        let has_marks = has_marks(scene);
        let marks_width = if has_marks { MARKS_WIDTH } else { 0.0 };
        let find_width = (ui.available_width() - LEFT_WIDTH - marks_width).clamp(40.0, 200.0);
        let count_ui = |ui: &mut Ui, scene: &mut Scene<'_>| {
            title(ui, "Images", TITLE);
            note(ui, counted(scene));
        };
        ends(ui, "find", scene, count_ui, |ui, scene| {
            if has_marks {
                marks_ui(ui, scene);
            }
            find_ui(ui, scene, find_width);
            tile_ui(ui, scene);
        });
    });
    choices_ui(ui, scene);
}

/// How many images are shown, of how many where some are left out.
fn counted(scene: &Scene<'_>) -> String {
    let gallery = &scene.session.shown.gallery;
    let (all, count) = (gallery.images().len(), gallery.order().len());
    let images = match gallery.marked().len() {
        0 if count < all => format!("{} of {}", text::count(count), text::count(all)),
        0 => text::count(count),
        marked => return format!("{} of {} marked", text::count(marked), text::count(count)),
    };
    match scene.session.shown.marks.num_reviewed() {
        0 => images,
        reviewed => format!("{images}, {} reviewed", text::count(reviewed)),
    }
}

/// Whether there is something to filter by, or a filter to take away.
fn has_marks(scene: &Scene<'_>) -> bool {
    let session = scene.session;
    !session.shown.marks.all().is_empty() || session.looking.mark_filter.is_some()
}

/// What must have been noted about the images.
fn marks_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let before = &scene.session.looking.mark_filter;
    let mut filter = before.clone();
    let tags = scene.session.shown.marks.tags().iter();
    let mut items: Vec<Option<MarkFilter>> = std::iter::once(None)
        .chain(MarkFilter::PLAIN.map(Some))
        .chain(tags.map(|(tag, _)| Some(MarkFilter::Tagged(tag.clone()))))
        .collect();
    if !items.contains(before) {
        // A tag of a run that was shown before.
        items.push(before.clone());
    }
    sized_cell(ui, MARKS_WIDTH, |ui| {
        combo(ui, "review", &mut filter, &items, |filter| {
            (filter.as_ref()).map_or_else(|| "Any review".to_owned(), MarkFilter::label)
        })
        .tip(|| "Show images by whether they were reviewed, by a corrected role, a note or a tag")
        .accessible_name("Gallery review");
    });
    if filter != *before {
        let action = LookAction::FilterMarks(filter);
        scene.actions.push(Action::Look(action));
    }
}

/// Text that paths must have.
fn find_ui(ui: &mut Ui, scene: &mut Scene<'_>, width: f32) {
    let mut needle = scene.session.looking.needle.clone();
    let field = egui::TextEdit::singleline(&mut needle)
        .hint_text("Find")
        .desired_width(width)
        .min_size(vec2(width, theme::ROW_HEIGHT));
    let response = ui
        .add(field)
        .tip(|| "Show only images whose path has this text (Ctrl+F)")
        .accessible_name("Find images");
    if scene.drafts.takes_wish(TextWish::Find) {
        response.request_focus();
    }
    if response.changed() {
        scene.actions.push(Action::Look(LookAction::Find(needle)));
    }
}

/// How large the pictures are.
fn tile_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let mut panels = scene.session.settings.panels;
    ui.spacing_mut().slider_width = 64.0;
    let slider = Slider::new(&mut panels.tile_width, TILE_WIDTHS)
        .show_value(false)
        .trailing_fill(false);
    ui.add(slider)
        .tip(|| "Size of the pictures")
        .accessible_name("Gallery picture size");
    if panels != scene.session.settings.panels {
        scene.actions.push(Action::SetPanels(panels));
    }
}

/// What the images are chosen by, where that is how alike they are, and the way back.
fn alike_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let shown = &scene.session.shown;
    let words = match shown.gallery.alike() {
        None => return,
        Some(_) if shown.similar().is_none() => "Comparing…".to_owned(),
        Some(Alike::Like(id)) => {
            let image = shown.run.as_ref().and_then(|run| run.images.get(*id));
            let name = image.map_or_else(String::new, |image| short_name(&image.file.path));
            format!("Most like {name}")
        }
        Some(Alike::Surrounded(ids)) => format!("{} on the map", text::count(ids.len())),
        Some(Alike::Duplicates) => "Near duplicates".to_owned(),
    };
    let palette = theme::palette(ui);
    let font = TextStyle::Body.resolve(ui.style());
    let galley = (ui.painter()).layout_no_wrap(words.clone(), font, palette.text);
    // Of one piece where the row breaks: it must not end beyond the panel.
    let size = vec2(galley.size().x + CHIP_BESIDE, theme::ROW_HEIGHT);
    ui.allocate_ui_with_layout(size, Layout::left_to_right(Align::Center), |ui| {
        let place = Rect::from_min_size(ui.max_rect().min, size);
        ui.painter()
            .rect_filled(place, theme::RADIUS, palette.selection);
        ui.spacing_mut().item_spacing.x = 2.0;
        ui.add_space(8.0);
        ui.label(&words);
        let all = Action::Look(LookAction::Alike(None));
        let name = format!("Clear {}", words.to_lowercase());
        cross(ui, scene.actions, all, &name);
    });
}

/// Order and filters.
fn choices_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let old = scene.session.settings.gallery;
    let mut view = old;
    let roles: Vec<Option<Role>> = std::iter::once(None).chain(Role::ALL.map(Some)).collect();
    let verdicts: Vec<Option<VerdictFilter>> = std::iter::once(None)
        .chain(VerdictFilter::ALL.map(Some))
        .collect();
    ui.horizontal_wrapped(|ui| {
        sized_cell(ui, 160.0, |ui| {
            combo(ui, "order", &mut view.order, &GalleryOrder::ALL, |order| {
                order.label().to_owned()
            })
            .tip(|| "Order of the images")
            .accessible_name("Gallery order");
        });
        sized_cell(ui, 122.0, |ui| {
            combo(ui, "role", &mut view.role, &roles, |role| {
                role.map_or("All roles", Role::label).to_owned()
            })
            .tip(|| "Show images of one role only")
            .accessible_name("Gallery role");
        });
        sized_cell(ui, 162.0, |ui| {
            combo(ui, "verdict", &mut view.verdict, &verdicts, |verdict| {
                verdict
                    .map_or("All verdicts", VerdictFilter::label)
                    .to_owned()
            })
            .tip(|| "Show only images that the threshold puts on one side, or its mistakes")
            .accessible_name("Gallery verdict");
        });
        let is_filtered = scene.session.is_gallery_filtered();
        let all = Action::Do(UiCommand::ShowAll);
        sized(ui, scene.actions, all, Vec2::ZERO, is_filtered);
        alike_ui(ui, scene);
    });
    if view != old {
        scene.actions.push(Action::SetGallery(view));
    }
}
