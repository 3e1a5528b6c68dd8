//! Image files as users have them, good and bad.

mod decoding;
mod listing;
mod preparing;
mod support;
