//! What a person notes about the image: reviewed, corrected role, tags and a note, in one row of the same height whatever is
//! noted. Lists and the text itself open below it.

use egui::{
    Button, Id, Key, Popup, PopupCloseBehavior, Response, RichText, ScrollArea, TextEdit, Ui, vec2,
};

use crate::images::ContentHash;
use crate::ood::Role;
use crate::runs::marks::tag_of;
use crate::runs::{ImageMarks, MarkChange};
use crate::state::{Action, UiCommand, text};
use crate::ui::panels::{Scene, TextWish};
use crate::ui::theme::{self, ROW_HEIGHT};
use crate::ui::widgets::combo::combo;
use crate::ui::widgets::layout::{note, sized_cell};
use crate::ui::widgets::tip::Tip as _;

/// Width of the list of roles in points.
const ROLE_WIDTH: f32 = 140.0;
/// Least width of the button with the tags.
const TAGS_WIDTH: f32 = 90.0;
/// Width of what opens below the row.
const POPUP_WIDTH: f32 = 260.0;
/// Height of the list of tags, past which it scrolls.
const LIST_HEIGHT: f32 = 180.0;
/// Lines of the field for the note.
const NOTE_ROWS: usize = 5;

/// What the row is about.
struct Marked {
    /// The image that is looked at; `None` where it is not one of a run.
    image: Option<usize>,
    contents: Vec<ContentHash>,
    marks: ImageMarks,
}

impl Marked {
    fn of(scene: &Scene<'_>) -> Self {
        let shown = &scene.session.shown;
        let contents = shown.contents_to_mark();
        let image = shown.image().filter(|_| !contents.is_empty());
        Self {
            contents,
            marks: image
                .and_then(|image| shown.marks_of(image))
                .cloned()
                .unwrap_or_default(),
            image,
        }
    }

    fn push(&self, scene: &mut Scene<'_>, change: MarkChange) {
        let action = Action::Annotate(self.contents.clone(), change);
        scene.actions.push(action);
    }

    /// What a tooltip says further where several images are meant.
    fn of_how_many(&self) -> String {
        match self.contents.len() {
            0 => ". Score the images first, or open a run".to_owned(),
            1 => String::new(),
            count => format!(". It is for all {} marked images", text::count(count)),
        }
    }
}

/// Draw the row.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let marked = Marked::of(scene);
    ui.horizontal(|ui| {
        ui.set_min_height(ROW_HEIGHT);
        ui.spacing_mut().item_spacing.x = 6.0;
        if marked.image.is_none() {
            ui.disable();
        }
        reviewed_ui(ui, scene, &marked);
        role_ui(ui, scene, &marked);
        let rest = ui.available_width() - ui.spacing().item_spacing.x;
        let tags_width = (0.45 * rest).max(TAGS_WIDTH);
        tags_ui(ui, scene, &marked, tags_width);
        let width = ui.available_width();
        note_ui(ui, scene, &marked, width);
    });
}

fn reviewed_ui(ui: &mut Ui, scene: &mut Scene<'_>, marked: &Marked) {
    let mut is_reviewed = marked.marks.is_reviewed;
    let info = UiCommand::ToggleReviewed.info();
    let response = ui
        .checkbox(&mut is_reviewed, "Reviewed")
        .tip_always(|| format!("{}{}", info.tooltip(), marked.of_how_many()));
    if response.changed() {
        marked.push(scene, MarkChange::Review(is_reviewed));
    }
}

fn role_ui(ui: &mut Ui, scene: &mut Scene<'_>, marked: &Marked) {
    let mut corrected = marked.marks.corrected;
    let before = corrected;
    let items = [None, Some(Role::InDomain), Some(Role::OutOfDomain)];
    sized_cell(ui, ROLE_WIDTH, |ui| {
        combo(ui, "corrected role", &mut corrected, &items, |role| {
            role.map_or("Role as given", Role::label).to_owned()
        })
        .tip_always(|| {
            format!(
                "What this image is after all (I, O). Figures are then shown as given and as corrected, scores and threshold \
                 stay{}",
                marked.of_how_many()
            )
        })
        .accessible_name("Corrected role");
    });
    if corrected != before {
        marked.push(scene, MarkChange::Correct(corrected));
    }
}

/// A button that opens what is below it.
fn opener(
    ui: &mut Ui,
    (words, is_set): (&str, bool),
    name: String,
    width: f32,
    tooltip: impl FnOnce() -> String,
) -> Response {
    let palette = theme::palette(ui);
    let color = if is_set { palette.text } else { palette.weak };
    let button = Button::new(RichText::new(words).color(color))
        .truncate()
        .min_size(vec2(width, ROW_HEIGHT));
    sized_button(ui, button, width)
        .tip_always(tooltip)
        .accessible_name(name)
}

fn sized_button(ui: &mut Ui, button: Button<'_>, width: f32) -> Response {
    let layout = egui::Layout::left_to_right(egui::Align::Center);
    ui.allocate_ui_with_layout(vec2(width, ROW_HEIGHT), layout, |ui| ui.add(button))
        .inner
}

fn tags_ui(ui: &mut Ui, scene: &mut Scene<'_>, marked: &Marked, width: f32) {
    let tags: Vec<&str> = marked.marks.tags.iter().map(String::as_str).collect();
    let words = match tags.len() {
        0 => "Tag…".to_owned(),
        _ => tags.join(", "),
    };
    let name = match tags.len() {
        0 => "Tags".to_owned(),
        _ => format!("Tags {words}"),
    };
    let response = opener(ui, (&words, !tags.is_empty()), name, width, || {
        format!("Tags of this image (G){}", marked.of_how_many())
    });
    below_ui(&response, scene, marked, TextWish::Tag, tag_list_ui);
}

/// What a button of the row opens: by a click, or by the command that wishes for its field. What is drawn is told whether
/// its field gets the focus.
fn below_ui(
    button: &Response,
    scene: &mut Scene<'_>,
    marked: &Marked,
    wish: TextWish,
    draw: fn(&mut Ui, &mut Scene<'_>, &Marked, bool),
) {
    let wants_focus = scene.drafts.takes_wish(wish) && marked.image.is_some();
    let id = Id::unique(("of the image", wish));
    if wants_focus {
        Popup::open_id(&button.ctx, id);
    }
    Popup::from_toggle_button_response(button)
        .id(id)
        .close_behavior(PopupCloseBehavior::CloseOnClickOutside)
        .width(POPUP_WIDTH)
        .show(|ui| draw(ui, scene, marked, wants_focus || button.clicked()));
}

/// A field for a tag, and all tags in use to choose from.
fn tag_list_ui(ui: &mut Ui, scene: &mut Scene<'_>, marked: &Marked, gets_focus: bool) {
    let mut typed = std::mem::take(&mut scene.drafts.tag);
    let field = TextEdit::singleline(&mut typed)
        .hint_text("New tag")
        .desired_width(f32::INFINITY);
    let response = ui
        .add(field)
        .tip(|| "Enter adds the tag")
        .accessible_name("New tag");
    keep_in_view(scene, marked, &response, gets_focus);
    let is_entered = response.lost_focus() && ui.input(|input| input.key_pressed(Key::Enter));
    if is_entered {
        match tag_of(&typed) {
            Some(tag) => {
                marked.push(scene, MarkChange::Tag(tag));
                typed.clear();
                // The next one, or Esc.
                response.request_focus();
            }
            None if typed.trim().is_empty() => ui.close(),
            None => response.request_focus(),
        }
    } else if !typed.trim().is_empty() && tag_of(&typed).is_none() {
        note(ui, "A tag has no comma and no semicolon");
    }
    let needle = typed.trim().to_lowercase();
    let used = scene.session.shown.marks.tags().iter();
    let used: Vec<(String, usize)> = used
        .filter(|(tag, _)| tag.to_lowercase().contains(&needle))
        .cloned()
        .collect();
    if used.is_empty() && needle.is_empty() {
        note(ui, "Tags that are used once are offered here");
    }
    ScrollArea::vertical()
        .id_salt("used tags")
        .max_height(LIST_HEIGHT)
        .show(ui, |ui| {
            for (tag, count) in used {
                used_tag_ui(ui, scene, marked, (tag, count));
            }
        });
    scene.drafts.tag = typed;
}

fn used_tag_ui(ui: &mut Ui, scene: &mut Scene<'_>, marked: &Marked, (tag, count): (String, usize)) {
    let mut has_it = marked.marks.tags.contains(&tag);
    let response = ui
        .checkbox(&mut has_it, format!("{tag} ({})", text::count(count)))
        .tip(|| "Give this image this tag, or take it away");
    if response.changed() {
        let change = if has_it {
            MarkChange::Tag(tag)
        } else {
            MarkChange::Untag(tag)
        };
        marked.push(scene, change);
    }
}

/// What is typed into is about one image, which must not go while a run brings new results.
fn keep_in_view(scene: &mut Scene<'_>, marked: &Marked, response: &Response, gets_focus: bool) {
    if gets_focus {
        response.request_focus();
    }
    if let Some(image) = marked.image
        && (gets_focus || response.has_focus())
        && scene.session.shown.gallery.selected().is_none()
    {
        scene.actions.push(Action::SelectImage(image));
    }
}

fn note_ui(ui: &mut Ui, scene: &mut Scene<'_>, marked: &Marked, width: f32) {
    let words = &marked.marks.note;
    let first = words.lines().next().unwrap_or("Note…");
    let name = if words.is_empty() {
        "Note".to_owned()
    } else {
        format!("Note {first}")
    };
    let response = opener(ui, (first, !words.is_empty()), name, width, || {
        if words.is_empty() {
            "A note about this image (N)".to_owned()
        } else {
            words.clone()
        }
    });
    below_ui(&response, scene, marked, TextWish::Note, note_field_ui);
}

fn note_field_ui(ui: &mut Ui, scene: &mut Scene<'_>, marked: &Marked, gets_focus: bool) {
    let mut typed = marked.marks.note.clone();
    let field = TextEdit::multiline(&mut typed)
        .hint_text("A note about this image")
        .desired_rows(NOTE_ROWS)
        .desired_width(f32::INFINITY);
    let field = ui.add(field).accessible_name("Note text");
    keep_in_view(scene, marked, &field, gets_focus);
    if field.changed() {
        // A note is about what is seen: never about several images.
        let one = marked
            .image
            .and_then(|image| scene.session.shown.markable(image));
        let change = MarkChange::Note(typed);
        (scene.actions).push(Action::Annotate(one.into_iter().collect(), change));
    }
}
