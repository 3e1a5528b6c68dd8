//! Background work: the inference thread, the file-reading thread and the training thread, and what is said to them.
//!
//! Plain data both ways; no thread knows of a window, and none waits for one. What the work is belongs to
//! [`engine`](crate::engine): here it is put on threads, and what it tells becomes messages.

mod clipboard;
pub mod dialogs;
pub mod handle;
pub mod job;
pub mod keeping;
pub mod library;
mod priority;
pub mod protocol;
mod similar;
pub mod training;
