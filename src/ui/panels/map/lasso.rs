//! A line drawn by hand around points.

use egui::{Pos2, Shape, Stroke, Ui};

use crate::ui::theme;

/// Lines that are shorter across and down, in points, are a slip of the hand.
const SMALLEST: f32 = 6.0;

/// Whether a line surrounds anything worth it.
pub fn is_meant(line: &[Pos2]) -> bool {
    let bounds = egui::Rect::from_points(line);
    line.len() > 2 && bounds.width().max(bounds.height()) >= SMALLEST
}

/// Whether a point lies inside of the line, whose ends are joined; where it crosses itself, what it goes around twice is
/// outside.
pub fn contains(line: &[Pos2], point: Pos2) -> bool {
    let Some(mut from) = line.last().copied() else {
        return false;
    };
    let mut is_inside = false;
    for &to in line {
        if (from.y > point.y) != (to.y > point.y) {
            let share = (point.y - from.y) / (to.y - from.y);
            is_inside ^= point.x < from.x + share * (to.x - from.x);
        }
        from = to;
    }
    is_inside
}

/// Draw the line, and faintly how it would be closed.
pub fn paint(ui: &Ui, line: &[Pos2]) {
    let accent = theme::palette(ui).accent;
    let painter = ui.painter();
    painter.add(Shape::line(line.to_vec(), Stroke::new(1.5, accent)));
    if let (Some(&first), Some(&last)) = (line.first(), line.last()) {
        let faint = Stroke::new(1.0, theme::faded(accent, 0.5));
        painter.extend(Shape::dashed_line(&[last, first], faint, 4.0, 4.0));
    }
}

#[cfg(test)]
mod tests {
    use egui::pos2;

    use super::*;

    #[test]
    fn what_is_inside_of_a_bent_line_is_told_from_what_is_in_its_bay() {
        let horseshoe = [
            (0.0, 0.0),
            (30.0, 0.0),
            (30.0, 30.0),
            (20.0, 30.0),
            (20.0, 10.0),
            (10.0, 10.0),
            (10.0, 30.0),
            (0.0, 30.0),
        ]
        .map(|(x, y)| pos2(x, y));
        assert!(is_meant(&horseshoe));
        for (x, y, is_inside) in [
            (5.0, 20.0, true),
            (15.0, 5.0, true),
            (25.0, 29.0, true),
            (15.0, 20.0, false),
            (-5.0, 5.0, false),
            (35.0, 10.0, false),
        ] {
            assert_eq!(contains(&horseshoe, pos2(x, y)), is_inside, "{x} {y}");
        }
        assert!(!contains(&[], pos2(0.0, 0.0)));
        assert!(!is_meant(&horseshoe[..2]));
        assert!(!is_meant(&[pos2(0.0, 0.0), pos2(1.0, 0.0), pos2(0.0, 1.0)]));
    }
}
