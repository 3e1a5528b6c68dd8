//! No tooltip covers what is being changed.

use egui::{Pos2, vec2};
use egui_kittest::kittest::Queryable as _;

use super::Window;
use super::decision::{finished, handle};
use super::look::hover;

fn tip(window: &Window, says: &str) -> bool {
    window.query_by_label_contains(says).is_some()
}

/// Hold what is at a point, move it, and let it go; nothing may be said meanwhile, nor in the second after.
fn drags_in_silence(window: &mut Window, from: Pos2, says: &str) {
    hover(window, from);
    window.run_steps(8);
    assert!(tip(window, says), "the pointer rests there");
    window.drag_at(from);
    window.run_steps(1);
    for step in 1..=6 {
        hover(window, from + vec2(3.0 * step as f32, 0.0));
        // A pause in the movement, longer than the delay of a tooltip.
        window.run_steps(4);
        assert!(!tip(window, says), "while the button is down, step {step}");
    }
    let end = from + vec2(18.0, 0.0);
    window.drop_at(end);
    window.step();
    for frame in 0..3 {
        window.step();
        assert!(!tip(window, says), "frame {frame} after");
    }
    hover(window, end + vec2(0.5, 0.0));
    window.run_steps(12);
    assert!(tip(window, says), "a while later");
}

#[test]
fn no_tooltip_while_the_threshold_is_dragged_nor_right_after() {
    let (mut window, _script) = finished(40, 2);
    let from = handle(&window, "Threshold").center();
    drags_in_silence(&mut window, from, "Drag to move the threshold");
}
