//! Changing how the threshold is set.

use super::decision::{DecisionSettings, Way};
use super::session::Session;

impl Session {
    /// Change how the threshold is set.
    pub(super) fn change_decision(&mut self, settings: DecisionSettings) {
        if settings == self.settings.decision {
            return;
        }
        let is_other_calibration_set =
            (settings.way == Way::Detector) != (self.settings.decision.way == Way::Detector);
        self.settings.decision = settings;
        if is_other_calibration_set {
            self.shown.analyze_at_once();
        }
    }

    /// Back to the threshold that the program would choose.
    pub(super) fn reset_threshold(&mut self) {
        let defaults = DecisionSettings::default();
        let settings = DecisionSettings {
            way: defaults.way,
            false_alarm_rate: defaults.false_alarm_rate,
            ..self.settings.decision
        };
        self.change_decision(settings);
    }

    /// The scores are in other units now: a threshold by hand means nothing any more, now or by an undo.
    pub(super) fn drop_hand_threshold(&mut self) {
        if matches!(self.settings.decision.way, Way::ByHand) {
            self.settings.decision.way = Way::FalseAlarms;
        }
        self.history.forget_scores();
    }
}
