//! Tables as wide as their place.

use egui::{Grid, Ui};

/// Points between two columns at least.
const LEAST_GAP: f32 = 16.0;

/// A grid whose columns lie as far apart as makes it as wide as its place; what they leave was seen in the frame before.
pub fn spread_grid(ui: &mut Ui, id_salt: &str, num_columns: usize, add: impl FnOnce(&mut Ui)) {
    let id = ui.scope_id().with(id_salt);
    let gap: f32 = ui.data(|data| data.get_temp(id)).unwrap_or(LEAST_GAP);
    let place = ui.available_width();
    let grid = Grid::new(id_salt)
        .num_columns(num_columns)
        .spacing([gap, 3.0])
        .striped(true)
        .show(ui, add);
    let num_gaps = (num_columns - 1) as f32;
    let columns = grid.response.rect.width() - num_gaps * gap;
    let fitting = ((place - columns) / num_gaps).floor().max(LEAST_GAP);
    if fitting != gap {
        ui.data_mut(|data| data.insert_temp(id, fitting));
        ui.request_discard("the columns have other widths");
    }
}
