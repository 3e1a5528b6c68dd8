//! Everything that can be asked for by name, for the command palette.

use super::{Action, KeepAction, LookAction, Part, UiCommand, When};
use crate::detectors::measures;
use crate::ood::Role;
use crate::state::arrangement::{GalleryOrder, GalleryView, VerdictFilter};
use crate::state::look::{ColorMap, Compare, DifferenceKind, LookSettings};
use crate::state::recent;
use crate::state::session::Session;
use crate::state::settings::ThemeChoice;
use crate::state::shown::run::{Phase, RunState};
use crate::worker::protocol::{Bundled, ModelSource};

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
        let mut commands = self.plain_commands();
        commands.extend(self.choice_commands());
        commands.extend(self.recent_commands());
        commands.retain(|command| {
            let words = command.words.to_lowercase();
            needles.iter().all(|needle| words.contains(needle))
        });
        commands
    }

    fn plain_commands(&self) -> Vec<NamedCommand> {
        let offered = UiCommand::ALL.iter().filter_map(|&command| {
            let (when, words) = command.info().palette?;
            let more = match command {
                UiCommand::Undo => self.history.undo_words(),
                UiCommand::Redo => self.history.redo_words(),
                _ => None,
            };
            let words = more.map_or_else(|| words.to_owned(), |more| format!("{words} {more}"));
            self.is_time(when)
                .then(|| named(words, Action::Do(command)))
        });
        offered.collect()
    }

    fn is_time(&self, when: When) -> bool {
        let run = self.shown.run.as_ref();
        let phase = run.map(|run| &run.phase);
        match when {
            When::Always => true,
            When::Idle => !self.is_running(),
            When::CanFit => self.missing_for_fit().is_none(),
            When::Fitting => self.is_fitting(),
            When::Fitted => self.is_fitted(),
            When::Running => phase == Some(&Phase::Running),
            When::Paused => phase == Some(&Phase::Paused),
            When::RunningOrPaused => matches!(phase, Some(Phase::Running | Phase::Paused)),
            When::Unfinished => run.is_some_and(RunState::is_unfinished),
            When::Undoable => self.history.undo_words().is_some(),
            When::Redoable => self.history.redo_words().is_some(),
            When::HasRun => run.is_some(),
            When::Opened => run.is_some_and(|run| run.kept.opened.is_some()),
        }
    }

    fn recent_commands(&self) -> impl Iterator<Item = NamedCommand> {
        let runs = self
            .keeping
            .library
            .iter()
            .flat_map(|library| &library.runs);
        runs.take(MOST_RUNS).map(|run| {
            let words = format!("Open run of {}", recent::line(run));
            named(words, Action::Keep(KeepAction::Open(run.path.clone())))
        })
    }

    fn choice_commands(&self) -> Vec<NamedCommand> {
        let (look, gallery) = (self.settings.look, self.settings.gallery);
        let bundled = Bundled::ALL.into_iter().map(|bundled| {
            let words = format!("Use bundled model: {}", bundled.label());
            named(words, Action::OpenModel(ModelSource::Bundled(bundled)))
        });
        let mut commands: Vec<_> = bundled.collect();
        for role in Role::ALL {
            let words = format!("Add {} images…", role.label().to_lowercase());
            commands.push(named(words, Action::BrowseFolders(role)));
        }
        for distance in self.measures_to_choose() {
            let mut run = self.settings.run.clone();
            run.view.measure = distance;
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
        for part in Part::ALL {
            let action = Action::Look(LookAction::Copy(part));
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
        assert_eq!(
            session.commands("run")[0].action,
            Action::Do(UiCommand::Run)
        );
    }
}
