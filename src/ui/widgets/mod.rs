//! Building blocks of the panels: they borrow what they show for one frame and own nothing.

pub mod buttons;
pub mod combo;
pub mod dialog;
pub mod layout;
pub mod mark;
pub mod path_field;
pub mod picture;
pub mod prose;
pub mod table;
pub mod thumbnail;
pub mod ticks;
pub mod tip;
