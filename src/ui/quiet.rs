//! No tooltip over what is being changed: none while a button of the pointer is down, nor in the second after.

use egui::{Context, Event, Modifiers, MouseWheelSource, MouseWheelUnit, Plugin, RawInput};
use egui::{TouchPhase, Vec2};

/// Seconds after a button went up.
const QUIET_SECS: f64 = 1.0;
/// Seconds between two reminders: shorter than the delay of tooltips, and long enough that a still window rests.
const REMIND_SECS: f64 = 0.2;

/// The one place of this rule. egui has no switch for it, but shows no tooltip for a while after the wheel has moved; so
/// it is told of a movement by nothing.
#[derive(Debug, Default)]
pub struct QuietTooltips {
    num_down: usize,
    released_at_secs: Option<f64>,
    reminded_at_secs: Option<f64>,
}

impl QuietTooltips {
    fn follow(&mut self, events: &[Event], now_secs: f64) {
        for event in events {
            match event {
                Event::PointerButton { pressed: true, .. } => self.num_down += 1,
                Event::PointerButton { pressed: false, .. } => {
                    self.num_down = self.num_down.saturating_sub(1);
                    self.released_at_secs = Some(now_secs);
                }
                Event::PointerGone => self.num_down = 0,
                _ => {}
            }
        }
    }

    fn is_quiet(&self, now_secs: f64) -> bool {
        let is_within =
            |since: Option<f64>, secs| since.is_some_and(|since| now_secs - since < secs);
        let is_reminded = is_within(self.reminded_at_secs, REMIND_SECS);
        !is_reminded && (self.num_down > 0 || is_within(self.released_at_secs, QUIET_SECS))
    }
}

impl Plugin for QuietTooltips {
    fn debug_name(&self) -> &'static str {
        "quiet tooltips"
    }

    fn input_hook(&mut self, ctx: &Context, input: &mut RawInput) {
        let (last_secs, is_scrolling) = ctx.input(|input| (input.time, input.is_scrolling()));
        let now_secs = input
            .time
            .unwrap_or_else(|| last_secs + f64::from(input.predicted_dt));
        self.follow(&input.events, now_secs);
        let is_wheel = |event: &Event| matches!(event, Event::MouseWheel { .. });
        // Real movements of the wheel do the same, and must not be cut short.
        if is_scrolling || input.events.iter().any(is_wheel) || !self.is_quiet(now_secs) {
            return;
        }
        self.reminded_at_secs = Some(now_secs);
        input.events.push(Event::MouseWheel {
            unit: MouseWheelUnit::Point,
            delta: Vec2::ZERO,
            phase: TouchPhase::End,
            source: MouseWheelSource::Unknown,
            modifiers: Modifiers::NONE,
        });
    }
}

#[cfg(test)]
mod tests {
    use egui::{PointerButton, Pos2};

    use super::*;

    #[test]
    fn it_is_quiet_while_a_button_is_down_and_for_a_second_after() {
        let button = |pressed| Event::PointerButton {
            pos: Pos2::ZERO,
            button: PointerButton::Primary,
            pressed,
            modifiers: Modifiers::NONE,
        };
        let mut quiet = QuietTooltips::default();
        assert!(!quiet.is_quiet(0.0));
        quiet.follow(&[button(true)], 1.0);
        assert!(quiet.is_quiet(60.0), "however long it is held");
        quiet.reminded_at_secs = Some(60.0);
        assert!(!quiet.is_quiet(60.1), "one reminder lasts");
        quiet.follow(&[button(false)], 61.0);
        assert!(quiet.is_quiet(61.9));
        assert!(!quiet.is_quiet(62.1));
    }
}
