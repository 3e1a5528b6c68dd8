//! Integration tests: one binary, since linking the user interface and candle for each file is slow.

// Helpers may unwrap as tests do only inside of modules that are marked as test code.
#[cfg(test)]
mod images;
#[cfg(test)]
mod report;
