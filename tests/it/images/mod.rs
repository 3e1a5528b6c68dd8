//! Image files as users have them, good and bad.

mod archives;
mod corpus;
mod decoding;
mod jpegs;
mod listing;
mod preparing;
mod shards;
mod stacks;
pub mod support;
