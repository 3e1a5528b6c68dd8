//! All keys on one sheet, in five groups.

use egui::{Frame, Grid, Id, Margin, Modal, RichText, ScrollArea, Ui};

use crate::state::{Action, UiCommand};
use crate::ui::panels::Scene;
use crate::ui::theme;
use crate::ui::widgets::layout::{HEADING, TITLE, title};

/// What keys are for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Group {
    Run,
    Look,
    Review,
    Gallery,
    Window,
}

impl Group {
    /// In three columns, which a window of 800 points shows whole.
    const COLUMNS: [&[Self]; 3] = [
        &[Self::Run, Self::Look],
        &[Self::Review, Self::Gallery],
        &[Self::Window],
    ];

    fn title(self) -> &'static str {
        match self {
            Self::Run => "Run",
            Self::Look => "Look",
            Self::Review => "Review",
            Self::Gallery => "Gallery",
            Self::Window => "Window",
        }
    }

    fn of(command: UiCommand) -> Self {
        use UiCommand as C;
        match command {
            C::Run | C::BrowseModel | C::Paste | C::BrowseSaveAs | C::Rename | C::ToggleRecent => {
                Self::Run
            }
            C::NextImage
            | C::PreviousImage
            | C::NextAttempt
            | C::PreviousAttempt
            | C::Fit
            | C::ActualSize
            | C::StartScrub
            | C::Copy
            | C::ToggleExplain
            | C::ToggleTry => Self::Look,
            C::ToggleReviewed
            | C::ReviewedAndNext
            | C::FocusTag
            | C::TagAgain
            | C::FocusNote
            | C::CorrectToIn
            | C::CorrectToOut => Self::Review,
            C::RowDown
            | C::RowUp
            | C::ScreenDown
            | C::ScreenUp
            | C::FirstImage
            | C::LastImage
            | C::FocusFind
            | C::MoreLikeThis
            | C::MarkAll
            | C::BrowseExport => Self::Gallery,
            _ => Self::Window,
        }
    }
}

/// What the pointer and held keys do: they belong to no command.
const HELD: [(Group, &str, &str); 8] = [
    (Group::Look, "Space", "Original in all places"),
    (Group::Look, "Shift", "The same, over a picture"),
    (Group::Look, "Wheel", "Zoom all pictures"),
    (Group::Look, "Drag", "Move all pictures"),
    (Group::Gallery, "Drag", "Range in the histogram"),
    (Group::Gallery, "Drag", "Around points of the map"),
    (Group::Gallery, "Ctrl+click", "Mark an image"),
    (Group::Gallery, "Shift+click", "Mark up to here"),
];

/// Draw the sheet.
pub fn ui(ui: &Ui, scene: &mut Scene<'_>) {
    let frame = Frame::window(ui.style()).inner_margin(Margin::same(16));
    let modal = Modal::new(Id::unique("shortcuts")).frame(frame);
    let modal = modal.show(ui.ctx(), |ui| {
        title(ui, "Keys", HEADING);
        ui.add_space(4.0);
        let height = ui.ctx().content_rect().height() - 160.0;
        ScrollArea::vertical()
            .max_height(height)
            .min_scrolled_height(height)
            .show(ui, keys_ui);
        ui.add_space(6.0);
        ui.button("Close keys").clicked()
    });
    if modal.inner || modal.should_close() {
        scene.actions.push(Action::Do(UiCommand::ToggleShortcuts));
    }
}

/// Keys and words of a group.
fn rows(group: Group) -> Vec<(String, String)> {
    let commands = UiCommand::ALL.iter().filter(|c| Group::of(**c) == group);
    let with_keys = commands
        .map(|command| command.info())
        .filter(|info| !info.shortcuts.is_empty());
    let held = HELD.iter().filter(|(of, ..)| *of == group);
    with_keys
        .map(|info| {
            let keys: Vec<String> = info.shortcuts.iter().map(|key| key.label()).collect();
            let words = info.palette.map_or(&*info.text, |(_, words)| words);
            (keys.join(", "), words.trim_end_matches('…').to_owned())
        })
        .chain(held.map(|(_, keys, words)| ((*keys).to_owned(), (*words).to_owned())))
        .collect()
}

fn keys_ui(ui: &mut Ui) {
    let is_wide = ui.ctx().content_rect().width() > 1000.0;
    let column_ui = |ui: &mut Ui, groups: &[Group]| {
        for group in groups {
            group_ui(ui, *group);
            ui.add_space(8.0);
        }
    };
    if is_wide {
        ui.horizontal_top(|ui| {
            ui.spacing_mut().item_spacing.x = 36.0;
            for groups in Group::COLUMNS {
                ui.vertical(|ui| column_ui(ui, groups));
            }
        });
    } else {
        column_ui(ui, &Group::COLUMNS.concat());
    }
}

fn group_ui(ui: &mut Ui, group: Group) {
    let palette = theme::palette(ui);
    title(ui, group.title(), TITLE);
    Grid::new(("keys", group.title()))
        .num_columns(2)
        .min_col_width(90.0)
        .spacing([14.0, 4.0])
        .show(ui, |ui| {
            for (keys, words) in rows(group) {
                let keys = RichText::new(keys).monospace().color(palette.accent);
                ui.label(keys);
                ui.label(words);
                ui.end_row();
            }
        });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_told_in_a_few_words() {
        let told: Vec<(String, String)> = Group::COLUMNS
            .concat()
            .iter()
            .flat_map(|group| rows(*group))
            .collect();
        for command in UiCommand::ALL {
            for key in command.info().shortcuts {
                let label = key.label();
                assert!(
                    told.iter()
                        .any(|(keys, _)| keys.split(", ").any(|k| k == label)),
                    "{label}"
                );
            }
        }
        for (keys, words) in told {
            let count = words.split_whitespace().count();
            assert!((1..=5).contains(&count), "{keys}: {words}");
        }
    }
}
