//! Where the keyboard is: parts of the window that F6 goes through, and focused widgets that are brought into view.

use egui::{EventFilter, Id, Rect, Sense, Stroke, StrokeKind, Ui, WidgetInfo, pos2, vec2};

use super::panels::Scene;
use super::theme;

/// A part of the window that takes the focus as a whole; Tab goes on to its first control.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Region {
    /// The bar above everything.
    Bar,
    /// The pages of a narrow window.
    Pages,
    /// The setup of the next run.
    Setup,
    /// Pictures, gallery or table.
    Center,
    /// What came out.
    Results,
    /// Run, pause, and how far things are.
    Progress,
}

impl Region {
    const ALL: [Self; 6] = [
        Self::Bar,
        Self::Pages,
        Self::Setup,
        Self::Center,
        Self::Results,
        Self::Progress,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::Bar => "Bar",
            Self::Pages => "Pages",
            Self::Setup => "Setup of the next run",
            Self::Center => "Images",
            Self::Results => "Results of the run",
            Self::Progress => "Run and progress",
        }
    }

    fn id(self) -> Id {
        Id::unique(self.name())
    }
}

/// Whether it is a part of the window that has the focus, and no control: keys mean then what they mean without focus.
pub fn is_region(id: Id) -> bool {
    Region::ALL.iter().any(|region| region.id() == id)
}

/// Which part has the focus or is to have it.
#[derive(Debug, Default)]
pub struct Focus {
    /// How many parts further the user wants it.
    pub step: isize,
    wanted: Option<Region>,
    active: Option<Region>,
    /// The parts of the last frame in the order of the screen, with their places.
    last: Vec<(Region, Rect)>,
    /// The same of this frame.
    present: Vec<(Region, Rect)>,
}

/// Go where the user wants; call before anything is drawn.
pub fn begin(ui: &Ui, focus: &mut Focus) {
    focus.last = std::mem::take(&mut focus.present);
    focus.last.sort_by_key(|(region, _)| *region as usize);
    let step = std::mem::take(&mut focus.step);
    if step == 0 || focus.last.is_empty() {
        return;
    }
    let ctx = ui.ctx();
    let focused = ctx.memory(egui::Memory::focused);
    let place = focused
        .and_then(|id| ctx.read_response(id))
        .map(|r| r.rect.center());
    let current = focus.last.iter().position(|(region, rect)| {
        focused == Some(region.id()) || place.is_some_and(|place| rect.contains(place))
    });
    let count = focus.last.len().cast_signed();
    let next = match current {
        Some(current) => (current.cast_signed() + step).rem_euclid(count),
        None if step > 0 => 0,
        None => count - 1,
    };
    focus.wanted = Some(focus.last[next.cast_unsigned()].0);
}

/// Say where a part of the window lies; call before its controls are drawn, so that Tab goes on to them.
pub fn region(ui: &Ui, scene: &mut Scene<'_>, region: Region, rect: Rect) {
    let focus = &mut scene.drafts.focus;
    focus.present.push((region, rect));
    let is_wanted = focus.wanted.take_if(|wanted| *wanted == region).is_some();
    if !is_wanted && focus.active != Some(region) {
        return;
    }
    let response = ui.interact(rect, region.id(), Sense::focusable_noninteractive());
    response.widget_info(|| WidgetInfo::labeled(egui::Role::Region, true, region.name()));
    if is_wanted {
        response.request_focus();
    }
    let has_focus = is_wanted || response.has_focus();
    focus.active = has_focus.then_some(region);
    if has_focus {
        // The arrows go through images, not through controls.
        let filter = EventFilter {
            horizontal_arrows: true,
            vertical_arrows: true,
            ..EventFilter::default()
        };
        ui.memory_mut(|memory| memory.set_focus_lock_filter(region.id(), filter));
        let line = Stroke::new(2.0, theme::palette(ui).accent);
        ui.painter()
            .rect_stroke(rect.shrink(1.0), 2.0, line, StrokeKind::Inside);
    }
}

/// Bring a widget into view that has just got the focus; call at the end of what scrolls.
pub fn follow(ui: &Ui) {
    let ctx = ui.ctx();
    let focused = ctx.memory(egui::Memory::focused);
    let seen = ui.scope_id().with("focus seen");
    let before = ctx.data_mut(|data| {
        let before = data.get_temp_mut_or_default::<Option<Id>>(seen);
        std::mem::replace(before, focused)
    });
    let Some(id) = focused.filter(|_| focused != before) else {
        return;
    };
    let Some(response) = ctx.read_response(id) else {
        return;
    };
    let content = ui.min_rect();
    if response.layer_id == ui.layer_id() && content.contains(response.rect.center()) {
        let around = vec2(0.0, 12.0);
        let min = response.rect.min - around;
        let max = response.rect.max + around;
        let rect = Rect::from_min_max(pos2(min.x.max(content.left()), min.y), max);
        ui.scroll_to_rect(rect, None);
    }
}
