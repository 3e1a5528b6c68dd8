//! What tooltips say, and that none covers what is being changed.

use egui::accesskit::Role as AccessRole;
use egui::{Pos2, lerp, vec2};
use egui_kittest::kittest::Queryable as _;
use lmd_inspector::ood::Role;

use super::Window;
use super::decision::{finished, handle, run};
use super::look::hover;
use super::ready;

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

#[test]
fn the_roc_curve_says_threshold_and_rates_of_the_point_under_the_pointer() {
    let (mut window, script) = ready(40);
    script.0.borrow_mut().overlap = 0.07;
    run(&mut window, &script, 3);
    let plot = window
        .get_by(|node| {
            let name = node.label().unwrap_or_default();
            node.role() == AccessRole::Image && name.starts_with("ROC curve, AUROC")
        })
        .rect();
    let at = |fpr: f64, tpr: f64| {
        let across = (fpr as f32 + 0.02) / 1.04;
        let up = (tpr as f32 + 0.03) / 1.08;
        Pos2::new(
            lerp(plot.x_range(), across),
            lerp(plot.bottom()..=plot.top(), up),
        )
    };
    let shown = &window.state().session().shown;
    let scores = shown.run.as_ref().unwrap();
    let share = |role: Role, threshold: f64| {
        let scores: Vec<f64> = scores.scores_of(role).map(|(_, score)| score).collect();
        let above = scores.iter().filter(|score| **score > threshold).count();
        above as f64 / scores.len() as f64
    };
    // Where the threshold lies says whether the plot is understood here.
    let threshold = shown.threshold().unwrap();
    let rates = |threshold| {
        let rates = [Role::InDomain, Role::OutOfDomain].map(|role| share(role, threshold));
        (rates[0], rates[1])
    };
    let (fpr, tpr) = rates(threshold);
    let grip = handle(&window, "Threshold on the ROC curve").center();
    assert!(at(fpr, tpr).distance(grip) < 2.0, "{grip:?}");

    // A point that is far from it.
    let mut sorted: Vec<f64> = [Role::InDomain, Role::OutOfDomain]
        .into_iter()
        .flat_map(|role| scores.scores_of(role).map(|(_, score)| score))
        .collect();
    sorted.sort_by(f64::total_cmp);
    let threshold = sorted[20].midpoint(sorted[21]);
    let (fpr, tpr) = rates(threshold);
    hover(&mut window, at(fpr, tpr));
    window.run_steps(12);
    let says = format!("Threshold {threshold:.4}");
    assert!(tip(&window, &says), "{says}");
    let says = format!(
        "{:.1} % false alarms, {:.1} % found",
        100.0 * fpr,
        100.0 * tpr
    );
    assert!(tip(&window, &says), "{says}");
}
