//! The steps in which an image is presented to an audience.

use super::actions::{Overlay, UiCommand};
use super::session::Session;

/// What is to be seen of an image; each step adds to those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// The image as the model sees it.
    #[default]
    Original,
    /// What is hidden from the model.
    Hidden,
    /// What the model makes of it, as it denoises.
    FilledIn,
    /// Where that differs.
    Difference,
    /// What that means, in words, among all images.
    Verdict,
}

impl Step {
    /// The steps where attempts make pictures.
    const WITH_PICTURES: [Self; 5] = [
        Self::Original,
        Self::Hidden,
        Self::FilledIn,
        Self::Difference,
        Self::Verdict,
    ];
    /// The same where they make none.
    const WITHOUT: [Self; 2] = [Self::Original, Self::Verdict];
}

impl Session {
    /// The steps of the run that is shown.
    pub fn presented_steps(&self) -> &'static [Step] {
        match self.result_word() {
            Some(_) => &Step::WITH_PICTURES,
            None => &Step::WITHOUT,
        }
    }

    fn is_presenting(&self) -> bool {
        matches!(
            self.looking.overlay,
            Some(Overlay::Presentation | Overlay::Explain)
        )
    }

    /// What a key means now: the arrows go through the steps of a presentation, and up and down through its images.
    pub fn meaning(&self, command: UiCommand) -> UiCommand {
        if !self.is_presenting() {
            return command;
        }
        match command {
            UiCommand::NextImage => UiCommand::NextStep,
            UiCommand::PreviousImage => UiCommand::PreviousStep,
            UiCommand::RowDown | UiCommand::ScreenDown => UiCommand::NextImage,
            UiCommand::RowUp | UiCommand::ScreenUp => UiCommand::PreviousImage,
            other => other,
        }
    }

    /// Open or close the presentation, which begins with the image, or its explanation, which shows all at once.
    pub(super) fn toggle_presentation(&mut self, overlay: Overlay) {
        self.toggle(overlay);
        self.looking.step = match overlay {
            Overlay::Presentation => Step::Original,
            _ => Step::Verdict,
        };
    }

    /// Go so many steps on; the model fills the picture in live where it can.
    pub(super) fn step_presentation(&mut self, offset: isize) {
        let steps = self.presented_steps();
        let position = steps.iter().position(|step| *step == self.looking.step);
        let last = steps.len() - 1;
        let target = position.unwrap_or(last).saturating_add_signed(offset);
        let step = steps[target.min(last)];
        if step == self.looking.step {
            return;
        }
        self.looking.step = step;
        self.shown.leave_scrub();
        if step == Step::FilledIn {
            self.start_scrub();
        }
    }

    /// Look at another image; a presentation begins again with it.
    pub(super) fn step_image(&mut self, offset: isize) {
        if self.looking.overlay == Some(Overlay::Presentation) {
            self.looking.step = Step::Original;
            self.shown.leave_scrub();
        }
        self.shown.step(offset);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::state::{Action, Settings};

    #[test]
    fn the_arrows_go_through_the_steps_and_stop_at_the_ends() {
        let mut session = Session::new(Settings::default());
        assert_eq!(session.meaning(UiCommand::NextImage), UiCommand::NextImage);
        session.perform(Action::Do(UiCommand::TogglePresentation));
        let press = |session: &mut Session, key| {
            let command = session.meaning(key);
            session.perform(Action::Do(command));
            session.looking.step
        };
        let mut seen = vec![session.looking.step];
        for _ in 0..6 {
            seen.push(press(&mut session, UiCommand::NextImage));
        }
        let mut expected = Step::WITH_PICTURES.to_vec();
        expected.extend([Step::Verdict; 2]);
        assert_eq!(seen, expected);
        assert_eq!(
            press(&mut session, UiCommand::PreviousImage),
            Step::Difference
        );
        assert_eq!(
            press(&mut session, UiCommand::RowDown),
            Step::Original,
            "another image begins again"
        );
        session.perform(Action::Do(UiCommand::Close));
        session.perform(Action::Do(UiCommand::ToggleExplain));
        assert_eq!(session.looking.step, Step::Verdict, "all at once");
    }
}
