//! Integration tests, in one binary: linking egui and candle once is slow enough.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod bench;
#[cfg(test)]
mod binary;
#[cfg(test)]
mod compare_detectors;
#[cfg(test)]
mod confounds;
#[cfg(test)]
mod continuous;
#[cfg(test)]
mod cpu;
#[cfg(test)]
mod crates;
#[cfg(test)]
mod decisions;
#[cfg(test)]
mod detector;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod display;
#[cfg(test)]
mod distance_weights;
#[cfg(test)]
mod doctor;
#[cfg(test)]
mod estimate;
#[cfg(test)]
mod fitted;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod folders;
#[cfg(test)]
mod golden;
#[cfg(test)]
mod gpu;
#[cfg(test)]
mod headless;
#[cfg(test)]
mod images;
#[cfg(test)]
mod inpainting;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod inputs;
#[cfg(test)]
mod layering;
#[cfg(test)]
mod layouts;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod licenses;
#[cfg(test)]
mod likelihood;
#[cfg(test)]
mod measured;
#[cfg(test)]
mod memory;
#[cfg(test)]
mod mutations;
#[cfg(test)]
mod networks;
#[cfg(test)]
mod no_model;
#[cfg(test)]
mod one_call_norm;
#[cfg(test)]
mod ood;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod packaging;
#[cfg(test)]
mod paired;
#[cfg(test)]
mod paper;
#[cfg(test)]
mod report;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod samplers;
#[cfg(test)]
mod session;
#[cfg(test)]
mod settings;
#[cfg(test)]
mod several;
#[cfg(test)]
mod trace;
#[cfg(test)]
mod training;
#[cfg(test)]
mod window;
