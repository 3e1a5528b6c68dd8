//! Integration tests: one binary, since linking the user interface and candle for each file is slow.

mod images;
