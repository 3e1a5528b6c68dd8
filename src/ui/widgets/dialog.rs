//! Dialogs over the window.

use egui::{Frame, Id, Margin, Modal, ModalResponse, Ui};

/// Points that a dialog leaves free beside it.
const BESIDE: f32 = 60.0;

/// A dialog of this width in points, or of what the window has room for. `name` is no other dialog's.
pub fn dialog<R>(
    ui: &Ui,
    name: &'static str,
    width: f32,
    add_contents: impl FnOnce(&mut Ui) -> R,
) -> ModalResponse<R> {
    let frame = Frame::window(ui.style()).inner_margin(Margin::same(16));
    let modal = Modal::new(Id::unique(name)).frame(frame);
    modal.show(ui.ctx(), |ui| {
        ui.set_width(width.min(ui.ctx().content_rect().width() - BESIDE));
        add_contents(ui)
    })
}
