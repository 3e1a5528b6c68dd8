//! Everything that can be asked for by name, for the command palette.

use super::action::Action;
use super::arrangement::{GalleryOrder, GalleryView, VerdictFilter};
use super::keep_action::KeepAction;
use super::look::{ColorMap, Compare, DifferenceKind, LookSettings};
use super::look_action::{LookAction, Part};
use super::run::Phase;
use super::session::Session;
use super::settings::ThemeChoice;
use crate::detectors::measures;
use crate::ood::Role;
use crate::runs::RunSettings;
use crate::worker::protocol::ModelSource;

/// Recent runs among the commands.
const MOST_RUNS: usize = 10;

/// An action and the words that it is found by.
#[derive(Clone, Debug, PartialEq)]
pub struct NamedCommand {
    /// What it does, in a few words.
    pub words: String,
    /// What to ask for.
    pub action: Action,
}

impl Session {
    /// All commands that make sense now and have all words of `text` in their name, in any case and order.
    pub fn commands(&self, text: &str) -> Vec<NamedCommand> {
        let needles: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        let mut commands = self.run_commands();
        commands.extend(self.choice_commands());
        let look = LookAction::WITH_SHORTCUTS.into_iter().map(Action::Look);
        commands.extend(self.keep_commands());
        commands.extend(look.map(|action| {
            let words = match &action {
                Action::Look(LookAction::BrowseExport) => "Export marked images…".to_owned(),
                Action::Look(LookAction::Paste) => "Try the picture in the clipboard".to_owned(),
                _ => action.text(),
            };
            named(words, action)
        }));
        commands.retain(|command| {
            let words = command.words.to_lowercase();
            needles.iter().all(|needle| words.contains(needle))
        });
        commands
    }

    fn run_commands(&self) -> Vec<NamedCommand> {
        let phase = self.run.as_ref().map(|run| &run.phase);
        let mut commands = match phase {
            Some(Phase::Running) => vec![Action::Pause, Action::Cancel],
            Some(Phase::Paused) => vec![Action::Resume, Action::Cancel],
            Some(Phase::Cancelling) => Vec::new(),
            _ => vec![Action::Run],
        }
        .into_iter()
        .map(|action| {
            let verb = match action {
                Action::Run => "Start".to_owned(),
                _ => action.text(),
            };
            named(format!("{verb} the run"), action)
        })
        .collect::<Vec<_>>();
        for action in [Action::NextImage, Action::PreviousImage] {
            commands.push(named(format!("{} image", action.text()), action));
        }
        commands.push(named("Open a model…", Action::BrowseModel));
        let bundled = Action::OpenModel(ModelSource::Bundled);
        commands.push(named("Use the bundled model", bundled));
        for role in Role::ALL {
            let words = format!("Add {} images…", role.label().to_lowercase());
            commands.push(named(words, Action::BrowseFolders(role)));
        }
        commands.push(named("Undo the change of the threshold", Action::Undo));
        commands.push(named("Reset the threshold", Action::ResetThreshold));
        commands.push(named("Save plots…", Action::BrowsePlots));
        commands.push(named("Dismiss all messages", Action::DismissAllNotices));
        commands
    }

    fn keep_commands(&self) -> Vec<NamedCommand> {
        let keep = |words: &str, action| named(words, Action::Keep(action));
        let mut commands = vec![
            keep("Recent runs", KeepAction::ToggleRecent),
            keep("Open a run file…", KeepAction::BrowseOpen),
            keep("Save the run as…", KeepAction::BrowseSaveAs),
            keep("Compare runs", KeepAction::ToggleCompare),
            keep("Clear recent runs…", KeepAction::Clear),
        ];
        if let Some(run) = &self.run {
            if run.is_unfinished() {
                commands.push(keep("Go on with the unfinished run", KeepAction::GoOn));
            }
            if run.kept.opened.is_some() {
                commands.push(keep("Use the opened run again…", KeepAction::UseAgain));
                commands.push(keep("Close the opened run", KeepAction::CloseRun));
            }
        }
        let runs = self.keeping.shelf.iter().flat_map(|shelf| &shelf.runs);
        commands.extend(runs.take(MOST_RUNS).map(|run| {
            let words = format!("Open run of {}", super::recent::line(run));
            keep(&words, KeepAction::Open(run.path.clone()))
        }));
        commands
    }

    fn choice_commands(&self) -> Vec<NamedCommand> {
        let (look, gallery) = (self.settings.look, self.settings.gallery);
        let mut commands = Vec::new();
        for distance in self.measures_to_choose() {
            let run = RunSettings {
                distance,
                ..self.settings.run.clone()
            };
            let words = format!("Score by {}", measures::label(&distance));
            commands.push(named(words, Action::SetRun(Box::new(run))));
        }
        for order in GalleryOrder::ALL {
            let view = GalleryView { order, ..gallery };
            let words = format!("Sort images: {}", order.label().to_lowercase());
            commands.push(named(words, Action::SetGallery(view)));
        }
        for verdict in VerdictFilter::ALL {
            let view = GalleryView {
                verdict: Some(verdict),
                ..gallery
            };
            let words = format!("Show images: {}", verdict.label().to_lowercase());
            commands.push(named(words, Action::SetGallery(view)));
        }
        commands.push(named("Show all images", Action::Look(LookAction::ShowAll)));
        for part in Part::ALL {
            let action = Action::Look(LookAction::Copy(Some(part)));
            commands.push(named(format!("{} picture", action.text()), action));
        }
        for compare in Compare::ALL {
            let words = format!("Compare: {}", compare.label().to_lowercase());
            let settings = LookSettings { compare, ..look };
            commands.push(named(words, Action::Look(LookAction::Set(settings))));
        }
        for difference in DifferenceKind::ALL {
            let words = format!("Difference: {}", difference.label());
            let settings = LookSettings { difference, ..look };
            commands.push(named(words, Action::Look(LookAction::Set(settings))));
        }
        for color_map in ColorMap::ALL {
            let words = format!("Difference colors: {}", color_map.label().to_lowercase());
            let settings = LookSettings { color_map, ..look };
            commands.push(named(words, Action::Look(LookAction::Set(settings))));
        }
        for theme in ThemeChoice::ALL {
            let words = format!("Theme: {}", theme.label().to_lowercase());
            commands.push(named(words, Action::SetTheme(theme)));
        }
        commands
    }
}

fn named(words: impl Into<String>, action: Action) -> NamedCommand {
    NamedCommand {
        words: words.into(),
        action,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::Settings;

    #[test]
    fn commands_are_found_by_any_of_their_words_and_have_different_names() {
        let session = Session::new(Settings::default());
        let words: Vec<String> = session.commands("").into_iter().map(|c| c.words).collect();
        let mut unique = words.clone();
        unique.sort();
        unique.dedup();
        assert_eq!(unique.len(), words.len(), "{words:?}");
        let found = session.commands("spread SORT");
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].words, "Sort images: largest spread first");
        assert_eq!(session.commands("no such thing"), []);
        assert_eq!(session.commands("run")[0].action, Action::Run);
    }
}
