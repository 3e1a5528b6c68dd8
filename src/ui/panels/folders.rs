//! The folders of images, by role.

use egui::{Align, Layout, RichText, Ui, vec2};

use super::Scene;
use crate::ood::Role;
use crate::state::actions::role_explanation;
use crate::state::{Action, Folder, FolderSource, ScanState, UiCommand, text};
use crate::ui::theme::{self, ROW_HEIGHT};
use crate::ui::widgets::buttons::{cross, sized};
use crate::ui::widgets::layout::{note, number_cell, section, text_cell};
use crate::ui::widgets::mark;
use crate::ui::widgets::path_field::{PathRow, path_row};
use crate::ui::widgets::tip::Tip as _;
use crate::worker::protocol::FolderListing;

/// Unreadable files listed at most.
const MAX_LISTED: usize = 100;
/// Width of a count of images.
const COUNT_WIDTH: f32 = 62.0;

/// Draw the section.
pub fn ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let top = ui.cursor().top();
    section(ui, "Images", |ui| {
        for role in Role::ALL {
            ui.push_id(role.name(), |ui| role_ui(ui, scene, role));
            ui.add_space(4.0);
        }
    });
    let place = ui.min_rect().with_min_y(top);
    if !ui.rect_contains_pointer(place) {
        scene.drafts.removed.clear();
    }
}

/// The place of a folder that was removed, kept while the pointer is near: what was below must not come under it, to be
/// removed by the next click.
#[derive(Clone, Debug)]
pub struct RemovedRow {
    role: Role,
    /// Among the rows of the role.
    position: usize,
    name: String,
}

/// The rows of a role: its folders, `None` where one was removed.
fn rows<'a>(scene: &Scene<'a>, role: Role) -> Vec<Result<&'a Folder, String>> {
    let folders = scene.session.folders.iter();
    let mut rows: Vec<Result<&Folder, String>> = folders
        .filter(|folder| folder.role == role)
        .map(Ok)
        .collect();
    // One that was brought back has its place.
    let is_back = |row: &RemovedRow| {
        rows.iter()
            .flatten()
            .any(|folder| folder.name() == row.name)
    };
    let removed = scene.drafts.removed.iter().filter(|row| row.role == role);
    let removed = removed.filter(|row| !is_back(row));
    let mut removed: Vec<&RemovedRow> = removed.collect();
    removed.sort_by_key(|row| row.position);
    for row in removed {
        rows.insert(row.position.min(rows.len()), Err(row.name.clone()));
    }
    rows
}

fn role_ui(ui: &mut Ui, scene: &mut Scene<'_>, role: Role) {
    header_ui(ui, scene, role);
    let row = PathRow {
        name: &format!("{} folder path", role.name()),
        hint: "Path of a folder",
        tooltip: &format!(
            "Add {}. Subfolders are searched too",
            role_explanation(role)
        ),
        browse: Action::BrowseFolders(role),
        keeps_text: false,
        apply: &|path| Action::AddFolder(path, role),
    };
    path_row(ui, scene.actions, &mut scene.drafts.folders[role], &row);
    for (position, row) in rows(scene, role).into_iter().enumerate() {
        match row {
            Ok(folder) => folder_ui(ui, scene, folder, position),
            Err(name) => removed_ui(ui, &name),
        }
    }
}

fn removed_ui(ui: &mut Ui, name: &str) {
    let undo = UiCommand::Undo.info().shortcuts.first();
    let key = undo.map_or_else(String::new, |key| {
        format!(" ({} brings it back)", key.label())
    });
    ui.horizontal(|ui| {
        ui.add_space(20.0);
        let weak = theme::palette(ui).weak;
        let size = vec2(ui.available_width(), ROW_HEIGHT);
        let words = RichText::new(format!("{name} removed{key}")).small();
        text_cell(ui, size, words.color(weak));
    });
}

fn header_ui(ui: &mut Ui, scene: &mut Scene<'_>, role: Role) {
    let of_role = || scene.session.folders.iter().filter(|f| f.role == role);
    let num_images: usize = of_role().map(num_readable).sum();
    ui.horizontal(|ui| {
        mark::ui(ui, role);
        ui.label(RichText::new(role.label()).strong())
            .on_hover_text(explanation(role));
        if of_role().next().is_some() && !of_role().all(Folder::is_pending) {
            note(ui, text::counted(num_images, "image"));
        }
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let has_samples = scene.session.has_samples(role);
            let offers_samples = scene.session.offers_samples(role);
            if offers_samples && !has_samples && of_role().next().is_none() {
                sized(
                    ui,
                    scene.actions,
                    Action::AddSamples(role),
                    egui::Vec2::ZERO,
                    true,
                )
                .accessible_name(format!("Add {} samples", role.name()));
            }
            if role == Role::Unknown {
                only_ui(ui, scene);
            }
        });
    });
}

/// With a detector file that has its own in-domain scores, the images to be judged can stand alone.
fn only_ui(ui: &mut Ui, scene: &mut Scene<'_>) {
    let session = scene.session;
    if session.detector.is_none() || !session.has_known_folders() || session.is_running() {
        return;
    }
    let only = Action::Do(UiCommand::OnlyUnknown);
    let name = only.text();
    let button = ui
        .button(RichText::new("Score only these").small())
        .tip(|| only.tooltip())
        .accessible_name(name);
    if button.clicked() {
        scene.actions.push(only);
    }
}

fn explanation(role: Role) -> &'static str {
    match role {
        Role::InDomain => "Images like those that the model was trained on. They set the threshold",
        Role::OutOfDomain => {
            "Images known not to belong. They show how well the model tells them apart"
        }
        Role::Unknown => "Images to be judged. They get scores but take no part in the figures",
    }
}

fn num_readable(folder: &Folder) -> usize {
    match &folder.scan {
        ScanState::Ready(listing) => listing.files.len(),
        ScanState::Scanning { num_images, .. } => *num_images,
        ScanState::Waiting | ScanState::Failed(_) => 0,
    }
}

fn folder_ui(ui: &mut Ui, scene: &mut Scene<'_>, folder: &Folder, position: usize) {
    let palette = theme::palette(ui);
    ui.horizontal(|ui| {
        ui.add_space(20.0);
        let gaps = 2.0 * ui.spacing().item_spacing.x;
        let name_size = vec2(ui.available_width() - COUNT_WIDTH - 22.0 - gaps, ROW_HEIGHT);
        let name = folder.name();
        let color = if folder.problem().is_some() {
            palette.error
        } else {
            palette.text
        };
        text_cell(ui, name_size, RichText::new(&name).color(color)).tip(|| location(folder));
        let count = match &folder.scan {
            ScanState::Failed(_) => "failed".to_owned(),
            ScanState::Waiting => "…".to_owned(),
            ScanState::Scanning { num_images, .. } => format!("{}…", text::count(*num_images)),
            ScanState::Ready(listing) => text::count(listing.files.len()),
        };
        let hint = match &folder.scan {
            ScanState::Failed(_) => "The folder could not be listed",
            ScanState::Ready(_) => "Images that can be read",
            _ => "The folder is being listed",
        };
        number_cell(ui, COUNT_WIDTH, &count, color).tip(|| hint);
        let remove = Action::RemoveFolder(folder.folder_id);
        let words = format!("Remove {name}, {}", folder.role.name());
        if cross(ui, scene.actions, remove, &words).clicked() {
            scene.drafts.removed.push(RemovedRow {
                role: folder.role,
                position,
                name,
            });
        }
    });
    if let Some(problem) = folder.problem() {
        ui.horizontal(|ui| {
            ui.add_space(20.0);
            // In a row text would not wrap.
            ui.vertical(|ui| {
                let words = RichText::new(text::sentences(problem)).small();
                ui.label(words.color(palette.error));
            });
        });
    }
    if let ScanState::Ready(listing) = &folder.scan
        && !listing.unreadable.is_empty()
    {
        ui.push_id(folder.folder_id.0, |ui| unreadable_ui(ui, listing));
    }
}

fn location(folder: &Folder) -> String {
    let path = folder
        .path
        .as_ref()
        .map_or_else(String::new, |path| path.display().to_string());
    match &folder.source {
        FolderSource::Samples => {
            format!("Sample images that come with the program, unpacked to {path}")
        }
        FolderSource::Path(_) => path,
    }
}

fn unreadable_ui(ui: &mut Ui, listing: &FolderListing) {
    let count = listing.unreadable.len();
    let title = format!("{} could not be read", text::counted(count, "file"));
    let color = theme::palette(ui).warning;
    egui::CollapsingHeader::new(RichText::new(title).small().color(color))
        .id_salt("unreadable")
        .show(ui, |ui| {
            for (path, reason) in listing.unreadable.iter().take(MAX_LISTED) {
                let name = crate::state::folders::short_name(path);
                note(ui, format!("{name} – {reason}")).on_hover_text(path.display().to_string());
            }
            if count > MAX_LISTED {
                note(ui, format!("and {} more", text::count(count - MAX_LISTED)));
            }
        })
        .header_response
        .on_hover_text("These files are left out of every run, open the list to see why");
}
