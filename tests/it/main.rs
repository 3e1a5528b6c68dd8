//! The integration tests, in one binary: linking egui and candle for each file would be slow.

mod networks;
