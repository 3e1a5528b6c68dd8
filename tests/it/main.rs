//! Integration tests, in one binary: linking egui and candle once is slow enough.

#[cfg(test)]
mod cpu;
#[cfg(test)]
mod images;
#[cfg(test)]
mod networks;
#[cfg(test)]
mod report;
#[cfg(test)]
mod window;
