//! Run files: what is kept, what is left out, and going on after any kind of end.

mod damage;
mod faults;
mod formats;
mod keeping;
mod logs;
mod maps;
mod marks;
mod outputs;
mod python;
mod resuming;
mod run_library;
mod sharing;
mod similar;
mod strangers;
pub mod support;
mod watching;
