//! The threshold as something to take hold of: a line in the histogram, a point on the ROC curve.

use egui::{
    CursorIcon, EventFilter, Id, Key, Pos2, Rect, Response, Sense, Shape, Stroke, Ui, WidgetInfo,
    pos2, vec2,
};
use egui_plot::{PlotPoint, PlotTransform};

use super::Scene;
use crate::ood::threshold::below;
use crate::state::shown::analysis::Analysis;
use crate::state::{Action, DecisionSettings, UiCommand, Way, text};
use crate::ui::theme;
use crate::ui::widgets::tip::Tip as _;

/// Width of what the pointer takes hold of: much wider than the line.
const GRIP: f32 = 16.0;
/// Arrow keys move by this share of the plot, ten times as far with Shift.
const KEY_STEP: f64 = 1.0 / 400.0;

/// Ask for a threshold by hand.
fn set_by_hand(scene: &mut Scene<'_>, score: f64, is_continued: bool) {
    let settings = DecisionSettings {
        way: Way::ByHand,
        by_hand: score,
        ..scene.session.settings.decision
    };
    scene.actions.push(Action::SetDecision {
        settings: Box::new(settings),
        is_continued,
    });
}

/// The line in the histogram: drag it, or move it with the arrow keys; a double click resets it.
pub fn line_ui(ui: &Ui, scene: &mut Scene<'_>, plot: &PlotTransform, range: (f64, f64)) {
    let Some(threshold) = scene.session.shown.threshold() else {
        return;
    };
    let frame = *plot.frame();
    let x = plot
        .position_from_point_x(threshold)
        .clamp(frame.left(), frame.right());
    let grip = Rect::from_center_size(pos2(x, frame.center().y), vec2(GRIP, frame.height()));
    let response = hold(
        ui,
        ui.scope_id().with("threshold line"),
        grip,
        threshold,
        "Threshold",
    )
    .tip(|| {
        "Drag to move the threshold, arrow keys move it finely, a double click resets it. \
             Images above it are called out-of-domain"
    })
    .on_hover_cursor(CursorIcon::ResizeHorizontal);
    paint_line(ui, &response, frame, x, threshold);
    if response.double_clicked() {
        scene.actions.push(Action::Do(UiCommand::ResetThreshold));
    } else if response.dragged()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        let score = plot.value_from_position(pointer).x.clamp(range.0, range.1);
        set_by_hand(scene, score, !response.drag_started());
    } else if let Some(steps) = arrow_steps(ui, &response) {
        let step = KEY_STEP * (range.1 - range.0);
        let score = (threshold + f64::from(steps) * step).clamp(range.0, range.1);
        set_by_hand(scene, score, false);
    }
}

fn paint_line(ui: &Ui, response: &Response, frame: Rect, x: f32, threshold: f64) {
    let palette = theme::palette(ui);
    let is_held = response.hovered() || response.dragged() || response.has_focus();
    let color = if is_held {
        palette.accent
    } else {
        palette.text
    };
    let ends = [pos2(x, frame.top()), pos2(x, frame.bottom())];
    let painter = ui.painter();
    painter.extend(Shape::dashed_line(&ends, Stroke::new(1.5, color), 4.0, 3.0));
    // A handle says that the line can be moved.
    let handle = Rect::from_center_size(pos2(x, frame.top() + 9.0), vec2(9.0, 16.0));
    painter.rect_filled(handle, 3.0, color);
    for offset in [-1.5, 1.5] {
        let line = [
            handle.center() + vec2(offset, -4.0),
            handle.center() + vec2(offset, 4.0),
        ];
        painter.line_segment(line, Stroke::new(1.0, palette.surface));
    }
    let is_right = x > frame.center().x;
    let (anchor, offset) = if is_right {
        (egui::Align2::RIGHT_CENTER, -8.0)
    } else {
        (egui::Align2::LEFT_CENTER, 8.0)
    };
    let font = egui::FontId::monospace(11.5);
    let galley = painter.layout_no_wrap(text::score(threshold), font, color);
    let at = pos2(x + offset, frame.top() + 9.0);
    let rect = anchor.anchor_size(at, galley.size());
    painter.rect_filled(rect.expand(2.0), 3.0, theme::faded(palette.surface, 0.85));
    painter.galley(rect.min, galley, color);
}

/// The point on the ROC curve: drag it along the curve, or move it with the arrow keys.
pub fn point_ui(ui: &Ui, scene: &mut Scene<'_>, analysis: &Analysis, plot: &PlotTransform) {
    let Some((threshold, index)) = scene
        .session
        .shown
        .threshold()
        .and_then(|threshold| Some((threshold, position(analysis, threshold)?)))
    else {
        return;
    };
    let curve = &analysis.curve;
    let on_screen = |index: usize| -> Pos2 {
        let point = &curve[index];
        plot.position_from_point(&PlotPoint::new(point.fpr, point.tpr))
    };
    let center = on_screen(index);
    let name = "Threshold on the ROC curve";
    let id = ui.scope_id().with("threshold point");
    let grip = Rect::from_center_size(center, vec2(GRIP, GRIP));
    let response = hold(ui, id, grip, threshold, name)
        .tip(|| "Drag along the curve to move the threshold, arrow keys go point by point")
        .on_hover_cursor(CursorIcon::Grab);
    let palette = theme::palette(ui);
    let is_held = response.hovered() || response.dragged() || response.has_focus();
    let color = if is_held {
        palette.accent
    } else {
        palette.text
    };
    ui.painter().circle(
        center,
        if is_held { 6.0 } else { 5.0 },
        color,
        Stroke::new(1.5, palette.surface),
    );
    let last = curve.len() - 1;
    if response.double_clicked() {
        scene.actions.push(Action::Do(UiCommand::ResetThreshold));
    } else if response.dragged()
        && let Some(pointer) = response.interact_pointer_pos()
    {
        let nearest = (0..=last).min_by(|&a, &b| {
            let off = |index| on_screen(index).distance_sq(pointer);
            off(a).total_cmp(&off(b))
        });
        if let Some(nearest) = nearest.filter(|&nearest| nearest != index) {
            let is_first = scene.drafts.shown.roc_drag != Some(response.id);
            scene.drafts.shown.roc_drag = Some(response.id);
            set_by_hand(scene, below(curve, nearest), !is_first);
        }
    } else if let Some(steps) = arrow_steps(ui, &response) {
        let target = index.saturating_add_signed(steps as isize).min(last);
        set_by_hand(scene, below(curve, target), false);
    }
    if !response.dragged() && scene.drafts.shown.roc_drag == Some(response.id) {
        scene.drafts.shown.roc_drag = None;
    }
}

/// The last point of the curve whose images are all above the threshold.
fn position(analysis: &Analysis, threshold: f64) -> Option<usize> {
    let above = analysis
        .curve
        .partition_point(|point| point.threshold > threshold);
    above.checked_sub(1)
}

/// An invisible handle that can be dragged and focused, with a name for those who can't see it.
fn hold(ui: &Ui, id: Id, rect: Rect, value: f64, name: &str) -> Response {
    let response = ui.interact(rect, id, Sense::click_and_drag());
    if response.clicked() || response.drag_started() {
        response.request_focus();
    }
    if response.has_focus() {
        let filter = EventFilter {
            horizontal_arrows: true,
            vertical_arrows: true,
            ..EventFilter::default()
        };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(id, filter));
    }
    response.widget_info(|| WidgetInfo::slider(true, value, name));
    response
}

/// Steps that arrow keys ask of a focused handle, to the right or up counting forward.
fn arrow_steps(ui: &Ui, response: &Response) -> Option<i32> {
    if !response.has_focus() {
        return None;
    }
    let steps = ui.input(|input| {
        let count = |key| i32::try_from(input.num_presses(key)).unwrap_or(0);
        let steps = count(Key::ArrowRight) + count(Key::ArrowUp)
            - count(Key::ArrowLeft)
            - count(Key::ArrowDown);
        if input.modifiers.shift {
            10 * steps
        } else {
            steps
        }
    });
    (steps != 0).then_some(steps)
}
