//! Copying one of the pictures that are looked at.

use egui::{Color32, ColorImage, Ui};

use super::detail;
use super::legend::top;
use super::shown::{Pane, Shown, shown};
use crate::images::Picture;
use crate::state::look::DifferenceKind;
use crate::state::{Action, LookAction, Part};
use crate::ui::colormap;
use crate::ui::panels::Scene;
use crate::ui::textures::color_image;
use crate::ui::theme;

/// Ask for the copy that a key, a menu or the palette wants; call once a frame.
pub fn copy(ui: &Ui, scene: &mut Scene<'_>) {
    let Some(part) = scene.drafts.copy.take() else {
        return;
    };
    let part = part
        .or(scene.drafts.shown.pointed_part)
        .unwrap_or(Part::Original);
    let detail = detail(scene);
    let shown = shown(scene, detail.as_ref());
    let picture = picture(ui, scene, &shown, part).map(Box::new);
    let name = format!(
        "The {} picture of {}",
        part.label().to_lowercase(),
        shown.name
    );
    let copy = LookAction::CopyPicture(picture, name);
    scene.actions.push(Action::Look(copy));
}

/// The pixels of a part as they are shown, at the size of the model.
fn picture(ui: &Ui, scene: &Scene<'_>, shown: &Shown<'_>, part: Part) -> Option<Picture> {
    let original = shown.original.filter(|_| shown.has(Pane::One(part)))?;
    match part {
        Part::Original => Some(original.clone()),
        Part::Masked => {
            let hole = theme::palette(ui).hole;
            Some(rgb(&color_image(original, shown.mask, hole)))
        }
        Part::Inpainted => shown.inpainted.cloned(),
        Part::Difference => {
            let look = scene.session.settings.look;
            if look.difference == DifferenceKind::Lpips {
                let map = scene.session.shown.map()?;
                return Some(rgb(&colormap::levels_image(&map.levels, look.color_map)));
            }
            let top = top(scene).map_or(255, |(top, _)| top);
            let image =
                colormap::difference_image(original, shown.inpainted?, look.color_map, top)?;
            Some(rgb(&image))
        }
    }
}

fn rgb(image: &ColorImage) -> Picture {
    let rgb = |color: &Color32| [color.r(), color.g(), color.b()];
    Picture {
        width: image.width(),
        height: image.height(),
        channels: 3,
        bytes: image.pixels.iter().flat_map(rgb).collect(),
    }
}
